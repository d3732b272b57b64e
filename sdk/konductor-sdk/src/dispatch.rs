//! From a call to the type it is for, with everything the schema says done around it. Runs natively too.

use konductor_model::module::{ConstructRequest, ConstructResponse};
use konductor_model::provider::{
    CheckRequest, CheckResponse, CreateRequest, DeleteRequest, Imported, ListRequest, Listed, ObjectState,
    Outcome, PlanRequest, PlanResponse, PollRequest, ReadRequest, UpdateRequest,
};
use konductor_model::schema::ResourceSchema;
use konductor_model::{Disposition, Failure, Manifest, ResourceName, ResourceType, Value};

use crate::check::check_inputs;
use crate::component::{Component, Construction, Module};
use crate::context::Context;
use crate::definition::Definition;
use crate::equality::{mark_sensitive, normalise, without_nulls};
use crate::plan::plan_object;
use crate::redaction::without_secrets;
use crate::resource::{ReadResult, ResourceProvider};

/// Answers the calls of the interface for a definition.
pub struct Dispatcher(Definition);

fn unknown_type(name: impl std::fmt::Display) -> Failure {
    Failure::new(
        Disposition::Unsupported,
        format!("this plugin has no type `{name}`"),
    )
}

/// Gives an object the spelling that was expected, its secret marks and its schema version.
fn settle(schema: &ResourceSchema, object: ObjectState, expected: &Value) -> ObjectState {
    let attributes = normalise(schema, &without_nulls(object.attributes), expected);
    ObjectState {
        attributes: mark_sensitive(&schema.attributes, attributes),
        schema_version: schema.version,
        ..object
    }
}

/// Settles the object of an outcome; what failed repeats no secret of `expected`.
fn settle_outcome(schema: &ResourceSchema, outcome: Outcome, expected: &Value) -> Outcome {
    match outcome {
        Outcome::Complete(object) => Outcome::Complete(settle(schema, object, expected)),
        Outcome::Partial(object, failure) => Outcome::Partial(
            settle(schema, object, expected),
            without_secrets(failure, &[expected]),
        ),
        other => other,
    }
}

impl Dispatcher {
    /// Wraps a definition.
    pub fn new(definition: Definition) -> Self {
        Self(definition)
    }

