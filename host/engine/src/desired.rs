//! What should exist: the engine's input.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::metadata::RunMetadata;
use konductor_model::module::{Declaration, Module, RepeatedDeclaration};
use konductor_model::provider::Provider;
use konductor_model::{Origin, ResourceOptions, Value};
use konductor_state::record::PluginReference;

/// What should exist in a stack.
#[derive(Debug, Clone, Default)]
pub struct Desired {
    /// The project.
    pub project: String,
    /// The stack.
    pub stack: String,
    /// Resources and components.
    pub declarations: Vec<Declaration>,
    /// Resources and components of which there are several instances.
    pub repeated: Vec<RepeatedDeclaration>,
    /// Enabled modules with their configuration.
    pub modules: Vec<ModuleDeclaration>,
    /// What the stack exports; references are allowed.
    pub outputs: BTreeMap<String, Output>,
    /// Names that were given up, each with the one that took its place. A component stands for its children.
    pub moved: Vec<(Name, Name)>,
    /// What is to be forgotten and not deleted. A component stands for its children.
    pub removed: Vec<Name>,
    /// The run's metadata, given to `construct`.
    pub metadata: Value,
    /// What is said of everything in the run.
    pub run_metadata: RunMetadata,
}

/// A name, and where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The name.
    pub name: String,
    /// Where it was written.
    pub origin: Option<Origin>,
}

/// A module's configuration.
#[derive(Debug, Clone)]
pub struct ModuleDeclaration {
    /// The namespace: `aws`.
    pub namespace: String,
    /// The plugin that reads it, by its name in the project. Where the two are the same, the guest is told its own
    /// module's name.
    pub plugin: String,
    /// The configuration without credentials.
    pub inputs: Value,
    /// The options; its children inherit them.
    pub options: ResourceOptions,
    /// Where it was configured.
    pub origin: Option<Origin>,
}

/// What a stack exports under a name.
#[derive(Debug, Clone, Default)]
pub struct Output {
    /// The value.
    pub value: Value,
    /// Where it was declared.
    pub origin: Option<Origin>,
}

impl From<Value> for Output {
    fn from(value: Value) -> Self {
        Self { value, origin: None }
    }
}

/// The plugins of a run by their names in the project, which may differ from those their manifests give: one plugin can
/// be there several times. Plugins may be loaded when they are first asked for.
pub trait Providers: Send + Sync {
    /// Returns the provider half of a plugin.
    fn provider(&self, plugin: &str) -> Option<Arc<dyn Provider>>;
    /// Returns the module half of a plugin.
    fn module(&self, plugin: &str) -> Option<Arc<dyn Module>>;
    /// Returns the name in the project and the version of a plugin.
    fn plugin_reference(&self, plugin: &str) -> Option<PluginReference>;
    /// Returns the names of all plugins.
    fn names(&self) -> Vec<String>;
    /// Returns the other plugins whose types this one may declare, by the names their manifests give. Nobody may unless
    /// it is said.
    fn declares(&self, _plugin: &str) -> BTreeSet<String> {
        BTreeSet::new()
    }
}

/// A set of plugins that are already loaded.
#[derive(Clone, Default)]
pub struct PluginSet {
    plugins: BTreeMap<String, Plugin>,
}

#[derive(Clone)]
struct Plugin {
    provider: Arc<dyn Provider>,
    module: Option<Arc<dyn Module>>,
    reference: PluginReference,
    declares: BTreeSet<String>,
}

impl PluginSet {
    /// Adds a plugin under the name its manifest gives.
    #[must_use]
    pub fn with(self, provider: Arc<dyn Provider>, module: Option<Arc<dyn Module>>) -> Self {
        let name = provider.manifest().name.clone();
        self.with_instance(name, provider, module)
    }

    /// Adds a plugin under another name.
    #[must_use]
    pub fn with_instance(
        mut self,
        name: impl Into<String>,
        provider: Arc<dyn Provider>,
        module: Option<Arc<dyn Module>>,
    ) -> Self {
        let name = name.into();
        let reference = PluginReference {
            name: name.clone(),
            version: provider.manifest().version.to_string(),
        };
        self.plugins.insert(
            name,
            Plugin {
                provider,
                module,
                reference,
                declares: BTreeSet::new(),
            },
        );
        self
    }

    /// Lets a plugin that was added declare the types of others.
    #[must_use]
    pub fn declaring(mut self, name: &str, others: impl IntoIterator<Item = String>) -> Self {
        if let Some(plugin) = self.plugins.get_mut(name) {
            plugin.declares.extend(others);
        }
        self
    }
}

impl Providers for PluginSet {
    fn provider(&self, plugin: &str) -> Option<Arc<dyn Provider>> {
        self.plugins.get(plugin).map(|plugin| plugin.provider.clone())
    }

    fn module(&self, plugin: &str) -> Option<Arc<dyn Module>> {
        self.plugins.get(plugin)?.module.clone()
    }

    fn plugin_reference(&self, plugin: &str) -> Option<PluginReference> {
        self.plugins.get(plugin).map(|plugin| plugin.reference.clone())
    }

    fn names(&self) -> Vec<String> {
        self.plugins.keys().cloned().collect()
    }

    fn declares(&self, plugin: &str) -> BTreeSet<String> {
        self.plugins
            .get(plugin)
            .map(|plugin| plugin.declares.clone())
            .unwrap_or_default()
    }
}
