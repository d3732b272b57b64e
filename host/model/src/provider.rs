//! A provider as the engine sees it: a plugin in the sandbox, the simulated cloud around one, or plain Rust in
//! a test.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::attribute_diff::AttributeChange;
use crate::diagnostic::Diagnostics;
use crate::failure::Failure;
use crate::manifest::Manifest;
use crate::name::{ResourceName, ResourceType};
use crate::schema::ResourceSchema;
use crate::value::Value;

/// The object that a provider manages, as it was last seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectState {
    /// The identifier in the cloud.
    pub id: String,
    /// Inputs and computed attributes together.
    pub attributes: Value,
    /// Bytes only the provider reads.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "private_bytes")]
    pub private: Vec<u8>,
    /// The schema version that wrote `attributes`.
    #[serde(default)]
    pub schema_version: u32,
}

mod private_bytes {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD
            .decode(String::deserialize(deserializer)?)
            .map_err(serde::de::Error::custom)
    }
}

/// Asks whether inputs are valid.
#[derive(Debug, Clone)]
pub struct CheckRequest {
    /// The type.
    pub resource_type: ResourceType,
    /// The name.
    pub name: ResourceName,
    /// The inputs as declared; what is not known yet is unknown.
    pub inputs: Value,
    /// The checked inputs of the existing object.
    pub prior_inputs: Option<Value>,
}

/// The inputs with defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResponse {
    /// The inputs with defaults applied.
    pub inputs: Value,
    /// What is wrong with them.
    pub diagnostics: Diagnostics,
}

/// Asks what would change.
#[derive(Debug, Clone)]
pub struct PlanRequest {
    /// The type.
    pub resource_type: ResourceType,
    /// The name.
    pub name: ResourceName,
    /// The object as last seen; none when it is to be created.
    pub prior: Option<ObjectState>,
    /// The checked inputs of that object.
    pub prior_inputs: Option<Value>,
    /// The checked inputs wanted now.
    pub inputs: Value,
}

/// What would change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanResponse {
    /// All attributes as they will be; what is not known yet is unknown.
    pub planned: Value,
    /// What changes; empty means nothing does.
    pub changes: Vec<AttributeChange>,
    /// The old object must be gone before the new one can exist.
    pub delete_before_replace: bool,
    /// Passed to create or update.
    pub private: Vec<u8>,
    /// What is wrong with it.
    pub diagnostics: Diagnostics,
}

/// Asks for an object to be created.
#[derive(Debug, Clone)]
pub struct CreateRequest {
    /// The type.
    pub resource_type: ResourceType,
    /// The name.
    pub name: ResourceName,
    /// The checked inputs, wholly known.
    pub inputs: Value,
    /// What was planned, with references resolved; computed attributes may be unknown.
    pub planned: Value,
    /// From the plan.
    pub private: Vec<u8>,
    /// The same for every attempt at this create.
    pub idempotency_token: String,
}

/// Asks for an object to be changed.
#[derive(Debug, Clone)]
pub struct UpdateRequest {
    /// The type.
    pub resource_type: ResourceType,
    /// The name.
    pub name: ResourceName,
    /// The object as last seen.
    pub prior: ObjectState,
    /// Its checked inputs.
    pub prior_inputs: Value,
    /// The checked inputs wanted now.
    pub inputs: Value,
    /// What was planned.
    pub planned: Value,
    /// From the plan.
    pub private: Vec<u8>,
    /// The same for every attempt at this update.
    pub idempotency_token: String,
}

/// Asks for an object to be deleted.
#[derive(Debug, Clone)]
pub struct DeleteRequest {
    /// The type.
    pub resource_type: ResourceType,
    /// The name.
    pub name: ResourceName,
    /// The object as last seen.
    pub prior: ObjectState,
    /// The same for every attempt at this delete.
    pub idempotency_token: String,
}

/// Asks for an object as it is.
#[derive(Debug, Clone)]
pub struct ReadRequest {
    /// The type.
    pub resource_type: ResourceType,
    /// The name.
    pub name: ResourceName,
    /// The identifier.
    pub id: String,
    /// The object as last seen, so that the provider can tell another spelling from another value.
    pub prior: Option<ObjectState>,
}

/// Asks for the objects of a type.
#[derive(Debug, Clone)]
pub struct ListRequest {
    /// The type.
    pub resource_type: ResourceType,
    /// Type-specific filters.
    pub filter: Value,
    /// Where the last page ended.
    pub cursor: Option<String>,
}

