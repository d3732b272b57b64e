//! What of an answer was asked for, and how two bodies differ.

use konductor_sdk::model::{AttributeChange, ChangeKind};
use konductor_sdk::prelude::*;

use crate::cloud::{Cloud, is_empty};
use crate::place::Place;

/// Returns what the cloud has, as far as it was asked for: the properties that were expected, in the spelling that was
/// expected where both mean the same; what it never gives back is kept.
pub fn settled<C: Cloud>(place: Place<C>, actual: &Value, expected: &Value) -> Value {
    settled_named("", place, actual, expected)
}

fn settled_named<C: Cloud>(name: &str, place: Place<C>, actual: &Value, expected: &Value) -> Value {
    if place.is_kept() && actual.is_null() {
        return expected.clone();
    }
    let settled = match (actual.reveal(), expected.reveal()) {
        (actual, Value::Unknown) => actual.clone(),
        (Value::Map(actual), Value::Map(expected)) => Value::Map(
            expected
                .iter()
                .map(|(key, expected)| {
                    let actual = actual.get(key).unwrap_or(&Value::Null);
                    let value = settled_named(key, place.child(key), actual, expected);
                    (key.clone(), value)
                })
                .filter(|(_, value)| !value.is_null())
                .collect(),
        ),
        (Value::List(actual), Value::List(expected)) => {
            Value::List(settled_list(name, place.element(), actual, expected))
        }
        (actual, expected) if C::same(place, name, actual, expected) => expected.clone(),
        (Value::Null, expected) if C::is_left_out(expected) => expected.clone(),
        (actual, _) => actual.clone(),
    };
    if matches!(expected, Value::Secret(_)) || place.is_sensitive() {
        settled.into_secret()
    } else {
        settled
    }
}

/// Settles a list: elements that something tells apart are those of the same key, others those of the same position.
fn settled_list<C: Cloud>(name: &str, place: Place<C>, actual: &[Value], expected: &[Value]) -> Vec<Value> {
    // Clouds sort some of their lists.
    if let (Some(left), Some(right)) = (sorted_texts(actual), sorted_texts(expected))
        && left == right
    {
        return expected.to_vec();
    }
    let mut free: Vec<Option<&Value>> = actual.iter().map(Some).collect();
    let mut settled: Vec<Value> = Vec::new();
    for (index, expected) in expected.iter().enumerate() {
        let found = match C::key_of(expected) {
            Some(key) => free
                .iter()
                .position(|actual| actual.is_some_and(|actual| C::key_of(actual).as_ref() == Some(&key))),
            None => Some(index),
        };
        let taken = found.and_then(|index| free.get_mut(index)).and_then(Option::take);
        if let Some(actual) = taken {
            settled.push(settled_named(name, place, actual, expected));
        }
    }
    settled.extend(free.into_iter().flatten().cloned());
    settled
}

/// Returns the elements of a list of nothing but texts, sorted.
fn sorted_texts(values: &[Value]) -> Option<Vec<&str>> {
    let mut texts: Vec<&str> = values.iter().map(Value::as_text).collect::<Option<_>>()?;
    texts.sort_unstable();
    Some(texts)
}

/// Returns how two bodies differ, by path. What cannot be changed once it is there means replacement; to give it for the
/// first time does so as well.
pub fn changes<C: Cloud>(place: Place<C>, at: &Path, old: &Value, new: &Value) -> Vec<AttributeChange> {
    let mut found = Vec::new();
    differ(("", place, false), at, old, new, &mut found);
    found
}

fn differ<C: Cloud>(
    (name, place, fixed): (&str, Place<C>, bool),
    at: &Path,
    old: &Value,
    new: &Value,
    found: &mut Vec<AttributeChange>,
) {
    let fixed = fixed || place.is_fixed();
    let mut add = |kind| {
        found.push(AttributeChange {
            at: at.clone(),
            kind,
            requires_replacement: fixed,
        });
    };
    match (old.reveal(), new.reveal()) {
        (old, new) if old == new || (is_empty(old) && is_empty(new)) => {}
        (Value::Null, _) => add(ChangeKind::Add),
        (_, Value::Null) => add(ChangeKind::Delete),
        (Value::Map(old), Value::Map(new)) => {
            let null = Value::Null;
            for key in old.keys().chain(new.keys().filter(|key| !old.contains_key(*key))) {
                let (old, new) = (old.get(key).unwrap_or(&null), new.get(key).unwrap_or(&null));
                differ((key, place.child(key), fixed), &at.child(key), old, new, found);
            }
        }
        (Value::List(old), Value::List(new)) if old.len() == new.len() => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                differ(
                    (name, place.element(), fixed),
                    &at.element(index),
                    old,
                    new,
                    found,
                );
            }
        }
        (old, new) if C::same(place, name, old, new) => {}
        _ => add(ChangeKind::Update),
    }
}
