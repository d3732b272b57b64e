//! Bodies of resources: what is compared, what is sent and what is kept, by Azure's definition of the type.

use std::collections::BTreeMap;

use konductor_schema_table::{Flags, Kind, Node};
use konductor_sdk::model::{AttributeChange, ChangeKind, Number};
use konductor_sdk::prelude::*;
use serde_json::Value as Json;

use crate::types::property;

/// Where a value stands: its definition, and the flags of the property it is the value of.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place {
    node: Option<Node<'static>>,
    flags: Flags,
}

impl Place {
    /// Returns the place of a whole body.
    pub fn of(node: Option<Node<'static>>) -> Self {
        Self {
            node,
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
            (None, Kind::Map(values)) => Self::of(Some(values)),
            (None, Kind::Object(object)) => Self::of(object.additional()),
            _ => Self::default(),
        }
    }

    fn element(self) -> Self {
        match self.node.map(Node::kind) {
            Some(Kind::List(list)) => Self::of(Some(list.items)),
            _ => Self::default(),
        }
    }

    fn is_sensitive(self) -> bool {
        let text = matches!(self.node.map(Node::kind), Some(Kind::Text(rules)) if rules.sensitive);
        text || self.flags.contains(Flags::SENSITIVE)
    }

    fn is_read_only(self) -> bool {
        self.flags.contains(Flags::READ_ONLY)
    }

    /// Tells whether Azure never gives it back. What is sensitive is mostly left out of answers as well.
    fn is_kept(self) -> bool {
        self.flags.contains(Flags::WRITE_ONLY) || self.is_sensitive()
    }

    fn is_choice(self) -> bool {
        matches!(self.node.map(Node::kind), Some(Kind::Choice(_)))
    }

    /// Tells whether two texts mean the same to Azure: identifiers and choices are alike in upper and lower case.
    fn same_text(self, name: &str, left: &str, right: &str) -> bool {
        if left == right {
            return true;
        }
        let is_id = |text: &str| text.starts_with("/subscriptions/");
        if self.is_choice() || (is_id(left) && is_id(right)) {
            return left.eq_ignore_ascii_case(right);
        }
        name == "location" && location(left) == location(right)
    }
}

/// Returns the tags of a resource: as with everything else, those that were asked for; all of them, where nothing is
/// expected. Policies and people add others, which stay.
pub fn tags_of(place: Place, actual: &Value, expected: Option<&Value>) -> Value {
    let found = actual.attribute("tags").unwrap_or(&Value::Null);
    let place = place.child("tags");
    match expected.map(|expected| expected.attribute("tags")) {
        None => writable(place, found),
        Some(Some(expected)) => settled(place, found, expected),
        Some(None) => Value::Null,
    }
}

/// Returns a location as Azure's answers spell it: `West Europe` is `westeurope`.
pub fn location(name: &str) -> String {
    name.chars()
        .filter(|character| !character.is_whitespace())
        .collect::<String>()
        .to_ascii_lowercase()
}

/// Returns what Azure has, as far as it was asked for: the properties that were expected, in the spelling that was
/// expected where both mean the same; what it never gives back is kept.
pub fn settled(place: Place, actual: &Value, expected: &Value) -> Value {
    settled_named("", place, actual, expected)
}

fn settled_named(name: &str, place: Place, actual: &Value, expected: &Value) -> Value {
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
                    (
                        key.clone(),
                        settled_named(key, place.child(key), actual, expected),
                    )
                })
                .filter(|(_, value)| !value.is_null())
                .collect(),
        ),
        (Value::List(actual), Value::List(expected)) => {
            Value::List(settled_list(name, place.element(), actual, expected))
        }
        (Value::Text(left), Value::Text(right)) if place.same_text(name, left, right) => {
            Value::Text(right.clone())
        }
        // An empty map or list that was asked for is what Azure leaves out.
        (Value::Null, expected) if is_empty(expected) => expected.clone(),
        (actual, _) => actual.clone(),
    };
    if matches!(expected, Value::Secret(_)) || place.is_sensitive() {
        settled.into_secret()
    } else {
        settled
    }
}

/// Settles a list: elements with names or identifiers are those of the same name, others those of the same position.
fn settled_list(name: &str, place: Place, actual: &[Value], expected: &[Value]) -> Vec<Value> {
    let mut free: Vec<Option<&Value>> = actual.iter().map(Some).collect();
    let mut settled: Vec<Option<Value>> = expected
        .iter()
        .enumerate()
        .map(|(index, expected)| {
            let found = match key_of(expected) {
                Some(key) => free
                    .iter()
                    .position(|actual| actual.is_some_and(|actual| key_of(actual).as_ref() == Some(&key))),
                None => Some(index),
            }?;
            let actual = free.get_mut(found)?.take()?;
            Some(settled_named(name, place, actual, expected))
        })
        .collect();
    // Texts in another order: Azure sorts some of its lists.
    let texts = |values: &[Value]| {
        let mut texts: Vec<String> = values
            .iter()
            .filter_map(Value::as_text)
            .map(str::to_owned)
            .collect();
        texts.sort();
        (texts.len() == values.len()).then_some(texts)
    };
    if let (Some(left), Some(right)) = (texts(actual), texts(expected))
        && left == right
    {
        return expected.to_vec();
    }
    settled.extend(free.into_iter().map(|rest| rest.cloned()));
    settled.into_iter().flatten().collect()
}

