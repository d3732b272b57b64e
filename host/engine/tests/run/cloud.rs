//! A cloud in memory that is strict about order: an object that another one names cannot be deleted, and one
//! that names nothing that exists cannot be created.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use konductor_engine::{PluginSet, Providers};
use konductor_model::attribute_diff::differences;
use konductor_model::manifest::Manifest;
use konductor_model::provider::*;
use konductor_model::{
    Diagnostic, Diagnostics, Disposition, Failure, Path, Reference, ResourceName, ResourceSchema,
    ResourceType, Value,
};
use konductor_state::MemoryLog;

/// What happens to a call instead of what should.
#[derive(Debug, Clone)]
pub enum Fault {
    /// It fails and has no effect.
    Fails(Disposition),
    /// It has its effect and fails then.
    FailsAfterwards(Disposition),
    /// It ends half-way.
    Partial,
    /// It takes this many polls.
    Slow(u32),
    /// It answers with another value for `label`.
    Lies,
    /// It answers with an unknown value.
    Vague,
    /// It has no effect and answers with the object of another identifier.
    AnswersWith(String),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    pub resource_type: String,
    pub name: String,
    pub token: String,
    pub attributes: BTreeMap<String, Value>,
}

#[derive(Default)]
pub struct State {
    pub objects: BTreeMap<String, Object>,
    pub made: u32,
    /// Every effect in order: `create a`, `update a`, `delete a`.
    pub effects: Vec<String>,
    pub faults: BTreeMap<String, VecDeque<Fault>>,
    pub plan_lies: bool,
    pub plan_by_chance: u32,
    pub reads: Vec<usize>,
    pub long: BTreeMap<String, (u32, String)>,
    /// What was constructed: the target and the configuration in the metadata.
    pub constructed: Vec<(String, Value)>,
}

#[derive(Clone)]
pub struct Cloud {
    pub state: Arc<Mutex<State>>,
    /// Every operation must stand in this log before it comes here.
    pub log: Option<Arc<MemoryLog>>,
    pub manifest: Arc<Manifest>,
    pub schema: Arc<ResourceSchema>,
    pub single: Arc<ResourceSchema>,
}

fn schema(name: &str, single: bool) -> Arc<ResourceSchema> {
    let schema = serde_json::json!({
        "type": name, "description": "A thing.", "version": 1, "delete_before_replace": single, "batch_read": !single,
        "attributes": {
            "label": {"kind": "text", "replaces": true},
            "size": {"kind": "integer", "default": 1},
            "anchor": {"kind": "any", "replaces": true},
            "link": {"kind": "any"},
            "password": {"kind": "text", "sensitive": true},
            "note": {"kind": "text"},
            "zones": {
                "kind": "list", "items": {"kind": "text"}, "unordered": true, "computed": true, "output_only": true
            },
            "arn": {"kind": "text", "computed": true, "output_only": true, "simulated": "arn-{hex8}"},
            "generation": {"kind": "integer", "computed": true, "output_only": true, "volatile": true},
        }
    });
    Arc::new(serde_json::from_value(schema).unwrap())
}

impl Cloud {
    pub fn new() -> Self {
        let manifest = serde_json::json!({
            "name": "fake", "version": "1.0.0",
            "resource_types": ["fake:test:Thing", "fake:test:Single"],
            "component_types": ["fake:test:Pair", "fake:test:Endless"],
            "modules": ["fake"],
        });
        Self {
            state: Arc::default(),
            log: None,
            manifest: Arc::new(serde_json::from_value(manifest).unwrap()),
            schema: schema("fake:test:Thing", false),
            single: schema("fake:test:Single", true),
        }
    }

    /// The same plugin in another version, whose schemas have another version too, in front of a cloud of its own.
    pub fn of_version(version: &str, schema_version: u32) -> Self {
        let mut cloud = Self::new();
        Arc::make_mut(&mut cloud.manifest).version = version.parse().unwrap();
        Arc::make_mut(&mut cloud.schema).version = schema_version;
        Arc::make_mut(&mut cloud.single).version = schema_version;
        cloud
    }

    pub fn plugins(&self) -> Arc<dyn Providers> {
        let cloud = Arc::new(self.clone());
        Arc::new(PluginSet::default().with(cloud.clone(), Some(cloud)))
    }

    pub fn fault(&self, call: &str, fault: Fault) {
        let mut state = self.state.lock().unwrap();
        state.faults.entry(call.to_owned()).or_default().push_back(fault);
    }

