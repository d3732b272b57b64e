//! Whether two values mean the same by the schema, and keeping the spelling of one where they do.

use std::collections::BTreeMap;

use konductor_model::schema::{AttributeKind, AttributeSchema, ResourceSchema};
use konductor_model::value_json::{Secrets, to_json};
use konductor_model::{Diagnostic, Value};

/// Tells whether a value says nothing: null, or an empty list or map.
fn is_empty(value: &Value) -> bool {
    match value.reveal() {
        Value::Null => true,
        Value::List(list) => list.is_empty(),
        Value::Map(map) => map.values().all(is_empty),
        _ => false,
    }
}

/// Tells whether two values mean the same for an attribute. `Secret` marks make no difference; null, absent
/// and empty are the same; unordered lists are compared as multisets and JSON by content; unknown equals only
/// unknown.
pub fn same(attribute: &AttributeSchema, left: &Value, right: &Value) -> bool {
    let (left, right) = (left.reveal(), right.reveal());
    if left == right || (is_empty(left) && is_empty(right)) {
        return true;
    }
    match (&attribute.kind, left, right) {
        (
            AttributeKind::List {
                items,
                unordered: true,
                ..
            },
            Value::List(left),
            Value::List(right),
        ) => left.len() == right.len() && pairs(items, left, right).iter().all(Option::is_some),
        (AttributeKind::List { items, .. }, Value::List(left), Value::List(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(l, r)| same(items, l, r))
        }
        (AttributeKind::Map { values }, Value::Map(left), Value::Map(right)) => {
            each_key(left, right).all(|(_, l, r)| same(values, l, r) && l.is_null() == r.is_null())
        }
        (AttributeKind::Object { attributes }, Value::Map(left), Value::Map(right)) => each_key(left, right)
            .all(|(name, l, r)| match attributes.get(name) {
                Some(attribute) => same(attribute, l, r),
                None => l.same_as(r),
            }),
        (AttributeKind::Json, left, right) => {
            matches!((document(left), document(right)), (Some(l), Some(r)) if l == r)
        }
        (AttributeKind::Text { format, .. }, Value::Text(left), Value::Text(right)) => {
            crate::format::same(*format, left, right)
        }
        (_, left, right) => left.same_as(right),
    }
}

static NULL: Value = Value::Null;

/// Returns every key of two maps with the value in each, null where there is none.
pub(crate) fn each_key<'v>(
    left: &'v BTreeMap<String, Value>,
    right: &'v BTreeMap<String, Value>,
) -> impl Iterator<Item = (&'v String, &'v Value, &'v Value)> {
    left.keys()
        .chain(right.keys().filter(|key| !left.contains_key(*key)))
        .map(|key| {
            (
                key,
                left.get(key).unwrap_or(&NULL),
                right.get(key).unwrap_or(&NULL),
            )
        })
}

/// For each element of `left` returns the index of an equal element of `right`, each used once.
fn pairs(items: &AttributeSchema, left: &[Value], right: &[Value]) -> Vec<Option<usize>> {
    let mut free: Vec<bool> = vec![true; right.len()];
    left.iter()
        .map(|l| {
            let found = right
                .iter()
                .zip(&free)
                .position(|(r, free)| *free && same(items, l, r))?;
            *free.get_mut(found)? = false;
            Some(found)
        })
        .collect()
}

/// Returns a JSON document, given as text or as structured data; none when it is not JSON or not wholly known.
pub(crate) fn document(value: &Value) -> Option<serde_json::Value> {
    match value.reveal() {
        Value::Text(text) => serde_json::from_str(text).ok(),
        other if other.is_wholly_known() => {
            Some(to_json(&other.clone().without_secret_marks(), Secrets::Marked))
        }
        _ => None,
    }
}

/// Returns what the cloud answered in the spelling that was expected, where both mean the same. Attributes that
/// are write-only, and are expected but not answered, are kept; `Secret` marks of what was expected stay. Where nothing
/// is expected, as in an import, an attribute that says nothing is left out, as it is where it was not given.
pub fn normalise(schema: &ResourceSchema, actual: &Value, expected: &Value) -> Value {
    let nothing = BTreeMap::new();
    let expected = if expected.is_null() {
        Some(&nothing)
    } else {
        expected.as_map()
    };
    let (Some(actual), Some(expected)) = (actual.as_map(), expected) else {
        return actual.clone();
    };
    Value::Map(normalise_map(actual, expected, |name| {
        schema.attributes.get(name)
    }))
}

