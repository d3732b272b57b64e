//! Every line that a command prints with `--json` follows the documented schema.

use std::collections::BTreeSet;

use konductor_tests::Project;
use serde_json::Value;

const PROJECT: &str = "name: items
resources:
  one:
    type: reference:test:Item
    properties: { label: first }
  two:
    type: reference:test:Item
    properties: { label: second, value: \"${one.serial}\" }
outputs:
  serial: ${one.serial}
policy:
  packages: [{ name: labels, directory: policies, level: advisory }]
";

const POLICY: &str = "package labels

import rego.v1

deny contains {\"msg\": msg, \"label\": label} if {
    label := input.resource_changes[_].change.after.label
    msg := sprintf(\"%s is a label\", [label])
}
";

const POLICY_TEST: &str = "package labels_test

import rego.v1

import data.labels

test_a_label_is_told if {
    count(labels.deny) == 1 with input as {\"resource_changes\": [{\"change\": {\"after\": {\"label\": \"a\"}}}]}
}
";

fn schema() -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/events.schema.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn every_line_of_every_command_follows_the_schema() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let project = Project::from_text(PROJECT, "config: { project: { environment: dev } }\n");
    project.write("policies/labels.rego", POLICY);
    project.write("policies/labels_test.rego", POLICY_TEST);
    let commands: &[&[&str]] = &[
        &["policy", "list"],
        &["policy", "test", "--coverage", "--trace"],
        &["plan"],
        &["run", "--yes"],
        &["run", "--yes"],
        &["run", "--yes", "--replace", "one"],
        &["refresh"],
        &["drift"],
        &["drift", "--report", "drift.html"],
        &["drift", "history"],
        &["watch", "--once"],
        &["output"],
        &["state", "list"],
        &["state", "show", "one"],
        &["state", "move", "two", "three"],
        &["history", "--all"],
        &["diff", "0"],
        &["state", "at", "2"],
        &["rollback", "--to", "2", "--yes"],
        &[
            "run",
            "--yes",
            "--replace",
            "one",
            "--set",
            "safeguards.validation_timeout=1m",
        ],
        &["log", "show", "--all"],
        &["log", "verify"],
        &["audit"],
        &["audit", "export", "--output", "events"],
        &["audit", "verify"],
        &["backup", "--to", ".", "--dry-run"],
        &["backup", "--to", "."],
        &["restore", "--verify", "--from", "."],
        &["restore", "--from", ".", "--yes"],
        &["config", "show"],
        &["config", "get", "project.environment"],
        &["config", "explain", "project.environment"],
        &["config", "set", "project.owner", "me"],
        &["config", "unset", "project.owner"],
        &["catalog", "list", "--provider", "reference"],
        &["catalog", "show", "reference:test:Item"],
        &["plugin", "inspect", "reference"],
        &["plugin", "check", "reference"],
        &["graph"],
        &["compliance", "frameworks"],
        &["compliance", "controls", "soc2"],
        &["compliance", "checks", "--framework", "soc2"],
        &["compliance", "report", "--framework", "soc2"],
        &["version"],
        &["plan", "--set", "x"],
        &["state", "unlock", "--yes"],
        &["destroy", "--yes"],
    ];
    let mut seen = BTreeSet::new();
    for command in commands {
        let output = project.run([command, &["--json"][..]].concat());
        let mut lines = 0;
        for line in output.stdout.lines() {
            lines += 1;
            let event: Value =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{command:?}: {error}: {line}"));
            let problems: Vec<String> = validator
                .iter_errors(&event)
                .map(|error| error.to_string())
                .collect();
            assert!(problems.is_empty(), "{command:?}: {problems:?}\n{line}");
            seen.insert(event["event"].as_str().unwrap().to_owned());
        }
        assert!(lines > 0, "{command:?} printed nothing");
    }
    for event in [
        "plan",
        "operation-finished",
        "run",
        "difference",
        "validated",
        "diagnostic",
        "log-entry",
        "backup-made",
        "backup-verified",
        "restored",
        "explanation",
        "policy-package",
        "policy-decision",
        "policy-tests",
        "policy-tests-finished",
    ] {
        assert!(seen.contains(event), "{event} was never printed: {seen:?}");
    }
}

#[test]
fn the_schema_refuses_an_event_that_is_not_documented() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    assert!(!validator.is_valid(&serde_json::json!({ "event": "invented", "time": "2026-01-01T00:00:00Z" })));
    assert!(!validator.is_valid(&serde_json::json!({ "event": "output", "time": "2026-01-01T00:00:00Z" })));
}
