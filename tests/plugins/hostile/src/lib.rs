//! A guest that misbehaves on request, for the sandbox tests. What it does is named by the input `do`, or for
//! calls without inputs by the identifier.
#![allow(
    missing_docs,
    unsafe_code,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::result_large_err,
    reason = "this guest exists to break the rules"
)]

mod behaviour;
mod cloud_calls;
mod secrets;
mod values;

#[allow(unused_qualifications, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ world: "provider-plugin", path: "../../../wit", generate_all });
}

use behaviour::{Answer, behave};
use bindings::exports::konductor::plugin::{module, operations, plugin, provider};
use bindings::konductor::plugin::types;
use types::{Error, Value};
use values::{field, map, object, text};

pub struct Hostile;

// Only a guest is linked by these names.
#[cfg(target_arch = "wasm32")]
bindings::export!(Hostile with_types_in bindings);

/// The one type; `hostile:test:Liar` has the schema of another.
const THING: &str = "hostile:test:Thing";

fn failure(message: &str) -> types::Failure {
    types::Failure {
        code: "Hostile".to_owned(),
        message: message.to_owned(),
        http_status: None,
        request_id: None,
        at: None,
        details: Vec::new(),
    }
}

/// Runs a behaviour for a function that answers with a value.
fn value_of(what: &str, inputs: &Value) -> Result<Value, Error> {
    match behave(what, inputs) {
        Answer::Value(value) => Ok(value),
        Answer::Failed(message) => Err(Error::Other(failure(&message))),
        Answer::Denied(message) => Err(Error::Denied(failure(&message))),
    }
}

impl plugin::Guest for Hostile {
    fn describe() -> String {
        r#"{"name": "hostile", "version": "0.1.0", "description": "misbehaves\u001b[31m on request",
            "resource_types": ["hostile:test:Thing", "hostile:test:Liar", "hostile:test:Garbled"],
            "modules": ["hostile"],
            "endpoints": [{"id": "thing", "protocol": "aws", "service": "ec2"}],
            "reveals": [{"resource_type": "hostile:test:Thing", "attribute": "revealed", "reason": "to tell it"}],
            "functions": ["echo"], "a-member-of-the-future": 1}"#
            .to_owned()
    }
}

impl provider::Guest for Hostile {
    fn check(request: provider::CheckRequest) -> Result<provider::CheckResponse, Error> {
        let what = field(&request.inputs, "do");
        let mut diagnostics = vec![types::Diagnostic {
            severity: types::Severity::Warning,
            summary: "odd\u{1b}[2J summary".to_owned(),
            detail: String::new(),
            at: None,
        }];
        if what == "tell-diagnostic" {
            diagnostics.push(secrets::diagnostic(&request.inputs));
        }
        Ok(provider::CheckResponse {
            inputs: value_of(&what, &request.inputs)?,
            diagnostics,
        })
    }

    fn plan(request: provider::PlanRequest) -> Result<provider::PlanResponse, Error> {
        Ok(provider::PlanResponse {
            planned: value_of(&field(&request.inputs, "do"), &request.inputs)?,
            changes: Vec::new(),
            delete_before_replace: false,
            private: match field(&request.inputs, "do").as_str() {
                "as-private" => field(&request.inputs, "secret").into_bytes(),
                _ => Vec::new(),
            },
            diagnostics: Vec::new(),
        })
    }

    fn upgrade_state(_: String, stored: types::Object) -> Result<types::Object, Error> {
        Ok(stored)
    }

    fn required_permissions(_: String, operation: String) -> Vec<String> {
        vec![format!("hostile:{operation}")]
    }

    fn schema(resource_type: String) -> Result<String, Error> {
        Ok(match resource_type.as_str() {
            "hostile:test:Garbled" => "{".to_owned(),
            // Also the answer about `hostile:test:Liar`, which is a lie.
            _ => format!(r#"{{"type": "{THING}", "description": "a thing", "attributes": {{}}}}"#),
        })
    }
}

impl operations::Guest for Hostile {
    fn configure(config: Value) -> Result<(), Error> {
        match field(&config, "do").as_str() {
            "panic" => panic!("cannot be configured"),
            "refuse" => Err(Error::Denied(failure("this configuration is refused"))),
            _ => {
                values::CONFIGURED.with(|kept| *kept.borrow_mut() = Some(config));
                Ok(())
            }
        }
    }

