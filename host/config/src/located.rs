//! The tree of configuration in which every value knows where it came from.

use std::collections::BTreeMap;

use konductor_model::{Origin, Path, PathStep, Value};
use serde::Serialize;

use crate::layer::Layer;

/// A value, the place it came from and what it overrides.
#[derive(Debug, Clone, PartialEq)]
pub struct Located {
    /// The value itself.
    pub node: Node,
    /// The place of the value.
    pub origin: Origin,
    /// The place of the key that leads to it, in a map read from a file.
    pub key: Option<Origin>,
    /// The layer that set it.
    pub layer: Layer,
    /// What lower layers had set here, lowest first.
    pub overridden: Vec<Setting>,
}

/// The entries of a map. Each stands for itself: a map keeps room for eleven entries, and most have two.
pub type Entries = BTreeMap<String, Box<Located>>;

/// What a [`Located`] holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// Anything but a list or a map. Null in a map means *removed*.
    Leaf(Value),
    /// The text of `{secure: "v1:…"}`, still encrypted.
    Sealed(String),
    /// Values in order.
    List(Vec<Located>),
    /// Values by name.
    Map(Entries),
}

/// One layer's word on a setting.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Setting {
    /// The layer.
    pub layer: Layer,
    /// The place.
    pub origin: Origin,
    /// The value as written, before interpolation. Secrets are marked and must be masked before they are shown.
    #[serde(serialize_with = "masked")]
    pub value: Value,
}

fn masked<S: serde::Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
    konductor_model::value_json::to_plain_json(value).serialize(serializer)
}

impl Located {
    /// Makes a node that overrides nothing.
    pub(crate) fn new(node: Node, origin: Origin, layer: Layer) -> Self {
        Self {
            node,
            origin,
            key: None,
            layer,
            overridden: Vec::new(),
        }
    }

    pub(crate) fn empty_map(origin: Origin, layer: Layer) -> Self {
        Self::new(Node::Map(BTreeMap::new()), origin, layer)
    }

    /// Makes a tree of a value that has one place for all of it.
    pub(crate) fn from_value(value: &Value, origin: &Origin, layer: Layer) -> Self {
        let node = match value {
            Value::List(list) => {
                Node::List(list.iter().map(|v| Self::from_value(v, origin, layer)).collect())
            }
            Value::Map(map) => match sealed_text(map.iter().map(|(k, v)| (k.as_str(), v.as_text()))) {
                Some(text) => Node::Sealed(text.to_owned()),
                None => Node::Map(
                    map.iter()
                        .map(|(k, v)| (k.clone(), Box::new(Self::from_value(v, origin, layer))))
                        .collect(),
                ),
            },
            leaf => Node::Leaf(leaf.clone()),
        };
        Self::new(node, origin.clone(), layer)
    }

    /// Returns the value as written, before interpolation. What is sealed is the secret of its sealed text, and
    /// map entries that were removed are left out.
    pub fn to_value(&self) -> Value {
        match &self.node {
            Node::Leaf(value) => value.clone(),
            Node::Sealed(text) => Value::from(text.as_str()).into_secret(),
            Node::List(list) => Value::List(list.iter().map(Self::to_value).collect()),
            Node::Map(map) => Value::Map(
                map.iter()
                    .filter(|(_, v)| !v.is_removed())
                    .map(|(k, v)| (k.clone(), v.to_value()))
                    .collect(),
            ),
        }
    }

    /// Tells whether this is null, which in a map means that the entry is removed.
    pub fn is_removed(&self) -> bool {
        matches!(&self.node, Node::Leaf(value) if value.reveal().is_null())
    }

    /// Returns the entries when this is a map.
    pub fn as_map(&self) -> Option<&Entries> {
        match &self.node {
            Node::Map(map) => Some(map),
            _ => None,
        }
    }

    /// Returns the name of the value's kind as people write it.
    pub fn kind(&self) -> &'static str {
        match &self.node {
            Node::Leaf(value) => value.kind(),
            Node::Sealed(_) => "secret",
            Node::List(_) => "list",
            Node::Map(_) => "map",
        }
    }

    /// Returns the kind as it stands in a sentence: `a list`, `text`.
    pub(crate) fn described_kind(&self) -> &'static str {
        match &self.node {
            Node::Leaf(value) => described_kind(value),
            Node::Sealed(_) => "a secret",
            Node::List(_) => "a list",
            Node::Map(_) => "a map",
        }
    }

    /// Returns what stands at a path, also when it was removed.
    pub fn get(&self, path: &Path) -> Option<&Self> {
        match self.descend(path.steps()) {
            (found, []) => Some(found),
            _ => None,
        }
    }

    /// Returns the deepest node on the way down a path, and the steps that are left.
    pub fn descend<'s>(&self, steps: &'s [PathStep]) -> (&Self, &'s [PathStep]) {
        let Some((first, rest)) = steps.split_first() else {
            return (self, steps);
        };
        let below = match (&self.node, first) {
            (Node::Map(map), PathStep::Attribute(name)) => map.get(name).map(Box::as_ref),
            (Node::List(list), PathStep::Index(index)) => list.get(*index),
            _ => None,
        };
        match below {
            Some(below) => below.descend(rest),
            None => (self, steps),
        }
    }

    /// Returns the place of the key when there is one, else of the value.
    pub fn key_or_value_origin(&self) -> &Origin {
        self.key.as_ref().unwrap_or(&self.origin)
    }

    /// Returns this node's own word on the setting.
    pub(crate) fn setting(&self) -> Setting {
        Setting {
            layer: self.layer,
            origin: self.origin.clone(),
            value: self.to_value(),
        }
    }

    /// Marks every leaf below a key `credentials` as secret, at any depth.
    pub(crate) fn mark_credentials(&mut self) {
        match &mut self.node {
            Node::Map(map) => {
                for (name, below) in map {
                    if name == CREDENTIALS {
                        below.mark_secret();
                    } else {
                        below.mark_credentials();
                    }
                }
            }
            Node::List(list) => list.iter_mut().for_each(Self::mark_credentials),
            Node::Leaf(_) | Node::Sealed(_) => {}
        }
    }

    fn mark_secret(&mut self) {
        match &mut self.node {
            Node::Map(map) => map.values_mut().for_each(|below| below.mark_secret()),
            Node::List(list) => list.iter_mut().for_each(Self::mark_secret),
            Node::Leaf(value) if !value.is_null() => {
                *value = std::mem::take(value).into_secret();
            }
            Node::Leaf(_) | Node::Sealed(_) => {}
        }
    }
}

/// Returns a value's kind as it stands in a sentence.
pub(crate) fn described_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Boolean(_) => "true or false",
        Value::Integer(_) => "a whole number",
        Value::Number(_) => "a number",
        Value::Text(_) => "text",
        Value::Bytes(_) => "bytes",
        Value::List(_) => "a list",
        Value::Map(_) => "a map",
        Value::Unknown => "something unknown",
        Value::Secret(_) => "a secret",
        Value::Reference(_) => "a reference",
    }
}

/// The key whose content belongs to the broker: never merged, always secret.
pub(crate) const CREDENTIALS: &str = "credentials";

/// Returns the sealed text when the entries are those of `{secure: "v1:…"}`.
pub(crate) fn sealed_text<'t>(
    mut entries: impl Iterator<Item = (&'t str, Option<&'t str>)>,
) -> Option<&'t str> {
    let ("secure", Some(text)) = entries.next()? else {
        return None;
    };
    let version = text.strip_prefix('v')?.split_once(':')?.0;
    let numbered = !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit());
    (numbered && entries.next().is_none()).then_some(text)
}
