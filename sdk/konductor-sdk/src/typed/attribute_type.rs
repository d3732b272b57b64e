//! The types that an attribute can have, and how they are read from and written to values.

use std::collections::{BTreeMap, BTreeSet};

use konductor_model::schema::{AttributeKind, AttributeSchema};
use konductor_model::value_json::{Secrets, from_json, to_json};
use konductor_model::{Diagnostic, Diagnostics, Path, Value};

use super::Attributes;
use crate::schema_builder;

/// A type that an attribute can have.
pub trait AttributeType: Sized {
    /// Whether it need not be given.
    const OPTIONAL: bool = false;

    /// Returns the schema of an attribute of this type, without a description.
    fn schema() -> AttributeSchema;

    /// Reads a value that is not null; none when it is wrong, which is said in `problems`.
    fn from_value(value: &Value, at: &Path, problems: &mut Diagnostics) -> Option<Self>;

    /// Returns the value; null where there is none.
    fn to_value(&self) -> Value;

    /// Returns what stands for a value that is not there, if anything does.
    fn absent() -> Option<Self> {
        None
    }
}

/// A closed set of texts: an enum with `#[derive(Choice)]`. A variant's text is its name, or what
/// `#[choice("…")]` says.
pub trait Choice: Sized {
    /// All of them.
    const TEXTS: &'static [&'static str];
    /// Returns the text.
    fn as_text(&self) -> &'static str;
    /// Returns the choice with a text.
    fn from_text(text: &str) -> Option<Self>;
}

/// A JSON document, given as text or written out, and compared by content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Json(pub Value);

impl Json {
    /// Returns the document as text: the very text that was given, or one made of what was written out.
    pub fn to_text(&self) -> String {
        match self.0.reveal() {
            Value::Text(text) => text.clone(),
            other => to_json(&other.clone().without_secret_marks(), Secrets::Marked).to_string(),
        }
    }

    /// Reads a document from text; text that is no JSON stays text.
    pub fn from_text(text: &str) -> Self {
        let parsed = serde_json::from_str(text)
            .ok()
            .and_then(|json| from_json(json).ok());
        Self(parsed.unwrap_or_else(|| Value::from(text)))
    }
}

/// Bytes.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<{} bytes>", self.0.len())
    }
}

fn wrong(value: &Value, expected: &str, at: &Path, problems: &mut Diagnostics) {
    let found = value.reveal();
    problems.push(
        match found {
            Value::Unknown | Value::Reference(_) => {
                Diagnostic::error(format!("`{at}` is not known yet, where it must be"))
            }
            _ => Diagnostic::error(format!(
                "`{at}` is {}, where {expected} is expected",
                found.kind()
            )),
        }
        .at(at.clone()),
    );
}

macro_rules! plain {
    ($type:ty, $schema:expr, $read:ident, $expected:literal) => {
        impl AttributeType for $type {
            fn schema() -> AttributeSchema {
                $schema.into()
            }
            fn from_value(value: &Value, at: &Path, problems: &mut Diagnostics) -> Option<Self> {
                let read = value.$read().map(Into::into);
                if read.is_none() {
                    wrong(value, $expected, at, problems);
                }
                read
            }
            fn to_value(&self) -> Value {
                Value::from(self.clone())
            }
        }
    };
}
plain!(String, schema_builder::text(""), as_text, "text");
plain!(bool, schema_builder::boolean(""), as_boolean, "a boolean");
plain!(i64, schema_builder::integer(""), as_integer, "an integer");

macro_rules! small_integer {
    ($($type:ty),*) => {$(
        impl AttributeType for $type {
            fn schema() -> AttributeSchema {
                schema_builder::integer("").between(<$type>::MIN.into(), <$type>::MAX.into()).into()
            }
            fn from_value(value: &Value, at: &Path, problems: &mut Diagnostics) -> Option<Self> {
                let read = value.as_integer().and_then(|integer| <$type>::try_from(integer).ok());
                if read.is_none() {
                    let expected = format!("an integer from {} to {}", <$type>::MIN, <$type>::MAX);
                    wrong(value, &expected, at, problems);
                }
                read
            }
            fn to_value(&self) -> Value {
                Value::Integer((*self).into())
            }
        }
    )*};
}
small_integer!(i8, i16, i32, u8, u16, u32);

