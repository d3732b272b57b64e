//! Objects in the account that nothing in the stack manages.

use std::collections::{BTreeMap, BTreeSet};

use konductor_model::provider::{ListRequest, ObjectState, Provider};
use konductor_model::wildcard::wildcard;
use konductor_model::{Diagnostic, Diagnostics, Disposition, Failure, ResourceName, ResourceType, Value};

use crate::apply::call::retrying;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::free_names::FreeNames;
use crate::identifiers::Identifiers;
use crate::records::Records;

/// How many pages one type may have: a plugin whose pages never end must not hang a command.
const PAGES: usize = 10_000;

/// What to look for.
#[derive(Debug)]
pub struct Search<'s> {
    /// Names of types, or patterns such as `aws:ec2:*`. Empty: every type that is recorded.
    pub types: &'s [String],
    /// Objects that other stacks manage: type and identifier.
    pub elsewhere: &'s BTreeSet<(String, String)>,
}

/// An object that nothing manages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmanaged {
    /// The plugin that listed it, by its name in the project.
    pub plugin: String,
    /// Its type.
    pub resource_type: ResourceType,
    /// Its identifier.
    pub id: String,
    /// A name that it could have here and nothing else has.
    pub name: ResourceName,
}

/// What a search found.
#[derive(Debug, Default)]
pub struct Found {
    /// The objects, by plugin and type.
    pub objects: Vec<Unmanaged>,
    /// The types whose objects could not be listed: of them nothing is known.
    pub failures: Vec<(ResourceType, Failure)>,
}

/// Tells whether a type is meant by a name or by a pattern such as `aws:ec2:*`.
pub fn is_meant(resource_type: &ResourceType, pattern: &str) -> bool {
    wildcard(pattern, resource_type.as_str())
}

impl Engine {
    /// Lists the objects that neither this stack nor another manages. Each gets a name that is free.
    ///
    /// # Errors
    /// When no plugin has a type that is asked for, or the log cannot be read.
    pub async fn unmanaged(&self, search: &Search<'_>, names: &mut FreeNames) -> Result<Found, EngineError> {
        let recorded = self.recorded().await?;
        let found = self.unmanaged_beside(&recorded.records, search, names).await;
        self.keep(Some(recorded));
        found
    }

    /// Lists the objects that nothing in a state manages.
    pub(crate) async fn unmanaged_beside(
        &self,
        records: &Records,
        search: &Search<'_>,
        names: &mut FreeNames,
    ) -> Result<Found, EngineError> {
        let identifiers = Identifiers::of(records.iter());
        let mut found = Found::default();
        for (plugin, types) in self.types_meant(records, search.types)? {
            let Some(provider) = self.plugins.provider(&plugin) else {
                continue;
            };
            for resource_type in types {
                let objects = match self.list(provider.as_ref(), &resource_type).await {
                    Ok(objects) => objects,
                    Err(failure) => {
                        found.failures.push((resource_type, failure));
                        continue;
                    }
                };
                for object in objects {
                    let key = (resource_type.to_string(), object.id.clone());
                    if identifiers.owner(&plugin, &resource_type, &object).is_some()
                        || search.elsewhere.contains(&key)
                    {
                        continue;
                    }
                    found.objects.push(Unmanaged {
                        name: names.give(&title(&object)),
                        plugin: plugin.clone(),
                        resource_type: resource_type.clone(),
                        id: object.id,
                    });
                }
            }
        }
        Ok(found)
    }

    /// Returns the types that are asked for, by plugin.
    fn types_meant(
        &self,
        records: &Records,
        asked: &[String],
    ) -> Result<BTreeMap<String, BTreeSet<ResourceType>>, EngineError> {
        let recorded: BTreeSet<(&str, &ResourceType)> = records
            .by_kind()
            .into_iter()
            .filter(|(kind, _)| kind.schema_version.is_some())
            .map(|(kind, _)| (kind.plugin.name.as_str(), &kind.resource_type))
            .collect();
        let mut wanted: BTreeMap<String, BTreeSet<ResourceType>> = BTreeMap::new();
        let mut meant = vec![false; asked.len()];
        for name in self.plugins.names() {
            let Some(provider) = self.plugins.provider(&name) else {
                continue;
            };
            for resource_type in &provider.manifest().resource_types {
                let mut found = asked.is_empty() && recorded.contains(&(name.as_str(), resource_type));
                for (pattern, meant) in asked.iter().zip(&mut meant) {
                    if is_meant(resource_type, pattern) {
                        found = true;
                        *meant = true;
                    }
                }
                if found {
                    wanted
                        .entry(name.clone())
                        .or_default()
                        .insert(resource_type.clone());
                }
            }
        }
        let unknown = asked.iter().zip(meant).filter(|(_, meant)| !meant);
        let unknown: Vec<Diagnostic> = unknown
            .map(|(pattern, _)| {
                Diagnostic::error(format!("there is no type `{pattern}`")).help(
                    "`konductor catalog list` shows the types of all plugins; a pattern ends in `*`: aws:ec2:*",
                )
            })
            .collect();
        if unknown.is_empty() {
            Ok(wanted)
        } else {
            Err(Diagnostics(unknown).into())
        }
    }

    async fn list(
        &self,
        provider: &dyn Provider,
        resource_type: &ResourceType,
    ) -> Result<Vec<ObjectState>, Failure> {
        let mut objects = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..PAGES {
            let request = ListRequest {
                resource_type: resource_type.clone(),
                filter: Value::Null,
                cursor: cursor.clone(),
            };
            let page = retrying(self.settings.retry, || provider.list(request.clone())).await?;
            objects.extend(page.objects);
            if page.next_cursor.is_none() || page.next_cursor == cursor {
                return Ok(objects);
            }
            cursor = page.next_cursor;
        }
        Err(Failure::new(
            Disposition::Plugin,
            format!("the plugin answered with more than {PAGES} pages"),
        ))
    }
}

/// Returns what people call an object: its `Name` tag or label, else the last part of its identifier.
fn title(object: &ObjectState) -> String {
    let tag = ["tags.Name", "labels.name", "name"].iter().find_map(|path| {
        let value = object.attributes.at(&path.parse().ok()?)?;
        value.as_text().filter(|text| !text.is_empty()).map(str::to_owned)
    });
    tag.unwrap_or_else(|| {
        let last = object.id.rsplit(['/', ':']).find(|part| !part.is_empty());
        last.unwrap_or_default().to_owned()
    })
}
