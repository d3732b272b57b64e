//! Plugins in OCI registries.
//!
//! The types of manifests and of the configuration are those of `oci-client` and `oci-wasm`. The protocol is spoken
//! here and not by `oci-client`: its client reads answers without a limit, logs the tokens it is given, takes proxy
//! settings from the environment, panics on a token with a line end in it, and knows no identity tokens.

pub mod artifact;
mod authentication;
pub mod client;
pub mod credential_file;
pub mod index;
pub mod manifest;
pub mod reference;
mod referrers;
