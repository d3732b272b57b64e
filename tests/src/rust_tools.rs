//! The tools that the author of a plugin has: cargo, and a checkout with the SDK.

use std::path::PathBuf;
use std::time::Duration;

use crate::{Project, checkout};

/// How long building a plugin and all that it depends on may take.
const PATIENCE: Duration = Duration::from_secs(1_800);

/// Returns the variables that lead to the toolchain and the SDK. What plugins depend on is built once for all tests.
///
/// # Panics
/// When there is no home folder.
#[allow(
    clippy::disallowed_methods,
    reason = "the toolchain is that of whoever runs the tests"
)]
pub fn rust_tools() -> Vec<(&'static str, String)> {
    let own = |name: &str| std::env::var(name).ok();
    let home = PathBuf::from(own("HOME").expect("there is a home folder"));
    let folder =
        |name: &str, below: &str| own(name).unwrap_or_else(|| home.join(below).display().to_string());
    let root = checkout::root();
    vec![
        ("PATH", own("PATH").expect("there is a PATH")),
        ("CARGO_HOME", folder("CARGO_HOME", ".cargo")),
        ("RUSTUP_HOME", folder("RUSTUP_HOME", ".rustup")),
        (
            "CARGO_TARGET_DIR",
            root.join("target/authored").display().to_string(),
        ),
        // Nobody debugs these, and they are large.
        ("CARGO_PROFILE_DEV_DEBUG", "0".to_owned()),
        ("KONDUCTOR_SDK", root.display().to_string()),
    ]
}

impl Project {
    /// Gives runs the tools of an author, and the time that building takes.
    #[must_use]
    pub fn with_rust_tools(self) -> Self {
        let tools = rust_tools();
        tools
            .iter()
            .fold(self, |project, (name, value)| {
                project.with_environment(name, value)
            })
            .with_patience(PATIENCE)
    }
}
