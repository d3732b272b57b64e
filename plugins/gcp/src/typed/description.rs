//! How a type with attributes of its own is described.

use std::collections::BTreeMap;

use konductor_sdk::prelude::*;

/// A type with attributes of its own.
#[derive(Debug)]
pub struct Typed {
    /// Its name: `gcp:compute:Network`.
    pub name: &'static str,
    /// The type of the table.
    pub rest: &'static str,
    /// What it is.
    pub about: &'static str,
    /// What attributes are, by their names; the others are described by the name of the property.
    pub abouts: &'static [(&'static str, &'static str)],
    /// Parameters of the request that creates, as attributes: the attribute, the parameter, and the property whose text
    /// up to a character tells it afterwards.
    pub parameters: &'static [(&'static str, &'static str, &'static str, char)],
    /// The whole name of an object, in APIs that have such names: what stands in braces are attributes, the last of them
    /// `name`; `{+attribute}` is a whole name itself.
    pub full_name: Option<&'static str>,
    /// How the request that creates is told the name, where there is a whole name.
    pub named: Named,
    /// Attributes that must be given although the table does not say so, with dots between the names that lead to them.
    pub required: &'static [&'static str],
    /// What is used where an attribute is not given: the names that lead to it, and JSON.
    pub defaults: &'static [(&'static str, &'static str)],
    /// Attributes that only Google sets although the table does not say so.
    pub outputs: &'static [&'static str],
    /// Expressions that the whole text of an attribute matches.
    pub patterns: &'static [(&'static str, &'static str)],
    /// Attributes whose change means replacement although the table does not say so.
    pub fixed: &'static [&'static str],
    /// Attributes that nobody else sets any part of: what is left out of them is taken away, and not kept.
    pub own: &'static [&'static str],
    /// Properties that are no attributes.
    pub without: &'static [&'static str],
    /// Properties of the body that the configuration fills in: `region`.
    pub configured: &'static [&'static str],
    /// A member of the request that creates which stands beside the object, as an attribute: its name there, the type of
    /// the table that the values of this map have, and what it is.
    pub beside: Option<(&'static str, &'static str, &'static str)>,
    /// Attributes that another type may set on the same object: they are looked at only where they are given.
    pub shared: &'static [&'static str],
    /// The attribute that takes labels, where the type has one.
    pub labels: &'static str,
    /// A new object of another name can stand beside the old one: what refers to it moves over before the old one goes.
    pub stands_beside: bool,
    /// What becomes of an object that is deleted.
    pub deletion: Deletion,
    /// What is added to the body that is sent.
    pub completion: Option<Completion>,
    /// Rules across attributes.
    pub rules: Option<fn(&Value, &mut Diagnostics)>,
    /// What a rehearsal takes for attributes that only Google knows, where their form matters.
    pub simulated: &'static [(&'static str, &'static str)],
    /// A self link, as an example.
    pub link: &'static str,
    /// A declaration that works.
    pub example: &'static str,
}

/// Adds to a body what the API wants to be told and nobody has to say.
pub type Completion = fn(&Context, &mut BTreeMap<String, Value>);

/// How the request that creates is told the name of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// The body has the whole name.
    Whole,
    /// The body has the last part of it.
    Short,
    /// This parameter is the last part of it.
    Parameter(&'static str),
}

/// What becomes of an object that is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// It is deleted.
    Method,
    /// It is deleted when nothing of this collection stands in it any more, and left where it is otherwise.
    Empty(&'static str),
    /// It stays, and all its versions are destroyed: a key that can never be used again.
    Versions,
}
