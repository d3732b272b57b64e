//! Several instances of one declaration: by number, or one for each entry of a list or map.
//!
//! Inside such a declaration `${count.index}`, `${each.key}` and `${each.value}` are references to two names that no
//! resource has, so that everything that carries references carries them too. [`Repetition::fill`] puts in their place
//! what they are for one instance. In the path of another reference, `${web[each.key].id}`, they are a step whose name
//! is the expression in `${…}`, which no written name can be.

use std::borrow::Cow;
use std::sync::Arc;

use crate::interpolation::resolve_joins;
use crate::path::{Path, PathStep};
use crate::value::{Reference, Value};

/// What an instance knows of itself with `for_each`: `${each.key}`, `${each.value}`.
pub const EACH: &str = "each";
/// What an instance knows of itself with `count`: `${count.index}`.
pub const COUNT: &str = "count";
/// The step that stands for all instances: `${web.*.id}`.
pub const ALL: &str = "*";
/// How many instances one declaration can have.
pub const MAX_INSTANCES: usize = 1_000_000;

/// Which instances of a declaration there are. Cloning it copies no entry.
#[derive(Debug, Clone, PartialEq)]
pub enum Repetition {
    /// So many; their keys are the numbers from 0.
    Count(usize),
    /// One for each entry, sorted by key; no key is there twice.
    Each(Arc<[(String, Value)]>),
}

impl Repetition {
    /// Makes one instance for each entry. Of entries with the same key the last one stays.
    pub fn each(entries: impl IntoIterator<Item = (String, Value)>) -> Self {
        let sorted: std::collections::BTreeMap<String, Value> = entries.into_iter().collect();
        Self::Each(sorted.into_iter().collect())
    }

    /// Returns how many instances there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Count(count) => *count,
            Self::Each(entries) => entries.len(),
        }
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the key of an instance, by its position.
    pub fn key(&self, position: usize) -> Option<Cow<'_, str>> {
        match self {
            Self::Count(count) => (position < *count).then(|| Cow::Owned(position.to_string())),
            Self::Each(entries) => entries.get(position).map(|(key, _)| Cow::Borrowed(key.as_str())),
        }
    }

    /// Returns the position of the instance with a key.
    pub fn position(&self, key: &str) -> Option<usize> {
        match self {
            Self::Count(count) => {
                let position: usize = key.parse().ok()?;
                // `00` and `+0` are other texts than the key.
                (position < *count && position.to_string() == key).then_some(position)
            }
            Self::Each(entries) => entries
                .binary_search_by(|(other, _)| other.as_str().cmp(key))
                .ok(),
        }
    }

    /// Returns all keys in order.
    pub fn keys(&self) -> impl Iterator<Item = Cow<'_, str>> {
        (0..self.len()).filter_map(|position| self.key(position))
    }

    /// Returns what one instance is in a value, with what it knows of itself put in the place of `each` and `count`.
    /// What it does not know is unknown.
    #[must_use]
    pub fn fill(&self, position: usize, value: Value) -> Value {
        resolve_joins(value.map_leaves(&mut |leaf| match leaf {
            Value::Reference(reference) if is_own(&reference.resource) => {
                self.own(position, &reference).unwrap_or(Value::Unknown)
            }
            Value::Reference(reference)
                if reference.path.steps().iter().any(|step| inner(step).is_some()) =>
            {
                let steps: Option<Vec<PathStep>> = reference
                    .path
                    .steps()
                    .iter()
                    .map(|step| match inner(step) {
                        Some(own) => self.own(position, &own).and_then(|value| as_step(&value)),
                        None => Some(step.clone()),
                    })
                    .collect();
                steps.map_or(Value::Unknown, |steps| {
                    Value::Reference(Reference {
                        resource: reference.resource,
                        path: Path::from(steps),
                    })
                })
            }
            other => other,
        }))
    }

    /// Returns what a reference to `each` or `count` is for one instance; none when there is no such thing.
    pub fn own(&self, position: usize, reference: &Reference) -> Option<Value> {
        let (first, rest) = reference.path.steps().split_first()?;
        let PathStep::Attribute(first) = first else {
            return None;
        };
        match (self, reference.resource.as_str(), first.as_str(), rest) {
            (Self::Count(count), COUNT, "index", []) => {
                (position < *count).then(|| Value::Integer(i64::try_from(position).unwrap_or(i64::MAX)))
            }
            (Self::Each(entries), EACH, "key", []) => {
                entries.get(position).map(|(key, _)| Value::from(key.as_str()))
            }
            (Self::Each(entries), EACH, "value", rest) => below(&entries.get(position)?.1, rest),
            _ => None,
        }
    }
}

/// Returns what stands below a value. Below a reference that is the reference with a longer path.
fn below(value: &Value, steps: &[PathStep]) -> Option<Value> {
    for (taken, _) in steps.iter().enumerate() {
        let (above, rest) = steps.split_at(taken);
        if let Some(found) = value.at(&Path::from(above.to_vec()))
            && let Value::Reference(reference) = found.reveal()
        {
            return Some(Value::Reference(Reference {
                resource: reference.resource.clone(),
                path: reference.path.join(&Path::from(rest.to_vec())),
            }));
        }
    }
    value.at(&Path::from(steps.to_vec())).map(Cow::into_owned)
}