    fn resource(&self, name: &ResourceType) -> Result<&'static dyn ResourceProvider, Failure> {
        self.0
            .resources
            .iter()
            .copied()
            .find(|resource| resource.resource_type() == name.as_str())
            .ok_or_else(|| unknown_type(name))
    }

    fn component(&self, name: &str) -> Option<&'static dyn Component> {
        self.0
            .components
            .iter()
            .copied()
            .find(|component| component.component_type() == name)
    }

    fn module(&self, name: &str) -> Result<&'static dyn Module, Failure> {
        self.0
            .modules
            .iter()
            .copied()
            .find(|module| module.namespace() == name)
            .ok_or_else(|| {
                Failure::new(
                    Disposition::Unsupported,
                    format!("this plugin has no module `{name}`"),
                )
            })
    }

    /// Returns the manifest.
    pub fn manifest(&self) -> Manifest {
        self.0.manifest()
    }

    /// Returns the schema of a resource or component type.
    ///
    /// # Errors
    /// When there is no such type or its schema contradicts itself.
    pub fn schema(&self, name: &ResourceType) -> Result<ResourceSchema, Failure> {
        Ok(match self.component(name.as_str()) {
            Some(component) => component.schema()?,
            None => self.resource(name)?.schema()?,
        })
    }

    /// Checks inputs.
    ///
    /// # Errors
    /// When there is no such type.
    pub fn check(&self, request: &CheckRequest) -> Result<CheckResponse, Failure> {
        let name = &request.resource_type;
        let mut response = check_inputs(&self.schema(name)?, &request.inputs);
        match self.component(name.as_str()) {
            Some(component) => component.check(&response.inputs, &mut response.diagnostics),
            None => self
                .resource(name)?
                .check(&response.inputs, &mut response.diagnostics),
        }
        Ok(response)
    }

    /// Plans an object.
    ///
    /// # Errors
    /// When there is no such type.
    pub fn plan(&self, request: &PlanRequest) -> Result<PlanResponse, Failure> {
        let resource = self.resource(&request.resource_type)?;
        let mut plan = plan_object(&resource.schema()?, request);
        resource.refine_plan(request, &mut plan);
        Ok(plan)
    }

    /// Rewrites an object that an older version stored.
    ///
    /// # Errors
    /// When it cannot be understood.
    pub fn upgrade_state(&self, name: &ResourceType, stored: ObjectState) -> Result<ObjectState, Failure> {
        let resource = self.resource(name)?;
        let version = resource.schema()?.version;
        if stored.schema_version == version {
            return Ok(stored);
        }
        if stored.schema_version > version {
            return Err(Failure::new(
                Disposition::Unsupported,
                format!(
                    "the object was written by a newer plugin (schema version {}, this one has {version}): use that plugin",
                    stored.schema_version
                ),
            ));
        }
        Ok(ObjectState {
            schema_version: version,
            ..resource.upgrade(stored)?
        })
    }

    /// Returns the permissions an operation needs.
    pub fn required_permissions(&self, name: &ResourceType, operation: &str) -> Vec<String> {
        self.resource(name)
            .map(|resource| resource.permissions(operation))
            .unwrap_or_default()
            .into_iter()
            .map(str::to_owned)
            .collect()
    }

    /// Creates an object.
    ///
    /// # Errors
    /// When there is no object afterwards.
    pub fn create(&self, context: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
        let resource = self.resource(&request.resource_type)?;
        let outcome = resource
            .create(context, request)
            .map_err(|failure| without_secrets(failure, &[&request.inputs]))?;
        Ok(settle_outcome(&resource.schema()?, outcome, &request.planned))
    }

    /// Reads an object.
    ///
    /// # Errors
    /// When it cannot be told.
    pub fn read(&self, context: &Context, request: &ReadRequest) -> Result<Option<ObjectState>, Failure> {
        let resource = self.resource(&request.resource_type)?;
        let schema = resource.schema()?;
        let found = resource.read(context, request).map_err(|failure| {
            let secrets: Vec<&Value> = request.prior.iter().map(|prior| &prior.attributes).collect();
            without_secrets(failure, &secrets)
        })?;
        Ok(found.map(|object| settle_read(&schema, object, request)))
    }

    /// Reads many objects, grouped by type.
    ///
    /// # Errors
    /// When none could be read.
    pub fn read_many(&self, context: &Context, requests: &[ReadRequest]) -> Result<Vec<ReadResult>, Failure> {
        let Some(first) = requests.first() else {
            return Ok(Vec::new());
        };
        if requests.iter().any(|r| r.resource_type != first.resource_type) {
            return Ok(requests
                .iter()
                .map(|request| self.read(context, request))
                .collect());
        }
        let resource = self.resource(&first.resource_type)?;
        let schema = resource.schema()?;
        let answers = resource.read_many(context, requests)?;
        if answers.len() != requests.len() {
            return Err(Failure::new(
                Disposition::Other,
                format!(
                    "{} answered {} of {} reads",
                    first.resource_type,
                    answers.len(),
                    requests.len()
                ),
            ));
        }
        Ok(answers
            .into_iter()
            .zip(requests)
            .map(|(answer, request)| {
                answer.map(|object| object.map(|object| settle_read(&schema, object, request)))
            })
            .collect())
    }

    /// Lists objects.
    ///
    /// # Errors
    /// When the cloud refuses.
    pub fn list(&self, context: &Context, request: &ListRequest) -> Result<Listed, Failure> {
        let resource = self.resource(&request.resource_type)?;
        let schema = resource.schema()?;
        let listed = resource.list(context, request)?;
        Ok(Listed {
            objects: listed
                .objects
                .into_iter()
                .map(|object| settle(&schema, object, &Value::Null))
                .collect(),
            ..listed
        })
    }

    /// Changes an object.
    ///
    /// # Errors
    /// When nothing was changed.
    pub fn update(&self, context: &Context, request: &UpdateRequest) -> Result<Outcome, Failure> {
        let resource = self.resource(&request.resource_type)?;
        let secrets = [&request.inputs, &request.prior.attributes];
        let outcome = resource
            .update(context, request)
            .map_err(|failure| without_secrets(failure, &secrets))?;
        Ok(settle_outcome(&resource.schema()?, outcome, &request.planned))
    }

    /// Deletes an object.
    ///
    /// # Errors
    /// When it still exists.
    pub fn delete(&self, context: &Context, request: &DeleteRequest) -> Result<Outcome, Failure> {
        match self.resource(&request.resource_type)?.delete(context, request) {
            Err(failure) if failure.disposition == Disposition::NotFound => Ok(Outcome::Deleted),
            answer => answer.map_err(|failure| without_secrets(failure, &[&request.prior.attributes])),
        }
    }

    /// Takes over an object.
    ///
    /// # Errors
    /// When it does not exist.
    pub fn import(
        &self,
        context: &Context,
        name: &ResourceType,
        resource_name: &ResourceName,
        id: &str,
    ) -> Result<Imported, Failure> {
        let resource = self.resource(name)?;
        let request = ReadRequest {
            resource_type: name.clone(),
            name: resource_name.clone(),
            id: resource.import_id(id)?,
            prior: None,
        };
        let object = self
            .read(context, &request)?
            .ok_or_else(|| Failure::new(Disposition::NotFound, format!("there is no {name} `{id}`")))?;
        resource.import(context, object)
    }

    /// Asks how a long operation stands.
    ///
    /// # Errors
    /// When the operation failed and left nothing.
    pub fn poll(&self, context: &Context, request: &PollRequest) -> Result<Outcome, Failure> {
        let resource = self.resource(&request.resource_type)?;
        let outcome = resource
            .poll(context, request)
            .map_err(|failure| without_secrets(failure, &[&request.planned]))?;
        Ok(settle_outcome(&resource.schema()?, outcome, &request.planned))
    }

    /// Calls a function.
    ///
    /// # Errors
    /// When there is no such function, or what it says.
    pub fn invoke(&self, context: &Context, function: &str, arguments: &Value) -> Result<Value, Failure> {
        let (_, call) = self
            .0
            .functions
            .iter()
            .find(|(name, _)| *name == function)
            .ok_or_else(|| {
                Failure::new(
                    Disposition::Unsupported,
                    format!("this plugin has no function `{function}`"),
                )
            })?;
        call(context, arguments)
    }

    /// Returns the JSON Schema of a module's configuration.
    ///
    /// # Errors
    /// When there is no such module.
    pub fn config_schema(&self, module: &str) -> Result<serde_json::Value, Failure> {
        Ok(self.module(module)?.config_schema())
    }

    /// Returns the lowest layer of a module's configuration.
    ///
    /// # Errors
    /// When there is no such module.
    pub fn defaults(&self, module: &str) -> Result<Value, Failure> {
        Ok(self.module(module)?.defaults())
    }

    /// Returns the modules that must be deployed before this one.
    pub fn dependencies(&self, module: &str) -> Vec<String> {
        self.module(module)
            .map(|module| module.dependencies())
            .unwrap_or_default()
    }

    /// Declares what a component or module stands for. A component's inputs are checked first.
    ///
    /// # Errors
    /// When there is no such component or module, or it cannot be told what should exist.
    pub fn construct(&self, mut request: ConstructRequest) -> Result<ConstructResponse, Failure> {
        let mut construction = Construction::default();
        if let Some(component) = self.component(&request.target) {
            let mut checked = check_inputs(&component.schema()?, &request.inputs);
            component.check(&checked.inputs, &mut checked.diagnostics);
            let refused = checked.diagnostics.has_errors();
            for diagnostic in checked.diagnostics {
                construction.diagnose(diagnostic);
            }
            if !refused {
                request.inputs = checked.inputs;
                component.construct(&request, &mut construction)?;
            }
        } else {
            self.module(&request.target)?
                .construct(&request, &mut construction)?;
        }
        Ok(construction.finish())
    }
}

fn settle_read(schema: &ResourceSchema, object: ObjectState, request: &ReadRequest) -> ObjectState {
    let Some(prior) = &request.prior else {
        return settle(schema, object, &Value::Null);
    };
    let private = if object.private.is_empty() {
        prior.private.clone()
    } else {
        object.private.clone()
    };
    settle(schema, ObjectState { private, ..object }, &prior.attributes)
}
