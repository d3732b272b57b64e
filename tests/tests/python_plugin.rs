//! The example plugin in Python, in the sandbox, against a real server of the API that it is for.

mod loaded_plugin;

use konductor_model::Value as Given;
use konductor_model::provider::Provider as _;
use konductor_sdk_test::{ScriptedCloud, get, respond};
use konductor_tests::{Kinto, Project, files_that_hold, python_plugins};
use loaded_plugin::{loaded, readings};
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

#[test]
fn a_component_becomes_a_bucket_with_collections_and_follows_its_inputs() {
    let server = Kinto::open();
    let project = project(&server);
    let library = "  team:
    type: kinto:store:Library
    properties: { name: team, owner: \"${shelf.owner}\", collections: [books, maps], cache_expires: 60 }
outputs:
  team: ${team.bucket}
";
    project.edit("konductor.yaml", "outputs:\n", library);
    let made = project.run(["run", "--yes"]).succeeds();
    assert!(made.stdout.contains("team/collection-maps"), "{made}");
    assert_eq!(server.at("/v1/buckets/team", USER)["data"]["owner"], "librarian");
    let maps = server.at("/v1/buckets/team/collections/maps", USER);
    assert_eq!(maps["data"]["cache_expires"], 60);
    assert_eq!(project.objects()["team/bucket"].0, "kinto:store:Bucket");
    project.assert_nothing_to_do();

    project.edit("konductor.yaml", "[books, maps]", "[books, charts]");
    project.run(["run", "--yes"]).succeeds();
    let left = server.at("/v1/buckets/team/collections/maps", USER);
    assert_eq!(left, Value::Null);
    assert!(server.at("/v1/buckets/team/collections/charts", USER)["data"].is_object());
    project.assert_nothing_to_do();

    project.edit("konductor.yaml", "[books, charts]", "[]");
    project
        .run(["run", "--yes"])
        .fails_saying("the list has 0 elements");
    project.edit(
        "konductor.yaml",
        "collections: []",
        "collections: \"${shelf.last_modified}\"",
    );
    project
        .run(["run", "--yes"])
        .fails_saying("`collections` is not known yet");
    assert!(server.at("/v1/buckets/team/collections/charts", USER)["data"].is_object());
}

#[tokio::test]
async fn a_function_answers_in_the_sandbox_and_many_buckets_are_read_with_one_call() {
    let bucket = |name: &str| json!({ "id": name, "last_modified": 1 });
    let cloud = ScriptedCloud::in_order()
        .expect(
            get("/v1/buckets/shelf/collections").query("_limit", "100"),
            respond(200, json!({ "data": [bucket("maps"), bucket("books")] })),
        )
        .expect(
            get("/v1/buckets")
                .query("_limit", "100")
                .query("in_id", "\"one\",\"gone\",\"two\""),
            respond(200, json!({ "data": [bucket("two"), bucket("one")] })),
        )
        .shared();
    let plugin = loaded(&python_plugins().join("kinto.wasm"), cloud.clone()).await;
    let arguments = Given::from([("bucket", "shelf")]);
    let names = plugin.invoke("collections_of", arguments).await.unwrap();
    assert_eq!(names, Given::List(vec!["books".into(), "maps".into()]));
    let wrong = plugin
        .invoke("collections_of", Given::empty_map())
        .await
        .unwrap_err();
    assert!(format!("{wrong:?}").contains("`bucket` is missing"), "{wrong:?}");
    assert!(plugin.invoke("look_up", Given::empty_map()).await.is_err());

    let asked = readings("kinto:store:Bucket", &["one", "gone", "two"]);
    let found = plugin.read_many(asked).await.unwrap();
    let ids: Vec<Option<String>> = found
        .into_iter()
        .map(|answer| answer.unwrap().map(|object| object.id))
        .collect();
    assert_eq!(ids, [Some("one".to_owned()), None, Some("two".to_owned())]);
    cloud.finish();
}
