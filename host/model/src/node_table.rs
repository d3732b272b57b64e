//! Values as tables of nodes, the form in which they cross into and out of a guest.
//!
//! A table is flat because WIT has no recursive types. What comes from a guest is not trusted: children point
//! forward, every node but the first has exactly one parent, depth and size are bounded. Decoding therefore
//! takes time linear in the table, whatever the guest wrote.

use std::collections::BTreeMap;

use crate::path::Path;
use crate::value::{Number, Reference, Value};

/// One node; children are indices into the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// See [`Value::Null`].
    Null,
    /// See [`Value::Boolean`].
    Boolean(bool),
    /// See [`Value::Integer`].
    Integer(i64),
    /// See [`Value::Number`]; the text is not yet checked.
    Number(String),
    /// See [`Value::Text`].
    Text(String),
    /// See [`Value::Bytes`].
    Bytes(Vec<u8>),
    /// See [`Value::List`].
    List(Vec<u32>),
    /// See [`Value::Map`].
    Map(Vec<(String, u32)>),
    /// See [`Value::Unknown`].
    Unknown,
    /// See [`Value::Secret`].
    Secret(u32),
    /// See [`Value::Reference`].
    Reference(String, Path),
}

/// How large a table may be. The bytes of texts are not counted: the call's own limit covers them.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Nodes in one table.
    pub nodes: usize,
    /// Nesting, the root being 1.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            nodes: 1_000_000,
            depth: 64,
        }
    }
}

/// Says why a table is not a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// There is no root.
    #[error("the value table is empty")]
    Empty,
    /// There are too many nodes.
    #[error("the value table has {nodes} nodes, more than the limit of {limit}")]
    TooManyNodes {
        /// How many there are.
        nodes: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A child index points outside.
    #[error("node {parent} of the value table names child {child}, which does not exist")]
    OutOfRange {
        /// The node with the index.
        parent: usize,
        /// The index.
        child: u32,
    },
    /// A child index does not point forward.
    #[error("node {parent} of the value table names child {child}, which does not come after it")]
    NotForward {
        /// The node with the index.
        parent: usize,
        /// The index.
        child: u32,
    },
    /// A node has two parents.
    #[error("node {child} of the value table is used twice")]
    UsedTwice {
        /// The node.
        child: u32,
    },
    /// A node has no parent.
    #[error("node {node} of the value table is not used")]
    Unused {
        /// The node.
        node: usize,
    },
    /// Nesting is too deep.
    #[error("the value table is nested more than {limit} deep")]
    TooDeep {
        /// How deep it may be.
        limit: usize,
    },
    /// A map names a key twice.
    #[error("node {node} of the value table has the key `{key}` twice")]
    DuplicateKey {
        /// The map.
        node: usize,
        /// The key.
        key: String,
    },
    /// A number is none.
    #[error("node {node} of the value table is not a decimal number: `{text}`")]
    NotANumber {
        /// The node.
        node: usize,
        /// Its text, shortened.
        text: String,
    },
}

/// Turns a value into a table.
pub fn encode(value: &Value) -> Vec<Node> {
    let mut table = Vec::new();
    // Children are put behind their parent in the order in which they are met, so every index points forward.
    fn add(value: &Value, table: &mut Vec<Node>) -> u32 {
        let index = table.len();
        table.push(Node::Null);
        let node = match value {
            Value::Null => Node::Null,
            Value::Boolean(v) => Node::Boolean(*v),
            Value::Integer(v) => Node::Integer(*v),
            Value::Number(v) => Node::Number(v.as_str().to_owned()),
            Value::Text(v) => Node::Text(v.clone()),
            Value::Bytes(v) => Node::Bytes(v.clone()),
            Value::List(v) => Node::List(v.iter().map(|v| add(v, table)).collect()),
            Value::Map(v) => Node::Map(v.iter().map(|(k, v)| (k.clone(), add(v, table))).collect()),
            Value::Unknown => Node::Unknown,
            Value::Secret(v) => Node::Secret(add(v, table)),
            Value::Reference(v) => Node::Reference(v.resource.clone(), v.path.clone()),
        };
        if let Some(place) = table.get_mut(index) {
            *place = node;
        }
        u32::try_from(index).unwrap_or(u32::MAX)
    }
    add(value, &mut table);
    table
}

