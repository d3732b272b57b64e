//! Just enough of the value table to read an input and write an answer.

use std::cell::RefCell;

use crate::bindings::konductor::plugin::types::{MapEntry, Node, Object, Value};

thread_local! {
    /// The configuration, which stays in memory for as long as the instance lives.
    pub static CONFIGURED: RefCell<Option<Value>> = const { RefCell::new(None) };
}

/// Returns the text of an entry of the root map, also below a secret, or nothing.
pub fn field(value: &Value, name: &str) -> String {
    let Some(Node::Map(entries)) = value.first() else {
        return String::new();
    };
    let found = entries.iter().find(|entry| entry.key == name);
    let mut node = found.and_then(|entry| value.get(entry.value as usize));
    while let Some(Node::Secret(inner)) = node {
        node = value.get(*inner as usize);
    }
    match node {
        Some(Node::Text(text)) => text.clone(),
        _ => String::new(),
    }
}

pub fn text(text: &str) -> Node {
    Node::Text(text.to_owned())
}

/// Makes a map of leaves.
pub fn map(entries: &[(&str, Node)]) -> Value {
    let keys = entries.iter().enumerate().map(|(at, (key, _))| MapEntry {
        key: (*key).to_owned(),
        value: at as u32 + 1,
    });
    let mut table = vec![Node::Map(keys.collect())];
    table.extend(entries.iter().map(|(_, node)| node.clone()));
    table
}

pub fn object(id: &str, attributes: Value) -> Object {
    Object {
        id: id.to_owned(),
        attributes,
        private: b"private".to_vec(),
        schema_version: 1,
    }
}