fn normalise_map<'s>(
    actual: &BTreeMap<String, Value>,
    expected: &BTreeMap<String, Value>,
    attribute: impl Fn(&str) -> Option<&'s AttributeSchema>,
) -> BTreeMap<String, Value> {
    each_key(actual, expected)
        .filter_map(|(name, actual, expected)| {
            let value = match attribute(name) {
                Some(attribute) => normalise_value(attribute, actual, expected),
                None => actual.clone(),
            };
            (!value.is_null()).then(|| (name.clone(), value))
        })
        .collect()
}

fn normalise_value(attribute: &AttributeSchema, actual: &Value, expected: &Value) -> Value {
    if expected.is_unknown() || (expected.is_null() && !is_empty(actual)) {
        return actual.clone();
    }
    if attribute.write_only || same(attribute, actual, expected) {
        return if expected.is_wholly_known() {
            expected.clone()
        } else {
            actual.clone()
        };
    }
    let result = match (&attribute.kind, actual.reveal(), expected.reveal()) {
        (AttributeKind::Object { attributes }, Value::Map(actual), Value::Map(expected)) => {
            Value::Map(normalise_map(actual, expected, |name| attributes.get(name)))
        }
        (AttributeKind::Map { values }, Value::Map(actual), Value::Map(expected)) => {
            Value::Map(normalise_map(actual, expected, |_| Some(values)))
        }
        (AttributeKind::List { items, unordered, .. }, Value::List(actual), Value::List(expected)) => {
            Value::List(normalise_list(items, *unordered, actual, expected))
        }
        (_, actual, _) => actual.clone(),
    };
    // What replaces a secret may be one itself.
    if matches!(expected, Value::Secret(_)) || (expected.has_secret() && !result.has_secret()) {
        result.into_secret()
    } else {
        result
    }
}

/// Puts equal elements where they were expected, so that a drift of one element shows as that one.
fn normalise_list(
    items: &AttributeSchema,
    unordered: bool,
    actual: &[Value],
    expected: &[Value],
) -> Vec<Value> {
    if !unordered {
        return actual
            .iter()
            .enumerate()
            .map(|(index, actual)| match expected.get(index) {
                Some(expected) => normalise_value(items, actual, expected),
                None => actual.clone(),
            })
            .collect();
    }
    let found = pairs(items, expected, actual);
    let kept = expected
        .iter()
        .zip(&found)
        .filter(|(_, found)| found.is_some())
        .map(|(expected, _)| expected.clone());
    let added = actual
        .iter()
        .enumerate()
        .filter(|(index, _)| !found.contains(&Some(*index)))
        .map(|(_, actual)| actual.clone());
    kept.chain(added).collect()
}

/// Marks what the schema calls sensitive as secret.
pub fn mark_sensitive(attributes: &BTreeMap<String, AttributeSchema>, value: Value) -> Value {
    let Value::Map(map) = value else {
        return value;
    };
    Value::Map(
        map.into_iter()
            .map(|(name, value)| match attributes.get(&name) {
                Some(attribute) => {
                    let value = mark_value(attribute, value);
                    (name, value)
                }
                None => (name, value),
            })
            .collect(),
    )
}

fn mark_value(attribute: &AttributeSchema, value: Value) -> Value {
    if attribute.sensitive && !value.is_null() {
        return value.into_secret();
    }
    match (&attribute.kind, value) {
        (AttributeKind::Object { attributes }, value @ Value::Map(_)) => mark_sensitive(attributes, value),
        (AttributeKind::Map { values }, Value::Map(map)) => {
            Value::Map(map.into_iter().map(|(k, v)| (k, mark_value(values, v))).collect())
        }
        (AttributeKind::List { items, .. }, Value::List(list)) => {
            Value::List(list.into_iter().map(|v| mark_value(items, v)).collect())
        }
        (_, value) => value,
    }
}

/// Removes the null entries of maps: null and absent are the same.
pub(crate) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Map(map) => Value::Map(
            map.into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| (key, without_nulls(value)))
                .collect(),
        ),
        Value::List(list) => Value::List(list.into_iter().map(without_nulls).collect()),
        Value::Secret(inner) => without_nulls(*inner).into_secret(),
        leaf => leaf,
    }
}

/// Returns a diagnostic's one line of what was expected and what to do, as the interface carries it.
pub(crate) fn full_detail(diagnostic: &Diagnostic) -> String {
    match (&diagnostic.help, diagnostic.detail.is_empty()) {
        (Some(help), true) => help.clone(),
        (Some(help), false) => format!("{}; {help}", diagnostic.detail),
        (None, _) => diagnostic.detail.clone(),
    }
}
