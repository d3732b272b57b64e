//! The exports of a plugin, over the dispatcher.

use std::cell::RefCell;
use std::sync::Arc;

use konductor_model::cloud::{CloudRequest, CloudResponse, SendError};
use konductor_model::module::ConstructRequest;
use konductor_model::provider::{
    CheckRequest, CreateRequest, DeleteRequest, ListRequest, OperationKind, PlanRequest, PollRequest,
    ReadRequest, UpdateRequest,
};
use konductor_model::{Disposition, Failure, Value};

use crate::bindings::exports::konductor::plugin as exports;
use crate::bindings::konductor::plugin as imports;
use crate::bindings::konductor::plugin::types as wit;
use crate::context::{Context, Host, LogLevel};
use crate::definition::Plugin;
use crate::dispatch::Dispatcher;
use crate::export::ProviderAdapter;
use crate::wire::{
    change_out, deletion_out, diagnostics_out, failure_out, name_in, object_in, object_out,
    optional_value_in, outcome_out, poll_out, type_in, value_in, value_out,
};

thread_local! {
    // Each operation has an instance of its own, which is configured first.
    static CONFIG: RefCell<Value> = const { RefCell::new(Value::Null) };
}

/// The host that runs the plugin.
struct Sandbox;

impl Host for Sandbox {
    fn send(&self, request: CloudRequest) -> Result<CloudResponse, SendError> {
        let request = imports::cloud::Request {
            endpoint: request.endpoint,
            region: request.region,
            method: request.method,
            path: request.path,
            query: request.query,
            headers: request.headers,
            body: request.body,
            idempotent: request.idempotent,
        };
        match imports::cloud::send(&request) {
            Ok(response) => Ok(CloudResponse {
                status: response.status,
                headers: response.headers,
                body: response.body,
            }),
            Err(error) => Err(match error {
                imports::cloud::SendError::Denied(why) => SendError::Denied(why),
                imports::cloud::SendError::NoCredentials(why) => SendError::NoCredentials(why),
                imports::cloud::SendError::Timeout(why) => SendError::Timeout(why),
                imports::cloud::SendError::Connection(why) => SendError::Connection(why),
                imports::cloud::SendError::TooLarge(why) => SendError::TooLarge(why),
                imports::cloud::SendError::Other(why) => SendError::Other(why),
            }),
        }
    }

    fn log(&self, level: LogLevel, message: &str, fields: &[(&str, String)]) {
        let level = match level {
            LogLevel::Trace => imports::log::Level::Trace,
            LogLevel::Debug => imports::log::Level::Debug,
            LogLevel::Info => imports::log::Level::Info,
            LogLevel::Warn => imports::log::Level::Warn,
            LogLevel::Error => imports::log::Level::Error,
        };
        let fields: Vec<(String, String)> = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        imports::log::write(level, message, &fields);
    }

    fn now(&self) -> u64 {
        imports::clock::now()
    }

    fn random(&self, length: u32) -> Vec<u8> {
        imports::random::bytes(length)
    }
}

fn context() -> Context {
    Context::new(CONFIG.with(|config| config.borrow().clone()), Arc::new(Sandbox))
}

/// Runs a call and turns its failure into the interface's error.
fn answer<T>(call: impl FnOnce() -> Result<T, Failure>) -> Result<T, wit::Error> {
    call().map_err(failure_out)
}

fn json(value: &serde_json::Value) -> String {
    value.to_string()
}

impl<P: Plugin> ProviderAdapter<P> {
    fn dispatcher() -> Dispatcher {
        Dispatcher::new(P::definition())
    }
}

impl<P: Plugin> exports::plugin::Guest for ProviderAdapter<P> {
    fn describe() -> String {
        serde_json::to_string(&Self::dispatcher().manifest()).unwrap_or_default()
    }
}

impl<P: Plugin> exports::provider::Guest for ProviderAdapter<P> {
    fn check(
        request: exports::provider::CheckRequest,
    ) -> Result<exports::provider::CheckResponse, wit::Error> {
        answer(|| {
            let response = Self::dispatcher().check(&CheckRequest {
                resource_type: type_in(&request.resource_type)?,
                name: name_in(&request.name)?,
                inputs: value_in(request.inputs)?,
                prior_inputs: optional_value_in(request.prior_inputs)?,
            })?;
            Ok(exports::provider::CheckResponse {
                inputs: value_out(&response.inputs),
                diagnostics: diagnostics_out(&response.diagnostics),
            })
        })
    }

