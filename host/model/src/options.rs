//! What a declaration can ask of the engine, the same for every resource type.

use serde::{Deserialize, Serialize};

use crate::path::Path;

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The options of a resource or component. Those of a component hold for its children where they say so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResourceOptions {
    /// Resources or components that must exist before this one, beyond those it refers to. Inherited.
    #[serde(skip_serializing_if = "is_default")]
    pub depends_on: Vec<String>,
    /// The component this belongs to.
    #[serde(skip_serializing_if = "is_default")]
    pub parent: Option<String>,
    /// Never delete or replace it. Inherited.
    #[serde(skip_serializing_if = "is_default")]
    pub protect: bool,
    /// Forget it instead of deleting it. Inherited.
    #[serde(skip_serializing_if = "is_default")]
    pub retain_on_delete: bool,
    /// Inputs whose changes are not acted on once the object exists.
    #[serde(skip_serializing_if = "is_default")]
    pub ignore_changes: Vec<Path>,
    /// Inputs whose changes mean replacement, beyond those the schema names.
    #[serde(skip_serializing_if = "is_default")]
    pub replace_on_changes: Vec<Path>,
    /// On replacement delete the old object first; false insists on creating first. Not given: the schema decides.
    #[serde(skip_serializing_if = "is_default")]
    pub delete_before_replace: Option<bool>,
    /// Names this had before; an object recorded under one of them is taken over.
    #[serde(skip_serializing_if = "is_default")]
    pub aliases: Vec<String>,
    /// Take over the existing object with this identifier instead of creating one.
    #[serde(skip_serializing_if = "is_default")]
    pub import: Option<String>,
    /// The plugin that manages it, by its name under `plugins`, where several serve the same types. Inherited by what
    /// a component constructs.
    #[serde(skip_serializing_if = "is_default")]
    pub provider: Option<String>,
    /// Attributes to treat as secret, beyond those the schema names.
    #[serde(skip_serializing_if = "is_default")]
    pub sensitive: Vec<Path>,
}
