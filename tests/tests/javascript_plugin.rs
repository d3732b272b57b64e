//! The example plugin in TypeScript, in the sandbox, against a real server of the API that it is for.

mod loaded_plugin;

use konductor_model::Value as Given;
use konductor_model::provider::Provider as _;
use konductor_sdk_test::{ScriptedCloud, get, respond};
use konductor_tests::{Devpi, Project, files_that_hold, javascript_plugins};
use loaded_plugin::{loaded, readings};
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

#[test]
fn a_component_becomes_indexes_that_refer_to_each_other_and_follows_its_inputs() {
    let server = Devpi::open();
    let project = project(&server);
    let stages = "  stages:
    type: devpi:store:Stages
    properties: { user: \"${builder.name}\", names: [dev, testing] }
outputs:
  first: ${stages.first}
";
    project.edit("konductor.yaml", "outputs:\n", stages);
    project.run(["run", "--yes"]).succeeds();
    let indexes = server.at("/builder")["indexes"].take();
    assert_eq!(indexes["dev"]["bases"], json!(["builder/testing"]));
    assert_eq!(indexes["testing"]["bases"], json!([]));
    assert_eq!(project.objects()["stages/stage-dev"].1, "builder/dev");
    project.run(["output", "first"]).succeeds().says("builder/dev");
    project.assert_nothing_to_do();

    project.edit("konductor.yaml", "[dev, testing]", "[dev, testing, stable]");
    project.run(["run", "--yes"]).succeeds();
    let indexes = server.at("/builder")["indexes"].take();
    assert_eq!(indexes["testing"]["bases"], json!(["builder/stable"]));
    project.assert_nothing_to_do();

    project.edit("konductor.yaml", "[dev, testing, stable]", "[]");
    project
        .run(["run", "--yes"])
        .fails_saying("the list has 0 elements");
    project.edit("konductor.yaml", "names: []", "names: [\"${release.full_name}\"]");
    project
        .run(["run", "--yes"])
        .fails_saying("`names` is not known yet");
}

#[tokio::test]
async fn a_function_answers_in_the_sandbox_and_many_indexes_are_read_with_one_call() {
    let index =
        json!({ "type": "stage", "volatile": true, "acl_upload": ["builder"], "projects": ["b", "a"] });
    let user = json!({ "username": "builder", "created": "", "indexes": { "dev": index, "release": index } });
    let cloud = ScriptedCloud::in_order()
        .expect(get("/builder/dev"), respond(200, json!({ "result": index })))
        .expect(get("/builder"), respond(200, json!({ "result": user })))
        .shared();
    let plugin = loaded(&javascript_plugins().join("devpi.wasm"), cloud.clone()).await;
    let arguments = Given::from([("index", "builder/dev")]);
    let names = plugin.invoke("projects_of", arguments).await.unwrap();
    assert_eq!(names, Given::List(vec!["a".into(), "b".into()]));
    let wrong = plugin
        .invoke("projects_of", Given::empty_map())
        .await
        .unwrap_err();
    assert!(format!("{wrong:?}").contains("`index` is missing"), "{wrong:?}");
    assert!(plugin.invoke("look_up", Given::empty_map()).await.is_err());

    let asked = readings(
        "devpi:store:Index",
        &["builder/dev", "builder/gone", "builder/release"],
    );
    let found = plugin.read_many(asked).await.unwrap();
    let ids: Vec<Option<String>> = found
        .into_iter()
        .map(|answer| answer.unwrap().map(|object| object.id))
        .collect();
    let expected = [Some("builder/dev"), None, Some("builder/release")];
    assert_eq!(ids, expected.map(|id| id.map(str::to_owned)));
    cloud.finish();
}
