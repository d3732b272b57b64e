//! The controls that apply to a resource are written onto it.

use konductor_tests::{Finished, Project};
use serde_json::{Value, json};

use super::STACK;

const RESOURCES: &str = "name: shop
resources:
  disk:
    type: aws:ec2:Volume
    properties: { availability_zone: us-west-2a, size: 10, encrypted: true, tags: { owner: shop } }
  objects:
    type: gcp:rest:Resource
    properties: { type: storage/v1/buckets, body: { name: shop-objects } }
";

/// Returns the paths at which a resource changes, with the new values.
fn changes(finished: &Finished, resource: &str) -> Vec<(String, Value)> {
    let events = finished.events();
    let plan = events.iter().find(|event| event["event"] == "plan").unwrap();
    let mut steps = plan["steps"].as_array().unwrap().iter();
    let step = steps.find(|step| step["name"] == resource).unwrap();
    let changes = step["changes"].as_array().unwrap().iter();
    changes
        .map(|change| (change["path"].as_str().unwrap().to_owned(), change["new"].clone()))
        .collect()
}

/// Returns the value that an attribute of a resource gets.
fn planned(finished: &Finished, resource: &str, attribute: &str) -> Value {
    let mut changes = changes(finished, resource).into_iter();
    changes.find(|(path, _)| path == attribute).unwrap().1
}

#[test]
fn controls_are_tags_of_the_resources_that_their_checks_look_at() {
    let section = "  compliance:\n    tags: [\"nist-800-53:sc-28.1\", \"iso-27001:A.8.24\"]\n";
    let project = Project::from_text(RESOURCES, &format!("{STACK}{section}"));
    let plan = project.run(["plan", "--simulate", "--json"]).succeeds();
    assert_eq!(
        planned(&plan, "disk", "tags"),
        json!({
            "owner": "shop", "compliance:iso-27001:A.8.24": "applies", "compliance:nist-800-53:sc-28.1": "applies",
        })
    );
    assert_eq!(
        planned(&plan, "objects", "labels"),
        json!({ "compliance_iso-27001_a_8_24": "applies" }),
        "no check of buckets of Google serves sc-28.1"
    );
    project.run(["run", "--simulate", "--yes"]).succeeds();
    project
        .run(["plan", "--simulate", "--detailed-exitcode"])
        .ends_with(0);

    // Whole frameworks are more than a cloud allows: their controls stand together, and only tags change.
    project.edit(
        "konductor.dev.yaml",
        "\"nist-800-53:sc-28.1\", \"iso-27001:A.8.24\"",
        "nist-800-53, pci-dss, hipaa, iso-27001, nist-800-53-high, nist-800-53-moderate, fedramp-high, fisma-high",
    );
    let applied = project.run(["run", "--simulate", "--yes", "--json"]).succeeds();
    let changed = changes(&applied, "disk");
    assert!(
        changed.iter().all(|(path, _)| path.starts_with("tags")),
        "{changed:?}"
    );
    let shown = project
        .run(["state", "show", "disk", "--simulate", "--json"])
        .succeeds();
    let shown = shown.stdout;
    assert!(shown.contains("\"compliance:nist-800-53\":\"au-9.3 "), "{shown}");
    assert!(!shown.contains("compliance:nist-800-53:"), "{shown}");
    project
        .run(["plan", "--simulate", "--detailed-exitcode"])
        .ends_with(0);
}
