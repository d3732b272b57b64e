//! Packed tables of the types that a cloud publishes: what they are called, which properties they have, and what may be
//! done with each.
//!
//! The developer's tool writes a table with a [`TableBuilder`] from the cloud's own definitions, and a plugin carries it
//! with `include_bytes!`. A guest reads it where it lies: opening a [`Table`] looks at a header of a few bytes, nothing
//! is unpacked, and only what is asked for is read. Equal definitions are written once.
//!
//! ```
//! use konductor_schema_table::{Definition, Flags, Kind, PropertyDefinition, Table, TableBuilder, TextRules};
//!
//! let mut builder = TableBuilder::default();
//! builder.fact("source", "https://example.com/definitions");
//! let text = builder.define(Definition::Text(TextRules::default()));
//! let body = builder.define(Definition::Object {
//!     properties: vec![
//!         PropertyDefinition { name: "name".into(), flags: Flags::REQUIRED | Flags::CREATE_ONLY, node: text },
//!         PropertyDefinition { name: "id".into(), flags: Flags::READ_ONLY, node: text },
//!     ],
//!     additional: None,
//! });
//! builder.entry("Example.Net/networks@2026-01-01", body, [("scope", "resource-group")]);
//! let bytes = builder.finish().unwrap();
//!
//! let table = Table::open(&bytes).unwrap();
//! let network = table.find("example.net/NETWORKS@2026-01-01").unwrap();
//! assert_eq!(network.fact("scope"), Some("resource-group"));
//! let Kind::Object(object) = network.body().kind() else { panic!("expected an object") };
//! let id = object.property("id").unwrap();
//! assert!(id.flags().contains(Flags::READ_ONLY));
//! ```
//!
//! # Limits
//!
//! A table is trusted: it is part of the plugin that reads it. One that is damaged inside is not noticed when it is
//! opened; what cannot be read is then read as [`Kind::Any`], or ends a list. [`Table::verify`] reads all of it, and a
//! plugin's tests call it.

mod builder;
mod encoding;
mod equal_definitions;
mod flags;
mod node;
mod spelling;
mod table;

pub use builder::{BuildError, Definition, NodeId, PropertyDefinition, TableBuilder};
pub use flags::Flags;
pub use node::{Choices, IntegerRules, Kind, List, Node, Object, Property, TextRules, Variants};
pub use spelling::attribute_name;
pub use table::{Entry, Table, TableError};