    pub fn effects(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().effects)
    }

    /// The names of all objects there are, with their sizes.
    pub fn objects(&self) -> Vec<String> {
        let state = self.state.lock().unwrap();
        let mut names: Vec<String> = state.objects.values().map(|object| object.name.clone()).collect();
        names.sort();
        names
    }

    fn take_fault(&self, call: &str) -> Option<Fault> {
        let mut state = self.state.lock().unwrap();
        state.faults.get_mut(call)?.pop_front()
    }

    fn must_be_logged(&self, token: &str) {
        if let Some(log) = &self.log {
            let begun = log
                .entries()
                .into_iter()
                .any(|logged| matches!(logged.entry, konductor_state::Entry::Begin(begin) if begin.idempotency_token == token));
            assert!(begun, "the operation is not in the log");
        }
    }

    async fn faulty(
        &self,
        call: String,
        act: impl FnOnce(&mut State) -> Result<Option<ObjectState>, Failure>,
    ) -> ProviderResult<Outcome> {
        let fault = self.take_fault(&call);
        if let Some(Fault::Fails(disposition)) = &fault {
            return Err(Failure::new(*disposition, "scripted"));
        }
        let mut state = self.state.lock().unwrap();
        if let Some(Fault::AnswersWith(id)) = &fault {
            return Ok(Outcome::Complete(as_state(id, &state.objects[id])));
        }
        let object = act(&mut state)?;
        let complete = |object: Option<ObjectState>| object.map_or(Outcome::Deleted, Outcome::Complete);
        match fault {
            Some(Fault::FailsAfterwards(disposition)) => Err(Failure::new(disposition, "scripted")),
            Some(Fault::Partial) => Ok(Outcome::Partial(
                object.unwrap(),
                Failure::new(Disposition::Other, "only half of it"),
            )),
            Some(Fault::Slow(polls)) => {
                let handle = object
                    .as_ref()
                    .map(|object| object.id.clone())
                    .unwrap_or_default();
                state.long.insert(handle.clone(), (polls, handle.clone()));
                Ok(Outcome::InProgress(Progress {
                    handle: handle.clone().into_bytes(),
                    retry_after: Duration::from_secs(5),
                    id: Some(handle),
                    message: "pending".into(),
                }))
            }
            Some(Fault::Lies) => {
                let mut object = object.unwrap();
                object.attributes.put(&Path::attribute("label"), "a lie".into());
                Ok(Outcome::Complete(object))
            }
            Some(Fault::Vague) => {
                let mut object = object.unwrap();
                object.attributes.put(&Path::attribute("arn"), Value::Unknown);
                Ok(Outcome::Complete(object))
            }
            _ => Ok(complete(object)),
        }
    }
}

fn as_state(id: &str, object: &Object) -> ObjectState {
    ObjectState {
        id: id.to_owned(),
        attributes: Value::Map(object.attributes.clone()),
        private: Vec::new(),
        schema_version: 1,
    }
}

/// The arns a value names.
fn arns(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    value.walk(&mut |_, value| {
        if let Value::Text(text) = value
            && text.starts_with("arn-")
        {
            found.push(text.clone());
        }
        true
    });
    found
}

fn check_names(state: &State, attributes: &BTreeMap<String, Value>) -> Result<(), Failure> {
    for name in ["anchor", "link"] {
        for arn in attributes.get(name).map(arns).unwrap_or_default() {
            let there = state
                .objects
                .values()
                .any(|object| object.attributes.get("arn") == Some(&Value::from(arn.as_str())));
            if !there {
                return Err(Failure::new(
                    Disposition::Invalid,
                    format!("{arn} does not exist"),
                ));
            }
        }
    }
    Ok(())
}

#[async_trait]
impl Provider for Cloud {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    async fn schema(&self, resource_type: &ResourceType) -> ProviderResult<Arc<ResourceSchema>> {
        Ok(match resource_type.as_str() {
            "fake:test:Single" => self.single.clone(),
            _ => self.schema.clone(),
        })
    }

    async fn check(&self, request: CheckRequest) -> ProviderResult<CheckResponse> {
        let mut inputs = request.inputs;
        let mut diagnostics = Diagnostics::default();
        for name in inputs.as_map().into_iter().flat_map(|map| map.keys()) {
            if self
                .schema
                .attributes
                .get(name)
                .is_none_or(|attribute| attribute.output_only)
            {
                diagnostics
                    .push(Diagnostic::error(format!("`{name}` is not an input")).at(Path::attribute(name)));
            }
        }
        if inputs.attribute("size").is_none() {
            inputs.put(&Path::attribute("size"), 1.into());
        }
        // As a guest does that knows nothing of marks.
        Ok(CheckResponse {
            inputs: inputs.without_secret_marks(),
            diagnostics,
        })
    }

