//! Writing a table.

use std::collections::{BTreeMap, BTreeSet};

use crate::encoding::{put_number, put_optional, put_optional_signed, put_size, put_text};
use crate::equal_definitions::{classes, each_reference, referring_to};
use crate::flags::Flags;
use crate::node::{IntegerRules, TextRules, tag};
use crate::table::{HEADER, MAGIC, compare};

/// Says why no table can be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// Two types have one name.
    #[error("two types are called `{0}`; upper and lower case are the same")]
    SameName(String),
    /// A definition was reserved and never given, or comes from another builder.
    #[error("`{0}` refers to a definition that was never given")]
    Undefined(String),
    /// A table has offsets of 32 bits.
    #[error("the table is larger than 4 GiB")]
    TooLarge,
}

/// A definition of a builder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) usize);

/// What a value must look like.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Definition {
    /// Anything.
    Any,
    /// True or false.
    Boolean,
    /// A whole number.
    Integer(IntegerRules),
    /// A number.
    Number,
    /// A text.
    Text(TextRules<String>),
    /// One of some texts; of any others as well, if it is open.
    Choice {
        /// The texts.
        values: Vec<String>,
        /// Others may be allowed as well.
        open: bool,
    },
    /// Values in order.
    List {
        /// What each is.
        items: NodeId,
        /// The fewest allowed.
        minimum: Option<u64>,
        /// The most allowed.
        maximum: Option<u64>,
    },
    /// Values by free keys.
    Map {
        /// What each is.
        values: NodeId,
    },
    /// Values by fixed keys.
    Object {
        /// The fixed keys.
        properties: Vec<PropertyDefinition>,
        /// What may stand under others.
        additional: Option<NodeId>,
    },
    /// An object whose form one of its properties tells.
    Variants {
        /// The name of that property.
        discriminator: String,
        /// The object that all forms have in common.
        base: NodeId,
        /// What each has besides.
        variants: BTreeMap<String, NodeId>,
    },
}

/// A property of an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PropertyDefinition {
    /// Its name.
    pub name: String,
    /// What may be done with it.
    pub flags: Flags,
    /// What its values look like.
    pub node: NodeId,
}

/// A table under construction.
#[derive(Debug, Clone, Default)]
pub struct TableBuilder {
    facts: Vec<(String, String)>,
    definitions: Vec<Option<Definition>>,
    entries: Vec<NewEntry>,
}

#[derive(Debug, Clone)]
struct NewEntry {
    name: String,
    body: NodeId,
    facts: Vec<(String, String)>,
}

impl TableBuilder {
    /// Says something about the table, such as where it comes from and under which licence.
    pub fn fact(&mut self, key: &str, value: &str) {
        self.facts.push((key.to_owned(), value.to_owned()));
    }

    /// Adds a definition.
    pub fn define(&mut self, definition: Definition) -> NodeId {
        let node = self.reserve();
        self.set(node, definition);
        node
    }

    /// Makes room for a definition that others refer to before it is known.
    pub fn reserve(&mut self) -> NodeId {
        self.definitions.push(None);
        NodeId(self.definitions.len() - 1)
    }

    /// Sets a definition that was reserved.
    pub fn set(&mut self, node: NodeId, definition: Definition) {
        if let Some(place) = self.definitions.get_mut(node.0) {
            *place = Some(definition);
        }
    }

    /// Returns a definition, where it was given.
    pub fn definition(&self, node: NodeId) -> Option<&Definition> {
        self.definitions.get(node.0)?.as_ref()
    }

    /// Adds flags to a property of an object, found by the names that lead to it, also through lists, maps and the forms
    /// of an object. What lies on the way is copied, since others may refer to it. Returns the new object, or none when
    /// there is no such property.
    pub fn flagged(&mut self, node: NodeId, path: &[&str], flags: Flags) -> Option<NodeId> {
        let (first, rest) = path.split_first()?;
        let definition = self.definition(node)?.clone();
        let definition = match definition {
            Definition::List {
                items,
                minimum,
                maximum,
            } => Definition::List {
                items: self.flagged(items, path, flags)?,
                minimum,
                maximum,
            },
            Definition::Map { values } => Definition::Map {
                values: self.flagged(values, path, flags)?,
            },
            Definition::Object {
                mut properties,
                additional,
            } => {
                let property = properties.iter_mut().find(|property| property.name == *first)?;
                if rest.is_empty() {
                    property.flags = property.flags | flags;
                } else {
                    property.node = self.flagged(property.node, rest, flags)?;
                }
                Definition::Object {
                    properties,
                    additional,
                }
            }
            Definition::Variants {
                discriminator,
                base,
                variants,
            } => {
                let flagged: BTreeMap<String, NodeId> = variants
                    .iter()
                    .filter_map(|(name, node)| Some((name.clone(), self.flagged(*node, path, flags)?)))
                    .collect();
                let new_base = self.flagged(base, path, flags);
                if flagged.is_empty() && new_base.is_none() {
                    return None;
                }
                Definition::Variants {
                    discriminator,
                    base: new_base.unwrap_or(base),
                    variants: variants.into_iter().chain(flagged).collect(),
                }
            }
            _ => return None,
        };
        Some(self.define(definition))
    }

