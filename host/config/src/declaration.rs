//! `resources:` as declarations, and the way back from a declaration to its place.

use std::collections::{BTreeMap, BTreeSet};

use konductor_model::interpolation::{join_parts, resolve_joins};
use konductor_model::module::Declaration;
use konductor_model::value_json::to_plain_json;
use konductor_model::{
    Diagnostic, Diagnostics, Origin, Path, ResourceName, ResourceOptions, ResourceType, Value,
};

use crate::located::{Located, Node};
use crate::resolve::Resolver;
use crate::suggestion;

const RESOURCE_KEYS: [&str; 3] = ["type", "properties", "options"];
const OPTION_KEYS: [&str; 11] = [
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
];

/// Reads every declaration; what cannot be read is reported and left out.
pub(crate) fn declarations(
    resources: &Located,
    resolver: &mut Resolver<'_>,
    diagnostics: &mut Diagnostics,
) -> Vec<Declaration> {
    let mut found = Vec::new();
    for (name, entry) in resources.as_map().into_iter().flatten() {
        if entry.is_removed() {
            continue;
        }
        if let Some(declaration) = declaration(name, entry, resolver, diagnostics) {
            found.push(declaration);
        }
    }
    found
}

fn declaration(
    name: &str,
    entry: &Located,
    resolver: &mut Resolver<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Declaration> {
    let place = entry.key_or_value_origin().clone();
    let parsed: Option<ResourceName> = match name.parse() {
        // `/` separates a component from what it constructs; no declaration can claim such a name.
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
            let help = match suggestion::nearest(key, RESOURCE_KEYS) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("put `{key}` under `properties:`"),
            };
            diagnostics.push(diagnostic.help(help));
        }
    }
    let resource_type = resource_type(name, map, &place, diagnostics);
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
            resolver.resolve(properties, None)
        }
        None => Value::empty_map(),
    };
    let options = match map.get("options").filter(|v| !v.is_removed()) {
        Some(written) => options(name, written, resolver, diagnostics),
        None => ResourceOptions::default(),
    };
    Some(Declaration {
        name: parsed?,
        resource_type: resource_type?,
        properties,
        options,
        origin: Some(place),
    })
}

fn resource_type(
    name: &str,
    map: &BTreeMap<String, Located>,
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

/// Reads options one by one, so that each mistake has its own place.
fn options(
    name: &str,
    written: &Located,
    resolver: &mut Resolver<'_>,
    diagnostics: &mut Diagnostics,
) -> ResourceOptions {
    let mut good = serde_json::Map::new();
    let Some(map) = written.as_map() else {
        diagnostics.push(
            Diagnostic::error(format!(
                "expected a map of options, found {}",
                written.described_kind()
            ))
            .resource(name)
            .origin(Some(written.origin.clone())),
        );
        return ResourceOptions::default();
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
        // `depends_on: ["${network}"]` names the resource as `depends_on: [network]` does.
        let json = to_plain_json(&resolver.resolve(value, None).map_leaves(&mut |leaf| match leaf {
            Value::Reference(reference) if reference.path.is_root() => Value::from(reference.resource),
            other => other,
        }));
        let one = serde_json::Map::from_iter([(key.clone(), json)]);
        match serde_json::from_value::<ResourceOptions>(serde_json::Value::Object(one.clone())) {
            Ok(_) => good.extend(one),
            Err(error) => diagnostics.push(
                Diagnostic::error(format!("the option `{key}` cannot be read"))
                    .detail(error.to_string())
                    .resource(name)
                    .origin(Some(value.origin.clone())),
            ),
        }
    }
    serde_json::from_value(serde_json::Value::Object(good)).unwrap_or_default()
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
        if known.contains(&found.resource) {
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
                    written: format!("${{{reference}}}"),
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
                _ => vec![written],
            };
            for element in elements {
                let value = resolver.resolve(element, None);
                let Some(text) = value.as_text().filter(|text| !known.contains(*text)) else {
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
