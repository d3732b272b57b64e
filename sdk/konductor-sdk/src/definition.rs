//! What a plugin is made of.

use konductor_model::manifest::{EndpointProtocol, EndpointRequest, RevealRequest};
use konductor_model::{Failure, Manifest, TagRules, Value};

use crate::component::{Component, Module};
use crate::context::Context;
use crate::resource::ResourceProvider;

/// A plugin with resource types, components and modules.
pub trait Plugin: 'static {
    /// Returns what the plugin is made of.
    fn definition() -> Definition;
}

/// A function that manages no object.
pub type Function = fn(&Context, &Value) -> Result<Value, Failure>;

/// Everything a plugin offers.
pub struct Definition {
    name: &'static str,
    version: &'static str,
    description: &'static str,
    pub(crate) resources: Vec<&'static dyn ResourceProvider>,
    pub(crate) components: Vec<&'static dyn Component>,
    pub(crate) modules: Vec<&'static dyn Module>,
    pub(crate) functions: Vec<(&'static str, Function)>,
    endpoints: Vec<EndpointRequest>,
    reveals: Vec<RevealRequest>,
    metadata: Vec<String>,
    declares: Vec<String>,
    tag_rules: Option<TagRules>,
}

impl Definition {
    /// Starts a definition with the plugin's name, which is the first part of its types, and its semantic
    /// version: `env!("CARGO_PKG_VERSION")`. What is no semantic version counts as 0.0.0.
    pub fn new(name: &'static str, version: &'static str) -> Self {
        Self {
            name,
            version,
            description: "",
            resources: Vec::new(),
            components: Vec::new(),
            modules: Vec::new(),
            functions: Vec::new(),
            reveals: Vec::new(),
            metadata: Vec::new(),
            declares: Vec::new(),
            tag_rules: None,
            endpoints: Vec::new(),
        }
    }

    /// Says what the plugin is, for a person.
    #[must_use]
    pub fn description(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// Adds a resource type.
    #[must_use]
    pub fn resource(mut self, resource: &'static dyn ResourceProvider) -> Self {
        self.resources.push(resource);
        self
    }

    /// Adds resource types.
    #[must_use]
    pub fn resources(mut self, resources: &[&'static dyn ResourceProvider]) -> Self {
        self.resources.extend_from_slice(resources);
        self
    }

    /// Adds a component type.
    #[must_use]
    pub fn component(mut self, component: &'static dyn Component) -> Self {
        self.components.push(component);
        self
    }

    /// Adds a module.
    #[must_use]
    pub fn module(mut self, module: &'static dyn Module) -> Self {
        self.modules.push(module);
        self
    }

    /// Adds a function that `invoke` answers to.
    #[must_use]
    pub fn function(mut self, name: &'static str, function: Function) -> Self {
        self.functions.push((name, function));
        self
    }

    /// Asks for an endpoint: its identifier, how it is authenticated, the cloud's name of the service, and why.
    #[must_use]
    pub fn endpoint(mut self, id: &str, protocol: EndpointProtocol, service: &str, reason: &str) -> Self {
        self.endpoints.push(EndpointRequest {
            id: id.to_owned(),
            protocol,
            service: service.to_owned(),
            regions: Vec::new(),
            methods: Vec::new(),
            token_operations: Vec::new(),
            credentials: None,
            reason: reason.to_owned(),
        });
        self
    }

    /// Asks to see a secret input as it is, and says why; without that the plugin is given a token in its place.
    /// `attribute` is names with dots between, without the positions in lists: `user_data`, `users.password`.
    #[must_use]
    pub fn reveal(mut self, resource_type: &str, attribute: &str, reason: &str) -> Self {
        if let Ok(resource_type) = resource_type.parse() {
            self.reveals.push(RevealRequest {
                resource_type,
                attribute: attribute.to_owned(),
                reason: reason.to_owned(),
            });
        }
        self
    }

    /// Asks for fields of the run's metadata: `project`, `stack`, `owner`.
    #[must_use]
    pub fn metadata(mut self, fields: &[&str]) -> Self {
        self.metadata
            .extend(fields.iter().map(|field| (*field).to_owned()));
        self
    }

    /// Says which other plugins' types the modules and components declare; without it, and without a grant, a
    /// declaration of another plugin's type is refused.
    #[must_use]
    pub fn declares(mut self, plugins: &[&str]) -> Self {
        self.declares
            .extend(plugins.iter().map(|plugin| (*plugin).to_owned()));
        self
    }

    /// Says what the cloud allows in tags or labels. Then what the run says of resources (owner, classification, …) is
    /// written onto those whose schema names an attribute for it.
    #[must_use]
    pub fn tag_rules(mut self, rules: TagRules) -> Self {
        self.tag_rules = Some(rules);
        self
    }

    /// Returns the manifest. Types whose name is none are left out.
    pub fn manifest(&self) -> Manifest {
        Manifest {
            name: self.name.to_owned(),
            version: self
                .version
                .parse()
                .unwrap_or_else(|_| semver::Version::new(0, 0, 0)),
            description: self.description.to_owned(),
            resource_types: self
                .resources
                .iter()
                .filter_map(|resource| resource.resource_type().parse().ok())
                .collect(),
            component_types: self
                .components
                .iter()
                .filter_map(|component| component.component_type().parse().ok())
                .collect(),
            modules: self
                .modules
                .iter()
                .map(|module| module.namespace().to_owned())
                .collect(),
            endpoints: self.endpoints.clone(),
            functions: self
                .functions
                .iter()
                .map(|(name, _)| (*name).to_owned())
                .collect(),
            reveals: self.reveals.clone(),
            metadata: self.metadata.clone(),
            declares: self.declares.clone(),
            tag_rules: self.tag_rules.clone(),
        }
    }
}