impl AttributeType for f64 {
    fn schema() -> AttributeSchema {
        schema_builder::number("").into()
    }
    fn from_value(value: &Value, at: &Path, problems: &mut Diagnostics) -> Option<Self> {
        match value.reveal() {
            Value::Number(number) => Some(number.to_f64()),
            #[allow(clippy::cast_precision_loss, reason = "the author chose a float")]
            Value::Integer(integer) => Some(*integer as Self),
            _ => {
                wrong(value, "a number", at, problems);
                None
            }
        }
    }
    /// What is no finite number is null.
    fn to_value(&self) -> Value {
        konductor_model::Number::parse(&self.to_string()).unwrap_or_default()
    }
}

impl AttributeType for Value {
    fn schema() -> AttributeSchema {
        schema_builder::any("").into()
    }
    fn from_value(value: &Value, at: &Path, problems: &mut Diagnostics) -> Option<Self> {
        if value.is_wholly_known() {
            return Some(value.clone());
        }
        wrong(&Value::Unknown, "", at, problems);
        None
    }
    fn to_value(&self) -> Value {
        self.clone()
    }
}

impl AttributeType for Json {
    fn schema() -> AttributeSchema {
        schema_builder::json("").into()
    }
    fn from_value(value: &Value, at: &Path, problems: &mut Diagnostics) -> Option<Self> {
        Value::from_value(value, at, problems).map(Self)
    }
    fn to_value(&self) -> Value {
        self.0.clone()
    }
}

impl AttributeType for Bytes {
    fn schema() -> AttributeSchema {
        AttributeSchema {
            kind: AttributeKind::Bytes,
            ..AttributeSchema::default()
        }
    }
    fn from_value(value: &Value, at: &Path, problems: &mut Diagnostics) -> Option<Self> {
        if let Value::Bytes(bytes) = value.reveal() {
            return Some(Self(bytes.clone()));
        }
        wrong(value, "bytes", at, problems);
        None
    }
    fn to_value(&self) -> Value {
        Value::Bytes(self.0.clone())
    }
}

impl<T: AttributeType> AttributeType for Option<T> {
    const OPTIONAL: bool = true;
    fn schema() -> AttributeSchema {
        T::schema()
    }
    fn from_value(value: &Value, at: &Path, problems: &mut Diagnostics) -> Option<Self> {
        T::from_value(value, at, problems).map(Some)
    }
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_value)
    }
    fn absent() -> Option<Self> {
        Some(None)
    }
}

fn elements<T: AttributeType>(value: &Value, at: &Path, problems: &mut Diagnostics) -> Option<Vec<T>> {
    let Some(list) = value.as_list() else {
        wrong(value, "a list", at, problems);
        return None;
    };
    // Every element is read before any is missed.
    let read: Vec<Option<T>> = list
        .iter()
        .enumerate()
        .map(|(index, element)| T::from_value(element, &at.element(index), problems))
        .collect();
    read.into_iter().collect()
}

impl<T: AttributeType> AttributeType for Vec<T> {
    const OPTIONAL: bool = true;
    fn schema() -> AttributeSchema {
        schema_builder::list(T::schema().into(), "").into()
    }
    fn from_value(value: &Value, at: &Path, problems: &mut Diagnostics) -> Option<Self> {
        elements(value, at, problems)
    }
    fn to_value(&self) -> Value {
        Value::List(self.iter().map(T::to_value).collect())
    }
    fn absent() -> Option<Self> {
        Some(Self::new())
    }
}

