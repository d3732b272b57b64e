//! A guest that takes a value in three encodings and gives it back. The host side of the measurement uses the
//! same code, in `cbor` and `json`; the table is the model's own.
#![allow(
    missing_docs,
    unsafe_code,
    clippy::expect_used,
    reason = "a guest for a measurement, on generated bindings"
)]

pub mod cbor;
pub mod json;

#[allow(unused_qualifications, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ world: "encoding", path: "wit" });
}

use bindings::exports::konductor::encoding::echo::{Guest, MapEntry, Node, PathStep, Reference};
use konductor_model::node_table::{self, Limits};

pub struct Echo;

// Only a guest is linked by these names.
#[cfg(target_arch = "wasm32")]
bindings::export!(Echo with_types_in bindings);

fn node_in(node: Node) -> node_table::Node {
    match node {
        Node::Null => node_table::Node::Null,
        Node::Boolean(v) => node_table::Node::Boolean(v),
        Node::Integer(v) => node_table::Node::Integer(v),
        Node::Number(v) => node_table::Node::Number(v),
        Node::Text(v) => node_table::Node::Text(v),
        Node::Bytes(v) => node_table::Node::Bytes(v),
        Node::List(v) => node_table::Node::List(v),
        Node::Map(v) => node_table::Node::Map(v.into_iter().map(|e| (e.key, e.value)).collect()),
        Node::Unknown => node_table::Node::Unknown,
        Node::Secret(v) => node_table::Node::Secret(v),
        Node::Reference(v) => {
            let steps = v.path.into_iter().map(|step| match step {
                PathStep::Attribute(name) => konductor_model::PathStep::Attribute(name),
                PathStep::Index(index) => konductor_model::PathStep::Index(index as usize),
            });
            node_table::Node::Reference(v.resource, steps.collect::<Vec<_>>().into())
        }
    }
}

fn node_out(node: node_table::Node) -> Node {
    match node {
        node_table::Node::Null => Node::Null,
        node_table::Node::Boolean(v) => Node::Boolean(v),
        node_table::Node::Integer(v) => Node::Integer(v),
        node_table::Node::Number(v) => Node::Number(v),
        node_table::Node::Text(v) => Node::Text(v),
        node_table::Node::Bytes(v) => Node::Bytes(v),
        node_table::Node::List(v) => Node::List(v),
        node_table::Node::Map(v) => Node::Map(
            v.into_iter()
                .map(|(key, value)| MapEntry { key, value })
                .collect(),
        ),
        node_table::Node::Unknown => Node::Unknown,
        node_table::Node::Secret(v) => Node::Secret(v),
        node_table::Node::Reference(resource, path) => Node::Reference(Reference {
            resource,
            path: path
                .steps()
                .iter()
                .map(|step| match step {
                    konductor_model::PathStep::Attribute(name) => PathStep::Attribute(name.clone()),
                    konductor_model::PathStep::Index(index) => PathStep::Index(*index as u32),
                })
                .collect(),
        }),
    }
}

impl Guest for Echo {
    fn table(value: Vec<Node>) -> Vec<Node> {
        let table = value.into_iter().map(node_in).collect();
        let value = node_table::decode(table, Limits::default()).expect("the host sends tables");
        node_table::encode(&value).into_iter().map(node_out).collect()
    }

    fn cbor(value: Vec<u8>) -> Vec<u8> {
        cbor::encode(&cbor::decode(&value).expect("the host sends CBOR"))
    }

    fn json(value: String) -> String {
        json::encode(&json::decode(&value).expect("the host sends JSON"))
    }

    fn nothing() {}
}
