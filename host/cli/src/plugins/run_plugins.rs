//! The configured plugins of a run, as the engine asks for them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use konductor_broker::{Broker, SessionOptions, Vault};
use konductor_model::cloud::Cloud;
use konductor_model::module::Module;
use konductor_model::provider::Provider;
use konductor_sandbox::RevealRecorder;
use konductor_state::PluginUsed;
use konductor_state::record::PluginReference;

use super::approval::Granted;
use super::configuration::PluginConfiguration;
use super::granted_module::GrantedModule;
use super::loader::LoadedPlugin;
use crate::error::CommandError;

/// The configured plugins of a run.
#[derive(Clone, Default)]
pub struct RunPlugins {
    plugins: BTreeMap<String, RunPlugin>,
}

#[derive(Clone)]
struct RunPlugin {
    provider: Arc<dyn Provider>,
    module: Arc<dyn Module>,
    loaded: LoadedPlugin,
    granted: Granted,
}

/// Where a plugin's cloud calls go.
pub enum WayOut<'a> {
    /// To the cloud, as far as its grant allows.
    Broker(&'a Broker),
    /// To something else that answers all of them.
    Elsewhere(Arc<dyn Cloud>),
}

impl RunPlugins {
    /// Adds a plugin with everything it was granted, and nothing else. Without a recorder nothing is revealed to it.
    pub fn add(
        &mut self,
        loaded: &LoadedPlugin,
        configuration: PluginConfiguration,
        granted: Granted,
        way_out: WayOut<'_>,
        recorder: Option<Arc<dyn RevealRecorder>>,
    ) -> Result<(), CommandError> {
        let vault = Arc::new(Vault::new());
        let cloud = match way_out {
            WayOut::Broker(broker) => broker.session(SessionOptions {
                plugin: loaded.name.clone(),
                grant: configuration.grant,
                credentials: configuration.credentials,
                bearer_sources: configuration.bearer_sources,
                http_credentials: configuration.http_credentials,
                rate_limit: configuration.rate_limit,
                vault: Some(Arc::clone(&vault)),
            })?,
            WayOut::Elsewhere(cloud) => cloud,
        };
        let mut plugin = loaded
            .plugin
            .with_configuration(configuration.guest, cloud, vault);
        if let Some(recorder) = recorder {
            plugin = plugin.with_reveals(granted.grant.reveal.clone(), recorder);
        }
        let plugin = Arc::new(plugin);
        let run_plugin = RunPlugin {
            provider: konductor_engine::default_tags::DefaultTags::wrap(
                plugin.clone(),
                configuration.default_tags,
            ),
            module: GrantedModule::wrap(plugin, &granted.grant),
            loaded: loaded.clone(),
            granted,
        };
        self.plugins.insert(loaded.name.clone(), run_plugin);
        Ok(())
    }

    /// Puts something around the provider of every plugin, such as the simulated cloud.
    pub fn wrap(&mut self, wrap: impl Fn(Arc<dyn Provider>) -> Arc<dyn Provider>) {
        for plugin in self.plugins.values_mut() {
            plugin.provider = wrap(plugin.provider.clone());
        }
    }

    /// Returns the plugins for the log; `locked` says whether they were held against the lock file.
    pub fn used(&self, locked: bool) -> Vec<PluginUsed> {
        self.plugins
            .values()
            .map(|plugin| used(&plugin.loaded, &plugin.granted, locked))
            .collect()
    }
}

impl RunPlugin {
    fn reference(&self) -> PluginReference {
        PluginReference {
            name: self.loaded.name.clone(),
            version: self.loaded.plugin.manifest().version.to_string(),
        }
    }
}

/// Returns a plugin and what it was granted, for the log.
pub fn used(loaded: &LoadedPlugin, granted: &Granted, locked: bool) -> PluginUsed {
    let (manifest, fetched) = (loaded.plugin.manifest(), loaded.fetched());
    let used = PluginUsed {
        name: loaded.name.clone(),
        plugin: (manifest.name != loaded.name).then(|| manifest.name.clone()),
        version: manifest.version.to_string(),
        digest: loaded.plugin.digest().to_owned(),
        signer: loaded.signer().map(str::to_owned),
        source: Some(fetched.source.to_string()),
        interface: Some(loaded.plugin.interface_version().to_string()),
        locked,
        ..PluginUsed::default()
    };
    used.granting(&granted.grant)
}

impl konductor_engine::Providers for RunPlugins {
    fn provider(&self, plugin: &str) -> Option<Arc<dyn Provider>> {
        self.plugins.get(plugin).map(|plugin| plugin.provider.clone())
    }

    fn module(&self, plugin: &str) -> Option<Arc<dyn Module>> {
        self.plugins.get(plugin).map(|plugin| plugin.module.clone())
    }

    fn plugin_reference(&self, plugin: &str) -> Option<PluginReference> {
        self.plugins.get(plugin).map(RunPlugin::reference)
    }

    fn declares(&self, plugin: &str) -> BTreeSet<String> {
        self.plugins
            .get(plugin)
            .map(|plugin| plugin.granted.grant.declares.clone())
            .unwrap_or_default()
    }

    fn names(&self) -> Vec<String> {
        self.plugins.keys().cloned().collect()
    }
}
