//! What a resource type does, in small traits. Their functions are asynchronous so that clients can be awaited;
//! nothing in a guest ever waits, so a future that is not ready at once is a failure.
#![allow(
    async_fn_in_trait,
    reason = "a guest has one thread: no future of these is ever sent to another"
)]

use konductor_model::provider::{ListRequest, PlanRequest, PlanResponse};
use konductor_model::{Diagnostics, Failure, Value};

use super::Resource;
use super::object::{Deleted, Made, Object, Page, Polled};
use super::request::{Change, Creation, Deletion, Polling, Reading};
use super::upgrade::Upgrades;
use crate::context::Context;

/// Makes objects.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be created",
    note = "write `impl Create for {Self}`"
)]
pub trait Create: Resource {
    /// Creates an object, or finds the one that the same token created before.
    ///
    /// # Errors
    /// When there is no object afterwards. If there is one but not as asked for, the answer is `Partial`.
    async fn create(context: &Context, request: Creation<'_, Self>) -> Result<Made<Self>, Failure>;
}

/// Finds objects.
#[diagnostic::on_unimplemented(message = "`{Self}` cannot be read", note = "write `impl Read for {Self}`")]
pub trait Read: Resource {
    /// Reads an object; none when it does not exist.
    ///
    /// # Errors
    /// When it cannot be told.
    async fn read(context: &Context, request: Reading<'_, Self>) -> Result<Option<Object<Self>>, Failure>;
}

/// Changes objects in place.
#[diagnostic::on_unimplemented(
    message = "it is not said how `{Self}` is changed",
    note = "write `impl Update for {Self}`, or say `#[resource(replace_on_every_change)]`"
)]
pub trait Update: Resource {
    /// Changes an object in place.
    ///
    /// # Errors
    /// When nothing was changed. If something was, the answer is `Partial`.
    async fn update(context: &Context, request: Change<'_, Self>) -> Result<Made<Self>, Failure>;
}

/// Removes objects.
#[diagnostic::on_unimplemented(
    message = "it is not said how `{Self}` is deleted",
    note = "write `impl Delete for {Self}`, or say `#[resource(undeletable = \"why\")]`"
)]
pub trait Delete: Resource {
    /// Deletes an object; one that is gone already is a success, also when it is said as a failure that nothing
    /// was found.
    ///
    /// # Errors
    /// When it still exists.
    async fn delete(context: &Context, request: Deletion<'_, Self>) -> Result<Deleted, Failure>;
}

/// Lists objects. A type without it answers that it cannot be listed.
pub trait List: Resource {
    /// Lists objects, page by page.
    ///
    /// # Errors
    /// When the cloud refuses.
    async fn list(context: &Context, request: &ListRequest) -> Result<Page<Self>, Failure>;
}

/// Reads many objects with few calls. A type without it reads one by one, and its schema says so.
pub trait ReadMany: Resource {
    /// Reads many objects; the answers stand in the order of the requests.
    ///
    /// # Errors
    /// When none could be read.
    async fn read_many(
        context: &Context,
        requests: &[Reading<'_, Self>],
    ) -> Result<Vec<Result<Option<Object<Self>>, Failure>>, Failure>;
}

/// Understands the identifiers that people give to `import`. A type without it takes them as they are.
pub trait Import: Resource {
    /// Returns the identifier to read.
    ///
    /// # Errors
    /// When it has the wrong form.
    fn import_id(id: &str) -> Result<String, Failure>;
}

/// Goes on with operations that answered `InProgress`. A type without it fails when one is polled.
pub trait Poll: Resource {
    /// Asks how an operation stands.
    ///
    /// # Errors
    /// When the operation failed and left nothing.
    async fn poll(context: &Context, request: Polling<'_, Self>) -> Result<Polled<Self>, Failure>;
}

/// Rewrites objects that older versions of the schema described. A type with `version = …` has it, unless an
/// attribute was only renamed.
#[diagnostic::on_unimplemented(
    message = "it is not said how older objects of `{Self}` are rewritten",
    note = "write `impl Upgrade for {Self}`: its schema has a version"
)]
pub trait Upgrade: Resource {
    /// Returns how each older version becomes the current one.
    fn upgrades() -> Upgrades<Self>;
}

/// Adds to the checks that follow from the schema, for example rules across attributes.
pub trait Check: Resource {
    /// Checks inputs; any of them may be unknown. Pure.
    fn check(inputs: &Value, diagnostics: &mut Diagnostics);
}

/// Changes the permissions that the declaration names, for behaviour that several types share.
pub trait Permissions: Resource {
    /// Returns the cloud permissions that an operation needs, given those that the declaration names for it. Pure.
    fn permissions(operation: &str, named: Vec<&'static str>) -> Vec<&'static str>;
}

/// Changes the plans that follow from the schema.
pub trait RefinePlan: Resource {
    /// Changes a plan. Pure.
    fn refine_plan(request: &PlanRequest, plan: &mut PlanResponse);
}
