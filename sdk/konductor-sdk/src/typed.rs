//! Resource types as plain structs.
//!
//! `#[derive(Resource)]` makes a struct a resource type: its schema, checks, defaults, differences, unknown values,
//! redaction and conversions follow from the one declaration. What is left to write is how to talk to the cloud, in
//! small traits: [`Create`], [`Read`], [`Update`] and [`Delete`], which every type has or says that it has not, and
//! [`List`], [`ReadMany`], [`Import`], [`Poll`], [`Upgrade`], [`Check`] and [`RefinePlan`], which a type may have.
//!
//! # Attributes
//!
//! A doc comment is the description. A field is required, unless it is an `Option`, a `Vec`, a `BTreeMap` or a
//! `BTreeSet`, has a default, or is set by the provider. `#[attribute(…)]` says the rest:
//!
//! | option | meaning |
//! |---|---|
//! | `identity` | names the object from outside; at least one attribute does |
//! | `output` | only the provider sets it; an `Option`, since it is not there before |
//! | `computed` | the provider sets it where it is not given; an `Option` |
//! | `volatile` | any change may change it, so it is unknown during an update; other outputs keep their value |
//! | `replaces` | a change means replacement |
//! | `required` | it must be given, although it is an `Option` or a collection |
//! | `sensitive` | never shown, also not by `Debug` |
//! | `write_only` | the cloud never gives it back; an `Option`, since a read may not have it |
//! | `tags` | tags or labels go there |
//! | `default = …` | used where it is not given: a literal, or a value of the field's type |
//! | `one_of(…)` | the only values; an enum with `#[derive(Choice)]` says it in the type |
//! | `range(1..=255)` | of an integer its value, of a text its characters, of a list its elements |
//! | `pattern = "…"` | a regular expression that the whole text matches |
//! | `format = Ipv4Cidr` | a form that a [`TextFormat`](crate::model::schema::TextFormat) names |
//! | `renamed_from = "…"` | what it was called; the old name is taken with a warning, and state is rewritten |
//! | `simulated = "…"` | what the simulated cloud answers with |
//! | `deprecated = "…"` | why it should not be used any more |
//! | `name = "…"` | its name, where the field cannot have it |
//!
//! The struct says `#[resource(type = "…", identity(format = "…", description = "…"))]`, and as it needs them:
//!
//! | option | meaning |
//! |---|---|
//! | `version = 1` | the version of the schema, from 0 |
//! | `unique("…")` | two objects cannot have the same values there: replacement deletes first unless one changes |
//! | `delete_before_replace` | replacement always deletes first |
//! | `permissions(write("…"), read("…"))` | what an operation may do in the cloud; `write` stands for `create`, `update` and `delete`, and `read` for `list`, where they say nothing |
//! | `example("title", "yaml")` | for the documentation |
//! | `undeletable = "why"` | nothing deletes it |
//! | `replace_on_every_change` | nothing changes it in place |
//! | `behaviour = …` | the macro that writes its operations, given its name |
//!
//! Shorter forms mean the same: `identity = "format: description"`, `create("…")` without `permissions` around it, and
//! `example = "# title\nyaml"`.
//!
//! # Types that behave alike
//!
//! What many types of one API have in common is a trait of the plugin's own, whose functions are the calls in which the
//! types differ, and a macro that writes [`Create`], [`Read`] and the rest for a type by that trait, which the type names
//! as its `behaviour`. It adds the permissions of what it does itself with [`Permissions`], reaches the tags by
//! [`Tagged`], and calls objects by their identity with [`Object::identified`].
//!
//! # Objects of JSON APIs
//!
//! Most APIs keep each object at a path of its own. [`RestObject`] is for those: it asks for the path, for how an object
//! is created and for a list, and reads, changes and removes objects by itself. [`Attributes::from_json`] and
//! [`Attributes::to_json`] are the struct as such an API knows it, where members are named as attributes.
//!
//! # Components and modules
//!
//! `#[derive(Component)]` and `#[derive(Module)]` make a struct the inputs and outputs of a component, or a section of
//! the configuration; [`Construct`] turns it into declarations. A field is an [`Input`] where its value need not be
//! known while the component is expanded, and an `output` is an `Option<Input<…>>`. [`Construction::declare_as`] declares
//! a type that the compiler knows, and [`Declared::get`] refers to one of its attributes.
//!
//! [`Construction::declare_as`]: crate::component::Construction::declare_as
//!
//! | option | meaning |
//! |---|---|
//! | `#[component(type = "…")]` | the component's type |
//! | `#[component(example("title", "yaml"))]` | for the documentation |
//! | `#[module(namespace = "…")]` | the name of the section |
//! | `#[module(dependencies("…"))]` | modules that must be deployed before this one |
//!
//! # What must be said
//!
//! A type that nobody says how to delete or to change does not compile:
//!
//! ```compile_fail,E0277
//! use konductor_sdk::typed::prelude::*;
//!
//! /// A stone.
//! #[derive(Resource)]
//! #[resource(type = "example:garden:Stone", identity(format = "1", description = "Its number."))]
//! struct Stone {
//!     /// Its number.
//!     #[attribute(identity)]
//!     number: i64,
//! }
//!
//! impl Create for Stone {
//!     async fn create(_: &Context, request: Creation<'_, Self>) -> Result<Made<Self>, Failure> {
//!         Ok(Object::new("1", request.inputs).into())
//!     }
//! }
//!
//! impl Read for Stone {
//!     async fn read(_: &Context, _: Reading<'_, Self>) -> Result<Option<Object<Self>>, Failure> {
//!         Ok(None)
//!     }
//! }
//! ```
//!
//! The same type compiles with two words more:
//!
//! ```
//! # use konductor_sdk::typed::prelude::*;
//! /// A stone.
//! #[derive(Resource)]
//! #[resource(
//!     type = "example:garden:Stone",
//!     identity(format = "1", description = "Its number."),
//!     undeletable = "stones stay",
//!     replace_on_every_change
//! )]
//! struct Stone {
//!     /// Its number.
//!     #[attribute(identity)]
//!     number: i64,
//! }
//! # impl Create for Stone {
//! #     async fn create(_: &Context, request: Creation<'_, Self>) -> Result<Made<Self>, Failure> {
//! #         Ok(Object::new("1", request.inputs).into())
//! #     }
//! # }
//! # impl Read for Stone {
//! #     async fn read(_: &Context, _: Reading<'_, Self>) -> Result<Option<Object<Self>>, Failure> {
//! #         Ok(None)
//! #     }
//! # }
//! ```
//!
//! # Unknown values
//!
//! A typed value is always a known one: operations are called when everything given is known, and an unknown value
//! is an error with its place, never an absent one. Where values may be unknown, in [`Check`] and [`RefinePlan`],
//! the untyped [`Value`] is given.

