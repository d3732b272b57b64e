//! How a typed resource is described: which members of its ARM resource its attributes are.

use std::collections::BTreeMap;

use konductor_schema_table::{Flags, Kind, Node};
use konductor_sdk::model::schema::{AttributeKind, AttributeSchema, TextFormat};
use konductor_sdk::prelude::*;

use crate::types::ArmType;

/// How deep definitions are followed: what stands deeper takes anything, and ARM judges it.
const DEEPEST: usize = 8;

/// What Azure writes into the metadata of what somebody makes.
const STAMPS: [&str; 4] = ["createdBy", "createdOn", "updatedBy", "updatedOn"];

/// What a resource stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parent {
    /// The subscription.
    Subscription,
    /// A resource group, by its name in `resource_group`.
    Group,
    /// Another resource, by its identifier in this attribute, and what stands between the two.
    Resource(&'static str, &'static str),
}

/// What the names of a type's objects are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// What the type's definition says, and no more.
    Any,
    /// Texts that match a regular expression, which is said here first in words.
    Matching(&'static str, &'static str),
    /// UUIDs: one is made up where none is given.
    Uuid,
}

/// What holds between attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// At most one of them is given.
    AtMostOne(&'static [&'static str]),
    /// At least one of them is given.
    AtLeastOne(&'static [&'static str]),
    /// Where the first is given, the second is as well.
    Needs(&'static str, &'static str),
}

/// A resource type.
#[derive(Debug)]
pub struct Description {
    /// Its name: `azure:network:VirtualNetwork`.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// The type of ARM.
    pub arm_type: &'static str,
    /// The version of its API.
    pub api_version: &'static str,
    /// What it stands in.
    pub parent: Parent,
    /// Its attributes beside `name`, `location`, `tags`, `id` and what it stands in.
    pub attributes: &'static [Attribute],
    /// What is given for members that no attribute is: a path and its JSON.
    pub fixed: &'static [(&'static str, &'static str)],
    /// What its objects are called.
    pub names: Names,
    /// What holds between its attributes.
    pub rules: &'static [Rule],
    /// What it may need to do to what it uses, as roles name it.
    pub joins: &'static [&'static str],
    /// What its objects say while they are switched off, where Azure always has them: a path and its JSON. To create one
    /// is to switch it on, and to delete it to switch it off.
    pub off: Option<(&'static str, &'static str)>,
    /// Why Azure Resource Manager cannot delete its objects; nothing, where it can.
    pub undeletable: &'static str,
    /// A declaration that works.
    pub example: &'static str,
}

impl Description {
    /// What a description does not say.
    pub const BLANK: Self = Self {
        name: "",
        about: "",
        arm_type: "",
        api_version: "",
        parent: Parent::Group,
        attributes: &[],
        fixed: &[],
        names: Names::Any,
        rules: &[],
        joins: &[],
        off: None,
        undeletable: "",
        example: "",
    };
}

/// An attribute.
#[derive(Debug, Clone, Copy)]
pub struct Attribute {
    /// Its name.
    pub name: &'static str,
    /// The names that lead to it in the resource, with dots between.
    pub path: &'static str,
    /// What it is.
    pub about: &'static str,
    /// It must be given, also where ARM does not say so.
    pub required: bool,
    /// Only Azure sets it.
    pub output: bool,
    /// Azure sets it where it is not given.
    pub computed: bool,
    /// A change of anything else may change it.
    pub volatile: bool,
    /// Used where it is not given: JSON.
    pub default: &'static str,
    /// A change means replacement, also where the table does not say so.
    pub replaces: bool,
    /// A regular expression that a whole text matches.
    pub pattern: &'static str,
    /// The form of a text, or of the texts in a list.
    pub format: TextFormat,
    /// Azure never gives it back, also where its definition does not say so: what was given counts as being there.
    pub kept: bool,
    /// It is never shown, also where the definition does not say so.
    pub secret: bool,
    /// A list to which other resources add elements of their own, which are left alone.
    pub shared: bool,
    /// Azure writes into it who has made and changed the object, and when.
    pub stamped: bool,
    /// What is given with it: a path and its JSON.
    pub beside: &'static [(&'static str, &'static str)],
    /// What a rehearsal takes for it, where its form matters; see [`AttributeSchema::simulated`].
    pub simulated: &'static str,
}

