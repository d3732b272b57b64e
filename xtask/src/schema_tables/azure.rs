//! Azure's own type definitions, as the repository `Azure/bicep-types-az` publishes them.
//!
//! A file is a list of types that refer to each other by their place in it. `ResourceType` names a type of resources
//! with its version and the scopes it can be at. What cannot be changed afterwards is not in these definitions; a list
//! in the plugin says it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use konductor_schema_table::{
    Definition, Flags, IntegerRules, NodeId, PropertyDefinition, TableBuilder, TextRules,
};
use serde::Deserialize;

/// Where the definitions come from.
const SOURCE: &str = "https://github.com/Azure/bicep-types-az";
/// Under which licence.
const LICENCE: &str = "MIT, Copyright (c) Microsoft Corporation";

/// Properties of a resource that its request does not carry: they stand in its path and its query.
const NOT_IN_A_BODY: [&str; 2] = ["type", "apiVersion"];

#[derive(Debug, Deserialize)]
struct Reference {
    #[serde(rename = "$ref")]
    target: String,
}

#[derive(Debug, Deserialize)]
struct PropertyType {
    #[serde(rename = "type")]
    kind: Reference,
    flags: u32,
}

#[derive(Debug, Deserialize)]
#[allow(clippy::enum_variant_names, reason = "these are the names in the files")]
#[serde(tag = "$type", rename_all_fields = "camelCase")]
enum Type {
    AnyType {},
    NullType {},
    BooleanType {},
    IntegerType {
        min_value: Option<i64>,
        max_value: Option<i64>,
    },
    StringType {
        #[serde(default)]
        sensitive: bool,
        min_length: Option<u64>,
        max_length: Option<u64>,
        pattern: Option<String>,
    },
    StringLiteralType {
        value: String,
    },
    UnionType {
        elements: Vec<Reference>,
    },
    ArrayType {
        item_type: Reference,
        min_length: Option<u64>,
        max_length: Option<u64>,
    },
    ObjectType {
        properties: BTreeMap<String, PropertyType>,
        additional_properties: Option<Reference>,
    },
    DiscriminatedObjectType {
        discriminator: String,
        base_properties: BTreeMap<String, PropertyType>,
        elements: BTreeMap<String, Reference>,
    },
    ResourceType {
        name: String,
        body: Reference,
        readable_scopes: u32,
        writable_scopes: u32,
    },
    ResourceFunctionType {},
}

/// Builds the table from all files in folders.
///
/// # Errors
/// When a file cannot be read, holds something unknown, or says something that a line of `create_only` contradicts.
pub fn table(folders: &[&Path], create_only: &str) -> Result<Vec<u8>> {
    let mut builder = TableBuilder::default();
    builder.fact("source", SOURCE);
    builder.fact("licence", LICENCE);
    let mut create_only = CreateOnly::read(create_only)?;
    let mut files = Vec::new();
    for folder in folders {
        let mut found = Vec::new();
        json_files(folder, &mut found)?;
        ensure!(
            !found.is_empty(),
            "there is no .json file in {}",
            folder.display()
        );
        found.sort();
        files.extend(found);
    }
    for file in files {
        let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        let types: Vec<Type> =
            serde_json::from_str(&text).with_context(|| format!("understanding {}", file.display()))?;
        File::new(&mut builder, &types)
            .add(&mut create_only)
            .with_context(|| format!("packing {}", file.display()))?;
    }
    create_only.all_used()?;
    Ok(builder.finish()?)
}

fn json_files(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("looking into {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            json_files(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
    Ok(())
}

/// Which properties of which types cannot be changed: lines of a type and a path, and whether a line led anywhere.
struct CreateOnly(Vec<(String, String, bool)>);

impl CreateOnly {
    fn read(text: &str) -> Result<Self> {
        text.lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| {
                let (name, path) = line
                    .split_once(' ')
                    .with_context(|| format!("`{line}` is not a type and a path"))?;
                Ok((name.to_ascii_lowercase(), path.trim().to_owned(), false))
            })
            .collect::<Result<_>>()
            .map(Self)
    }

    /// A line that leads nowhere is a mistake, or the property was renamed.
    fn all_used(&self) -> Result<()> {
        let unused: Vec<String> = self
            .0
            .iter()
            .filter(|(_, _, used)| !used)
            .map(|(name, path, _)| format!("{name} {path}"))
            .collect();
        ensure!(
            unused.is_empty(),
            "no definition has what create-only.txt names: {}",
            unused.join("; ")
        );
        Ok(())
    }
}

struct File<'a> {
    builder: &'a mut TableBuilder,
    types: &'a [Type],
    nodes: Vec<NodeId>,
}

impl<'a> File<'a> {
    fn new(builder: &'a mut TableBuilder, types: &'a [Type]) -> Self {
        let nodes = types.iter().map(|_| builder.reserve()).collect();
        Self {
            builder,
            types,
            nodes,
        }
    }

