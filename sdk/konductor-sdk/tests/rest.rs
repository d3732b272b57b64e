//! An object at a path of its own, against a host that answers from a script.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::result_large_err)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use konductor_sdk::cloud::Api;
use konductor_sdk::context::{Host, LogLevel};
use konductor_sdk::model::cloud::{CloudRequest, CloudResponse, SendError};
use konductor_sdk::model::provider as wire;
use konductor_sdk::typed::{parts_of, prelude::*};
use serde_json::{Value as Json, json};

/// A shelf.
#[derive(Clone, PartialEq, Resource)]
#[resource(
    type = "library:rooms:Shelf",
    identity(format = "7", description = "Its number."),
    example(
        "A shelf",
        "one:\n  type: library:rooms:Shelf\n  properties: { title: one }\n"
    )
)]
struct Shelf {
    /// What it is called.
    title: String,
    /// What stands there.
    books: BTreeSet<String>,
    /// How long it is.
    length: Option<f64>,
    /// Its number.
    #[attribute(output, identity)]
    number: Option<i64>,
    /// Its code.
    #[attribute(computed)]
    code: Option<String>,
}

impl RestObject for Shelf {
    const ID: Option<&'static str> = Some("id");

    fn api(context: &Context) -> Api<'_> {
        Api::new(context, "library")
    }
    fn path(id: &str) -> Result<Vec<&str>, Failure> {
        Ok(vec!["shelves", id])
    }
    async fn create(context: &Context, request: Creation<'_, Self>) -> Result<Object<Self>, Failure> {
        Self::api(context)
            .post(["shelves"])
            .json(&request.inputs.to_json())
            .send()?
            .object("id")
    }
    async fn list(context: &Context, _: &ListRequest) -> Result<Page<Self>, Failure> {
        Page::of(context, ["7", "8"]).await
    }
}

#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<(u16, Json)>>,
    sent: Mutex<Vec<(String, String, Json)>>,
}

impl Host for Script {
    fn send(&self, request: CloudRequest) -> Result<CloudResponse, SendError> {
        let body = serde_json::from_slice(&request.body).unwrap_or_default();
        self.sent
            .lock()
            .unwrap()
            .push((request.method, request.path, body));
        let (status, body) = self.answers.lock().unwrap().pop_front().unwrap();
        Ok(CloudResponse {
            status,
            headers: Vec::new(),
            body: body.to_string().into_bytes(),
        })
    }
    fn log(&self, _: LogLevel, _: &str, _: &[(&str, String)]) {}
    fn now(&self) -> u64 {
        0
    }
    fn random(&self, length: u32) -> Vec<u8> {
        vec![7; length as usize]
    }
}

fn script(answers: Vec<(u16, Json)>) -> (Arc<Script>, Context) {
    let script = Arc::new(Script {
        answers: Mutex::new(answers.into()),
        ..Script::default()
    });
    (script.clone(), Context::new(Value::empty_map(), script))
}

fn shelf(title: &str) -> Json {
    json!({ "id": "7", "number": 7, "title": title, "books": ["a"], "code": "x", "etag": { "$unknown": true } })
}

fn update(answers: Vec<(u16, Json)>) -> (Arc<Script>, wire::Outcome) {
    let (script, context) = script(answers);
    let prior = Object::<Shelf>::from_json("7", &shelf("old")).unwrap();
    let inputs = Value::from([("title", "new")]);
    let outcome = Typed::<Shelf>::PROVIDER.update(
        &context,
        &wire::UpdateRequest {
            resource_type: "library:rooms:Shelf".parse().unwrap(),
            name: "one".parse().unwrap(),
            prior: prior.into(),
            prior_inputs: inputs.clone(),
            planned: inputs.clone(),
            inputs,
            private: Vec::new(),
            idempotency_token: "token".to_owned(),
        },
    );
    (script, outcome.unwrap())
}

#[test]
fn an_update_puts_what_is_given_and_answers_with_what_is_read_afterwards() {
    let (script, outcome) = update(vec![(204, Json::Null), (200, shelf("new"))]);
    let wire::Outcome::Complete(object) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(object.id, "7");
    assert_eq!(object.attributes.attribute("title"), Some(&Value::from("new")));
    assert_eq!(
        *script.sent.lock().unwrap(),
        [
            (
                "PUT".to_owned(),
                "/shelves/7".to_owned(),
                json!({ "title": "new", "books": [] })
            ),
            ("GET".to_owned(), "/shelves/7".to_owned(), Json::Null),
        ]
    );
}

#[test]
fn a_change_that_cannot_be_read_back_is_told_as_done_in_part_with_what_should_be_there() {
    let (_, outcome) = update(vec![(204, Json::Null), (500, json!({}))]);
    let wire::Outcome::Partial(object, failure) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(failure.disposition, Disposition::Unavailable);
    let attribute = |name: &str| object.attributes.attribute(name).cloned();
    assert_eq!(attribute("title"), Some(Value::from("new")));
    assert_eq!(attribute("number"), Some(Value::from(7)));
    assert_eq!(attribute("code"), Some(Value::from("x")));
    assert_eq!(attribute("books"), Some(Value::List(Vec::new())));
    let (_, outcome) = update(vec![(204, Json::Null), (404, json!({}))]);
    assert!(
        matches!(outcome, wire::Outcome::Partial(_, failure) if failure.disposition == Disposition::NotFound)
    );
}

#[test]
fn an_answer_that_lacks_something_says_all_of_it_without_the_values() {
    let wrong = json!({ "id": "7", "title": 3, "books": ["tell", 5], "number": "no" });
    let failure = Object::<Shelf>::named_in_json("id", &wrong).unwrap_err();
    assert_eq!(
        failure.message,
        "the cloud's answer cannot be read: `title` is integer, where text is expected; `books[1]` is integer, where text \
         is expected; `number` is text, where an integer is expected"
    );
    let failure = Object::<Shelf>::named_in_json("id", &json!({ "id": "" })).unwrap_err();
    assert!(
        failure.message.contains("`id` is no text, or empty"),
        "{}",
        failure.message
    );
}

#[test]
fn a_list_leaves_out_what_is_gone_meanwhile() {
    let (_, context) = script(vec![(404, json!({})), (200, shelf("one"))]);
    let request = ListRequest {
        resource_type: "library:rooms:Shelf".parse().unwrap(),
        filter: Value::empty_map(),
        cursor: None,
    };
    let listed = Typed::<Shelf>::PROVIDER.list(&context, &request).unwrap();
    assert_eq!(listed.objects.len(), 1);
    assert_eq!(listed.next_cursor, None);
}

#[test]
fn an_identifier_has_all_its_parts() {
    assert_eq!(parts_of("a/b", '/', "A/B"), Ok(["a", "b"]));
    for wrong in ["a", "a/", "a/b/c"] {
        let failure = parts_of::<2>(wrong, '/', "A/B").unwrap_err();
        assert_eq!(failure.disposition, Disposition::Invalid);
        assert_eq!(
            failure.message,
            format!("`{wrong}` is no identifier: write it as `A/B`")
        );
    }
}