mod attribute_type;
mod behaviour;
mod component;
mod declared;
mod input;
mod json;
mod json_schema;
mod object;
#[doc(hidden)]
pub mod probe;
mod provider;
mod request;
mod rest;
mod upgrade;

use std::collections::BTreeMap;

use konductor_model::provider as wire;
use konductor_model::schema::{AttributeSchema, ResourceSchema};
use konductor_model::{Diagnostics, Disposition, Failure, Path, Value};

use crate::context::Context;
use crate::resource::ReadResult;
use crate::schema_builder::SchemaError;

pub use attribute_type::{
    AttributeType, Bytes, Choice, Json, choice_from_value, choice_schema, object_from_value, object_schema,
    read_field, write_field,
};
pub use behaviour::{
    Check, Create, Delete, Import, List, Permissions, Poll, Read, ReadMany, RefinePlan, Update, Upgrade,
};
pub use component::{ComponentType, Construct, ModuleSection};
pub use declared::{AttributeOf, Declarable, Declared, InputAttribute, OutputAttribute, TypedDeclaration};
pub use input::Input;
pub use konductor_sdk_derive::{Attributes, Choice, Component, Module, Resource};
pub use object::{Deleted, Made, Object, Page, Polled};
pub use provider::Typed;
pub use request::{Change, Creation, Deletion, Polling, Reading};
pub use rest::{RestObject, parts_of};
pub use upgrade::Upgrades;

/// What a file with typed resource types usually needs.
pub mod prelude {
    pub use super::{
        Attributes, Bytes, Change, Check, Choice, Construct, Create, Creation, Declared, Delete, Deleted,
        Deletion, Import, Input, Json, List, Made, Object, Page, Permissions, Poll, Polled, Polling, Read,
        ReadMany, Reading, RefinePlan, Resource, RestObject, Tagged, Typed, Update, Upgrade, Upgrades,
    };
    pub use crate::access::AttributeAccess;
    pub use crate::component::{Component, Construction, Module, Sibling};
    pub use crate::context::Context;
    pub use crate::definition::{Definition, Plugin};
    pub use konductor_model::module::ConstructRequest;
    pub use konductor_model::provider::{ListRequest, PlanRequest, PlanResponse, Progress};
    pub use konductor_model::{Diagnostic, Diagnostics, Disposition, Failure, Path, Value};
    // The traits of these names are above.
    pub use konductor_sdk_derive::{Component, Module};
    pub use std::collections::{BTreeMap, BTreeSet};
}

