//! Finding definitions that mean the same, also where they refer to each other in a circle.

use std::collections::BTreeMap;

use crate::builder::{Definition, NodeId, PropertyDefinition};

/// Returns for each definition the number of its class, counted from 0 in the order in which classes are first met.
/// Definitions of one class look alike and refer to the same classes at the same places.
///
/// All begin in one class, which is split as long as definitions in it differ, at most as often as there are definitions.
pub(crate) fn classes(definitions: &[Definition]) -> Vec<usize> {
    let mut class = vec![0; definitions.len()];
    let mut count = 1;
    loop {
        let mut seen: BTreeMap<(usize, Definition), usize> = BTreeMap::new();
        let next: Vec<usize> = definitions
            .iter()
            .zip(&class)
            .map(|(definition, own)| {
                let number = seen.len();
                let form = referring_to(definition, |node| {
                    NodeId(class.get(node.0).copied().unwrap_or(node.0))
                });
                *seen.entry((*own, form)).or_insert(number)
            })
            .collect();
        if seen.len() == count {
            return next;
        }
        count = seen.len();
        class = next;
    }
}

/// Returns a definition with other references.
pub(crate) fn referring_to(definition: &Definition, to: impl Fn(NodeId) -> NodeId) -> Definition {
    match definition {
        Definition::List {
            items,
            minimum,
            maximum,
        } => Definition::List {
            items: to(*items),
            minimum: *minimum,
            maximum: *maximum,
        },
        Definition::Map { values } => Definition::Map { values: to(*values) },
        Definition::Object {
            properties,
            additional,
        } => Definition::Object {
            properties: properties
                .iter()
                .map(|property| PropertyDefinition {
                    node: to(property.node),
                    ..property.clone()
                })
                .collect(),
            additional: additional.map(to),
        },
        Definition::Variants {
            discriminator,
            base,
            variants,
        } => Definition::Variants {
            discriminator: discriminator.clone(),
            base: to(*base),
            variants: variants
                .iter()
                .map(|(name, node)| (name.clone(), to(*node)))
                .collect(),
        },
        leaf => leaf.clone(),
    }
}

/// Calls `visit` with every reference of a definition.
pub(crate) fn each_reference(definition: &Definition, mut visit: impl FnMut(NodeId)) {
    match definition {
        Definition::List { items, .. } => visit(*items),
        Definition::Map { values } => visit(*values),
        Definition::Object {
            properties,
            additional,
        } => {
            properties.iter().for_each(|property| visit(property.node));
            additional.iter().for_each(|node| visit(*node));
        }
        Definition::Variants { base, variants, .. } => {
            visit(*base);
            variants.values().for_each(|node| visit(*node));
        }
        _ => {}
    }
}