/// Returns what tells the elements of a list apart: their name, or the identifier of what they refer to.
fn key_of(value: &Value) -> Option<String> {
    ["name", "id"]
        .into_iter()
        .find_map(|name| value.attribute(name).and_then(Value::as_text))
        .map(str::to_ascii_lowercase)
}

fn is_empty(value: &Value) -> bool {
    match value.reveal() {
        Value::Null => true,
        Value::List(list) => list.is_empty(),
        Value::Map(map) => map.values().all(is_empty),
        _ => false,
    }
}

/// Returns what can be given of what Azure has: what only Azure sets is left out, and so is what says nothing.
pub fn writable(place: Place, actual: &Value) -> Value {
    if place.is_read_only() {
        return Value::Null;
    }
    match actual.reveal() {
        Value::Map(map) => {
            let map: BTreeMap<String, Value> = map
                .iter()
                .map(|(key, value)| (key.clone(), writable(place.child(key), value)))
                .filter(|(_, value)| !is_empty(value))
                .collect();
            Value::Map(map)
        }
        Value::List(list) => Value::List(
            list.iter()
                .map(|value| writable(place.element(), value))
                .collect(),
        ),
        value if place.is_sensitive() && !value.is_null() => value.clone().into_secret(),
        value => value.clone(),
    }
}

/// Returns what is sent for a change: what Azure has, with what is wanted laid over it, and without what was given before
/// and is not any more. So what others set stays, such as a property that a newer portal knows.
pub fn merged(current: &Value, before: &Value, wanted: &Value) -> Value {
    let (Some(current), Some(wanted)) = (current.as_map(), wanted.as_map()) else {
        return match (current.reveal(), wanted.reveal()) {
            (Value::List(current), Value::List(wanted)) => merged_list(current, before, wanted),
            _ => wanted.clone(),
        };
    };
    let nothing = BTreeMap::new();
    let before = before.as_map().unwrap_or(&nothing);
    let mut result: BTreeMap<String, Value> = current
        .iter()
        .filter(|(key, _)| wanted.contains_key(*key) || !before.contains_key(*key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    for (key, wanted) in wanted {
        let null = Value::Null;
        let here = result.remove(key).unwrap_or_default();
        let merged = merged(&here, before.get(key).unwrap_or(&null), wanted);
        result.insert(key.clone(), merged);
    }
    Value::Map(result)
}

fn merged_list(current: &[Value], before: &Value, wanted: &[Value]) -> Value {
    let null = Value::Null;
    let of_key = |values: &[Value], key: &Option<String>| {
        values
            .iter()
            .find(|value| key.is_some() && key_of(value) == *key)
            .cloned()
    };
    Value::List(
        wanted
            .iter()
            .map(|wanted| {
                let key = key_of(wanted);
                let before = before.as_list().and_then(|before| of_key(before, &key));
                match of_key(current, &key) {
                    Some(current) => merged(&current, before.as_ref().unwrap_or(&null), wanted),
                    None => wanted.clone(),
                }
            })
            .collect(),
    )
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
        Value::List(list) => Value::List(
            list.into_iter()
                .map(|value| marked(place.element(), value))
                .collect(),
        ),
        other => other,
    }
}

/// Returns how two bodies differ, by path. What cannot be changed once it is there means replacement; to give it for the
/// first time does so as well.
pub fn changes(place: Place, at: &Path, old: &Value, new: &Value) -> Vec<AttributeChange> {
    let mut found = Vec::new();
    differ("", place, at, false, old, new, &mut found);
    found
}

fn differ(
    name: &str,
    place: Place,
    at: &Path,
    fixed: bool,
    old: &Value,
    new: &Value,
    found: &mut Vec<AttributeChange>,
) {
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
        (Value::Text(old), Value::Text(new)) if place.same_text(name, old, new) => {}
        (Value::Null, _) => add(ChangeKind::Add),
        (_, Value::Null) => add(ChangeKind::Delete),
        (Value::Map(old), Value::Map(new)) => {
            let null = Value::Null;
            for key in old.keys().chain(new.keys().filter(|key| !old.contains_key(*key))) {
                let (old, new) = (old.get(key).unwrap_or(&null), new.get(key).unwrap_or(&null));
                differ(key, place.child(key), &at.child(key), fixed, old, new, found);
            }
        }
        (Value::List(old), Value::List(new)) if old.len() == new.len() => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                differ(name, place.element(), &at.element(index), fixed, old, new, found);
            }
        }
        _ => add(ChangeKind::Update),
    }
}

