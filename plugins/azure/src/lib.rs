//! The Konductor plugin for Microsoft Azure. It has no resource types yet, and says so.

use konductor_sdk::{Definition, Plugin};

/// The plugin.
#[derive(Debug)]
pub struct Azure;

impl Plugin for Azure {
    fn definition() -> Definition {
        Definition::new("azure", env!("CARGO_PKG_VERSION"))
            .description("Microsoft Azure: no resource types yet")
    }
}

konductor_sdk::export_provider!(Azure);
