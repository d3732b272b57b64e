//! `resources:` as declarations, and the way back from a declaration to its place.

use std::collections::{BTreeMap, BTreeSet};

use konductor_model::interpolation::{join_parts, resolve_joins};
use konductor_model::module::{Declaration, RepeatedDeclaration};
use konductor_model::{
    Diagnostic, Diagnostics, Origin, Path, Repetition, ResourceName, ResourceOptions, ResourceType, Value,
    repetition,
};

use crate::instances::{self, Own};
use crate::located::{Entries, Located, Node};
use crate::resolve::Resolver;
use crate::suggestion;

pub(crate) const RESOURCE_KEYS: [&str; 5] = ["type", "properties", "options", "count", "for_each"];
pub(crate) const OPTION_KEYS: [&str; 12] = [
    "depends_on",
    "parent",
    "protect",
    "retain_on_delete",
    "ignore_changes",
    "replace_on_changes",
    "delete_before_replace",
    "aliases",
    "import",
    "provider",
    "sensitive",
    "metadata",
];

/// What is declared under `resources:`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Declared {
    /// What there is one of.
    pub single: Vec<Declaration>,
    /// What has `count` or `for_each`.
    pub repeated: Vec<RepeatedDeclaration>,
}

/// Reads every declaration; what cannot be read is reported and left out.
pub(crate) fn declarations(
    resources: &Located,
    resolver: &mut Resolver<'_>,
    diagnostics: &mut Diagnostics,
) -> Declared {
    let mut found = Declared::default();
    for (name, entry) in resources.as_map().into_iter().flatten() {
        if entry.is_removed() {
            continue;
        }
        match declaration(name, entry, resolver, diagnostics) {
            Some((declaration, None)) => found.single.push(declaration),
            Some((declaration, Some((repetition, options)))) => found.repeated.push(RepeatedDeclaration {
                declaration,
                options,
                repetition,
            }),
            None => {}
        }
    }
    found
}

/// Returns the types that can be read as such, without looking at anything else.
pub(crate) fn types(resources: &Located) -> impl Iterator<Item = ResourceType> {
    let entries = resources.as_map().into_iter().flatten();
    entries.filter_map(|(_, entry)| match &entry.as_map()?.get("type")?.node {
        Node::Leaf(Value::Text(text)) => text.parse().ok(),
        _ => None,
    })
}

fn declaration(
    name: &str,
    entry: &Located,
    resolver: &mut Resolver<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<(Declaration, Option<(Repetition, Value)>)> {
    let place = entry.key_or_value_origin().clone();
    let parsed: Option<ResourceName> = match name.parse() {
        // `/` separates a component from what it constructs; no declaration can claim such a name.
        Ok(_) if repetition::is_own(name) => {
            diagnostics.push(
                Diagnostic::error(format!("`{name}` cannot be the name of a resource"))
                    .detail(format!("`${{{name}.…}}` is what an instance of a resource with `for_each` or `count` knows of itself"))
                    .help("give it another name")
                    .origin(Some(place.clone())),
            );
            None
        }
        Ok(parsed) if !name.contains('/') => Some(parsed),
        _ => {
            diagnostics.push(
                Diagnostic::error(format!("`{name}` is not a resource name"))
                    .detail("expected letters, digits, `_` and `-`, starting with a letter or digit")
                    .origin(Some(place.clone())),
            );
            None
        }
    };
    let Some(map) = entry.as_map() else {
        diagnostics.push(
            Diagnostic::error(format!(
                "expected a map with `type`, `properties` and `options`, found {}",
                entry.described_kind()
            ))
            .resource(name)
            .origin(Some(entry.origin.clone())),
        );
        return None;
    };
    for (key, value) in map {
        if !RESOURCE_KEYS.contains(&key.as_str()) {
            let diagnostic = Diagnostic::error(format!("`{key}` is not a key of a resource"))
                .resource(name)
                .origin(Some(value.key_or_value_origin().clone()));
            let help = match konductor_model::suggestion::nearest(key, RESOURCE_KEYS) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("put `{key}` under `properties:`"),
            };
            diagnostics.push(diagnostic.help(help));
        }
    }
    let resource_type = resource_type(name, map, &place, diagnostics);
    let own = Own {
        name,
        repetition: instances::read(name, map, resolver, diagnostics),
    };
    let properties = match map.get("properties").filter(|v| !v.is_removed()) {
        Some(properties) => {
            if properties.as_map().is_none() {
                diagnostics.push(
                    Diagnostic::error(format!(
                        "expected a map of properties, found {}",
                        properties.described_kind()
                    ))
                    .resource(name)
                    .origin(Some(properties.origin.clone())),
                );
            }
            let value = resolver.resolve(properties, None);
            own.check(properties, &value, diagnostics);
            value
        }
        None => Value::empty_map(),
    };
    let (options, own_options) = match map.get("options").filter(|v| !v.is_removed()) {
        Some(written) => options(name, written, &own, resolver, diagnostics),
        None => (ResourceOptions::default(), Value::Null),
    };
    let declaration = Declaration {
        name: parsed?,
        resource_type: resource_type?,
        properties,
        options,
        origin: Some(place),
    };
    match own.repetition? {
        instances::Written::Once => Some((declaration, None)),
        instances::Written::Repeated(repetition) => Some((declaration, Some((repetition, own_options)))),
    }
}

