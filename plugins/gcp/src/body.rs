//! Bodies of resources: what is compared, what is sent and what is kept, by Google's definition of the type.

use std::collections::BTreeMap;

use konductor_schema_table::{Flags, Kind, Node};
use konductor_sdk::model::{AttributeChange, ChangeKind, Number};
use konductor_sdk::prelude::*;
use serde_json::Value as Json;

use crate::link::refers;
use crate::types::property;

/// Where a value stands: its definition, and the flags of the property it is the value of.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place {
    node: Option<Node<'static>>,
    flags: Flags,
}

impl Place {
    /// Returns the place of a whole body.
    pub fn of(node: Node<'static>) -> Self {
        Self {
            node: Some(node),
            flags: Flags::NONE,
        }
    }

    /// Returns the place of a property below. Where nothing is known of the object, nothing is known of the property.
    pub fn child(self, name: &str) -> Self {
        let Some(node) = self.node else {
            return Self::default();
        };
        match (property(node, name), node.kind()) {
            (Some(property), _) => Self {
                node: Some(property.node()),
                flags: property.flags(),
            },
            (None, Kind::Map(values)) => Self::of(values),
            (None, Kind::Object(object)) => object.additional().map(Self::of).unwrap_or_default(),
            _ => Self::default(),
        }
    }

    fn element(self) -> Self {
        match self.node.map(Node::kind) {
            Some(Kind::List(list)) => Self::of(list.items),
            _ => Self::default(),
        }
    }

    fn is_sensitive(self) -> bool {
        self.flags.contains(Flags::SENSITIVE)
    }

    /// Tells whether Google never gives it back. What is sensitive is mostly left out of answers as well.
    fn is_kept(self) -> bool {
        self.flags.contains(Flags::WRITE_ONLY) || self.is_sensitive()
    }
}

/// Tells whether two leaves mean the same: whole numbers of 64 bits are texts in answers, and what was given as a short
/// name comes back as a link.
fn same_leaf(actual: &Value, expected: &Value) -> bool {
    match (actual, expected) {
        (Value::Text(actual), Value::Text(expected)) => refers(actual, expected),
        (Value::Text(text), Value::Integer(number)) | (Value::Integer(number), Value::Text(text)) => {
            text.parse() == Ok(*number)
        }
        (left, right) => left == right,
    }
}

/// Returns what Google has, as far as it was asked for: the properties that were expected, in the spelling that was
/// expected where both mean the same; what it never gives back is kept.
pub fn settled(place: Place, actual: &Value, expected: &Value) -> Value {
    if place.is_kept() && actual.is_null() {
        return expected.clone();
    }
    let settled = match (actual.reveal(), expected.reveal()) {
        (actual, Value::Unknown) => actual.clone(),
        (Value::Map(actual), Value::Map(expected)) => Value::Map(
            expected
                .iter()
                .map(|(key, expected)| {
                    let actual = actual.get(key).unwrap_or(&Value::Null);
                    (key.clone(), settled(place.child(key), actual, expected))
                })
                .filter(|(_, value)| !value.is_null())
                .collect(),
        ),
        (Value::List(actual), Value::List(expected)) => {
            Value::List(settled_list(place.element(), actual, expected))
        }
        (actual, expected) if same_leaf(actual, expected) => expected.clone(),
        // What says nothing is left out of answers.
        (Value::Null, expected) if says_nothing(expected) => expected.clone(),
        (actual, _) => actual.clone(),
    };
    if matches!(expected, Value::Secret(_)) || place.is_sensitive() {
        settled.into_secret()
    } else {
        settled
    }
}

/// Returns what Google has, all of it, in the spelling that was expected where both mean the same; what it never gives
/// back is kept.
pub fn spelled(place: Place, actual: &Value, expected: &Value) -> Value {
    if actual.is_null() && (place.is_kept() || says_nothing(expected)) {
        return expected.clone();
    }
    match (actual.reveal(), expected.reveal()) {
        (Value::Map(actual), Value::Map(expected)) => {
            let mut all = actual.clone();
            for (key, expected) in expected {
                let actual = actual.get(key).unwrap_or(&Value::Null);
                let value = spelled(place.child(key), actual, expected);
                if !value.is_null() {
                    all.insert(key.clone(), value);
                }
            }
            Value::Map(all)
        }
        (Value::List(actual), Value::List(expected)) if actual.len() == expected.len() => {
            let element = place.element();
            let all = actual.iter().zip(expected);
            Value::List(
                all.map(|(actual, expected)| spelled(element, actual, expected))
                    .collect(),
            )
        }
        (actual, expected) if same_leaf(actual, expected) => expected.clone(),
        (actual, _) => actual.clone(),
    }
}

