//! Plugins of strangers: locked, approved, held to what was approved, and shown before they run.

use std::path::Path;

use konductor_tests::Project;
use serde_json::{Value, json};

/// A project that uses the hostile plugin from a file of its own.
fn project_with_stranger() -> Project {
    let project = Project::from_text(
        "name: items
plugins:
  hostile: { source: plugins/hostile.wasm }
resources:
  one: { type: hostile:test:Thing, properties: {} }
",
        "config: { hostile: { enabled: true, region: us-east-1 } }\n",
    );
    project.write("plugins/.keep", "");
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/plugins/hostile.wasm");
    std::fs::copy(built, project.folder().join("plugins/hostile.wasm")).unwrap();
    project.run(["plugin", "pack", "plugins/hostile.wasm"]).succeeds();
    project
}

fn flip(project: &Project, file: &str, at: usize) {
    let path = project.folder().join(file);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[at] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

fn event<'e>(events: &'e [Value], name: &str) -> &'e Value {
    events
        .iter()
        .find(|event| event["event"] == name)
        .unwrap_or_else(|| panic!("{name} should be among {events:?}"))
}

#[test]
fn a_stranger_runs_only_after_somebody_approved_what_it_asks_for() {
    let project = project_with_stranger();
    let refused = project
        .run(["plan"])
        .fails_saying("asks for what nobody has granted it");
    let refused = refused
        .says("+ endpoints.thing")
        .says("konductor plugin lock --approve hostile");
    refused.says("grant:");
    // A yes to the plan is none to the plugin.
    project
        .run(["run", "--yes"])
        .fails_saying("asks for what nobody has granted it");
    project
        .run(["plugin", "lock", "--approve"])
        .fails_saying("there is no terminal to ask on");
    assert!(!project.folder().join("konductor.lock").exists());

    project.run(["plugin", "lock", "--approve", "--yes"]).succeeds();
    project.run(["plan", "--locked"]).succeeds();
    let again = project.run(["plugin", "lock", "--json"]).succeeds().events();
    assert_eq!(event(&again, "lock-written")["changed"], false);
}

#[test]
fn a_grant_in_konductor_yaml_is_the_limit() {
    let project = project_with_stranger();
    project
        .run(["plugin", "grant", "hostile", "credentials", "hostile"])
        .succeeds();
    project
        .run(["plan"])
        .fails_saying("plugins.hostile.grant.configuration: [hostile]");
    project
        .run(["plugin", "grant", "hostile", "configuration", "hostile"])
        .succeeds();
    project.run(["plan"]).succeeds();
    let log = project
        .run(["log", "show", "--all", "--json"])
        .succeeds()
        .events();
    let used = &log.last().unwrap()["content"];
    let started = if used["entry"] == "run-started" {
        used.clone()
    } else {
        log.iter()
            .rev()
            .find(|event| event["content"]["entry"] == "run-started")
            .unwrap()["content"]
            .clone()
    };
    assert_eq!(
        started["plugins"][0]["granted"],
        json!({"credentials": ["hostile"], "configuration": ["hostile"]})
    );
}

#[test]
fn an_approval_is_not_carried_over_to_changed_bytes() {
    let project = project_with_stranger();
    project.run(["plugin", "lock", "--approve", "--yes"]).succeeds();
    project.run(["plan", "--locked"]).succeeds();
    // A section that says nothing: the plugin loads, asks for the same, and has other bytes.
    let file = project.folder().join("plugins/hostile.wasm");
    let approved = std::fs::read(&file).unwrap();
    let changed = [&approved[..], &[0, 5, 4, b'n', b'o', b't', b'e']].concat();
    std::fs::write(&file, &changed).unwrap();

    project.run(["plan", "--locked"]).fails_saying("is locked");
    let locked = project
        .run(["plugin", "lock", "--update", "hostile", "--json"])
        .succeeds()
        .events();
    let locked = event(&locked, "plugin-locked");
    assert_eq!(
        (&locked["changed"], &locked["granted"]),
        (&json!(true), &json!(false))
    );
    project
        .run(["plugin", "lock"])
        .succeeds()
        .says("konductor plugin lock --approve hostile");
    // Both digests: of what was approved, and of what is here.
    for arguments in [&["plan", "--locked"][..], &["plan"], &["run", "--yes"]] {
        let refused = project
            .run(arguments)
            .fails_saying("was changed since it was approved");
        assert_eq!(
            refused.everything().matches("bytes: sha256:").count(),
            2,
            "{refused}"
        );
        refused.says("it asks for what was approved, and nothing else");
    }
    project
        .run(["plugin", "lock", "--approve"])
        .fails_saying("there is no terminal to ask on");
    project.run(["plan", "--locked"]).ends_with(1);

    project.run(["plugin", "lock", "--approve", "--yes"]).succeeds();
    project.run(["plan", "--locked"]).succeeds();
    // The bytes of then are other bytes now.
    std::fs::write(&file, &approved).unwrap();
    project.run(["plugin", "lock", "--update", "hostile"]).succeeds();
    project
        .run(["plan", "--locked"])
        .fails_saying("was changed since it was approved");
}

