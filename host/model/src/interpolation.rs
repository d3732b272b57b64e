//! Text that is put together from parts, some of which are known only later.
//!
//! `"prefix-${network.vpc_id}-suffix"` cannot be a text before `network` exists, and `Value` has no case for it.
//! It is carried as the map `{"$join": [part, …]}`: its references stay visible to [`Value::references`], so the
//! graph gets its edges, and whoever replaces references calls [`resolve_joins`] afterwards. Configuration files
//! cannot spell such a map: the key `$join` is refused there.

use std::collections::BTreeMap;

use crate::value::Value;
use crate::value_json::to_plain_json;

/// The only key of a map that stands for a join.
pub const JOIN: &str = "$join";

/// Makes the value that stands for the concatenation of `parts`.
#[must_use]
pub fn join(parts: Vec<Value>) -> Value {
    Value::Map(BTreeMap::from([(JOIN.to_owned(), Value::List(parts))]))
}

/// Returns the parts when this very value is a join.
#[must_use]
pub fn join_parts(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Map(map) if map.len() == 1 => match map.get(JOIN) {
            Some(Value::List(parts)) => Some(parts),
            _ => None,
        },
        _ => None,
    }
}

/// Replaces every join whose parts hold no reference any more, at any depth, by its text.
///
/// An unknown part makes the whole unknown and a secret part makes it secret. Null adds nothing; a list, a map
/// or bytes are written as JSON. A join that still holds a reference stays one, with its other parts resolved.
#[must_use]
pub fn resolve_joins(value: Value) -> Value {
    if join_parts(&value).is_some() {
        if let Value::Map(map) = value {
            let parts = map
                .into_values()
                .flat_map(|parts| match parts {
                    Value::List(parts) => parts,
                    other => vec![other],
                })
                .map(resolve_joins)
                .collect::<Vec<_>>();
            return concatenate(parts);
        }
        return Value::Null;
    }
    match value {
        Value::List(list) => Value::List(list.into_iter().map(resolve_joins).collect()),
        Value::Map(map) => Value::Map(map.into_iter().map(|(k, v)| (k, resolve_joins(v))).collect()),
        Value::Secret(inner) => resolve_joins(*inner).into_secret(),
        leaf => leaf,
    }
}

fn concatenate(parts: Vec<Value>) -> Value {
    if parts.iter().any(|part| !part.references().is_empty()) {
        return join(parts);
    }
    let secret = parts.iter().any(Value::has_secret);
    let mark = |value: Value| if secret { value.into_secret() } else { value };
    if parts.iter().any(|part| !part.is_wholly_known()) {
        return mark(Value::Unknown);
    }
    let mut text = String::new();
    for part in parts {
        match part.without_secret_marks() {
            Value::Null => {}
            Value::Text(part) => text.push_str(&part),
            Value::Number(part) => text.push_str(part.as_str()),
            other => text.push_str(&to_plain_json(&other).to_string()),
        }
    }
    mark(Value::Text(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::Path;
    use crate::value::Reference;
    use crate::value_json::tests::any_value;
    use proptest::prelude::*;

    fn reference() -> Value {
        Value::Reference(Reference {
            resource: "network".into(),
            path: Path::attribute("id"),
        })
    }

    #[test]
    fn a_join_with_a_reference_waits_and_keeps_its_edge() {
        let value = resolve_joins(join(vec!["a-".into(), reference()]));
        assert_eq!(value, join(vec!["a-".into(), reference()]));
        assert_eq!(value.references().len(), 1);
    }

    #[test]
    fn known_parts_become_one_text() {
        let value = join(vec![
            "a-".into(),
            1.into(),
            true.into(),
            Value::Null,
            Value::from(vec![1]),
        ]);
        assert_eq!(resolve_joins(value), Value::from("a-1true[1]"));
    }

    #[test]
    fn an_unknown_part_makes_it_unknown_and_a_secret_part_secret() {
        assert_eq!(
            resolve_joins(join(vec!["a".into(), Value::Unknown])),
            Value::Unknown
        );
        let secret = Value::from("s").into_secret();
        assert_eq!(
            resolve_joins(join(vec!["a".into(), secret.clone()])),
            Value::from("as").into_secret()
        );
        assert_eq!(
            resolve_joins(join(vec![secret, Value::Unknown])),
            Value::Unknown.into_secret()
        );
    }

    proptest! {
        #[test]
        fn resolving_twice_changes_nothing(parts in prop::collection::vec(any_value(), 0..5)) {
            let once = resolve_joins(Value::from(vec![join(parts)]));
            prop_assert_eq!(resolve_joins(once.clone()), once);
        }

        #[test]
        fn no_secret_leaves_a_join_unmarked(parts in prop::collection::vec(any_value(), 0..5)) {
            let had = parts.iter().any(Value::has_secret);
            prop_assert_eq!(resolve_joins(join(parts)).has_secret(), had);
        }

        #[test]
        fn texts_are_put_together_in_order(parts in prop::collection::vec(".{0,6}", 0..6)) {
            let value = join(parts.iter().cloned().map(Value::Text).collect());
            prop_assert_eq!(resolve_joins(value), Value::Text(parts.concat()));
        }
    }
}
