//! What a guest answers is not believed before it is checked.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    missing_docs,
    reason = "test code"
)]

mod guests;

use guests::{configured, create, inputs, misbehave, plan, plugin, thing};
use konductor_model::module::{ConstructRequest, Module};
use konductor_model::provider::{
    CheckRequest, DeleteRequest, ListRequest, ObjectState, OperationKind, Outcome, PollRequest, Provider,
    ReadRequest, UpdateRequest,
};
use konductor_model::{Disposition, Failure, Number, Value};

async fn cause_of(what: &str) -> String {
    let failure = misbehave(&plugin().await, what).await;
    assert_eq!(failure.disposition, Disposition::Plugin);
    let place = "plugin hostile 0.1.0, `plan` of `web` (hostile:test:Thing): answered with ";
    let cause = failure.message.strip_prefix(place);
    cause.unwrap_or_else(|| panic!("{}", failure.message)).to_owned()
}

#[tokio::test]
async fn a_malformed_value_table_is_refused_by_the_rule_it_breaks() {
    for (what, rule) in [
        (
            "forward",
            "node 1 of the value table names child 0, which does not come after it",
        ),
        ("used-twice", "node 1 of the value table is used twice"),
        (
            "outside",
            "node 0 of the value table names child 9, which does not exist",
        ),
        ("empty", "the value table is empty"),
        ("unused", "node 1 of the value table is not used"),
        ("same-key", "node 0 of the value table has the key `a` twice"),
        (
            "no-number",
            "node 0 of the value table is not a decimal number: `[31mseven`",
        ),
        ("too-deep", "the value table is nested more than 64 deep"),
        (
            "too-many",
            "the value table has 50001 nodes, more than the limit of 20000",
        ),
    ] {
        assert_eq!(
            cause_of(what).await,
            format!("a malformed value: in `planned`: {rule}"),
            "{what}"
        );
    }
}

#[tokio::test]
async fn attributes_that_are_no_map_are_refused() {
    assert_eq!(
        cause_of("no-map").await,
        "`planned` is text, not a map of attributes"
    );
}

#[tokio::test]
async fn an_object_without_an_identifier_is_refused() {
    let failure = create(&configured().await, inputs("no-identifier"))
        .await
        .unwrap_err();
    assert!(
        failure
            .message
            .ends_with("answered with an object without an identifier"),
        "{failure}"
    );
}

#[tokio::test]
async fn every_kind_of_value_comes_back_as_it_went() {
    let value = Value::from([
        ("do", Value::from("nothing")),
        ("null", Value::Null),
        ("boolean", Value::from(true)),
        ("integer", Value::from(i64::MIN)),
        ("number", Number::parse("-1.25e-7").unwrap()),
        ("bytes", Value::Bytes(vec![0, 255])),
        (
            "list",
            Value::from(vec![Value::Unknown, Value::from("é\u{1F980}\0")]),
        ),
        ("secret", Value::from([("deep", "hidden")]).into_secret()),
        (
            "reference",
            Value::Reference(konductor_model::Reference {
                resource: "network".to_owned(),
                path: "a.b[3].c".parse().unwrap(),
            }),
        ),
    ]);
    assert_eq!(
        plan(&configured().await, value.clone()).await.unwrap().planned,
        value
    );
}

#[tokio::test]
async fn a_batch_with_an_answer_missing_is_refused() {
    let plugin = configured().await;
    let read = |id: &str| ReadRequest {
        resource_type: thing(),
        name: "web".parse().unwrap(),
        id: id.to_owned(),
        prior: None,
    };
    let answers = plugin
        .read_many(vec![read("a"), read("gone"), read("send-authorization")])
        .await
        .unwrap();
    assert_eq!(answers[0].as_ref().unwrap().as_ref().unwrap().id, "a");
    assert_eq!(answers[1], Ok(None));
    assert_eq!(answers[2].as_ref().unwrap_err().disposition, Disposition::Denied);
    let failure = plugin
        .read_many(vec![read("a"), read("forget-one")])
        .await
        .unwrap_err();
    assert_eq!(
        failure.message,
        "plugin hostile 0.1.0, `read-many` of `web and 1 more` (hostile:test:Thing): answered 1 of 2 requests"
    );
    assert_eq!(plugin.read_many(Vec::new()).await.unwrap(), []);
}

#[tokio::test]
async fn the_schema_of_another_type_and_a_garbled_one_are_refused() {
    let plugin = plugin().await;
    assert_eq!(plugin.schema(&thing()).await.unwrap().resource_type, thing());
    let failure = plugin
        .schema(&"hostile:test:Liar".parse().unwrap())
        .await
        .unwrap_err();
    assert_eq!(
        failure.message,
        "plugin hostile 0.1.0, `schema` of hostile:test:Liar: answered with the schema of hostile:test:Thing"
    );
    let failure = plugin
        .schema(&"hostile:test:Garbled".parse().unwrap())
        .await
        .unwrap_err();
    assert!(
        failure.message.contains("answered with malformed JSON: EOF"),
        "{failure}"
    );
}