fn resource_type(
    name: &str,
    map: &Entries,
    place: &Origin,
    diagnostics: &mut Diagnostics,
) -> Option<ResourceType> {
    let Some(written) = map.get("type").filter(|v| !v.is_removed()) else {
        diagnostics.push(
            Diagnostic::error("the resource has no type")
                .help("add for example `type: aws:ec2:Vpc`; `konductor catalog list` shows all")
                .resource(name)
                .origin(Some(place.clone())),
        );
        return None;
    };
    let error = match &written.node {
        Node::Leaf(Value::Text(text)) => match text.parse() {
            Ok(parsed) => return Some(parsed),
            Err(error) => {
                let error: konductor_model::name::NameError = error;
                error.to_string()
            }
        },
        _ => format!(
            "expected a type such as `aws:ec2:Vpc`, found {}",
            written.described_kind()
        ),
    };
    diagnostics.push(
        Diagnostic::error(error)
            .resource(name)
            .origin(Some(written.origin.clone())),
    );
    None
}

/// Reads options one by one, so that each mistake has its own place. Those that refer to what an instance knows of
/// itself come as a map of their own.
fn options(
    name: &str,
    written: &Located,
    own: &Own<'_>,
    resolver: &mut Resolver<'_>,
    diagnostics: &mut Diagnostics,
) -> (ResourceOptions, Value) {
    let mut good = ResourceOptions::default();
    let mut of_instances = Value::Null;
    let Some(map) = written.as_map() else {
        diagnostics.push(
            Diagnostic::error(format!(
                "expected a map of options, found {}",
                written.described_kind()
            ))
            .resource(name)
            .origin(Some(written.origin.clone())),
        );
        return (good, of_instances);
    };
    for (key, value) in map.iter().filter(|(_, v)| !v.is_removed()) {
        if !OPTION_KEYS.contains(&key.as_str()) {
            let diagnostic = Diagnostic::error(format!("`{key}` is not an option"))
                .resource(name)
                .origin(Some(value.key_or_value_origin().clone()));
            diagnostics.push(match suggestion::help(key, OPTION_KEYS) {
                Some(help) => diagnostic.help(help),
                None => diagnostic,
            });
            continue;
        }
        let option = Value::from([(key.as_str(), resolver.resolve(value, None))]);
        let before = diagnostics.0.len();
        own.check(value, option.attribute(key).unwrap_or(&option), diagnostics);
        if diagnostics.0.len() > before {
            continue;
        }
        let (read, is_own) = match &own.repetition {
            Some(instances::Written::Repeated(repetition)) if instances::refers_to_instance(&option) => {
                // What fits the first instance fits all, but for what only an instance's value can say.
                let first = (!repetition.is_empty()).then(|| repetition.fill(0, option.clone()));
                (
                    first.map_or_else(|| Ok(ResourceOptions::default()), ResourceOptions::from_value),
                    true,
                )
            }
            _ => (ResourceOptions::from_value(option.clone()), false),
        };
        match read {
            Ok(_) if is_own => {
                let value = option.attribute(key).cloned().unwrap_or_default();
                of_instances.put(&Path::attribute(key.as_str()), value);
            }
            Ok(read) => good.lay_over(read),
            Err(error) => diagnostics.push(
                Diagnostic::error(format!("the option `{key}` cannot be read"))
                    .detail(error)
                    .resource(name)
                    .origin(Some(value.origin.clone())),
            ),
        }
    }
    (good, of_instances)
}

/// Reads the outputs.
pub(crate) fn outputs(outputs: &Located, resolver: &mut Resolver<'_>) -> BTreeMap<String, Value> {
    outputs
        .as_map()
        .into_iter()
        .flatten()
        .filter(|(_, value)| !value.is_removed())
        .map(|(name, value)| (name.clone(), resolve_joins(resolver.resolve(value, None))))
        .collect()
}

