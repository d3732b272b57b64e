//! What a scripted cloud tells, and what a fixture file says when it is wrong.

use konductor_model::cloud::{Cloud as _, CloudRequest};
use konductor_sdk_test::conformance::Fixtures;
use konductor_sdk_test::{ScriptedCloud, block_on, get, post, respond};
use serde_json::{Value as Json, json};

fn request(method: &str, path: &str, body: &Json) -> CloudRequest {
    CloudRequest {
        endpoint: "api".to_owned(),
        region: None,
        method: method.to_owned(),
        path: path.to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body: body.to_string().into_bytes(),
        idempotent: false,
    }
}

#[test]
fn a_script_in_order_tells_what_came_instead_and_what_never_came() {
    let cloud = ScriptedCloud::in_order()
        .expect(
            post("/items").json(json!({"name": "one"})),
            respond(201, json!({"id": 1})),
        )
        .expect(get("/items/1"), respond(200, Json::Null));
    let answer = block_on(cloud.send("", request("POST", "/items", &json!({"name": "two"})))).unwrap();
    assert!(answer.is_err());
    assert_eq!(
        cloud.problems(),
        [
            r#"expectation 1: expected the body {"name":"one"}, got {"name":"two"}"#,
            "expectation 1 was not met: POST /items",
            "expectation 2 was not met: GET /items/1",
        ]
    );
}

#[test]
fn a_script_in_any_order_takes_each_request_once() {
    let cloud = ScriptedCloud::in_any_order()
        .expect(get("/a"), respond(200, Json::Null))
        .expect(get("/b"), respond(200, Json::Null));
    for path in ["/b", "/a"] {
        assert!(
            block_on(cloud.send("", request("GET", path, &Json::Null)))
                .unwrap()
                .is_ok()
        );
    }
    cloud.finish();
    assert!(
        block_on(cloud.send("", request("GET", "/a", &Json::Null)))
            .unwrap()
            .is_err()
    );
    assert_eq!(cloud.problems(), ["nothing expects GET /a"]);
}

#[test]
fn a_body_must_contain_every_text_that_is_expected_and_none_that_is_not() {
    let cloud = ScriptedCloud::in_order().expect(
        post("/")
            .containing("Action=Make")
            .containing("Size=2")
            .without("Colour"),
        respond(200, Json::Null),
    );
    let body = Json::from("Action=Make&Size=1&Colour=red");
    assert!(
        block_on(cloud.send("", request("POST", "/", &body)))
            .unwrap()
            .is_err()
    );
    assert_eq!(
        cloud.problems()[0],
        r#"expectation 1: expected no "Colour" in the body, got "Action=Make&Size=1&Colour=red"; expected "Size=2" in the body, got "Action=Make&Size=1&Colour=red""#
    );
}

#[test]
fn a_fixture_file_is_refused_with_every_problem_and_its_place() {
    let wrong = Fixtures::parse("conformance.yaml", "resources:\n  one:\n    typ: a:b:C\n").unwrap_err();
    let told = wrong.to_string();
    assert!(
        told.contains("conformance.yaml") && told.contains("typ") && told.contains('3'),
        "{told}"
    );
    let circle = Fixtures::parse(
        "conformance.yaml",
        "resources:\n  a: { type: x:y:Z, inputs: { b: \"${b.id}\" } }\n  b: { type: x:y:Z, inputs: { a: \"${a.id}\" } }\n",
    );
    assert!(
        circle
            .unwrap_err()
            .to_string()
            .contains("these need each other in a circle: a, b")
    );
    let missing = Fixtures::parse(
        "conformance.yaml",
        "resources:\n  a: { type: x:y:Z, inputs: { b: \"${c.id}\" }, after: [d] }\n",
    );
    let told = missing.unwrap_err().to_string();
    assert!(
        told.contains("a: it needs `c`") && told.contains("a: it needs `d`"),
        "{told}"
    );
}
