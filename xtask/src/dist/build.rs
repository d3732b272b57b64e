//! Building so that neither the folder nor the machine shows in the result.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::command::{cargo, command, output, run, step};
use crate::plugins;
use crate::remapping::Remapping;

/// A checkout, and how it is built.
pub struct Build {
    root: PathBuf,
    /// The target triple of the host's binary.
    pub triple: String,
    /// What the compiler says of itself: `rustc 1.95.0 (…)`.
    pub compiler: String,
    /// What stands for folders of this machine in the result.
    pub remapping: Remapping,
    time: u64,
}

/// Where the build's files are: `release` belongs to developers, who build with other flags.
const TARGET_FOLDER: &str = "target/dist-build";

impl Build {
    /// Prepares to build the checkout at `root`. `time` is in seconds since 1970.
    ///
    /// # Errors
    /// When the compiler does not say where it is.
    pub fn new(root: &Path, time: u64) -> Result<Self> {
        let version = output(command("rustc").arg("-vV").current_dir(root))?;
        let field = |name: &str| {
            let line = version.lines().find_map(|line| line.strip_prefix(name));
            line.map(str::to_owned)
                .with_context(|| format!("`rustc -vV` has no line `{name}`"))
        };
        Ok(Self {
            root: root.to_owned(),
            triple: field("host: ")?,
            compiler: field("rustc ")?,
            remapping: Remapping::of(root)?,
            time,
        })
    }

    /// Builds the host and the plugins that are shipped with it.
    ///
    /// # Errors
    /// When something does not build from the locked dependencies.
    pub fn run(&self) -> Result<()> {
        step("dist: plugins");
        plugins::add_target()?;
        let apart = plugins::APART
            .into_iter()
            .map(|name| plugins::apart(name).to_vec());
        for packages in [plugins::packages(&plugins::PRODUCT)].into_iter().chain(apart) {
            run(self
                .cargo()
                .args([
                    "build",
                    "--locked",
                    "--profile",
                    "plugin",
                    "--target",
                    plugins::TARGET,
                ])
                .args(["--target-dir", TARGET_FOLDER])
                .args(packages))?;
        }
        step("dist: host");
        run(self
            .cargo()
            .args(["build", "--locked", "--profile", "dist", "--target", &self.triple])
            .args(["--target-dir", TARGET_FOLDER, "-p", "konductor"]))
    }

    /// Returns where the host's binary is, once it is built.
    pub fn binary(&self) -> PathBuf {
        self.target().join(&self.triple).join("dist/konductor")
    }

    /// Returns where a plugin is, once it is built.
    pub fn plugin(&self, name: &str) -> PathBuf {
        self.target()
            .join(plugins::TARGET)
            .join("plugin")
            .join(format!("konductor_plugin_{name}.wasm"))
    }

    fn target(&self) -> PathBuf {
        self.root.join(TARGET_FOLDER)
    }

    fn cargo(&self) -> Command {
        let mut cargo = cargo();
        cargo
            .current_dir(&self.root)
            .env("SOURCE_DATE_EPOCH", self.time.to_string())
            .env("CARGO_ENCODED_RUSTFLAGS", self.remapping.rust_flags())
            .env("CFLAGS", self.remapping.c_flags())
            .env("CXXFLAGS", self.remapping.c_flags())
            // What else a developer may have set that changes the result.
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_BUILD_RUSTFLAGS")
            .env_remove("RUSTC_WRAPPER")
            .env_remove("CARGO_INCREMENTAL");
        cargo
    }
}
