//! A typed resource type as the dispatcher sees it.

use std::marker::PhantomData;

use konductor_model::provider::{
    CreateRequest, DeleteRequest, ListRequest, Listed, ObjectState, Outcome, PlanRequest, PlanResponse,
    PollRequest, ReadRequest, UpdateRequest,
};
use konductor_model::schema::ResourceSchema;
use konductor_model::{Diagnostics, Disposition, Failure, Value};

use super::request::{Change, Creation, Deletion, Reading};
use super::{Create, Delete, Read, Update};
use crate::context::Context;
use crate::resource::{ReadResult, ResourceProvider};
use crate::schema_builder::SchemaError;

/// Makes a typed resource type one of a [`Definition`](crate::Definition), beside those written without types.
pub struct Typed<R>(pub(super) PhantomData<fn() -> R>);

impl<R> std::fmt::Debug for Typed<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Typed")
    }
}

impl<R: Create + Read + Update + Delete> Typed<R> {
    /// The provider of the type, for lists of types.
    pub const PROVIDER: &'static dyn ResourceProvider = &Self(PhantomData);
}

/// Runs an operation, whose every step is ready at once.
pub(super) fn run<T>(operation: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    crate::block_on(operation).map_err(|pending| Failure::new(Disposition::Other, pending.to_string()))?
}

impl<R: Create + Read + Update + Delete> ResourceProvider for Typed<R> {
    fn resource_type(&self) -> &'static str {
        R::TYPE
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        R::schema()
    }

    fn check(&self, inputs: &Value, diagnostics: &mut Diagnostics) {
        R::check(inputs, diagnostics);
    }

    fn refine_plan(&self, request: &PlanRequest, plan: &mut PlanResponse) {
        R::refine_plan(request, plan);
    }

    fn permissions(&self, operation: &str) -> Vec<&'static str> {
        R::all_permissions(operation)
    }

    fn upgrade(&self, stored: ObjectState) -> Result<ObjectState, Failure> {
        R::upgrade(stored)
    }

    fn create(&self, context: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
        run(R::create(context, Creation::new(request)?)).map(Into::into)
    }

    fn read(&self, context: &Context, request: &ReadRequest) -> Result<Option<ObjectState>, Failure> {
        let object = run(<R as Read>::read(context, Reading::new(request)))?;
        Ok(object.map(Into::into))
    }

    fn read_many(&self, context: &Context, requests: &[ReadRequest]) -> Result<Vec<ReadResult>, Failure> {
        R::read_many(context, requests)
    }

    fn list(&self, context: &Context, request: &ListRequest) -> Result<Listed, Failure> {
        R::list(context, request)
    }

    fn update(&self, context: &Context, request: &UpdateRequest) -> Result<Outcome, Failure> {
        run(R::update(context, Change::new(request)?)).map(Into::into)
    }

    fn delete(&self, context: &Context, request: &DeleteRequest) -> Result<Outcome, Failure> {
        run(R::delete(context, Deletion::new(request))).map(Into::into)
    }

    fn import_id(&self, id: &str) -> Result<String, Failure> {
        R::import_id(id)
    }

    fn poll(&self, context: &Context, request: &PollRequest) -> Result<Outcome, Failure> {
        R::poll(context, request)
    }
}
