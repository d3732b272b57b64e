//! The shape of the files: which keys stand at the top, and what they hold.

use konductor_model::{Diagnostic, Diagnostics, Origin, Path, Value};

use crate::keys::{self, KeySettings};
use crate::located::{Entries, Located, Node};
use crate::plugin_requirement::{self, PluginRequirement};
use crate::refactoring;
use crate::state::{self, StateSettings};
use crate::suggestion;
use crate::workers::{self, WorkersSettings};

/// The keys at the top of `konductor.yaml`.
pub(crate) const PROJECT_KEYS: [&str; 13] = [
    "name",
    "description",
    "organization",
    "plugins",
    "policy",
    "config",
    "resources",
    "outputs",
    "moved",
    "removed",
    "secrets",
    "state",
    "workers",
];
/// The keys at the top of `konductor.STACK.yaml`.
pub(crate) const STACK_KEYS: [&str; 5] = ["config", "resources", "outputs", "moved", "removed"];

/// A text with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocatedText {
    /// The text.
    pub text: String,
    /// The place.
    pub origin: Origin,
}

/// What a file says, taken apart.
#[derive(Debug, Default)]
pub(crate) struct FileContent {
    pub name: Option<LocatedText>,
    pub description: Option<LocatedText>,
    pub organization: Option<LocatedText>,
    pub plugins: Vec<PluginRequirement>,
    pub policy: Option<Located>,
    pub keys: KeySettings,
    pub state: Option<StateSettings>,
    pub workers: Option<WorkersSettings>,
    pub config: Option<Located>,
    pub resources: Option<Located>,
    pub outputs: Option<Located>,
    pub moved: Vec<(LocatedText, LocatedText)>,
    pub removed: Vec<LocatedText>,
}

/// Takes `konductor.yaml` apart.
pub(crate) fn project_file(root: Located, diagnostics: &mut Diagnostics) -> FileContent {
    let place = root.origin.clone();
    let mut content = file(root, &PROJECT_KEYS, "a project file", diagnostics);
    match &content.name {
        Some(name) if !is_word(&name.text) => {
            diagnostics.push(
                Diagnostic::error(format!("`{}` is not a project name", name.text))
                    .detail("expected letters, digits, `_` and `-`, starting with a letter")
                    .at(Path::attribute("name"))
                    .origin(Some(name.origin.clone())),
            );
            content.name = None;
        }
        Some(_) => {}
        None => {
            let already = diagnostics
                .0
                .iter()
                .any(|d| d.at.as_ref().is_some_and(|at| *at == Path::attribute("name")));
            if !already {
                diagnostics.push(
                    Diagnostic::error("the project has no name")
                        .help("add `name: my-project` at the top")
                        .origin(Some(Origin { length: 0, ..place })),
                );
            }
        }
    }
    content
}

/// Takes `konductor.STACK.yaml` apart.
pub(crate) fn stack_file(root: Located, diagnostics: &mut Diagnostics) -> FileContent {
    file(root, &STACK_KEYS, "a stack file", diagnostics)
}

/// Takes the organization's file apart: but for `policy` all of it is configuration, unless it has a key `config`.
pub(crate) fn organization_file(root: Located, diagnostics: &mut Diagnostics) -> FileContent {
    if root.as_map().is_some_and(|map| map.contains_key("config")) {
        return file(
            root,
            &["config", "policy"],
            "an organization file that has `config`",
            diagnostics,
        );
    }
    let mut root = root;
    let policy = match &mut root.node {
        Node::Map(map) => map.remove("policy").filter(|policy| !policy.is_removed()),
        _ => None,
    };
    check_config(&mut root, diagnostics);
    FileContent {
        config: Some(root),
        policy: policy.and_then(|policy| map_or_error(*policy, &Path::attribute("policy"), diagnostics)),
        ..FileContent::default()
    }
}

