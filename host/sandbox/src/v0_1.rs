//! The adapter for version 0.1 of the interface. It converts types and nothing else: what a guest may do and
//! what it may answer is decided below it, once for all versions.

mod bindings;
mod convert;
mod values;

use konductor_model::cloud::{CloudRequest, SendError};
use konductor_model::module as declare;
use konductor_model::provider as model;
use konductor_model::{ResourceType, Value};
use wasmtime::component::{HasSelf, InstancePre, Linker};

use crate::guest::{Answered, Session};
use crate::host_functions::LogLevel;
use crate::interface::Parts;
use crate::request::Stored;
use crate::sealing::Sealed;
use crate::store::CallState;
use bindings::exports::konductor::plugin::{compliance, module, operations, plugin, provider};
use bindings::konductor::plugin::{clock, cloud, log, random, types};
use convert::{object_in, object_out, outcome_in};
use values::{value_in, value_out};

/// Offers this version's imports.
pub(crate) fn add_to_linker(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    types::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    cloud::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    log::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    clock::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    random::add_to_linker::<_, HasSelf<_>>(linker, |state| state)
}

impl types::Host for CallState {}

impl cloud::Host for CallState {
    async fn send(
        &mut self,
        request: cloud::Request,
    ) -> wasmtime::Result<Result<cloud::Response, cloud::SendError>> {
        let request = CloudRequest {
            endpoint: request.endpoint,
            region: request.region,
            method: request.method,
            path: request.path,
            query: request.query,
            headers: request.headers,
            body: request.body,
            idempotent: request.idempotent,
        };
        Ok(Self::send(self, request)
            .await
            .map(|response| cloud::Response {
                status: response.status,
                headers: response.headers,
                body: response.body,
            })
            .map_err(|error| match error {
                SendError::Denied(why) => cloud::SendError::Denied(why),
                SendError::NoCredentials(why) => cloud::SendError::NoCredentials(why),
                SendError::Timeout(why) => cloud::SendError::Timeout(why),
                SendError::Connection(why) => cloud::SendError::Connection(why),
                SendError::TooLarge(why) => cloud::SendError::TooLarge(why),
                SendError::Other(why) => cloud::SendError::Other(why),
            }))
    }
}

impl log::Host for CallState {
    async fn write(
        &mut self,
        level: log::Level,
        message: String,
        fields: Vec<(String, String)>,
    ) -> wasmtime::Result<()> {
        let level = match level {
            log::Level::Trace => LogLevel::Trace,
            log::Level::Debug => LogLevel::Debug,
            log::Level::Info => LogLevel::Info,
            log::Level::Warn => LogLevel::Warn,
            log::Level::Error => LogLevel::Error,
        };
        self.log(level, &message, &fields);
        Ok(())
    }
}

impl clock::Host for CallState {
    async fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.clock())
    }
}

impl random::Host for CallState {
    async fn bytes(&mut self, length: u32) -> wasmtime::Result<Vec<u8>> {
        self.random_bytes(length)
    }
}

/// The exports of one plugin, looked up once.
pub(crate) struct Exports {
    plugin: plugin::GuestIndices,
    provider: Option<provider::GuestIndices>,
    operations: Option<operations::GuestIndices>,
    module: Option<module::GuestIndices>,
    compliance: Option<compliance::GuestIndices>,
}

/// Loads one interface of the instance; a plugin without it was sorted out before the call.
macro_rules! guest {
    ($self:ident, $session:ident, $interface:ident) => {
        $self
            .$interface
            .as_ref()
            .ok_or_else(|| wasmtime::format_err!("it does not export `{}`", stringify!($interface)))?
            .load(&mut $session.store, &$session.instance)?
    };
}

impl Exports {
    /// Looks up the exports of a plugin.
    pub(crate) fn new(pre: &InstancePre<CallState>, parts: &Parts) -> wasmtime::Result<Self> {
        Ok(Self {
            plugin: plugin::GuestIndices::new(pre)?,
            provider: parts
                .provider
                .then(|| provider::GuestIndices::new(pre))
                .transpose()?,
            operations: parts
                .provider
                .then(|| operations::GuestIndices::new(pre))
                .transpose()?,
            module: parts
                .provider
                .then(|| module::GuestIndices::new(pre))
                .transpose()?,
            compliance: parts
                .compliance
                .then(|| compliance::GuestIndices::new(pre))
                .transpose()?,
        })
    }

