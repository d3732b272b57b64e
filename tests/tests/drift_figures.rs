//! Drift in numbers: a thousand resources inside a cloud's limit of requests, and no drift where nobody did anything.

use std::process::Command;
use std::time::{Duration, Instant};

use konductor_tests::{AwsAccount, Project, python};
use serde_json::{Value, json};

const STACK: &str = "config:\n  aws: { region: us-west-2 }\n";
/// What Azure's resource manager lets a principal read; EC2 lets more.
const RATE: u32 = 25;
const BURST: u32 = 250;
const RESOURCES: usize = 1_000;
const LIMIT: Duration = Duration::from_secs(30);

/// The one event `drift` of a run.
#[track_caller]
fn found(project: &Project) -> Value {
    let finished = project.run(["drift", "--json", "--normalised"]).succeeds();
    let event = finished
        .events()
        .into_iter()
        .find(|event| event["event"] == "drift");
    event.unwrap_or_else(|| panic!("should have an event `drift`: {finished}"))
}

#[test]
fn a_thousand_resources_are_checked_within_half_a_minute_and_within_the_limit_of_a_cloud() {
    let account = AwsAccount::open();
    let resources: serde_json::Map<String, Value> = (0..RESOURCES)
        .map(|number| {
            let properties = json!({"availability_zone": "us-west-2a", "size": 1 + number % 10});
            let volume = json!({"type": "aws:ec2:Volume", "properties": properties});
            (format!("volume-{number}"), volume)
        })
        .collect();
    let text = json!({"name": "many", "resources": resources}).to_string();
    let project = Project::from_text(&text, STACK).with_account(&account);
    project.run(["run", "--yes"]).succeeds();

    // A drift that must be found among the thousand, made by boto3, which is not limited.
    let volume = project.objects()["volume-500"].1.clone();
    account.call("ec2", "delete_volume", json!({"VolumeId": volume}));
    account.limit(RATE, BURST);
    let since = Instant::now();
    let drift = found(&project);
    let took = since.elapsed();
    let (passed, refused) = account.limited();
    println!("{RESOURCES} resources in {took:?}: {passed} requests, {refused} refused");
    assert_eq!(drift["objects"], RESOURCES);
    assert_eq!(drift["counts"], json!({"deleted-outside": 1}));
    assert_eq!(refused, 0, "of {} requests", passed + refused);
    assert!(passed <= u64::from(BURST), "{passed} requests");
    assert!(took < LIMIT, "{took:?}");

    // The limit is one: where it is too small for a batch at once, it refuses, and what is refused is asked again.
    account.limit(2, 1);
    let drift = found(&project);
    let (passed, refused) = account.limited();
    println!("with 2 a second: {passed} requests, {refused} refused");
    assert!(refused > 0, "{passed} requests");
    assert_eq!(drift["counts"], json!({"deleted-outside": 1}));
}

/// Reads the fixtures of the conformance kit: for each resource its type and its inputs.
fn fixtures() -> serde_json::Map<String, Value> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/aws_conformance.yaml");
    let script = "import json, sys, yaml\nprint(json.dumps(yaml.safe_load(open(sys.argv[1]))['resources']))";
    let output = Command::new(python())
        .args(["-c", script, file])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Declares every fixture, with the change that it makes in place where `changed` is true.
fn declared(fixtures: &serde_json::Map<String, Value>, changed: bool) -> String {
    let resources: serde_json::Map<String, Value> = fixtures
        .iter()
        .map(|(name, fixture)| {
            let mut properties = fixture["inputs"].clone();
            if let (true, Some(change)) = (changed, fixture["update"].as_object()) {
                properties.as_object_mut().unwrap().extend(change.clone());
            }
            (
                name.clone(),
                json!({"type": fixture["type"], "properties": properties}),
            )
        })
        .collect();
    json!({"name": "fixtures", "resources": resources}).to_string()
}

#[test]
fn what_nobody_touched_has_not_drifted_whatever_the_type() {
    let account = AwsAccount::open();
    let fixtures = fixtures();
    assert!(fixtures.len() > 10, "{fixtures:?}");
    let project = Project::from_text(&declared(&fixtures, false), STACK).with_account(&account);
    // Some have secrets, which the state keeps sealed.
    project.run(["config", "key", "generate"]).succeeds();
    project.run(["run", "--yes"]).succeeds();
    let mut false_alarms = Vec::new();
    let mut checks = 0;
    let mut check = || {
        let drift = found(&project);
        checks += drift["objects"].as_u64().unwrap();
        let drifted = drift["differences"].as_array().unwrap().iter();
        let drifted = drifted.filter(|found| found["kind"] != "normalised").cloned();
        false_alarms.extend(drifted.collect::<Vec<_>>());
    };
    check();
    project.write("konductor.yaml", &declared(&fixtures, true));
    project.run(["config", "key", "generate"]).succeeds();
    project.run(["run", "--yes"]).succeeds();
    check();
    project.run(["refresh"]).succeeds();
    check();
    assert_eq!(checks, 3 * fixtures.len() as u64);
    assert_eq!(false_alarms, [] as [Value; 0], "of {checks} checks");
    project.assert_nothing_to_do();
}
