//! What applies packages to a document: the plugin that evaluates Rego, and the plugins whose checks are packages.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use konductor_compliance::evaluation::ask;
use konductor_compliance::{CheckPlugins, LoadedPackage, PolicyEvaluator, ask_plugins};
use konductor_model::policy::{PackageAnswer, PackageSetting, PolicyTask};
use konductor_model::{Failure, Manifest, PluginGrant};
use konductor_sandbox::Plugin;

use super::POLICY_PLUGIN;
use crate::error::CommandError;
use crate::plugins::LoadedPlugin;

/// The plugins that judge, loaded. None of them is given configuration, credentials or a way to a cloud.
#[derive(Default)]
pub struct Judges {
    rego: Option<Plugin>,
    checks: CheckPlugins,
    digests: BTreeMap<String, String>,
}

impl Judges {
    /// Takes the judges of packages from the plugins that are loaded.
    pub fn among<'s>(
        plugins: &[LoadedPlugin],
        settings: impl Iterator<Item = &'s PackageSetting>,
    ) -> Result<Self, CommandError> {
        let loaded = |name: &str| plugins.iter().find(|plugin| plugin.name == name);
        let mut judges = Self::default();
        if let Some(rego) = loaded(POLICY_PLUGIN) {
            judges.evaluate_rego_with(rego);
        }
        for setting in settings {
            // One that is not among them has no digest, and its package cannot be read.
            if let Some(plugin) = setting.plugin().and_then(|plugin| loaded(&plugin.name)) {
                judges.add_checks(setting, plugin)?;
            }
        }
        Ok(judges)
    }

    /// Sets the plugin that evaluates packages in Rego.
    pub fn evaluate_rego_with(&mut self, loaded: &LoadedPlugin) {
        self.rego = Some(loaded.plugin.clone());
    }

    /// Adds the plugin whose checks are a package.
    ///
    /// # Errors
    /// When it judges nothing, or wants what nothing that judges is given.
    pub fn add_checks(
        &mut self,
        setting: &PackageSetting,
        loaded: &LoadedPlugin,
    ) -> Result<(), CommandError> {
        require_checks(setting, loaded)?;
        let plugin = Arc::new(Sandboxed(loaded.plugin.clone()));
        self.checks.insert(loaded.name.clone(), plugin);
        self.digests
            .insert(loaded.name.clone(), loaded.fetched().digest.hex());
        Ok(())
    }

    /// Returns the digests of the plugins whose checks are packages.
    pub fn digests(&self) -> &BTreeMap<String, String> {
        &self.digests
    }

    /// Applies packages to a document, and returns an answer for each, in their order.
    ///
    /// # Errors
    /// When there are packages in Rego, and nothing that evaluates them is loaded.
    pub async fn answers(
        &self,
        packages: &[LoadedPackage],
        document: &str,
    ) -> Result<Vec<PackageAnswer>, CommandError> {
        let (checks, rego): (Vec<LoadedPackage>, Vec<LoadedPackage>) = packages
            .iter()
            .cloned()
            .partition(|package| package.setting.plugin().is_some());
        let in_rego = async {
            if rego.is_empty() {
                return Ok::<_, CommandError>(Vec::new());
            }
            let plugin = self.rego.clone().ok_or_else(|| {
                CommandError::message(format!("the plugin `{POLICY_PLUGIN}` is not loaded"))
            })?;
            Ok(apply(plugin, PolicyTask::Evaluate, &rego, Some(document)).await)
        };
        let of_plugins = ask_plugins(&self.checks, &checks, document, at_once());
        let (in_rego, of_plugins) = tokio::join!(in_rego, of_plugins);
        let (mut in_rego, mut of_plugins) = (in_rego?.into_iter(), of_plugins.into_iter());
        // Each of the two is in the order of the packages.
        let answers = packages
            .iter()
            .filter_map(|package| match package.setting.plugin() {
                Some(_) => of_plugins.next(),
                None => in_rego.next(),
            });
        Ok(answers.collect())
    }
}

/// Refuses a plugin as the checks of a package: one that judges nothing, and one that wants to call or to see something.
///
/// # Errors
/// When it cannot be used.
pub fn require_checks(setting: &PackageSetting, loaded: &LoadedPlugin) -> Result<(), CommandError> {
    let unfit = if loaded.plugin.is_compliance() {
        unfit(loaded.plugin.manifest())
    } else {
        Some((
            "manages resources and has no checks: it exports no `compliance`".to_owned(),
            "name a plugin of the world `compliance-plugin`; `konductor plugin new NAME --template checks` starts one",
        ))
    };
    unfit.map_or(Ok(()), |(why, help)| {
        let (place, package, name) = (&setting.place, &setting.name, &loaded.name);
        Err(
            CommandError::message(format!("{place}: package `{package}`: the plugin `{name}` {why}"))
                .help(help),
        )
    })
}

/// Says why checks with this manifest are refused, and what to do: nothing that a manifest asks for is given to them.
fn unfit(manifest: &Manifest) -> Option<(String, &'static str)> {
    let wanted = PluginGrant::requested_by(manifest);
    if wanted == PluginGrant::default() {
        return None;
    }
    let wanted = wanted.differences(&PluginGrant::default());
    let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
    Some((
        format!("wants what no checks are given: {}", wanted.join(", ")),
        "checks see the document that they judge, and nothing else; take this out of the plugin's manifest",
    ))
}

/// Applies packages in Rego to a document, or runs their tests, with as many instances of the plugin as there are
/// processors.
pub async fn apply(
    plugin: Plugin,
    task: PolicyTask,
    packages: &[LoadedPackage],
    document: Option<&str>,
) -> Vec<PackageAnswer> {
    ask(Arc::new(Sandboxed(plugin)), task, packages, document, at_once()).await
}

fn at_once() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// A plugin that judges, in the sandbox: each request has an instance of its own, which is gone with its answer.
struct Sandboxed(Plugin);

#[async_trait]
impl PolicyEvaluator for Sandboxed {
    async fn evaluate(&self, request: String) -> Result<serde_json::Value, Failure> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let instant = now.map_or(0, |passed| u64::try_from(passed.as_millis()).unwrap_or(u64::MAX));
        self.0.evaluate(request, instant).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_that_want_to_call_or_to_see_something_are_refused_with_what_they_want() {
        let manifest = |members: &str| -> Manifest {
            serde_json::from_str(&format!(
                "{{\"name\": \"acme\", \"version\": \"0.1.0\"{members}}}"
            ))
            .unwrap()
        };
        assert_eq!(unfit(&manifest("")), None);
        for (members, wanted) in [
            (
                r#", "endpoints": [{"id": "hook", "protocol": "http", "service": "hook", "reason": "tells"}]"#,
                "endpoints.hook",
            ),
            (r#", "metadata": ["owner"]"#, "metadata: owner"),
            (
                r#", "reveals": [{"resource_type": "a:b:C", "attribute": "password", "reason": "looks"}]"#,
                "reveal: a:b:C.password",
            ),
        ] {
            let (why, _) = unfit(&manifest(members)).unwrap();
            assert!(why.contains(wanted), "{why}");
        }
    }
}
