//! A resource type as its author writes it.

use konductor_model::provider::{
    CreateRequest, DeleteRequest, Imported, ListRequest, Listed, ObjectState, Outcome, PlanRequest,
    PlanResponse, PollRequest, ReadRequest, UpdateRequest,
};
use konductor_model::schema::ResourceSchema;
use konductor_model::{Diagnostics, Disposition, Failure, Value};

use crate::context::Context;
use crate::schema_builder::SchemaError;

/// A resource type. Only what talks to the cloud must be written; the rest follows from the schema.
///
/// Objects may be returned as the cloud spells them: the SDK keeps the spelling that was asked for where the
/// content is equal, fills in attributes that are write-only, and marks those that are sensitive.
pub trait ResourceProvider: Sync {
    /// Returns the type's name, for example `aws:ec2:Vpc`.
    fn resource_type(&self) -> &'static str;

    /// Returns the schema.
    ///
    /// # Errors
    /// When the schema contradicts itself.
    fn schema(&self) -> Result<ResourceSchema, SchemaError>;

    /// Adds to the checks that follow from the schema, for example rules across attributes. Unknown values are
    /// allowed everywhere. Pure.
    fn check(&self, _inputs: &Value, _diagnostics: &mut Diagnostics) {}

    /// Changes the plan that follows from the schema. Pure.
    fn refine_plan(&self, _request: &PlanRequest, _plan: &mut PlanResponse) {}

    /// Returns the cloud permissions an operation (`create`, `read`, `update`, `delete`, `list`) needs. Pure.
    fn permissions(&self, _operation: &str) -> Vec<&'static str> {
        Vec::new()
    }

    /// Rewrites an object that an older version of the schema described. Pure.
    ///
    /// # Errors
    /// When it cannot be understood.
    fn upgrade(&self, stored: ObjectState) -> Result<ObjectState, Failure> {
        Ok(stored)
    }

    /// Creates an object, or finds the one that the same token created before.
    ///
    /// # Errors
    /// When there is no object afterwards. If there is one but not as asked for, the answer is `Partial`.
    fn create(&self, context: &Context, request: &CreateRequest) -> Result<Outcome, Failure>;

    /// Reads an object; none when it does not exist.
    ///
    /// # Errors
    /// When it cannot be told.
    fn read(&self, context: &Context, request: &ReadRequest) -> Result<Option<ObjectState>, Failure>;

    /// Reads many objects; the answers stand in the order of the requests. The default reads one by one.
    ///
    /// # Errors
    /// When none could be read.
    fn read_many(&self, context: &Context, requests: &[ReadRequest]) -> Result<Vec<ReadResult>, Failure> {
        Ok(requests
            .iter()
            .map(|request| self.read(context, request))
            .collect())
    }

    /// Lists the objects of the type, page by page.
    ///
    /// # Errors
    /// When the cloud refuses, or the type cannot be listed.
    fn list(&self, _context: &Context, _request: &ListRequest) -> Result<Listed, Failure> {
        Err(unsupported(self.resource_type(), "listed"))
    }

    /// Changes an object in place. Only for types with attributes that do not mean replacement.
    ///
    /// # Errors
    /// When nothing was changed. If something was, the answer is `Partial`.
    fn update(&self, _context: &Context, _request: &UpdateRequest) -> Result<Outcome, Failure> {
        Err(unsupported(self.resource_type(), "changed in place"))
    }

    /// Deletes an object; one that is gone already is a success.
    ///
    /// # Errors
    /// When it still exists.
    fn delete(&self, context: &Context, request: &DeleteRequest) -> Result<Outcome, Failure>;

    /// Returns the read request that import makes of an identifier. The default takes it as it is.
    ///
    /// # Errors
    /// When the identifier has the wrong form.
    fn import_id(&self, id: &str) -> Result<String, Failure> {
        Ok(id.to_owned())
    }

    /// Reads an object to take it over. The default reads it, and takes every attribute that may be given and
    /// has a value as input.
    ///
    /// # Errors
    /// When it does not exist or cannot be taken over.
    fn import(&self, _context: &Context, object: ObjectState) -> Result<Imported, Failure> {
        let schema = self.schema()?;
        let inputs = crate::plan::inputs_of(&schema, &object.attributes);
        Ok(Imported { object, inputs })
    }

    /// Asks how an operation stands that answered `InProgress`.
    ///
    /// # Errors
    /// When the operation failed and left nothing.
    fn poll(&self, _context: &Context, _request: &PollRequest) -> Result<Outcome, Failure> {
        Err(unsupported(self.resource_type(), "polled"))
    }
}

/// The answer to one read of many.
pub type ReadResult = Result<Option<ObjectState>, Failure>;

fn unsupported(resource_type: &str, what: &str) -> Failure {
    Failure::new(
        Disposition::Unsupported,
        format!("{resource_type} cannot be {what}"),
    )
}
