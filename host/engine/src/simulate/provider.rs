//! A provider whose pure half is the real plugin and whose operations the simulated cloud answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use konductor_model::manifest::Manifest;
use konductor_model::provider::{
    CheckRequest, CheckResponse, CreateRequest, DeleteRequest, Imported, ListRequest, Listed, ObjectState,
    OperationKind, Outcome, PlanRequest, PlanResponse, PollRequest, Progress, Provider, ProviderResult,
    ReadRequest, UpdateRequest,
};
use konductor_model::{Disposition, Failure, ResourceName, ResourceSchema, ResourceType, Value};

use crate::simulate::cloud::{SimulatedCloud, SimulatedObject, without_secrets};
use crate::simulate::generate::{Source, complete};
use crate::simulate::profile::Mishap;

/// How many objects a page of a list has.
const PAGE: usize = 100;
/// How long a simulated long operation asks to wait between polls.
const BETWEEN_POLLS: Duration = Duration::from_millis(200);

/// A provider whose pure half is the real plugin and whose operations the simulated cloud answers.
pub struct SimulatedProvider {
    plugin: Arc<dyn Provider>,
    cloud: Arc<SimulatedCloud>,
}

impl SimulatedProvider {
    /// Puts a simulated cloud behind a plugin.
    pub fn new(plugin: Arc<dyn Provider>, cloud: Arc<SimulatedCloud>) -> Self {
        Self { plugin, cloud }
    }

    /// Returns an object as its reader sees it.
    fn state(&self, request: &ReadRequest) -> Option<ObjectState> {
        let object = self.cloud.get(request.resource_type.as_str(), &request.id)?;
        let seen = request.prior.as_ref();
        let mut state = object.state(seen.map(|seen| &seen.attributes));
        state.private = seen.map(|seen| seen.private.clone()).unwrap_or_default();
        Some(state)
    }

    /// Takes the time a call takes, and says what happens to it.
    async fn weather(
        &self,
        call: &str,
        resource_type: &str,
        name: &str,
        writes: bool,
    ) -> Result<Option<Mishap>, Failure> {
        let luck = self.cloud.luck(call, resource_type, name);
        let latency = self.cloud.latency(luck);
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        match self.cloud.profile.mishap(luck, writes) {
            Some(Mishap::Throttled) => {
                Err(Failure::new(Disposition::Throttled, "rate exceeded").code("SimulatedThrottling"))
            }
            Some(Mishap::Unavailable) => Err(Failure::new(
                Disposition::Unavailable,
                "the service is not available",
            )
            .code("SimulatedUnavailable")),
            other => Ok(other),
        }
    }

    fn source<'a>(&'a self, resource_type: &'a str, name: &'a str, generation: &'a str) -> Source<'a> {
        Source {
            seed: self.cloud.seed,
            region: &self.cloud.region,
            resource_type,
            name,
            generation,
        }
    }

    #[allow(clippy::result_large_err, reason = "the provider's own result")]
    fn answer(
        &self,
        mishap: Option<Mishap>,
        object: &SimulatedObject,
        full: ObjectState,
    ) -> ProviderResult<Outcome> {
        match mishap {
            Some(Mishap::AnswerLost) => Err(Failure::new(
                Disposition::Unavailable,
                "the connection broke before the answer",
            )
            .code("SimulatedLostAnswer")),
            Some(Mishap::Partial) => Ok(Outcome::Partial(
                full,
                Failure::new(Disposition::Unavailable, "it was left half-way").code("SimulatedPartial"),
            )),
            Some(Mishap::Slow(polls)) => Ok(Outcome::InProgress(progress(polls, &object.id))),
            _ => Ok(Outcome::Complete(full)),
        }
    }
}

fn progress(polls: u32, id: &str) -> Progress {
    Progress {
        handle: format!("{polls} {id}").into_bytes(),
        retry_after: BETWEEN_POLLS,
        id: Some(id.to_owned()),
        message: "pending".to_owned(),
    }
}

fn stored(source: std::io::Error) -> Failure {
    Failure::new(
        Disposition::Other,
        format!("the simulated cloud's file could not be written: {source}"),
    )
}

