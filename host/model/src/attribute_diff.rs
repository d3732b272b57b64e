//! The difference between two values, by path.

use serde::{Deserialize, Serialize};

use crate::path::Path;
use crate::value::Value;

/// What happens to an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// It was not there.
    Add,
    /// It will not be there.
    Delete,
    /// It gets another value.
    Update,
}

/// A change of one attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributeChange {
    /// Where.
    pub at: Path,
    /// What happens.
    pub kind: ChangeKind,
    /// It cannot be done in place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub requires_replacement: bool,
}

/// Returns the paths at which two values differ, deepest first where both are maps or lists of one length.
/// `Secret` marks make no difference; null and absent map entries are the same; unknown differs from
/// everything but unknown.
pub fn differences(old: &Value, new: &Value) -> Vec<AttributeChange> {
    let mut found = Vec::new();
    compare(&Path::root(), old, new, &mut found);
    found
}

fn compare(path: &Path, old: &Value, new: &Value, found: &mut Vec<AttributeChange>) {
    let mut add = |kind| {
        found.push(AttributeChange {
            at: path.clone(),
            kind,
            requires_replacement: false,
        })
    };
    match (old.reveal(), new.reveal()) {
        (old, new) if old == new => {}
        (Value::Null, _) => add(ChangeKind::Add),
        (_, Value::Null) => add(ChangeKind::Delete),
        (Value::Map(old), Value::Map(new)) => {
            let null = Value::Null;
            for key in old.keys().chain(new.keys().filter(|key| !old.contains_key(*key))) {
                compare(
                    &path.child(key),
                    old.get(key).unwrap_or(&null),
                    new.get(key).unwrap_or(&null),
                    found,
                );
            }
        }
        (Value::List(old), Value::List(new)) if old.len() == new.len() => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                compare(&path.element(index), old, new, found);
            }
        }
        _ => add(ChangeKind::Update),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value_json::tests::any_value;
    use proptest::prelude::*;

    #[test]
    fn each_difference_is_named_once_by_its_deepest_path() {
        let old = Value::from([("a", Value::from([("x", 1), ("y", 2)])), ("gone", Value::from(1))]);
        let new = Value::from([
            ("a", Value::from([("x", 1), ("y", 3)])),
            ("new", Value::from(vec![1])),
        ]);
        let found: Vec<String> = differences(&old, &new)
            .iter()
            .map(|c| format!("{:?} {}", c.kind, c.at))
            .collect();
        assert_eq!(found, ["Update a.y", "Delete gone", "Add new"]);
    }

    proptest! {
        #[test]
        fn a_value_does_not_differ_from_itself(value in any_value()) {
            prop_assert_eq!(differences(&value, &value.clone().into_secret()), vec![]);
        }

        #[test]
        fn differences_are_the_same_places_in_both_directions(old in any_value(), new in any_value()) {
            let mut there: Vec<_> = differences(&old, &new).into_iter().map(|c| c.at).collect();
            let mut back: Vec<_> = differences(&new, &old).into_iter().map(|c| c.at).collect();
            there.sort();
            back.sort();
            prop_assert_eq!(there, back);
        }
    }
}
