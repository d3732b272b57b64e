//! What a plugin can write to the terminal of the person who runs it. The built binary, with the guest of this
//! checkout: what is shown does not depend on the interface version.

use konductor_tests::{Finished, Project, guest};

fn project(behaviour: &str) -> Project {
    let project = Project::from_text(
        &format!(
            "\
name: threats
config:
  hostile:
    region: us-west-2
resources:
  web:
    type: hostile:test:Thing
    properties:
      do: {behaviour}
"
        ),
        "",
    );
    project
        .with_environment("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .with_environment("AWS_SECRET_ACCESS_KEY", "example")
        // All that a guest writes is shown at this level.
        .with_environment("KONDUCTOR_LOG", "konductor::plugin=trace")
}

/// Checks that nothing a terminal would act on was written, in any run mode.
#[track_caller]
fn assert_plain(finished: &Finished) {
    let control = |c: char| (c.is_control() && !matches!(c, '\n' | '\r' | '\t')) || is_invisible(c);
    let found: Vec<char> = finished.everything().chars().filter(|c| control(*c)).collect();
    assert!(found.is_empty(), "{found:?} in {finished}");
}

/// Characters that turn text round or hide in it.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[test]
fn escapes_in_logs_names_and_diagnostics_do_not_reach_the_terminal() {
    for behaviour in [
        "print-flood",
        "log-flood",
        "panic",
        "no-number",
        "in-progress",
        "partial",
    ] {
        for arguments in [&["plan"][..], &["plan", "--json"], &["run", "--yes"]] {
            let finished = project(behaviour).run(arguments);
            // Something that came from the guest was shown, or nothing is proved.
            assert!(finished.everything().contains("hostile"), "{finished}");
            assert_plain(&finished);
        }
    }
    // Its manifest holds an escape, in the description.
    let alone = tempfile::tempdir().unwrap();
    std::fs::copy(guest("hostile"), alone.path().join("hostile.wasm")).unwrap();
    let path = [("KONDUCTOR_PLUGIN_PATH", alone.path().to_str().unwrap())];
    let listed = project("nothing").run_with(["plugin", "inspect", "hostile"], &path);
    assert_plain(&listed.says("misbehaves"));
}

#[test]
fn a_flood_of_log_lines_is_cut_and_the_person_is_told() {
    for behaviour in ["print-flood", "log-flood"] {
        let quiet = [("KONDUCTOR_LOG", "")];
        let finished = project(behaviour).run_with(["plan"], &quiet);
        let length = finished.everything().len();
        // The guest writes more in every call.
        assert!(length < 50_000, "{length} bytes of {behaviour}");
        finished.says("more");
    }
}
