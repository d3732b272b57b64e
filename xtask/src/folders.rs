//! Where things are in the checkout.

use std::path::{Path, PathBuf};

/// Returns the top folder of the checkout.
pub fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// Returns the folder that builds go to.
pub fn target() -> PathBuf {
    root().join("target")
}

/// Returns the host binary of a profile folder (`debug` or `release`).
pub fn konductor(profile: &str) -> PathBuf {
    target()
        .join(profile)
        .join(format!("konductor{}", std::env::consts::EXE_SUFFIX))
}
