//! Bodies of resources, where Google has habits of its own: how it spells, what it leaves out, what it reads.

use konductor_schema_body::{Cloud, is_number_text};
use konductor_schema_table::{Kind, TextRules};
use konductor_sdk::cloud::to_json;
use konductor_sdk::prelude::*;
use serde_json::Value as Json;

use crate::link::refers;

/// Google's habits.
#[derive(Debug, Clone, Copy, Default)]
pub struct Google;

/// Where a value stands in Google's definition of a type.
pub type Place = konductor_schema_body::Place<Google>;

impl Cloud for Google {
    const NAME: &'static str = "Google";

    fn same(_: Place, _: &str, left: &Value, right: &Value) -> bool {
        same_leaf(left, right)
    }

    /// What is false, zero or empty is left out.
    fn is_left_out(value: &Value) -> bool {
        match value.reveal() {
            Value::Null | Value::Boolean(false) | Value::Integer(0) => true,
            Value::Text(text) => text.is_empty(),
            Value::List(list) => list.is_empty(),
            Value::Map(map) => map.values().all(Self::is_left_out),
            _ => false,
        }
    }

    fn key_of(element: &Value) -> Option<String> {
        let name = element.attribute("name").and_then(Value::as_text);
        name.map(str::to_owned)
    }

    fn takes_number(rules: &TextRules<&str>) -> bool {
        is_number_text(rules)
    }

    /// Patterns are of the whole text.
    fn pattern(pattern: &str) -> String {
        format!("^(?:{pattern})$")
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

/// Returns what Google has, all of it, in the spelling that was expected where both mean the same; what it never gives
/// back is kept.
pub fn spelled(place: Place, actual: &Value, expected: &Value) -> Value {
    if actual.is_null() && (place.is_kept() || Google::is_left_out(expected)) {
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

/// Returns what a patch says (RFC 7396) to make one value of another: null for what is not given any more.
pub fn merge_patch(old: &Value, new: &Value) -> Json {
    let (Some(old), Some(new)) = (old.as_map(), new.as_map()) else {
        return to_json(new);
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

/// Returns a body as the JSON that Google reads: whole numbers of 64 bits are written as texts.
pub fn body_to_json(place: Place, value: &Value) -> Json {
    match (place.kind(), value.reveal()) {
        (Some(Kind::Text(_)), Value::Integer(number)) => Json::String(number.to_string()),
        (_, Value::Map(map)) => Json::Object(
            map.iter()
                .map(|(key, value)| (key.clone(), body_to_json(place.child(key), value)))
                .collect(),
        ),
        (_, Value::List(list)) => {
            let element = place.element();
            Json::Array(list.iter().map(|value| body_to_json(element, value)).collect())
        }
        (_, value) => to_json(value),
    }
}

#[cfg(test)]
mod tests {
    use konductor_schema_body::{changes, check, marked, settled, writable};
    use konductor_sdk::cloud::from_json;
    use serde_json::json;

    use super::*;
    use crate::types::RestType;

    fn place(name: &str) -> Place {
        Place::of(RestType::find(name).unwrap().body())
    }

    #[test]
    fn only_what_was_asked_for_is_looked_at_and_spelling_is_no_difference() {
        let actual = from_json(json!({
            "id": "1", "network": "https://www.googleapis.com/compute/v1/projects/p/global/networks/n",
            "sourceRanges": ["10.0.0.0/8", "192.168.0.0/16"], "priority": 900,
            "allowed": [{"IPProtocol": "tcp", "ports": ["80"]}],
        }));
        let expected = from_json(json!({
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
        let old = from_json(
            json!({"name": "n", "autoCreateSubnetworks": false, "routingConfig": {"routingMode": "GLOBAL"}}),
        );
        let new = from_json(
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
        let old = from_json(json!({"a": "1", "b": {"x": 1, "y": 2}, "c": [1]}));
        let new = from_json(json!({"b": {"x": 3}, "c": [2]}));
        assert_eq!(
            merge_patch(&old, &new),
            json!({"a": null, "b": {"x": 3, "y": null}, "c": [2]})
        );
    }

    #[test]
    fn what_only_google_sets_is_dropped_and_what_is_sensitive_is_secret_and_kept() {
        let disk = place("compute/v1/disks");
        let actual = from_json(
            json!({"name": "d", "sizeGb": "10", "selfLink": "x", "status": "READY", "users": ["x"],
            "diskEncryptionKey": {"sha256": "x"}}),
        );
        assert_eq!(
            to_json(&writable(disk, &actual)),
            json!({"name": "d", "sizeGb": "10"})
        );
        let expected = marked(
            disk,
            from_json(json!({"name": "d", "sizeGb": 10, "diskEncryptionKey": {"rawKey": "planted"}})),
        );
        assert!(expected.has_secret());
        assert_eq!(settled(disk, &actual, &expected), expected);
        assert_eq!(body_to_json(disk, &expected)["sizeGb"], json!("10"));
    }

    #[test]
    fn everything_that_the_definition_does_not_allow_is_told_with_its_place() {
        let mut diagnostics = Diagnostics::default();
        let body = from_json(json!({
            "name": "Upper", "selfLink": "x", "autoCreateSubnetwork": false, "mtu": "large",
            "routingConfig": {"routingMode": "SOMEWHERE"},
        }));
        let network = place("compute/v1/networks");
        check(network, &body, &Path::attribute("body"), &mut diagnostics);
        let said: Vec<String> = diagnostics
            .into_iter()
            .map(|d| format!("{}: {}", d.at.unwrap_or_default(), d.summary))
            .collect();
        assert_eq!(
            said,
            [
                "body.autoCreateSubnetwork: there is no property `autoCreateSubnetwork`",
                "body.mtu: expected integer, found text",
                "body.name: `Upper` does not have the form it must have",
                "body.routingConfig.routingMode: `SOMEWHERE` is not allowed",
                "body.selfLink: `selfLink` is set by Google and cannot be given",
            ]
        );
    }

    #[test]
    fn what_must_be_given_is_missed_and_numbers_of_64_bits_may_be_numbers() {
        let mut diagnostics = Diagnostics::default();
        check(
            place("compute/v1/disks"),
            &from_json(json!({"sizeGb": 10})),
            &Path::root(),
            &mut diagnostics,
        );
        let said: Vec<String> = diagnostics.into_iter().map(|d| d.summary).collect();
        assert_eq!(said, ["`name` is missing"]);
    }
}