    fn add(&mut self, create_only: &mut CreateOnly) -> Result<()> {
        for (index, kind) in self.types.iter().enumerate() {
            let Some(node) = self.nodes.get(index).copied() else {
                continue;
            };
            let definition = self.definition(kind)?;
            self.builder.set(node, definition);
        }
        for kind in self.types {
            if let Type::ResourceType {
                name,
                body,
                readable_scopes,
                writable_scopes,
            } = kind
            {
                let body = self.body(name, body, create_only)?;
                let facts = [
                    ("readable_scopes", readable_scopes.to_string()),
                    ("writable_scopes", writable_scopes.to_string()),
                ];
                self.builder.entry(name, body, facts);
            }
        }
        Ok(())
    }

    fn body(&mut self, name: &str, body: &Reference, create_only: &mut CreateOnly) -> Result<NodeId> {
        let mut node = self.node(body)?;
        if let Some(Definition::Object {
            properties,
            additional,
        }) = self.builder.definition(node).cloned()
        {
            let properties = properties
                .into_iter()
                .filter(|property| !NOT_IN_A_BODY.contains(&property.name.as_str()))
                .collect();
            node = self.builder.define(Definition::Object {
                properties,
                additional,
            });
        }
        let (name, _) = name.split_once('@').unwrap_or((name, ""));
        let name = name.to_ascii_lowercase();
        for (wanted, path, used) in &mut create_only.0 {
            if *wanted == name || wanted == "*" {
                let path: Vec<&str> = path.split('.').collect();
                if let Some(flagged) = self.builder.flagged(node, &path, Flags::CREATE_ONLY) {
                    node = flagged;
                    *used = true;
                }
            }
        }
        Ok(node)
    }

    fn place(&self, reference: &Reference) -> Result<usize> {
        let place = reference
            .target
            .strip_prefix("#/")
            .and_then(|place| place.parse().ok());
        place
            .filter(|place| *place < self.types.len())
            .with_context(|| format!("`{}` is not a place in this file", reference.target))
    }

    fn node(&self, reference: &Reference) -> Result<NodeId> {
        let place = self.place(reference)?;
        self.nodes
            .get(place)
            .copied()
            .with_context(|| format!("`{}` is not a place in this file", reference.target))
    }

    fn properties(&self, properties: &BTreeMap<String, PropertyType>) -> Result<Vec<PropertyDefinition>> {
        properties
            .iter()
            .map(|(name, property)| {
                Ok(PropertyDefinition {
                    name: name.clone(),
                    flags: self.flags(property)?,
                    node: self.node(&property.kind)?,
                })
            })
            .collect()
    }

    /// Returns the flags: 1 is required, 2 read-only, 4 write-only, 8 fixed in the template and 16 an identifier. Fixed in
    /// the template are the names of a resource, which are what it is found by.
    fn flags(&self, property: &PropertyType) -> Result<Flags> {
        let mut flags = Flags::NONE;
        for (bit, flag) in [
            (1, Flags::REQUIRED),
            (2, Flags::READ_ONLY),
            (4, Flags::WRITE_ONLY),
            (8, Flags::IDENTIFIER),
            (16, Flags::IDENTIFIER),
        ] {
            if property.flags & bit != 0 {
                flags = flags | flag;
            }
        }
        ensure!(property.flags < 32, "the flags {} are not known", property.flags);
        if let Some(Type::StringType { sensitive: true, .. }) = self.types.get(self.place(&property.kind)?) {
            flags = flags | Flags::SENSITIVE;
        }
        Ok(flags)
    }

    fn definition(&mut self, kind: &Type) -> Result<Definition> {
        Ok(match kind {
            Type::AnyType {}
            | Type::NullType {}
            | Type::ResourceFunctionType {}
            | Type::ResourceType { .. } => Definition::Any,
            Type::BooleanType {} => Definition::Boolean,
            Type::IntegerType { min_value, max_value } => Definition::Integer(IntegerRules {
                minimum: *min_value,
                maximum: *max_value,
            }),
            Type::StringType {
                sensitive,
                min_length,
                max_length,
                pattern,
            } => Definition::Text(TextRules {
                minimum: *min_length,
                maximum: *max_length,
                pattern: pattern.clone(),
                format: None,
                sensitive: *sensitive,
            }),
            Type::StringLiteralType { value } => Definition::Choice {
                values: vec![value.clone()],
                open: false,
            },
            Type::UnionType { elements } => self.union(elements)?,
            Type::ArrayType {
                item_type,
                min_length,
                max_length,
            } => Definition::List {
                items: self.node(item_type)?,
                minimum: *min_length,
                maximum: *max_length,
            },
            Type::ObjectType {
                properties,
                additional_properties,
            } => {
                let additional = additional_properties
                    .as_ref()
                    .map(|to| self.node(to))
                    .transpose()?;
                match additional {
                    Some(values) if properties.is_empty() => Definition::Map { values },
                    additional => Definition::Object {
                        properties: self.properties(properties)?,
                        additional,
                    },
                }
            }
            Type::DiscriminatedObjectType {
                discriminator,
                base_properties,
                elements,
            } => {
                let base = Definition::Object {
                    properties: self.properties(base_properties)?,
                    additional: None,
                };
                let variants = elements
                    .iter()
                    .map(|(name, to)| Ok((name.clone(), self.node(to)?)))
                    .collect::<Result<_>>()?;
                Definition::Variants {
                    discriminator: discriminator.clone(),
                    base: self.builder.define(base),
                    variants,
                }
            }
        })
    }

