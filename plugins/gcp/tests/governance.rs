//! Security Command Center and organisation policies, beside what the conformance kit tries.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends where something is not as it should be"
)]

#[path = "../../../tests/clouds/simulator.rs"]
mod simulator;

use std::sync::Arc;

use konductor_plugin_gcp::Gcp;
use konductor_sdk::Plugin as _;
use konductor_sdk::model::provider::{
    CheckRequest, CreateRequest, DeleteRequest, ObjectState, Outcome, Provider as _, ReadRequest,
};
use konductor_sdk::model::{Disposition, Failure, Value, value_json};
use konductor_sdk_test::{NativeProvider, block_on, lifecycle};
use serde_json::{Value as Json, json};

use simulator::Simulator;

const SOURCE: &str = "gcp:securitycenter:Source";
const FINDING: &str = "gcp:securitycenter:Finding";
const POLICY: &str = "gcp:orgpolicy:Policy";
/// A source that the simulator begins with.
const STANDING: &str = "organizations/1234567890/sources/5678";

fn value(json: Json) -> Value {
    value_json::from_json(json).unwrap()
}

fn google() -> (Arc<Simulator>, NativeProvider) {
    let google = Simulator::start("gcp", &simulator::root().join("target/google-venv/bin/python"));
    let configuration = value(json!({"project": "simulated", "region": "europe-west1"}));
    let provider = NativeProvider::new(Gcp::definition(), configuration, google.clone());
    (google, provider)
}

fn create(provider: &NativeProvider, kind: &str, inputs: Json) -> Result<ObjectState, Failure> {
    let request = CreateRequest {
        resource_type: kind.parse().unwrap(),
        name: "subject".parse().unwrap(),
        planned: value(inputs.clone()),
        inputs: value(inputs),
        private: Vec::new(),
        idempotency_token: "token".to_owned(),
    };
    block_on(provider.create(request))
        .unwrap()
        .map(|outcome| match outcome {
            Outcome::Complete(object) => object,
            other => panic!("{other:?}"),
        })
}

fn read(provider: &NativeProvider, kind: &str, id: &str, prior: Option<&ObjectState>) -> Option<ObjectState> {
    let request = ReadRequest {
        resource_type: kind.parse().unwrap(),
        name: "subject".parse().unwrap(),
        id: id.to_owned(),
        prior: prior.cloned(),
    };
    block_on(provider.read(request)).unwrap().unwrap()
}

fn delete(provider: &NativeProvider, kind: &str, prior: &ObjectState) -> Result<Outcome, Failure> {
    let request = DeleteRequest {
        resource_type: kind.parse().unwrap(),
        name: "subject".parse().unwrap(),
        prior: prior.clone(),
        idempotency_token: "token".to_owned(),
    };
    block_on(provider.delete(request)).unwrap()
}

/// Returns what `check` finds wrong with inputs: the place, and what it is.
fn complaints(provider: &NativeProvider, kind: &str, inputs: Json) -> Vec<String> {
    let request = CheckRequest {
        resource_type: kind.parse().unwrap(),
        name: "subject".parse().unwrap(),
        inputs: value(inputs),
        prior_inputs: None,
    };
    let told = block_on(provider.check(request)).unwrap().unwrap();
    told.diagnostics
        .into_iter()
        .map(|told| format!("{}: {}", told.at.unwrap_or_default(), told.summary))
        .collect()
}

#[test]
fn a_source_is_made_once_changed_and_left_where_it_is() {
    let (google, provider) = google();
    let inputs = |about: &str| json!({"parent": "organizations/1234567890", "display_name": "Konductor", "description": about});
    let made = create(&provider, SOURCE, inputs("checks")).unwrap();
    let name = made
        .attributes
        .attribute("full_name")
        .unwrap()
        .as_text()
        .unwrap()
        .to_owned();
    assert!(name.starts_with("organizations/1234567890/sources/"), "{name}");
    // A second attempt finds what the first has made, and somebody else's of the same name is not taken.
    let again = create(&provider, SOURCE, inputs("checks")).unwrap();
    assert_eq!(again.id, made.id);
    let conflict = create(&provider, SOURCE, inputs("something else")).unwrap_err();
    assert_eq!(conflict.disposition, Disposition::AlreadyExists);

    let kept = lifecycle(&provider, SOURCE)
        .create(value(inputs("checks")))
        .update(value(inputs("all checks")));
    let seen = read(&provider, SOURCE, &made.id, None).unwrap();
    assert_eq!(
        seen.attributes.attribute("description"),
        Some(&Value::from("all checks"))
    );
    let refused = delete(&provider, SOURCE, &made).unwrap_err();
    assert_eq!(refused.disposition, Disposition::Unsupported);
    assert!(refused.message.contains("retain_on_delete"), "{refused}");
    drop(kept);
    assert_eq!(google.ask(&json!({"faults": {}})), json!([]));
}

