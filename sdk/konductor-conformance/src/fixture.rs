//! The fixture file: what objects the checks make, and where the cloud is.

use std::collections::{BTreeMap, BTreeSet};

use konductor_model::provider::{ObjectState, Provider};
use konductor_model::{ResourceName, ResourceType, Value, value_json};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::catalogue::CheckId;
use crate::declared::declared_in;

/// Why a fixture file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FixtureError {
    /// It is not YAML of this form.
    #[error("{file}: {source}")]
    Form {
        /// The file.
        file: String,
        /// What the reader says, with line and column.
        source: Box<serde_saphyr::Error>,
    },
    /// It contradicts itself.
    #[error("{file}: {}", .problems.join("; "))]
    Content {
        /// The file.
        file: String,
        /// Each problem, with the resource.
        problems: Vec<String>,
    },
}

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixtures {
    /// The address of an emulator or a real server that every endpoint goes to; none where the caller says it.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// The plugin's configuration, without credentials.
    #[serde(default = "Value::empty_map", deserialize_with = "value")]
    pub configuration: Value,
    /// The objects, by name.
    #[serde(default)]
    pub resources: BTreeMap<String, FixtureResource>,
    /// Types that have no object here, each with the reason.
    #[serde(default)]
    pub untested: BTreeMap<ResourceType, String>,
    /// Objects as older versions of the plugin stored them.
    #[serde(default)]
    pub archive: Vec<ArchivedObject>,
    /// There is no file: these are the examples of the schemas.
    #[serde(skip)]
    pub(crate) are_examples: bool,
}

/// One object.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixtureResource {
    /// The type.
    #[serde(rename = "type")]
    pub resource_type: ResourceType,
    /// The inputs. `${name.attribute}` is an attribute of another object here.
    #[serde(deserialize_with = "value")]
    pub inputs: Value,
    /// Inputs that change, for an update in place; the others stay.
    #[serde(default, deserialize_with = "optional_value")]
    pub update: Option<Value>,
    /// Inputs that change, for a replacement; the others stay.
    #[serde(default, deserialize_with = "optional_value")]
    pub replace: Option<Value>,
    /// What import is given, where it is not the identifier; `${self.attribute}` is an attribute of the object.
    #[serde(default)]
    pub import_id: Option<String>,
    /// Objects that must be there first, beside those referred to.
    #[serde(default)]
    pub after: BTreeSet<String>,
    /// Checks to leave out, each with the reason.
    #[serde(default)]
    pub skip: BTreeMap<CheckId, String>,
}

/// An object as an older version stored it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchivedObject {
    /// The type.
    #[serde(rename = "type")]
    pub resource_type: ResourceType,
    /// The schema version that wrote it.
    pub schema_version: u32,
    /// The identifier.
    pub id: String,
    /// The attributes.
    #[serde(deserialize_with = "value")]
    pub attributes: Value,
}

impl ArchivedObject {
    pub(crate) fn state(&self) -> ObjectState {
        ObjectState {
            id: self.id.clone(),
            attributes: self.attributes.clone(),
            private: Vec::new(),
            schema_version: self.schema_version,
        }
    }
}

fn value<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    let json = serde_json::Value::deserialize(deserializer)?;
    value_json::from_json(json).map_err(D::Error::custom)
}

fn optional_value<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    value(deserializer).map(Some)
}

impl Fixtures {
    /// Reads a file's text.
    ///
    /// # Errors
    /// When it is not of this form, or refers to what it does not have, with everything that is wrong.
    pub fn parse(file: &str, text: &str) -> Result<Self, FixtureError> {
        let fixtures: Self = serde_saphyr::from_str(text).map_err(|source| FixtureError::Form {
            file: file.to_owned(),
            source: Box::new(source),
        })?;
        let mut problems = Vec::new();
        let names: Vec<&str> = fixtures.resources.keys().map(String::as_str).collect();
        for (name, resource) in &fixtures.resources {
            if let Err(error) = name.parse::<ResourceName>() {
                problems.push(error.to_string());
            }
            for needed in Self::needed(resource) {
                if !fixtures.resources.contains_key(&needed) {
                    problems.push(format!(
                        "{name}: it needs `{needed}`, which is not among the resources: {}",
                        names.join(", ")
                    ));
                }
            }
        }
        if problems.is_empty() {
            let ordered = fixtures.ordered();
            let circle: Vec<&str> = names.into_iter().filter(|name| !ordered.contains(name)).collect();
            if !circle.is_empty() {
                problems.push(format!(
                    "these need each other in a circle: {}",
                    circle.join(", ")
                ));
            }
        }
        if problems.is_empty() {
            return Ok(fixtures);
        }
        Err(FixtureError::Content {
            file: file.to_owned(),
            problems,
        })
    }

