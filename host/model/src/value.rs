//! The one value type of configuration, plans, state and calls.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use crate::path::{Path, PathStep};

/// A decimal number that is not a 64-bit integer, kept as text so that nothing is rounded.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Number(String);

impl Number {
    /// Reads a JSON number. A number that fits a 64-bit integer is an integer, never a `Number`.
    pub fn parse(text: &str) -> Option<Value> {
        if let Ok(integer) = text.parse::<i64>() {
            return Some(Value::Integer(integer));
        }
        let parsed: serde_json::Number = serde_json::from_str(text).ok()?;
        let float = parsed.as_f64().filter(|f| f.is_finite())?;
        // 2.0 and 2e0 are the integer 2, in every file format.
        if float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0 {
            #[allow(clippy::cast_possible_truncation)]
            return Some(Value::Integer(float as i64));
        }
        Some(Value::Number(Self(text.to_owned())))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the nearest float.
    pub fn to_f64(&self) -> f64 {
        self.0.parse().unwrap_or(f64::NAN)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A reference to an attribute of another resource, by the name it was declared with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// The declared name, for example `network` or `aws/vpc/public-a`.
    pub resource: String,
    /// The path below the resource's attributes or the component's outputs.
    pub path: Path,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_root() {
            f.write_str(&self.resource)
        } else {
            let path = self.path.to_string();
            let separator = if path.starts_with('[') { "" } else { "." };
            write!(f, "{}{separator}{path}", self.resource)
        }
    }
}

/// A value. Its `Debug` form never shows what stands below a `Secret`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Value {
    /// Nothing; in configuration it removes what a lower layer set.
    #[default]
    Null,
    /// True or false.
    Boolean(bool),
    /// A 64-bit integer.
    Integer(i64),
    /// Any other number.
    Number(Number),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Values in order.
    List(Vec<Value>),
    /// Values by name.
    Map(BTreeMap<String, Value>),
    /// A value that will be known only after apply.
    Unknown,
    /// A value that must never be shown.
    Secret(Box<Value>),
    /// An attribute of another resource, not yet read.
    Reference(Reference),
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(v) => write!(f, "{v}"),
            Self::Integer(v) => write!(f, "{v}"),
            Self::Number(v) => write!(f, "{v}"),
            Self::Text(v) => write!(f, "{v:?}"),
            Self::Bytes(v) => write!(f, "<{} bytes>", v.len()),
            Self::List(v) => f.debug_list().entries(v).finish(),
            Self::Map(v) => f.debug_map().entries(v).finish(),
            Self::Unknown => f.write_str("<unknown>"),
            Self::Secret(_) => f.write_str("<secret>"),
            Self::Reference(v) => write!(f, "${{{v}}}"),
        }
    }
}

impl From<&str> for Value {
    fn from(v: &str) -> Self {
        Self::Text(v.to_owned())
    }
}
impl From<String> for Value {
    fn from(v: String) -> Self {
        Self::Text(v)
    }
}
impl From<bool> for Value {
    fn from(v: bool) -> Self {
        Self::Boolean(v)
    }
}
impl From<i64> for Value {
    fn from(v: i64) -> Self {
        Self::Integer(v)
    }
}
impl From<i32> for Value {
    fn from(v: i32) -> Self {
        Self::Integer(v.into())
    }
}
impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(v: Vec<T>) -> Self {
        Self::List(v.into_iter().map(Into::into).collect())
    }
}
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(v: Option<T>) -> Self {
        v.map_or(Self::Null, Into::into)
    }
}
impl From<BTreeMap<String, Value>> for Value {
    fn from(v: BTreeMap<String, Value>) -> Self {
        Self::Map(v)
    }
}
impl<K: Into<String>, V: Into<Value>, const N: usize> From<[(K, V); N]> for Value {
    fn from(v: [(K, V); N]) -> Self {
        Self::Map(v.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }
}

impl Value {
    /// Returns a map without entries.
    pub fn empty_map() -> Self {
        Self::Map(BTreeMap::new())
    }

    /// Wraps a value as secret; a secret stays as it is.
    #[must_use]
    pub fn into_secret(self) -> Self {
        match self {
            Self::Secret(_) => self,
            other => Self::Secret(Box::new(other)),
        }
    }

    /// Returns the value below any `Secret` at the top. The caller takes over the duty not to show it.
    pub fn reveal(&self) -> &Self {
        match self {
            Self::Secret(inner) => inner.reveal(),
            other => other,
        }
    }

