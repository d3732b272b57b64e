//! What `plugins:` says: which plugins a project asks for, and what each of them may do.

use std::collections::{BTreeMap, BTreeSet};

use konductor_model::grant::EndpointAllowance;
use konductor_model::{Diagnostic, Diagnostics, Origin, Path, PluginGrant, RateLimit, ResourceType, Value};

use crate::compliance::COMPLIANCE;
use crate::configuration::RESERVED_NAMESPACES;
use crate::located::{Located, Node};
use crate::project::{expected, is_word, text};
use crate::suggestion;

/// A plugin the project asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginRequirement {
    /// The name it has in this project, which is also the namespace of its configuration. One plugin may be asked
    /// for under several names, each with its own version, configuration and grant.
    pub name: String,
    /// The name its manifest gives; the same as `name` unless `plugin:` says otherwise.
    pub plugin: String,
    /// A file, a registry reference or a mirror, as written; none means the plugin of that name in the default place.
    pub source: Option<String>,
    /// The versions that will do; none means any.
    pub version: Option<semver::VersionReq>,
    /// What it may do; none where nobody said.
    pub grant: Option<WrittenGrant>,
    /// How many requests its cloud lets through, for each service and region; none where nobody knows.
    pub rate_limit: Option<RateLimit>,
    /// Where it is asked for.
    pub origin: Origin,
}

/// A grant with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenGrant {
    /// What is granted.
    pub grant: GrantSetting,
    /// The place of the value.
    pub origin: Origin,
}

/// What an operator grants a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantSetting {
    /// The word `requested`: everything its manifest asks for, token operations included.
    Requested,
    /// No more than this.
    Limited(PluginGrant),
}

pub(crate) const KEYS: [&str; 5] = ["source", "version", "plugin", "grant", "rate_limit"];
pub(crate) const RATE_LIMIT_KEYS: [&str; 2] = ["requests_per_second", "burst"];
pub(crate) const GRANT_KEYS: [&str; 6] = [
    "endpoints",
    "credentials",
    "reveal",
    "metadata",
    "configuration",
    "declares",
];
pub(crate) const ALLOWANCE_KEYS: [&str; 5] = [
    "regions",
    "methods",
    "accounts",
    "resource_prefixes",
    "token_operations",
];
pub(crate) const METHODS: [&str; 7] = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"];

/// Takes `plugins:` apart.
pub(crate) fn plugins(value: &Located, diagnostics: &mut Diagnostics) -> Vec<PluginRequirement> {
    let at = Path::attribute("plugins");
    let Some(map) = value.as_map() else {
        diagnostics.push(expected("a map of plugins by name", value, &at));
        return Vec::new();
    };
    let mut found = Vec::new();
    for (name, entry) in map {
        let at = at.child(name);
        // The section `compliance` is read by the host, and its plugin can be pinned like any other.
        let is_reserved = RESERVED_NAMESPACES.contains(&name.as_str()) && name != COMPLIANCE;
        if !is_word(name) || name == "stack" || is_reserved {
            diagnostics.push(
                Diagnostic::error(format!("`{name}` cannot be the name of a plugin"))
                    .detail("expected letters, digits, `_` and `-`, starting with a letter, and no namespace of Konductor's own")
                    .origin(Some(entry.key_or_value_origin().clone())),
            );
            continue;
        }
        let mut plugin = PluginRequirement {
            name: name.clone(),
            plugin: name.clone(),
            source: None,
            version: None,
            grant: None,
            rate_limit: None,
            origin: entry.key_or_value_origin().clone(),
        };
        match &entry.node {
            Node::Leaf(Value::Null) => {}
            Node::Leaf(Value::Text(text)) => match text.parse() {
                Ok(version) => plugin.version = Some(version),
                Err(_) => plugin.source = Some(text.clone()),
            },
            Node::Map(fields) => {
                for (key, field) in fields {
                    let at = at.child(key);
                    match key.as_str() {
                        "source" => plugin.source = text(field, at, diagnostics).map(|t| t.text),
                        "version" => plugin.version = version(field, at, diagnostics),
                        "plugin" => {
                            if let Some(name) = item(field, &at, "the plugin's own name", word, diagnostics) {
                                plugin.plugin = name;
                            }
                        }
                        "grant" => plugin.grant = written_grant(field, &at, diagnostics),
                        "rate_limit" => plugin.rate_limit = rate_limit(field, &at, diagnostics),
                        _ => unknown_key(key, "a plugin", field, at, &KEYS, diagnostics),
                    }
                }
            }
            _ => diagnostics.push(expected("a source, a version or a map of both", entry, &at)),
        }
        found.push(plugin);
    }
    found
}

fn unknown_key(
    key: &str,
    what: &str,
    value: &Located,
    at: Path,
    known: &[&str],
    diagnostics: &mut Diagnostics,
) {
    let diagnostic = Diagnostic::error(format!("`{key}` is not a key of {what}"))
        .at(at)
        .origin(Some(value.key_or_value_origin().clone()));
    diagnostics.push(match suggestion::help(key, known.iter().copied()) {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    });
}

