//! The generated bindings. Plugin authors do not need them: `export_compliance!` does.
#![allow(
    missing_docs,
    unsafe_code,
    clippy::all,
    clippy::restriction,
    unused_qualifications
)]

wit_bindgen::generate!({
    path: "../../wit",
    world: "compliance-plugin",
    pub_export_macro: true,
    export_macro_name: "export_compliance_plugin",
    default_bindings_module: "konductor_sdk_compliance::bindings",
    with: {
        "konductor:plugin/types@0.1.0": konductor_sdk::bindings::konductor::plugin::types,
        "konductor:plugin/cloud@0.1.0": konductor_sdk::bindings::konductor::plugin::cloud,
        "konductor:plugin/log@0.1.0": konductor_sdk::bindings::konductor::plugin::log,
        "konductor:plugin/clock@0.1.0": konductor_sdk::bindings::konductor::plugin::clock,
        "konductor:plugin/random@0.1.0": konductor_sdk::bindings::konductor::plugin::random,
    },
});