#[test]
fn other_bytes_than_are_locked_are_refused_with_both_digests() {
    let project = project_with_stranger();
    project.run(["plugin", "lock", "--approve", "--yes"]).succeeds();
    let length = std::fs::metadata(project.folder().join("plugins/hostile.wasm"))
        .unwrap()
        .len();
    flip(
        &project,
        "plugins/hostile.wasm",
        usize::try_from(length).unwrap() / 2,
    );
    let refused = project.run(["plan", "--locked"]).fails_saying("is locked");
    assert_eq!(refused.everything().matches("sha256:").count(), 2, "{refused}");
    project
        .run_with(["plan"], &[("CI", "true")])
        .fails_saying("is locked");
    assert_eq!(project.run(["plan"]).code, Some(1));
}

#[test]
fn nothing_but_what_is_locked_runs_where_everything_must_be() {
    let project = Project::from_text(
        "name: items\nresources:\n  one: { type: reference:test:Item, properties: { label: a } }\n",
        "config: { project: { environment: dev } }\n",
    );
    project.run(["plan"]).succeeds();
    project
        .run(["plan", "--locked"])
        .fails_saying("not in the lock file");
    project
        .run_with(["plan"], &[("CI", "true")])
        .fails_saying("not in the lock file");
    project
        .run_with(["plan", "--locked=false"], &[("CI", "true")])
        .succeeds();
    project.run(["plugin", "lock"]).succeeds();
    project.run(["plan", "--locked"]).succeeds();
    let lock = project.read("konductor.lock");
    project.write("konductor.lock", &lock.replace("0.1.0", "0.1.1"));
    project
        .run(["plan"])
        .fails_saying("the lock file was changed after it was written");
}

#[test]
fn a_policy_on_the_command_line_can_only_tighten() {
    let project = Project::from_text(
        "name: items\npolicy: { plugins: { unlocked: allow } }\nresources:\n  one: { type: reference:test:Item, properties: { label: a } }\n",
        "config: { project: { environment: dev } }\n",
    );
    project.run(["plan"]).succeeds();
    project.write("strict.yaml", "version: 1\nplugins: { unlocked: deny }\n");
    project
        .run(["plan", "--policy", "strict.yaml", "--locked=false"])
        .fails_saying("konductor plugin lock");
    // What must be locked can still be locked.
    project
        .run(["plugin", "lock", "--policy", "strict.yaml"])
        .succeeds();
    project.run(["plan", "--policy", "strict.yaml"]).succeeds();
    project.write("broken.yaml", "version: 1\nplugin: {}\n");
    project
        .run(["plan", "--policy", "broken.yaml"])
        .fails_saying("broken.yaml:2");
    project
        .run(["plan", "--policy", "missing.yaml"])
        .fails_saying("missing.yaml");
}

#[test]
fn a_packed_plugin_is_shown_without_being_run_and_commands_no_terminal() {
    let project = project_with_stranger();
    let shown = project
        .run(["plugin", "inspect", "plugins/hostile.wasm"])
        .succeeds();
    let shown = shown.says("the plugin was not run").says("endpoint thing");
    assert!(
        !shown.stdout.contains('\u{1b}'),
        "{shown:?}",
        shown = shown.stdout
    );
    let event = &project
        .run(["plugin", "inspect", "plugins/hostile.wasm", "--json"])
        .succeeds()
        .events()[0];
    assert_eq!(
        (&event["packed"], &event["manifest"]["name"]),
        (&json!(true), &json!("hostile"))
    );
    let twice = project
        .run(["plugin", "pack", "plugins/hostile.wasm", "--json"])
        .succeeds();
    assert_eq!(twice.events()[0]["changed"], false);
}

#[test]
fn the_audit_says_what_was_granted_and_not_used() {
    let project = project_with_stranger();
    project.run(["plugin", "lock", "--approve", "--yes"]).succeeds();
    project.run(["plan"]).succeeds();
    let events = project.run(["plugin", "audit", "--json"]).succeeds().events();
    let audit = event(&events, "plugin-audit");
    assert_eq!((&audit["name"], &audit["calls"]), (&json!("hostile"), &json!(0)));
    let unused: Vec<&Value> = audit["unused"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| &line["place"])
        .collect();
    assert!(unused.contains(&&json!("endpoints.thing")), "{unused:?}");
    assert_eq!(audit["narrowed"]["endpoints"], Value::Null);
}
