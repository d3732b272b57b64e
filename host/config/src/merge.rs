//! Laying one layer over another.
//!
//! Maps merge deeply. Two lists whose elements are all maps that carry `name`, `id` or `key` merge by it, in the
//! lower list's order with new elements at the end; other lists replace. `credentials` always replaces. Null
//! removes: it stays in the tree as a mark, so that a setting that is gone can still be explained.

use std::collections::{BTreeMap, BTreeSet};

use konductor_model::Value;

use crate::located::{CREDENTIALS, Located, Node};

/// The keys by which lists of maps are merged, tried in this order.
pub const LIST_KEYS: [&str; 3] = ["name", "id", "key"];

/// Lays `upper` over `lower`.
#[must_use]
pub fn merge(mut lower: Located, mut upper: Located) -> Located {
    match (&mut lower.node, &mut upper.node) {
        (Node::Map(below), Node::Map(above)) => {
            upper.node = Node::Map(merge_maps(std::mem::take(below), std::mem::take(above)));
        }
        (Node::List(below), Node::List(above)) => {
            let Some(key) = list_key(below, above) else {
                return replace(lower, upper);
            };
            upper.node = Node::List(merge_lists(std::mem::take(below), std::mem::take(above), key));
        }
        _ => return replace(lower, upper),
    }
    lower.overridden.append(&mut upper.overridden);
    upper.overridden = lower.overridden;
    upper
}

fn replace(lower: Located, mut upper: Located) -> Located {
    let mut overridden = lower.overridden.clone();
    overridden.push(lower.setting());
    overridden.append(&mut upper.overridden);
    upper.overridden = overridden;
    upper
}

fn merge_maps(
    mut lower: BTreeMap<String, Located>,
    upper: BTreeMap<String, Located>,
) -> BTreeMap<String, Located> {
    for (name, above) in upper {
        let merged = match lower.remove(&name) {
            Some(below) if name == CREDENTIALS => replace(below, above),
            Some(below) => merge(below, above),
            None => above,
        };
        lower.insert(name, merged);
    }
    lower
}

/// Returns the key that every element of both lists carries, once in each list.
fn list_key(lower: &[Located], upper: &[Located]) -> Option<&'static str> {
    LIST_KEYS.into_iter().find(|key| {
        [lower, upper].into_iter().all(|list| {
            let mut seen = BTreeSet::new();
            !list.is_empty()
                && list
                    .iter()
                    .all(|element| identity(element, key).is_some_and(|identity| seen.insert(identity)))
        })
    })
}

fn identity<'l>(element: &'l Located, key: &str) -> Option<&'l Value> {
    match &element.as_map()?.get(key)?.node {
        Node::Leaf(value @ (Value::Text(_) | Value::Integer(_))) => Some(value),
        _ => None,
    }
}

fn merge_lists(lower: Vec<Located>, upper: Vec<Located>, key: &str) -> Vec<Located> {
    let positions: BTreeMap<Value, usize> = lower
        .iter()
        .enumerate()
        .filter_map(|(position, element)| Some((identity(element, key)?.clone(), position)))
        .collect();
    let mut slots: Vec<Option<Located>> = lower.into_iter().map(Some).collect();
    for above in upper {
        let slot = identity(&above, key)
            .and_then(|identity| positions.get(identity))
            .and_then(|position| slots.get_mut(*position));
        match slot {
            Some(slot) => {
                *slot = Some(match slot.take() {
                    Some(below) => merge(below, above),
                    None => above,
                });
            }
            None => slots.push(Some(above)),
        }
    }
    slots.into_iter().flatten().collect()
}