fn version(value: &Located, at: Path, diagnostics: &mut Diagnostics) -> Option<semver::VersionReq> {
    // `version: 1.2` is a number in YAML and a requirement to everybody who writes it.
    let written = match &value.node {
        Node::Leaf(Value::Text(text)) => text.clone(),
        Node::Leaf(Value::Integer(number)) => number.to_string(),
        Node::Leaf(Value::Number(number)) => number.to_string(),
        _ => {
            diagnostics.push(expected("a version requirement such as \"^1.2\"", value, &at));
            return None;
        }
    };
    written
        .parse()
        .map_err(|error: semver::Error| {
            diagnostics.push(
                Diagnostic::error(format!("`{written}` is not a version requirement"))
                    .detail(error.to_string())
                    .help("write for example \"^1.2\" or \"=1.2.3\"")
                    .at(at)
                    .origin(Some(value.origin.clone())),
            );
        })
        .ok()
}

/// Reads `{requests_per_second: 20, burst: 100}`; without a burst it is one second's requests.
fn rate_limit(value: &Located, at: &Path, diagnostics: &mut Diagnostics) -> Option<RateLimit> {
    let Some(map) = value.as_map() else {
        let what = "a map such as `{requests_per_second: 20, burst: 100}`";
        diagnostics.push(expected(what, value, at));
        return None;
    };
    let mut read = BTreeMap::new();
    for (key, field) in map {
        let at = at.child(key);
        if !RATE_LIMIT_KEYS.contains(&key.as_str()) {
            unknown_key(key, "a rate limit", field, at, &RATE_LIMIT_KEYS, diagnostics);
            continue;
        }
        let number = match &field.node {
            Node::Leaf(Value::Integer(number)) => u32::try_from(*number).ok(),
            _ => None,
        };
        match number.filter(|number| (1..=1_000_000).contains(number)) {
            Some(number) => {
                read.insert(key.as_str(), number);
            }
            None => diagnostics.push(match &field.node {
                Node::Leaf(Value::Integer(number)) => Diagnostic::error(format!(
                    "expected a whole number from 1 to 1000000, found {number}"
                ))
                .at(at)
                .origin(Some(field.origin.clone())),
                _ => expected("a whole number from 1 to 1000000", field, &at),
            }),
        }
    }
    if !map.contains_key("requests_per_second") {
        diagnostics.push(
            Diagnostic::error("a rate limit needs `requests_per_second`")
                .at(at.clone())
                .origin(Some(value.origin.clone())),
        );
    }
    let requests_per_second = *read.get("requests_per_second")?;
    Some(RateLimit {
        requests_per_second,
        burst: read.get("burst").copied().unwrap_or(requests_per_second),
    })
}

fn written_grant(value: &Located, at: &Path, diagnostics: &mut Diagnostics) -> Option<WrittenGrant> {
    let grant = match &value.node {
        Node::Leaf(Value::Text(word)) if word == "requested" => GrantSetting::Requested,
        Node::Map(_) => GrantSetting::Limited(grant(value, at, diagnostics)),
        _ => {
            diagnostics.push(
                expected("`requested` or a map of what is granted", value, at)
                    .help("`konductor plugin inspect` shows what the plugin asks for"),
            );
            return None;
        }
    };
    Some(WrittenGrant {
        grant,
        origin: value.origin.clone(),
    })
}

fn grant(value: &Located, at: &Path, diagnostics: &mut Diagnostics) -> PluginGrant {
    let mut grant = PluginGrant::default();
    for (key, field) in value.as_map().into_iter().flatten() {
        let at = at.child(key);
        match key.as_str() {
            "endpoints" => grant.endpoints = endpoints(field, &at, diagnostics),
            "credentials" => grant.credentials = set(field, &at, "the name of a module", word, diagnostics),
            "reveal" => {
                let what = "a type and an attribute such as `aws:ec2:Instance.user_data`";
                grant.reveal = set(field, &at, what, revealed, diagnostics);
            }
            "metadata" => {
                grant.metadata = set(field, &at, "the name of a metadata field", word, diagnostics);
            }
            "configuration" => {
                grant.configuration = set(field, &at, "the name of a module", word, diagnostics);
            }
            "declares" => grant.declares = set(field, &at, "the name of a plugin", word, diagnostics),
            _ => unknown_key(key, "a grant", field, at, &GRANT_KEYS, diagnostics),
        }
    }
    grant
}

fn endpoints(
    value: &Located,
    at: &Path,
    diagnostics: &mut Diagnostics,
) -> BTreeMap<String, EndpointAllowance> {
    let Some(map) = value.as_map() else {
        diagnostics.push(
            expected("a map of endpoints", value, at)
                .help("write `ec2: {}` below it to grant the endpoint `ec2` in the configured region"),
        );
        return BTreeMap::new();
    };
    let mut found = BTreeMap::new();
    for (id, entry) in map {
        let at = at.child(id);
        if let Err(problem) = plain(id) {
            diagnostics.push(
                Diagnostic::error(format!("`{id}` is not the identifier of an endpoint: {problem}"))
                    .at(at)
                    .origin(Some(entry.key_or_value_origin().clone())),
            );
            continue;
        }
        if let Some(allowance) = allowance(entry, &at, diagnostics) {
            found.insert(id.clone(), allowance);
        }
    }
    found
}