/// Returns the identifier of a new object: its attribute `id`, what its identity is made of, or a made-up one.
fn identifier(attributes: &BTreeMap<String, Value>, schema: &ResourceSchema, source: Source<'_>) -> String {
    if let Some(id) = attributes.get("id").and_then(Value::as_text) {
        return id.to_owned();
    }
    let parts: Option<Vec<String>> = schema
        .identity
        .attributes
        .iter()
        .map(|name| match attributes.get(name)?.reveal() {
            Value::Text(text) => Some(text.clone()),
            Value::Integer(number) => Some(number.to_string()),
            _ => None,
        })
        .collect();
    match parts {
        Some(parts) if !parts.is_empty() => parts.join("/"),
        _ => format!(
            "sim-{:016x}",
            crate::simulate::profile::chance(
                source.seed,
                &[source.resource_type, source.name, source.generation]
            )
        ),
    }
}

#[async_trait]
impl Provider for SimulatedProvider {
    fn manifest(&self) -> &Manifest {
        self.plugin.manifest()
    }

    async fn schema(&self, resource_type: &ResourceType) -> ProviderResult<Arc<ResourceSchema>> {
        self.plugin.schema(resource_type).await
    }

    async fn check(&self, request: CheckRequest) -> ProviderResult<CheckResponse> {
        self.plugin.check(request).await
    }

    async fn plan(&self, request: PlanRequest) -> ProviderResult<PlanResponse> {
        self.plugin.plan(request).await
    }

    async fn upgrade_state(
        &self,
        resource_type: &ResourceType,
        stored: ObjectState,
    ) -> ProviderResult<ObjectState> {
        self.plugin.upgrade_state(resource_type, stored).await
    }

    async fn required_permissions(
        &self,
        resource_type: &ResourceType,
        operation: &str,
    ) -> ProviderResult<Vec<String>> {
        self.plugin.required_permissions(resource_type, operation).await
    }

    async fn create(&self, request: CreateRequest) -> ProviderResult<Outcome> {
        let schema = self.plugin.schema(&request.resource_type).await?;
        let (resource_type, name) = (request.resource_type.as_str(), request.name.as_str());
        let mishap = self.weather("create", resource_type, name, true).await?;
        if let Some(object) = self.cloud.by_token(&request.idempotency_token) {
            let full = object.state(Some(&request.planned));
            return Ok(Outcome::Complete(full));
        }
        let generation = self.cloud.made(resource_type, name).to_string();
        let source = self.source(resource_type, name, &generation);
        let attributes = complete(&request.planned, None, &schema, source);
        let id = identifier(&attributes, &schema, source);
        if self.cloud.get(resource_type, &id).is_some() {
            return Err(
                Failure::new(Disposition::AlreadyExists, format!("`{id}` exists already"))
                    .code("SimulatedAlreadyExists"),
            );
        }
        let full = ObjectState {
            id: id.clone(),
            attributes: Value::Map(attributes.clone()),
            private: request.private,
            schema_version: schema.version,
        };
        let object = SimulatedObject {
            resource_type: resource_type.to_owned(),
            name: name.to_owned(),
            id,
            idempotency_token: request.idempotency_token,
            attributes: without_secrets(Value::Map(attributes)),
            changes: 0,
            schema_version: schema.version,
        };
        self.cloud.put(object.clone()).map_err(stored)?;
        self.answer(mishap, &object, full)
    }

    async fn read(&self, request: ReadRequest) -> ProviderResult<Option<ObjectState>> {
        let (resource_type, name) = (request.resource_type.as_str(), request.name.as_str());
        self.weather("read", resource_type, name, false).await?;
        Ok(self.state(&request))
    }

    async fn read_many(
        &self,
        requests: Vec<ReadRequest>,
    ) -> ProviderResult<Vec<ProviderResult<Option<ObjectState>>>> {
        if let Some(first) = requests.first() {
            self.weather(
                "read-many",
                first.resource_type.as_str(),
                first.name.as_str(),
                false,
            )
            .await?;
        }
        let mut answers = Vec::with_capacity(requests.len());
        for request in requests {
            answers.push(Ok(self.state(&request)));
        }
        Ok(answers)
    }

    async fn list(&self, request: ListRequest) -> ProviderResult<Listed> {
        let resource_type = request.resource_type.as_str();
        self.weather("list", resource_type, "", false).await?;
        let page = self
            .cloud
            .page(resource_type, request.cursor.as_deref().unwrap_or_default(), PAGE);
        let next_cursor = (page.len() == PAGE)
            .then(|| page.last().map(|object| object.id.clone()))
            .flatten();
        let wanted = |object: &SimulatedObject| {
            request
                .filter
                .as_map()
                .into_iter()
                .flatten()
                .all(|(name, value)| {
                    object
                        .attributes
                        .attribute(name)
                        .is_some_and(|found| found.same_as(value))
                })
        };
        Ok(Listed {
            objects: page
                .iter()
                .filter(|object| wanted(object))
                .map(|object| object.state(None))
                .collect(),
            next_cursor,
        })
    }

