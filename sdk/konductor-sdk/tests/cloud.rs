//! Requests to an API, against a host that records what it is sent and answers from a script.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::result_large_err)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use konductor_sdk::Context;
use konductor_sdk::cloud::{
    Answer, Api, Explanation, Pages, all_pages, handle_of, in_progress, next_link, send_http,
};
use konductor_sdk::context::{Host, LogLevel};
use konductor_sdk::model::cloud::{CloudRequest, CloudResponse, SendError};
use konductor_sdk::model::{Disposition, Failure, Value};
use serde::{Deserialize, Serialize};

#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Result<CloudResponse, SendError>>>,
    sent: Mutex<Vec<CloudRequest>>,
}

impl Host for Script {
    fn send(&self, request: CloudRequest) -> Result<CloudResponse, SendError> {
        self.sent.lock().unwrap().push(request);
        self.answers.lock().unwrap().pop_front().unwrap()
    }
    fn log(&self, _: LogLevel, _: &str, _: &[(&str, String)]) {}
    fn now(&self) -> u64 {
        0
    }
    fn random(&self, length: u32) -> Vec<u8> {
        vec![7; length as usize]
    }
}

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> CloudResponse {
    CloudResponse {
        status,
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: body.into(),
    }
}

fn script(answers: Vec<Result<CloudResponse, SendError>>) -> (Arc<Script>, Context) {
    let script = Arc::new(Script {
        answers: Mutex::new(answers.into()),
        sent: Mutex::default(),
    });
    (script.clone(), Context::new(Value::empty_map(), script))
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    title: String,
}

