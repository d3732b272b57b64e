//! The `gcp` section of the configuration.
//!
//! What is about credentials, endpoints and labels is for the host, which authenticates requests and labels resources.
//! Project, region and zone are what resources take that do not say their own.

use konductor_sdk::prelude::*;

/// The module.
#[derive(Debug)]
pub struct GcpModule;

const SCHEMA: &str = include_str!("module.schema.json");

impl Module for GcpModule {
    fn namespace(&self) -> &'static str {
        "gcp"
    }

    fn config_schema(&self) -> serde_json::Value {
        // A test reads it, so the empty schema is never given out.
        serde_json::from_str(SCHEMA).unwrap_or_default()
    }

    fn defaults(&self) -> Value {
        Value::empty_map()
    }

    fn construct(&self, request: &ConstructRequest, construction: &mut Construction) -> Result<(), Failure> {
        for name in ["project", "region", "zone"] {
            let value = request.inputs.attribute(name).cloned().unwrap_or_default();
            construction.output(name, value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_of_the_section_is_json_and_closed() {
        let schema = GcpModule.config_schema();
        assert_eq!(schema["title"], "gcp");
        assert_eq!(schema["additionalProperties"], false);
        for name in [
            "enabled",
            "project",
            "region",
            "zone",
            "labels",
            "endpoint_url",
            "endpoints",
        ] {
            assert!(schema["properties"][name].is_object(), "{name}");
        }
    }
}
