//! Objects in the account that nothing in the stack manages.

use std::collections::{BTreeMap, BTreeSet};

use konductor_model::provider::{ListRequest, ObjectState, Provider};
use konductor_model::{Diagnostic, Disposition, Failure, ResourceName, ResourceType, Urn, Value};
use konductor_state::Snapshot;
use konductor_state::drift::{Difference, DifferenceKind};

use super::severity::of_unmanaged;
use super::{DriftOptions, DriftReport};
use crate::desired::Desired;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::identifiers::Identifiers;

/// How many pages one type may have: a plugin whose pages never end must not hang a check.
const PAGES: usize = 10_000;

/// Tells whether a type is meant by a name or by a pattern such as `aws:ec2:*`.
fn is_meant(resource_type: &ResourceType, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => resource_type.as_str().starts_with(start),
        None => resource_type.as_str() == pattern,
    }
}

/// Lists the types that are asked for and adds what nothing manages.
pub(crate) async fn find(
    engine: &Engine,
    desired: &Desired,
    snapshot: &Snapshot,
    asked: &[String],
    options: &DriftOptions,
    report: &mut DriftReport,
) -> Result<(), EngineError> {
    let recorded: BTreeSet<(&str, &ResourceType)> = snapshot
        .resources
        .values()
        .filter(|record| record.object.is_some())
        .map(|record| (record.plugin.name.as_str(), record.urn.resource_type()))
        .collect();
    let mut wanted: BTreeMap<String, BTreeSet<ResourceType>> = BTreeMap::new();
    let mut meant = vec![false; asked.len()];
    for name in engine.plugins.names() {
        let Some(provider) = engine.plugins.provider(&name) else {
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
            Diagnostic::error(format!("no plugin of this stack has a type `{pattern}`"))
                .help("`konductor catalog list` shows the types; a pattern ends in `*`: aws:ec2:*")
        })
        .collect();
    if !unknown.is_empty() {
        return Err(konductor_model::Diagnostics(unknown).into());
    }
    let identifiers = Identifiers::of(snapshot.resources.values());
    let mut taken: BTreeSet<Urn> = snapshot.resources.keys().cloned().collect();
    for (plugin, types) in wanted {
        let Some(provider) = engine.plugins.provider(&plugin) else {
            continue;
        };
        for resource_type in types {
            match list(engine, provider.as_ref(), &resource_type).await {
                Ok(objects) => {
                    for object in objects {
                        let Some(urn) = name_for(desired, &resource_type, &object, &taken) else {
                            continue;
                        };
                        let key = (resource_type.to_string(), object.id.clone());
                        if identifiers.owner(&plugin, &resource_type, &object).is_some()
                            || options.elsewhere.contains(&key)
                        {
                            continue;
                        }
                        taken.insert(urn.clone());
                        report.differences.push(Difference {
                            kind: DifferenceKind::Unmanaged,
                            severity: options
                                .severity
                                .of(&resource_type, None)
                                .unwrap_or_else(|| of_unmanaged(&resource_type)),
                            id: object.id,
                            urn,
                            at: None,
                            change: None,
                            recorded: Value::Null,
                            actual: Value::Null,
                            desired: None,
                            repairable: false,
                            obstacle: None,
                            requires_replacement: false,
                        });
                    }
                }
                Err(failure) => {
                    // What was asked for by name and cannot be listed must not look like an empty list.
                    report.warnings.push(
                        Diagnostic::warning(format!(
                            "the objects of type `{resource_type}` cannot be listed"
                        ))
                        .detail(failure.to_string()),
                    );
                }
            }
        }
    }
    Ok(())
}

async fn list(
    engine: &Engine,
    provider: &dyn Provider,
    resource_type: &ResourceType,
) -> Result<Vec<ObjectState>, Failure> {
    let retry = engine.settings.retry;
    let mut objects = Vec::new();
    let mut cursor: Option<String> = None;
    let mut attempt = 1;
    for _ in 0..PAGES {
        let request = ListRequest {
            resource_type: resource_type.clone(),
            filter: Value::Null,
            cursor: cursor.clone(),
        };
        match provider.list(request).await {
            Ok(page) => {
                attempt = 1;
                objects.extend(page.objects);
                if page.next_cursor.is_none() || page.next_cursor == cursor {
                    return Ok(objects);
                }
                cursor = page.next_cursor;
            }
            Err(failure) if failure.disposition.is_transient() && attempt < retry.attempts => {
                tokio::time::sleep(retry.wait(attempt)).await;
                attempt += 1;
            }
            Err(failure) => return Err(failure),
        }
    }
    Err(Failure::new(
        Disposition::Plugin,
        format!("the plugin answered with more than {PAGES} pages"),
    ))
}

/// Returns a name that the object could have, and nothing else has: its `Name` tag, else its identifier, in the letters a
/// name may have.
fn name_for(
    desired: &Desired,
    resource_type: &ResourceType,
    object: &ObjectState,
    taken: &BTreeSet<Urn>,
) -> Option<Urn> {
    let tag = ["tags.Name", "labels.name", "name"].iter().find_map(|path| {
        let value = object.attributes.at(&path.parse().ok()?)?;
        value.as_text().map(str::to_owned)
    });
    let words = tag.into_iter().chain([object.id.clone()]);
    let names = words.flat_map(|text| {
        let name = as_name(&text);
        let numbered = (2..1000).filter_map({
            let name = name.clone();
            move |number| format!("{}-{number}", name.as_ref()?).parse().ok()
        });
        name.clone().into_iter().chain(numbered)
    });
    names
        .filter_map(|name| Urn::new(&desired.project, &desired.stack, resource_type.clone(), name).ok())
        .find(|urn| !taken.contains(urn))
}

fn as_name(text: &str) -> Option<ResourceName> {
    let last = text.rsplit(['/', ':']).find(|part| !part.is_empty())?;
    let word: String = last
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') {
                c
            } else {
                '-'
            }
        })
        .collect();
    word.trim_matches('-').parse().ok()
}
