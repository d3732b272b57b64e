//! Values as JSON, without loss.
//!
//! What JSON has no word for is an object with a single member that starts with `$`: `{"$unknown":true}`,
//! `{"$secret":…}`, `{"$bytes":"base64"}`, `{"$number":"1.5"}`, `{"$reference":"network.vpc_id"}`. A map that
//! has a single member starting with `$` is written `{"$map":{…}}`. Integers and floats written by others are
//! read as numbers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::path::Path;
use crate::value::{Number, Reference, Value};

/// How secrets are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// As `{"$secret": value}`; only for what is sealed afterwards or crosses into another process of ours.
    Marked,
    /// As the text `(secret)`, for people and logs.
    Masked,
}

/// What a masked secret reads as.
pub const MASK: &str = "(secret)";
/// What an unknown value reads as in plain form.
pub const UNKNOWN: &str = "(known after apply)";

/// Turns a value into lossless JSON.
pub fn to_json(value: &Value, secrets: Secrets) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Value::Null => Json::Null,
        Value::Boolean(v) => Json::Bool(*v),
        Value::Integer(v) => Json::from(*v),
        Value::Number(v) => single("$number", Json::String(v.as_str().to_owned())),
        Value::Text(v) => Json::String(v.clone()),
        Value::Bytes(v) => single("$bytes", Json::String(STANDARD.encode(v))),
        Value::List(v) => Json::Array(v.iter().map(|v| to_json(v, secrets)).collect()),
        Value::Map(v) => {
            let object = v.iter().map(|(k, v)| (k.clone(), to_json(v, secrets))).collect();
            if v.len() == 1 && v.keys().any(|k| k.starts_with('$')) {
                single("$map", Json::Object(object))
            } else {
                Json::Object(object)
            }
        }
        Value::Unknown => single("$unknown", Json::Bool(true)),
        Value::Secret(v) if secrets == Secrets::Marked => single("$secret", to_json(v, secrets)),
        Value::Secret(_) => Json::String(MASK.to_owned()),
        Value::Reference(v) => single(
            "$reference",
            serde_json::json!({ "resource": v.resource, "path": v.path.to_string() }),
        ),
    }
}

/// Turns a value into the JSON a person or another tool expects: numbers as numbers, secrets masked,
/// unknown values as text, bytes as base64. It cannot be read back without loss.
pub fn to_plain_json(value: &Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Value::Number(v) => serde_json::from_str(v.as_str()).unwrap_or_else(|_| Json::String(v.to_string())),
        Value::Bytes(v) => Json::String(STANDARD.encode(v)),
        Value::List(v) => Json::Array(v.iter().map(to_plain_json).collect()),
        Value::Map(v) => Json::Object(v.iter().map(|(k, v)| (k.clone(), to_plain_json(v))).collect()),
        Value::Unknown => Json::String(UNKNOWN.to_owned()),
        Value::Secret(_) => Json::String(MASK.to_owned()),
        Value::Reference(v) => Json::String(format!("${{{v}}}")),
        other => to_json(other, Secrets::Masked),
    }
}

fn single(name: &str, value: serde_json::Value) -> serde_json::Value {
    serde_json::Value::Object([(name.to_owned(), value)].into_iter().collect())
}

/// Says why JSON is not a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a value")]
pub struct NotAValue(String);

