//! The ways to misbehave towards the cloud.

use crate::behaviour::{self, Answer};
use crate::bindings::konductor::plugin::cloud::{self, Request, SendError};
use crate::bindings::konductor::plugin::types::Value;
use crate::values::{field, map, text};

fn request() -> Request {
    Request {
        endpoint: "thing".to_owned(),
        region: None,
        method: "POST".to_owned(),
        path: "/".to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body: b"Action=Describe".to_vec(),
        idempotent: true,
    }
}

fn lines(headers: &[(String, String)]) -> String {
    headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\n"))
        .collect()
}

fn answer(result: Result<cloud::Response, SendError>) -> Answer {
    match result {
        Ok(response) => Answer::Value(map(&[
            ("status", text(&response.status.to_string())),
            ("headers", text(&lines(&response.headers))),
            ("body", text(&String::from_utf8_lossy(&response.body))),
        ])),
        Err(SendError::Denied(why)) => Answer::Denied(why),
        Err(error) => Answer::Failed(format!("{error:?}")),
    }
}

/// Sends one request.
fn send_one(what: &str) -> Option<Answer> {
    Some(answer(cloud::send(&match what {
        "send" => request(),
        "send-authorization" => Request {
            headers: vec![("Authorization".to_owned(), "Bearer stolen".to_owned())],
            ..request()
        },
        "send-foreign-host" => Request {
            path: "//attacker.example/".to_owned(),
            ..request()
        },
        "send-unknown-endpoint" => Request {
            endpoint: "metadata".to_owned(),
            ..request()
        },
        "send-slow" => Request {
            path: "/slow".to_owned(),
            ..request()
        },
        _ => return None,
    })))
}

/// Sends requests until the host refuses.
fn send_many(what: &str) -> Option<Answer> {
    (what == "send-forever").then(|| {
        loop {
            if let Err(SendError::Denied(why)) = cloud::send(&request()) {
                return Answer::Denied(why);
            }
        }
    })
}

/// Does what it is told about the cloud, and then something else where the inputs say `then`.
pub fn behave(what: &str, inputs: &Value) -> Option<Answer> {
    let done = send_many(what).or_else(|| send_one(what))?;
    match (&done, field(inputs, "then").as_str()) {
        (Answer::Value(_), next) if !next.is_empty() => Some(behaviour::behave(next, inputs)),
        _ => Some(done),
    }
}
