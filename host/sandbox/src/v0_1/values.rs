//! Values and paths, between the model and the bindings.

use konductor_model::node_table::{self, Node};
use konductor_model::{Path, PathStep, Value};

use super::bindings::konductor::plugin::types;
use crate::guest::{Answered, GuestError, Session};

pub(super) fn path_in(path: types::Path) -> Path {
    let steps = path.into_iter().map(|step| match step {
        types::PathStep::Attribute(name) => PathStep::Attribute(name),
        types::PathStep::Index(index) => PathStep::Index(index as usize),
    });
    Path::from(steps.collect::<Vec<_>>())
}

fn path_out(path: &Path) -> types::Path {
    let steps = path.steps().iter().map(|step| match step {
        PathStep::Attribute(name) => types::PathStep::Attribute(name.clone()),
        PathStep::Index(index) => types::PathStep::Index(u32::try_from(*index).unwrap_or(u32::MAX)),
    });
    steps.collect()
}

fn node_in(node: types::Node) -> Node {
    match node {
        types::Node::Null => Node::Null,
        types::Node::Boolean(v) => Node::Boolean(v),
        types::Node::Integer(v) => Node::Integer(v),
        types::Node::Number(v) => Node::Number(v),
        types::Node::Text(v) => Node::Text(v),
        types::Node::Bytes(v) => Node::Bytes(v),
        types::Node::List(v) => Node::List(v),
        types::Node::Map(v) => Node::Map(v.into_iter().map(|entry| (entry.key, entry.value)).collect()),
        types::Node::Unknown => Node::Unknown,
        types::Node::Secret(v) => Node::Secret(v),
        types::Node::Reference(v) => Node::Reference(v.resource, path_in(v.path)),
    }
}

fn node_out(node: Node) -> types::Node {
    match node {
        Node::Null => types::Node::Null,
        Node::Boolean(v) => types::Node::Boolean(v),
        Node::Integer(v) => types::Node::Integer(v),
        Node::Number(v) => types::Node::Number(v),
        Node::Text(v) => types::Node::Text(v),
        Node::Bytes(v) => types::Node::Bytes(v),
        Node::List(v) => types::Node::List(v),
        Node::Map(v) => types::Node::Map(
            v.into_iter()
                .map(|(key, value)| types::MapEntry { key, value })
                .collect(),
        ),
        Node::Unknown => types::Node::Unknown,
        Node::Secret(v) => types::Node::Secret(v),
        Node::Reference(resource, path) => types::Node::Reference(types::Reference {
            resource,
            path: path_out(&path),
        }),
    }
}

/// Turns a value into what the guest takes.
pub(super) fn value_out(value: &Value) -> types::Value {
    node_table::encode(value).into_iter().map(node_out).collect()
}

/// Turns what a guest answered into a value; `place` is the member of the answer it stands in.
pub(super) fn value_in(place: &str, table: types::Value, session: &Session) -> Answered<Value> {
    let limits = session.value_limits();
    if table.len() > limits.nodes {
        // Refused before another copy of it is made.
        let error = node_table::TableError::TooManyNodes {
            nodes: table.len(),
            limit: limits.nodes,
        };
        return Err(GuestError::Malformed(format!("in `{place}`: {error}")));
    }
    node_table::decode(table.into_iter().map(node_in).collect(), limits)
        .map_err(|error| GuestError::Malformed(format!("in `{place}`: {error}")))
}
