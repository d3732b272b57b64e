//! Components and modules: configuration in, declarations out.

pub mod inputs;
mod regional_subnets;

use std::collections::BTreeMap;

use konductor_model::module::{ConstructRequest, ConstructResponse, ConstructedDeclaration};
use konductor_model::schema::ResourceSchema;
use konductor_model::{Diagnostic, Diagnostics, Failure, Path, Reference, ResourceOptions, Value};

pub use self::regional_subnets::RegionalSubnets;
use crate::schema_builder::SchemaError;

/// A component type: a group of resources with inputs and outputs of its own. Pure.
pub trait Component: Sync {
    /// Returns the type's name, for example `aws:vpc:SecureVpc`.
    fn component_type(&self) -> &'static str;

    /// Returns the schema of its inputs and, as output only attributes, its outputs.
    ///
    /// # Errors
    /// When the schema contradicts itself.
    fn schema(&self) -> Result<ResourceSchema, SchemaError>;

    /// Adds to the checks that follow from the schema. Unknown values are allowed everywhere.
    fn check(&self, _inputs: &Value, _diagnostics: &mut Diagnostics) {}

    /// Declares the resources. The inputs are checked and have their defaults; they may hold unknown values and
    /// references.
    ///
    /// # Errors
    /// When it cannot be told what should exist. What is wrong with the inputs goes into diagnostics instead.
    fn construct(&self, request: &ConstructRequest, construction: &mut Construction) -> Result<(), Failure>;
}

/// A module: a section of the configuration that becomes resources. Pure.
pub trait Module: Sync {
    /// Returns the name of the section.
    fn namespace(&self) -> &'static str;

    /// Returns the JSON Schema of the section.
    fn config_schema(&self) -> serde_json::Value;

    /// Returns the lowest layer of the section.
    fn defaults(&self) -> Value {
        Value::empty_map()
    }

    /// Returns the modules that must be deployed before this one.
    fn dependencies(&self) -> Vec<String> {
        Vec::new()
    }

    /// Declares the resources. The inputs were checked against the JSON Schema and hold no credentials.
    ///
    /// # Errors
    /// When it cannot be told what should exist. What is wrong with the inputs goes into diagnostics instead.
    fn construct(&self, request: &ConstructRequest, construction: &mut Construction) -> Result<(), Failure>;
}

/// What a component or module declares.
#[derive(Debug, Default)]
pub struct Construction {
    declarations: Vec<ConstructedDeclaration>,
    outputs: BTreeMap<String, Value>,
    diagnostics: Diagnostics,
}

impl Construction {
    /// Starts the declaration of a resource or component; it stands once [`DeclarationBuilder::add`] is called.
    pub fn declare(&mut self, name: impl Into<String>, type_name: &str) -> DeclarationBuilder<'_> {
        DeclarationBuilder {
            name: name.into(),
            type_name: type_name.to_owned(),
            properties: BTreeMap::new(),
            options: ResourceOptions::default(),
            construction: self,
        }
    }

    /// Sets an output, which `${name.output}` reads.
    pub fn output(&mut self, name: &str, value: impl Into<Value>) {
        self.outputs.insert(name.to_owned(), value.into());
    }

    /// Says what is wrong with the inputs.
    pub fn diagnose(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Returns what was declared.
    pub fn finish(self) -> ConstructResponse {
        ConstructResponse {
            declarations: self.declarations,
            outputs: Value::Map(self.outputs),
            diagnostics: self.diagnostics,
        }
    }
}

/// A declaration under construction.
#[derive(Debug)]
#[must_use = "the declaration stands once `add` is called"]
pub struct DeclarationBuilder<'c> {
    name: String,
    type_name: String,
    properties: BTreeMap<String, Value>,
    options: ResourceOptions,
    construction: &'c mut Construction,
}

impl DeclarationBuilder<'_> {
    /// Sets a property; null leaves it out.
    pub fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        if !value.is_null() {
            self.properties.insert(name.to_owned(), value);
        }
        self
    }

    /// Makes it depend on another declaration that it does not refer to.
    pub fn depends_on(mut self, sibling: &Sibling) -> Self {
        self.options.depends_on.push(sibling.name.clone());
        self
    }

    /// Changes its options.
    pub fn options(mut self, change: impl FnOnce(&mut ResourceOptions)) -> Self {
        change(&mut self.options);
        self
    }

    /// Adds the declaration and returns what others refer to it by.
    pub fn add(self) -> Sibling {
        let construction = self.construction;
        let sibling = Sibling {
            name: format!("./{}", self.name),
        };
        if construction.declarations.iter().any(|d| d.name == self.name) {
            construction.diagnostics.push(Diagnostic::error(format!(
                "the plugin declares `{}` twice",
                self.name
            )));
            return sibling;
        }
        match self.type_name.parse() {
            Ok(resource_type) => construction.declarations.push(ConstructedDeclaration {
                name: self.name,
                resource_type,
                properties: Value::Map(self.properties),
                options: self.options,
            }),
            Err(error) => construction.diagnostics.push(Diagnostic::error(format!(
                "the plugin declares `{}` with a wrong type: {error}",
                self.name
            ))),
        }
        sibling
    }
}

/// A declaration of the same answer, for others to refer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sibling {
    name: String,
}

impl Sibling {
    /// Returns a reference to one of its attributes or outputs.
    pub fn attribute(&self, name: &str) -> Value {
        self.at(Path::attribute(name))
    }

    /// Returns a reference to a place in its attributes or outputs.
    pub fn at(&self, path: Path) -> Value {
        Value::Reference(Reference {
            resource: self.name.clone(),
            path,
        })
    }
}