    /// Compares the types of every export with those of the interface.
    pub(crate) fn check_types(&self, session: &mut Session) -> wasmtime::Result<()> {
        let Session { store, instance } = session;
        self.plugin.load(&mut *store, instance)?;
        if let Some(indices) = &self.provider {
            indices.load(&mut *store, instance)?;
        }
        if let Some(indices) = &self.operations {
            indices.load(&mut *store, instance)?;
        }
        if let Some(indices) = &self.module {
            indices.load(&mut *store, instance)?;
        }
        if let Some(indices) = &self.compliance {
            indices.load(&mut *store, instance)?;
        }
        Ok(())
    }

    pub(crate) async fn describe(&self, s: &mut Session) -> Answered<String> {
        let guest = self.plugin.load(&mut s.store, &s.instance)?;
        Ok(guest.call_describe(&mut s.store).await?)
    }

    pub(crate) async fn schema(&self, s: &mut Session, resource_type: &ResourceType) -> Answered<String> {
        let guest = guest!(self, s, provider);
        Ok(guest.call_schema(&mut s.store, resource_type.as_str()).await??)
    }

    pub(crate) async fn check(
        &self,
        s: &mut Session,
        request: Sealed<model::CheckRequest>,
    ) -> Answered<model::CheckResponse> {
        let guest = guest!(self, s, provider);
        let request = request.into_inner();
        let request = provider::CheckRequest {
            resource_type: request.resource_type.to_string(),
            name: request.name.to_string(),
            inputs: value_out(&request.inputs),
            prior_inputs: request.prior_inputs.as_ref().map(value_out),
        };
        let answer = guest.call_check(&mut s.store, &request).await??;
        Ok(model::CheckResponse {
            inputs: value_in("inputs", answer.inputs, s)?,
            diagnostics: convert::diagnostics_in(answer.diagnostics),
        })
    }

    pub(crate) async fn plan(
        &self,
        s: &mut Session,
        request: Sealed<model::PlanRequest>,
    ) -> Answered<model::PlanResponse> {
        let guest = guest!(self, s, provider);
        let request = request.into_inner();
        let request = provider::PlanRequest {
            resource_type: request.resource_type.to_string(),
            name: request.name.to_string(),
            prior: request.prior.map(object_out),
            prior_inputs: request.prior_inputs.as_ref().map(value_out),
            inputs: value_out(&request.inputs),
        };
        let answer = guest.call_plan(&mut s.store, &request).await??;
        Ok(model::PlanResponse {
            planned: value_in("planned", answer.planned, s)?,
            changes: answer.changes.into_iter().map(convert::change_in).collect(),
            delete_before_replace: answer.delete_before_replace,
            private: answer.private,
            diagnostics: convert::diagnostics_in(answer.diagnostics),
        })
    }

    pub(crate) async fn upgrade_state(
        &self,
        s: &mut Session,
        stored: Sealed<Stored>,
    ) -> Answered<model::ObjectState> {
        let guest = guest!(self, s, provider);
        let Stored {
            resource_type,
            object,
        } = stored.into_inner();
        let answer = guest
            .call_upgrade_state(&mut s.store, resource_type.as_str(), &object_out(object))
            .await??;
        object_in(answer, s)
    }

    pub(crate) async fn required_permissions(
        &self,
        s: &mut Session,
        resource_type: &ResourceType,
        operation: &str,
    ) -> Answered<Vec<String>> {
        let guest = guest!(self, s, provider);
        Ok(guest
            .call_required_permissions(&mut s.store, resource_type.as_str(), operation)
            .await?)
    }

    pub(crate) async fn configure(&self, s: &mut Session, configuration: Sealed<Value>) -> Answered<()> {
        let guest = guest!(self, s, operations);
        Ok(guest
            .call_configure(&mut s.store, &value_out(&configuration.into_inner()))
            .await??)
    }

