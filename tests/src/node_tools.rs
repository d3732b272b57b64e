//! The tools that the author of a plugin in TypeScript has: Node.js with npm, and a checkout with the SDK.

use std::process::Command;

use crate::{Project, checkout};

impl Project {
    /// Gives runs Node.js, npm and the SDK of this checkout.
    #[must_use]
    pub fn with_node_tools(self) -> Self {
        let path = format!("{}:/usr/bin:/bin", checkout::node_programs().display());
        self.with_environment("PATH", &path)
            .with_environment("KONDUCTOR_SDK", &checkout::root().display().to_string())
    }

    /// Runs npm in the project's folder, with what it has fetched before.
    ///
    /// # Panics
    /// When it cannot be started, or fails.
    #[allow(
        clippy::disallowed_methods,
        reason = "what npm has fetched is kept for whoever runs the tests"
    )]
    pub fn npm(&self, arguments: &[&str]) {
        let programs = checkout::node_programs();
        let path = std::env::var("PATH").expect("there is a PATH");
        let output = Command::new(programs.join("npm"))
            .args(arguments)
            .args(["--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund"])
            .env("PATH", format!("{}:{path}", programs.display()))
            .current_dir(self.folder())
            .output()
            .expect("npm can be started");
        let told = [output.stdout, output.stderr].concat();
        assert!(
            output.status.success(),
            "npm {arguments:?}: {}",
            String::from_utf8_lossy(&told)
        );
    }
}