    /// Adds a type with what is known of it besides its body.
    pub fn entry<K: Into<String>, V: Into<String>>(
        &mut self,
        name: &str,
        body: NodeId,
        facts: impl IntoIterator<Item = (K, V)>,
    ) {
        self.entries.push(NewEntry {
            name: name.to_owned(),
            body,
            facts: facts
                .into_iter()
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
        });
    }

    /// Writes the table: equal definitions once, and only those that a type refers to.
    ///
    /// # Errors
    /// When a reference leads nowhere, two types have one name, or the table is too large.
    pub fn finish(mut self) -> Result<Vec<u8>, BuildError> {
        self.entries.sort_by(|a, b| compare(&a.name, &b.name));
        for (entry, next) in self.entries.iter().zip(self.entries.iter().skip(1)) {
            if compare(&entry.name, &next.name).is_eq() {
                return Err(BuildError::SameName(next.name.clone()));
            }
        }
        let definitions = self.reachable()?;
        let strings = Strings::of(&self, &definitions);

        let mut facts = Vec::new();
        for (key, value) in &self.facts {
            strings.put(&mut facts, key);
            strings.put(&mut facts, value);
        }
        let (nodes, node_places) = written(&definitions, |to, node| strings.put_definition(to, node))?;
        let (entries, entry_places) = written(&self.entries, |to, entry| {
            strings.put(to, &entry.name);
            put_size(to, entry.body.0);
            put_size(to, entry.facts.len());
            for (key, value) in &entry.facts {
                strings.put(to, key);
                strings.put(to, value);
            }
        })?;

        let mut offset = HEADER + facts.len();
        let mut table = MAGIC.to_vec();
        for length in [
            strings.bytes.len(),
            nodes.len(),
            node_places.len(),
            entries.len(),
            0,
        ] {
            table.extend(place(offset)?);
            offset += length;
        }
        table.extend(place(self.facts.len())?);
        for part in [facts, strings.bytes, nodes, node_places, entries, entry_places] {
            table.extend(part);
        }
        Ok(table)
    }

    /// Returns the definitions that a type refers to, equal ones once, and makes the types refer to them.
    fn reachable(&mut self) -> Result<Vec<Definition>, BuildError> {
        let mut seen = BTreeSet::new();
        for entry in &self.entries {
            let mut open = vec![entry.body];
            while let Some(node) = open.pop() {
                if !seen.insert(node) {
                    continue;
                }
                let definition = self
                    .definitions
                    .get(node.0)
                    .and_then(Option::as_ref)
                    .ok_or_else(|| BuildError::Undefined(entry.name.clone()))?;
                each_reference(definition, |node| open.push(node));
            }
        }
        let numbers: BTreeMap<NodeId, usize> = seen.iter().copied().zip(0..).collect();
        let number = |node: NodeId| NodeId(numbers.get(&node).copied().unwrap_or(node.0));
        let sorted = |definition: &Definition| {
            let mut definition = referring_to(definition, number);
            if let Definition::Object { properties, .. } = &mut definition {
                properties.sort();
            }
            definition
        };
        let definitions: Vec<Definition> = seen
            .iter()
            .filter_map(|node| self.definitions.get(node.0)?.as_ref())
            .map(sorted)
            .collect();
        let classes = classes(&definitions);
        let class = |node: NodeId| NodeId(classes.get(node.0).copied().unwrap_or(node.0));
        let unique: BTreeMap<usize, Definition> = classes
            .iter()
            .copied()
            .zip(&definitions)
            .map(|(number, definition)| (number, referring_to(definition, class)))
            .collect();
        for entry in &mut self.entries {
            entry.body = class(number(entry.body));
        }
        Ok(unique.into_values().collect())
    }
}

/// Returns the four bytes that say where something stands.
fn place(offset: usize) -> Result<[u8; 4], BuildError> {
    u32::try_from(offset)
        .map(u32::to_le_bytes)
        .map_err(|_| BuildError::TooLarge)
}