#[test]
fn a_finding_that_was_deleted_is_inactive_and_comes_back_when_it_is_declared_again() {
    let (google, provider) = google();
    let inputs = |severity: &str| {
        json!({"source": STANDING, "name": "owner1", "category": "NO_OWNER", "resource_name": "//storage.googleapis.com/orders",
               "severity": severity})
    };
    let made = create(&provider, FINDING, inputs("LOW")).unwrap();
    let path = format!("v1/{STANDING}/findings/owner1");
    // Another declaration of the same finding does not take it over.
    let conflict = create(&provider, FINDING, inputs("HIGH")).unwrap_err();
    assert_eq!(conflict.disposition, Disposition::AlreadyExists);
    assert_eq!(create(&provider, FINDING, inputs("LOW")).unwrap().id, made.id);

    delete(&provider, FINDING, &made).unwrap();
    assert!(read(&provider, FINDING, &made.id, Some(&made)).is_none());
    delete(&provider, FINDING, &made).unwrap();

    let mut other = inputs("LOW");
    other["category"] = json!("NO_PURPOSE");
    let refused = create(&provider, FINDING, other).unwrap_err();
    assert_eq!(refused.at.map(|at| at.to_string()).as_deref(), Some("name"));
    assert!(refused.message.contains("`category`"), "{}", refused.message);

    let back = create(&provider, FINDING, inputs("HIGH")).unwrap();
    assert_eq!(back.id, made.id);
    let seen = read(&provider, FINDING, &back.id, None).unwrap();
    assert_eq!(seen.attributes.attribute("severity"), Some(&Value::from("HIGH")));
    // One that somebody else has closed counts as gone.
    google.ask(&json!({"change": {"path": path, "merge": {"state": "INACTIVE"}}}));
    assert!(read(&provider, FINDING, &back.id, Some(&back)).is_none());
    assert_eq!(google.ask(&json!({"faults": {}})), json!([]));
}

#[test]
fn policies_keep_the_name_of_their_project_however_many_are_read_at_once() {
    let (google, provider) = google();
    let names = [
        "storage.uniformBucketLevelAccess",
        "sql.restrictPublicIp",
        "compute.requireOsLogin",
        "iam.disableServiceAccountKeyCreation",
        "compute.skipDefaultNetworkCreation",
    ];
    let made: Vec<ObjectState> = names
        .iter()
        .map(|name| {
            let spec = json!({"rules": [{"enforce": true}]});
            create(
                &provider,
                POLICY,
                json!({"parent": "projects/simulated", "name": name, "spec": spec}),
            )
            .unwrap()
        })
        .collect();
    google.ask(&json!({"calls": {}}));
    let requests = made
        .iter()
        .map(|object| ReadRequest {
            resource_type: POLICY.parse().unwrap(),
            name: "subject".parse().unwrap(),
            id: object.id.clone(),
            prior: Some(object.clone()),
        })
        .collect();
    let seen = block_on(provider.read_many(requests)).unwrap().unwrap();
    for (seen, made) in seen.into_iter().zip(&made) {
        let seen = seen.unwrap().unwrap();
        assert_eq!((&seen.id, &seen.attributes), (&made.id, &made.attributes));
    }
    let calls = google.ask(&json!({"calls": {}}));
    assert_eq!(calls, json!({"orgpolicy.projects.policies.list": 1}));
    // The same through any type, where the body has the whole name.
    let whole = json!({"type": "orgpolicy/v2/projects.policies",
        "body": {"name": "projects/simulated/policies/compute.disableSerialPortAccess", "spec": {"rules": [{"enforce": true}]}}});
    let object = create(&provider, "gcp:rest:Resource", whole.clone()).unwrap();
    let seen = read(&provider, "gcp:rest:Resource", &object.id, Some(&object)).unwrap();
    assert_eq!(
        seen.attributes.attribute("body"),
        Some(&value(whole["body"].clone()))
    );
    assert_eq!(google.ask(&json!({"faults": {}})), json!([]));
}

#[test]
fn what_a_policy_cannot_say_is_told_before_google_is_asked() {
    let (google, provider) = google();
    let policy =
        |spec: Json| json!({"parent": "projects/simulated", "name": "sql.restrictPublicIp", "spec": spec});
    for (inputs, expected) in [
        (
            json!({"parent": "projects/simulated", "name": "sql.restrictPublicIp"}),
            vec!["spec: the policy says nothing"],
        ),
        (
            policy(json!({"reset": true, "rules": [{"enforce": true}]})),
            vec!["spec.reset: the policy is reset, and says more beside that"],
        ),
        (
            policy(json!({"rules": [{"enforce": true}, {"enforce": true, "deny_all": true}, {}]})),
            vec![
                "spec.rules[1]: the rule says more than one thing",
                "spec.rules[2]: the rule says nothing",
            ],
        ),
        (
            json!({"parent": "shop", "name": "constraints/sql.restrictPublicIp", "spec": {"rules": [{"enforce": true}]}}),
            vec![
                "name: `constraints/sql.restrictPublicIp` does not have the form it must have",
                "parent: `shop` does not have the form it must have",
            ],
        ),
        (policy(json!({"rules": [{"enforce": false}]})), vec![]),
    ] {
        assert_eq!(complaints(&provider, POLICY, inputs), expected);
    }
    assert_eq!(google.ask(&json!({"calls": {}})), json!({}));
}