    fn plan(request: exports::provider::PlanRequest) -> Result<exports::provider::PlanResponse, wit::Error> {
        answer(|| {
            let response = Self::dispatcher().plan(&PlanRequest {
                resource_type: type_in(&request.resource_type)?,
                name: name_in(&request.name)?,
                prior: request.prior.map(object_in).transpose()?,
                prior_inputs: optional_value_in(request.prior_inputs)?,
                inputs: value_in(request.inputs)?,
            })?;
            Ok(exports::provider::PlanResponse {
                planned: value_out(&response.planned),
                changes: response.changes.iter().map(change_out).collect(),
                delete_before_replace: response.delete_before_replace,
                private: response.private,
                diagnostics: diagnostics_out(&response.diagnostics),
            })
        })
    }

    fn upgrade_state(resource_type: String, stored: wit::Object) -> Result<wit::Object, wit::Error> {
        answer(|| {
            Self::dispatcher()
                .upgrade_state(&type_in(&resource_type)?, object_in(stored)?)
                .map(object_out)
        })
    }

    fn required_permissions(resource_type: String, operation: String) -> Vec<String> {
        type_in(&resource_type)
            .map(|resource_type| Self::dispatcher().required_permissions(&resource_type, &operation))
            .unwrap_or_default()
    }

    fn schema(resource_type: String) -> Result<String, wit::Error> {
        answer(|| {
            let schema = Self::dispatcher().schema(&type_in(&resource_type)?)?;
            serde_json::to_string(&schema)
                .map_err(|error| Failure::new(Disposition::Other, error.to_string()))
        })
    }
}

fn read_request_in(request: exports::operations::ReadRequest) -> Result<ReadRequest, Failure> {
    Ok(ReadRequest {
        resource_type: type_in(&request.resource_type)?,
        name: name_in(&request.name)?,
        id: request.id,
        prior: request.prior.map(object_in).transpose()?,
    })
}

impl<P: Plugin> exports::operations::Guest for ProviderAdapter<P> {
    fn configure(config: wit::Value) -> Result<(), wit::Error> {
        answer(|| {
            let config = value_in(config)?;
            CONFIG.with(|place| *place.borrow_mut() = config);
            Ok(())
        })
    }

    fn create(
        request: exports::operations::CreateRequest,
    ) -> Result<exports::operations::Outcome, wit::Error> {
        let outcome = answer(|| {
            Self::dispatcher().create(
                &context(),
                &CreateRequest {
                    resource_type: type_in(&request.resource_type)?,
                    name: name_in(&request.name)?,
                    inputs: value_in(request.inputs)?,
                    planned: value_in(request.planned)?,
                    private: request.private,
                    idempotency_token: request.idempotency_token,
                },
            )
        })?;
        outcome_out(outcome)
    }

    fn read(request: exports::operations::ReadRequest) -> Result<Option<wit::Object>, wit::Error> {
        answer(|| {
            let object = Self::dispatcher().read(&context(), &read_request_in(request)?)?;
            Ok(object.map(object_out))
        })
    }

    fn read_many(
        requests: Vec<exports::operations::ReadRequest>,
    ) -> Result<Vec<Result<Option<wit::Object>, wit::Error>>, wit::Error> {
        answer(|| {
            let requests = requests
                .into_iter()
                .map(read_request_in)
                .collect::<Result<Vec<_>, _>>()?;
            Ok(Self::dispatcher()
                .read_many(&context(), &requests)?
                .into_iter()
                .map(|result| result.map(|object| object.map(object_out)).map_err(failure_out))
                .collect())
        })
    }

    fn list(request: exports::operations::ListRequest) -> Result<exports::operations::Listed, wit::Error> {
        answer(|| {
            let listed = Self::dispatcher().list(
                &context(),
                &ListRequest {
                    resource_type: type_in(&request.resource_type)?,
                    filter: value_in(request.filter)?,
                    cursor: request.cursor,
                },
            )?;
            Ok(exports::operations::Listed {
                objects: listed.objects.into_iter().map(object_out).collect(),
                next_cursor: listed.next_cursor,
            })
        })
    }