#[test]
fn a_request_says_what_was_asked_and_no_name_leaves_its_place_in_the_path() {
    let (script, context) = script(vec![Ok(answer(200, &[], r#"{"title":"b"}"#))]);
    let api = Api::new(&context, "forge")
        .base("/api/v1")
        .region("eu")
        .header("accept", "application/json");
    let note: Note = api
        .post(["notes", "a/../b?c#d e:verb"])
        .query("page", 2)
        .optional_query("cursor", None::<&str>)
        .json(&Note { title: "a".into() })
        .send()
        .unwrap()
        .json()
        .unwrap();
    assert_eq!(note.title, "b");
    let sent = script.sent.lock().unwrap().remove(0);
    assert_eq!(sent.path, "/api/v1/notes/a%2F..%2Fb%3Fc%23d%20e:verb");
    assert_eq!(
        (
            sent.endpoint.as_str(),
            sent.region.as_deref(),
            sent.method.as_str()
        ),
        ("forge", Some("eu"), "POST")
    );
    assert_eq!(sent.query, [("page".to_owned(), "2".to_owned())]);
    assert_eq!(sent.body, br#"{"title":"a"}"#);
    assert!(
        sent.headers
            .contains(&("content-type".into(), "application/json".into()))
    );
    assert!(!sent.idempotent, "a POST is never sent twice by itself");
}

#[test]
fn a_name_that_would_climb_out_of_the_path_is_refused_before_anything_is_sent() {
    let (script, context) = script(Vec::new());
    for name in ["..", ".", ""] {
        let failure = Api::new(&context, "forge")
            .get(["notes", name])
            .send()
            .unwrap_err();
        assert_eq!(failure.disposition, Disposition::Invalid);
    }
    assert!(script.sent.lock().unwrap().is_empty());
}

#[test]
fn forms_and_xml_are_written_and_read() {
    let (script, context) = script(vec![
        Ok(answer(200, &[], "<note><title>x &amp; y</title></note>")),
        Ok(answer(200, &[], "")),
    ]);
    let api = Api::new(&context, "forge");
    let note: Note = api
        .put(["n"])
        .xml("note", &Note { title: "<a>".into() })
        .send()
        .unwrap()
        .xml()
        .unwrap();
    assert_eq!(note.title, "x & y");
    api.post(["n"]).form([("a b", "c&d"), ("e", "é")]).send().unwrap();
    let sent = script.sent.lock().unwrap();
    assert_eq!(sent[0].body, b"<note><title>&lt;a&gt;</title></note>");
    assert!(sent[0].idempotent);
    assert_eq!(sent[1].body, b"a%20b=c%26d&e=%C3%A9");
}

#[test]
fn a_failure_says_what_the_host_should_do_about_it() {
    for (status, expected) in [
        (400, Disposition::Invalid),
        (401, Disposition::Denied),
        (403, Disposition::Denied),
        (404, Disposition::NotFound),
        (409, Disposition::Conflict),
        (429, Disposition::Throttled),
        (500, Disposition::Unavailable),
        (503, Disposition::Unavailable),
        (301, Disposition::Other),
    ] {
        let body = r#"{"error": {"code": "E1", "message": "no"}}"#;
        let (_, context) = script(vec![Ok(answer(status, &[("X-Request-Id", "r-1")], body))]);
        let failure = Api::new(&context, "forge").get(["n"]).send().unwrap_err();
        assert_eq!(failure.disposition, expected, "{status}");
        assert_eq!((failure.code.as_str(), failure.message.as_str()), ("E1", "no"));
        assert_eq!(
            (failure.http_status, failure.request_id.as_deref()),
            (Some(status), Some("r-1"))
        );
    }
    for (error, expected) in [
        (SendError::Denied("x".into()), Disposition::Denied),
        (SendError::Timeout("x".into()), Disposition::Unavailable),
        (SendError::TooLarge("x".into()), Disposition::Invalid),
    ] {
        let (_, context) = script(vec![Err(error)]);
        let failure = Api::new(&context, "forge").get(["n"]).send().unwrap_err();
        assert_eq!((failure.disposition, failure.http_status), (expected, None));
    }
}

#[test]
fn an_api_can_say_what_its_own_codes_mean() {
    fn explain(answer: &Answer) -> Option<Explanation> {
        (answer.text() == "taken").then(|| Explanation {
            code: "taken".into(),
            message: "the name is taken".into(),
            disposition: Some(Disposition::AlreadyExists),
        })
    }
    let (_, context) = script(vec![Ok(answer(409, &[], "taken")), Ok(answer(409, &[], "busy"))]);
    let api = Api::new(&context, "forge").explain(explain);
    let failure = api.post(["n"]).send().unwrap_err();
    assert_eq!(failure.disposition, Disposition::AlreadyExists);
    let failure = api.post(["n"]).send().unwrap_err();
    assert_eq!(failure.disposition, Disposition::Conflict);
    assert_eq!(failure.message, "the cloud answered with status 409: busy");
}

#[test]
fn a_create_finds_what_is_there_and_nothing_else_is_taken_for_it() {
    let (script, context) = script(vec![
        Ok(answer(409, &[], "")),
        Ok(answer(200, &[], r#"{"title":"mine"}"#)),
        Ok(answer(201, &[], r#"{"title":"new"}"#)),
        Ok(answer(403, &[], "")),
    ]);
    let api = Api::new(&context, "forge");
    let create = || api.post(["notes"]).send_or_find(api.get(["notes", "1"]));
    assert_eq!(create().unwrap().json::<Note>().unwrap().title, "mine");
    assert_eq!(create().unwrap().json::<Note>().unwrap().title, "new");
    assert_eq!(create().unwrap_err().disposition, Disposition::Denied);
    let sent = script.sent.lock().unwrap();
    let methods: Vec<(&str, bool)> = sent
        .iter()
        .map(|sent| (sent.method.as_str(), sent.idempotent))
        .collect();
    assert_eq!(
        methods,
        [("POST", true), ("GET", true), ("POST", true), ("POST", true)]
    );
}

#[test]
fn only_what_is_not_found_reads_as_none() {
    let (_, context) = script(vec![Ok(answer(404, &[], "")), Ok(answer(403, &[], ""))]);
    let api = Api::new(&context, "forge");
    assert_eq!(api.get(["n"]).send_optional(), Ok(None));
    assert_eq!(
        api.get(["n"]).send_optional().unwrap_err().disposition,
        Disposition::Denied
    );
}

#[test]
fn all_pages_are_read_and_an_api_that_never_ends_is_left() {
    let link = r#"<https://h/n?page=1>; rel="prev", <https://h/n?limit=1&page=a%2Bb>; rel="next""#;
    let (script, context) = script(vec![
        Ok(answer(200, &[("Link", link)], r#"[{"title":"a"}]"#)),
        Ok(answer(200, &[], r#"[{"title":"b"}]"#)),
    ]);
    let api = Api::new(&context, "forge");
    let notes: Vec<Note> = all_pages(|cursor| {
        let answer = api.get(["n"]).optional_query("page", cursor).send()?;
        Ok(Pages {
            items: answer.json()?,
            next: next_link(&answer, "page"),
        })
    })
    .unwrap();
    assert_eq!(notes.len(), 2);
    assert_eq!(
        script.sent.lock().unwrap()[1].query,
        [("page".to_owned(), "a+b".to_owned())]
    );
    let endless: Result<Vec<u8>, Failure> = all_pages(|_| {
        Ok(Pages {
            items: vec![1],
            next: Some("again".into()),
        })
    });
    assert_eq!(endless.unwrap_err().disposition, Disposition::Other);
}

#[test]
fn a_long_operation_is_given_back_to_the_host_with_its_handle() {
    let (_, context) = script(vec![Ok(answer(202, &[("Retry-After", "7")], ""))]);
    let started = Api::new(&context, "forge").post(["n"]).send().unwrap();
    let note = Note { title: "op-1".into() };
    let progress = in_progress(&note, Some("n-1"), started.retry_after().unwrap(), "starting").unwrap();
    assert_eq!(progress.retry_after, Duration::from_secs(7));
    assert_eq!(handle_of::<Note>(&progress.handle), Ok(note));
    assert!(handle_of::<Note>(b"other").is_err());
}

#[test]
fn a_client_of_http_requests_runs_over_the_host() {
    let (script, _) = script(vec![Ok(answer(201, &[("x-a", "b")], "made"))]);
    let request = http::Request::post("https://anywhere.invalid/a%20b/../c?x=1%262&y=a+b")
        .header("authorization", "stolen")
        .header("x-kept", "yes")
        .body(b"body".to_vec())
        .unwrap();
    let response = send_http(script.as_ref(), "forge", request, false).unwrap();
    assert_eq!(
        (response.status().as_u16(), response.body().as_slice()),
        (201, b"made".as_slice())
    );
    assert_eq!(response.headers()["x-a"], "b");
    let sent = script.sent.lock().unwrap().remove(0);
    assert_eq!(sent.path, "/a%20b/../c");
    assert_eq!(
        sent.query,
        [
            ("x".to_owned(), "1&2".to_owned()),
            ("y".to_owned(), "a b".to_owned())
        ]
    );
    assert_eq!(sent.headers, [("x-kept".to_owned(), "yes".to_owned())]);
}

#[test]
fn the_debug_form_of_an_answer_shows_neither_headers_nor_body() {
    let shown = format!("{:?}", Answer::new(answer(200, &[("x", "h1dden")], "h1dden")));
    assert!(!shown.contains("h1dden"), "{shown}");
}
