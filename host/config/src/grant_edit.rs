//! Writing a plugin's grant into `konductor.yaml`, with comments and everything else left as they are.

use std::collections::BTreeSet;

use konductor_model::{Diagnostic, Diagnostics, Path, PluginGrant, Value};

use crate::edit;
use crate::layer::Layer;
use crate::located::Node;
use crate::yaml;

/// Writes the whole grant of a plugin in the place of what stood there. `name` is the plugin's key under `plugins`,
/// which is added when it is missing.
///
/// # Errors
/// When the text is not YAML, or the place cannot be changed without changing something else.
pub fn set_grant(file: &str, text: &str, name: &str, grant: &PluginGrant) -> Result<String, Diagnostics> {
    let at = grant_path(name);
    let mut text = opened(file, text, name)?;
    let mut entries: Vec<(Vec<&str>, Value)> = Vec::new();
    for (id, allowance) in &grant.endpoints {
        let lists = [
            ("regions", &allowance.regions),
            ("methods", &allowance.methods),
            ("accounts", &allowance.accounts),
            ("resource_prefixes", &allowance.resource_prefixes),
            ("token_operations", &allowance.token_operations),
        ];
        let written = lists
            .into_iter()
            .filter(|(_, items)| !items.is_empty())
            .map(|(key, items)| (key.to_owned(), list(items)))
            .collect();
        entries.push((vec!["endpoints", id], Value::Map(written)));
    }
    for (key, items) in [
        ("credentials", &grant.credentials),
        ("reveal", &grant.reveal),
        ("metadata", &grant.metadata),
        ("configuration", &grant.configuration),
        ("declares", &grant.declares),
    ] {
        if !items.is_empty() {
            entries.push((vec![key], list(items)));
        }
    }
    let Some(((names, value), rest)) = entries.split_first() else {
        return edit::set(file, &text, &at, &Value::empty_map());
    };
    let below = |names: &[&str]| names.iter().fold(at.clone(), |path, name| path.child(*name));
    text = if read(file, &text)?.get(&at).is_some() {
        edit::replace_by_map(file, &text, &at, names, value)?
    } else {
        edit::set(file, &text, &below(names), value)?
    };
    for (names, value) in rest {
        text = edit::set(file, &text, &below(names), value)?;
    }
    Ok(text)
}

/// Adds one thing to the grant of a plugin. `place` is where it stands below `plugins.NAME.grant`, such as
/// `endpoints.ec2.regions` or `reveal`, or an endpoint as such, `endpoints.ec2`, with an empty `item`. What is
/// granted already changes nothing.
///
/// # Errors
/// As [`set_grant`]; also where the grant is the word `requested`, which there is nothing to add to.
pub fn add_to_grant(
    file: &str,
    text: &str,
    name: &str,
    place: &Path,
    item: &str,
) -> Result<String, Diagnostics> {
    let text = opened(file, text, name)?;
    let at = grant_path(name).join(place);
    let root = read(file, &text)?;
    if let Some(grant) = root.get(&grant_path(name)).filter(|grant| !grant.is_removed())
        && grant.as_map().is_none()
    {
        return Err(Diagnostic::error(format!(
            "the grant of `{name}` is no map that something could be added to"
        ))
        .help("`requested` grants what the plugin asks for; write a map in its place to grant something else")
        .origin(Some(grant.origin.clone()))
        .into());
    }
    let found = root.get(&at);
    if item.is_empty() {
        // An endpoint without a value, `ec2:`, is granted too.
        return match found {
            Some(_) => Ok(text),
            None => edit::set(file, &text, &at, &Value::empty_map()),
        };
    }
    if let Some(Node::List(list)) = found.map(|found| &found.node)
        && list
            .iter()
            .any(|element| matches!(&element.node, Node::Leaf(Value::Text(text)) if text == item))
    {
        return Ok(text);
    }
    edit::append(file, &text, &at, &Value::from(item))
}

fn grant_path(name: &str) -> Path {
    Path::attribute("plugins").child(name).child("grant")
}

fn list(items: &BTreeSet<String>) -> Value {
    Value::List(items.iter().map(|item| Value::from(item.as_str())).collect())
}

/// Turns `aws: ^1.2` and `aws: ./aws.wasm` into maps, which a grant can stand in.
fn opened(file: &str, text: &str, name: &str) -> Result<String, Diagnostics> {
    let root = read(file, text)?;
    let at = Path::attribute("plugins").child(name);
    let written = root.get(&at).and_then(|found| match &found.node {
        Node::Leaf(Value::Text(written)) => Some(written.clone()),
        _ => None,
    });
    let Some(written) = written else {
        return Ok(text.to_owned());
    };
    let key = if written.parse::<semver::VersionReq>().is_ok() {
        "version"
    } else {
        "source"
    };
    edit::replace_by_map(file, text, &at, &[key], &Value::from(written))
}

fn read(file: &str, text: &str) -> Result<crate::located::Located, Diagnostics> {
    let mut diagnostics = Diagnostics::default();
    match yaml::read(file, text, Layer::Project, &mut diagnostics) {
        Some(root) if !diagnostics.has_errors() => Ok(root),
        _ => Err(diagnostics),
    }
}