    /// Returns a choice of texts; anything, for a union of other things.
    fn union(&self, elements: &[Reference]) -> Result<Definition> {
        let mut values = Vec::new();
        let mut open = false;
        for element in elements {
            match self.types.get(self.place(element)?) {
                Some(Type::StringLiteralType { value }) => values.push(value.clone()),
                Some(Type::StringType { .. }) => open = true,
                _ => return Ok(Definition::Any),
            }
        }
        Ok(Definition::Choice { values, open })
    }
}

#[cfg(test)]
mod tests {
    use konductor_schema_table::{Kind, Table};

    use super::*;

    /// A small file with one of everything that matters.
    const FILE: &str = r##"[
        {"$type": "StringType"},
        {"$type": "StringType", "sensitive": true},
        {"$type": "StringLiteralType", "value": "Basic"},
        {"$type": "UnionType", "elements": [{"$ref": "#/2"}, {"$ref": "#/0"}]},
        {"$type": "ObjectType", "name": "Sku", "properties": {
            "name": {"type": {"$ref": "#/3"}, "flags": 1},
            "password": {"type": {"$ref": "#/1"}, "flags": 4},
            "state": {"type": {"$ref": "#/0"}, "flags": 2}}},
        {"$type": "ObjectType", "name": "Thing", "properties": {
            "apiVersion": {"type": {"$ref": "#/0"}, "flags": 10},
            "name": {"type": {"$ref": "#/0"}, "flags": 9},
            "location": {"type": {"$ref": "#/0"}, "flags": 1},
            "properties": {"type": {"$ref": "#/4"}, "flags": 0}}},
        {"$type": "ResourceType", "name": "Example.Test/things@2026-01-01", "body": {"$ref": "#/5"},
         "readableScopes": 8, "writableScopes": 12}
    ]"##;

    fn built(file: &str, create_only: &str) -> Result<Vec<u8>> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("types.json"), file)?;
        table(&[folder.path()], create_only)
    }

    #[test]
    fn what_the_definitions_say_is_in_the_table() {
        let bytes = built(FILE, "* location\n# why\nexample.test/Things properties.name").unwrap();
        let table = Table::open(&bytes).unwrap();
        table.verify().unwrap();
        let thing = table.find("example.test/things@2026-01-01").unwrap();
        assert_eq!(thing.fact("writable_scopes"), Some("12"));
        let Kind::Object(body) = thing.body().kind() else {
            panic!("an object")
        };
        let names: Vec<&str> = body.properties().map(|property| property.name()).collect();
        assert_eq!(names, ["location", "name", "properties"]);
        let location = body.property("location").unwrap().flags();
        assert_eq!(location, Flags::REQUIRED | Flags::CREATE_ONLY);
        let Kind::Object(sku) = body.property("properties").unwrap().node().kind() else {
            panic!("an object")
        };
        let flags = |name| sku.property(name).unwrap().flags();
        assert_eq!(flags("name"), Flags::REQUIRED | Flags::CREATE_ONLY);
        assert_eq!(flags("password"), Flags::WRITE_ONLY | Flags::SENSITIVE);
        assert_eq!(flags("state"), Flags::READ_ONLY);
        let Kind::Choice(choice) = sku.property("name").unwrap().node().kind() else {
            panic!("a choice")
        };
        assert!(choice.open);
        assert_eq!(choice.values().collect::<Vec<_>>(), ["Basic"]);
    }

    #[test]
    fn what_is_not_understood_is_told() {
        let told = |file: &str, create_only| format!("{:#}", built(file, create_only).unwrap_err());
        assert!(told(FILE, "example.test/things properties.nothing").contains("properties.nothing"));
        assert!(told(FILE, "nonsense").contains("nonsense"));
        assert!(told(&FILE.replace("#/4", "#/9"), "").contains("#/9"));
        assert!(told(&FILE.replace("\"flags\": 4", "\"flags\": 64"), "").contains("64"));
        assert!(
            told(
                &FILE.replace("ArrayType", "x").replace("StringType", "Strange"),
                ""
            )
            .contains("Strange")
        );
    }
}
