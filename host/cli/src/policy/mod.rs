//! The packages of policies of a site: loaded, and applied to every plan before it is carried out.

mod document;
mod gate;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use konductor_compliance::evaluation::ask;
use konductor_compliance::{LoadedPackage, Overrides, PackageError, PolicyEvaluator, package};
use konductor_model::policy::{PackageAnswer, PackageSetting, PolicyTask};
use konductor_model::{Diagnostic, Diagnostics, Failure, with_causes};
use konductor_sandbox::Plugin;

use crate::error::CommandError;
use crate::plugins::LoadedPlugin;

pub use document::plan_document;
pub use gate::{JudgedPlan, show_and_judge};

/// The plugin that evaluates policies.
pub const POLICY_PLUGIN: &str = "policy";

/// The packages that judge plans, and what evaluates them.
#[derive(Default)]
pub struct SitePackages {
    packages: Vec<LoadedPackage>,
    plugin: Option<Plugin>,
    overrides: Overrides,
}

impl SitePackages {
    /// Reads the packages that a site names. Everything that is wrong with them, or with what overrides them, is said at
    /// once.
    pub fn open<'s>(
        settings: impl Iterator<Item = &'s PackageSetting>,
        overridden: &[String],
        plugins: &[LoadedPlugin],
    ) -> Result<Self, CommandError> {
        let packages = read(settings.cloned(), false)?;
        let overrides = Overrides::read(overridden, &packages).map_err(|errors| {
            let told = errors.iter().map(|error| Diagnostic::error(error.to_string()));
            CommandError::from(Diagnostics(told.collect()))
        })?;
        let plugin = plugins.iter().find(|plugin| plugin.name == POLICY_PLUGIN);
        Ok(Self {
            packages,
            plugin: plugin.map(|loaded| loaded.plugin.clone()),
            overrides,
        })
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty()
    }

    /// Returns the packages.
    pub fn packages(&self) -> &[LoadedPackage] {
        &self.packages
    }

    /// Returns what goes on in spite of a package.
    fn overrides(&self) -> &Overrides {
        &self.overrides
    }

    /// Applies all packages to a document.
    async fn answers(&self, document: &str) -> Result<Vec<PackageAnswer>, CommandError> {
        let plugin = self
            .plugin
            .clone()
            .ok_or_else(|| CommandError::message(format!("the plugin `{POLICY_PLUGIN}` is not loaded")))?;
        Ok(apply(plugin, PolicyTask::Evaluate, &self.packages, Some(document)).await)
    }
}

/// Reads packages from their folders.
pub fn read(
    settings: impl Iterator<Item = PackageSetting>,
    with_tests: bool,
) -> Result<Vec<LoadedPackage>, CommandError> {
    package::load(settings, with_tests).map_err(|errors| {
        let told = |error: &PackageError| Diagnostic::error(with_causes(error));
        Diagnostics(errors.iter().map(told).collect()).into()
    })
}

/// Applies packages to a document, or runs their tests, with as many instances of the plugin as there are processors.
pub async fn apply(
    plugin: Plugin,
    task: PolicyTask,
    packages: &[LoadedPackage],
    document: Option<&str>,
) -> Vec<PackageAnswer> {
    let at_once = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    ask(Arc::new(Sandboxed(plugin)), task, packages, document, at_once).await
}

/// The policy plugin in the sandbox: each request has an instance of its own, which is gone with its answer.
struct Sandboxed(Plugin);

#[async_trait]
impl PolicyEvaluator for Sandboxed {
    async fn evaluate(&self, request: String) -> Result<serde_json::Value, Failure> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let instant = now.map_or(0, |passed| u64::try_from(passed.as_millis()).unwrap_or(u64::MAX));
        self.0.evaluate(request, instant).await
    }
}
