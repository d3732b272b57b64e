//! The SDK for plugin authors.
//!
//! A plugin implements [`Plugin`], whose [`Definition`] lists its resource types, components and modules, and
//! exports it with one line, [`export_provider!`]. A resource type is a plain struct, see [`typed`]: checking inputs,
//! planning, comparing and normalising follow from its declaration, and what is left to write is how to talk to the
//! cloud, with the helpers of [`cloud`].
//!
//! ```
//! use konductor_sdk::cloud::Api;
//! use konductor_sdk::model::manifest::EndpointProtocol;
//! use konductor_sdk::typed::prelude::*;
//! use serde_json::{Value as Json, json};
//!
//! /// A note on the board.
//! #[derive(Clone, Resource)]
//! #[resource(
//!     type = "board:notes:Note",
//!     identity(format = "17", description = "The number of the note."),
//!     example("A note", "hello:\n  type: board:notes:Note\n  properties: { title: Hello }\n")
//! )]
//! struct Note {
//!     /// What it says first.
//!     #[attribute(range(1..=80))]
//!     title: String,
//!     /// What it says.
//!     #[attribute(default = "")]
//!     text: String,
//!     /// The board it hangs on; a note cannot move.
//!     #[attribute(replaces, default = "main")]
//!     board: String,
//!     /// The number.
//!     #[attribute(output, identity)]
//!     number: Option<i64>,
//! }
//!
//! fn api(context: &Context) -> Api<'_> {
//!     Api::new(context, "board").base("/api/v1")
//! }
//!
//! fn note(answer: &Json) -> Object<Note> {
//!     let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
//!     let note = Note {
//!         title: text("title"),
//!         text: text("text"),
//!         board: text("board"),
//!         number: answer["number"].as_i64(),
//!     };
//!     Object::new(answer["number"].to_string(), note)
//! }
//!
//! impl Create for Note {
//!     async fn create(context: &Context, request: Creation<'_, Self>) -> Result<Made<Self>, Failure> {
//!         let Note { title, text, board, .. } = &request.inputs;
//!         // The API makes one note for one key, however often it is asked.
//!         let answer = api(context)
//!             .post(["notes"])
//!             .header("idempotency-key", request.idempotency_token())
//!             .idempotent(true)
//!             .json(&json!({ "title": title, "text": text, "board": board }))
//!             .send()?;
//!         Ok(note(&answer.json()?).into())
//!     }
//! }
//!
//! impl Read for Note {
//!     async fn read(context: &Context, request: Reading<'_, Self>) -> Result<Option<Object<Self>>, Failure> {
//!         let answer = api(context).get(["notes", request.id()]).send_optional()?;
//!         answer.map(|answer| Ok(note(&answer.json()?))).transpose()
//!     }
//! }
//!
//! impl Update for Note {
//!     async fn update(context: &Context, request: Change<'_, Self>) -> Result<Made<Self>, Failure> {
//!         let Note { title, text, .. } = &request.inputs;
//!         let change = json!({ "title": title, "text": text });
//!         let answer = api(context).patch(["notes", request.id()]).json(&change).send()?;
//!         Ok(note(&answer.json()?).into())
//!     }
//! }
//!
//! impl Delete for Note {
//!     async fn delete(context: &Context, request: Deletion<'_, Self>) -> Result<Deleted, Failure> {
//!         api(context).delete(["notes", request.id()]).send()?;
//!         Ok(Deleted::Complete)
//!     }
//! }
//!
//! struct Board;
//!
//! impl Plugin for Board {
//!     fn definition() -> Definition {
//!         Definition::new("board", env!("CARGO_PKG_VERSION"))
//!             .endpoint("board", EndpointProtocol::Http, "board", "notes")
//!             .resource(Typed::<Note>::PROVIDER)
//!     }
//! }
//!
//! konductor_sdk::export_provider!(Board);
//! ```
//!
//! Below it stands [`ResourceProvider`], without types, for plugins that make their resource types of schemas they
//! read.
#![allow(
    clippy::result_large_err,
    reason = "a failure is rare and carries everything a person needs"
)]

pub mod access;
#[cfg(feature = "aws")]
pub mod aws;
pub mod bindings;
pub mod check;
pub mod cloud;
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
mod redaction;
pub mod resource;
pub mod schema_builder;
pub mod typed;
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
