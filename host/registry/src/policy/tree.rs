//! A policy as it is written, with the place of everything in it.

use std::fmt;

use konductor_model::{Path, Value};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

/// Where something is written, for a person: `/etc/konductor/policy.yaml:12:5`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(pub String);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Something in a policy.
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) shape: Shape,
}

pub(super) enum Shape {
    Null,
    Text(String),
    /// A number or truth value, as it is shown.
    Other(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

pub(super) struct Entry {
    pub(super) place: Place,
    pub(super) name: String,
    pub(super) node: Node,
}

impl Node {
    /// Says what kind of thing it is.
    pub(super) fn kind(&self) -> String {
        match &self.shape {
            Shape::Null => "nothing".to_owned(),
            Shape::Text(text) => format!("`{}`", text.escape_debug()),
            Shape::Other(text) => format!("`{text}`"),
            Shape::List(_) => "a list".to_owned(),
            Shape::Map(_) => "a map".to_owned(),
        }
    }

    /// Takes over what a YAML parser read. `name` is the file.
    pub(super) fn from_yaml(yaml: Yaml, name: &str) -> Self {
        let Spanned {
            value, referenced, ..
        } = yaml.0;
        let place = |line: u64, column: u64| Place(format!("{name}:{line}:{column}"));
        let shape = match value {
            YamlShape::Null => Shape::Null,
            YamlShape::Text(text) => Shape::Text(text),
            YamlShape::Other(text) => Shape::Other(text),
            YamlShape::List(items) => Shape::List(
                items
                    .into_iter()
                    .map(|item| Self::from_yaml(item, name))
                    .collect(),
            ),
            YamlShape::Map(entries) => Shape::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| Entry {
                        place: place(key.referenced.line(), key.referenced.column()),
                        name: key.value,
                        node: Self::from_yaml(value, name),
                    })
                    .collect(),
            ),
        };
        Self {
            place: place(referenced.line(), referenced.column()),
            shape,
        }
    }

    /// Takes over a part of the configuration. `place` tells where a path below it is written.
    pub(super) fn from_value(value: &Value, path: &Path, place: &dyn Fn(&Path) -> String) -> Self {
        let shape = match value {
            Value::Null => Shape::Null,
            Value::Text(text) => Shape::Text(text.clone()),
            Value::List(items) => Shape::List(
                items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| Self::from_value(item, &path.element(index), place))
                    .collect(),
            ),
            Value::Map(fields) => Shape::Map(
                fields
                    .iter()
                    .map(|(name, value)| {
                        let path = path.child(name);
                        Entry {
                            place: Place(place(&path)),
                            name: name.clone(),
                            node: Self::from_value(value, &path, place),
                        }
                    })
                    .collect(),
            ),
            // Secrets and unknowns show nothing here, and no rule takes them.
            other => Shape::Other(format!("{other:?}")),
        };
        Self {
            place: Place(place(path)),
            shape,
        }
    }
}

/// Anything that YAML can say, with places.
pub(super) struct Yaml(Spanned<YamlShape>);

enum YamlShape {
    Null,
    Text(String),
    Other(String),
    List(Vec<Yaml>),
    Map(Vec<(Spanned<String>, Yaml)>),
}

impl<'de> Deserialize<'de> for Yaml {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for YamlShape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyShape;

        impl<'de> Visitor<'de> for AnyShape {
            type Value = YamlShape;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything YAML can say")
            }

            fn visit_unit<E: Error>(self) -> Result<YamlShape, E> {
                Ok(YamlShape::Null)
            }

            fn visit_none<E: Error>(self) -> Result<YamlShape, E> {
                Ok(YamlShape::Null)
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<YamlShape, E> {
                Ok(YamlShape::Other(value.to_string()))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<YamlShape, E> {
                Ok(YamlShape::Other(value.to_string()))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<YamlShape, E> {
                Ok(YamlShape::Other(value.to_string()))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<YamlShape, E> {
                Ok(YamlShape::Other(value.to_string()))
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<YamlShape, E> {
                Ok(YamlShape::Text(value.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<YamlShape, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(YamlShape::List(list))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<YamlShape, A::Error> {
                let mut map = Vec::new();
                while let Some(entry) = entries.next_entry()? {
                    map.push(entry);
                }
                Ok(YamlShape::Map(map))
            }
        }

        deserializer.deserialize_any(AnyShape)
    }
}
