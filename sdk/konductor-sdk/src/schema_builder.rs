//! A compact way to write schemas.

use std::collections::BTreeMap;

use konductor_model::Value;
use konductor_model::name::NameError;
use konductor_model::schema::{
    AttributeKind, AttributeSchema, Example, Identity, KnownAs, ResourceSchema, TextFormat, TypeKind,
};

/// Says how a schema contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// The type's name is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The schema names an attribute it does not have.
    #[error("the schema of {resource_type} names the attribute `{attribute}` in its {place}, but has none")]
    NoSuchAttribute {
        /// The type.
        resource_type: String,
        /// The attribute.
        attribute: String,
        /// Where it is named.
        place: &'static str,
    },
    /// The pattern of an attribute is no regular expression.
    #[error(
        "the pattern of the attribute `{attribute}` of {resource_type} is no regular expression: {error}"
    )]
    Pattern {
        /// The type.
        resource_type: String,
        /// The attribute.
        attribute: String,
        /// What is wrong.
        error: String,
    },
    /// An attribute is both given and never given.
    #[error("the attribute `{attribute}` of {resource_type} is both required and output only")]
    RequiredOutput {
        /// The type.
        resource_type: String,
        /// The attribute.
        attribute: String,
    },
}

impl From<SchemaError> for konductor_model::Failure {
    fn from(error: SchemaError) -> Self {
        Self::new(konductor_model::Disposition::Other, error.to_string())
    }
}

/// A schema under construction.
#[derive(Debug, Clone)]
pub struct SchemaBuilder {
    resource_type: &'static str,
    kind: TypeKind,
    description: String,
    version: u32,
    attributes: BTreeMap<String, AttributeSchema>,
    identity: Identity,
    tags: Option<String>,
    delete_before_replace: bool,
    batch_read: bool,
    known_as: Vec<KnownAs>,
    examples: Vec<Example>,
}

/// Starts the schema of a resource type.
pub fn schema(resource_type: &'static str, description: &str) -> SchemaBuilder {
    SchemaBuilder {
        resource_type,
        kind: TypeKind::Resource,
        description: description.to_owned(),
        version: 0,
        attributes: BTreeMap::new(),
        identity: Identity::default(),
        tags: None,
        delete_before_replace: false,
        batch_read: false,
        known_as: Vec::new(),
        examples: Vec::new(),
    }
}

/// Starts the schema of a component type.
pub fn component(component_type: &'static str, description: &str) -> SchemaBuilder {
    SchemaBuilder {
        kind: TypeKind::Component,
        ..schema(component_type, description)
    }
}

impl SchemaBuilder {
    /// Adds an attribute that may be given.
    #[must_use]
    pub fn attribute(mut self, name: &str, attribute: impl Into<AttributeSchema>) -> Self {
        self.attributes.insert(name.to_owned(), attribute.into());
        self
    }

    /// Adds an attribute that only the provider sets.
    #[must_use]
    pub fn output(self, name: &str, attribute: Attribute) -> Self {
        self.attribute(name, attribute.output_only())
    }

    /// Adds attributes.
    #[must_use]
    pub fn attributes(mut self, attributes: BTreeMap<String, AttributeSchema>) -> Self {
        self.attributes.extend(attributes);
        self
    }

    /// Says which attribute takes tags.
    #[must_use]
    pub fn tags_in(mut self, attribute: &str) -> Self {
        self.tags = Some(attribute.to_owned());
        self
    }

    /// Adds the attribute `tags`, a map of text, and says that tags go there.
    #[must_use]
    pub fn tags(mut self) -> Self {
        self.tags = Some("tags".to_owned());
        self.attribute("tags", map(text(""), "Tags by key."))
    }

    /// Sets the version of the schema.
    #[must_use]
    pub fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// Says how an object is named from outside: the form, what it is, and the attributes it is made of.
    #[must_use]
    pub fn identity(mut self, format: &str, description: &str, attributes: &[&str]) -> Self {
        self.identity = Identity {
            format: format.to_owned(),
            description: description.to_owned(),
            attributes: attributes.iter().map(|&name| name.to_owned()).collect(),
        };
        self
    }

    /// Says that two objects cannot exist at once, so that replacement deletes first.
    #[must_use]
    pub fn delete_before_replace(mut self) -> Self {
        self.delete_before_replace = true;
        self
    }

    /// Says that many objects are read with few calls.
    #[must_use]
    pub fn batch_read(mut self) -> Self {
        self.batch_read = true;
        self
    }

    /// Says what another tool calls the type, so that what it manages can be taken over. `identifier` is the import
    /// identifier, with `{id}` and `{ATTRIBUTE}` in the place of what the tool's state holds.
    #[must_use]
    pub fn known_as(mut self, tool: &str, resource_type: &str, identifier: &str) -> Self {
        self.known_as.push(KnownAs {
            tool: tool.to_owned(),
            resource_type: resource_type.to_owned(),
            identifier: identifier.to_owned(),
        });
        self
    }