/// Writes items one after another, and beside them where each begins.
fn written<T>(items: &[T], mut put: impl FnMut(&mut Vec<u8>, &T)) -> Result<(Vec<u8>, Vec<u8>), BuildError> {
    let mut bytes = Vec::new();
    let mut places = Vec::new();
    for item in items {
        places.extend(place(bytes.len())?);
        put(&mut bytes, item);
    }
    Ok((bytes, places))
}

/// All strings, those used most often first.
struct Strings {
    offsets: BTreeMap<String, usize>,
    bytes: Vec<u8>,
}

impl Strings {
    fn of(table: &TableBuilder, definitions: &[Definition]) -> Self {
        let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
        let mut count = |text| *uses.entry(text).or_default() += 1;
        let all_facts = table
            .facts
            .iter()
            .chain(table.entries.iter().flat_map(|entry| &entry.facts));
        for (key, value) in all_facts {
            count(key.as_str());
            count(value.as_str());
        }
        table.entries.iter().for_each(|entry| count(&entry.name));
        for definition in definitions {
            match definition {
                Definition::Text(rules) => {
                    rules
                        .pattern
                        .iter()
                        .chain(&rules.format)
                        .for_each(|text| count(text));
                }
                Definition::Choice { values, .. } => values.iter().for_each(|value| count(value)),
                Definition::Object { properties, .. } => {
                    properties.iter().for_each(|property| count(&property.name));
                }
                Definition::Variants {
                    discriminator,
                    variants,
                    ..
                } => {
                    count(discriminator);
                    variants.keys().for_each(|name| count(name));
                }
                _ => {}
            }
        }
        let mut texts: Vec<(&str, usize)> = uses.into_iter().collect();
        // The sort is stable: what is used equally often stays in the order of the alphabet, so that the same
        // definitions always make the same bytes.
        texts.sort_by_key(|(_, uses)| std::cmp::Reverse(*uses));
        let mut bytes = Vec::new();
        let offsets = texts
            .into_iter()
            .map(|(text, _)| {
                let offset = bytes.len();
                put_text(&mut bytes, text);
                (text.to_owned(), offset)
            })
            .collect();
        Self { offsets, bytes }
    }

    fn offset(&self, text: &str) -> usize {
        self.offsets.get(text).copied().unwrap_or_default()
    }

    fn put(&self, to: &mut Vec<u8>, text: &str) {
        put_size(to, self.offset(text));
    }

    fn put_definition(&self, to: &mut Vec<u8>, definition: &Definition) {
        match definition {
            Definition::Any => to.push(tag::ANY),
            Definition::Boolean => to.push(tag::BOOLEAN),
            Definition::Number => to.push(tag::NUMBER),
            Definition::Integer(rules) => {
                to.push(tag::INTEGER);
                put_optional_signed(to, rules.minimum);
                put_optional_signed(to, rules.maximum);
            }
            Definition::Text(rules) => {
                to.push(tag::TEXT);
                to.push(u8::from(rules.sensitive));
                put_optional(to, rules.minimum);
                put_optional(to, rules.maximum);
                let offset = |text: &Option<String>| text.as_ref().map(|text| self.offset(text) as u64);
                put_optional(to, offset(&rules.pattern));
                put_optional(to, offset(&rules.format));
            }
            Definition::Choice { values, open } => {
                to.push(tag::CHOICE);
                to.push(u8::from(*open));
                put_size(to, values.len());
                values.iter().for_each(|value| self.put(to, value));
            }
            Definition::List {
                items,
                minimum,
                maximum,
            } => {
                to.push(tag::LIST);
                put_size(to, items.0);
                put_optional(to, *minimum);
                put_optional(to, *maximum);
            }
            Definition::Map { values } => {
                to.push(tag::MAP);
                put_size(to, values.0);
            }
            Definition::Object {
                properties,
                additional,
            } => {
                to.push(tag::OBJECT);
                put_optional(to, additional.map(|node| node.0 as u64));
                put_size(to, properties.len());
                for property in properties {
                    self.put(to, &property.name);
                    put_number(to, property.flags.bits().into());
                    put_size(to, property.node.0);
                }
            }
            Definition::Variants {
                discriminator,
                base,
                variants,
            } => {
                to.push(tag::VARIANTS);
                self.put(to, discriminator);
                put_size(to, base.0);
                put_size(to, variants.len());
                for (name, node) in variants {
                    self.put(to, name);
                    put_size(to, node.0);
                }
            }
        }
    }
}
