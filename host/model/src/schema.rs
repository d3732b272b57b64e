//! What a resource type or a component type takes and gives.
//!
//! The JSON form of these types is what a plugin's `schema` function answers with. Members with their default
//! value are left out; unknown members are ignored, so that a newer plugin works with an older host.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::name::ResourceType;
use crate::path::{Path, PathStep};
use crate::value::Value;

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Whether a type is a single object in a cloud or a group of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TypeKind {
    /// An object in a cloud, with create, read, update and delete.
    #[default]
    Resource,
    /// A group of resources that a plugin's `construct` declares.
    Component,
}

/// The schema of a resource type or a component type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResourceSchema {
    /// The type.
    #[serde(rename = "type")]
    pub resource_type: ResourceType,
    /// Resource or component.
    #[serde(default, skip_serializing_if = "is_default")]
    pub kind: TypeKind,
    /// What it is, for a person: a sentence or two, Markdown allowed.
    pub description: String,
    /// Counts up when stored attributes must be rewritten.
    #[serde(default, skip_serializing_if = "is_default")]
    pub version: u32,
    /// Inputs and computed attributes; of a component, inputs and outputs.
    pub attributes: BTreeMap<String, AttributeSchema>,
    /// How `konductor import` names an object.
    #[serde(default, skip_serializing_if = "is_default")]
    pub identity: Identity,
    /// The attribute that takes tags or labels, if there is one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tags: Option<String>,
    /// Replacement always deletes first, because two cannot exist at once.
    #[serde(default, skip_serializing_if = "is_default")]
    pub delete_before_replace: bool,
    /// The provider can read many objects with one or few cloud calls.
    #[serde(default, skip_serializing_if = "is_default")]
    pub batch_read: bool,
    /// What other tools call this type, so that what they manage can be taken over.
    #[serde(default, skip_serializing_if = "is_default")]
    pub known_as: Vec<KnownAs>,
    /// Declarations that work, shown by the catalogue and run by the tests.
    #[serde(default, skip_serializing_if = "is_default")]
    pub examples: Vec<Example>,
}

/// How an object is named from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The form of the import identifier, for example `vpc-0123456789abcdef0` or `BUCKET/KEY`.
    pub format: String,
    /// What it is made of, for a person.
    #[serde(default, skip_serializing_if = "is_default")]
    pub description: String,
    /// The attributes that together name the object, in the order of `format`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub attributes: Vec<String>,
}

/// What another tool calls a type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownAs {
    /// The tool: `terraform` or `pulumi`.
    pub tool: String,
    /// Its name of the type: `aws_subnet`, `aws:ec2/subnet:Subnet`.
    #[serde(rename = "type")]
    pub resource_type: String,
    /// The import identifier, put together from what the tool's state holds: text in which `{id}` and `{ATTRIBUTE}` are
    /// replaced.
    #[serde(default = "same_identifier", skip_serializing_if = "is_same_identifier")]
    pub identifier: String,
}

fn same_identifier() -> String {
    "{id}".to_owned()
}

fn is_same_identifier(template: &str) -> bool {
    template == "{id}"
}

/// One declaration that works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// What it shows.
    pub title: String,
    /// A `resources:` section in YAML.
    pub yaml: String,
}

/// One attribute.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AttributeSchema {
    /// The type of its values.
    #[serde(flatten)]
    pub kind: AttributeKind,
    /// What it is, for a person.
    #[serde(default, skip_serializing_if = "is_default")]
    pub description: String,
    /// It must be given.
    #[serde(default, skip_serializing_if = "is_default")]
    pub required: bool,
    /// The provider sets it; when it is also an input, only where it was not given.
    #[serde(default, skip_serializing_if = "is_default")]
    pub computed: bool,
    /// It is only ever set by the provider, never given.
    #[serde(default, skip_serializing_if = "is_default")]
    pub output_only: bool,
    /// A change in any other attribute may change it, so it is unknown during an update.
    #[serde(default, skip_serializing_if = "is_default")]
    pub volatile: bool,
    /// A change means replacement.
    #[serde(default, skip_serializing_if = "is_default")]
    pub replaces: bool,
    /// It is never shown.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sensitive: bool,
    /// The cloud never gives it back: reading keeps what is recorded.
    #[serde(default, skip_serializing_if = "is_default")]
    pub write_only: bool,
    /// Used when it is not given.
    #[serde(default, skip_serializing_if = "is_default")]
    pub default: Option<Value>,
    /// The only values allowed; empty allows all.
    #[serde(default, skip_serializing_if = "is_default")]
    pub allowed: Vec<Value>,
    /// A regular expression that a whole text matches.
    #[serde(default, skip_serializing_if = "is_default")]
    pub pattern: Option<String>,
    /// What it was called; that name is still taken, with a warning.
    #[serde(default, skip_serializing_if = "is_default")]
    pub renamed_from: Option<String>,
    /// Why it is deprecated and what to use instead.
    #[serde(default, skip_serializing_if = "is_default")]
    pub deprecated: Option<String>,
    /// What the simulated cloud answers with: text in which `{hex8}`, `{hex17}`, `{uuid}`, `{digits12}`, `{region}`,
    /// `{name}` and `{attribute:NAME}` are replaced. Without it a plausible value of the type is made up.
    #[serde(default, skip_serializing_if = "is_default")]
    pub simulated: Option<String>,
}