fn file(root: Located, keys: &[&str], what: &str, diagnostics: &mut Diagnostics) -> FileContent {
    let mut content = FileContent::default();
    let Node::Map(map) = root.node else {
        return content;
    };
    for (key, value) in map {
        if !keys.contains(&key.as_str()) {
            let diagnostic = Diagnostic::error(format!("`{key}` is not a key of {what}"))
                .origin(Some(value.key_or_value_origin().clone()));
            diagnostics.push(match suggestion::help(&key, keys.iter().copied()) {
                Some(help) => diagnostic.help(help),
                None => diagnostic,
            });
            continue;
        }
        if value.is_removed() {
            continue;
        }
        let at = Path::attribute(key.as_str());
        match key.as_str() {
            "name" => content.name = text(&value, at, diagnostics),
            "description" => content.description = text(&value, at, diagnostics),
            "organization" => content.organization = text(&value, at, diagnostics),
            "plugins" => content.plugins = plugin_requirement::plugins(&value, diagnostics),
            "moved" => content.moved = refactoring::moved(&value, diagnostics),
            "removed" => content.removed = refactoring::removed(&value, diagnostics),
            "secrets" => content.keys = keys::read(&value, diagnostics),
            "state" => content.state = state::read(&value, diagnostics),
            "workers" => content.workers = workers::read(&value, diagnostics),
            _ => {
                let Some(mut map) = map_or_error(*value, &at, diagnostics) else {
                    continue;
                };
                match key.as_str() {
                    "config" => {
                        check_config(&mut map, diagnostics);
                        content.config = Some(map);
                    }
                    "policy" => content.policy = Some(map),
                    "resources" => content.resources = Some(map),
                    _ => content.outputs = Some(map),
                }
            }
        }
    }
    content
}

/// Renames `provider:aws` to `aws`, and refuses what cannot be a namespace.
pub(crate) fn check_config(config: &mut Located, diagnostics: &mut Diagnostics) {
    let Node::Map(map) = &mut config.node else {
        return;
    };
    let mut namespaces = Entries::new();
    for (name, mut value) in std::mem::take(map) {
        let origin = value.key_or_value_origin().clone();
        let namespace = name.strip_prefix("provider:").unwrap_or(&name).to_owned();
        if !is_word(&namespace) || namespace == "stack" {
            diagnostics.push(
                Diagnostic::error(format!("`{name}` cannot be a namespace"))
                    .detail("expected letters, digits, `_` and `-`, starting with a letter; `stack` is taken by `${stack:…}`")
                    .origin(Some(origin)),
            );
            continue;
        }
        if namespace == "policy" {
            // Here it would be read by nobody, and who wrote it would believe that it holds.
            diagnostics.push(
                Diagnostic::error("`policy` is not configuration")
                    .help("put it at the top of konductor.yaml or of the organization's file")
                    .origin(Some(origin)),
            );
            continue;
        }
        if value.as_map().is_none() && !value.is_removed() {
            diagnostics.push(
                Diagnostic::error(format!(
                    "expected a map of the settings of `{namespace}`, found {}",
                    value.described_kind()
                ))
                .at(Path::attribute(namespace.as_str()))
                .origin(Some(value.origin)),
            );
            continue;
        }
        if let Some(other) = namespaces.get::<String>(&namespace) {
            let place = other.key_or_value_origin().clone();
            diagnostics.push(
                Diagnostic::error(format!("`{namespace}` is configured twice in this file"))
                    .detail(format!("the other is at {place}"))
                    .help("`provider:` before a namespace changes nothing; put both into one")
                    .origin(Some(origin))
                    .related(place, "the other is here"),
            );
            continue;
        }
        value.mark_credentials();
        namespaces.insert(namespace, value);
    }
    *map = namespaces;
}

fn map_or_error(value: Located, at: &Path, diagnostics: &mut Diagnostics) -> Option<Located> {
    if value.as_map().is_some() {
        return Some(value);
    }
    diagnostics.push(expected("a map", &value, at));
    None
}

pub(crate) fn expected(what: &str, value: &Located, at: &Path) -> Diagnostic {
    Diagnostic::error(format!("expected {what}, found {}", value.described_kind()))
        .at(at.clone())
        .origin(Some(value.origin.clone()))
}

pub(crate) fn text(value: &Located, at: Path, diagnostics: &mut Diagnostics) -> Option<LocatedText> {
    match &value.node {
        Node::Leaf(Value::Text(text)) => Some(LocatedText {
            text: text.clone(),
            origin: value.origin.clone(),
        }),
        _ => {
            diagnostics.push(expected("text", value, &at));
            None
        }
    }
}

pub(crate) fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}
