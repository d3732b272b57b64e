//! The exports of a compliance plugin.

use std::marker::PhantomData;

use konductor_model::{Disposition, Failure, Manifest};
use konductor_sdk::bindings::konductor::plugin::types as wit;
use konductor_sdk::wire::failure_out;

use crate::bindings::exports::konductor::plugin as exports;

/// A plugin that judges resources and manages none. Pure.
pub trait CompliancePlugin: 'static {
    /// Returns the plugin's manifest.
    fn manifest() -> Manifest;

    /// Returns the frameworks the plugin knows, as a JSON array.
    fn frameworks() -> serde_json::Value;

    /// Returns the controls that apply to a resource type, as a JSON array.
    fn controls_for(resource_type: &str) -> serde_json::Value;

    /// Judges resources, a JSON array, and returns findings, another.
    ///
    /// # Errors
    /// When the resources cannot be understood.
    fn evaluate(resources: serde_json::Value) -> Result<serde_json::Value, Failure>;
}

/// Stands between the bindings and a [`CompliancePlugin`].
#[doc(hidden)]
pub struct ComplianceAdapter<P>(PhantomData<P>);

impl<P: CompliancePlugin> exports::plugin::Guest for ComplianceAdapter<P> {
    fn describe() -> String {
        serde_json::to_string(&P::manifest()).unwrap_or_default()
    }
}

impl<P: CompliancePlugin> exports::compliance::Guest for ComplianceAdapter<P> {
    fn frameworks() -> String {
        P::frameworks().to_string()
    }

    fn controls_for(resource_type: String) -> String {
        P::controls_for(&resource_type).to_string()
    }

    fn evaluate(resources: String) -> Result<String, wit::Error> {
        serde_json::from_str(&resources)
            .map_err(|error| {
                Failure::new(
                    Disposition::Invalid,
                    format!("the resources are not JSON: {error}"),
                )
            })
            .and_then(P::evaluate)
            .map(|findings| findings.to_string())
            .map_err(failure_out)
    }
}