    fn create(request: operations::CreateRequest) -> Result<operations::Outcome, Error> {
        let what = field(&request.inputs, "do");
        let attributes = value_of(&what, &request.inputs)?;
        Ok(match what.as_str() {
            "partial" => operations::Outcome::Partial(operations::Partial {
                object: object("half", attributes),
                reason: Error::Quota(failure("only half of it\u{7} fits")),
            }),
            "in-progress" => operations::Outcome::InProgress(operations::Progress {
                handle: b"handle".to_vec(),
                retry_after_milliseconds: 1_500,
                id: Some("thing-1".to_owned()),
                message: "building\u{1b}]0;title\u{7}".to_owned(),
            }),
            "no-identifier" => operations::Outcome::Complete(object("", attributes)),
            // An identifier that was asked for, such as one of another stack's.
            "identifier" => operations::Outcome::Complete(object(&field(&request.inputs, "id"), attributes)),
            "as-identifier" => {
                operations::Outcome::Complete(object(&field(&request.inputs, "secret"), attributes))
            }
            "as-private" => operations::Outcome::Complete(types::Object {
                private: field(&request.inputs, "secret").into_bytes(),
                ..object("thing-1", attributes)
            }),
            "as-handle" => operations::Outcome::InProgress(operations::Progress {
                handle: field(&request.inputs, "secret").into_bytes(),
                retry_after_milliseconds: 1,
                id: None,
                message: String::new(),
            }),
            // Another value than was planned.
            "lie" => operations::Outcome::Complete(object(
                "thing-1",
                map(&[("do", text("lie")), ("size", types::Node::Integer(2))]),
            )),
            _ => operations::Outcome::Complete(object("thing-1", attributes)),
        })
    }

    fn read(request: operations::ReadRequest) -> Result<Option<types::Object>, Error> {
        if request.id == "gone" {
            return Ok(None);
        }
        Ok(Some(object(&request.id, value_of(&request.id, &map(&[]))?)))
    }

    fn read_many(
        requests: Vec<operations::ReadRequest>,
    ) -> Result<Vec<Result<Option<types::Object>, Error>>, Error> {
        let short = requests.iter().any(|request| request.id == "forget-one");
        let answers = requests.into_iter().map(<Self as operations::Guest>::read);
        Ok(if short {
            answers.skip(1).collect()
        } else {
            answers.collect()
        })
    }

    fn list(request: operations::ListRequest) -> Result<operations::Listed, Error> {
        Ok(operations::Listed {
            objects: vec![object(
                "thing-1",
                value_of(&field(&request.filter, "do"), &request.filter)?,
            )],
            next_cursor: None,
        })
    }

    fn update(request: operations::UpdateRequest) -> Result<operations::Outcome, Error> {
        let attributes = value_of(&field(&request.inputs, "do"), &request.inputs)?;
        Ok(operations::Outcome::Complete(object(
            &request.prior.id,
            attributes,
        )))
    }

    fn delete(request: operations::DeleteRequest) -> Result<operations::Deletion, Error> {
        value_of(&request.prior.id, &map(&[]))?;
        Ok(operations::Deletion::Complete)
    }

    fn import(_: String, _: String, id: String) -> Result<operations::Imported, Error> {
        let attributes = value_of(&id, &map(&[]))?;
        Ok(operations::Imported {
            object: object(&id, attributes.clone()),
            inputs: attributes,
        })
    }

    fn poll(request: operations::PollRequest) -> Result<operations::PollOutcome, Error> {
        Ok(match request.operation {
            operations::Operation::Delete => operations::PollOutcome::Deleted,
            _ => operations::PollOutcome::Complete(object("thing-1", request.planned)),
        })
    }

    fn invoke(_: String, arguments: Value) -> Result<Value, Error> {
        value_of(&field(&arguments, "do"), &arguments)
    }
}

impl module::Guest for Hostile {
    fn config_schema(_: String) -> Result<String, Error> {
        Ok(r#"{"type": "object"}"#.to_owned())
    }

    fn defaults(_: String) -> Result<Value, Error> {
        Ok(map(&[("enabled", types::Node::Boolean(true))]))
    }

    fn dependencies(_: String) -> Vec<String> {
        vec!["network".to_owned()]
    }

    fn construct(request: module::ConstructRequest) -> Result<module::ConstructResponse, Error> {
        let what = field(&request.inputs, "do");
        let properties = value_of(&what, &request.inputs)?;
        let options = match what.as_str() {
            "unknown-option" => map(&[("no_such_option", types::Node::Boolean(true))]),
            "dangling" => vec![
                types::Node::Map(vec![types::MapEntry {
                    key: "depends_on".to_owned(),
                    value: 1,
                }]),
                types::Node::List(vec![2]),
                text("./nothing"),
            ],
            _ => map(&[("protect", types::Node::Boolean(true))]),
        };
        let type_name = match what.as_str() {
            "invented-type" => "not a type",
            "unclaimed-type" => "hostile:test:Nothing",
            "foreign-type" => "other:test:Thing",
            _ => THING,
        };
        let name = match what.as_str() {
            "escape-in-name" => "child\u{1b}[2J",
            _ => "child",
        };
        Ok(module::ConstructResponse {
            declarations: vec![module::Declaration {
                name: name.to_owned(),
                type_name: type_name.to_owned(),
                properties,
                options,
            }],
            outputs: map(&[]),
            diagnostics: Vec::new(),
        })
    }
}
