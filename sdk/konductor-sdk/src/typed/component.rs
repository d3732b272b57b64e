//! Components and modules as plain structs.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use konductor_model::module::ConstructRequest;
use konductor_model::schema::ResourceSchema;
use konductor_model::{Diagnostics, Failure, Path, Value};

use super::{Attributes, Typed, json_schema};
use crate::check::check_attributes;
use crate::component::{Component, Construction, Module};
use crate::schema_builder::SchemaError;

/// A component type. `#[derive(Component)]` writes it.
pub trait ComponentType: Attributes + 'static {
    /// The type's name, for example `aws:vpc:SecureVpc`.
    const TYPE: &'static str;

    /// Returns the schema.
    ///
    /// # Errors
    /// When it contradicts itself.
    fn schema() -> Result<ResourceSchema, SchemaError>;
}

/// A module's section of the configuration. `#[derive(Module)]` writes it.
pub trait ModuleSection: Attributes + 'static {
    /// The name of the section.
    const NAMESPACE: &'static str;
    /// The modules that must be deployed before this one.
    const DEPENDENCIES: &'static [&'static str];
}

/// Turns a component's inputs, or a module's configuration, into declarations. Pure.
pub trait Construct: Attributes {
    /// Declares what should exist, and returns the struct with its outputs set; other fields are not looked at again.
    ///
    /// # Errors
    /// When it cannot be told what should exist. What is wrong with the inputs goes into
    /// [`Construction::diagnose`] instead.
    fn construct(self, request: &ConstructRequest, construction: &mut Construction) -> Result<Self, Failure>;

    /// Adds to the checks that follow from the schema. Unknown values are allowed everywhere.
    fn check(_inputs: &Value, _diagnostics: &mut Diagnostics) {}
}

/// Reads the inputs, lets them declare, and keeps the outputs.
fn construct<C: Construct>(
    request: &ConstructRequest,
    construction: &mut Construction,
) -> Result<(), Failure> {
    let mut problems = Diagnostics::default();
    let empty = BTreeMap::new();
    let given = request.inputs.as_map().unwrap_or(&empty);
    // Nobody can give what is an output.
    let attributes = C::attributes();
    let is_output = |name: &String| {
        attributes
            .get(name)
            .is_some_and(|attribute| attribute.output_only)
    };
    let given: BTreeMap<String, Value> = given
        .iter()
        .filter(|(name, _)| !is_output(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let Some(inputs) = C::from_map(&given, &Path::root(), &mut problems) else {
        for problem in problems {
            construction.diagnose(problem);
        }
        return Ok(());
    };
    let constructed = inputs.construct(request, construction)?;
    for (name, value) in constructed.to_map() {
        if is_output(&name) {
            construction.output(&name, value);
        }
    }
    Ok(())
}

impl<C: ComponentType + Construct> Typed<C> {
    /// The component type, for [`Definition::component`](crate::Definition::component).
    pub const COMPONENT: &'static dyn Component = &Self(PhantomData);
}

impl<C: ComponentType + Construct> Component for Typed<C> {
    fn component_type(&self) -> &'static str {
        C::TYPE
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        C::schema()
    }

    fn check(&self, inputs: &Value, diagnostics: &mut Diagnostics) {
        C::check(inputs, diagnostics);
    }

    fn construct(&self, request: &ConstructRequest, construction: &mut Construction) -> Result<(), Failure> {
        construct::<C>(request, construction)
    }
}

impl<M: ModuleSection + Construct> Typed<M> {
    /// The module, for [`Definition::module`](crate::Definition::module).
    pub const MODULE: &'static dyn Module = &Self(PhantomData);
}

impl<M: ModuleSection + Construct> Module for Typed<M> {
    fn namespace(&self) -> &'static str {
        M::NAMESPACE
    }

    fn config_schema(&self) -> serde_json::Value {
        json_schema::of_section(&M::attributes())
    }

    fn defaults(&self) -> Value {
        json_schema::defaults(&M::attributes())
    }

    fn dependencies(&self) -> Vec<String> {
        M::DEPENDENCIES.iter().map(|&name| name.to_owned()).collect()
    }

    fn construct(&self, request: &ConstructRequest, construction: &mut Construction) -> Result<(), Failure> {
        let attributes = M::attributes();
        let mut section = request.inputs.as_map().cloned().unwrap_or_default();
        // What else the JSON Schema let pass is the host's.
        section.retain(|name, _| attributes.contains_key(name));
        // The schema has no words for some forms of text.
        let mut checked = check_attributes(&attributes, &Value::Map(section));
        M::check(&checked.inputs, &mut checked.diagnostics);
        let is_wrong = checked.diagnostics.has_errors();
        for diagnostic in checked.diagnostics {
            construction.diagnose(diagnostic);
        }
        if is_wrong {
            return Ok(());
        }
        let request = ConstructRequest {
            inputs: checked.inputs,
            ..request.clone()
        };
        construct::<M>(&request, construction)
    }
}