    async fn plan(&self, request: PlanRequest) -> ProviderResult<PlanResponse> {
        let (lies, chance) = {
            let mut state = self.state.lock().unwrap();
            if state.plan_by_chance > 0 {
                state.plan_by_chance += 1;
            }
            (state.plan_lies, state.plan_by_chance)
        };
        let mut planned = request.inputs.clone().without_secret_marks();
        let mut changes = Vec::new();
        match &request.prior {
            None => {
                planned.put(&Path::attribute("arn"), Value::Unknown);
                planned.put(&Path::attribute("generation"), Value::Unknown);
            }
            Some(prior) => {
                let mut old = prior.attributes.clone().without_secret_marks();
                old.remove(&Path::attribute("arn"));
                old.remove(&Path::attribute("generation"));
                old.remove(&Path::attribute("zones"));
                changes = differences(&old, &planned);
                // What has become a thousand stays so.
                if old.attribute("size") == Some(&1000.into())
                    && planned.attribute("size") != Some(&1000.into())
                {
                    return Err(Failure::invalid(
                        Diagnostic::error("it cannot shrink").at(Path::attribute("size")),
                    ));
                }
                // Notes are the same whatever their case.
                let note = |value: &Value| {
                    let text = value.attribute("note").and_then(Value::as_text);
                    text.map(str::to_lowercase)
                };
                if note(&old).is_some() && note(&old) == note(&planned) {
                    changes.retain(|change| change.at != Path::attribute("note"));
                }
                for change in &mut changes {
                    change.requires_replacement = self.schema.replaces_at(&change.at);
                }
                let known = |name: &str| prior.attributes.attribute(name).cloned().unwrap_or_default();
                planned.put(&Path::attribute("arn"), known("arn"));
                if !known("zones").is_null() {
                    planned.put(&Path::attribute("zones"), known("zones"));
                }
                let generation = if changes.is_empty() {
                    known("generation")
                } else {
                    Value::Unknown
                };
                planned.put(&Path::attribute("generation"), generation);
            }
        }
        if lies {
            planned.put(&Path::attribute("label"), "another".into());
        }
        if chance > 0 {
            planned.put(&Path::attribute("generation"), Value::from(i64::from(chance)));
        }
        Ok(PlanResponse {
            planned,
            changes,
            ..PlanResponse::default()
        })
    }

    async fn upgrade_state(&self, _: &ResourceType, mut stored: ObjectState) -> ProviderResult<ObjectState> {
        if let Some(old) = stored.attributes.attribute("old_label").cloned() {
            stored.attributes.remove(&Path::attribute("old_label"));
            stored.attributes.put(&Path::attribute("label"), old);
        }
        stored.schema_version = 1;
        Ok(stored)
    }

    async fn required_permissions(&self, _: &ResourceType, _: &str) -> ProviderResult<Vec<String>> {
        Ok(Vec::new())
    }

    async fn create(&self, request: CreateRequest) -> ProviderResult<Outcome> {
        self.must_be_logged(&request.idempotency_token);
        assert!(request.inputs.is_wholly_known());
        self.faulty(format!("create {}", request.name), |state| {
            let found = state
                .objects
                .iter()
                .find(|(_, object)| object.token == request.idempotency_token);
            if let Some((id, object)) = found {
                return Ok(Some(as_state(id, object)));
            }
            let mut attributes = request.inputs.without_secret_marks().as_map().cloned().unwrap();
            check_names(state, &attributes)?;
            state.made += 1;
            let id = format!("obj-{}", state.made);
            attributes.insert("arn".into(), format!("arn-{}", state.made).into());
            attributes.insert("generation".into(), 1.into());
            let object = Object {
                resource_type: request.resource_type.to_string(),
                name: request.name.to_string(),
                token: request.idempotency_token.clone(),
                attributes,
            };
            let answer = as_state(&id, &object);
            let single = request.resource_type.as_str() == "fake:test:Single"
                && state
                    .objects
                    .values()
                    .any(|other| other.name == object.name && other.resource_type == object.resource_type);
            assert!(!single, "two of a kind that can exist only once");
            state.objects.insert(id, object);
            state.effects.push(format!("create {}", request.name));
            Ok(Some(answer))
        })
        .await
    }

    async fn read(&self, request: ReadRequest) -> ProviderResult<Option<ObjectState>> {
        let fault = self.take_fault(&format!("read {}", request.name));
        if let Some(Fault::Fails(disposition)) = fault {
            return Err(Failure::new(disposition, "scripted"));
        }
        let state = self.state.lock().unwrap();
        if let Some(Fault::AnswersWith(id)) = fault {
            return Ok(Some(as_state(&id, &state.objects[&id])));
        }
        Ok(state
            .objects
            .get(&request.id)
            .map(|object| as_state(&request.id, object)))
    }

    async fn read_many(
        &self,
        requests: Vec<ReadRequest>,
    ) -> ProviderResult<Vec<ProviderResult<Option<ObjectState>>>> {
        self.state.lock().unwrap().reads.push(requests.len());
        let mut answers = Vec::new();
        for request in requests {
            answers.push(self.read(request).await);
        }
        Ok(answers)
    }