    async fn update(&self, request: UpdateRequest) -> ProviderResult<Outcome> {
        let schema = self.plugin.schema(&request.resource_type).await?;
        let (resource_type, name) = (request.resource_type.as_str(), request.name.as_str());
        let mishap = self.weather("update", resource_type, name, true).await?;
        let mut object = self.cloud.get(resource_type, &request.prior.id).ok_or_else(|| {
            Failure::new(
                Disposition::NotFound,
                format!("there is no `{}`", request.prior.id),
            )
        })?;
        object.changes += 1;
        let generation = format!("{} {}", object.id, object.changes);
        let source = self.source(resource_type, name, &generation);
        let attributes = complete(&request.planned, Some(&request.prior.attributes), &schema, source);
        let full = ObjectState {
            id: object.id.clone(),
            attributes: Value::Map(attributes.clone()),
            private: request.private,
            schema_version: schema.version,
        };
        object.attributes = without_secrets(Value::Map(attributes));
        object.schema_version = schema.version;
        self.cloud.put(object.clone()).map_err(stored)?;
        self.answer(mishap, &object, full)
    }

    async fn delete(&self, request: DeleteRequest) -> ProviderResult<Outcome> {
        let (resource_type, name) = (request.resource_type.as_str(), request.name.as_str());
        let mishap = self.weather("delete", resource_type, name, true).await?;
        if self.cloud.get(resource_type, &request.prior.id).is_some() {
            self.cloud
                .remove(resource_type, &request.prior.id)
                .map_err(stored)?;
        }
        match mishap {
            Some(Mishap::AnswerLost) => Err(Failure::new(
                Disposition::Unavailable,
                "the connection broke before the answer",
            )
            .code("SimulatedLostAnswer")),
            Some(Mishap::Slow(polls)) => Ok(Outcome::InProgress(progress(polls, &request.prior.id))),
            _ => Ok(Outcome::Deleted),
        }
    }

    async fn import(
        &self,
        resource_type: &ResourceType,
        name: &ResourceName,
        id: &str,
    ) -> ProviderResult<Imported> {
        let schema = self.plugin.schema(resource_type).await?;
        self.weather("import", resource_type.as_str(), name.as_str(), false)
            .await?;
        let object = self
            .cloud
            .get(resource_type.as_str(), id)
            .ok_or_else(|| {
                Failure::new(
                    Disposition::NotFound,
                    format!("there is no `{id}` of type {resource_type} in the simulated cloud"),
                )
            })?
            .state(None);
        let inputs = object
            .attributes
            .as_map()
            .into_iter()
            .flatten()
            .filter(|(name, value)| {
                !value.is_null()
                    && schema
                        .attributes
                        .get(*name)
                        .is_some_and(|attribute| !attribute.output_only)
            })
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        Ok(Imported {
            object,
            inputs: Value::Map(inputs),
        })
    }

    async fn poll(&self, request: PollRequest) -> ProviderResult<Outcome> {
        let (resource_type, name) = (request.resource_type.as_str(), request.name.as_str());
        self.weather("poll", resource_type, name, false).await?;
        let handle = String::from_utf8_lossy(&request.handle).into_owned();
        let (left, id) = handle
            .split_once(' ')
            .and_then(|(left, id)| Some((left.parse::<u32>().ok()?, id)))
            .ok_or_else(|| Failure::new(Disposition::NotFound, "there is no such operation"))?;
        if left > 1 {
            return Ok(Outcome::InProgress(progress(left - 1, id)));
        }
        match (request.operation, self.cloud.get(resource_type, id)) {
            (OperationKind::Delete, _) => Ok(Outcome::Deleted),
            (_, Some(object)) => Ok(Outcome::Complete(object.state(Some(&request.planned)))),
            (_, None) => Err(Failure::new(Disposition::NotFound, format!("there is no `{id}`"))),
        }
    }

    async fn invoke(&self, function: &str, _: Value) -> ProviderResult<Value> {
        Err(Failure::new(
            Disposition::Unsupported,
            format!("the simulated cloud has no answer to `{function}`"),
        ))
    }
}
