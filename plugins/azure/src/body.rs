//! Bodies of resources, where Azure has habits of its own: how it spells, what tells elements apart, what a change keeps.

use std::collections::BTreeMap;

use konductor_schema_body::{Cloud, settled, writable};
use konductor_schema_table::Choices;
use konductor_sdk::prelude::*;

/// Azure's habits.
#[derive(Debug, Clone, Copy, Default)]
pub struct Azure;

/// Where a value stands in Azure's definition of a type.
pub type Place = konductor_schema_body::Place<Azure>;

impl Cloud for Azure {
    const NAME: &'static str = "Azure";

    /// Identifiers and choices are alike in upper and lower case.
    fn same(place: Place, name: &str, left: &Value, right: &Value) -> bool {
        let (Some(left), Some(right)) = (left.as_text(), right.as_text()) else {
            return left == right;
        };
        let is_id = |text: &str| text.starts_with("/subscriptions/");
        if place.is_choice() || (is_id(left) && is_id(right)) {
            return left.eq_ignore_ascii_case(right);
        }
        left == right || (name == "location" && location(left) == location(right))
    }

    /// Its name, or the identifier of what it refers to.
    fn key_of(element: &Value) -> Option<String> {
        ["name", "id"]
            .into_iter()
            .find_map(|name| element.attribute(name).and_then(Value::as_text))
            .map(str::to_ascii_lowercase)
    }

    fn has_choice(choices: Choices<'static>, text: &str) -> bool {
        choices.values().any(|choice| choice.eq_ignore_ascii_case(text))
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
            .find(|value| key.is_some() && Azure::key_of(value) == *key)
            .cloned()
    };
    Value::List(
        wanted
            .iter()
            .map(|wanted| {
                let key = Azure::key_of(wanted);
                let before = before.as_list().and_then(|before| of_key(before, &key));
                match of_key(current, &key) {
                    Some(current) => merged(&current, before.as_ref().unwrap_or(&null), wanted),
                    None => wanted.clone(),
                }
            })
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use konductor_schema_body::{changes, check, marked};
    use konductor_sdk::cloud::{from_json, to_json};
    use serde_json::json;

    use super::*;
    use crate::types::ArmType;

    fn place(type_name: &str) -> Place {
        Place::of(ArmType::find(type_name, None).unwrap().body)
    }

    const NETWORK: &str = "Microsoft.Network/virtualNetworks";

    #[test]
    fn only_what_was_asked_for_is_looked_at_and_spelling_is_no_difference() {
        let actual = from_json(json!({
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
        let expected = from_json(json!({
            "location": "West Europe",
            "properties": {
                "subnets": [{"name": "a", "properties": {"addressPrefix": "10.0.1.0/24"}}, {"name": "b", "properties": {"addressPrefix": "10.0.2.0/24"}}],
                "dhcpOptions": {"dnsServers": ["1", "2"]},
                "ipAllocations": []
            }
        }));
        let settled = settled(place(NETWORK), &actual, &expected);
        assert_eq!(
            to_json(&settled),
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
            from_json(json!({"location": kind, "properties": {"accessTier": tier, "isHnsEnabled": hns}}))
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
        let current = from_json(
            json!({"tags": {"a": "1", "portal": "x"}, "properties": {"subnets": [{"name": "a", "id": "1", "properties": {"x": 1, "y": 2}}, {"name": "z"}]}}),
        );
        let before = from_json(
            json!({"tags": {"a": "1", "b": "2"}, "properties": {"subnets": [{"name": "a", "properties": {"y": 2}}]}}),
        );
        let wanted = from_json(
            json!({"tags": {"c": "3"}, "properties": {"subnets": [{"name": "a", "properties": {"w": 0}}]}}),
        );
        assert_eq!(
            to_json(&merged(&current, &before, &wanted)),
            json!({"tags": {"portal": "x", "c": "3"}, "properties": {"subnets": [{"name": "a", "id": "1", "properties": {"x": 1, "w": 0}}]}})
        );
    }

    #[test]
    fn what_only_azure_sets_is_dropped_and_what_is_sensitive_is_secret_and_kept() {
        let server = place("Microsoft.Sql/servers");
        let actual = from_json(
            json!({"id": "/x", "properties": {"administratorLogin": "a", "state": "Ready", "fullyQualifiedDomainName": "x"}}),
        );
        assert_eq!(
            to_json(&writable(server, &actual)),
            json!({"properties": {"administratorLogin": "a"}})
        );
        let expected = marked(
            server,
            from_json(json!({"properties": {"administratorLoginPassword": "planted"}})),
        );
        assert!(expected.has_secret());
        let read = settled(server, &actual, &expected);
        assert_eq!(read, expected);
    }

    fn complaints(type_name: &str, body: Value) -> Vec<String> {
        let mut diagnostics = Diagnostics::default();
        check(place(type_name), &body, &Path::root(), &mut diagnostics);
        diagnostics
            .into_iter()
            .map(|d| format!("{}: {}", d.at.unwrap_or_default(), d.summary))
            .collect()
    }

    #[test]
    fn everything_that_the_definition_does_not_allow_is_told_with_its_place() {
        let network = Value::from([
            ("name", Value::from("net")),
            ("location", Value::from("westeurope")),
            (
                "properties",
                Value::from([
                    ("adressSpace", Value::empty_map()),
                    ("resourceGuid", Value::from("0")),
                    ("enableDdosProtection", Value::from("yes")),
                    ("flowTimeoutInMinutes", Value::Unknown),
                    (
                        "subnets",
                        Value::from(vec![Value::from([("nonsense", Value::from(1))])]),
                    ),
                ]),
            ),
        ]);
        assert_eq!(
            complaints("Microsoft.Network/virtualNetworks", network),
            [
                "properties.adressSpace: there is no property `adressSpace`",
                "properties.enableDdosProtection: expected boolean, found text",
                "properties.resourceGuid: `resourceGuid` is set by Azure and cannot be given",
                "properties.subnets[0].nonsense: there is no property `nonsense`",
            ]
        );
    }

    #[test]
    fn what_is_never_shown_must_be_a_secret() {
        let server = |password: Value| {
            let properties = Value::from([("administratorLoginPassword", password)]);
            Value::from([
                ("name", Value::from("shop")),
                ("location", Value::from("westeurope")),
                ("properties", properties),
            ])
        };
        let told = complaints("Microsoft.Sql/servers", server("planted".into()));
        assert_eq!(
            told,
            [
                "properties.administratorLoginPassword: `administratorLoginPassword` is never shown, and is given in plain text"
            ]
        );
        let secret = Value::from("planted").into_secret();
        assert_eq!(complaints("Microsoft.Sql/servers", server(secret)), [""; 0]);
        assert_eq!(
            complaints("Microsoft.Sql/servers", server(Value::Unknown)),
            [""; 0]
        );
    }

    #[test]
    fn what_must_be_given_is_missed() {
        let account = Value::from([
            ("name", Value::from("shop")),
            ("location", Value::from("westeurope")),
        ]);
        assert_eq!(
            complaints("Microsoft.Storage/storageAccounts", account),
            ["kind: `kind` is missing", "sku: `sku` is missing"]
        );
    }
}