#[tokio::test]
async fn a_type_and_a_function_the_plugin_does_not_have_never_reach_it() {
    let plugin = configured().await;
    let failure = plugin
        .schema(&"other:test:Thing".parse().unwrap())
        .await
        .unwrap_err();
    assert_eq!(failure.disposition, Disposition::Unsupported);
    let failure = plugin.invoke("explode", Value::empty_map()).await.unwrap_err();
    assert_eq!(failure.disposition, Disposition::Unsupported);
    assert_eq!(plugin.invoke("echo", inputs("x")).await.unwrap(), inputs("x"));
    let failure = plugin.frameworks().await.unwrap_err();
    assert_eq!(failure.disposition, Disposition::Unsupported);
}

async fn construct(what: &str) -> Result<konductor_model::module::ConstructResponse, Failure> {
    let request = ConstructRequest {
        target: "hostile".to_owned(),
        name: "hostile".parse().unwrap(),
        inputs: inputs(what),
        metadata: Value::empty_map(),
    };
    plugin().await.construct(request).await
}

#[tokio::test]
async fn declarations_are_checked_before_they_are_believed() {
    let answer = construct("nothing").await.unwrap();
    assert_eq!(answer.declarations[0].name, "child");
    assert!(answer.declarations[0].options.protect);
    for (what, cause) in [
        (
            "invented-type",
            "in declaration `child`: `not a type` is not a type",
        ),
        (
            "unknown-option",
            "in declaration `child`: the options are none: unknown field `no_such_option`",
        ),
        ("dangling", "a reference to `./nothing`, which it did not declare"),
    ] {
        let failure = construct(what).await.unwrap_err();
        assert!(failure.message.contains(cause), "{failure}");
    }
}

#[tokio::test]
async fn text_for_people_has_no_escapes_left() {
    let plugin = configured().await;
    assert_eq!(plugin.manifest().description, "misbehaves[31m on request");
    let request = CheckRequest {
        resource_type: thing(),
        name: "web".parse().unwrap(),
        inputs: inputs("nothing"),
        prior_inputs: None,
    };
    let answer = plugin.check(request).await.unwrap();
    assert_eq!(answer.diagnostics.0[0].summary, "odd[2J summary");
    match create(&plugin, inputs("in-progress")).await.unwrap() {
        Outcome::InProgress(progress) => {
            assert_eq!(progress.message, "building]0;title");
            assert_eq!(progress.retry_after.as_millis(), 1_500);
        }
        other => panic!("{other:?}"),
    }
    match create(&plugin, inputs("partial")).await.unwrap() {
        Outcome::Partial(object, failure) => {
            assert_eq!(object.id, "half");
            assert_eq!(
                failure.to_string(),
                "quota reached: Hostile: only half of it fits"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_function_of_an_honest_plugin_answers() {
    let plugin = configured().await;
    let object = ObjectState {
        id: "thing-1".to_owned(),
        attributes: inputs("nothing"),
        private: b"private".to_vec(),
        schema_version: 1,
    };
    let name = "web".parse().unwrap();
    assert_eq!(
        plugin.upgrade_state(&thing(), object.clone()).await.unwrap(),
        object
    );
    assert_eq!(
        plugin.required_permissions(&thing(), "create").await.unwrap(),
        ["hostile:create"]
    );
    let update = UpdateRequest {
        resource_type: thing(),
        name: "web".parse().unwrap(),
        prior: object.clone(),
        prior_inputs: inputs("nothing"),
        inputs: inputs("nothing"),
        planned: inputs("nothing"),
        private: Vec::new(),
        idempotency_token: "token".to_owned(),
    };
    assert_eq!(
        plugin.update(update).await.unwrap(),
        Outcome::Complete(object.clone())
    );
    let delete = DeleteRequest {
        resource_type: thing(),
        name: "web".parse().unwrap(),
        prior: object.clone(),
        idempotency_token: "token".to_owned(),
    };
    assert_eq!(plugin.delete(delete).await.unwrap(), Outcome::Deleted);
    let list = ListRequest {
        resource_type: thing(),
        filter: inputs("nothing"),
        cursor: None,
    };
    assert_eq!(plugin.list(list).await.unwrap().objects, [object]);
    assert_eq!(
        plugin.import(&thing(), &name, "thing-2").await.unwrap().object.id,
        "thing-2"
    );
    let poll = |operation| PollRequest {
        resource_type: thing(),
        name: "web".parse().unwrap(),
        operation,
        handle: Vec::new(),
        planned: inputs("nothing"),
    };
    assert!(matches!(
        plugin.poll(poll(OperationKind::Create)).await.unwrap(),
        Outcome::Complete(_)
    ));
    assert_eq!(
        plugin.poll(poll(OperationKind::Delete)).await.unwrap(),
        Outcome::Deleted
    );
    assert_eq!(
        plugin.config_schema("hostile").await.unwrap(),
        serde_json::json!({"type": "object"})
    );
    assert_eq!(
        plugin.defaults("hostile").await.unwrap(),
        Value::from([("enabled", true)])
    );
    assert_eq!(plugin.dependencies("hostile").await.unwrap(), ["network"]);
}
