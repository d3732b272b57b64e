//! Modules and components: configuration in, declarations out.

use async_trait::async_trait;

use crate::diagnostic::{Diagnostics, Origin};
use crate::failure::Failure;
use crate::name::{ResourceName, ResourceType};
use crate::options::ResourceOptions;
use crate::repetition::Repetition;
use crate::value::Value;

/// A resource or component that should exist.
#[derive(Debug, Clone, PartialEq)]
pub struct Declaration {
    /// The name, unique in the stack.
    pub name: ResourceName,
    /// The type.
    pub resource_type: ResourceType,
    /// The properties; references name other declarations.
    pub properties: Value,
    /// The options.
    pub options: ResourceOptions,
    /// Where it was declared; none for what a plugin constructed.
    pub origin: Option<Origin>,
}

/// A declaration with several instances. The name of an instance is `NAME/KEY`.
#[derive(Debug, Clone, PartialEq)]
pub struct RepeatedDeclaration {
    /// What the instances have in common. Its properties can refer to what an instance knows of itself; its options are
    /// those that do not.
    pub declaration: Declaration,
    /// The options that refer to what an instance knows of itself, as a map; null when none does.
    pub options: Value,
    /// Which instances there are.
    pub repetition: Repetition,
}

impl RepeatedDeclaration {
    /// Returns the options of one instance.
    ///
    /// # Errors
    /// When what the instance knows of itself does not fit an option: one sentence for people.
    pub fn options_of(&self, position: usize) -> Result<ResourceOptions, String> {
        let mut options = self.declaration.options.clone();
        if self.options.is_null() {
            return Ok(options);
        }
        let own = ResourceOptions::from_value(self.repetition.fill(position, self.options.clone()))?;
        options.lay_over(own);
        Ok(options)
    }
}

/// Asks for the declarations of a module or a component.
#[derive(Debug, Clone)]
pub struct ConstructRequest {
    /// The module's namespace or the component's type.
    pub target: String,
    /// The name of the module or component; the children's names stand below it.
    pub name: ResourceName,
    /// The module's configuration without credentials, or the component's inputs.
    pub inputs: Value,
    /// The run's metadata. `configuration` in it is what the plugin's own modules are configured with, by namespace.
    pub metadata: Value,
}

/// One declaration as a plugin gives it. In `properties`, `options.depends_on` and the response's `outputs` a
/// declaration of the same answer is named `./NAME`; other names are those the inputs already referred to.
#[derive(Debug, Clone, PartialEq)]
pub struct ConstructedDeclaration {
    /// The name below the component.
    pub name: String,
    /// The type.
    pub resource_type: ResourceType,
    /// The properties.
    pub properties: Value,
    /// The options.
    pub options: ResourceOptions,
}

/// The declarations of a module or a component.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConstructResponse {
    /// What should exist.
    pub declarations: Vec<ConstructedDeclaration>,
    /// What `${name.output}` reads.
    pub outputs: Value,
    /// What is wrong with the inputs.
    pub diagnostics: Diagnostics,
}

/// The module half of a plugin. Every function is pure.
#[async_trait]
pub trait Module: Send + Sync {
    /// Returns the JSON Schema of a module's configuration.
    async fn config_schema(&self, module: &str) -> Result<serde_json::Value, Failure>;

    /// Returns the lowest layer of a module's configuration.
    async fn defaults(&self, module: &str) -> Result<Value, Failure>;

    /// Returns the modules that must be deployed before this one.
    async fn dependencies(&self, module: &str) -> Result<Vec<String>, Failure>;

    /// Turns configuration or inputs into declarations.
    async fn construct(&self, request: ConstructRequest) -> Result<ConstructResponse, Failure>;
}
