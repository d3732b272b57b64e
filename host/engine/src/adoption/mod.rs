//! What another tool manages, read from its state, so that it can be taken over without touching the cloud.

mod declarations;
mod pulumi;
mod terraform;

use std::collections::BTreeMap;

use konductor_model::schema::KnownAs;
use konductor_model::{ResourceName, ResourceType};
use serde_json::{Map, Value as Json};

use crate::free_names::FreeNames;

pub(crate) use declarations::adopt;
pub use declarations::{Adopted, Wanted};

/// What another tool manages.
#[derive(Debug, Clone, PartialEq)]
pub struct ForeignState {
    /// The tool, as schemas name it: `terraform` or `pulumi`.
    pub tool: &'static str,
    /// The objects, in the order of the state.
    pub objects: Vec<ForeignObject>,
}

/// One object that another tool manages.
#[derive(Debug, Clone, PartialEq)]
pub struct ForeignObject {
    /// How the tool names it, for messages: `module.net.aws_subnet.private["a"]`.
    pub address: String,
    /// The tool's type.
    pub resource_type: String,
    /// A resource name for it here, unlike all others of the state.
    pub name: ResourceName,
    /// The tool's identifier.
    pub id: Option<String>,
    /// What the tool recorded of it.
    pub attributes: Map<String, Json>,
}

/// Why a file could not be read as the state of another tool.
#[derive(Debug, thiserror::Error)]
pub enum ForeignStateError {
    /// It is not JSON.
    #[error("it is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It is neither of the two forms.
    #[error(
        "it is neither a Terraform state of version 4 (`terraform state pull`) nor a Pulumi checkpoint or deployment \
         (`pulumi stack export`)"
    )]
    UnknownForm,
    /// A Terraform state of another version.
    #[error(
        "it is a Terraform state of version {0}, expected 4; `terraform apply -refresh-only` with Terraform 0.12 or newer \
         writes that"
    )]
    TerraformVersion(u64),
    /// A resource in it is not as it should be.
    #[error("entry {index} has no text `{member}`")]
    Member {
        /// The position in the list of resources, from 0.
        index: usize,
        /// What is missing.
        member: &'static str,
    },
}

impl ForeignState {
    /// Reads the state of Terraform or OpenTofu (version 4), or the checkpoint or exported deployment of Pulumi. Data
    /// sources, providers and components are left out: they manage nothing.
    ///
    /// # Errors
    /// When it is neither, or of another version.
    pub fn read(text: &str) -> Result<Self, ForeignStateError> {
        let json: Json = serde_json::from_str(text)?;
        let mut names = FreeNames::default();
        if json.get("terraform_version").is_some() || json.get("lineage").is_some() {
            let objects = terraform::read(&json, &mut names)?;
            return Ok(Self {
                tool: terraform::TOOL,
                objects,
            });
        }
        let deployment = json
            .pointer("/checkpoint/latest")
            .or_else(|| json.get("deployment"))
            .ok_or(ForeignStateError::UnknownForm)?;
        Ok(Self {
            tool: pulumi::TOOL,
            objects: pulumi::read(deployment, &mut names)?,
        })
    }
}

impl ForeignObject {
    /// Puts the import identifier together as a schema says; none when the state lacks a part of it.
    pub fn identifier(&self, known_as: &KnownAs) -> Option<String> {
        let mut text = String::new();
        let mut rest = known_as.identifier.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}')?;
            text.push_str(before);
            text.push_str(&self.part(name)?);
            rest = after;
        }
        text.push_str(rest);
        Some(text)
    }

    /// Returns what the state holds under a name; Pulumi spells `route_table_id` as `routeTableId`.
    fn part(&self, name: &str) -> Option<String> {
        if name == "id" {
            return self.id.clone();
        }
        let value = self
            .attributes
            .get(name)
            .or_else(|| self.attributes.get(&pulumi::spelling(name)))?;
        match value {
            Json::String(text) if !text.is_empty() => Some(text.clone()),
            Json::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }
}

/// Types by what other tools call them.
#[derive(Debug, Default)]
pub struct TypeMap(BTreeMap<(String, String), (ResourceType, KnownAs, String)>);

impl TypeMap {
    /// Adds what a schema says of its type. `plugin` is the name in the project of the plugin that has it.
    pub fn add(&mut self, plugin: &str, resource_type: &ResourceType, known_as: &[KnownAs]) {
        for known in known_as {
            let key = (known.tool.clone(), known.resource_type.clone());
            self.0
                .entry(key)
                .or_insert_with(|| (resource_type.clone(), known.clone(), plugin.to_owned()));
        }
    }

    /// Returns the type, how its identifier is put together, and the plugin that has it.
    pub fn get(&self, tool: &str, resource_type: &str) -> Option<(&ResourceType, &KnownAs, &str)> {
        let (found, known, plugin) = self.0.get(&(tool.to_owned(), resource_type.to_owned()))?;
        Some((found, known, plugin))
    }
}

#[cfg(test)]
mod tests;