/// Returns the place of a declared resource's property, or of the nearest thing around it.
pub(crate) fn locate(resources: &Located, resource: &str, path: &Path) -> Option<Origin> {
    let entry = resources.as_map()?.get(resource)?;
    let place = entry.key_or_value_origin().clone();
    if path.is_root() {
        return Some(place);
    }
    let map = entry.as_map()?;
    let Some(properties) = map.get("properties") else {
        return Some(place);
    };
    let (found, rest) = properties.descend(path.steps());
    // Something that is missing inside a map is best shown at the key that leads to the map.
    if rest.is_empty() && found.as_map().is_none() {
        return Some(found.origin.clone());
    }
    Some(found.key_or_value_origin().clone())
}

/// Tells whether a declared resource has instances.
pub(crate) fn is_repeated(resources: &Located, resource: &str) -> bool {
    let entry = resources.as_map().and_then(|map| map.get(resource));
    entry
        .and_then(|entry| entry.as_map())
        .is_some_and(|map| ["count", "for_each"].iter().any(|key| map.contains_key(*key)))
}

/// A place that refers to a resource by name.
struct Use {
    resource: String,
    written: String,
    origin: Origin,
}

/// Reports every reference to a name that is not known, with its place.
pub(crate) fn unresolved(
    trees: &[(&Located, Value)],
    known: &BTreeSet<String>,
    namespaces: &[&str],
    diagnostics: &mut Diagnostics,
) {
    let mut uses = Vec::new();
    for (located, value) in trees {
        collect(located, value, &mut uses);
    }
    for found in uses {
        if known.contains(&found.resource) || repetition::is_own(&found.resource) {
            continue;
        }
        let diagnostic = Diagnostic::error(format!(
            "`{}` refers to `{}`, which is not declared",
            found.written, found.resource
        ))
        .origin(Some(found.origin));
        let help = if namespaces.contains(&found.resource.as_str()) {
            Some(format!(
                "a setting is read with a colon: `${{{}:…}}`",
                found.resource
            ))
        } else {
            suggestion::help(&found.resource, known.iter().map(String::as_str))
        };
        diagnostics.push(match help {
            Some(help) => diagnostic.help(help),
            None => diagnostic.help("declare it under `resources:`, or write `$$` for a dollar sign"),
        });
    }
}

/// Walks the written tree and the resolved one together: references have their places in the first.
fn collect(located: &Located, value: &Value, uses: &mut Vec<Use>) {
    match (&located.node, value) {
        (Node::List(list), Value::List(values)) => {
            list.iter()
                .zip(values)
                .for_each(|(located, value)| collect(located, value, uses));
        }
        (Node::Map(map), Value::Map(values)) if join_parts(value).is_none() => {
            for (name, value) in values {
                if let Some(located) = map.get(name) {
                    collect(located, value, uses);
                }
            }
        }
        _ => {
            for (_, reference) in value.references() {
                uses.push(Use {
                    resource: reference.resource.clone(),
                    written: repetition::written(reference),
                    origin: located.origin.clone(),
                });
            }
        }
    }
}

/// Reports every name in `depends_on` and `parent` that is not known.
pub(crate) fn unresolved_options(
    resources: &Located,
    known: &BTreeSet<String>,
    resolver: &mut Resolver<'_>,
    diagnostics: &mut Diagnostics,
) {
    for (name, entry) in resources.as_map().into_iter().flatten() {
        let options = entry.as_map().and_then(|map| map.get("options"));
        for key in ["depends_on", "parent"] {
            let Some(written) = options.and_then(|o| o.as_map()).and_then(|map| map.get(key)) else {
                continue;
            };
            let elements = match &written.node {
                Node::List(list) => list.iter().collect(),
                _ => vec![written.as_ref()],
            };
            for element in elements {
                let value = resolver.resolve(element, None);
                let is_known = |text: &&str| {
                    known.contains(*text)
                        || text.split_once('/').is_some_and(|(declared, _)| {
                            known.contains(declared) && is_repeated(resources, declared)
                        })
                };
                let Some(text) = value.as_text().filter(|text| !is_known(text)) else {
                    continue;
                };
                let diagnostic = Diagnostic::error(format!("`{key}` names `{text}`, which is not declared"))
                    .resource(name)
                    .origin(Some(element.origin.clone()));
                diagnostics.push(match suggestion::help(text, known.iter().map(String::as_str)) {
                    Some(help) => diagnostic.help(help),
                    None => diagnostic,
                });
            }
        }
    }
}