impl<T: AttributeType + Ord> AttributeType for BTreeSet<T> {
    const OPTIONAL: bool = true;
    fn schema() -> AttributeSchema {
        schema_builder::set(T::schema().into(), "").into()
    }
    fn from_value(value: &Value, at: &Path, problems: &mut Diagnostics) -> Option<Self> {
        elements(value, at, problems).map(|list| list.into_iter().collect())
    }
    fn to_value(&self) -> Value {
        Value::List(self.iter().map(T::to_value).collect())
    }
    fn absent() -> Option<Self> {
        Some(Self::new())
    }
}

impl<T: AttributeType> AttributeType for BTreeMap<String, T> {
    const OPTIONAL: bool = true;
    fn schema() -> AttributeSchema {
        schema_builder::map(T::schema().into(), "").into()
    }
    fn from_value(value: &Value, at: &Path, problems: &mut Diagnostics) -> Option<Self> {
        let Some(map) = value.as_map() else {
            wrong(value, "a map", at, problems);
            return None;
        };
        let read: Vec<(String, Option<T>)> = map
            .iter()
            .map(|(key, entry)| (key.clone(), T::from_value(entry, &at.child(key), problems)))
            .collect();
        read.into_iter()
            .map(|(key, entry)| entry.map(|entry| (key, entry)))
            .collect()
    }
    fn to_value(&self) -> Value {
        Value::Map(
            self.iter()
                .map(|(key, entry)| (key.clone(), entry.to_value()))
                .collect(),
        )
    }
    fn absent() -> Option<Self> {
        Some(Self::new())
    }
}

/// Returns the schema of a choice.
#[doc(hidden)]
pub fn choice_schema<C: Choice>() -> AttributeSchema {
    schema_builder::text("").allowed(C::TEXTS.iter().copied()).into()
}

/// Reads a choice.
#[doc(hidden)]
pub fn choice_from_value<C: Choice>(value: &Value, at: &Path, problems: &mut Diagnostics) -> Option<C> {
    let read = value.as_text().and_then(C::from_text);
    if read.is_none() {
        match value.as_text() {
            Some(_) => problems.push(
                Diagnostic::error(format!("`{at}` has a value that this plugin does not know"))
                    .detail(format!("expected one of {}", C::TEXTS.join(", ")))
                    .at(at.clone()),
            ),
            None => wrong(value, "text", at, problems),
        }
    }
    read
}

/// Returns the schema of an object with fixed keys.
#[doc(hidden)]
pub fn object_schema<A: Attributes>() -> AttributeSchema {
    AttributeSchema {
        kind: AttributeKind::Object {
            attributes: A::attributes(),
        },
        ..AttributeSchema::default()
    }
}

/// Reads an object with fixed keys.
#[doc(hidden)]
pub fn object_from_value<A: Attributes>(value: &Value, at: &Path, problems: &mut Diagnostics) -> Option<A> {
    match value.as_map() {
        Some(map) => A::from_map(map, at, problems),
        None => {
            wrong(value, "a map", at, problems);
            None
        }
    }
}

/// Reads a field from the map of its struct.
#[doc(hidden)]
pub fn read_field<T: AttributeType>(
    map: &BTreeMap<String, Value>,
    name: &str,
    default: Option<Value>,
    at: &Path,
    problems: &mut Diagnostics,
) -> Option<T> {
    let at = at.child(name);
    let given = map.get(name).filter(|value| !value.reveal().is_null());
    if let Some(value) = given.or(default.as_ref()) {
        return T::from_value(value, &at, problems);
    }
    let absent = T::absent();
    if absent.is_none() {
        problems.push(
            Diagnostic::error(format!("`{at}` is missing"))
                .detail(format!("expected {}", T::schema().kind.describe()))
                .at(at),
        );
    }
    absent
}

/// Writes a field to the map of its struct.
#[doc(hidden)]
pub fn write_field<T: AttributeType>(map: &mut BTreeMap<String, Value>, name: &str, field: &T) {
    let value = field.to_value();
    if !value.is_null() {
        map.insert(name.to_owned(), value);
    }
}
