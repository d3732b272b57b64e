//! A plugin's definition as a provider.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use konductor_model::cloud::{Cloud, CloudRequest, CloudResponse, SendError};
use konductor_model::provider::{
    CheckRequest, CheckResponse, CreateRequest, DeleteRequest, Imported, ListRequest, Listed, ObjectState,
    Outcome, PlanRequest, PlanResponse, PollRequest, Provider, ProviderResult, ReadRequest, UpdateRequest,
};
use konductor_model::{Manifest, ResourceName, ResourceSchema, ResourceType, Value};
use konductor_sdk::context::{Host, LogLevel};
use konductor_sdk::{Context, Definition, Dispatcher};

/// The host of a native test.
struct NativeHost {
    cloud: Arc<dyn Cloud>,
    log: Mutex<Vec<String>>,
}

impl Host for NativeHost {
    fn send(&self, request: CloudRequest) -> Result<CloudResponse, SendError> {
        konductor_sdk::block_on(self.cloud.send("", request)).unwrap_or_else(|_| {
            Err(SendError::Other(
                "a native test needs a cloud that answers at once".to_owned(),
            ))
        })
    }

    fn log(&self, _: LogLevel, message: &str, fields: &[(&str, String)]) {
        let fields: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!(" {name}={value}"))
            .collect();
        let line = format!("{message}{}", fields.concat());
        self.log.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// 2026-01-01; the same in every test.
    fn now(&self) -> u64 {
        1_767_225_600_000
    }

    fn random(&self, length: u32) -> Vec<u8> {
        (0..length.min(1_024)).map(|byte| (byte % 251) as u8).collect()
    }
}

/// A plugin without the sandbox.
pub struct NativeProvider {
    manifest: Manifest,
    dispatcher: Dispatcher,
    context: Context,
    host: Arc<NativeHost>,
}

impl std::fmt::Debug for NativeProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NativeProvider")
            .field("plugin", &self.manifest.name)
            .finish_non_exhaustive()
    }
}

impl NativeProvider {
    /// Makes a provider of a definition, with a configuration and a cloud.
    pub fn new(definition: Definition, configuration: Value, cloud: Arc<dyn Cloud>) -> Self {
        let host = Arc::new(NativeHost {
            cloud,
            log: Mutex::default(),
        });
        Self {
            manifest: definition.manifest(),
            dispatcher: Dispatcher::new(definition),
            context: Context::new(configuration, host.clone()),
            host,
        }
    }

    /// Returns what the plugin logged.
    pub fn log(&self) -> Vec<String> {
        self.host
            .log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[async_trait]
impl Provider for NativeProvider {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    async fn schema(&self, resource_type: &ResourceType) -> ProviderResult<Arc<ResourceSchema>> {
        self.dispatcher.schema(resource_type).map(Arc::new)
    }

    async fn check(&self, request: CheckRequest) -> ProviderResult<CheckResponse> {
        self.dispatcher.check(&request)
    }

    async fn plan(&self, request: PlanRequest) -> ProviderResult<PlanResponse> {
        self.dispatcher.plan(&request)
    }

    async fn upgrade_state(
        &self,
        resource_type: &ResourceType,
        stored: ObjectState,
    ) -> ProviderResult<ObjectState> {
        self.dispatcher.upgrade_state(resource_type, stored)
    }

    async fn required_permissions(
        &self,
        resource_type: &ResourceType,
        operation: &str,
    ) -> ProviderResult<Vec<String>> {
        Ok(self.dispatcher.required_permissions(resource_type, operation))
    }

    async fn create(&self, request: CreateRequest) -> ProviderResult<Outcome> {
        self.dispatcher.create(&self.context, &request)
    }

    async fn read(&self, request: ReadRequest) -> ProviderResult<Option<ObjectState>> {
        self.dispatcher.read(&self.context, &request)
    }

    async fn read_many(
        &self,
        requests: Vec<ReadRequest>,
    ) -> ProviderResult<Vec<ProviderResult<Option<ObjectState>>>> {
        self.dispatcher.read_many(&self.context, &requests)
    }

    async fn list(&self, request: ListRequest) -> ProviderResult<Listed> {
        self.dispatcher.list(&self.context, &request)
    }

    async fn update(&self, request: UpdateRequest) -> ProviderResult<Outcome> {
        self.dispatcher.update(&self.context, &request)
    }

    async fn delete(&self, request: DeleteRequest) -> ProviderResult<Outcome> {
        self.dispatcher.delete(&self.context, &request)
    }

    async fn import(
        &self,
        resource_type: &ResourceType,
        name: &ResourceName,
        id: &str,
    ) -> ProviderResult<Imported> {
        self.dispatcher.import(&self.context, resource_type, name, id)
    }

    async fn poll(&self, request: PollRequest) -> ProviderResult<Outcome> {
        self.dispatcher.poll(&self.context, &request)
    }

    async fn invoke(&self, function: &str, arguments: Value) -> ProviderResult<Value> {
        self.dispatcher.invoke(&self.context, function, &arguments)
    }
}
