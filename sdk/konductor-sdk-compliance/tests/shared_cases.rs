//! The documents that the SDKs of all languages must read alike: `sdk/conformance-cases`.
//!
//! `KONDUCTOR_WRITE_CASES=1 cargo test -p konductor-sdk-compliance --test shared_cases` writes the answers of this SDK
//! into them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

use konductor_sdk_compliance::checks::{Action, Checks, Document, Finding, Resource};
use serde_json::{Map, Value, json};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../conformance-cases/checks.json");

fn word(action: Action) -> &'static str {
    match action {
        Action::None => "none",
        Action::Create => "create",
        Action::Update => "update",
        Action::Replace => "replace",
        Action::Delete => "delete",
        Action::Forget => "forget",
        Action::Other => "other",
    }
}

fn seen(resource: &Resource, paths: &[String]) -> Value {
    let attributes: Map<String, Value> = paths
        .iter()
        .filter_map(|path| Some((path.clone(), resource.attribute(path)?.clone())))
        .collect();
    let marked = |is: &dyn Fn(&str) -> bool| -> Vec<String> {
        paths.iter().filter(|path| is(path)).cloned().collect()
    };
    json!({
        "address": resource.address(),
        "name": resource.name(),
        "type": resource.type_name(),
        "known_as": resource.known_as(),
        "urn": resource.urn(),
        "id": resource.id(),
        "place": resource.place(),
        "owner": resource.metadata("owner"),
        "action": word(resource.action()),
        "remains": resource.remains(),
        "is_a_bucket": resource.is_a("aws:s3:Bucket") && resource.is_a("aws_s3_bucket"),
        "before": resource.before(),
        "attributes": attributes,
        "unknown": marked(&|path| resource.is_unknown(path)),
        "secret": marked(&|path| resource.is_secret(path)),
    })
}

fn answer(case: &Value) -> Value {
    let paths: Vec<String> = case["paths"]
        .as_array()
        .unwrap()
        .iter()
        .map(|path| path.as_str().unwrap().to_owned())
        .collect();
    let document = match Document::new(case["input"].clone()) {
        Ok(document) => document,
        Err(error) => return json!({ "error": error.to_string() }),
    };
    let every = |resources: &mut dyn Iterator<Item = &Resource>| -> Vec<Value> {
        resources.map(|resource| seen(resource, &paths)).collect()
    };
    let findings = Checks::new("cases", "0.1.0")
        .check("about", |document| {
            let about = |resource| Finding::deny("about it").resource(resource).attribute("a.b");
            document.resources().map(about).collect()
        })
        .check("plain", |_| {
            vec![Finding::warn("plain").detail("control", "SC-28")]
        })
        .judge(&document)
        .unwrap();
    json!({
        "operation": document.operation(),
        "project": document.project(),
        "stack": document.stack(),
        "changes": every(&mut document.changes()),
        "drift": every(&mut document.drift()),
        "resources": document.resources().map(Resource::name).collect::<Vec<_>>(),
        "buckets": document.of_type("aws:s3:Bucket").map(Resource::name).collect::<Vec<_>>(),
        "findings": findings,
    })
}

#[test]
fn the_shared_documents_are_read_as_they_say() {
    let mut shared: Value = serde_json::from_str(&std::fs::read_to_string(FILE).unwrap()).unwrap();
    let cases = shared["cases"].as_array_mut().unwrap();
    if std::env::var_os("KONDUCTOR_WRITE_CASES").is_some() {
        for case in cases {
            case["expected"] = answer(case);
        }
        std::fs::write(FILE, format!("{shared:#}\n")).unwrap();
        return;
    }
    for case in cases {
        assert_eq!(answer(case), case["expected"], "{}", case["name"]);
    }
}
