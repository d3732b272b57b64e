//! The cases that the SDKs of all languages must answer alike: `sdk/conformance-cases`.
//!
//! `KONDUCTOR_WRITE_CASES=1 cargo test -p konductor-sdk --test shared_cases` writes the answers of this SDK into them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests"
)]

use konductor_sdk::check::check_inputs;
use konductor_sdk::equality::normalise;
use konductor_sdk::model::provider::{ObjectState, PlanRequest};
use konductor_sdk::model::schema::ResourceSchema;
use konductor_sdk::model::value_json::{Secrets, from_json, to_json};
use konductor_sdk::model::{ChangeKind, Severity, Value};
use konductor_sdk::plan::plan_object;
use serde_json::{Value as Json, json};

const FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../conformance-cases/plan-and-check.json"
);

fn value(json: &Json) -> Value {
    from_json(json.clone()).unwrap()
}

fn written(value: &Value) -> Json {
    to_json(value, Secrets::Marked)
}

fn answer(schema: &ResourceSchema, case: &Json) -> Json {
    if let Some(inputs) = case.get("check") {
        let response = check_inputs(schema, &value(inputs));
        let found: Vec<Json> = response
            .diagnostics
            .into_iter()
            .map(|one| {
                json!({
                    "severity": match one.severity {
                        Severity::Error => "error",
                        Severity::Warning => "warning",
                        _ => "info",
                    },
                    "summary": one.summary,
                    "help": one.help,
                    "at": one.at.as_ref().map(ToString::to_string),
                })
            })
            .collect();
        return json!({ "inputs": written(&response.inputs), "diagnostics": found });
    }
    if let Some(case) = case.get("normalise") {
        return written(&normalise(
            schema,
            &value(&case["actual"]),
            &value(&case["expected"]),
        ));
    }
    let prior = Some(value(&case["plan"]["prior"])).filter(|prior| !prior.is_null());
    let plan = plan_object(
        schema,
        &PlanRequest {
            resource_type: schema.resource_type.clone(),
            name: "book".parse().unwrap(),
            prior: prior.map(|attributes| ObjectState {
                id: "b-1".to_owned(),
                attributes,
                private: Vec::new(),
                schema_version: 0,
            }),
            prior_inputs: None,
            inputs: value(&case["plan"]["inputs"]),
        },
    );
    let changes: Vec<Json> = plan
        .changes
        .iter()
        .map(|change| {
            let kind = match change.kind {
                ChangeKind::Add => "add",
                ChangeKind::Delete => "delete",
                ChangeKind::Update => "update",
            };
            json!({ "at": change.at.to_string(), "kind": kind, "requires_replacement": change.requires_replacement })
        })
        .collect();
    json!({ "planned": written(&plan.planned), "changes": changes })
}

#[test]
fn every_shared_case_is_answered_as_written() {
    let mut file: Json = serde_json::from_str(&std::fs::read_to_string(FILE).unwrap()).unwrap();
    let schema: ResourceSchema = serde_json::from_value(file["schema"].clone()).unwrap();
    let write = std::env::var_os("KONDUCTOR_WRITE_CASES").is_some();
    let cases = file["cases"].as_array_mut().unwrap();
    assert!(cases.len() >= 50);
    for case in cases {
        let answer = answer(&schema, case);
        if write {
            case["expected"] = answer;
        } else {
            assert_eq!(answer, case["expected"], "{}", case["name"]);
        }
    }
    if write {
        let text = serde_json::to_string_pretty(&file).unwrap();
        std::fs::write(FILE, format!("{text}\n")).unwrap();
    }
}
