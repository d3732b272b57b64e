//! Between attributes in the spelling of Konductor and bodies in that of Google, and the schema of one from the other.

use std::collections::BTreeMap;

use konductor_schema_body::is_number_text;
use konductor_schema_table::{Flags, Kind, Node, attribute_name};
use konductor_sdk::model::schema::AttributeKind;
use konductor_sdk::prelude::*;

/// How deep definitions are followed; what stands deeper takes anything, in Google's spelling.
const DEEPEST: usize = 6;

/// What no attribute is made of below the top: it says nothing, or changes whenever anything beside it does.
const HIDDEN: [&str; 2] = ["kind", "fingerprint"];

fn is_number(node: Node<'static>) -> bool {
    matches!(node.kind(), Kind::Text(rules) if is_number_text(&rules))
}

/// Returns the schema of a property.
pub fn schema_of(node: Node<'static>, flags: Flags, depth: usize) -> AttributeSchema {
    let output = flags.contains(Flags::READ_ONLY);
    let required = flags.contains(Flags::REQUIRED) && !output;
    let mut schema = AttributeSchema {
        required,
        output_only: output,
        // Google fills in what is not given.
        computed: !required && !flags.contains(Flags::WRITE_ONLY),
        // Below the top a plan cannot leave out what changes by itself; it stays as it is.
        volatile: output && depth == 0,
        replaces: flags.contains(Flags::CREATE_ONLY) && !output,
        write_only: flags.contains(Flags::WRITE_ONLY),
        sensitive: flags.contains(Flags::SENSITIVE),
        ..AttributeSchema::default()
    };
    let text = AttributeKind::Text {
        format: TextFormat::Any,
        minimum_length: None,
        maximum_length: None,
    };
    schema.kind = match node.kind() {
        _ if depth > DEEPEST => AttributeKind::Any,
        Kind::Any | Kind::Variants(_) => AttributeKind::Any,
        Kind::Boolean => AttributeKind::Boolean,
        Kind::Number => AttributeKind::Number,
        Kind::Integer(rules) => AttributeKind::Integer {
            minimum: rules.minimum,
            maximum: rules.maximum,
        },
        Kind::Text(_) if is_number(node) && !output => AttributeKind::Integer {
            minimum: None,
            maximum: None,
        },
        Kind::Text(rules) => {
            let known = |pattern: &&str| regex_lite::Regex::new(pattern).is_ok();
            schema.pattern = rules.pattern.filter(known).filter(|_| !output).map(str::to_owned);
            text
        }
        Kind::Choice(choices) => {
            if !choices.open && !output {
                schema.allowed = choices.values().map(Value::from).collect();
            }
            text
        }
        Kind::List(list) => AttributeKind::List {
            items: Box::new(element(list.items, output, depth)),
            unordered: false,
            minimum_items: None,
            maximum_items: None,
        },
        Kind::Map(values) => AttributeKind::Map {
            values: Box::new(element(values, output, depth)),
        },
        Kind::Object(object) => AttributeKind::Object {
            attributes: object
                .properties()
                .filter(|property| !HIDDEN.contains(&property.name()))
                .map(|property| {
                    let flags = if output {
                        property.flags() | Flags::READ_ONLY
                    } else {
                        property.flags()
                    };
                    let schema = schema_of(property.node(), flags, depth + 1);
                    (attribute_name(property.name()), schema)
                })
                .collect(),
        },
    };
    schema
}

fn element(node: Node<'static>, output: bool, depth: usize) -> AttributeSchema {
    let flags = if output { Flags::READ_ONLY } else { Flags::NONE };
    AttributeSchema {
        computed: false,
        volatile: false,
        output_only: false,
        ..schema_of(node, flags, depth + 1)
    }
}

/// Returns the body that attributes say: what is not known yet or only Google sets is left out.
pub fn to_body(node: Node<'static>, attributes: &Value) -> Value {
    let secret = matches!(attributes, Value::Secret(_));
    let body = match (node.kind(), attributes.reveal()) {
        (Kind::Object(object), Value::Map(map)) => {
            let mut body = BTreeMap::new();
            for property in object.properties() {
                let given = map.get(&attribute_name(property.name()));
                let Some(value) =
                    given.filter(|value| !matches!(value.reveal(), Value::Null | Value::Unknown))
                else {
                    continue;
                };
                if !property.flags().contains(Flags::READ_ONLY) {
                    body.insert(property.name().to_owned(), to_body(property.node(), value));
                }
            }
            Value::Map(body)
        }
        (Kind::List(list), Value::List(values)) => {
            Value::List(values.iter().map(|value| to_body(list.items, value)).collect())
        }
        (Kind::Map(values), Value::Map(map)) => Value::Map(
            map.iter()
                .map(|(key, value)| (key.clone(), to_body(values, value)))
                .collect(),
        ),
        (_, value) => value.clone(),
    };
    if secret { body.into_secret() } else { body }
}

