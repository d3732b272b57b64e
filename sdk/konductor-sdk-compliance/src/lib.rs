//! The SDK for authors of compliance plugins, which judge resources and manage none. Most of them are [checks] that a
//! package of policies names.
//!
//! It is a crate of its own because the generated macros of two worlds cannot stand in one.
#![allow(
    clippy::result_large_err,
    reason = "a failure is rare and carries everything a person needs"
)]

pub mod bindings;
pub mod checks;
mod guest;

pub use guest::{ComplianceAdapter, CompliancePlugin};
pub use konductor_model as model;
pub use konductor_sdk::Definition;
#[doc(hidden)]
pub use serde_json::Value as Json;

/// Exports a [`CompliancePlugin`] as a component of the world `compliance-plugin`. Outside WebAssembly it does
/// nothing, so that a plugin can be tested natively.
#[macro_export]
macro_rules! export_compliance {
    ($plugin:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Exported = $crate::ComplianceAdapter<$plugin>;
    $crate::bindings::export_compliance_plugin!(Exported with_types_in $crate::bindings);
        };
    };
}
