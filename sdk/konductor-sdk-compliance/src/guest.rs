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

    /// Judges what a request, a JSON document, is about, and answers with another.
    ///
    /// # Errors
    /// When the request cannot be understood.
    fn evaluate(request: serde_json::Value) -> Result<serde_json::Value, Failure>;

    /// Does the same with the documents as text, for a plugin that reads large ones in its own way.
    ///
    /// # Errors
    /// When the request cannot be understood.
    fn evaluate_text(request: &str) -> Result<String, Failure> {
        let request = serde_json::from_str(request).map_err(|error| {
            Failure::new(Disposition::Invalid, format!("the request is not JSON: {error}"))
        })?;
        Ok(Self::evaluate(request)?.to_string())
    }
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

    fn evaluate(request: String) -> Result<String, wit::Error> {
        P::evaluate_text(&request).map_err(failure_out)
    }
}
