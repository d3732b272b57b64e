//! What a component or module is given: a value, or what stands for one that nobody knows yet.

use std::collections::BTreeMap;

use konductor_model::schema::AttributeSchema;
use konductor_model::{Diagnostics, Path, Value};

use super::AttributeType;

/// A value that need not be known while a component is expanded.
///
/// A field that is no `Input` must be known: an unknown one is refused with its place.
#[derive(Debug, Clone, PartialEq)]
pub enum Input<T> {
    /// The value.
    Known(T),
    /// A reference, a value that is known only after apply, a secret, or a collection with one of these in it. It can
    /// only be passed on.
    Later(Value),
}

impl<T> Input<T> {
    /// Returns the value, if it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Later(_) => None,
        }
    }

    /// Takes the value, if it is known.
    pub fn into_known(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Later(_) => None,
        }
    }
}

impl<T: AttributeType> AttributeType for Input<T> {
    const OPTIONAL: bool = T::OPTIONAL;

    fn schema() -> AttributeSchema {
        T::schema()
    }

    fn from_value(value: &Value, at: &Path, problems: &mut Diagnostics) -> Option<Self> {
        // Read as a plain value, a secret would lose the mark that keeps it from being shown.
        if !value.is_wholly_known() || value.has_secret() {
            return Some(Self::Later(value.clone()));
        }
        T::from_value(value, at, problems).map(Self::Known)
    }

    fn to_value(&self) -> Value {
        match self {
            Self::Known(value) => value.to_value(),
            Self::Later(value) => value.clone(),
        }
    }

    fn absent() -> Option<Self> {
        T::absent().map(Self::Known)
    }
}

impl<T> From<T> for Input<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

impl From<&str> for Input<String> {
    fn from(text: &str) -> Self {
        Self::Known(text.to_owned())
    }
}

/// A list of which some elements are not known is not known itself, and is passed on element by element.
impl<T: AttributeType> From<Vec<Input<T>>> for Input<Vec<T>> {
    fn from(elements: Vec<Input<T>>) -> Self {
        if elements.iter().any(|element| element.known().is_none()) {
            return Self::Later(Value::List(elements.iter().map(Input::to_value).collect()));
        }
        Self::Known(elements.into_iter().filter_map(Input::into_known).collect())
    }
}

/// A map of which some values are not known is not known itself, and is passed on value by value.
impl<T: AttributeType> From<BTreeMap<String, Input<T>>> for Input<BTreeMap<String, T>> {
    fn from(entries: BTreeMap<String, Input<T>>) -> Self {
        if entries.values().any(|value| value.known().is_none()) {
            let entries = entries.into_iter().map(|(key, value)| (key, value.to_value()));
            return Self::Later(Value::Map(entries.collect()));
        }
        let entries = entries.into_iter();
        Self::Known(
            entries
                .filter_map(|(key, value)| Some((key, value.into_known()?)))
                .collect(),
        )
    }
}