/// Settles a list: elements with names are those of the same name, others those of the same position.
fn settled_list(place: Place, actual: &[Value], expected: &[Value]) -> Vec<Value> {
    let texts = |values: &[Value]| {
        let mut texts: Vec<String> = values
            .iter()
            .filter_map(Value::as_text)
            .map(str::to_owned)
            .collect();
        texts.sort();
        (texts.len() == values.len()).then_some(texts)
    };
    // Google sorts some of its lists.
    if let (Some(left), Some(right)) = (texts(actual), texts(expected))
        && left == right
    {
        return expected.to_vec();
    }
    let name_of = |value: &Value| {
        value
            .attribute("name")
            .and_then(Value::as_text)
            .map(str::to_owned)
    };
    let mut free: Vec<Option<&Value>> = actual.iter().map(Some).collect();
    let mut found: Vec<Value> = Vec::new();
    for (index, expected) in expected.iter().enumerate() {
        let place_of = match name_of(expected) {
            Some(name) => free
                .iter()
                .position(|actual| actual.is_some_and(|actual| name_of(actual).as_ref() == Some(&name))),
            None => Some(index),
        };
        let taken = place_of
            .and_then(|index| free.get_mut(index))
            .and_then(Option::take);
        if let Some(actual) = taken {
            found.push(settled(place, actual, expected));
        }
    }
    found.extend(free.into_iter().flatten().cloned());
    found
}

fn says_nothing(value: &Value) -> bool {
    match value.reveal() {
        Value::Null | Value::Boolean(false) | Value::Integer(0) => true,
        Value::Text(text) => text.is_empty(),
        Value::List(list) => list.is_empty(),
        Value::Map(map) => map.values().all(says_nothing),
        _ => false,
    }
}

fn is_empty(value: &Value) -> bool {
    match value.reveal() {
        Value::Null => true,
        Value::List(list) => list.is_empty(),
        Value::Map(map) => map.values().all(is_empty),
        _ => false,
    }
}

/// Returns what can be given of what Google has: what only Google sets is left out, and so is what says nothing.
pub fn writable(place: Place, actual: &Value) -> Value {
    if place.flags.contains(Flags::READ_ONLY) {
        return Value::Null;
    }
    match actual.reveal() {
        Value::Map(map) => Value::Map(
            map.iter()
                .map(|(key, value)| (key.clone(), writable(place.child(key), value)))
                .filter(|(_, value)| !is_empty(value))
                .collect(),
        ),
        Value::List(list) => {
            let element = place.element();
            Value::List(list.iter().map(|value| writable(element, value)).collect())
        }
        value if place.is_sensitive() && !value.is_null() => value.clone().into_secret(),
        value => value.clone(),
    }
}

/// Returns the value with what is sensitive marked as secret.
pub fn marked(place: Place, value: Value) -> Value {
    if place.is_sensitive() && !value.is_null() {
        return value.into_secret();
    }
    match value {
        Value::Map(map) => Value::Map(
            map.into_iter()
                .map(|(key, value)| {
                    let value = marked(place.child(&key), value);
                    (key, value)
                })
                .collect(),
        ),
        Value::List(list) => {
            let element = place.element();
            Value::List(list.into_iter().map(|value| marked(element, value)).collect())
        }
        other => other,
    }
}

/// Returns how two bodies differ, by path. What cannot be changed once it is there means replacement.
pub fn changes(place: Place, at: &Path, old: &Value, new: &Value) -> Vec<AttributeChange> {
    let mut found = Vec::new();
    differ(place, at, false, old, new, &mut found);
    found
}

fn differ(place: Place, at: &Path, fixed: bool, old: &Value, new: &Value, found: &mut Vec<AttributeChange>) {
    let fixed = fixed || place.flags.contains(Flags::CREATE_ONLY);
    let mut add = |kind| {
        found.push(AttributeChange {
            at: at.clone(),
            kind,
            requires_replacement: fixed,
        });
    };
    match (old.reveal(), new.reveal()) {
        (old, new) if old == new || (is_empty(old) && is_empty(new)) => {}
        (Value::Null, _) => add(ChangeKind::Add),
        (_, Value::Null) => add(ChangeKind::Delete),
        (Value::Map(old), Value::Map(new)) => {
            let null = Value::Null;
            for key in old.keys().chain(new.keys().filter(|key| !old.contains_key(*key))) {
                let (old, new) = (old.get(key).unwrap_or(&null), new.get(key).unwrap_or(&null));
                differ(place.child(key), &at.child(key), fixed, old, new, found);
            }
        }
        (Value::List(old), Value::List(new)) if old.len() == new.len() => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                differ(place.element(), &at.element(index), fixed, old, new, found);
            }
        }
        (old, new) if same_leaf(old, new) => {}
        _ => add(ChangeKind::Update),
    }
}

/// Returns what a patch says (RFC 7396) to make one value of another: null for what is not given any more.
pub fn merge_patch(old: &Value, new: &Value) -> Json {
    let (Some(old), Some(new)) = (old.as_map(), new.as_map()) else {
        return to_wire(new);
    };
    let mut patch: serde_json::Map<String, Json> = old
        .keys()
        .filter(|key| !new.contains_key(*key))
        .map(|key| (key.clone(), Json::Null))
        .collect();
    for (key, new) in new {
        let before = old.get(key).unwrap_or(&Value::Null);
        patch.insert(key.clone(), merge_patch(before, new));
    }
    Json::Object(patch)
}

