//! The packages of policies of a site: loaded, and applied to every plan before it is carried out.

mod document;
mod gate;
mod load;

use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use konductor_compliance::assessment::JUDGE;
use konductor_compliance::evaluation::ask;
use konductor_compliance::{LoadedPackage, OverrideError, Overrides, PackageError, PolicyEvaluator, package};
use konductor_config::{Configuration, Context};
use konductor_model::policy::{PackageAnswer, PackageSetting, PolicySubject, PolicyTask};
use konductor_model::{Diagnostic, Diagnostics, Failure, Path, with_causes};
use konductor_sandbox::Plugin;

use crate::compliance::{COMPLIANCE_PLUGIN, StackCompliance, known};
use crate::error::CommandError;
use crate::plugins::{LoadedPlugin, PluginLoader};

pub use document::{document_as_it_is, plan_document, recorded, recorded_document};
pub use gate::{JudgedPlan, judge_recorded, refusal, show_and_judge, told_findings};
pub use load::judge_load;

/// The plugin that evaluates policies.
pub const POLICY_PLUGIN: &str = "policy";

/// Everything that judges plans: packages of policies with what evaluates them, and compliance.
#[derive(Default)]
pub struct SitePackages {
    packages: Vec<LoadedPackage>,
    plugin: Option<Plugin>,
    overrides: Overrides,
    compliance: Option<StackCompliance>,
}

/// Returns the plugins that judge the plans of a project.
///
/// # Errors
/// When the section `compliance` is wrong.
pub fn judging_plugins(
    loader: &PluginLoader,
    configuration: &Configuration,
) -> Result<Vec<&'static str>, Diagnostics> {
    let packages = loader.policies().packages().next().map(|_| POLICY_PLUGIN);
    let compliance = configuration
        .compliance(Context::default())?
        .map(|_| COMPLIANCE_PLUGIN);
    Ok(packages.into_iter().chain(compliance).collect())
}

/// Tells whether a plugin judges.
pub fn judges(plugin: &LoadedPlugin) -> bool {
    [POLICY_PLUGIN, COMPLIANCE_PLUGIN].contains(&plugin.name.as_str())
}

impl SitePackages {
    /// Reads the packages that a site names, and the section `compliance`. Everything that is wrong with them, or with
    /// what overrides them, is said at once.
    pub async fn open<'s>(
        settings: impl Iterator<Item = &'s PackageSetting>,
        overridden: &[String],
        plugins: &[LoadedPlugin],
        folder: &FilePath,
        configuration: &Configuration,
    ) -> Result<Self, CommandError> {
        let packages = read(settings.cloned(), false)?;
        let overrides = Overrides::read(overridden, &packages).map_err(not_overridden)?;
        let plugin = plugins.iter().find(|plugin| plugin.name == POLICY_PLUGIN);
        let compliance = compliance(folder, configuration, plugins).await?;
        if compliance.is_some()
            && let Some(package) = packages.iter().find(|package| package.setting.name == JUDGE)
        {
            return Err(CommandError::message(format!(
                "{}: a package of policies cannot be called `{JUDGE}` where the section of this name judges, too",
                package.setting.place
            )));
        }
        Ok(Self {
            packages,
            plugin: plugin.map(|loaded| loaded.plugin.clone()),
            overrides,
            compliance,
        })
    }

    /// Returns what the section `compliance` demands.
    pub fn compliance(&self) -> Option<&StackCompliance> {
        self.compliance.as_ref()
    }

    /// Tells whether nothing judges plans.
    pub fn is_empty(&self) -> bool {
        self.packages_on(PolicySubject::Plan).is_empty() && self.compliance.is_none()
    }

    /// Returns the packages that judge something.
    pub fn packages_on(&self, subject: PolicySubject) -> Vec<LoadedPackage> {
        let packages = self.packages.iter();
        packages
            .filter(|package| package.setting.on.contains(&subject))
            .cloned()
            .collect()
    }

    /// Returns what goes on in spite of a package.
    fn overrides(&self) -> &Overrides {
        &self.overrides
    }

    /// Applies packages to a document.
    async fn answers(
        &self,
        packages: &[LoadedPackage],
        document: &str,
    ) -> Result<Vec<PackageAnswer>, CommandError> {
        if packages.is_empty() {
            return Ok(Vec::new());
        }
        let plugin = self
            .plugin
            .clone()
            .ok_or_else(|| CommandError::message(format!("the plugin `{POLICY_PLUGIN}` is not loaded")))?;
        Ok(apply(plugin, PolicyTask::Evaluate, packages, Some(document)).await)
    }
}

/// Says what is wrong with overrides.
#[allow(clippy::needless_pass_by_value, reason = "as `map_err` hands them on")]
pub fn not_overridden(errors: Vec<OverrideError>) -> CommandError {
    let told = errors.iter().map(|error| Diagnostic::error(error.to_string()));
    Diagnostics(told.collect()).into()
}

/// Opens what the section `compliance` demands, where there is one.
async fn compliance(
    folder: &FilePath,
    configuration: &Configuration,
    plugins: &[LoadedPlugin],
) -> Result<Option<StackCompliance>, CommandError> {
    let Some(settings) = configuration.compliance(Context::default())? else {
        return Ok(None);
    };
    let loaded = plugins.iter().find(|plugin| plugin.name == COMPLIANCE_PLUGIN);
    let loaded = loaded
        .ok_or_else(|| CommandError::message(format!("the plugin `{COMPLIANCE_PLUGIN}` is not loaded")))?;
    let place = configuration.locate_setting(&Path::attribute(COMPLIANCE_PLUGIN));
    let place = place.map(|origin| origin.to_string()).unwrap_or_default();
    let catalogue = known(&loaded.plugin, folder, Some(configuration)).await?;
    Ok(Some(StackCompliance::open(&settings, place, loaded, &catalogue)?))
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
