//! Values as JSON text, read and written without a document in between. What JSON has no word for is an
//! object with one member that starts with `$`.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use konductor_model::{Number, Reference, Value};
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

struct Out<'v>(&'v Value);
struct In(Value);

/// Encodes a value.
pub fn encode(value: &Value) -> String {
    serde_json::to_string(&Out(value)).expect("every value has a JSON form")
}

/// Decodes a value.
pub fn decode(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str::<In>(text).map(|value| value.0)
}

fn marked<S: Serializer>(serializer: S, name: &str, value: impl Serialize) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(name, &value)?;
    map.end()
}

impl Serialize for Out<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => s.serialize_unit(),
            Value::Boolean(v) => s.serialize_bool(*v),
            Value::Integer(v) => s.serialize_i64(*v),
            Value::Number(v) => marked(s, "$number", v.as_str()),
            Value::Text(v) => s.serialize_str(v),
            Value::Bytes(v) => marked(s, "$bytes", STANDARD.encode(v)),
            Value::List(v) => s.collect_seq(v.iter().map(Out)),
            Value::Map(v) => s.collect_map(v.iter().map(|(key, v)| (key, Out(v)))),
            Value::Unknown => marked(s, "$unknown", true),
            Value::Secret(v) => marked(s, "$secret", Out(v)),
            Value::Reference(v) => marked(s, "$reference", (&v.resource, v.path.to_string())),
        }
    }
}

impl<'de> Deserialize<'de> for In {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Boolean(v))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(Value::Integer(v))
    }

    fn visit_u64<E: serde::de::Error>(self, v: u64) -> Result<Value, E> {
        i64::try_from(v).map(Value::Integer).map_err(E::custom)
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(Value::Text(v.to_owned()))
    }

    fn visit_string<E>(self, v: String) -> Result<Value, E> {
        Ok(Value::Text(v))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(In(value)) = seq.next_element()? {
            list.push(value);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = BTreeMap::new();
        while let Some((key, In(value))) = access.next_entry::<String, In>()? {
            if map.insert(key, value).is_some() {
                return Err(A::Error::custom("a key twice"));
            }
        }
        let marked = map.len() == 1 && map.keys().any(|key| key.starts_with('$'));
        match map.pop_first() {
            Some((name, value)) if marked => {
                unmark(&name, value).ok_or_else(|| A::Error::custom("an unknown mark"))
            }
            Some((key, value)) => {
                map.insert(key, value);
                Ok(Value::Map(map))
            }
            None => Ok(Value::Map(map)),
        }
    }
}

fn unmark(name: &str, value: Value) -> Option<Value> {
    Some(match (name, value) {
        ("$unknown", _) => Value::Unknown,
        ("$secret", value) => value.into_secret(),
        ("$number", Value::Text(text)) => Number::parse(&text)?,
        ("$bytes", Value::Text(text)) => Value::Bytes(STANDARD.decode(text).ok()?),
        ("$reference", Value::List(parts)) => match parts.as_slice() {
            [Value::Text(resource), Value::Text(path)] => Value::Reference(Reference {
                resource: resource.clone(),
                path: path.parse().ok()?,
            }),
            _ => return None,
        },
        _ => return None,
    })
}
