use serde_json::json;

use crate::{Given, lines, load, project};

fn schema() -> serde_json::Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": ["region"],
        "additionalProperties": false,
        "properties": {
            "region": {"enum": ["us-east-1", "us-west-2"], "description": "Where things are made."},
            "vpc": {"$ref": "#/$defs/vpc"},
            "zones": {"type": "array", "items": {"type": "string", "pattern": "^[a-c]$"}, "uniqueItems": true},
            "count": {"type": "integer", "minimum": 1},
            "account": {"type": "string"},
            "access": {"anyOf": [{"type": "string"}, {"type": "object", "required": ["role"], "properties": {"role": {"type": "string"}}}]}
        },
        "$defs": {"vpc": {
            "type": "object",
            "required": ["cidr_block"],
            "additionalProperties": false,
            "properties": {"cidr_block": {"type": "string", "description": "The range of addresses."}, "dns": {"type": "boolean"}}
        }}
    })
}

fn violations(aws: &str) -> Vec<String> {
    let configuration = project(&format!("name: shop\nconfig:\n  aws:\n{aws}"));
    lines(&configuration.validate_module("aws", &schema()))
}

#[test]
fn a_configuration_that_fits_has_nothing_to_say() {
    let found = violations(
        "    enabled: true\n    region: us-west-2\n    credentials: {x: 1}\n    vpc: {cidr_block: 10.0.0.0/16}\n    access: {role: r}\n",
    );
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_violation_is_reported_at_its_place() {
    let found = violations(
        "    region: us-west-1\n    vpc:\n      cidr_blok: 10.0.0.0/16\n      dns: \"true\"\n    zones: [a, z, 3]\n    count: 0\n    account: 123456789012\n    access: {role: 1}\n",
    );
    let text = found.join("\n");
    for expected in [
        "konductor.yaml:4:13: aws.region: expected `us-east-1` or `us-west-2`, found `us-west-1` (Where things are made); did you mean `us-west-2`?",
        "konductor.yaml:5:5: aws.vpc: `cidr_block` is missing (The range of addresses)",
        "konductor.yaml:6:7: aws.vpc.cidr_blok: there is no setting `cidr_blok` here; did you mean `cidr_block`?",
        "konductor.yaml:7:12: aws.vpc.dns: expected true or false, found text; remove the quotes",
        "konductor.yaml:8:16: aws.zones[1]: expected text of the form `^[a-c]$`, found `z`",
        "konductor.yaml:8:19: aws.zones[2]: expected text, found a number; write it in quotes if it is text",
        "konductor.yaml:9:12: aws.count: expected at least 1, found `0`",
        "konductor.yaml:10:14: aws.account: expected text, found a number; write it in quotes if it is text",
        "konductor.yaml:11:20: aws.access.role: expected text, found a number",
    ] {
        assert!(text.contains(expected), "missing: {expected}\n{text}");
    }
    assert_eq!(found.len(), 9, "{text}");
}

#[test]
fn a_missing_setting_points_at_the_section() {
    let found = violations("    count: 1\n");
    assert_eq!(
        found,
        ["error: konductor.yaml:3:3: aws: `region` is missing (Where things are made)"]
    );
}

#[test]
fn what_is_not_known_yet_is_not_judged() {
    let found = violations(
        "    region: \"${network.region}\"\n    vpc: {cidr_block: \"10.${network.n}.0.0/16\", dns: \"${stack:a/b/c.d}\"}\n    zones: [\"${network.zone}\", \"${network.other}\"]\n    count: {secure: \"v1:AAAA\"}\n    access: \"${network.role}\"\n",
    );
    assert!(found.is_empty(), "{found:#?}");
    let found = violations("    region: \"${network.region}\"\n    zones: [\"${network.zone}\", zz]\n");
    assert_eq!(found.len(), 1, "{found:#?}");
}

#[test]
fn a_value_from_the_environment_names_the_variable() {
    let configuration = load(Given {
        project: "name: shop\nconfig:\n  aws: {region: us-west-2}\n",
        environment: &[("KONDUCTOR_AWS__COUNT", "many")],
        ..Given::default()
    })
    .unwrap();
    assert_eq!(
        lines(&configuration.validate_module("aws", &schema())),
        [
            "error: environment variable KONDUCTOR_AWS__COUNT: aws.count: expected a whole number, found text; remove the quotes"
        ]
    );
}

#[test]
fn a_schema_that_is_none_is_the_plugins_fault() {
    let configuration = project("name: shop\nconfig:\n  aws: {}\n");
    let text = configuration
        .validate_module("aws", &json!({"type": 3}))
        .to_string();
    assert!(text.contains("fault of the plugin"), "{text}");
}
