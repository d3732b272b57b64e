//! The `azure` section of the configuration.
//!
//! What is about credentials, endpoints and tags is for the host, which authenticates requests and tags resources. Here
//! each of `resource_groups` becomes a resource group.

use konductor_sdk::prelude::*;

/// The module.
#[derive(Debug)]
pub struct AzureModule;

const SCHEMA: &str = include_str!("module.schema.json");

impl Module for AzureModule {
    fn namespace(&self) -> &'static str {
        "azure"
    }

    fn config_schema(&self) -> serde_json::Value {
        // A test reads it, so the empty schema is never given out.
        serde_json::from_str(SCHEMA).unwrap_or_default()
    }

    fn defaults(&self) -> Value {
        Value::empty_map()
    }

    fn construct(&self, request: &ConstructRequest, construction: &mut Construction) -> Result<(), Failure> {
        let config = &request.inputs;
        if config.attribute("enabled").and_then(Value::as_boolean) == Some(false) {
            return Ok(());
        }
        let location = config.attribute("location").cloned().unwrap_or_default();
        construction.output("location", location);
        let groups = config
            .attribute("resource_groups")
            .and_then(Value::as_map)
            .cloned()
            .unwrap_or_default();
        for (name, group) in groups {
            let given = |member| group.attribute(member).cloned();
            let declared = construction
                .declare(&name, "azure:resources:ResourceGroup")
                .set(
                    "name",
                    given("name").unwrap_or_else(|| Value::from(name.as_str())),
                )
                .set("location", given("location").unwrap_or_default())
                .set("tags", given("tags").unwrap_or_default())
                .add();
            construction.output(&name, declared.at(Path::root()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    #[test]
    fn the_schema_has_what_the_host_reads_and_refuses_what_nobody_reads() {
        let schema = AzureModule.config_schema();
        let members: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
        for name in [
            "enabled",
            "location",
            "subscription_id",
            "tags",
            "cloud",
            "endpoint_url",
            "endpoints",
            "resource_groups",
        ] {
            assert!(
                members.iter().any(|member| *member == name),
                "{name} is missing in {members:?}"
            );
        }
        assert_eq!(schema["additionalProperties"], Json::Bool(false));
    }

    #[test]
    fn each_resource_group_is_declared() {
        let mut construction = Construction::default();
        let inputs = konductor_sdk::model::value_json::from_json(json!({
            "enabled": true,
            "location": "westeurope",
            "resource_groups": { "shop": {}, "data": { "name": "shop-data", "location": "northeurope" } }
        }))
        .unwrap();
        let request = ConstructRequest {
            target: "azure".into(),
            name: "azure".parse().unwrap(),
            inputs,
            metadata: Value::Null,
        };
        AzureModule.construct(&request, &mut construction).unwrap();
        let made = construction.finish();
        let names: Vec<&str> = made
            .declarations
            .iter()
            .map(|declared| declared.name.as_str())
            .collect();
        assert_eq!(names, ["data", "shop"]);
        assert!(made.outputs.attribute("shop").is_some());
    }
}