/// Reads JSON written by `to_json`, or plain JSON.
///
/// # Errors
/// When an object with a single `$` member is none of the known forms.
pub fn from_json(json: serde_json::Value) -> Result<Value, NotAValue> {
    use serde_json::Value as Json;
    Ok(match json {
        Json::Null => Value::Null,
        Json::Bool(v) => Value::Boolean(v),
        Json::Number(v) => Number::parse(&v.to_string()).ok_or_else(|| NotAValue(v.to_string()))?,
        Json::String(v) => Value::Text(v),
        Json::Array(v) => Value::List(v.into_iter().map(from_json).collect::<Result<_, _>>()?),
        Json::Object(v) => {
            let marked = v.len() == 1 && v.keys().any(|k| k.starts_with('$'));
            if !marked {
                return Ok(Value::Map(
                    v.into_iter()
                        .map(|(k, v)| Ok((k, from_json(v)?)))
                        .collect::<Result<_, _>>()?,
                ));
            }
            let Some((name, inner)) = v.into_iter().next() else {
                return Ok(Value::empty_map());
            };
            let bad = || NotAValue(format!("an object with the member `{name}`"));
            match (name.as_str(), inner) {
                ("$unknown", _) => Value::Unknown,
                ("$secret", inner) => from_json(inner)?.into_secret(),
                ("$number", Json::String(text)) => Number::parse(&text).ok_or_else(bad)?,
                ("$bytes", Json::String(text)) => Value::Bytes(STANDARD.decode(text).map_err(|_| bad())?),
                ("$map", Json::Object(map)) => Value::Map(
                    map.into_iter()
                        .map(|(k, v)| Ok((k, from_json(v)?)))
                        .collect::<Result<_, _>>()?,
                ),
                ("$reference", Json::Object(mut reference)) => {
                    let mut take = |key: &str| match reference.remove(key) {
                        Some(Json::String(text)) => Ok(text),
                        _ => Err(bad()),
                    };
                    let resource = take("resource")?;
                    let path: Path = take("path")?.parse().map_err(|_| bad())?;
                    Value::Reference(Reference { resource, path })
                }
                // A lone `$` member that is none of ours is a map somebody else wrote, such as a JSON Schema's `$ref`.
                (_, inner) => Value::Map([(name.clone(), from_json(inner)?)].into_iter().collect()),
            }
        }
    })
}

/// Reads JSON that somebody else wrote: no member has a meaning, whatever it begins with.
pub fn from_plain_json(json: serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Null => Value::Null,
        Json::Bool(v) => Value::Boolean(v),
        Json::Number(v) => Number::parse(&v.to_string()).unwrap_or_else(|| Value::from(v.to_string())),
        Json::String(v) => Value::Text(v),
        Json::Array(v) => Value::List(v.into_iter().map(from_plain_json).collect()),
        Json::Object(v) => Value::Map(v.into_iter().map(|(k, v)| (k, from_plain_json(v))).collect()),
    }
}

impl Serialize for Value {
    /// Writes the lossless form with secrets marked: the caller seals or masks before anything is stored or shown.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        to_json(self, Secrets::Marked).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_json(serde_json::Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Boolean),
            any::<i64>().prop_map(Value::Integer),
            (-1.0e9..1.0e9f64).prop_filter_map("finite", |f| Number::parse(&f.to_string())),
            ".{0,8}".prop_map(Value::Text),
            prop::collection::vec(any::<u8>(), 0..8).prop_map(Value::Bytes),
            Just(Value::Unknown),
            ("[a-z/]{1,8}", "[a-z]{1,4}").prop_map(|(resource, name)| Value::Reference(Reference {
                resource,
                path: Path::attribute(name)
            })),
        ];
        leaf.prop_recursive(4, 48, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::List),
                prop::collection::btree_map("[$a-c]{1,3}", inner.clone(), 0..5).prop_map(Value::Map),
                inner.prop_map(Value::into_secret),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_value_survives_a_round_trip_through_json(value in any_value()) {
            prop_assert_eq!(from_json(to_json(&value, Secrets::Marked)).unwrap(), value);
        }

        #[test]
        fn masked_json_has_no_secret_mark(value in any_value()) {
            let text = to_json(&value.into_secret(), Secrets::Masked).to_string();
            prop_assert_eq!(text, "\"(secret)\"");
        }
    }

    #[test]
    fn in_what_somebody_else_wrote_no_member_means_anything() {
        let json =
            serde_json::json!({"$secret": "x", "list": [{"$unknown": true}, 1.5, 12345678901234567890_u64]});
        let value = from_plain_json(json.clone());
        assert!(!value.has_secret());
        assert_eq!(to_plain_json(&value), json);
    }

    #[test]
    fn a_foreign_dollar_member_is_a_map() {
        let value = from_json(serde_json::json!({"$ref": "#/a"})).unwrap();
        assert_eq!(value, Value::from([("$ref", "#/a")]));
    }
}
