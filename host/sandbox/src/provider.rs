//! A plugin as a provider.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use konductor_model::provider::{
    CheckRequest, CheckResponse, CreateRequest, DeleteRequest, Imported, ListRequest, Listed, ObjectState,
    Outcome, PlanRequest, PlanResponse, PollRequest, Provider, ProviderResult, ReadRequest, UpdateRequest,
};
use konductor_model::{Disposition, Failure, Manifest, ResourceName, ResourceSchema, ResourceType, Value};

use crate::call::{Call, Class};
use crate::plugin::Plugin;
use crate::request::Stored;

/// Calls one function of the exports in an instance of its own.
///
/// A request that holds values comes last, after `sealing`.
macro_rules! call {
    ($plugin:ident, $call:expr, $function:ident ( $($argument:expr),* )) => {
        $plugin
            .run($call, move |session, exports| {
                Box::pin(async move { exports.$function(session, $($argument),*).await })
            })
            .await
    };
    ($plugin:ident, $call:expr, $function:ident ( $($argument:expr),* ) sealing $request:expr) => {{
        let call = $call;
        let request = $plugin.seal(&call, $request).await?;
        call!($plugin, call, $function($($argument,)* request))
    }};
}
pub(crate) use call;

impl Plugin {
    /// Makes a call about a type; fails where the plugin does not have the type.
    fn about(
        &self,
        class: Class,
        function: &'static str,
        name: impl fmt::Display,
        kind: &ResourceType,
    ) -> Result<Call, Failure> {
        let manifest = self.manifest();
        if manifest.resource_types.contains(kind) || manifest.component_types.contains(kind) {
            return Ok(Call::new(class, function, name, kind));
        }
        Err(Failure::new(
            Disposition::Unsupported,
            format!(
                "plugin {} {} has no type {kind}; `konductor catalog list` shows what there is",
                manifest.name, manifest.version
            ),
        ))
    }
}

/// Names the resources of a batch: the first, and how many more.
fn batch_name(requests: &[ReadRequest]) -> String {
    match requests {
        [] => String::new(),
        [only] => only.name.to_string(),
        [first, rest @ ..] => format!("{} and {} more", first.name, rest.len()),
    }
}

#[async_trait]
impl Provider for Plugin {
    fn manifest(&self) -> &Manifest {
        &self.loaded.manifest
    }

    async fn schema(&self, resource_type: &ResourceType) -> ProviderResult<Arc<ResourceSchema>> {
        let known = |schemas: &std::collections::HashMap<ResourceType, Arc<ResourceSchema>>| {
            schemas.get(resource_type).cloned()
        };
        let cached = self
            .loaded
            .schemas
            .read()
            .ok()
            .and_then(|schemas| known(&schemas));
        if let Some(schema) = cached {
            return Ok(schema);
        }
        let call = self.about(Class::Pure, "schema", "", resource_type)?;
        let kind = resource_type.clone();
        let answer = call!(self, call.clone(), schema(&kind))?;
        let schema: ResourceSchema = self.document(&call, &answer)?;
        if schema.resource_type != *resource_type {
            return Err(self.misbehaved(
                &call,
                &format!("answered with the schema of {}", schema.resource_type),
            ));
        }
        let schema = Arc::new(schema);
        if let Ok(mut schemas) = self.loaded.schemas.write() {
            schemas.insert(resource_type.clone(), Arc::clone(&schema));
        }
        Ok(schema)
    }

    async fn check(&self, request: CheckRequest) -> ProviderResult<CheckResponse> {
        let call = self.about(Class::Pure, "check", &request.name, &request.resource_type)?;
        call!(self, call, check() sealing request)
    }

    async fn plan(&self, request: PlanRequest) -> ProviderResult<PlanResponse> {
        let call = self.about(Class::Pure, "plan", &request.name, &request.resource_type)?;
        call!(self, call, plan() sealing request)
    }