fn allowance(value: &Located, at: &Path, diagnostics: &mut Diagnostics) -> Option<EndpointAllowance> {
    if value.is_removed() {
        return Some(EndpointAllowance::default());
    }
    let Some(map) = value.as_map() else {
        diagnostics.push(expected("a map such as `{regions: [eu-west-1]}`", value, at));
        return None;
    };
    let mut allowance = EndpointAllowance::default();
    for (key, field) in map {
        let at = at.child(key);
        match key.as_str() {
            "regions" => allowance.regions = set(field, &at, "a region or \"*\"", region, diagnostics),
            "methods" => allowance.methods = restriction(field, &at, "a method", method, diagnostics),
            "accounts" => {
                allowance.accounts = restriction(field, &at, "an account in quotes", plain, diagnostics);
            }
            "resource_prefixes" => {
                allowance.resource_prefixes = restriction(field, &at, "a prefix", plain, diagnostics);
            }
            "token_operations" => {
                allowance.token_operations = set(
                    field,
                    &at,
                    "an operation such as `AssumeRole`",
                    plain,
                    diagnostics,
                );
            }
            _ => unknown_key(
                key,
                "an endpoint's grant",
                field,
                at,
                &ALLOWANCE_KEYS,
                diagnostics,
            ),
        }
    }
    Some(allowance)
}

type Check = fn(&str) -> Result<(), String>;

/// Reads a set that would allow everything if it were empty: an empty one is refused, because who writes `[]`
/// means nothing.
fn restriction(
    value: &Located,
    at: &Path,
    what: &str,
    check: Check,
    diagnostics: &mut Diagnostics,
) -> BTreeSet<String> {
    if matches!(&value.node, Node::List(list) if list.is_empty()) {
        diagnostics.push(
            Diagnostic::error("an empty list would restrict nothing")
                .help("leave the key out to allow all, or leave the endpoint out to allow none")
                .at(at.clone())
                .origin(Some(value.origin.clone())),
        );
    }
    set(value, at, what, check, diagnostics)
}

fn set(
    value: &Located,
    at: &Path,
    what: &str,
    check: Check,
    diagnostics: &mut Diagnostics,
) -> BTreeSet<String> {
    let Node::List(list) = &value.node else {
        diagnostics.push(expected(&format!("a list, each element {what}"), value, at));
        return BTreeSet::new();
    };
    list.iter()
        .enumerate()
        .filter_map(|(index, element)| item(element, &at.element(index), what, check, diagnostics))
        .collect()
}

fn item(
    value: &Located,
    at: &Path,
    what: &str,
    check: Check,
    diagnostics: &mut Diagnostics,
) -> Option<String> {
    let Node::Leaf(Value::Text(text)) = &value.node else {
        let diagnostic = expected(what, value, at);
        diagnostics.push(match &value.node {
            Node::Leaf(Value::Integer(_) | Value::Number(_)) => diagnostic.help("write it in quotes"),
            _ => diagnostic,
        });
        return None;
    };
    check(text)
        .map_err(|problem| {
            diagnostics.push(
                Diagnostic::error(format!("`{text}` is not {what}: {problem}"))
                    .at(at.clone())
                    .origin(Some(value.origin.clone())),
            );
        })
        .ok()?;
    Some(text.clone())
}

/// Accepts what needs no quoting anywhere. `${…}` is thereby refused: nothing is put in place of it here.
fn plain(text: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/' | '@' | '+');
    match text.chars().find(|c| !fits(*c)) {
        Some(character) => Err(format!("it contains {character:?}")),
        None if text.is_empty() => Err("it is empty".to_owned()),
        None => Ok(()),
    }
}

fn word(text: &str) -> Result<(), String> {
    if is_word(text) {
        Ok(())
    } else {
        Err("expected letters, digits, `_` and `-`, starting with a letter".to_owned())
    }
}

fn region(text: &str) -> Result<(), String> {
    if text == "*" { Ok(()) } else { plain(text) }
}

fn method(text: &str) -> Result<(), String> {
    if METHODS.contains(&text) {
        return Ok(());
    }
    Err(suggestion::help(text, METHODS).unwrap_or_else(|| format!("expected one of {}", METHODS.join(", "))))
}

fn revealed(text: &str) -> Result<(), String> {
    let (resource_type, attribute) = text
        .split_once('.')
        .ok_or("there is no `.` between type and attribute")?;
    resource_type
        .parse::<ResourceType>()
        .map_err(|error| error.to_string())?;
    if attribute.split('.').all(is_word) {
        Ok(())
    } else {
        Err(format!("`{attribute}` is not an attribute"))
    }
}
