//! What is known of a resource: the projection of the log that plans are made from.

use std::collections::BTreeMap;

use konductor_model::provider::ObjectState;
use konductor_model::schema::TypeKind;
use konductor_model::{ResourceOptions, Urn, Value};
use serde::{Deserialize, Serialize};

/// A resource or component as it was last recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResourceRecord {
    /// Its identity.
    pub urn: Urn,
    /// Resource or component.
    #[serde(default)]
    pub kind: TypeKind,
    /// The plugin that manages it.
    pub plugin: PluginReference,
    /// The component it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Urn>,
    /// What it directly depends on; never the transitive set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<Urn>,
    /// The checked inputs it was last deployed with.
    pub inputs: Value,
    /// The object; none for a component and for one whose create never succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectState>,
    /// The outputs of a component.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub outputs: Value,
    /// The options it was last deployed with; a destroy honours them when the declaration is gone.
    #[serde(default)]
    pub options: ResourceOptions,
    /// Why the object must be replaced at the next apply, for example because its create ended half-way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tainted: Option<String>,
    /// Superseded objects that are not yet deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deposed: Vec<Deposed>,
}

/// A superseded object that still exists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deposed {
    /// Tells deposed objects of one resource apart.
    pub key: String,
    /// The object.
    pub object: ObjectState,
}

/// A plugin by name and version.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PluginReference {
    /// The name.
    pub name: String,
    /// The version.
    pub version: String,
}

/// Everything a plan starts from, read at one point of the log.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// The position of the last entry; 0 before the first.
    pub serial: u64,
    /// The hash of that entry; empty before the first.
    pub head: String,
    /// The resources.
    pub resources: BTreeMap<Urn, ResourceRecord>,
    /// The stack's outputs.
    pub outputs: BTreeMap<String, Value>,
    /// Operations that were begun and not ended: a run was interrupted.
    pub interrupted: Vec<Interrupted>,
}

/// An operation with a begin entry and no end entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Interrupted {
    /// How it began.
    pub begin: crate::entry::Begin,
    /// The last progress entry, if it was a long operation.
    pub progress: Option<crate::entry::OperationProgress>,
}