    pub(crate) async fn create(
        &self,
        s: &mut Session,
        request: Sealed<model::CreateRequest>,
    ) -> Answered<model::Outcome> {
        let guest = guest!(self, s, operations);
        let request = request.into_inner();
        let request = operations::CreateRequest {
            resource_type: request.resource_type.to_string(),
            name: request.name.to_string(),
            inputs: value_out(&request.inputs),
            planned: value_out(&request.planned),
            private: request.private,
            idempotency_token: request.idempotency_token,
        };
        let answer = guest.call_create(&mut s.store, &request).await??;
        outcome_in(answer, s)
    }

    pub(crate) async fn update(
        &self,
        s: &mut Session,
        request: Sealed<model::UpdateRequest>,
    ) -> Answered<model::Outcome> {
        let guest = guest!(self, s, operations);
        let request = request.into_inner();
        let request = operations::UpdateRequest {
            resource_type: request.resource_type.to_string(),
            name: request.name.to_string(),
            prior: object_out(request.prior),
            prior_inputs: value_out(&request.prior_inputs),
            inputs: value_out(&request.inputs),
            planned: value_out(&request.planned),
            private: request.private,
            idempotency_token: request.idempotency_token,
        };
        let answer = guest.call_update(&mut s.store, &request).await??;
        outcome_in(answer, s)
    }

    pub(crate) async fn delete(
        &self,
        s: &mut Session,
        request: Sealed<model::DeleteRequest>,
    ) -> Answered<model::Outcome> {
        let guest = guest!(self, s, operations);
        let request = request.into_inner();
        let request = operations::DeleteRequest {
            resource_type: request.resource_type.to_string(),
            name: request.name.to_string(),
            prior: object_out(request.prior),
            idempotency_token: request.idempotency_token,
        };
        Ok(match guest.call_delete(&mut s.store, &request).await?? {
            operations::Deletion::Complete => model::Outcome::Deleted,
            operations::Deletion::InProgress(progress) => {
                model::Outcome::InProgress(convert::progress_in(progress))
            }
        })
    }

    pub(crate) async fn read(
        &self,
        s: &mut Session,
        request: Sealed<model::ReadRequest>,
    ) -> Answered<Option<model::ObjectState>> {
        let guest = guest!(self, s, operations);
        let answer = guest
            .call_read(&mut s.store, &convert::read_out(request.into_inner()))
            .await??;
        answer.map(|object| object_in(object, s)).transpose()
    }

    pub(crate) async fn read_many(
        &self,
        s: &mut Session,
        requests: Sealed<Vec<model::ReadRequest>>,
    ) -> Answered<Vec<model::ProviderResult<Option<model::ObjectState>>>> {
        let guest = guest!(self, s, operations);
        let requests: Vec<_> = requests.into_inner().into_iter().map(convert::read_out).collect();
        let answers = guest.call_read_many(&mut s.store, &requests).await??;
        answers
            .into_iter()
            .map(|answer| match answer {
                Ok(object) => Ok(Ok(object.map(|object| object_in(object, s)).transpose()?)),
                Err(error) => Ok(Err(convert::failure_in(error))),
            })
            .collect()
    }

    pub(crate) async fn list(
        &self,
        s: &mut Session,
        request: Sealed<model::ListRequest>,
    ) -> Answered<model::Listed> {
        let guest = guest!(self, s, operations);
        let request = request.into_inner();
        let request = operations::ListRequest {
            resource_type: request.resource_type.to_string(),
            filter: value_out(&request.filter),
            cursor: request.cursor,
        };
        let answer = guest.call_list(&mut s.store, &request).await??;
        let objects = answer.objects.into_iter().map(|object| object_in(object, s));
        Ok(model::Listed {
            objects: objects.collect::<Answered<_>>()?,
            next_cursor: answer.next_cursor,
        })
    }

