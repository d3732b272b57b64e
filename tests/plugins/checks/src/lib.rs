//! Checks for the tests of packages that are plugins. A resource whose label is `forbidden` is refused; another label
//! makes them misbehave.
#![allow(
    clippy::panic,
    clippy::result_large_err,
    reason = "this guest exists to break the rules"
)]

use konductor_sdk::bindings::konductor::plugin::cloud;
use konductor_sdk_compliance::CompliancePlugin;
use konductor_sdk_compliance::checks::{Action, Checks, Document, Finding};
use konductor_sdk_compliance::model::{Disposition, Failure, Manifest};
use serde_json::Value;

/// The plugin.
#[derive(Debug)]
pub struct MisbehavingChecks;

fn checks() -> Checks {
    Checks::new("checks", env!("CARGO_PKG_VERSION"))
        .description("Checks for tests")
        .check("forbidden", forbidden)
        .check("deletion", deletion)
        .check("drift", drift)
}

fn forbidden(document: &Document) -> Vec<Finding> {
    let labelled = document
        .of_type("reference:test:Item")
        .filter(|item| item.attribute("label").and_then(Value::as_str) == Some("forbidden"));
    labelled
        .map(|item| {
            Finding::deny(format!(
                "{} is forbidden by {}",
                item.name(),
                document.operation()
            ))
            .resource(item)
            .attribute("label")
        })
        .collect()
}

fn deletion(document: &Document) -> Vec<Finding> {
    let deleted = document
        .changes()
        .filter(|resource| resource.action() == Action::Delete);
    deleted
        .map(|resource| Finding::warn(format!("{} goes", resource.name())).resource(resource))
        .collect()
}

fn drift(document: &Document) -> Vec<Finding> {
    let drifted = document.drift();
    drifted
        .map(|resource| Finding::deny(format!("{} drifted", resource.name())).resource(resource))
        .collect()
}

/// Asks for something outside, by an endpoint that no manifest names.
fn call_out() -> Result<String, Failure> {
    let request = cloud::Request {
        endpoint: "anywhere".to_owned(),
        region: None,
        method: "GET".to_owned(),
        path: "/".to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body: Vec::new(),
        idempotent: true,
    };
    match cloud::send(&request) {
        Ok(_) => Ok(r#"{"rules": ["reached"], "findings": []}"#.to_owned()),
        Err(error) => Err(Failure::new(
            Disposition::Denied,
            format!("nothing was reached: {error:?}"),
        )),
    }
}

impl CompliancePlugin for MisbehavingChecks {
    fn manifest() -> Manifest {
        checks().manifest()
    }

    fn frameworks() -> Value {
        Value::Array(Vec::new())
    }

    fn controls_for(_: &str) -> Value {
        Value::Array(Vec::new())
    }

    fn evaluate(request: Value) -> Result<Value, Failure> {
        let answer = Self::evaluate_text(&request.to_string())?;
        Ok(answer.parse().unwrap_or_default())
    }

    fn evaluate_text(request: &str) -> Result<String, Failure> {
        let told = |label: &str| request.contains(&format!("\"label\":\"{label}\""));
        if told("panic") {
            panic!("these checks broke");
        }
        if told("loop") {
            let mut count = 0_u64;
            while count < u64::MAX {
                count = std::hint::black_box(count + 1);
            }
        }
        if told("memory") {
            let mut held = Vec::new();
            while held.len() < usize::MAX {
                held.push(vec![1_u8; 1 << 20]);
                std::hint::black_box(&held);
            }
        }
        if told("nonsense") {
            return Ok(r#"{"packages": []}"#.to_owned());
        }
        if told("no-json") {
            return Ok("all is well".to_owned());
        }
        if told("silent") {
            return Ok(r#"{"rules": [], "findings": []}"#.to_owned());
        }
        if told("call") {
            return call_out();
        }
        checks().evaluate(request)
    }
}

konductor_sdk_compliance::export_compliance!(MisbehavingChecks);