    async fn upgrade_state(
        &self,
        resource_type: &ResourceType,
        stored: ObjectState,
    ) -> ProviderResult<ObjectState> {
        let call = self.about(Class::Pure, "upgrade-state", &stored.id, resource_type)?;
        call!(self, call, upgrade_state() sealing Stored { resource_type: resource_type.clone(), object: stored })
    }

    async fn admit(&self, resource_type: &ResourceType) -> Option<Arc<dyn Provider>> {
        let admitted = self.admitted(resource_type.as_str()).await?;
        Some(Arc::new(admitted))
    }

    async fn required_permissions(
        &self,
        resource_type: &ResourceType,
        operation: &str,
    ) -> ProviderResult<Vec<String>> {
        let call = self.about(Class::Pure, "required-permissions", operation, resource_type)?;
        let (kind, operation) = (resource_type.clone(), operation.to_owned());
        call!(self, call, required_permissions(&kind, &operation))
    }

    async fn create(&self, request: CreateRequest) -> ProviderResult<Outcome> {
        let call = self.about(Class::Operation, "create", &request.name, &request.resource_type)?;
        call!(self, call, create() sealing request)
    }

    async fn read(&self, request: ReadRequest) -> ProviderResult<Option<ObjectState>> {
        let call = self.about(Class::Operation, "read", &request.name, &request.resource_type)?;
        call!(self, call, read() sealing request)
    }

    async fn read_many(
        &self,
        requests: Vec<ReadRequest>,
    ) -> ProviderResult<Vec<ProviderResult<Option<ObjectState>>>> {
        let Some(first) = requests.first() else {
            return Ok(Vec::new());
        };
        let name = batch_name(&requests);
        let call = self.about(Class::Operation, "read-many", name, &first.resource_type)?;
        for request in &requests {
            self.about(
                Class::Operation,
                "read-many",
                &request.name,
                &request.resource_type,
            )?;
        }
        let asked = requests.len();
        let answers = call!(self, call.clone(), read_many() sealing requests)?;
        if answers.len() != asked {
            return Err(self.misbehaved(&call, &format!("answered {} of {asked} requests", answers.len())));
        }
        Ok(answers)
    }

    async fn list(&self, request: ListRequest) -> ProviderResult<Listed> {
        let call = self.about(Class::Operation, "list", "", &request.resource_type)?;
        call!(self, call, list() sealing request)
    }

    async fn update(&self, request: UpdateRequest) -> ProviderResult<Outcome> {
        let call = self.about(Class::Operation, "update", &request.name, &request.resource_type)?;
        call!(self, call, update() sealing request)
    }

    async fn delete(&self, request: DeleteRequest) -> ProviderResult<Outcome> {
        let call = self.about(Class::Operation, "delete", &request.name, &request.resource_type)?;
        call!(self, call, delete() sealing request)
    }

    async fn import(
        &self,
        resource_type: &ResourceType,
        name: &ResourceName,
        id: &str,
    ) -> ProviderResult<Imported> {
        let call = self.about(Class::Operation, "import", name, resource_type)?;
        let (kind, name, id) = (resource_type.clone(), name.clone(), id.to_owned());
        call!(self, call, import(&kind, name.as_str(), &id))
    }

    async fn poll(&self, request: PollRequest) -> ProviderResult<Outcome> {
        let call = self.about(Class::Operation, "poll", &request.name, &request.resource_type)?;
        call!(self, call, poll() sealing request)
    }

    async fn invoke(&self, function: &str, arguments: Value) -> ProviderResult<Value> {
        let manifest = self.manifest();
        if !manifest.functions.iter().any(|known| known == function) {
            return Err(Failure::new(
                Disposition::Unsupported,
                format!(
                    "plugin {} {} has no function `{function}`",
                    manifest.name, manifest.version
                ),
            ));
        }
        let call = Call::new(Class::Operation, "invoke", function, "");
        let function = function.to_owned();
        call!(self, call, invoke(&function) sealing arguments)
    }
}
