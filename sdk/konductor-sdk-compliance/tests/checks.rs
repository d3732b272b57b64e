//! Checks as their author tests them, and as the sandbox asks them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use konductor_sdk_compliance::checks::{Checks, Document, Finding, Sample};
use serde_json::{Value, json};

fn checks() -> Checks {
    Checks::new("acme-checks", "1.2.3")
        .description("What Acme asks of every stack")
        .check("owner", |document| {
            let without = document
                .of_type("aws:s3:Bucket")
                .filter(|bucket| bucket.metadata("owner").is_none());
            without
                .map(|bucket| Finding::deny(format!("nobody owns {}", bucket.name())).resource(bucket))
                .collect()
        })
        .check("key", |document| {
            let open = document
                .resources()
                .filter(|one| one.attribute("key").is_none() && !one.is_unknown("key"));
            open.map(|one| Finding::warn(format!("{} has no key", one.name())))
                .collect()
        })
        .check("drift", |document| {
            let drift = document.drift();
            drift
                .map(|one| Finding::deny(format!("{} drifted", one.name())))
                .collect()
        })
}

konductor_sdk_compliance::export_checks!(checks);

#[test]
fn a_check_is_tested_with_a_document_made_for_it() {
    let plan = Sample::plan()
        .create("aws:s3:Bucket", "logs", json!({ "key": "k" }))
        .create("aws:s3:Bucket", "owned", json!({}))
        .metadata("owner", "platform")
        .unknown("key")
        .keep("aws:ec2:Vpc", "main", json!({}))
        .update("aws:s3:Bucket", "changed", json!({}), json!({ "key": "k" }))
        .metadata("owner", "platform")
        .delete("aws:s3:Bucket", "old", json!({}))
        .document()
        .unwrap();
    assert_eq!(
        checks().messages(&plan).unwrap(),
        ["nobody owns logs", "main has no key"]
    );
    let drift = Sample::plan()
        .drifted(
            "aws:s3:Bucket",
            "logs",
            json!({ "key": "k" }),
            json!({ "key": "x" }),
        )
        .drifted("aws:s3:Bucket", "gone", json!({}), Value::Null)
        .document()
        .unwrap();
    assert_eq!(drift.operation(), "drift");
    assert_eq!(
        checks().messages(&drift).unwrap(),
        ["logs drifted", "gone drifted"]
    );
}

#[test]
fn a_request_is_answered_with_all_rules_and_what_they_found() {
    let plan = Sample::plan().create("aws:s3:Bucket", "logs", json!({ "key": "k" }));
    let input = plan.document().unwrap().input().clone();
    let request = json!({ "format": 1, "task": "check", "package": "acme", "input": input });
    let answer: Value = serde_json::from_str(&checks().evaluate(&request.to_string()).unwrap()).unwrap();
    assert_eq!(
        answer,
        json!({
            "rules": ["owner", "key", "drift"],
            "findings": [{
                "rule": "owner", "message": "nobody owns logs",
                "details": {
                    "resource": "logs", "address": "aws:s3:Bucket.logs",
                    "urn": "urn:konductor:sample:dev:aws:s3:Bucket::logs",
                },
            }],
        })
    );
}

#[test]
fn a_request_for_something_else_and_checks_that_are_none_fail() {
    let plan = json!({ "resource_changes": [] });
    for (request, problem) in [
        (
            json!({ "format": 1, "task": "evaluate", "packages": [], "input": plan }),
            "unknown variant `evaluate`",
        ),
        (
            json!({ "format": 2, "task": "check", "package": "a", "input": plan }),
            "the request has format 2, and this plugin reads 1",
        ),
        (
            json!({ "format": 1, "task": "check", "package": "a", "input": {} }),
            "neither a plan with `resource_changes` nor a state with `values`",
        ),
        (
            json!({ "format": 1, "task": "check", "package": "a" }),
            "missing field `input`",
        ),
    ] {
        let failure = checks().evaluate(&request.to_string()).unwrap_err();
        assert!(failure.message.contains(problem), "{}", failure.message);
    }
    let document = Document::new(plan).unwrap();
    let none = Checks::new("none", "0.1.0").judge(&document).unwrap_err();
    assert_eq!(none.message, "the plugin has no check; add one with `check`");
    let twice = Checks::new("twice", "0.1.0")
        .check("a", |_| Vec::new())
        .check("a", |_| Vec::new());
    assert!(
        twice
            .judge(&document)
            .unwrap_err()
            .message
            .contains("there are two checks `a`")
    );
    assert_eq!(checks().manifest().name, "acme-checks");
}