/// Starts an attribute that may be given.
pub const fn may(name: &'static str, path: &'static str, about: &'static str) -> Attribute {
    Attribute {
        name,
        path,
        about,
        required: false,
        output: false,
        computed: false,
        volatile: false,
        default: "",
        replaces: false,
        pattern: "",
        format: TextFormat::Any,
        kept: false,
        secret: false,
        shared: false,
        stamped: false,
        beside: &[],
        simulated: "",
    }
}

/// Starts an attribute that must be given.
pub const fn must(name: &'static str, path: &'static str, about: &'static str) -> Attribute {
    Attribute {
        required: true,
        ..may(name, path, about)
    }
}

/// Starts an attribute that only Azure sets.
pub const fn output(name: &'static str, path: &'static str, about: &'static str) -> Attribute {
    Attribute {
        output: true,
        ..may(name, path, about)
    }
}

impl Attribute {
    /// Gives it a default, as JSON.
    pub const fn default(self, default: &'static str) -> Self {
        Self { default, ..self }
    }

    /// Says that a change means replacement.
    pub const fn replaces(self) -> Self {
        Self {
            replaces: true,
            ..self
        }
    }

    /// Says that Azure sets it where it is not given.
    pub const fn computed(self) -> Self {
        Self {
            computed: true,
            ..self
        }
    }

    /// Says that a change of anything else may change it.
    pub const fn volatile(self) -> Self {
        Self {
            volatile: true,
            ..self
        }
    }

    /// Says what a whole text matches.
    pub const fn pattern(self, pattern: &'static str) -> Self {
        Self { pattern, ..self }
    }

    /// Says what form a text has.
    pub const fn format(self, format: TextFormat) -> Self {
        Self { format, ..self }
    }

    /// Says that Azure never gives it back.
    pub const fn kept(self) -> Self {
        Self { kept: true, ..self }
    }

    /// Says that it is never shown, and never given back.
    pub const fn secret(self) -> Self {
        Self {
            secret: true,
            kept: true,
            ..self
        }
    }

    /// Says that other resources add elements to the list.
    pub const fn shared(self) -> Self {
        Self { shared: true, ..self }
    }

    /// Says that Azure writes into it who has made and changed the object, and when.
    pub const fn stamped(self) -> Self {
        Self {
            stamped: true,
            ..self
        }
    }

    /// Says what is given with it.
    pub const fn beside(self, beside: &'static [(&'static str, &'static str)]) -> Self {
        Self { beside, ..self }
    }

    /// Says what a rehearsal takes for it.
    pub const fn simulated(self, simulated: &'static str) -> Self {
        Self { simulated, ..self }
    }

    /// Returns a value as somebody would give it: without what Azure writes into it.
    pub fn without_stamps(&self, mut value: Value) -> Value {
        if let (true, Some(map)) = (self.stamped, value.as_map_mut()) {
            for name in STAMPS {
                map.remove(name);
            }
            if map.is_empty() {
                return Value::Null;
            }
        }
        value
    }

