//! The schemas of a discovery document, as definitions of a table.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use konductor_schema_table::{
    Definition, Flags, IntegerRules, NodeId, PropertyDefinition, TableBuilder, TextRules,
};
use serde_json::Value as Json;

/// Properties that name secrets in whichever object they stand.
const SECRETS: [&str; 12] = [
    "clientSecret",
    "password",
    "presharedKey",
    "privateKey",
    "privateKeyData",
    "rawKey",
    "rootPassword",
    "rsaEncryptedKey",
    "secretAccessKey",
    "secretKey",
    "sharedSecret",
    "userPassword",
];

/// The definitions of one document's schemas.
pub struct Schemas<'a> {
    pub builder: &'a mut TableBuilder,
    schemas: &'a BTreeMap<String, Json>,
    /// By name and the method that creates: what is required differs from method to method.
    known: BTreeMap<(String, String), NodeId>,
}

impl<'a> Schemas<'a> {
    pub fn new(builder: &'a mut TableBuilder, schemas: &'a BTreeMap<String, Json>) -> Self {
        Self {
            builder,
            schemas,
            known: BTreeMap::new(),
        }
    }

    /// Returns the object that a schema describes, as what a method takes that creates it.
    pub fn object(&mut self, name: &str, create: &str) -> Result<NodeId> {
        let key = (name.to_owned(), create.to_owned());
        if let Some(node) = self.known.get(&key) {
            return Ok(*node);
        }
        // Schemas refer to themselves.
        let node = self.builder.reserve();
        self.known.insert(key, node);
        let schema = self
            .schemas
            .get(name)
            .with_context(|| format!("there is no schema `{name}`"))?;
        let definition = self.definition(schema, create)?;
        self.builder.set(node, definition);
        Ok(node)
    }

    fn node(&mut self, schema: &Json, create: &str) -> Result<NodeId> {
        if let Some(name) = schema.get("$ref").and_then(Json::as_str) {
            return self.object(name, create);
        }
        let definition = self.definition(schema, create)?;
        Ok(self.builder.define(definition))
    }

    fn definition(&mut self, schema: &Json, create: &str) -> Result<Definition> {
        let text = |name: &str| schema.get(name).and_then(Json::as_str).map(str::to_owned);
        let limit = |name: &str| text(name).and_then(|text| text.parse().ok());
        Ok(match text("type").as_deref() {
            Some("boolean") => Definition::Boolean,
            Some("integer") => Definition::Integer(IntegerRules {
                minimum: limit("minimum"),
                maximum: limit("maximum"),
            }),
            Some("number") => Definition::Number,
            Some("string") => match schema.get("enum").and_then(Json::as_array) {
                Some(values) => Definition::Choice {
                    values: values
                        .iter()
                        .filter_map(|value| value.as_str().map(str::to_owned))
                        .collect(),
                    open: false,
                },
                None => Definition::Text(TextRules {
                    pattern: text("pattern"),
                    format: text("format"),
                    ..TextRules::default()
                }),
            },
            Some("array") => {
                let items = schema.get("items").context("an array without items")?;
                Definition::List {
                    items: self.node(items, create)?,
                    minimum: None,
                    maximum: None,
                }
            }
            Some("object") => match (schema.get("properties"), schema.get("additionalProperties")) {
                (None, Some(values)) => Definition::Map {
                    values: self.node(values, create)?,
                },
                (properties, additional) => Definition::Object {
                    properties: self.properties(properties, create)?,
                    additional: match additional {
                        Some(values) => Some(self.node(values, create)?),
                        None => None,
                    },
                },
            },
            _ => Definition::Any,
        })
    }

    fn properties(&mut self, properties: Option<&Json>, create: &str) -> Result<Vec<PropertyDefinition>> {
        let mut written = Vec::new();
        for (name, property) in properties.and_then(Json::as_object).into_iter().flatten() {
            written.push(PropertyDefinition {
                name: name.clone(),
                flags: flags(name, property, create),
                node: self.node(property, create)?,
            });
        }
        Ok(written)
    }
}

/// Returns what a document says of a property, in flags and in words.
fn flags(name: &str, property: &Json, create: &str) -> Flags {
    let description = property
        .get("description")
        .and_then(Json::as_str)
        .unwrap_or_default()
        .trim_start();
    // `Output only. [Output Only] …`, `Required. Immutable. …`
    let words: String = description
        .chars()
        .take(60)
        .filter(|character| !matches!(character, '[' | ']'))
        .collect::<String>()
        .to_lowercase();
    let begins = |word: &str| words.starts_with(word) || words.contains(&format!(". {word}."));
    let annotated = property
        .pointer("/annotations/required")
        .and_then(Json::as_array)
        .is_some_and(|methods| methods.iter().any(|method| method == create));
    let mut flags = Flags::NONE;
    let is_read_only = property.get("readOnly").and_then(Json::as_bool) == Some(true)
        || begins("output only")
        || ["kind", "selfLink", "etag", "fingerprint", "labelFingerprint"].contains(&name);
    if is_read_only {
        return Flags::READ_ONLY;
    }
    // `Required for regional disks` is not always so.
    if annotated || begins("required.") || words.contains(". required.") {
        flags = flags | Flags::REQUIRED;
    }
    if begins("immutable") || begins("identifier") {
        flags = flags | Flags::CREATE_ONLY;
    }
    if begins("input only") {
        flags = flags | Flags::WRITE_ONLY;
    }
    if SECRETS.contains(&name) {
        flags = flags | Flags::SENSITIVE;
    }
    if property.get("deprecated").and_then(Json::as_bool) == Some(true) {
        flags = flags | Flags::DEPRECATED;
    }
    flags
}

/// Returns the names of the properties of an object that can be given.
pub fn inputs(builder: &TableBuilder, object: NodeId) -> Vec<String> {
    let Some(Definition::Object { properties, .. }) = builder.definition(object) else {
        return Vec::new();
    };
    properties
        .iter()
        .filter(|property| !property.flags.contains(Flags::READ_ONLY))
        .map(|property| property.name.clone())
        .collect()
}
