//! The `aws` section of the configuration.
//!
//! What is about credentials, endpoints and tags is for the host, which signs requests and tags resources; here `vpc`
//! and `s3` become components.

use std::collections::BTreeMap;

use konductor_sdk::prelude::*;

/// The module.
pub struct Aws;

const SCHEMA: &str = include_str!("module.schema.json");

impl Module for Aws {
    fn namespace(&self) -> &'static str {
        "aws"
    }

    fn config_schema(&self) -> serde_json::Value {
        // A test reads it, so the empty schema is never given out.
        serde_json::from_str(SCHEMA).unwrap_or_default()
    }

    fn defaults(&self) -> Value {
        Value::from([
            (
                "vpc",
                Value::from([
                    ("enabled", Value::from(false)),
                    ("enable_dns_support", true.into()),
                    ("enable_dns_hostnames", true.into()),
                    ("public_subnets", true.into()),
                    ("map_public_ip_on_launch", false.into()),
                ]),
            ),
            ("s3", Value::from([("enabled", true)])),
        ])
    }

    fn construct(&self, request: &ConstructRequest, construction: &mut Construction) -> Result<(), Failure> {
        let config = &request.inputs;
        if config.optional_boolean("enabled") == Some(false) {
            return Ok(());
        }
        let empty = Value::empty_map();
        let region = config.attribute("region").cloned().unwrap_or_default();
        construction.output("region", region.clone());
        if let Some(vpc) = config.given("vpc").filter(|vpc| vpc.boolean("enabled")) {
            let network = declare(
                construction,
                "vpc",
                "aws:vpc:SecureVpc",
                vpc,
                &[("region", region)],
            );
            construction.output("vpc", network.at(Path::root()));
        }
        let s3 = config.given("s3").unwrap_or(&empty);
        if s3.optional_boolean("enabled") != Some(false) {
            buckets(s3, construction);
        }
        Ok(())
    }
}

/// Declares a component with a section's members but `enabled`, below what is given besides.
fn declare(
    construction: &mut Construction,
    name: &str,
    type_name: &str,
    section: &Value,
    besides: &[(&str, Value)],
) -> Sibling {
    let mut declaration = construction.declare(name, type_name);
    for (property, value) in besides {
        declaration = declaration.set(property, value.clone());
    }
    let empty = BTreeMap::new();
    for (property, value) in section.as_map().unwrap_or(&empty) {
        if property != "enabled" {
            declaration = declaration.set(property, value.clone());
        }
    }
    declaration.add()
}

fn buckets(s3: &Value, construction: &mut Construction) {
    let empty = BTreeMap::new();
    let listed = s3.given("buckets").and_then(Value::as_map).unwrap_or(&empty);
    let logging_bucket = s3.given("logging_bucket");
    let name_of = |key: &str, section: &Value| section.given("bucket").cloned().unwrap_or_else(|| key.into());
    // The bucket that takes the logs comes first, so that the others can refer to it.
    let own = logging_bucket.and_then(|wanted| {
        listed
            .iter()
            .find(|(key, section)| name_of(key, section).same_as(wanted))
    });
    let mut outputs = BTreeMap::new();
    let mut target = logging_bucket.cloned();
    if let Some((key, section)) = own {
        let mut section = section.clone();
        section.put(&Path::attribute("receives_access_logs"), true.into());
        let bucket = bucket(construction, key, &section, None);
        outputs.insert(key.clone(), bucket.at(Path::root()));
        target = Some(bucket.attribute("log_target"));
    }
    for (key, section) in listed {
        if own.is_none_or(|(own, _)| own != key) {
            let bucket = bucket(construction, key, section, target.as_ref());
            outputs.insert(key.clone(), bucket.at(Path::root()));
        }
    }
    construction.output("buckets", Value::Map(outputs));
}

