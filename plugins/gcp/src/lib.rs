//! The Konductor plugin for Google Cloud. It has no resource types yet, and says so.

use konductor_sdk::{Definition, Plugin};

/// The plugin.
#[derive(Debug)]
pub struct Gcp;

impl Plugin for Gcp {
    fn definition() -> Definition {
        Definition::new("gcp", env!("CARGO_PKG_VERSION")).description("Google Cloud: no resource types yet")
    }
}

konductor_sdk::export_provider!(Gcp);
