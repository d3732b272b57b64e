//! The example plugin in Python, in the sandbox, against a real server of the API that it is for.

use konductor_tests::{Kinto, Project, files_that_hold, python_plugins};
use serde_json::{Value, json};

const USER: &str = "deploy:change-me-please";

fn project(server: &Kinto) -> Project {
    Project::from_example("plugins/python-kinto/stack")
        .with_environment("KONDUCTOR_PLUGIN_PATH", &python_plugins().display().to_string())
        .with_environment("KONDUCTOR_KINTO__ENDPOINT_URL", &server.url())
}

#[test]
fn a_python_plugin_creates_changes_and_deletes_and_a_second_run_does_nothing() {
    let server = Kinto::open();
    let project = project(&server);
    project.run(["run", "--yes"]).succeeds();
    let shelf = server.at("/v1/buckets/shelf", USER);
    assert_eq!(shelf["data"]["owner"], "librarian");
    assert_eq!(shelf["data"]["labels"], json!({"floor": "2"}));
    let books = server.at("/v1/buckets/shelf/collections/books", USER);
    assert_eq!(books["data"]["cache_expires"], 60);
    project.assert_nothing_to_do();
    project.run(["run", "--yes"]).succeeds();
    assert_eq!(server.at("/v1/buckets/shelf", USER), shelf);

    project.edit("konductor.yaml", "librarian", "archivist");
    project.edit("konductor.yaml", "name: books", "name: maps");
    project.run(["run", "--yes"]).succeeds();
    assert_eq!(server.at("/v1/buckets/shelf", USER)["data"]["owner"], "archivist");
    assert_eq!(
        server.at("/v1/buckets/shelf/collections/books", USER),
        Value::Null
    );
    assert!(server.at("/v1/buckets/shelf/collections/maps", USER)["data"].is_object());
    project.assert_nothing_to_do();

    project.run(["destroy", "--yes"]).succeeds();
    assert_eq!(server.at("/v1/buckets", USER)["data"], json!([]));
    project.run(["log", "verify"]).succeeds();
    let state = project.folder().join(".konductor");
    assert_eq!(
        files_that_hold(&state, "change-me-please"),
        Vec::<std::path::PathBuf>::new()
    );
}

#[test]
fn a_wrong_input_and_a_missing_place_are_told_before_anything_is_made() {
    let server = Kinto::open();
    let project = project(&server);
    project.edit("konductor.yaml", "owner: librarian", "ownr: librarian");
    project
        .run(["run", "--yes"])
        .fails_saying("did you mean `owner`?");
    assert_eq!(server.at("/v1/buckets", USER)["data"], json!([]));

    project.edit("konductor.yaml", "ownr: librarian", "owner: librarian");
    project.edit(
        "konductor.dev.yaml",
        "    endpoint_url: http://127.0.0.1:8888\n",
        "",
    );
    let project = project.with_environment("KONDUCTOR_KINTO__ENDPOINT_URL", "null");
    project.run(["run", "--yes"]).fails_saying("endpoint_url");
}