/// Tells whether a name is one of those that stand for the instance itself.
pub fn is_own(resource: &str) -> bool {
    matches!(resource, EACH | COUNT)
}

/// Makes the step that stands for what an instance knows of itself, from the text in the brackets of
/// `web[each.key]`; none for any other text.
pub fn step(text: &str) -> Option<PathStep> {
    let own = reference(text)?;
    (is_own(&own.resource) && !own.path.is_root()).then(|| PathStep::Attribute(format!("${{{text}}}")))
}

/// Returns the reference to `each` or `count` that a step stands for.
pub fn inner(step: &PathStep) -> Option<Reference> {
    match step {
        PathStep::Attribute(name) => reference(name.strip_prefix("${")?.strip_suffix('}')?),
        PathStep::Index(_) => None,
    }
}

/// Writes a reference as it stands in a file, in `${…}`.
pub fn written(reference: &Reference) -> String {
    let plain = format!("${{{reference}}}");
    plain.replace("[\"${", "[").replace("}\"]", "]")
}

fn reference(text: &str) -> Option<Reference> {
    let path: Path = text.parse().ok()?;
    let (PathStep::Attribute(resource), below) = path.steps().split_first()? else {
        return None;
    };
    Some(Reference {
        resource: resource.clone(),
        path: Path::from(below.to_vec()),
    })
}

fn as_step(value: &Value) -> Option<PathStep> {
    match value.reveal() {
        Value::Text(text) => Some(PathStep::Attribute(text.clone())),
        Value::Integer(index) => usize::try_from(*index).ok().map(PathStep::Index),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interpolation::join;
    use proptest::prelude::*;

    fn to(text: &str) -> Value {
        Value::Reference(reference(text).unwrap())
    }

    #[test]
    fn an_instance_knows_its_number_or_its_key_and_value() {
        let count = Repetition::Count(3);
        assert_eq!(
            count.fill(2, join(vec!["web-".into(), to("count.index")])),
            Value::from("web-2")
        );
        let each = Repetition::each([
            ("b".to_owned(), Value::from([("zone", "z2")])),
            ("a".to_owned(), Value::from([("zone", "z1")])),
        ]);
        assert_eq!(each.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(each.fill(0, to("each.key")), Value::from("a"));
        assert_eq!(each.fill(1, to("each.value.zone")), Value::from("z2"));
        assert_eq!(each.fill(1, to("each.value.other")), Value::Unknown);
        assert_eq!(each.fill(1, to("count.index")), Value::Unknown);
    }

    #[test]
    fn a_key_can_choose_the_instance_of_another_resource() {
        let each = Repetition::each([("a".to_owned(), Value::from([("net", "n1")]))]);
        let path = |inner: &str| {
            Value::Reference(Reference {
                resource: "subnet".into(),
                path: Path::from(vec![step(inner).unwrap(), PathStep::Attribute("id".into())]),
            })
        };
        assert_eq!(each.fill(0, path("each.key")), to(r#"subnet["a"].id"#));
        assert_eq!(each.fill(0, path("each.value.net")), to(r#"subnet["n1"].id"#));
        assert_eq!(
            Repetition::Count(1).fill(0, path("count.index")),
            to("subnet[0].id")
        );
        assert_eq!(step("other.key"), None);
        assert_eq!(step("each"), None);
        let Value::Reference(written_one) = path("each.key") else {
            panic!("a reference");
        };
        assert_eq!(written(&written_one), "${subnet[each.key].id}");
    }

    #[test]
    fn below_a_reference_the_path_goes_on() {
        let each = Repetition::each([("a".to_owned(), Value::from([("net", to("network.main"))]))]);
        assert_eq!(each.fill(0, to("each.value.net.id")), to("network.main.id"));
    }

    proptest! {
        #[test]
        fn every_key_leads_to_its_position(keys in prop::collection::btree_set("[a-z0-9]{1,4}", 0..9), count in 0_usize..99) {
            let each = Repetition::each(keys.iter().map(|key| (key.clone(), Value::Null)));
            for repetition in [each, Repetition::Count(count)] {
                for position in 0..repetition.len() {
                    let key = repetition.key(position).unwrap().into_owned();
                    prop_assert_eq!(repetition.position(&key), Some(position));
                }
                prop_assert_eq!(repetition.position("0x"), keys.iter().position(|key| key == "0x").filter(|_| matches!(repetition, Repetition::Each(_))));
            }
        }

        #[test]
        fn a_value_without_own_references_stays(value in crate::value_json::tests::any_value()) {
            let own = value.references().iter().any(|(_, r)| is_own(&r.resource) || r.path.steps().iter().any(|s| inner(s).is_some()));
            prop_assume!(!own);
            prop_assert_eq!(Repetition::Count(1).fill(0, value.clone()), resolve_joins(value));
        }
    }
}