/// The type of an attribute's values.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum AttributeKind {
    /// Anything.
    #[default]
    Any,
    /// True or false.
    Boolean,
    /// A 64-bit integer.
    Integer {
        /// The smallest allowed.
        #[serde(default, skip_serializing_if = "is_default")]
        minimum: Option<i64>,
        /// The largest allowed.
        #[serde(default, skip_serializing_if = "is_default")]
        maximum: Option<i64>,
    },
    /// A decimal number.
    Number,
    /// Text.
    Text {
        /// What form it has.
        #[serde(default, skip_serializing_if = "is_default")]
        format: TextFormat,
        /// The shortest allowed, in characters.
        #[serde(default, skip_serializing_if = "is_default")]
        minimum_length: Option<usize>,
        /// The longest allowed, in characters.
        #[serde(default, skip_serializing_if = "is_default")]
        maximum_length: Option<usize>,
    },
    /// Bytes.
    Bytes,
    /// Values in order.
    List {
        /// What each is.
        items: Box<AttributeSchema>,
        /// The order means nothing: lists with the same elements are equal.
        #[serde(default, skip_serializing_if = "is_default")]
        unordered: bool,
        /// The fewest allowed.
        #[serde(default, skip_serializing_if = "is_default")]
        minimum_items: Option<usize>,
        /// The most allowed.
        #[serde(default, skip_serializing_if = "is_default")]
        maximum_items: Option<usize>,
    },
    /// Values by free keys.
    Map {
        /// What each is.
        values: Box<AttributeSchema>,
    },
    /// Values by fixed keys.
    Object {
        /// What each is.
        attributes: BTreeMap<String, AttributeSchema>,
    },
    /// A JSON document, given as text or as structured data; compared by content.
    Json,
}

/// What form a text has. Checks are by form only, never by asking a cloud.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TextFormat {
    /// Any text.
    #[default]
    Any,
    /// An IPv4 block such as `10.0.0.0/16` with no host bits set.
    Ipv4Cidr,
    /// An IPv6 block with no host bits set.
    Ipv6Cidr,
    /// An IPv4 or IPv6 block with no host bits set.
    Cidr,
    /// An IPv4 address.
    Ipv4Address,
    /// The name of an S3 bucket, by Amazon's naming rules for general purpose buckets.
    S3BucketName,
    /// An Amazon resource name.
    Arn,
    /// Base64.
    Base64,
}

impl ResourceSchema {
    /// Returns the schema of the attribute at a path, list elements and map entries included.
    pub fn at(&self, path: &Path) -> Option<&AttributeSchema> {
        let (PathStep::Attribute(first), rest) = path.steps().split_first()? else {
            return None;
        };
        let mut here = self.attributes.get(first)?;
        for step in rest {
            here = match (&here.kind, step) {
                (AttributeKind::List { items, .. }, PathStep::Index(_)) => items,
                (AttributeKind::Map { values }, PathStep::Attribute(_)) => values,
                (AttributeKind::Object { attributes }, PathStep::Attribute(name)) => attributes.get(name)?,
                _ => return None,
            };
        }
        Some(here)
    }

    /// Tells whether a change at a path means replacement: the attribute there or any it stands in says so.
    pub fn replaces_at(&self, path: &Path) -> bool {
        (1..=path.steps().len()).any(|length| {
            let steps: Vec<PathStep> = path.steps().iter().take(length).cloned().collect();
            self.at(&Path::from(steps))
                .is_some_and(|attribute| attribute.replaces)
        })
    }

    /// Tells whether what stands at a path is never shown.
    pub fn sensitive_at(&self, path: &Path) -> bool {
        (1..=path.steps().len()).any(|length| {
            let steps: Vec<PathStep> = path.steps().iter().take(length).cloned().collect();
            self.at(&Path::from(steps))
                .is_some_and(|attribute| attribute.sensitive)
        })
    }

    /// Returns the attributes that may be given.
    pub fn inputs(&self) -> impl Iterator<Item = (&String, &AttributeSchema)> {
        self.attributes
            .iter()
            .filter(|(_, attribute)| !attribute.output_only)
    }

    /// Returns the attributes that the provider sets.
    pub fn outputs(&self) -> impl Iterator<Item = (&String, &AttributeSchema)> {
        self.attributes
            .iter()
            .filter(|(_, attribute)| attribute.computed || attribute.output_only)
    }
}

impl AttributeKind {
    /// Returns the name of the kind as people write it: `list of text`.
    pub fn describe(&self) -> String {
        match self {
            Self::Any => "any value".to_owned(),
            Self::Boolean => "boolean".to_owned(),
            Self::Integer { .. } => "integer".to_owned(),
            Self::Number => "number".to_owned(),
            Self::Text {
                format: TextFormat::Any,
                ..
            } => "text".to_owned(),
            Self::Text { format, .. } => format.describe().to_owned(),
            Self::Bytes => "bytes".to_owned(),
            Self::List { items, .. } => format!("list of {}", items.kind.describe()),
            Self::Map { values } => format!("map of {}", values.kind.describe()),
            Self::Object { .. } => "object".to_owned(),
            Self::Json => "JSON document".to_owned(),
        }
    }
}

impl TextFormat {
    /// Returns what people call it.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Any => "text",
            Self::Ipv4Cidr => "IPv4 CIDR block",
            Self::Ipv6Cidr => "IPv6 CIDR block",
            Self::Cidr => "CIDR block",
            Self::Ipv4Address => "IPv4 address",
            Self::S3BucketName => "S3 bucket name",
            Self::Arn => "Amazon resource name",
            Self::Base64 => "base64 text",
        }
    }
}