/// A page of objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The objects.
    pub objects: Vec<ObjectState>,
    /// Where the next page begins; none on the last.
    pub next_cursor: Option<String>,
}

/// A long operation that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Given back to `poll`.
    pub handle: Vec<u8>,
    /// When to ask again.
    pub retry_after: Duration,
    /// The identifier, as soon as there is one.
    pub id: Option<String>,
    /// For a person.
    pub message: String,
}

/// How a create, update or delete stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is done; this is the object.
    Complete(ObjectState),
    /// It is done; there is no object any more.
    Deleted,
    /// It goes on.
    InProgress(Progress),
    /// Something exists, but it is not what was asked for.
    Partial(ObjectState, Failure),
}

/// What a long operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperationKind {
    /// Create.
    Create,
    /// Update.
    Update,
    /// Delete.
    Delete,
}

/// Asks how a long operation stands.
#[derive(Debug, Clone)]
pub struct PollRequest {
    /// The type.
    pub resource_type: ResourceType,
    /// The name.
    pub name: ResourceName,
    /// What the operation is.
    pub operation: OperationKind,
    /// From the last answer.
    pub handle: Vec<u8>,
    /// The attributes it works towards; for a delete those it removes.
    pub planned: Value,
}

/// An object taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The object.
    pub object: ObjectState,
    /// Inputs that plan to no change against it.
    pub inputs: Value,
}

/// The result of a call to a provider.
pub type ProviderResult<T> = Result<T, Failure>;

/// A provider. Pure functions come first; those that talk to the cloud after them.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Returns the plugin's manifest.
    fn manifest(&self) -> &Manifest;

    /// Returns the schema of a resource or component type. Cheap after the first call.
    async fn schema(&self, resource_type: &ResourceType) -> ProviderResult<Arc<ResourceSchema>>;

    /// Validates inputs and applies defaults. Pure.
    async fn check(&self, request: CheckRequest) -> ProviderResult<CheckResponse>;

    /// Works out what would change. Pure.
    async fn plan(&self, request: PlanRequest) -> ProviderResult<PlanResponse>;

    /// Rewrites an object that an older version of the plugin stored. Pure.
    async fn upgrade_state(
        &self,
        resource_type: &ResourceType,
        stored: ObjectState,
    ) -> ProviderResult<ObjectState>;

    /// Waits until the rate limit of the cloud has room for a call about a type, and returns the provider to make that
    /// call of: its first request is one that was waited for. Holds nothing while it waits, so a scheduler asks before
    /// it starts an operation. Dropping the future, or the provider, gives the room up.
    ///
    /// None where no limit is known; the call can be made at once. Requests after the first wait inside the call.
    async fn admit(&self, _resource_type: &ResourceType) -> Option<Arc<dyn Provider>> {
        None
    }

    /// Returns the cloud permissions an operation needs. Pure.
    async fn required_permissions(
        &self,
        resource_type: &ResourceType,
        operation: &str,
    ) -> ProviderResult<Vec<String>>;

    /// Creates an object.
    async fn create(&self, request: CreateRequest) -> ProviderResult<Outcome>;

    /// Reads an object; none when it does not exist.
    async fn read(&self, request: ReadRequest) -> ProviderResult<Option<ObjectState>>;

    /// Reads many objects of one type; the answers stand in the order of the requests.
    async fn read_many(
        &self,
        requests: Vec<ReadRequest>,
    ) -> ProviderResult<Vec<ProviderResult<Option<ObjectState>>>>;

    /// Lists the objects of a type.
    async fn list(&self, request: ListRequest) -> ProviderResult<Listed>;

    /// Changes an object in place.
    async fn update(&self, request: UpdateRequest) -> ProviderResult<Outcome>;

    /// Deletes an object; one that is gone already is a success.
    async fn delete(&self, request: DeleteRequest) -> ProviderResult<Outcome>;

    /// Reads an object to take it over.
    async fn import(
        &self,
        resource_type: &ResourceType,
        name: &ResourceName,
        id: &str,
    ) -> ProviderResult<Imported>;

    /// Asks how a long operation stands.
    async fn poll(&self, request: PollRequest) -> ProviderResult<Outcome>;

    /// Calls a function that manages no object.
    async fn invoke(&self, function: &str, arguments: Value) -> ProviderResult<Value>;
}
