//! Laying one layer over another.
//!
//! Maps merge deeply. Two lists whose elements are all maps that carry `name`, `id` or `key` merge by it, in the
//! lower list's order with new elements at the end; other lists replace. `credentials` always replaces. Null
//! removes: it stays in the tree as a mark, so that a setting that is gone can still be explained.

use std::collections::{BTreeMap, BTreeSet};

use konductor_model::Value;

use crate::located::{CREDENTIALS, Entries, Located, Node};

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

fn merge_maps(mut lower: Entries, upper: Entries) -> Entries {
    for (name, above) in upper {
        let merged = match lower.remove(&name) {
            Some(below) if name == CREDENTIALS => Box::new(replace(*below, *above)),
            Some(below) => Box::new(merge(*below, *above)),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::Layer;
    use konductor_model::{Origin, Path};
    use proptest::prelude::*;

    fn tree(value: &Value, layer: Layer) -> Located {
        Located::from_value(value, &Origin::described(layer.to_string()), layer)
    }

    fn merged(values: &[&Value]) -> Value {
        const LAYERS: [Layer; 3] = [Layer::Organization, Layer::Project, Layer::Stack];
        values
            .iter()
            .zip(LAYERS)
            .map(|(value, layer)| tree(value, layer))
            .reduce(merge)
            .unwrap()
            .to_value()
    }

    fn element() -> impl Strategy<Value = (String, Value)> {
        ("[a-c]", any::<i8>()).prop_map(|(name, n)| {
            (
                name.clone(),
                Value::from([("name", Value::from(name)), ("n", i64::from(n).into())]),
            )
        })
    }

    /// Values in which a name always has the same kind, so that layers never disagree about kinds.
    fn settings() -> impl Strategy<Value = Value> {
        let scalar = any::<i8>().prop_map(|n| Value::Integer(n.into()));
        let leaf = prop::collection::btree_map("s[a-c]", scalar.clone(), 0..3);
        let keyed = prop::collection::btree_map("[a-c]", element(), 1..4).prop_map(|map| {
            Value::List(
                map.into_values()
                    .map(|(_, v)| v)
                    .fold(BTreeMap::new(), |mut all, v| {
                        all.insert(v.attribute("name").cloned().unwrap_or_default(), v);
                        all
                    })
                    .into_values()
                    .collect(),
            )
        });
        let plain = prop::collection::vec(scalar, 1..3).prop_map(Value::List);
        (leaf, prop::option::of(keyed), prop::option::of(plain))
            .prop_map(|(mut map, keyed, plain)| {
                map.extend(keyed.map(|v| ("k".to_owned(), v)));
                map.extend(plain.map(|v| ("l".to_owned(), v)));
                Value::Map(map)
            })
            .prop_recursive(3, 24, 3, |inner| {
                prop::collection::btree_map("m[a-c]", inner, 0..3).prop_map(Value::Map)
            })
    }

    proptest! {
        #[test]
        fn grouping_does_not_matter_where_kinds_agree(a in settings(), b in settings(), c in settings()) {
            let left = merge(merge(tree(&a, Layer::Organization), tree(&b, Layer::Project)), tree(&c, Layer::Stack));
            let right = merge(tree(&a, Layer::Organization), merge(tree(&b, Layer::Project), tree(&c, Layer::Stack)));
            prop_assert_eq!(left.to_value(), right.to_value());
            prop_assert_eq!(left, right);
        }

        #[test]
        fn merging_a_layer_with_itself_changes_no_value(a in settings()) {
            prop_assert_eq!(merged(&[&a, &a]), a);
        }

        #[test]
        fn everything_the_higher_layer_says_holds(a in settings(), b in settings()) {
            let value = merged(&[&a, &b]);
            let mut differing = Vec::new();
            b.walk(&mut |path, expected| {
                let keyed = path.steps().iter().any(|step| matches!(step, konductor_model::PathStep::Index(_)));
                let leaf = !matches!(expected, Value::Map(_) | Value::List(_));
                if leaf && !keyed && value.at(path).as_deref() != Some(expected) {
                    differing.push(path.clone());
                }
                true
            });
            prop_assert_eq!(differing, Vec::<Path>::new());
        }

        #[test]
        fn null_removes_what_lower_layers_say(a in settings()) {
            for name in a.as_map().unwrap().keys() {
                let null = Value::from([(name.as_str(), Value::Null)]);
                let mut expected = a.clone();
                expected.remove(&Path::attribute(name.as_str()));
                prop_assert_eq!(merged(&[&a, &null]), expected);
            }
        }

        #[test]
        fn an_empty_layer_changes_nothing(a in settings()) {
            prop_assert_eq!(merged(&[&a, &Value::empty_map()]), a.clone());
            prop_assert_eq!(merged(&[&Value::empty_map(), &a]), a);
        }
    }

    fn json(text: &str) -> Value {
        konductor_model::value_json::from_plain_json(serde_json::from_str(text).unwrap())
    }

    #[test]
    fn lists_merge_by_name_in_the_lower_order_and_other_lists_replace() {
        for (lower, upper, expected) in [
            (
                r#"[{"name":"b","x":1,"y":1},{"name":"a"}]"#,
                r#"[{"name":"c"},{"name":"b","x":2}]"#,
                r#"[{"name":"b","x":2,"y":1},{"name":"a"},{"name":"c"}]"#,
            ),
            (
                r#"[{"id":1,"x":1}]"#,
                r#"[{"id":1,"y":2}]"#,
                r#"[{"id":1,"x":1,"y":2}]"#,
            ),
            (
                r#"[{"name":"a"},{"x":1}]"#,
                r#"[{"name":"b"}]"#,
                r#"[{"name":"b"}]"#,
            ),
            (r#"[{"name":"a"}]"#, r#"[{"id":"a"}]"#, r#"[{"id":"a"}]"#),
            (
                r#"[{"name":"a"},{"name":"a"}]"#,
                r#"[{"name":"a"}]"#,
                r#"[{"name":"a"}]"#,
            ),
            (r#"[{"name":"a"}]"#, "[]", "[]"),
            ("[1,2]", "[3]", "[3]"),
        ] {
            let [lower, upper, expected] =
                [lower, upper, expected].map(|text| json(&format!(r#"{{"l":{text}}}"#)));
            assert_eq!(merged(&[&lower, &upper]), expected);
        }
    }

    #[test]
    fn credentials_are_replaced_whole() {
        let lower = json(r#"{"aws":{"credentials":{"access_key":"a","secret_key":"b"}}}"#);
        let upper = json(r#"{"aws":{"credentials":{"profile":"p"}}}"#);
        assert_eq!(merged(&[&lower, &upper]), upper);
    }

    #[test]
    fn a_setting_remembers_what_it_overrides_also_when_it_was_removed() {
        let values = [json(r#"{"a":1}"#), json(r#"{"a":null}"#), json(r#"{"a":3}"#)];
        let tree = values
            .iter()
            .zip([Layer::Organization, Layer::Project, Layer::Stack])
            .map(|(value, layer)| tree(value, layer))
            .reduce(merge)
            .unwrap();
        let found = tree.get(&Path::attribute("a")).unwrap();
        let chain: Vec<_> = found
            .overridden
            .iter()
            .map(|s| (s.layer, s.value.clone()))
            .collect();
        assert_eq!(
            chain,
            [(Layer::Organization, 1.into()), (Layer::Project, Value::Null)]
        );
        assert_eq!(found.layer, Layer::Stack);
    }
}
