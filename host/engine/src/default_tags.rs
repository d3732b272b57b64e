//! Tags that a whole provider's resources get, from the module's configuration.
//!
//! They are a default of the tag attribute that the schema names: a resource's own tag wins, and a change of a
//! default tag alone plans as a change of tags.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use konductor_model::manifest::Manifest;
use konductor_model::provider::{
    CheckRequest, CheckResponse, CreateRequest, DeleteRequest, Imported, ListRequest, Listed, ObjectState,
    Outcome, PlanRequest, PlanResponse, PollRequest, Provider, ProviderResult, ReadRequest, UpdateRequest,
};
use konductor_model::{ResourceName, ResourceSchema, ResourceType, Value};

/// A provider whose resources get default tags.
pub struct DefaultTags {
    inner: Arc<dyn Provider>,
    tags: Arc<BTreeMap<String, Value>>,
}

impl DefaultTags {
    /// Wraps a provider; without tags it answers as it is.
    pub fn wrap(inner: Arc<dyn Provider>, tags: BTreeMap<String, Value>) -> Arc<dyn Provider> {
        if tags.is_empty() {
            inner
        } else {
            Arc::new(Self {
                inner,
                tags: Arc::new(tags),
            })
        }
    }

    fn add(&self, inputs: &mut Value, attribute: &str) {
        let Some(inputs) = inputs.as_map_mut() else { return };
        match inputs.entry(attribute.to_owned()).or_insert(Value::Null) {
            tags @ Value::Null => *tags = Value::Map(self.tags.as_ref().clone()),
            Value::Map(own) => {
                for (name, value) in self.tags.iter() {
                    own.entry(name.clone()).or_insert_with(|| value.clone());
                }
            }
            // An unknown map of tags, or one that the provider will refuse.
            _ => {}
        }
    }
}

#[async_trait]
impl Provider for DefaultTags {
    fn manifest(&self) -> &Manifest {
        self.inner.manifest()
    }

    async fn schema(&self, resource_type: &ResourceType) -> ProviderResult<Arc<ResourceSchema>> {
        self.inner.schema(resource_type).await
    }

    async fn check(&self, mut request: CheckRequest) -> ProviderResult<CheckResponse> {
        let schema = self.inner.schema(&request.resource_type).await?;
        if let Some(attribute) = &schema.tags {
            self.add(&mut request.inputs, attribute);
        }
        self.inner.check(request).await
    }

    async fn plan(&self, request: PlanRequest) -> ProviderResult<PlanResponse> {
        self.inner.plan(request).await
    }

    async fn upgrade_state(
        &self,
        resource_type: &ResourceType,
        stored: ObjectState,
    ) -> ProviderResult<ObjectState> {
        self.inner.upgrade_state(resource_type, stored).await
    }

    async fn admit(&self, resource_type: &ResourceType) -> Option<Arc<dyn Provider>> {
        let inner = self.inner.admit(resource_type).await?;
        Some(Arc::new(Self {
            inner,
            tags: self.tags.clone(),
        }))
    }

    async fn required_permissions(
        &self,
        resource_type: &ResourceType,
        operation: &str,
    ) -> ProviderResult<Vec<String>> {
        self.inner.required_permissions(resource_type, operation).await
    }

    async fn create(&self, request: CreateRequest) -> ProviderResult<Outcome> {
        self.inner.create(request).await
    }

    async fn read(&self, request: ReadRequest) -> ProviderResult<Option<ObjectState>> {
        self.inner.read(request).await
    }

    async fn read_many(
        &self,
        requests: Vec<ReadRequest>,
    ) -> ProviderResult<Vec<ProviderResult<Option<ObjectState>>>> {
        self.inner.read_many(requests).await
    }

    async fn list(&self, request: ListRequest) -> ProviderResult<Listed> {
        self.inner.list(request).await
    }

    async fn update(&self, request: UpdateRequest) -> ProviderResult<Outcome> {
        self.inner.update(request).await
    }

    async fn delete(&self, request: DeleteRequest) -> ProviderResult<Outcome> {
        self.inner.delete(request).await
    }

    async fn import(
        &self,
        resource_type: &ResourceType,
        name: &ResourceName,
        id: &str,
    ) -> ProviderResult<Imported> {
        self.inner.import(resource_type, name, id).await
    }

    async fn poll(&self, request: PollRequest) -> ProviderResult<Outcome> {
        self.inner.poll(request).await
    }

    async fn invoke(&self, function: &str, arguments: Value) -> ProviderResult<Value> {
        self.inner.invoke(function, arguments).await
    }
}