    async fn list(&self, request: ListRequest) -> ProviderResult<Listed> {
        if let Some(Fault::Fails(disposition)) = self.take_fault("list") {
            return Err(Failure::new(disposition, "scripted"));
        }
        let state = self.state.lock().unwrap();
        let after = request.cursor.clone().unwrap_or_default();
        let mut objects: Vec<ObjectState> = state
            .objects
            .iter()
            .filter(|(id, object)| **id > after && object.resource_type == request.resource_type.as_str())
            .map(|(id, object)| as_state(id, object))
            .collect();
        let more = objects.len() > 2;
        objects.truncate(2);
        Ok(Listed {
            next_cursor: more.then(|| objects.last().unwrap().id.clone()),
            objects,
        })
    }

    async fn update(&self, request: UpdateRequest) -> ProviderResult<Outcome> {
        self.must_be_logged(&request.idempotency_token);
        self.faulty(format!("update {}", request.name), |state| {
            let inputs = request
                .inputs
                .clone()
                .without_secret_marks()
                .as_map()
                .cloned()
                .unwrap();
            check_names(state, &inputs)?;
            let object = state
                .objects
                .get_mut(&request.prior.id)
                .ok_or_else(|| Failure::new(Disposition::NotFound, "no such object"))?;
            let generation = object.attributes["generation"].as_integer().unwrap();
            let arn = object.attributes["arn"].clone();
            object.attributes = inputs;
            object.attributes.insert("arn".into(), arn);
            object
                .attributes
                .insert("generation".into(), (generation + 1).into());
            let answer = as_state(&request.prior.id, object);
            state.effects.push(format!("update {}", request.name));
            Ok(Some(answer))
        })
        .await
    }

    async fn delete(&self, request: DeleteRequest) -> ProviderResult<Outcome> {
        self.must_be_logged(&request.idempotency_token);
        self.faulty(format!("delete {}", request.name), |state| {
            let Some(object) = state.objects.get(&request.prior.id) else {
                return Err(Failure::new(Disposition::NotFound, "no such object"));
            };
            let arn = object.attributes["arn"].as_text().unwrap().to_owned();
            let user = state.objects.iter().find(|(id, other)| {
                **id != request.prior.id
                    && ["anchor", "link"].iter().any(|name| {
                        other
                            .attributes
                            .get(*name)
                            .map(arns)
                            .unwrap_or_default()
                            .contains(&arn)
                    })
            });
            if let Some((id, user)) = user {
                return Err(Failure::new(
                    Disposition::Conflict,
                    format!("{} {id} uses {} {}", user.name, request.name, request.prior.id),
                ));
            }
            state.objects.remove(&request.prior.id);
            state.effects.push(format!("delete {}", request.name));
            Ok(None)
        })
        .await
    }

    async fn import(&self, _: &ResourceType, _: &ResourceName, id: &str) -> ProviderResult<Imported> {
        let state = self.state.lock().unwrap();
        let object = state
            .objects
            .get(id)
            .map(|object| as_state(id, object))
            .ok_or_else(|| Failure::new(Disposition::NotFound, format!("there is no {id}")))?;
        let mut inputs = object.attributes.clone();
        inputs.remove(&Path::attribute("arn"));
        inputs.remove(&Path::attribute("generation"));
        Ok(Imported { object, inputs })
    }

    async fn poll(&self, request: PollRequest) -> ProviderResult<Outcome> {
        if let Some(Fault::Fails(disposition)) = self.take_fault(&format!("poll {}", request.name)) {
            return Err(Failure::new(disposition, "scripted"));
        }
        let mut state = self.state.lock().unwrap();
        let handle = String::from_utf8(request.handle.clone()).unwrap();
        let (left, id) = state.long.get_mut(&handle).unwrap();
        *left = left.saturating_sub(1);
        let (left, id) = (*left, id.clone());
        if left > 0 {
            return Ok(Outcome::InProgress(Progress {
                handle: request.handle,
                retry_after: Duration::from_secs(5),
                id: Some(id),
                message: format!("{left} to go"),
            }));
        }
        Ok(match state.objects.get(&id) {
            Some(object) if request.operation != OperationKind::Delete => {
                Outcome::Complete(as_state(&id, object))
            }
            _ => Outcome::Deleted,
        })
    }

    async fn invoke(&self, _: &str, _: Value) -> ProviderResult<Value> {
        Ok(Value::Null)
    }
}

pub fn reference(text: &str) -> Value {
    let (resource, path) = text.split_once('.').unwrap();
    Value::Reference(Reference {
        resource: resource.replace("~/", "./"),
        path: path.parse().unwrap(),
    })
}