/// Turns a table into a value.
///
/// # Errors
/// When the table breaks one of the rules above.
pub fn decode(table: Vec<Node>, limits: Limits) -> Result<Value, TableError> {
    let count = table.len();
    if count == 0 {
        return Err(TableError::Empty);
    }
    if count > limits.nodes {
        return Err(TableError::TooManyNodes {
            nodes: count,
            limit: limits.nodes,
        });
    }
    // Depths are known parents first, values are built children first; each pass touches every node once.
    let mut depth = vec![0usize; count];
    if let Some(root) = depth.first_mut() {
        *root = 1;
    }
    for (parent, node) in table.iter().enumerate() {
        let here = depth.get(parent).copied().unwrap_or(0);
        if here == 0 {
            return Err(TableError::Unused { node: parent });
        }
        let mut claim = |child: u32| {
            let at = child as usize;
            let place = depth
                .get_mut(at)
                .ok_or(TableError::OutOfRange { parent, child })?;
            if at <= parent {
                return Err(TableError::NotForward { parent, child });
            }
            if *place != 0 {
                return Err(TableError::UsedTwice { child });
            }
            *place = here + 1;
            if *place > limits.depth {
                Err(TableError::TooDeep { limit: limits.depth })
            } else {
                Ok(())
            }
        };
        match node {
            Node::List(children) => children.iter().try_for_each(|child| claim(*child))?,
            Node::Map(entries) => entries.iter().try_for_each(|(_, child)| claim(*child))?,
            Node::Secret(child) => claim(*child)?,
            _ => {}
        }
    }
    let mut built: Vec<Option<Value>> = vec![None; count];
    for (index, node) in table.into_iter().enumerate().rev() {
        let mut take = |child: u32| {
            built
                .get_mut(child as usize)
                .and_then(Option::take)
                .unwrap_or_default()
        };
        let value = match node {
            Node::Null => Value::Null,
            Node::Boolean(v) => Value::Boolean(v),
            Node::Integer(v) => Value::Integer(v),
            Node::Number(text) => Number::parse(&text).ok_or_else(|| TableError::NotANumber {
                node: index,
                text: text.chars().take(40).collect(),
            })?,
            Node::Text(v) => Value::Text(v),
            Node::Bytes(v) => Value::Bytes(v),
            Node::List(children) => Value::List(children.into_iter().map(take).collect()),
            Node::Map(entries) => {
                let mut map = BTreeMap::new();
                for (key, child) in entries {
                    if map.contains_key(&key) {
                        return Err(TableError::DuplicateKey { node: index, key });
                    }
                    map.insert(key, take(child));
                }
                Value::Map(map)
            }
            Node::Unknown => Value::Unknown,
            Node::Secret(child) => take(child).into_secret(),
            Node::Reference(resource, path) => Value::Reference(Reference { resource, path }),
        };
        if let Some(place) = built.get_mut(index) {
            *place = Some(value);
        }
    }
    Ok(built.first_mut().and_then(Option::take).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value_json::tests::any_value;
    use proptest::prelude::*;

    fn any_node() -> impl Strategy<Value = Node> {
        prop_oneof![
            Just(Node::Null),
            any::<i64>().prop_map(Node::Integer),
            ".{0,4}".prop_map(Node::Number),
            ".{0,4}".prop_map(Node::Text),
            prop::collection::vec(0u32..12, 0..4).prop_map(Node::List),
            prop::collection::vec(("[ab]", 0u32..12), 0..4).prop_map(Node::Map),
            (0u32..12).prop_map(Node::Secret),
        ]
    }

    proptest! {
        #[test]
        fn every_value_survives_a_round_trip_through_a_table(value in any_value()) {
            prop_assert_eq!(decode(encode(&value), Limits::default()).unwrap(), value);
        }

        #[test]
        fn any_table_decodes_or_is_refused_and_what_decodes_is_no_larger_than_the_table(
            table in prop::collection::vec(any_node(), 0..12)
        ) {
            let nodes = table.len();
            if let Ok(value) = decode(table, Limits::default()) {
                let mut seen = 0;
                value.walk(&mut |_, _| { seen += 1; true });
                prop_assert!(seen <= nodes);
            }
        }
    }

    #[test]
    fn a_malformed_table_is_refused_by_the_rule_it_breaks() {
        let refuse = |table, limits| decode(table, limits).unwrap_err();
        let limits = Limits::default();
        assert_eq!(refuse(vec![], limits), TableError::Empty);
        assert_eq!(
            refuse(vec![Node::List(vec![0])], limits),
            TableError::NotForward { parent: 0, child: 0 }
        );
        assert_eq!(
            refuse(vec![Node::List(vec![7])], limits),
            TableError::OutOfRange { parent: 0, child: 7 }
        );
        assert_eq!(
            refuse(vec![Node::List(vec![1, 1]), Node::Null], limits),
            TableError::UsedTwice { child: 1 }
        );
        assert_eq!(
            refuse(vec![Node::Null, Node::Null], limits),
            TableError::Unused { node: 1 }
        );
        assert_eq!(
            refuse(
                vec![
                    Node::Map(vec![("a".into(), 1), ("a".into(), 2)]),
                    Node::Null,
                    Node::Null
                ],
                limits
            ),
            TableError::DuplicateKey {
                node: 0,
                key: "a".into()
            }
        );
        assert_eq!(
            refuse(vec![Node::Number("1e999".into())], limits),
            TableError::NotANumber {
                node: 0,
                text: "1e999".into()
            }
        );
        let deep: Vec<Node> = (1..=64).map(Node::Secret).chain([Node::Null]).collect();
        assert_eq!(refuse(deep, limits), TableError::TooDeep { limit: 64 });
        assert_eq!(
            refuse(
                vec![Node::List(vec![1]), Node::Null],
                Limits { nodes: 1, depth: 64 }
            ),
            TableError::TooManyNodes { nodes: 2, limit: 1 }
        );
    }
}