    pub(crate) async fn import(
        &self,
        s: &mut Session,
        resource_type: &ResourceType,
        name: &str,
        id: &str,
    ) -> Answered<model::Imported> {
        let guest = guest!(self, s, operations);
        let answer = guest
            .call_import(&mut s.store, resource_type.as_str(), name, id)
            .await??;
        Ok(model::Imported {
            object: object_in(answer.object, s)?,
            inputs: value_in("inputs", answer.inputs, s)?,
        })
    }

    pub(crate) async fn poll(
        &self,
        s: &mut Session,
        request: Sealed<model::PollRequest>,
    ) -> Answered<model::Outcome> {
        let guest = guest!(self, s, operations);
        let request = request.into_inner();
        let request = operations::PollRequest {
            resource_type: request.resource_type.to_string(),
            name: request.name.to_string(),
            operation: match request.operation {
                model::OperationKind::Create => operations::Operation::Create,
                model::OperationKind::Update => operations::Operation::Update,
                model::OperationKind::Delete => operations::Operation::Delete,
            },
            handle: request.handle,
            planned: value_out(&request.planned),
        };
        Ok(match guest.call_poll(&mut s.store, &request).await?? {
            operations::PollOutcome::Complete(object) => model::Outcome::Complete(object_in(object, s)?),
            operations::PollOutcome::Deleted => model::Outcome::Deleted,
            operations::PollOutcome::InProgress(progress) => {
                model::Outcome::InProgress(convert::progress_in(progress))
            }
            operations::PollOutcome::Partial(partial) => convert::partial_in(partial, s)?,
        })
    }

    pub(crate) async fn invoke(
        &self,
        s: &mut Session,
        function: &str,
        arguments: Sealed<Value>,
    ) -> Answered<Value> {
        let guest = guest!(self, s, operations);
        let answer = guest
            .call_invoke(&mut s.store, function, &value_out(&arguments.into_inner()))
            .await??;
        value_in("the answer", answer, s)
    }

    pub(crate) async fn config_schema(&self, s: &mut Session, name: &str) -> Answered<String> {
        let guest = guest!(self, s, module);
        Ok(guest.call_config_schema(&mut s.store, name).await??)
    }

    pub(crate) async fn defaults(&self, s: &mut Session, name: &str) -> Answered<Value> {
        let guest = guest!(self, s, module);
        let answer = guest.call_defaults(&mut s.store, name).await??;
        value_in("the defaults", answer, s)
    }

    pub(crate) async fn dependencies(&self, s: &mut Session, name: &str) -> Answered<Vec<String>> {
        let guest = guest!(self, s, module);
        Ok(guest.call_dependencies(&mut s.store, name).await?)
    }

    pub(crate) async fn construct(
        &self,
        s: &mut Session,
        request: Sealed<declare::ConstructRequest>,
    ) -> Answered<declare::ConstructResponse> {
        let guest = guest!(self, s, module);
        let request = request.into_inner();
        let request = module::ConstructRequest {
            target: request.target,
            name: request.name.to_string(),
            inputs: value_out(&request.inputs),
            metadata: value_out(&request.metadata),
        };
        let answer = guest.call_construct(&mut s.store, &request).await??;
        let declarations = answer
            .declarations
            .into_iter()
            .map(|declaration| convert::declaration_in(declaration, s));
        Ok(declare::ConstructResponse {
            declarations: declarations.collect::<Answered<_>>()?,
            outputs: value_in("outputs", answer.outputs, s)?,
            diagnostics: convert::diagnostics_in(answer.diagnostics),
        })
    }

    pub(crate) async fn frameworks(&self, s: &mut Session) -> Answered<String> {
        let guest = guest!(self, s, compliance);
        Ok(guest.call_frameworks(&mut s.store).await?)
    }

    pub(crate) async fn controls_for(&self, s: &mut Session, type_name: &str) -> Answered<String> {
        let guest = guest!(self, s, compliance);
        Ok(guest.call_controls_for(&mut s.store, type_name).await?)
    }

    #[allow(clippy::ptr_arg, reason = "the binding of a string alias takes a `&String`")]
    pub(crate) async fn evaluate(&self, s: &mut Session, resources: &String) -> Answered<String> {
        let guest = guest!(self, s, compliance);
        Ok(guest.call_evaluate(&mut s.store, resources).await??)
    }
}