    fn update(
        request: exports::operations::UpdateRequest,
    ) -> Result<exports::operations::Outcome, wit::Error> {
        let outcome = answer(|| {
            Self::dispatcher().update(
                &context(),
                &UpdateRequest {
                    resource_type: type_in(&request.resource_type)?,
                    name: name_in(&request.name)?,
                    prior: object_in(request.prior)?,
                    prior_inputs: value_in(request.prior_inputs)?,
                    inputs: value_in(request.inputs)?,
                    planned: value_in(request.planned)?,
                    private: request.private,
                    idempotency_token: request.idempotency_token,
                },
            )
        })?;
        outcome_out(outcome)
    }

    fn delete(
        request: exports::operations::DeleteRequest,
    ) -> Result<exports::operations::Deletion, wit::Error> {
        let outcome = answer(|| {
            Self::dispatcher().delete(
                &context(),
                &DeleteRequest {
                    resource_type: type_in(&request.resource_type)?,
                    name: name_in(&request.name)?,
                    prior: object_in(request.prior)?,
                    idempotency_token: request.idempotency_token,
                },
            )
        })?;
        deletion_out(outcome)
    }

    fn import(
        resource_type: String,
        name: String,
        id: String,
    ) -> Result<exports::operations::Imported, wit::Error> {
        answer(|| {
            let imported =
                Self::dispatcher().import(&context(), &type_in(&resource_type)?, &name_in(&name)?, &id)?;
            Ok(exports::operations::Imported {
                inputs: value_out(&imported.inputs),
                object: object_out(imported.object),
            })
        })
    }

    fn poll(
        request: exports::operations::PollRequest,
    ) -> Result<exports::operations::PollOutcome, wit::Error> {
        answer(|| {
            let outcome = Self::dispatcher().poll(
                &context(),
                &PollRequest {
                    resource_type: type_in(&request.resource_type)?,
                    name: name_in(&request.name)?,
                    operation: match request.operation {
                        exports::operations::Operation::Create => OperationKind::Create,
                        exports::operations::Operation::Update => OperationKind::Update,
                        exports::operations::Operation::Delete => OperationKind::Delete,
                    },
                    handle: request.handle,
                    planned: value_in(request.planned)?,
                },
            )?;
            Ok(poll_out(outcome))
        })
    }

    fn invoke(function: String, arguments: wit::Value) -> Result<wit::Value, wit::Error> {
        answer(|| {
            let result = Self::dispatcher().invoke(&context(), &function, &value_in(arguments)?)?;
            Ok(value_out(&result))
        })
    }
}

impl<P: Plugin> exports::module::Guest for ProviderAdapter<P> {
    fn config_schema(module: String) -> Result<String, wit::Error> {
        answer(|| Ok(json(&Self::dispatcher().config_schema(&module)?)))
    }

    fn defaults(module: String) -> Result<wit::Value, wit::Error> {
        answer(|| Ok(value_out(&Self::dispatcher().defaults(&module)?)))
    }

    fn dependencies(module: String) -> Vec<String> {
        Self::dispatcher().dependencies(&module)
    }

    fn construct(
        request: exports::module::ConstructRequest,
    ) -> Result<exports::module::ConstructResponse, wit::Error> {
        answer(|| {
            let response = Self::dispatcher().construct(ConstructRequest {
                target: request.target,
                name: name_in(&request.name)?,
                inputs: value_in(request.inputs)?,
                metadata: value_in(request.metadata)?,
            })?;
            let declarations = response
                .declarations
                .into_iter()
                .map(|declaration| {
                    // Options are plain data, so JSON is a faithful way to a value.
                    let options = serde_json::to_value(&declaration.options)
                        .ok()
                        .and_then(|options| konductor_model::value_json::from_json(options).ok())
                        .unwrap_or_else(Value::empty_map);
                    exports::module::Declaration {
                        name: declaration.name,
                        type_name: declaration.resource_type.to_string(),
                        properties: value_out(&declaration.properties),
                        options: value_out(&options),
                    }
                })
                .collect();
            Ok(exports::module::ConstructResponse {
                declarations,
                outputs: value_out(&response.outputs),
                diagnostics: diagnostics_out(&response.diagnostics),
            })
        })
    }
}