    /// Returns the names that lead to it.
    pub fn steps(&self) -> Vec<&'static str> {
        self.path.split('.').collect()
    }

    /// Tells whether the table says that it, or what it stands in, cannot be changed.
    fn is_create_only(&self, arm_type: &ArmType) -> bool {
        let steps = self.steps();
        (1..=steps.len())
            .filter_map(|length| arm_type.property(steps.get(..length)?))
            .any(|property| property.flags().contains(Flags::CREATE_ONLY))
    }

    /// Returns its schema, as far as the type's definition tells it.
    pub fn schema(&self, arm_type: &ArmType) -> AttributeSchema {
        let property = arm_type.property(&self.steps());
        let mut schema = property
            .map(|property| schema_of(property.node(), property.flags(), 0))
            .unwrap_or_default();
        schema.description = self.about.to_owned();
        schema.replaces |= self.replaces || self.is_create_only(arm_type);
        schema.required = self.required && self.default.is_empty();
        schema.output_only = self.output;
        schema.sensitive |= self.secret;
        schema.write_only |= self.kept;
        schema.computed = self.output || self.computed;
        schema.volatile = self.volatile;
        schema.default = serde_json::from_str(self.default)
            .ok()
            .map(konductor_sdk::cloud::from_json);
        if !self.pattern.is_empty() {
            schema.pattern = Some(self.pattern.to_owned());
        }
        if !self.simulated.is_empty() {
            schema.simulated = Some(self.simulated.to_owned());
        }
        set_format(&mut schema, self.format);
        schema
    }
}

fn set_format(schema: &mut AttributeSchema, wanted: TextFormat) {
    match &mut schema.kind {
        AttributeKind::Text { format, .. } => *format = wanted,
        AttributeKind::List { items, .. } => set_format(items, wanted),
        _ => {}
    }
}

/// Returns the schema of a definition.
fn schema_of(node: Node<'static>, flags: Flags, depth: usize) -> AttributeSchema {
    let sensitive = flags.contains(Flags::SENSITIVE);
    let count = |limit: Option<u64>| limit.and_then(|limit| usize::try_from(limit).ok());
    let below = |node| Box::new(schema_of(node, Flags::NONE, depth + 1));
    let mut schema = AttributeSchema {
        sensitive,
        write_only: flags.contains(Flags::WRITE_ONLY) || sensitive,
        ..AttributeSchema::default()
    };
    schema.kind = match node.kind() {
        _ if depth > DEEPEST => AttributeKind::Any,
        Kind::Any | Kind::Variants(_) => AttributeKind::Any,
        Kind::Boolean => AttributeKind::Boolean,
        Kind::Integer(rules) => AttributeKind::Integer {
            minimum: rules.minimum,
            maximum: rules.maximum,
        },
        Kind::Number => AttributeKind::Number,
        Kind::Text(rules) => {
            schema.sensitive |= rules.sensitive;
            schema.write_only |= rules.sensitive;
            AttributeKind::Text {
                format: TextFormat::Any,
                minimum_length: count(rules.minimum),
                maximum_length: count(rules.maximum),
            }
        }
        Kind::Choice(choices) => {
            if !choices.open {
                schema.allowed = choices.values().map(Value::from).collect();
            }
            AttributeKind::Text {
                format: TextFormat::Any,
                minimum_length: None,
                maximum_length: None,
            }
        }
        Kind::List(list) => AttributeKind::List {
            items: below(list.items),
            unordered: false,
            minimum_items: count(list.minimum),
            maximum_items: count(list.maximum),
        },
        Kind::Map(values) => AttributeKind::Map {
            values: below(values),
        },
        Kind::Object(object) => {
            // What only Azure sets below is in `output` of the generic resource; here it could never be given.
            let attributes: BTreeMap<String, AttributeSchema> = object
                .properties()
                .filter(|property| !property.flags().contains(Flags::READ_ONLY))
                .map(|property| {
                    let flags = property.flags();
                    let schema = AttributeSchema {
                        required: flags.contains(Flags::REQUIRED),
                        replaces: flags.contains(Flags::CREATE_ONLY),
                        ..schema_of(property.node(), flags, depth + 1)
                    };
                    (property.name().to_owned(), schema)
                })
                .collect();
            AttributeKind::Object { attributes }
        }
    };
    schema
}
