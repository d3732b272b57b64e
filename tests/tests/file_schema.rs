//! The schemas of the files, as an editor gets them, held against what the commands say of the same files. JSON is YAML, so
//! one text is both.

use konductor_tests::Project;
use serde_json::{Value, json};

fn schema(arguments: &[&str]) -> Value {
    let empty = Project::empty();
    let printed = empty.run([&["config", "schema"], arguments].concat()).succeeds();
    serde_json::from_str(&printed.stdout).unwrap()
}

#[test]
fn a_schema_is_printed_for_each_file_and_needs_no_project() {
    for (file, key) in [
        ("project", "workers"),
        ("stack", "resources"),
        ("organization", "then"),
    ] {
        let schema = schema(&[file]);
        assert!(jsonschema::meta::is_valid(&schema), "{file}");
        assert!(schema.to_string().contains(&format!("\"{key}\"")), "{file}");
    }
    assert_eq!(schema(&[]), schema(&["project"]));
    let event = Project::empty()
        .run(["config", "schema", "stack", "--json"])
        .succeeds()
        .events();
    assert_eq!(event[0]["schema"], schema(&["stack"]));
}

#[test]
fn what_is_wrong_in_a_policy_is_refused_by_the_schema_and_by_the_command() {
    let validator = jsonschema::validator_for(&schema(&["project"])).unwrap();
    let with = |policy: Value| json!({ "name": "items", "policy": policy });
    let command = |document: &Value| {
        let project = Project::from_text(&document.to_string(), "{}");
        project.run(["plan", "--simulate"])
    };
    let right = with(json!({
        "version": 1,
        "plugins": {
            "sources": ["bundled"], "unlocked": "allow", "local": "deny", "minimum_versions": { "aws": "1.4.0" },
            "yanked": [{ "plugin": "aws", "version": "1.5.0", "reason": "leaks tags" }],
        },
        "grants": {
            "endpoints": [{ "service": "ec2", "regions": ["eu-*"], "methods": ["GET"] }],
            "accounts": ["123456789012"], "reveal": "deny", "token_operations": "deny", "requested": "allow",
        },
        "cloud": { "fips": "optional" },
        "bundles": { "sources": ["oci://registry.example.com/policies/*"] },
    }));
    assert!(validator.is_valid(&right));
    command(&right).succeeds();
    for policy in [
        json!({ "plugin": {} }),
        json!({ "version": 2 }),
        json!({ "plugins": { "source": [] } }),
        json!({ "plugins": { "sources": "bundled" } }),
        json!({ "plugins": { "local": "no" } }),
        json!({ "plugins": { "yanked": [{ "plugin": "aws", "versions": "1.0.0" }] } }),
        json!({ "plugins": { "signers": [{ "name": "a", "key": [] }] } }),
        json!({ "grants": { "endpoint": [] } }),
        json!({ "grants": { "endpoints": [{ "services": "ec2" }] } }),
        json!({ "grants": { "accounts": [123] } }),
        json!({ "grants": { "reveal": "never" } }),
        json!({ "cloud": { "fips": true } }),
        json!({ "cloud": { "fipps": "required" } }),
        json!({ "packages": [{ "name": "a", "directory": "b", "levels": "mandatory" }] }),
        json!({ "packages": [{ "name": "a", "directory": "b", "level": "hard" }] }),
        json!({ "packages": [{ "name": "a", "directory": "b", "plugin": "c" }] }),
        json!({ "packages": [{ "name": "a", "plugin": "c", "on": ["plans"] }] }),
        json!({ "packages": [{ "name": "a", "source": "oci://registry.example.com/a:1", "digests": "sha256:00" }] }),
        json!({ "packages": [{ "name": "a", "source": "oci://registry.example.com/a:1", "signers": "platform" }] }),
        json!({ "packages": [{ "name": "a", "directory": "b", "on": ["apply"] }] }),
        json!({ "bundles": { "local": "deny" } }),
        json!({ "bundles": { "signers": [{ "name": "a", "plugins": [] }] } }),
    ] {
        let document = with(policy);
        assert!(
            !validator.is_valid(&document),
            "the schema should refuse {document}"
        );
        command(&document).ends_with(1);
    }
}
