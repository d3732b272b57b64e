//! The Konductor plugin for compliance frameworks. It knows no framework yet, and says so.
#![allow(
    clippy::result_large_err,
    reason = "a failure is rare and carries everything a person needs"
)]

use konductor_sdk_compliance::model::{Failure, Manifest};
use konductor_sdk_compliance::{CompliancePlugin, Definition};
use serde_json::Value;

/// The plugin.
#[derive(Debug)]
pub struct Compliance;

impl CompliancePlugin for Compliance {
    fn manifest() -> Manifest {
        Definition::new("compliance", env!("CARGO_PKG_VERSION"))
            .description("Compliance frameworks: none yet")
            .manifest()
    }

    fn frameworks() -> Value {
        Value::Array(Vec::new())
    }

    fn controls_for(_resource_type: &str) -> Value {
        Value::Array(Vec::new())
    }

    fn evaluate(_request: Value) -> Result<Value, Failure> {
        Ok(Value::Array(Vec::new()))
    }
}

konductor_sdk_compliance::export_compliance!(Compliance);