/// Returns the attributes of what Google answers. Objects with nothing in them, which Google shows or leaves out as it
/// likes, are left out where they were not expected.
pub fn to_attributes(node: Node<'static>, body: &Value, expected: Option<&Value>) -> Value {
    let attributes = attributes_at(node, body, false, &["kind"]);
    without_empty(attributes, expected.unwrap_or(&Value::Null))
}

fn without_empty(attributes: Value, expected: &Value) -> Value {
    let Value::Map(map) = attributes else {
        return attributes;
    };
    let members = map.into_iter().filter_map(|(name, value)| {
        let expected = expected.attribute(&name).unwrap_or(&Value::Null);
        let value = without_empty(value, expected);
        let says_nothing = value.as_map().is_some_and(BTreeMap::is_empty);
        (!says_nothing || expected.as_map().is_some()).then_some((name, value))
    });
    Value::Map(members.collect())
}

fn attributes_at(node: Node<'static>, body: &Value, output: bool, hidden: &[&str]) -> Value {
    let secret = matches!(body, Value::Secret(_));
    let attributes = match (node.kind(), body.reveal()) {
        (Kind::Object(object), Value::Map(map)) => {
            let mut attributes = BTreeMap::new();
            for (name, value) in map {
                let known = object.property(name);
                let Some(property) = known.filter(|_| !hidden.contains(&name.as_str())) else {
                    continue;
                };
                let output = output || property.flags().contains(Flags::READ_ONLY);
                attributes.insert(
                    attribute_name(name),
                    attributes_at(property.node(), value, output, &HIDDEN),
                );
            }
            Value::Map(attributes)
        }
        (Kind::List(list), Value::List(values)) => Value::List(
            values
                .iter()
                .map(|value| attributes_at(list.items, value, output, &HIDDEN))
                .collect(),
        ),
        (Kind::Map(values), Value::Map(map)) => Value::Map(
            map.iter()
                .map(|(key, value)| (key.clone(), attributes_at(values, value, output, &HIDDEN)))
                .collect(),
        ),
        (Kind::Text(_), Value::Text(text)) if is_number(node) && !output => text
            .parse::<i64>()
            .map_or_else(|_| Value::Text(text.clone()), Value::from),
        (_, value) => value.clone(),
    };
    if secret {
        attributes.into_secret()
    } else {
        attributes
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::types::RestType;
    use konductor_sdk::cloud::{from_json, to_json};

    #[test]
    fn no_two_properties_of_a_type_have_the_same_attribute() {
        fn look(node: Node<'static>, at: &str, depth: usize) {
            match node.kind() {
                Kind::Object(object) if depth < 8 => {
                    let mut seen = BTreeMap::new();
                    for property in object.properties() {
                        let before = seen.insert(attribute_name(property.name()), property.name());
                        assert_eq!(before, None, "{at}.{}", property.name());
                        look(property.node(), &format!("{at}.{}", property.name()), depth + 1);
                    }
                }
                Kind::List(list) => look(list.items, at, depth),
                Kind::Map(values) => look(values, at, depth),
                _ => {}
            }
        }
        for typed in super::super::types() {
            let schema = typed.schema().unwrap();
            // A member of a policy has no place of its own.
            if schema.resource_type.to_string().ends_with("IamMember") {
                continue;
            }
            assert!(
                schema.attributes.contains_key("self_link"),
                "{}",
                schema.resource_type
            );
        }
        for name in [
            "compute/v1/networks",
            "compute/v1/firewalls",
            "compute/v1/routers",
            "compute/v1/instances",
            "compute/v1/backendServices",
            "compute/v1/urlMaps",
            "storage/v1/buckets",
            "container/v1/projects.locations.clusters",
            "container/v1/projects.locations.clusters.nodePools",
            "sqladmin/v1/instances",
            "run/v2/projects.locations.services",
            "cloudfunctions/v2/projects.locations.functions",
            "file/v1/projects.locations.instances",
        ] {
            look(RestType::find(name).unwrap().body(), name, 0);
        }
    }

    #[test]
    fn attributes_and_bodies_lead_to_each_other() {
        let firewall = RestType::find("compute/v1/firewalls").unwrap().body();
        let body = from_json(
            json!({"name": "f", "allowed": [{"IPProtocol": "tcp", "ports": ["80"]}], "selfLink": "x"}),
        );
        let attributes = to_attributes(firewall, &body, None);
        assert_eq!(
            to_json(&attributes),
            json!({"name": "f", "allowed": [{"ip_protocol": "tcp", "ports": ["80"]}], "self_link": "x"})
        );
        assert_eq!(
            to_json(&to_body(firewall, &attributes)),
            json!({"name": "f", "allowed": [{"IPProtocol": "tcp", "ports": ["80"]}]})
        );
        let disk = RestType::find("compute/v1/disks").unwrap().body();
        let attributes = to_attributes(
            disk,
            &from_json(json!({"sizeGb": "10", "id": "18446744073709551615"})),
            None,
        );
        assert_eq!(
            to_json(&attributes),
            json!({"size_gb": 10, "id": "18446744073709551615"})
        );
    }
}