/// The named attributes of a struct. `#[derive(Resource)]` and `#[derive(Attributes)]` write it.
pub trait Attributes: Sized {
    /// Returns their schemas by name.
    fn attributes() -> BTreeMap<String, AttributeSchema>;

    /// Reads the struct from values; none when something is wrong, which is said in `problems`, all of it at once.
    fn from_map(map: &BTreeMap<String, Value>, at: &Path, problems: &mut Diagnostics) -> Option<Self>;

    /// Returns the values by name; those that are not there are left out.
    fn to_map(&self) -> BTreeMap<String, Value>;

    /// Reads the struct from a map of values.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place.
    fn from_attributes(attributes: &Value) -> Result<Self, Failure> {
        let mut problems = Diagnostics::default();
        let empty = BTreeMap::new();
        let read = Self::from_map(
            attributes.as_map().unwrap_or(&empty),
            &Path::root(),
            &mut problems,
        );
        read.ok_or_else(|| Failure::invalid(problems))
    }

    /// Reads the struct from a JSON object that an API answered with: each attribute from the member of its name;
    /// other members are passed over.
    ///
    /// # Errors
    /// Everything that is missing or of another type, each with its place and without its value.
    fn from_json(answer: &serde_json::Value) -> Result<Self, Failure> {
        json::read(answer)
    }

    /// Returns the struct as a JSON object for an API, without what is not there. Bytes are written as base64.
    fn to_json(&self) -> serde_json::Value {
        json::written(self)
    }
}

/// A resource type. `#[derive(Resource)]` writes it.
pub trait Resource: Attributes + Optional + Sized + 'static {
    /// The type's name, for example `aws:ec2:Vpc`.
    const TYPE: &'static str;
    /// The attributes that name an object from outside.
    const IDENTITY: &'static [&'static str];

    /// Returns the schema.
    ///
    /// # Errors
    /// When it contradicts itself.
    fn schema() -> Result<ResourceSchema, SchemaError>;

    /// Returns the cloud permissions that an operation needs, as the declaration names them.
    fn permissions(operation: &str) -> Vec<&'static str>;
}

/// A resource type with an attribute that takes tags. `#[attribute(tags)]` writes it.
pub trait Tagged: Resource {
    /// The type of the attribute.
    type Tags: AttributeType;

    /// Returns the tags.
    fn tags(&self) -> &Self::Tags;
}

/// What a type may have, as the derive found it. Not for authors: implement the traits.
#[doc(hidden)]
#[allow(missing_docs)]
pub trait Optional {
    fn reads_many() -> bool;
    fn check(inputs: &Value, diagnostics: &mut Diagnostics);
    fn all_permissions(operation: &str) -> Vec<&'static str>;
    fn refine_plan(request: &wire::PlanRequest, plan: &mut wire::PlanResponse);
    fn read_many(context: &Context, requests: &[wire::ReadRequest]) -> Result<Vec<ReadResult>, Failure>;
    fn list(context: &Context, request: &wire::ListRequest) -> Result<wire::Listed, Failure>;
    fn import_id(id: &str) -> Result<String, Failure>;
    fn poll(context: &Context, request: &wire::PollRequest) -> Result<wire::Outcome, Failure>;
    fn upgrade(stored: wire::ObjectState) -> Result<wire::ObjectState, Failure>;
}

/// Returns the failure of deleting what cannot be deleted.
#[doc(hidden)]
pub fn undeletable<R: Resource>(id: &str, why: &str) -> Failure {
    Failure::new(
        Disposition::Unsupported,
        format!(
            "the {} `{id}` cannot be deleted: {why}; set `retain_on_delete: true` to forget it and leave it where it is",
            R::TYPE
        ),
    )
}

/// Returns the failure of changing what every change replaces.
#[doc(hidden)]
pub fn unchangeable<R: Resource>() -> Failure {
    Failure::new(
        Disposition::Unsupported,
        format!(
            "a {} cannot be changed in place: every change replaces it",
            R::TYPE
        ),
    )
}

/// Makes a replacement delete first, unless one of the attributes that set the new object apart changes. It also
/// holds for a replacement that somebody asked for without any change.
pub fn delete_first_unless_changed(plan: &mut wire::PlanResponse, apart: &[&str]) {
    let set_apart = plan
        .changes
        .iter()
        .filter_map(|change| change.at.first_attribute())
        .any(|changed| apart.contains(&changed));
    if !set_apart {
        plan.delete_before_replace = true;
    }
}
