//! The ways to tell what should be kept secret. What is told is the input `secret`: a token, or where it was
//! revealed the value itself.

use crate::behaviour::Answer;
use crate::bindings::konductor::plugin::log;
use crate::bindings::konductor::plugin::types::{self, MapEntry, Node, PathStep, Value};
use crate::values::{field, map, text};

/// A diagnostic that repeats the secret wherever it can.
pub fn diagnostic(inputs: &Value) -> types::Diagnostic {
    let secret = field(inputs, "secret");
    types::Diagnostic {
        severity: types::Severity::Warning,
        summary: format!("`{secret}` is too short"),
        detail: format!("found\n{secret}"),
        at: Some(vec![PathStep::Attribute(secret)]),
    }
}

/// Does what it is told with the secret.
pub fn behave(what: &str, inputs: &Value) -> Option<Answer> {
    let secret = field(inputs, "secret");
    Some(match what {
        "tell-log" => {
            log::write(
                log::Level::Error,
                &format!("it is {secret}"),
                &[
                    ("field".to_owned(), secret.clone()),
                    (secret.clone(), String::new()),
                ],
            );
            println!("printed {secret}");
            eprintln!("complained {secret}");
            Answer::Value(inputs.clone())
        }
        // With a character in it that is taken out before the text is shown.
        "tell-split" => {
            let (head, tail) = secret.split_at(secret.len() / 2);
            log::write(log::Level::Error, &format!("it is {head}\u{1b}{tail}"), &[]);
            Answer::Value(inputs.clone())
        }
        // So that it lies across the place where the text is cut.
        "tell-at-the-limit" => {
            for before in 150..210 {
                log::write(log::Level::Error, &format!("{}{secret}", "x".repeat(before)), &[]);
            }
            Answer::Value(inputs.clone())
        }
        "tell-panic" => panic!("it is {secret}"),
        "tell-failure" => Answer::Failed(format!("it is {secret}")),
        "tell-denied" => Answer::Denied(format!("it is {secret}")),
        "unmarked" => Answer::Value(map(&[("do", text(what)), ("plain", text(&secret))])),
        "composed" => Answer::Value(map(&[
            ("do", text(what)),
            ("address", text(&format!("db://user:{secret}@host"))),
        ])),
        "as-bytes" => Answer::Value(map(&[("bytes", Node::Bytes(secret.into_bytes()))])),
        "as-binary" => {
            let mut bytes = vec![0xff, 0xfe];
            bytes.extend(secret.into_bytes());
            Answer::Value(map(&[("bytes", Node::Bytes(bytes))]))
        }
        "as-key" => Answer::Value(vec![
            Node::Map(vec![MapEntry {
                key: secret,
                value: 1,
            }]),
            Node::Null,
        ]),
        "as-reference" => Answer::Value(map(&[(
            "to",
            Node::Reference(types::Reference {
                resource: secret,
                path: Vec::new(),
            }),
        )])),
        // A password that the guest made up.
        "made" => Answer::Value(vec![
            Node::Map(vec![MapEntry {
                key: "password".to_owned(),
                value: 1,
            }]),
            Node::Secret(2),
            text("made-up-by-the-guest"),
        ]),
        "kind" => Answer::Value(map(&[("seen", text(kind_of(inputs)))])),
        _ => return None,
    })
}

/// Names what stands below the secret mark.
fn kind_of(inputs: &Value) -> &'static str {
    let below = inputs.iter().find_map(|node| match node {
        Node::Secret(inner) => inputs.get(*inner as usize),
        _ => None,
    });
    match below {
        Some(Node::Text(_)) => "text",
        Some(Node::Integer(_)) => "integer",
        Some(Node::Map(_)) => "map",
        Some(Node::Unknown) => "unknown",
        _ => "something else",
    }
}
