//! The example plugin in TypeScript, in the sandbox, against a real server of the API that it is for.

use konductor_tests::{Devpi, Project, files_that_hold, javascript_plugins};
use serde_json::{Value, json};

const PASSWORD: &str = "correct-horse-battery";

fn project(server: &Devpi) -> Project {
    let project = Project::from_example("plugins/javascript-devpi/stack")
        .with_environment(
            "KONDUCTOR_PLUGIN_PATH",
            &javascript_plugins().display().to_string(),
        )
        .with_environment("KONDUCTOR_DEVPI__ENDPOINT_URL", &server.url());
    // The user's password is a secret, and is kept for whoever has the project's key.
    project.run(["config", "key", "generate"]).succeeds();
    project
}

#[test]
fn a_javascript_plugin_creates_changes_and_deletes_and_a_second_run_does_nothing() {
    let server = Devpi::open();
    let project = project(&server);
    project.run(["run", "--yes"]).succeeds();
    let builder = server.at("/builder");
    assert_eq!(builder["email"], "builder@example.com");
    assert_eq!(builder["indexes"]["release"]["title"], "what was tested");
    assert_eq!(
        builder["indexes"]["candidates"]["bases"],
        json!(["builder/release"])
    );
    assert!(server.lets_in("builder", PASSWORD));
    project.assert_nothing_to_do();
    project.run(["run", "--yes"]).succeeds();
    assert_eq!(server.at("/builder"), builder);

    project.edit("konductor.yaml", "builder@example.com", "build@example.com");
    project.edit("konductor.yaml", "name: candidates", "name: staging");
    project.edit("konductor.dev.yaml", PASSWORD, "another-horse-battery");
    project.run(["run", "--yes"]).succeeds();
    let builder = server.at("/builder");
    assert_eq!(builder["email"], "build@example.com");
    assert_eq!(builder["indexes"]["candidates"], Value::Null);
    assert_eq!(builder["indexes"]["staging"]["bases"], json!(["builder/release"]));
    assert!(server.lets_in("builder", "another-horse-battery"));
    assert!(!server.lets_in("builder", PASSWORD));
    project.assert_nothing_to_do();

    project.run(["destroy", "--yes"]).succeeds();
    assert_eq!(server.at("/builder"), Value::Null);
    project.run(["log", "verify"]).succeeds();
    let state = project.folder().join(".konductor");
    for secret in ["change-me-please", PASSWORD, "another-horse-battery"] {
        assert_eq!(
            files_that_hold(&state, secret),
            Vec::<std::path::PathBuf>::new(),
            "{secret}"
        );
    }
}

#[test]
fn what_was_changed_outside_is_seen_and_wrong_inputs_are_all_told_at_once() {
    let server = Devpi::open();
    let project = project(&server);
    project.edit(
        "konductor.yaml",
        "name: candidates,",
        "nmae: candidates, acl_upload: {},",
    );
    project
        .run(["run", "--yes"])
        .fails_saying("did you mean `name`?")
        .says("candidates, acl_upload: expected list of text, found map");
    assert_eq!(server.at("/builder"), Value::Null);

    project.edit(
        "konductor.yaml",
        "nmae: candidates, acl_upload: {},",
        "name: candidates, volatile: false,",
    );
    project.run(["run", "--yes"]).succeeds();
    project
        .run(["destroy", "--yes"])
        .fails_saying("index builder/candidates non-volatile, cannot delete");
    project.edit("konductor.yaml", "volatile: false", "volatile: true");
    project.run(["run", "--yes"]).succeeds();
    project.assert_nothing_to_do();
    project.run(["destroy", "--yes"]).succeeds();
    assert_eq!(server.at("/builder"), Value::Null);
}
