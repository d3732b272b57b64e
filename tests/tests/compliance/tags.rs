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

/// Returns the value that an attribute of a resource gets.
fn planned(finished: &Finished, resource: &str, attribute: &str) -> Value {
    let events = finished.events();
    let plan = events.iter().find(|event| event["event"] == "plan").unwrap();
    let mut steps = plan["steps"].as_array().unwrap().iter();
    let step = steps.find(|step| step["name"] == resource).unwrap();
    let mut changes = step["changes"].as_array().unwrap().iter();
    let change = changes.find(|change| change["path"] == attribute).unwrap();
    change["new"].clone()
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
        json!({ "compliance_iso-27001_a_8_24": "applies", "compliance_nist-800-53_sc-28_1": "applies" })
    );
    project.run(["run", "--simulate", "--yes"]).succeeds();
    project
        .run(["plan", "--simulate", "--detailed-exitcode"])
        .ends_with(0);

    // A whole framework is more than a cloud allows: its controls stand together, and only tags change.
    project.edit(
        "konductor.dev.yaml",
        "\"nist-800-53:sc-28.1\", \"iso-27001:A.8.24\"",
        "nist-800-53",
    );
    let plan = project.run(["plan", "--simulate", "--json"]).succeeds();
    let tags = planned(&plan, "disk", "tags.compliance:nist-800-53");
    assert!(tags.as_str().unwrap().starts_with("ac-"), "{tags}");
    assert!(tags.as_str().unwrap().chars().count() <= 256, "{tags}");
    let applied = project.run(["run", "--simulate", "--yes"]).succeeds();
    assert!(!applied.stdout.contains("size"), "{applied}");
    project
        .run(["plan", "--simulate", "--detailed-exitcode"])
        .ends_with(0);
}
