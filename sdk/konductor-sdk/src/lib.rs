//! The SDK for plugin authors.
//!
//! A plugin implements [`Plugin`], whose [`Definition`] lists its resource types, components and modules, and
//! exports it with one line, [`export_provider!`]. Checking inputs, planning, comparing and normalising come from
//! the schema; what is left to write for a resource type is how to talk to the cloud.
//!
//! ```
//! use konductor_sdk::prelude::*;
//!
//! struct Item;
//!
//! impl ResourceProvider for Item {
//!     fn resource_type(&self) -> &'static str {
//!         "example:test:Item"
//!     }
//!     fn schema(&self) -> Result<ResourceSchema, SchemaError> {
//!         schema(self.resource_type(), "A thing.")
//!             .attribute("label", text("What it is called.").required())
//!             .build()
//!     }
//!     fn create(&self, _: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
//!         Ok(Outcome::Complete(
//!             object(&request.idempotency_token).set("label", request.inputs.text("label")?).build(),
//!         ))
//!     }
//!     fn read(&self, _: &Context, request: &ReadRequest) -> Result<Option<ObjectState>, Failure> {
//!         Ok(request.prior.clone())
//!     }
//!     fn delete(&self, _: &Context, _: &DeleteRequest) -> Result<Outcome, Failure> {
//!         Ok(Outcome::Deleted)
//!     }
//! }
//!
//! struct Example;
//!
//! impl Plugin for Example {
//!     fn definition() -> Definition {
//!         Definition::new("example", env!("CARGO_PKG_VERSION")).resource(&Item)
//!     }
//! }
//!
//! konductor_sdk::export_provider!(Example);
//! ```
#![allow(
    clippy::result_large_err,
    reason = "a failure is rare and carries everything a person needs"
)]

pub mod access;
#[cfg(feature = "aws")]
pub mod aws;
pub mod bindings;
pub mod check;
pub mod component;
pub mod context;
pub mod definition;
mod dispatch;
pub mod equality;
mod export;
pub mod format;
mod future;
mod guest;
pub mod object;
pub mod plan;
pub mod resource;
pub mod schema_builder;
#[doc(hidden)]
pub mod wire;

pub use component::{Component, Construction, Module, Sibling};
pub use context::Context;
pub use definition::{Definition, Plugin};
pub use dispatch::Dispatcher;
#[doc(hidden)]
pub use export::ProviderAdapter;
pub use future::{Pending, block_on};
pub use konductor_model as model;
pub use resource::ResourceProvider;

/// What a plugin's files usually need.
pub mod prelude {
    pub use crate::access::AttributeAccess;
    pub use crate::component::{Component, Construction, Module, Sibling};
    pub use crate::context::Context;
    pub use crate::definition::{Definition, Plugin};
    pub use crate::object::{ObjectBuilder, object};
    pub use crate::resource::ResourceProvider;
    pub use crate::schema_builder::{
        SchemaBuilder, SchemaError, any, boolean, component, integer, json, list, map, nested, number,
        schema, set, text,
    };
    pub use konductor_model::module::{ConstructRequest, ConstructResponse};
    pub use konductor_model::provider::{
        CheckRequest, CreateRequest, DeleteRequest, Imported, ListRequest, Listed, ObjectState,
        OperationKind, Outcome, PlanRequest, PlanResponse, PollRequest, Progress, ReadRequest, UpdateRequest,
    };
    pub use konductor_model::schema::{AttributeSchema, ResourceSchema, TextFormat};
    pub use konductor_model::{Diagnostic, Diagnostics, Disposition, Failure, Path, Value};
}