/// Returns a value as the JSON that Azure reads. Secrets are the tokens that the host replaces.
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

/// Returns what Azure answered as a value.
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
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::types::ArmType;

    fn place(type_name: &str) -> Place {
        Place::of(ArmType::find(type_name, None).unwrap().body)
    }

    const NETWORK: &str = "Microsoft.Network/virtualNetworks";

    #[test]
    fn only_what_was_asked_for_is_looked_at_and_spelling_is_no_difference() {
        let actual = from_wire(json!({
            "id": "/x", "location": "westeurope", "etag": "1",
            "properties": {
                "resourceGuid": "0",
                "subnets": [
                    {"name": "b", "properties": {"addressPrefix": "10.0.2.0/24", "provisioningState": "Succeeded"}},
                    {"name": "a", "properties": {"addressPrefix": "10.0.9.0/24"}}
                ],
                "dhcpOptions": {"dnsServers": ["2", "1"]}
            }
        }));
        let expected = from_wire(json!({
            "location": "West Europe",
            "properties": {
                "subnets": [{"name": "a", "properties": {"addressPrefix": "10.0.1.0/24"}}, {"name": "b", "properties": {"addressPrefix": "10.0.2.0/24"}}],
                "dhcpOptions": {"dnsServers": ["1", "2"]},
                "ipAllocations": []
            }
        }));
        let settled = settled(place(NETWORK), &actual, &expected);
        assert_eq!(
            to_wire(&settled),
            json!({
                "location": "West Europe",
                "properties": {
                    "subnets": [{"name": "a", "properties": {"addressPrefix": "10.0.9.0/24"}}, {"name": "b", "properties": {"addressPrefix": "10.0.2.0/24"}}],
                    "dhcpOptions": {"dnsServers": ["1", "2"]},
                    "ipAllocations": []
                }
            })
        );
        let changes = changes(place(NETWORK), &Path::attribute("body"), &settled, &expected);
        assert_eq!(changes.len(), 1);
        assert_eq!(
            changes[0].at.to_string(),
            "body.properties.subnets[0].properties.addressPrefix"
        );
        assert!(!changes[0].requires_replacement);
    }

    #[test]
    fn what_cannot_be_changed_means_replacement() {
        let accounts = place("Microsoft.Storage/storageAccounts");
        let body = |kind: &str, tier: &str, hns: bool| {
            from_wire(json!({"location": kind, "properties": {"accessTier": tier, "isHnsEnabled": hns}}))
        };
        let of = |new: Value| {
            changes(accounts, &Path::root(), &body("westeurope", "Hot", false), &new)
                .into_iter()
                .map(|change| (change.at.to_string(), change.requires_replacement))
                .collect::<Vec<_>>()
        };
        assert_eq!(of(body("West Europe", "hot", false)), []);
        assert_eq!(
            of(body("westeurope", "Cool", false)),
            [("properties.accessTier".to_owned(), false)]
        );
        assert_eq!(
            of(body("westeurope", "Hot", true)),
            [("properties.isHnsEnabled".to_owned(), true)]
        );
        assert_eq!(
            of(body("northeurope", "Hot", false)),
            [("location".to_owned(), true)]
        );
    }

    #[test]
    fn a_change_keeps_what_others_set_and_takes_away_what_is_not_given_any_more() {
        let current = from_wire(
            json!({"tags": {"a": "1", "portal": "x"}, "properties": {"subnets": [{"name": "a", "id": "1", "properties": {"x": 1, "y": 2}}, {"name": "z"}]}}),
        );
        let before = from_wire(
            json!({"tags": {"a": "1", "b": "2"}, "properties": {"subnets": [{"name": "a", "properties": {"y": 2}}]}}),
        );
        let wanted = from_wire(
            json!({"tags": {"c": "3"}, "properties": {"subnets": [{"name": "a", "properties": {"w": 0}}]}}),
        );
        assert_eq!(
            to_wire(&merged(&current, &before, &wanted)),
            json!({"tags": {"portal": "x", "c": "3"}, "properties": {"subnets": [{"name": "a", "id": "1", "properties": {"x": 1, "w": 0}}]}})
        );
    }

    #[test]
    fn what_only_azure_sets_is_dropped_and_what_is_sensitive_is_secret_and_kept() {
        let server = place("Microsoft.Sql/servers");
        let actual = from_wire(
            json!({"id": "/x", "properties": {"administratorLogin": "a", "state": "Ready", "fullyQualifiedDomainName": "x"}}),
        );
        assert_eq!(
            to_wire(&writable(server, &actual)),
            json!({"properties": {"administratorLogin": "a"}})
        );
        let expected = marked(
            server,
            from_wire(json!({"properties": {"administratorLoginPassword": "planted"}})),
        );
        assert!(expected.has_secret());
        let read = settled(server, &actual, &expected);
        assert_eq!(read, expected);
    }
}