fn bucket(
    construction: &mut Construction,
    key: &str,
    section: &Value,
    log_target: Option<&Value>,
) -> Sibling {
    let mut section = section.clone();
    let logs = section.attribute("logging");
    let decided = section.boolean("receives_access_logs")
        || logs.is_some_and(|logs| {
            logs.optional_boolean("enabled") == Some(false) || logs.given("target_bucket").is_some()
        });
    if let Some(target) = log_target.filter(|_| !decided) {
        section.put(&Path::attribute("logging").child("target_bucket"), target.clone());
    }
    declare(
        construction,
        &format!("bucket-{key}"),
        "aws:s3:SecureBucket",
        &section,
        &[("bucket", key.into())],
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::test_plugin::{construct, messages, shown};

    fn problems(config: &Json) -> Vec<String> {
        let schema: Json = serde_json::from_str(SCHEMA).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        validator
            .iter_errors(config)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect()
    }

    /// The stack that the project promises to work as it stands, with its references resolved.
    fn promised() -> Json {
        json!({
            "enabled": true,
            "region": "us-west-2",
            "tags": { "Environment": "dev", "Project": "example-project", "ManagedBy": "konductor" },
            "vpc": {
                "enabled": true, "cidr_block": "10.0.0.0/16", "enable_dns_support": true, "enable_dns_hostnames": true,
            },
        })
    }

    fn constructed(config: Json) -> ConstructResponse {
        assert_eq!(problems(&config), Vec::<String>::new());
        construct("aws", "aws", config, json!({}))
    }

    #[test]
    fn the_promised_stack_becomes_a_network() {
        let response = constructed(promised());
        insta::assert_json_snapshot!(shown(&response));
        let network = response.declarations.first().unwrap();
        let inputs = konductor_sdk::model::value_json::to_plain_json(&network.properties);
        let below = construct(network.resource_type.as_str(), "aws/vpc", inputs, json!({}));
        assert_eq!(messages(&below), Vec::<String>::new());
        let count = |kind: &str| {
            below
                .declarations
                .iter()
                .filter(|d| d.resource_type.as_str() == kind)
                .count()
        };
        assert_eq!(count("aws:ec2:Subnet"), 6);
        assert_eq!(count("aws:ec2:NatGateway"), 1);
    }

    #[test]
    fn buckets_log_to_the_one_that_takes_the_logs() {
        let response = constructed(json!({
            "region": "us-west-2",
            "s3": {
                "logging_bucket": "org-logs",
                "buckets": {
                    "assets": {},
                    "logs": { "bucket": "org-logs" },
                    "cache": { "logging": { "enabled": false, "reason": "derived data" } },
                },
            },
        }));
        insta::assert_json_snapshot!(shown(&response));
    }

    #[test]
    fn what_is_switched_off_is_not_made() {
        assert!(
            constructed(json!({ "vpc": { "enabled": false, "cidr_block": "10.0.0.0/16" } }))
                .declarations
                .is_empty()
        );
        assert!(
            constructed(json!({ "s3": { "enabled": false, "buckets": { "a": {} } } }))
                .declarations
                .is_empty()
        );
        let mut config = promised();
        config["enabled"] = false.into();
        assert!(constructed(config).declarations.is_empty());
    }

    #[test]
    fn the_defaults_are_valid_and_switch_nothing_on() {
        let defaults = konductor_sdk::model::value_json::to_plain_json(&Aws.defaults());
        assert!(constructed(defaults).declarations.is_empty());
    }

    #[test]
    fn mistakes_are_found_where_they_stand() {
        let at = |config: Json| problems(&config).join("\n");
        assert!(at(json!({ "regoin": "us-west-2" })).contains("regoin"));
        assert!(at(json!({ "vpc": { "enabled": true } })).contains("cidr_block"));
        assert!(at(json!({ "vpc": { "nat_gateways": "two" } })).starts_with("/vpc/nat_gateways"));
        assert!(at(json!({ "tags": { "aws:x": "1" } })).starts_with("/tags"));
        assert!(at(json!({ "credentials": { "access_key_id": "A" } })).contains("secret_access_key"));
        assert!(at(json!({ "endpoint_url": "http://user@host" })).starts_with("/endpoint_url"));
        assert!(
            at(json!({ "oidc_provider": { "role_arn": "arn:aws:iam::123456789012:role/a" } }))
                .contains("token_file")
        );
        assert_eq!(
            at(json!({ "region": "us-gov-west-1", "endpoint_url": "http://127.0.0.1:5000" })),
            ""
        );
    }

    #[test]
    fn every_property_says_what_it_is() {
        fn check(schema: &Json, place: &str) {
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                assert!(property["description"].is_string(), "{place}/{name}");
                check(property, &format!("{place}/{name}"));
            }
            let object = schema["properties"].is_object() && place != "/if";
            assert!(
                !object || schema["additionalProperties"] == false,
                "{place} takes anything"
            );
            for (name, definition) in schema["$defs"].as_object().into_iter().flatten() {
                check(definition, &format!("$defs/{name}"));
            }
        }
        check(&Aws.config_schema(), "");
    }

    /// What the component takes and the section does not would be out of reach, and the other way round refused late.
    #[test]
    fn the_sections_take_what_the_components_take() {
        let schema = Aws.config_schema();
        let section = |names: &Json, without: &str| -> Vec<String> {
            let names = names.as_object().unwrap().keys();
            names.filter(|name| *name != without).cloned().collect()
        };
        let inputs = |component: &dyn Component, without: &str| -> Vec<String> {
            let schema = component.schema().unwrap();
            schema
                .inputs()
                .map(|(name, _)| name.clone())
                .filter(|name| name != without)
                .collect()
        };
        assert_eq!(
            section(&schema["properties"]["vpc"]["properties"], "enabled"),
            inputs(&crate::secure_vpc::SecureVpc, "region"),
        );
        assert_eq!(
            section(&schema["$defs"]["bucket"]["properties"], ""),
            inputs(&crate::secure_bucket::SecureBucket, ""),
        );
    }
}
