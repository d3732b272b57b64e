//! Where a value stands in the definition of its type, and what follows from that alone.

use std::marker::PhantomData;

use konductor_schema_table::{Flags, Kind, Node, Property};
use konductor_sdk::prelude::*;

use crate::cloud::{Cloud, is_empty};

/// Where a value stands: its definition, and the flags of the property it is the value of.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place<C> {
    node: Option<Node<'static>>,
    flags: Flags,
    cloud: PhantomData<C>,
}

impl<C: Cloud> Place<C> {
    /// Returns the place of a whole body; without a definition nothing is known of it.
    pub fn of(node: impl Into<Option<Node<'static>>>) -> Self {
        Self {
            node: node.into(),
            flags: Flags::NONE,
            cloud: PhantomData,
        }
    }

    pub(crate) fn of_property(property: Property<'static>) -> Self {
        Self {
            flags: property.flags(),
            ..Self::of(property.node())
        }
    }

    /// Returns its definition.
    pub fn node(self) -> Option<Node<'static>> {
        self.node
    }

    /// Returns what its definition says a value must look like.
    pub fn kind(self) -> Option<Kind<'static>> {
        self.node.map(Node::kind)
    }

    /// Returns the place of a property below. Where nothing is known of the object, nothing is known of the property.
    pub fn child(self, name: &str) -> Self {
        let Some(node) = self.node else {
            return Self::default();
        };
        match (property(node, name), node.kind()) {
            (Some(property), _) => Self::of_property(property),
            (None, Kind::Map(values)) => Self::of(values),
            (None, Kind::Object(object)) => Self::of(object.additional()),
            _ => Self::default(),
        }
    }

    /// Returns the place of the elements of a list.
    pub fn element(self) -> Self {
        match self.kind() {
            Some(Kind::List(list)) => Self::of(list.items),
            _ => Self::default(),
        }
    }

    /// Tells whether its values must never be shown.
    pub fn is_sensitive(self) -> bool {
        let text = matches!(self.kind(), Some(Kind::Text(rules)) if rules.sensitive);
        text || self.flags.contains(Flags::SENSITIVE)
    }

    /// Tells whether only the cloud sets it.
    pub fn is_read_only(self) -> bool {
        self.flags.contains(Flags::READ_ONLY)
    }

    /// Tells whether it must be given.
    pub fn is_needed(self) -> bool {
        self.flags.contains(Flags::REQUIRED) && !self.is_read_only()
    }

    /// Tells whether it can only be given when the object is made.
    pub fn is_fixed(self) -> bool {
        self.flags.contains(Flags::CREATE_ONLY)
    }

    /// Tells whether the cloud never gives it back. What is sensitive is mostly left out of answers as well.
    pub fn is_kept(self) -> bool {
        self.flags.contains(Flags::WRITE_ONLY) || self.is_sensitive()
    }

    /// Tells whether its values are some known texts.
    pub fn is_choice(self) -> bool {
        matches!(self.kind(), Some(Kind::Choice(_)))
    }
}

/// Returns a property of an object, or of the elements of a list, by its name; of all forms where there are several.
pub fn property(node: Node<'static>, name: &str) -> Option<Property<'static>> {
    match node.kind() {
        Kind::Object(object) => object.property(name),
        Kind::List(list) => property(list.items, name),
        Kind::Variants(variants) => property(variants.base(), name)
            .or_else(|| variants.all().find_map(|(_, variant)| property(variant, name))),
        _ => None,
    }
}

/// Returns what can be given of what the cloud has: what only it sets is left out, and so is what says nothing.
pub fn writable<C: Cloud>(place: Place<C>, actual: &Value) -> Value {
    if place.is_read_only() {
        return Value::Null;
    }
    match actual.reveal() {
        value if place.is_sensitive() && !value.is_null() => value.clone().into_secret(),
        Value::Map(map) => Value::Map(
            map.iter()
                .map(|(key, value)| (key.clone(), writable(place.child(key), value)))
                .filter(|(_, value)| !is_empty(value))
                .collect(),
        ),
        Value::List(list) => {
            let element = place.element();
            Value::List(list.iter().map(|value| writable(element, value)).collect())
        }
        value => value.clone(),
    }
}

/// Returns the value with what is sensitive marked as secret.
pub fn marked<C: Cloud>(place: Place<C>, value: Value) -> Value {
    if place.is_sensitive() && !value.is_null() {
        return value.into_secret();
    }
    match value {
        Value::Map(map) => Value::Map(
            map.into_iter()
                .map(|(key, value)| {
                    let value = marked(place.child(&key), value);
                    (key, value)
                })
                .collect(),
        ),
        Value::List(list) => {
            let element = place.element();
            Value::List(list.into_iter().map(|value| marked(element, value)).collect())
        }
        other => other,
    }
}