    /// Adds a `resources:` section in YAML that works.
    #[must_use]
    pub fn example(mut self, title: &str, yaml: &str) -> Self {
        self.examples.push(Example {
            title: title.to_owned(),
            yaml: yaml.to_owned(),
        });
        self
    }

    /// Returns the schema.
    ///
    /// # Errors
    /// When it contradicts itself.
    pub fn build(self) -> Result<ResourceSchema, SchemaError> {
        for name in &self.identity.attributes {
            if !self.attributes.contains_key(name) {
                return Err(SchemaError::NoSuchAttribute {
                    resource_type: self.resource_type.to_owned(),
                    attribute: name.clone(),
                    place: "identity",
                });
            }
        }
        if let Some((name, _)) = self
            .attributes
            .iter()
            .find(|(_, attribute)| attribute.required && attribute.output_only)
        {
            return Err(SchemaError::RequiredOutput {
                resource_type: self.resource_type.to_owned(),
                attribute: name.clone(),
            });
        }
        for (name, attribute) in &self.attributes {
            if let Some(pattern) = &attribute.pattern
                && let Err(error) = regex_lite::Regex::new(pattern)
            {
                return Err(SchemaError::Pattern {
                    resource_type: self.resource_type.to_owned(),
                    attribute: name.clone(),
                    error: error.to_string(),
                });
            }
        }
        Ok(ResourceSchema {
            resource_type: self.resource_type.parse()?,
            kind: self.kind,
            description: self.description,
            version: self.version,
            attributes: self.attributes,
            identity: self.identity,
            tags: self.tags,
            delete_before_replace: self.delete_before_replace,
            batch_read: self.batch_read,
            known_as: self.known_as,
            examples: self.examples,
        })
    }
}

/// An attribute under construction.
#[derive(Debug, Clone)]
pub struct Attribute(AttributeSchema);

impl From<Attribute> for AttributeSchema {
    fn from(attribute: Attribute) -> Self {
        attribute.0
    }
}

impl From<AttributeSchema> for Attribute {
    fn from(attribute: AttributeSchema) -> Self {
        Self(attribute)
    }
}

fn attribute(kind: AttributeKind, description: &str) -> Attribute {
    Attribute(AttributeSchema {
        kind,
        description: description.to_owned(),
        ..AttributeSchema::default()
    })
}

/// Starts an attribute that takes anything.
pub fn any(description: &str) -> Attribute {
    attribute(AttributeKind::Any, description)
}

/// Starts a boolean.
pub fn boolean(description: &str) -> Attribute {
    attribute(AttributeKind::Boolean, description)
}

/// Starts an integer.
pub fn integer(description: &str) -> Attribute {
    attribute(
        AttributeKind::Integer {
            minimum: None,
            maximum: None,
        },
        description,
    )
}

/// Starts a decimal number.
pub fn number(description: &str) -> Attribute {
    attribute(AttributeKind::Number, description)
}

/// Starts a text.
pub fn text(description: &str) -> Attribute {
    attribute(
        AttributeKind::Text {
            format: TextFormat::Any,
            minimum_length: None,
            maximum_length: None,
        },
        description,
    )
}

/// Starts a list whose order matters.
pub fn list(items: Attribute, description: &str) -> Attribute {
    list_of(items, description, false)
}

/// Starts a list whose order means nothing.
pub fn set(items: Attribute, description: &str) -> Attribute {
    list_of(items, description, true)
}

fn list_of(items: Attribute, description: &str, unordered: bool) -> Attribute {
    attribute(
        AttributeKind::List {
            items: Box::new(items.0),
            unordered,
            minimum_items: None,
            maximum_items: None,
        },
        description,
    )
}

/// Starts a map with free keys.
pub fn map(values: Attribute, description: &str) -> Attribute {
    attribute(
        AttributeKind::Map {
            values: Box::new(values.0),
        },
        description,
    )
}

/// Starts an object with fixed keys.
pub fn nested<const N: usize>(attributes: [(&str, Attribute); N], description: &str) -> Attribute {
    attribute(
        AttributeKind::Object {
            attributes: attributes
                .into_iter()
                .map(|(name, attribute)| (name.to_owned(), attribute.0))
                .collect(),
        },
        description,
    )
}

/// Starts a JSON document.
pub fn json(description: &str) -> Attribute {
    attribute(AttributeKind::Json, description)
}

impl Attribute {
    fn change(mut self, change: impl FnOnce(&mut AttributeSchema)) -> Self {
        change(&mut self.0);
        self
    }

