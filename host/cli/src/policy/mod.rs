//! The packages of policies of a site: loaded, and applied to every plan before it is carried out.

mod document;
mod gate;
mod judges;
mod load;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path as FilePath;

use konductor_compliance::assessment::JUDGE;
use konductor_compliance::control_tags::ControlsByType;
use konductor_compliance::{LoadedPackage, OverrideError, Overrides};
use konductor_config::{Configuration, Context};
use konductor_model::policy::{PackageAnswer, PolicySubject};
use konductor_model::{Diagnostic, Diagnostics, Path};
use konductor_registry::policy::Policies;

use crate::compliance::{COMPLIANCE_PLUGIN, StackCompliance, known};
use crate::error::CommandError;
use crate::plugins::{LoadedPlugin, PluginLoader};

pub use document::{document_as_it_is, plan_document, recorded, recorded_document};
pub use gate::{JudgedPlan, judge_recorded, refusal, show_and_judge, told_findings};
pub use judges::{Judges, apply, require_checks};
pub use load::judge_load;

/// The plugin that evaluates policies.
pub const POLICY_PLUGIN: &str = "policy";

/// Everything that judges plans: packages of policies with what evaluates them, and compliance.
#[derive(Default)]
pub struct SitePackages {
    packages: Vec<LoadedPackage>,
    judges: Judges,
    overrides: Overrides,
    compliance: Option<StackCompliance>,
}

/// Returns the names of the plugins that judge the plans of a project.
///
/// # Errors
/// When the section `compliance` is wrong.
pub fn judging_plugins(
    loader: &PluginLoader,
    configuration: &Configuration,
) -> Result<BTreeSet<String>, Diagnostics> {
    let mut judging = plugins_of_packages(loader.policies());
    if configuration.compliance(Context::default())?.is_some() {
        judging.insert(COMPLIANCE_PLUGIN.to_owned());
    }
    Ok(judging)
}

/// Returns the names of the plugins that packages need: the one that evaluates Rego, and those whose checks they are.
pub fn plugins_of_packages(policies: &Policies) -> BTreeSet<String> {
    let packages = policies.packages();
    let names = packages.map(|package| match package.setting.plugin() {
        Some(plugin) => plugin.name.clone(),
        None => POLICY_PLUGIN.to_owned(),
    });
    names.collect()
}

/// Tells whether a plugin judges.
pub fn judges(plugin: &LoadedPlugin, policies: &Policies) -> bool {
    [POLICY_PLUGIN, COMPLIANCE_PLUGIN].contains(&plugin.name.as_str())
        || plugins_of_packages(policies).contains(&plugin.name)
}

impl SitePackages {
    /// Takes the packages that a site names, and the section `compliance`. Everything that is wrong with what overrides
    /// them is said at once.
    pub async fn open(
        packages: Vec<LoadedPackage>,
        overridden: &[String],
        plugins: &[LoadedPlugin],
        folder: &FilePath,
        configuration: &Configuration,
    ) -> Result<Self, CommandError> {
        let judges = Judges::among(plugins, packages.iter().map(|package| &package.setting))?;
        let overrides = Overrides::read(overridden, &packages).map_err(not_overridden)?;
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
            judges,
            overrides,
            compliance,
        })
    }

    /// Returns what the section `compliance` demands of resources; none where it only writes controls onto them.
    pub fn compliance(&self) -> Option<&StackCompliance> {
        self.compliance.as_ref().filter(|compliance| compliance.judges())
    }

    /// Returns the controls that are written onto resources, by their types.
    pub fn control_tags(&self) -> ControlsByType {
        let compliance = self.compliance.as_ref();
        compliance
            .map(|compliance| compliance.tags().clone())
            .unwrap_or_default()
    }

    /// Tells whether nothing judges plans.
    pub fn is_empty(&self) -> bool {
        self.packages_on(PolicySubject::Plan).is_empty() && self.compliance().is_none()
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
        self.judges.answers(packages, document).await
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

/// Returns the digests of plugins, in hexadecimal, by their names.
pub fn digests(plugins: &[LoadedPlugin]) -> BTreeMap<String, String> {
    let each = plugins.iter();
    each.map(|plugin| (plugin.name.clone(), plugin.fetched().digest.hex()))
        .collect()
}
