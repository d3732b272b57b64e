//! Values as policies are shown them: plain JSON without anything secret.

use konductor_model::Value;
use konductor_model::value_json::{MASK, to_plain_json};
use serde_json::{Map, Value as Json};

/// A value, and beside it where it is not known and where it is secret.
///
/// `unknown` and `secret` follow the form of the value: `true` where it is, else an object or a list that leads there,
/// else `false`.
pub(crate) struct Shown {
    /// The value. What is not known is left out of maps and null in lists; what is secret is the marker.
    pub(crate) value: Json,
    /// Where it is not known.
    pub(crate) unknown: Json,
    /// Where it is secret.
    pub(crate) secret: Json,
}

/// Shows a value.
pub(crate) fn shown(value: &Value) -> Shown {
    match value {
        // A reference that is still there reads something that is not known.
        Value::Unknown | Value::Reference(_) => Shown {
            value: Json::Null,
            unknown: Json::Bool(true),
            secret: Json::Bool(false),
        },
        Value::Secret(_) => Shown {
            value: Json::String(MASK.to_owned()),
            unknown: Json::Bool(false),
            secret: Json::Bool(true),
        },
        Value::Map(members) => {
            let (mut value, mut unknown, mut secret) = (Map::new(), Map::new(), Map::new());
            for (name, member) in members {
                let member = shown(member);
                if member.unknown != Json::Bool(true) {
                    value.insert(name.clone(), member.value);
                }
                keep(&mut unknown, name, member.unknown);
                keep(&mut secret, name, member.secret);
            }
            Shown {
                value: Json::Object(value),
                unknown: object_or_false(unknown),
                secret: object_or_false(secret),
            }
        }
        Value::List(elements) => {
            let all: Vec<Shown> = elements.iter().map(shown).collect();
            let (mut value, mut unknown, mut secret) = (Vec::new(), Vec::new(), Vec::new());
            for element in all {
                value.push(element.value);
                unknown.push(element.unknown);
                secret.push(element.secret);
            }
            Shown {
                value: Json::Array(value),
                unknown: array_or_false(unknown),
                secret: array_or_false(secret),
            }
        }
        plain => Shown {
            value: to_plain_json(plain),
            unknown: Json::Bool(false),
            secret: Json::Bool(false),
        },
    }
}

fn keep(members: &mut Map<String, Json>, name: &str, found: Json) {
    if found != Json::Bool(false) {
        members.insert(name.to_owned(), found);
    }
}

fn object_or_false(members: Map<String, Json>) -> Json {
    if members.is_empty() {
        Json::Bool(false)
    } else {
        Json::Object(members)
    }
}

fn array_or_false(elements: Vec<Json>) -> Json {
    if elements.iter().all(|element| *element == Json::Bool(false)) {
        Json::Bool(false)
    } else {
        Json::Array(elements)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_secret_is_a_marker_and_what_is_not_known_is_left_out() {
        let value = Value::from([
            ("name", Value::from("db")),
            ("password", Value::from("hunter2").into_secret()),
            ("arn", Value::Unknown),
            (
                "rules",
                Value::from(vec![
                    Value::Unknown,
                    Value::from([("key", Value::from("k").into_secret())]),
                ]),
            ),
        ]);
        let shown = shown(&value);
        assert_eq!(
            shown.value,
            json!({"name": "db", "password": "(secret)", "rules": [null, {"key": "(secret)"}]})
        );
        assert_eq!(shown.unknown, json!({"arn": true, "rules": [true, false]}));
        assert_eq!(
            shown.secret,
            json!({"password": true, "rules": [false, {"key": true}]})
        );
        assert!(!shown.value.to_string().contains("hunter2"));
    }

    #[test]
    fn a_secret_map_is_one_marker_and_tells_not_even_its_keys() {
        let secret = Value::from([("account", Value::from("1"))]).into_secret();
        assert_eq!(
            shown(&Value::from([("a", secret)])).value,
            json!({"a": "(secret)"})
        );
    }
}