    /// It must be given.
    #[must_use]
    pub fn required(self) -> Self {
        self.change(|a| a.required = true)
    }

    /// The provider sets it where it is not given.
    #[must_use]
    pub fn computed(self) -> Self {
        self.change(|a| a.computed = true)
    }

    /// Only the provider sets it.
    #[must_use]
    pub fn output_only(self) -> Self {
        self.change(|a| {
            a.output_only = true;
            a.computed = true;
        })
    }

    /// Any change may change it.
    #[must_use]
    pub fn volatile(self) -> Self {
        self.change(|a| a.volatile = true)
    }

    /// A change means replacement.
    #[must_use]
    pub fn replaces(self) -> Self {
        self.change(|a| a.replaces = true)
    }

    /// It is never shown.
    #[must_use]
    pub fn sensitive(self) -> Self {
        self.change(|a| a.sensitive = true)
    }

    /// The cloud never gives it back.
    #[must_use]
    pub fn write_only(self) -> Self {
        self.change(|a| a.write_only = true)
    }

    /// Used where it is not given.
    #[must_use]
    pub fn default(self, value: impl Into<Value>) -> Self {
        self.change(|a| a.default = Some(value.into()))
    }

    /// Only these values are allowed.
    #[must_use]
    pub fn allowed<V: Into<Value>>(self, values: impl IntoIterator<Item = V>) -> Self {
        self.change(|a| a.allowed = values.into_iter().map(Into::into).collect())
    }

    /// It should not be used any more.
    #[must_use]
    pub fn deprecated(self, why: &str) -> Self {
        self.change(|a| a.deprecated = Some(why.to_owned()))
    }

    /// What the simulated cloud answers with; see [`AttributeSchema::simulated`].
    #[must_use]
    pub fn simulated(self, template: &str) -> Self {
        self.change(|a| a.simulated = Some(template.to_owned()))
    }

    /// A regular expression that the whole text matches.
    #[must_use]
    pub fn pattern(self, pattern: &str) -> Self {
        self.change(|a| a.pattern = Some(pattern.to_owned()))
    }

    /// What it was called; that name is still taken, with a warning.
    #[must_use]
    pub fn renamed_from(self, name: &str) -> Self {
        self.change(|a| a.renamed_from = Some(name.to_owned()))
    }

    /// The form of a text; no effect on other kinds.
    #[must_use]
    pub fn format(self, form: TextFormat) -> Self {
        self.change(|a| {
            if let AttributeKind::Text { format, .. } = &mut a.kind {
                *format = form;
            }
        })
    }

    /// The smallest and the largest allowed: of an integer its value, of a text its length in characters, of a
    /// list its number of elements.
    #[must_use]
    pub fn between(self, smallest: i64, largest: i64) -> Self {
        self.limit(Some(smallest), Some(largest))
    }

    /// The smallest allowed, as in [`Attribute::between`].
    #[must_use]
    pub fn at_least(self, smallest: i64) -> Self {
        self.limit(Some(smallest), None)
    }

    /// The largest allowed, as in [`Attribute::between`].
    #[must_use]
    pub fn at_most(self, largest: i64) -> Self {
        self.limit(None, Some(largest))
    }

    fn limit(self, smallest: Option<i64>, largest: Option<i64>) -> Self {
        let count = |limit: Option<i64>| limit.and_then(|limit| usize::try_from(limit).ok());
        self.change(|a| match &mut a.kind {
            AttributeKind::Integer { minimum, maximum } => {
                *minimum = smallest.or(*minimum);
                *maximum = largest.or(*maximum);
            }
            AttributeKind::Text {
                minimum_length,
                maximum_length,
                ..
            } => {
                *minimum_length = count(smallest).or(*minimum_length);
                *maximum_length = count(largest).or(*maximum_length);
            }
            AttributeKind::List {
                minimum_items,
                maximum_items,
                ..
            } => {
                *minimum_items = count(smallest).or(*minimum_items);
                *maximum_items = count(largest).or(*maximum_items);
            }
            _ => {}
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_that_contradicts_itself_is_refused() {
        let wrong_identity = schema("a:b:C", "").identity("x", "", &["id"]).build();
        assert!(matches!(wrong_identity, Err(SchemaError::NoSuchAttribute { .. })));
        let wrong_output = schema("a:b:C", "").output("id", text("").required()).build();
        assert!(matches!(wrong_output, Err(SchemaError::RequiredOutput { .. })));
        assert!(matches!(schema("a:b", "").build(), Err(SchemaError::Name(_))));
        let wrong_pattern = schema("a:b:C", "").attribute("id", text("").pattern("(")).build();
        assert!(matches!(wrong_pattern, Err(SchemaError::Pattern { .. })));
    }
}