    /// Returns the name of the value's kind as people write it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "boolean",
            Self::Integer(_) => "integer",
            Self::Number(_) => "number",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Unknown => "unknown",
            Self::Secret(_) => "secret",
            Self::Reference(_) => "reference",
        }
    }

    /// Tells whether this is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Tells whether this very value is unknown.
    pub fn is_unknown(&self) -> bool {
        matches!(self.reveal(), Self::Unknown)
    }

    /// Returns the text, also below `Secret`.
    pub fn as_text(&self) -> Option<&str> {
        match self.reveal() {
            Self::Text(v) => Some(v),
            _ => None,
        }
    }

    /// Returns the boolean, also below `Secret`.
    pub fn as_boolean(&self) -> Option<bool> {
        match self.reveal() {
            Self::Boolean(v) => Some(*v),
            _ => None,
        }
    }

    /// Returns the integer, also below `Secret`.
    pub fn as_integer(&self) -> Option<i64> {
        match self.reveal() {
            Self::Integer(v) => Some(*v),
            _ => None,
        }
    }

    /// Returns the list, also below `Secret`.
    pub fn as_list(&self) -> Option<&[Self]> {
        match self.reveal() {
            Self::List(v) => Some(v),
            _ => None,
        }
    }

    /// Returns the map, also below `Secret`.
    pub fn as_map(&self) -> Option<&BTreeMap<String, Self>> {
        match self.reveal() {
            Self::Map(v) => Some(v),
            _ => None,
        }
    }

    /// Returns the map to change it; not below `Secret`.
    pub fn as_map_mut(&mut self) -> Option<&mut BTreeMap<String, Self>> {
        match self {
            Self::Map(v) => Some(v),
            _ => None,
        }
    }

    /// Returns the entry of a map.
    pub fn attribute(&self, name: &str) -> Option<&Self> {
        self.as_map()?.get(name)
    }

    /// Returns what stands at a path. Below an unknown everything is unknown; below a secret everything is secret.
    pub fn at(&self, path: &Path) -> Option<Cow<'_, Self>> {
        let mut here = self;
        let mut secret = false;
        for step in path.steps() {
            while let Self::Secret(inner) = here {
                here = inner;
                secret = true;
            }
            here = match (here, step) {
                (Self::Unknown, _) => {
                    return Some(Cow::Owned(if secret {
                        Self::Unknown.into_secret()
                    } else {
                        Self::Unknown
                    }));
                }
                (Self::Map(map), PathStep::Attribute(name)) => map.get(name)?,
                (Self::List(list), PathStep::Index(index)) => list.get(*index)?,
                _ => return None,
            };
        }
        Some(if secret {
            Cow::Owned(here.clone().into_secret())
        } else {
            Cow::Borrowed(here)
        })
    }

    /// Returns the place to change at a path; not below `Secret`.
    pub fn at_mut(&mut self, path: &Path) -> Option<&mut Self> {
        let mut here = self;
        for step in path.steps() {
            here = match (here, step) {
                (Self::Map(map), PathStep::Attribute(name)) => map.get_mut(name)?,
                (Self::List(list), PathStep::Index(index)) => list.get_mut(*index)?,
                _ => return None,
            };
        }
        Some(here)
    }

    /// Puts a value at a path, making the maps that lead there. Tells whether it could be put.
    pub fn put(&mut self, path: &Path, value: Self) -> bool {
        let mut here = self;
        for step in path.steps() {
            if let (Self::Null, PathStep::Attribute(_)) = (&*here, step) {
                *here = Self::empty_map();
            }
            here = match (here, step) {
                (Self::Map(map), PathStep::Attribute(name)) => map.entry(name.clone()).or_default(),
                (Self::List(list), PathStep::Index(index)) => match list.get_mut(*index) {
                    Some(element) => element,
                    None => return false,
                },
                _ => return false,
            };
        }
        *here = value;
        true
    }

    /// Removes the map entry at a path. Tells whether there was one.
    pub fn remove(&mut self, path: &Path) -> bool {
        let Some((PathStep::Attribute(name), parent)) = path.steps().split_last() else {
            return false;
        };
        let parent = Path::from(parent.to_vec());
        self.at_mut(&parent)
            .and_then(Self::as_map_mut)
            .is_some_and(|map| map.remove(name).is_some())
    }

    /// Calls `visit` for this value and everything below it, parents first, until it answers false.
    pub fn walk(&self, visit: &mut impl FnMut(&Path, &Self) -> bool) -> bool {
        fn go(value: &Value, path: &mut Path, visit: &mut impl FnMut(&Path, &Value) -> bool) -> bool {
            if !visit(path, value) {
                return false;
            }
            match value {
                Value::List(list) => list.iter().enumerate().all(|(i, v)| {
                    let mut below = path.element(i);
                    go(v, &mut below, visit)
                }),
                Value::Map(map) => map.iter().all(|(k, v)| {
                    let mut below = path.child(k);
                    go(v, &mut below, visit)
                }),
                Value::Secret(inner) => go(inner, path, visit),
                _ => true,
            }
        }
        go(self, &mut Path::root(), visit)
    }

    fn any(&self, test: &impl Fn(&Self) -> bool) -> bool {
        test(self)
            || match self {
                Self::List(list) => list.iter().any(|v| v.any(test)),
                Self::Map(map) => map.values().any(|v| v.any(test)),
                Self::Secret(inner) => inner.any(test),
                _ => false,
            }
    }

    /// Tells whether no unknown and no reference is left anywhere.
    pub fn is_wholly_known(&self) -> bool {
        !self.any(&|v| matches!(v, Self::Unknown | Self::Reference(_)))
    }

    /// Tells whether a secret stands anywhere.
    pub fn has_secret(&self) -> bool {
        self.any(&|v| matches!(v, Self::Secret(_)))
    }

    /// Returns every reference with the place it stands at.
    pub fn references(&self) -> Vec<(Path, &Reference)> {
        fn go<'v>(value: &'v Value, path: &Path, found: &mut Vec<(Path, &'v Reference)>) {
            match value {
                Value::Reference(reference) => found.push((path.clone(), reference)),
                Value::List(list) => list
                    .iter()
                    .enumerate()
                    .for_each(|(i, v)| go(v, &path.element(i), found)),
                Value::Map(map) => map.iter().for_each(|(k, v)| go(v, &path.child(k), found)),
                Value::Secret(inner) => go(inner, path, found),
                _ => {}
            }
        }
        let mut found = Vec::new();
        go(self, &Path::root(), &mut found);
        found
    }

    /// Returns this value with every leaf (anything but a list, map or secret) replaced by what `change` makes of it.
    #[must_use]
    pub fn map_leaves(self, change: &mut impl FnMut(Self) -> Self) -> Self {
        match self {
            Self::List(list) => Self::List(list.into_iter().map(|v| v.map_leaves(change)).collect()),
            Self::Map(map) => Self::Map(map.into_iter().map(|(k, v)| (k, v.map_leaves(change))).collect()),
            Self::Secret(inner) => inner.map_leaves(change).into_secret(),
            leaf => change(leaf),
        }
    }

    /// Returns this value without any `Secret` marks. The caller takes over the duty not to show it.
    #[must_use]
    pub fn without_secret_marks(self) -> Self {
        match self {
            Self::List(list) => Self::List(list.into_iter().map(Self::without_secret_marks).collect()),
            Self::Map(map) => Self::Map(
                map.into_iter()
                    .map(|(k, v)| (k, v.without_secret_marks()))
                    .collect(),
            ),
            Self::Secret(inner) => inner.without_secret_marks(),
            leaf => leaf,
        }
    }

    /// Tells whether two values are the same apart from `Secret` marks.
    pub fn same_as(&self, other: &Self) -> bool {
        match (self.reveal(), other.reveal()) {
            (Self::List(a), Self::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same_as(b))
            }
            (Self::Map(a), Self::Map(b)) => {
                a.len() == b.len()
                    && a.iter()
                        .zip(b)
                        .all(|((ka, va), (kb, vb))| ka == kb && va.same_as(vb))
            }
            (a, b) => a == b,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_debug_print_shows_no_secret() {
        let value = Value::from([("password", Value::from("hunter2").into_secret())]);
        assert_eq!(format!("{value:?}"), r#"{"password": <secret>}"#);
    }

    #[test]
    fn what_stands_below_a_secret_is_secret_and_below_an_unknown_unknown() {
        let secret = Value::from([("a", 1)]).into_secret();
        assert_eq!(
            secret.at(&Path::attribute("a")).unwrap().into_owned(),
            Value::Integer(1).into_secret()
        );
        let unknown = Value::from([("a", Value::Unknown)]);
        assert_eq!(
            unknown.at(&"a.b[3]".parse().unwrap()).unwrap().into_owned(),
            Value::Unknown
        );
        assert!(unknown.at(&"b".parse().unwrap()).is_none());
    }

    #[test]
    fn a_whole_number_is_an_integer_however_it_is_written() {
        assert_eq!(Number::parse("2.0"), Some(Value::Integer(2)));
        assert_eq!(Number::parse("2e3"), Some(Value::Integer(2000)));
        assert_eq!(Number::parse("1.5").map(|v| v.kind()), Some("number"));
        assert_eq!(Number::parse("x"), None);
        assert_eq!(Number::parse("1e999"), None);
    }

    #[test]
    fn putting_makes_the_maps_that_lead_there() {
        let mut value = Value::Null;
        assert!(value.put(&"a.b".parse().unwrap(), Value::from(1)));
        assert_eq!(value, Value::from([("a", Value::from([("b", 1)]))]));
        assert!(value.remove(&"a.b".parse().unwrap()));
        assert_eq!(value, Value::from([("a", Value::empty_map())]));
    }
}
