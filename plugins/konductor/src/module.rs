//! The `konductor` section of the configuration: which cloud components are in that do not say it.

use konductor_sdk::prelude::*;
use serde_json::json;

use crate::cloud::Cloud;

/// The module.
#[derive(Debug)]
pub struct Konductor;

impl Module for Konductor {
    fn namespace(&self) -> &'static str {
        "konductor"
    }

    fn config_schema(&self) -> serde_json::Value {
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "konductor",
            "description": "One vocabulary across clouds.",
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "enabled": { "description": "Whether the module is used at all.", "type": "boolean", "default": false },
                "cloud": {
                    "description": "The cloud of the components `konductor:…` that do not say their own.",
                    "enum": Cloud::ALL.map(Cloud::word),
                },
            },
        })
    }

    fn construct(&self, request: &ConstructRequest, construction: &mut Construction) -> Result<(), Failure> {
        construction.output(
            "cloud",
            request.inputs.attribute("cloud").cloned().unwrap_or_default(),
        );
        Ok(())
    }
}