    /// Takes the examples of a provider's schemas, for pure checks of a plugin whose fixture file is not at hand. What
    /// is wrong with a schema or an example is left to the checks of types.
    pub async fn of_examples(provider: &dyn Provider) -> Self {
        let mut resources = BTreeMap::new();
        for kind in &provider.manifest().resource_types {
            let Ok(schema) = provider.schema(kind).await else {
                continue;
            };
            for example in &schema.examples {
                for (name, properties) in declared_in(&example.yaml, kind).unwrap_or_default() {
                    let Ok(inputs) = value_json::from_json(properties) else {
                        continue;
                    };
                    let resource = FixtureResource {
                        resource_type: kind.clone(),
                        inputs,
                        update: None,
                        replace: None,
                        import_id: None,
                        after: BTreeSet::new(),
                        skip: BTreeMap::new(),
                    };
                    // Several examples declare a `network`.
                    let mut free = name.clone();
                    let mut number = 2;
                    while resources.contains_key(&free) {
                        free = format!("{name}-{number}");
                        number += 1;
                    }
                    resources.insert(free, resource);
                }
            }
        }
        Self {
            endpoint: None,
            configuration: Value::empty_map(),
            resources,
            untested: BTreeMap::new(),
            archive: Vec::new(),
            are_examples: true,
        }
    }

    /// Returns the names of the objects that one needs.
    pub(crate) fn needed(resource: &FixtureResource) -> BTreeSet<String> {
        let mut names = resource.after.clone();
        let changed = [&resource.update, &resource.replace];
        for value in std::iter::once(&resource.inputs).chain(changed.into_iter().flatten()) {
            value.walk(&mut |_, value| {
                if let Value::Text(text) = value {
                    names.extend(references(text).into_iter().map(|(name, _)| name.to_owned()));
                }
                true
            });
        }
        names
    }

    /// Returns the names of the objects, each after those it needs; those in a circle are left out.
    pub(crate) fn ordered(&self) -> Vec<&str> {
        let mut ordered: Vec<&str> = Vec::new();
        loop {
            let is_ready = |resource| {
                Self::needed(resource)
                    .iter()
                    .all(|n| ordered.contains(&n.as_str()))
            };
            let ready: Vec<&str> = self
                .resources
                .iter()
                .filter(|(name, resource)| !ordered.contains(&name.as_str()) && is_ready(resource))
                .map(|(name, _)| name.as_str())
                .collect();
            if ready.is_empty() {
                return ordered;
            }
            ordered.extend(ready);
        }
    }
}

/// Returns the references in a text: the name, and the dotted path.
fn references(text: &str) -> Vec<(&str, &str)> {
    text.split("${")
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .filter_map(|(reference, _)| reference.split_once('.'))
        .collect()
}

/// Puts attributes of objects where a value refers to them; what is not there is told.
pub(crate) fn resolve(value: Value, objects: &BTreeMap<String, ObjectState>) -> Result<Value, String> {
    let mut missing = Vec::new();
    let resolved = value.map_leaves(&mut |leaf| {
        let Value::Text(text) = &leaf else { return leaf };
        let mut result = text.clone();
        for (name, path) in references(text) {
            let whole = format!("${{{name}.{path}}}");
            let found = objects.get(name).and_then(|object| {
                let at = |value, step| Value::attribute(value, step);
                path.split('.')
                    .try_fold(&object.attributes, at)
                    .cloned()
                    .or_else(|| (path == "id").then(|| Value::from(object.id.as_str())))
            });
            match found {
                Some(found) if *text == whole => return found,
                Some(found) if found.as_text().is_some() => {
                    result = result.replace(&whole, found.as_text().unwrap_or_default());
                }
                Some(_) => missing.push(format!("{whole} is no text")),
                None => missing.push(format!("{whole} has no value")),
            }
        }
        Value::Text(result)
    });
    if missing.is_empty() {
        Ok(resolved)
    } else {
        Err(missing.join(", "))
    }
}

/// Lays changed inputs over others; null takes one away.
pub(crate) fn laid_over(inputs: &Value, changed: &Value) -> Value {
    let mut all = inputs.clone();
    if let (Some(all), Some(changed)) = (all.as_map_mut(), changed.as_map()) {
        for (name, value) in changed {
            if value.is_null() {
                all.remove(name);
            } else {
                all.insert(name.clone(), value.clone());
            }
        }
    }
    all
}
