//! References: finding what they name, and putting values in their place.

use std::borrow::Cow;

use konductor_model::interpolation::resolve_joins;
use konductor_model::suggestion::nearest;
use konductor_model::{Path, PathStep, Reference, Value};

/// The attributes of an object, as far as they are known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attributes<'a> {
    /// Inputs and computed attributes; unknown where not known.
    pub(crate) value: &'a Value,
    /// The identifier, once there is an object.
    pub(crate) id: Option<&'a str>,
}

impl Attributes<'_> {
    /// Returns what a path reads. `id` is the identifier of the object unless the type has such an attribute.
    /// An attribute that is not set is null; an element or entry that is not there is an error.
    ///
    /// # Errors
    /// When there is nothing at the path, though the values around it are known.
    pub(crate) fn at(&self, path: &Path) -> Result<Value, ReferenceError> {
        if let Some(found) = self.value.at(path) {
            return Ok(found.into_owned());
        }
        if let [PathStep::Attribute(first)] = path.steps() {
            if first == "id" {
                return Ok(self.id.map_or(Value::Unknown, Value::from));
            }
            return Ok(Value::Null);
        }
        Err(ReferenceError::Missing)
    }
}

/// Why a reference has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReferenceError {
    /// The resource is there, and what the path names is not.
    #[error("there is nothing at this path")]
    Missing,
    /// The resource is not there.
    #[error("it has not been created")]
    NoObject,
}

/// Puts values in the place of references and joins. References that fail are unknown in the result and are
/// returned with the place they stand at and why.
pub(crate) fn resolve(
    value: &Value,
    lookup: &dyn Fn(&Reference) -> Result<Value, ReferenceError>,
) -> (Value, Vec<(Reference, ReferenceError)>) {
    let mut failed = Vec::new();
    let replaced = value.clone().map_leaves(&mut |leaf| match leaf {
        Value::Reference(reference) => match lookup(&reference) {
            Ok(value) => value,
            Err(error) => {
                failed.push((reference, error));
                Value::Unknown
            }
        },
        other => other,
    });
    (resolve_joins(replaced), failed)
}

/// Tells whether a reference stands anywhere in a value.
pub(crate) fn has_references(value: &Value) -> bool {
    match value {
        Value::Reference(_) => true,
        Value::List(list) => list.iter().any(has_references),
        Value::Map(map) => map.values().any(has_references),
        Value::Secret(inner) => has_references(inner),
        _ => false,
    }
}

/// Returns `value` with the marks that `marked` has at the same places, so that a provider that drops marks
/// shows nothing.
pub(crate) fn with_marks_of(value: Value, marked: &Value) -> Value {
    match (value, marked) {
        (value, Value::Secret(inner)) => with_marks_of(value, inner).into_secret(),
        (Value::Secret(value), marked) => with_marks_of(*value, marked).into_secret(),
        (Value::Map(map), Value::Map(marks)) => Value::Map(
            map.into_iter()
                .map(|(key, value)| match marks.get(&key) {
                    Some(marked) => (key, with_marks_of(value, marked)),
                    None => (key, value),
                })
                .collect(),
        ),
        (Value::List(list), Value::List(marks)) if list.len() == marks.len() => Value::List(
            list.into_iter()
                .zip(marks)
                .map(|(value, marked)| with_marks_of(value, marked))
                .collect(),
        ),
        // The elements cannot be told apart, so one secret makes all of them secret.
        (Value::List(list), marked @ Value::List(_)) if marked.has_secret() => {
            Value::List(list).into_secret()
        }
        (value, _) => value,
    }
}

/// Marks what stands at a path as secret. A path that leads nowhere marks nothing.
pub(crate) fn mark_secret(value: &mut Value, path: &Path) {
    if let Some(place) = value.at_mut(path)
        && !place.is_null()
    {
        let inner = std::mem::take(place);
        *place = inner.into_secret();
    }
}

/// Returns the sentence that asks whether another name was meant, or what to do instead.
pub(crate) fn suggestion<'c>(
    text: &str,
    candidates: impl IntoIterator<Item = &'c str>,
    otherwise: &str,
) -> Cow<'static, str> {
    match nearest(text, candidates) {
        Some(candidate) => Cow::Owned(format!("did you mean `{candidate}`?")),
        None => Cow::Owned(otherwise.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identifier_is_read_as_id_unless_the_type_has_such_an_attribute() {
        let value = Value::from([("cidr", "10.0.0.0/16")]);
        let attributes = Attributes {
            value: &value,
            id: Some("vpc-1"),
        };
        assert_eq!(attributes.at(&Path::attribute("id")), Ok(Value::from("vpc-1")));
        assert_eq!(attributes.at(&Path::attribute("not_set")), Ok(Value::Null));
        assert_eq!(
            attributes.at(&"cidr.x".parse().unwrap()),
            Err(ReferenceError::Missing)
        );
        let own = Value::from([("id", "mine")]);
        let attributes = Attributes {
            value: &own,
            id: Some("vpc-1"),
        };
        assert_eq!(attributes.at(&Path::attribute("id")), Ok(Value::from("mine")));
    }

    #[test]
    fn a_dropped_mark_comes_back() {
        let marked = Value::from([
            ("password", Value::from("x").into_secret()),
            ("name", Value::from("n")),
        ]);
        let back = with_marks_of(Value::from([("password", "x"), ("name", "n")]), &marked);
        assert_eq!(back, marked);
    }
}
