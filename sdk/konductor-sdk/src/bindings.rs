//! The generated bindings. Plugin authors do not need them: `export_provider!` does.
#![allow(
    missing_docs,
    unsafe_code,
    clippy::all,
    clippy::restriction,
    unused_qualifications
)]

wit_bindgen::generate!({
    path: "../../wit",
    world: "provider-plugin",
    pub_export_macro: true,
    export_macro_name: "export_provider_plugin",
    default_bindings_module: "konductor_sdk::bindings",
});