/// Returns a value as the JSON that Google reads. Secrets are the tokens that the host replaces.
pub fn to_wire(value: &Value) -> Json {
    match value.reveal() {
        Value::Boolean(value) => Json::Bool(*value),
        Value::Integer(value) => Json::from(*value),
        Value::Number(value) => serde_json::from_str(value.as_str()).unwrap_or_default(),
        Value::Text(value) => Json::String(value.clone()),
        Value::List(list) => Json::Array(list.iter().map(to_wire).collect()),
        Value::Map(map) => Json::Object(
            map.iter()
                .map(|(key, value)| (key.clone(), to_wire(value)))
                .collect(),
        ),
        _ => Json::Null,
    }
}

/// Returns a body as the JSON that Google reads: whole numbers of 64 bits are written as texts.
pub fn body_to_wire(place: Place, value: &Value) -> Json {
    match (place.node.map(Node::kind), value.reveal()) {
        (Some(Kind::Text(_)), Value::Integer(number)) => Json::String(number.to_string()),
        (_, Value::Map(map)) => Json::Object(
            map.iter()
                .map(|(key, value)| (key.clone(), body_to_wire(place.child(key), value)))
                .collect(),
        ),
        (_, Value::List(list)) => {
            let element = place.element();
            Json::Array(list.iter().map(|value| body_to_wire(element, value)).collect())
        }
        (_, value) => to_wire(value),
    }
}

/// Returns what Google answered as a value.
pub fn from_wire(json: Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Boolean(value),
        Json::Number(value) => Number::parse(&value.to_string()).unwrap_or_default(),
        Json::String(value) => Value::Text(value),
        Json::Array(list) => Value::List(list.into_iter().map(from_wire).collect()),
        Json::Object(map) => Value::Map(
            map.into_iter()
                .map(|(key, value)| (key, from_wire(value)))
                .collect::<BTreeMap<_, _>>(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::types::RestType;

    fn place(name: &str) -> Place {
        Place::of(RestType::find(name).unwrap().body())
    }

    #[test]
    fn only_what_was_asked_for_is_looked_at_and_spelling_is_no_difference() {
        let actual = from_wire(json!({
            "id": "1", "network": "https://www.googleapis.com/compute/v1/projects/p/global/networks/n",
            "sourceRanges": ["10.0.0.0/8", "192.168.0.0/16"], "priority": 900,
            "allowed": [{"IPProtocol": "tcp", "ports": ["80"]}],
        }));
        let expected = from_wire(json!({
            "network": "global/networks/n", "sourceRanges": ["192.168.0.0/16", "10.0.0.0/8"], "priority": 1000,
            "allowed": [{"IPProtocol": "tcp", "ports": ["80"]}], "disabled": false, "sourceTags": [],
        }));
        let firewall = place("compute/v1/firewalls");
        let settled = settled(firewall, &actual, &expected);
        let changes = changes(firewall, &Path::attribute("body"), &settled, &expected);
        let said: Vec<_> = changes
            .iter()
            .map(|change| (change.at.to_string(), change.requires_replacement))
            .collect();
        assert_eq!(said, [("body.priority".to_owned(), false)]);
    }

    #[test]
    fn what_cannot_be_changed_means_replacement() {
        let old = from_wire(
            json!({"name": "n", "autoCreateSubnetworks": false, "routingConfig": {"routingMode": "GLOBAL"}}),
        );
        let new = from_wire(
            json!({"name": "n", "autoCreateSubnetworks": true, "routingConfig": {"routingMode": "REGIONAL"}}),
        );
        let said: Vec<_> = changes(place("compute/v1/networks"), &Path::root(), &old, &new)
            .into_iter()
            .map(|change| (change.at.to_string(), change.requires_replacement))
            .collect();
        assert_eq!(
            said,
            [
                ("autoCreateSubnetworks".to_owned(), true),
                ("routingConfig.routingMode".to_owned(), false)
            ]
        );
    }

    #[test]
    fn a_patch_takes_away_what_is_not_given_any_more() {
        let old = from_wire(json!({"a": "1", "b": {"x": 1, "y": 2}, "c": [1]}));
        let new = from_wire(json!({"b": {"x": 3}, "c": [2]}));
        assert_eq!(
            merge_patch(&old, &new),
            json!({"a": null, "b": {"x": 3, "y": null}, "c": [2]})
        );
    }

    #[test]
    fn what_only_google_sets_is_dropped_and_what_is_sensitive_is_secret_and_kept() {
        let disk = place("compute/v1/disks");
        let actual = from_wire(
            json!({"name": "d", "sizeGb": "10", "selfLink": "x", "status": "READY", "users": ["x"],
            "diskEncryptionKey": {"sha256": "x"}}),
        );
        assert_eq!(
            to_wire(&writable(disk, &actual)),
            json!({"name": "d", "sizeGb": "10"})
        );
        let expected = marked(
            disk,
            from_wire(json!({"name": "d", "sizeGb": 10, "diskEncryptionKey": {"rawKey": "planted"}})),
        );
        assert!(expected.has_secret());
        assert_eq!(settled(disk, &actual, &expected), expected);
        assert_eq!(body_to_wire(disk, &expected)["sizeGb"], json!("10"));
    }
}
