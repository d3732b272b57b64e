//! The binary under test, built once a test program.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::checkout;

/// Returns the built binary. `KONDUCTOR_TEST_BINARY` names another one.
#[allow(
    clippy::disallowed_methods,
    reason = "the binary under test can be named by the caller; cargo's own variables are kept from the inner build"
)]
pub fn konductor() -> PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY
        .get_or_init(|| {
            if let Some(named) = std::env::var_os("KONDUCTOR_TEST_BINARY") {
                return named.into();
            }
            let mut cargo = Command::new("cargo");
            for (name, _) in std::env::vars_os() {
                // Build scripts watch these; inherited, they would make the inner cargo build much again.
                let text = name.to_string_lossy();
                if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                    cargo.env_remove(&name);
                }
            }
            let built = cargo
                .args(["build", "--quiet", "-p", "konductor"])
                .current_dir(checkout::root())
                .env_remove("LD_LIBRARY_PATH")
                .status()
                .expect("cargo can be started");
            assert!(built.success(), "`cargo build -p konductor` failed");
            checkout::root().join("target/debug/konductor")
        })
        .clone()
}
