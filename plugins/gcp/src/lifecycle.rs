//! Making, reading, changing and deleting an object of any type, over as many requests and polls as that takes.

use std::collections::BTreeMap;

use konductor_sdk::cloud::{handle_of, in_progress, left_nothing, uuid_of};
use konductor_sdk::model::provider::Progress;
use konductor_sdk::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::body::{Place, body_to_json};
use crate::client::{Operation, OperationState, api, pause, received};
use crate::link::{expand, link, matched, parameters, segments};
use crate::types::{Method, RestType};

/// Query parameters that the plugin sets by itself.
const OWN_QUERY: [&str; 5] = [
    "requestId",
    "clientOperationId",
    "updateMask",
    "ifMetagenerationMatch",
    "ifGenerationMatch",
];

/// When a key is rotated next.
const NEXT_ROTATION: &str = "nextRotationTime";

/// Services that answer with the number of a project where requests name it by its identifier.
const NUMBERED: [&str; 2] = ["orgpolicy", "securitycenter"];

/// The service whose operations have links with the number of the project.
const KUBERNETES: &str = "container";

/// What an operation that goes on is kept as. It holds no secret.
#[derive(Debug, Serialize, Deserialize)]
pub struct Handle {
    /// The type.
    pub rest: String,
    /// Where the operation is.
    pub(crate) operation: Vec<String>,
    /// The object's link, where it is known already.
    pub(crate) link: Option<String>,
    /// Properties that are still to be changed when the operation is done.
    pub(crate) remaining: Vec<String>,
    /// The object is being deleted.
    pub(crate) deletes: bool,
}

/// How an object stands after a request.
#[derive(Debug)]
pub enum Stand {
    /// It is there: its link, and what Google says of it.
    Done(String, Value),
    /// It is gone.
    Gone,
    /// Something goes on.
    Going(Progress),
    /// It is there, and not as it should be.
    Failed(String, Value, Box<Failure>),
}

/// A type, and the parameters that say where its objects are.
#[derive(Debug, Clone)]
pub struct Target {
    /// The type.
    pub rest: RestType,
    /// What was given, by the names of path and query.
    pub given: BTreeMap<String, String>,
}

impl Target {
    /// Returns the place of the object's body.
    pub fn place(&self) -> Place {
        Place::of(self.rest.body())
    }

    /// Returns a parameter: a given one, one of the configuration, or one that follows from these.
    fn parameter(&self, context: &Context, name: &str) -> Option<String> {
        if let Some(value) = self.given.get(name) {
            return Some(value.clone());
        }
        let configured = |name: &str| {
            self.given
                .get(name)
                .cloned()
                .or_else(|| context.config().attribute(name)?.as_text().map(str::to_owned))
        };
        match name {
            "project" | "projectId" | "projectsId" => configured("project"),
            "region" => configured("region"),
            "zone" => configured("zone"),
            // The parent of what stands in a project, or in a location of one.
            "parent" | "name" => {
                let project = configured("project")?;
                let steps: Vec<&str> = self.rest.name().rsplit('/').next()?.split('.').collect();
                match steps.as_slice() {
                    ["projects", _] => Some(format!("projects/{project}")),
                    ["projects", "locations", _] => {
                        let location = configured("location").or_else(|| configured("region"))?;
                        Some(format!("projects/{project}/locations/{location}"))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Returns a parameter of a query, where it is given or configured.
    pub fn parameter_of(&self, context: &Context, name: &str) -> Option<String> {
        self.parameter(context, name)
    }

    /// Returns the path of a method that lists.
    ///
    /// # Errors
    /// When a parameter is neither given nor configured.
    pub fn path_of_collection(&self, context: &Context, method: &Method) -> Result<Vec<String>, Failure> {
        self.collection_path(context, method, &Value::Null)
    }

    fn missing(&self, name: &str) -> Failure {
        let mut failure = Failure::new(
            Disposition::Invalid,
            format!(
                "{} needs the parameter `{name}`; give it under `parameters`, or set it in the module's configuration",
                self.rest.name()
            ),
        );
        failure.at = Some(Path::attribute("parameters").child(name));
        failure
    }

    /// Returns the path of a method that is about the collection.
    fn collection_path(
        &self,
        context: &Context,
        method: &Method,
        body: &Value,
    ) -> Result<Vec<String>, Failure> {
        let value = |name: &str| {
            // `PUT v1/{+name}`: the object's own name is the path.
            let own = (method.verb == "PUT").then(|| body.attribute(name)).flatten();
            let value = own
                .and_then(Value::as_text)
                .map(str::to_owned)
                .or_else(|| self.parameter(context, name))?;
            // `v1/{+project}/topics` wants `projects/shop`.
            let is_short = name == "project" && !value.contains('/');
            let whole = parameters(method.path).any(|(found, whole)| found == name && whole);
            Some(if is_short && whole {
                format!("projects/{value}")
            } else {
                value
            })
        };
        expand(method.path, value).map_err(|name| self.missing(name))
    }

    /// Tells whether an object is one of the type, as far as its own link says.
    pub(crate) fn holds(&self, object: &Value) -> bool {
        let link = object.attribute("selfLink").and_then(Value::as_text);
        let found = link.and_then(|link| segments(self.rest.service(), link));
        match (found, self.rest.method("get")) {
            (Some(found), Some(get)) => matched(get.path, &found).is_some(),
            _ => true,
        }
    }

    /// Returns the link of an object whose whole name is known before it is made.
    fn known_link(&self) -> Option<String> {
        let get = self.rest.method("get")?;
        parameters(get.path).find(|(name, whole)| *whole && *name == "name")?;
        let found = expand(get.path, |name| self.given.get(name).cloned()).ok()?;
        Some(link(self.rest.service(), &found))
    }

    /// Returns the link of an object, as what Google answered and the parameters say.
    pub fn link_of(&self, context: &Context, answer: &Value) -> Result<String, Failure> {
        let service = self.rest.service();
        let text = |name: &str| answer.attribute(name).and_then(Value::as_text);
        let get = self.method("get")?;
        // Links of Kubernetes Engine name zones where requests name locations, and its names are short.
        if service == KUBERNETES
            && let (Some(parent), Some(name)) = (self.parameter(context, "parent"), text("name"))
        {
            let collection = self.rest.name().rsplit(['/', '.']).next().unwrap_or_default();
            let name = format!("{parent}/{collection}/{name}");
            if let Ok(found) = expand(get.path, |_| Some(name.clone())) {
                return Ok(link(service, &found));
            }
        }
        if NUMBERED.contains(&service)
            && let (Some(parent), Some(name)) = (self.parameter(context, "parent"), text("name"))
            && let [name, collection, ..] = name.rsplit('/').collect::<Vec<_>>().as_slice()
        {
            let name = format!("{parent}/{collection}/{name}");
            if let Ok(found) = expand(get.path, |_| Some(name.clone())) {
                return Ok(link(service, &found));
            }
        }
        if let Some(found) = text("selfLink").and_then(|link| segments(service, link))
            && matched(get.path, &found).is_some()
        {
            return Ok(link(service, &found));
        }
        let last = parameters(get.path).last().map(|(name, _)| name);
        let value = |name: &str| {
            let whole = parameters(get.path).any(|(found, whole)| found == name && whole);
            let own = |name: &str| answer.attribute(name).and_then(Value::as_text).map(str::to_owned);
            if whole {
                return own("name");
            }
            own(name)
                .filter(|value| !value.starts_with("https://"))
                .or_else(|| self.given.get(name).cloned())
                .or_else(|| own("name").filter(|_| last == Some(name)))
                .or_else(|| self.parameter(context, name))
                .or_else(|| own("id").filter(|_| last == Some(name)))
        };
        let found = expand(get.path, value).map_err(|name| {
            Failure::new(
                Disposition::Other,
                format!(
                    "the cloud's answer does not say the `{name}` of the object; look at the project before trying again"
                ),
            )
        })?;
        Ok(link(service, &found))
    }

    /// Returns the link that a new object will have, where what is asked for says it: by its name, or by a parameter that
    /// gives it one (`topicId`, `accountId`).
    fn link_to_be(&self, context: &Context, body: &Value) -> Option<String> {
        let known = self.known_link();
        if let Some(link) = known.or_else(|| self.link_of(context, body).ok()) {
            return Some(link);
        }
        let (get, create) = (self.method("get").ok()?, self.method("create").ok()?);
        let mut path = self.collection_path(context, &create, body).ok()?;
        let all = create.query.iter().copied().chain(self.rest.beside("create"));
        let mut naming = all.filter(|name| name.ends_with("Id") && !OWN_QUERY.contains(name));
        let name = naming.find_map(|name| self.given.get(name))?;
        // A service account is named by its address, which begins with what it was called.
        path.push(if self.rest.name() == "iam/v1/projects.serviceAccounts" {
            let project = self.parameter(context, "project")?;
            format!("{name}@{project}.iam.gserviceaccount.com")
        } else {
            name.clone()
        });
        matched(get.path, &path)?;
        Some(link(self.rest.service(), &path))
    }

    fn method(&self, what: &str) -> Result<Method, Failure> {
        self.rest.method(what).ok_or_else(|| {
            Failure::new(
                Disposition::Unsupported,
                format!("the API has no way to {what} objects of {}", self.rest.name()),
            )
        })
    }

    fn progress(&self, operation: &Operation, handle: Handle, said: &str) -> Result<Stand, Failure> {
        let link = handle.link.clone();
        let handle = Handle {
            operation: self.operation_path(operation, link.as_deref()),
            ..handle
        };
        Ok(Stand::Going(in_progress(
            &handle,
            link.as_deref(),
            pause(),
            said,
        )?))
    }

    /// Returns where an operation can be asked for. That of Kubernetes Engine is found beside its object: its own link has
    /// the number of the project, which no grant names.
    fn operation_path(&self, operation: &Operation, link: Option<&str>) -> Vec<String> {
        let place = link
            .filter(|_| self.rest.service() == KUBERNETES)
            .and_then(|link| segments(KUBERNETES, link))
            .and_then(|mut found| {
                (found.get(3).is_some_and(|step| step == "locations") && found.len() > 5).then(|| {
                    found.truncate(5);
                    found
                })
            });
        match (place, operation.path.last()) {
            (Some(mut place), Some(name)) => {
                place.extend(["operations".to_owned(), name.clone()]);
                place
            }
            _ => operation.path.clone(),
        }
    }

    /// Makes an object. `create` parameters of a wrapped request stand among the given ones.
    pub fn create(&self, context: &Context, body: &Value, token: &str) -> Result<Stand, Failure> {
        self.create_beside(context, body, serde_json::Map::new(), token)
    }

    /// Makes an object whose request holds more than text beside it.
    pub fn create_beside(
        &self,
        context: &Context,
        body: &Value,
        beside: serde_json::Map<String, Json>,
        token: &str,
    ) -> Result<Stand, Failure> {
        let method = self.method("create")?;
        let path = self.collection_path(context, &method, body)?;
        let api = api(context, self.rest.service());
        let mut request = api.request(method.verb, &path);
        for name in &method.query {
            if *name == "requestId" {
                request = request.query(name, uuid_of(&[token, "create"])).idempotent(true);
            } else if !OWN_QUERY.contains(name) {
                match self.parameter(context, name) {
                    Some(value) => request = request.query(name, value),
                    // What names the new object must be given.
                    None if name.ends_with("Id") && *name != "parentCollectionId" => {
                        return Err(self.missing(name));
                    }
                    None => {}
                }
            }
        }
        let object = body_to_json(self.place(), body);
        let payload = match self.rest.wrapper("create") {
            None => object,
            Some(member) => {
                let mut payload = beside;
                for name in self.rest.beside("create") {
                    if let Some(value) = self.given.get(name) {
                        payload.insert(name.to_owned(), value.clone().into());
                    }
                }
                payload.insert(member.to_owned(), object);
                Json::Object(payload)
            }
        };
        let is_keyed = method.takes("requestId");
        let answer = match request.json(&payload).send() {
            Ok(answer) => answer.json::<Json>()?,
            // With a key, what is there is somebody else's; without one it may be what a run that was cut off made.
            Err(failure) if !is_keyed && is_conflict(&failure) => {
                return self.own(context, body, token, failure);
            }
            Err(failure) => return Err(failure),
        };
        let Some(version) = self.rest.operation_version() else {
            let answer = received(answer);
            let link = self
                .known_link()
                .map_or_else(|| self.link_of(context, &answer), Ok)?;
            let answer = self.named_as(&link, answer);
            return Ok(Stand::Done(link, answer));
        };
        let operation = Operation::read(self.rest.service(), version, &answer)?;
        let handle = Handle {
            rest: self.rest.name().to_owned(),
            operation: Vec::new(),
            link: self
                .known_link()
                .or_else(|| self.target(&operation))
                .or_else(|| self.link_to_be(context, body)),
            remaining: Vec::new(),
            deletes: false,
        };
        self.after(context, operation, handle, body, body)
    }

    /// Returns the link of what an operation is about.
    fn target(&self, operation: &Operation) -> Option<String> {
        let found = segments(self.rest.service(), operation.target.as_deref()?)?;
        matched(self.rest.method("get")?.path, &found)?;
        Some(link(self.rest.service(), &found))
    }

    /// Returns an object of the name that was asked for, if it is as asked for.
    fn own(&self, context: &Context, body: &Value, token: &str, conflict: Failure) -> Result<Stand, Failure> {
        let Some(link) = self.link_to_be(context, body) else {
            return Err(conflict);
        };
        let Some(found) = self.read_whatever(context, &link)? else {
            return Err(conflict);
        };
        let mut body = body.clone();
        // When a key is rotated next follows from when it is made.
        if let (Some(time), Some(map)) = (found.attribute(NEXT_ROTATION), body.as_map_mut())
            && map.contains_key(NEXT_ROTATION)
        {
            map.insert(NEXT_ROTATION.to_owned(), time.clone());
        }
        let settled = konductor_schema_body::settled(self.place(), &found, &body);
        let differ = konductor_schema_body::changes(self.place(), &Path::root(), &settled, &body);
        // A key that was deleted keeps its name, and gets a new version.
        if self.is_key() && self.is_spent(context, &link)? {
            let is_fixed = differ.iter().any(|change| change.requires_replacement);
            if !is_fixed {
                return self.revive(context, &link, &settled, &body, token);
            }
        } else if differ.is_empty() {
            return Ok(Stand::Done(link, found));
        }
        Err(conflict)
    }

    /// Reads an object; none when it is not there, or nothing can be done with it any more.
    pub fn read(&self, context: &Context, link: &str) -> Result<Option<Value>, Failure> {
        match self.read_whatever(context, link)? {
            Some(found) => self.present(context, link, found),
            None => Ok(None),
        }
    }

    fn read_whatever(&self, context: &Context, link: &str) -> Result<Option<Value>, Failure> {
        let path = self.path_of(link)?;
        let answer = api(context, self.rest.service()).get(path).send_optional()?;
        match answer {
            Some(answer) => {
                let found = self.named_as(link, received(answer.json()?));
                // Some APIs go on answering for a while with what was deleted.
                let is_deleted =
                    found.attribute("lifecycleState").and_then(Value::as_text) == Some("DELETE_REQUESTED");
                Ok(Some(found).filter(|_| !is_deleted))
            }
            None => Ok(None),
        }
    }

    /// Returns an object of a service that answers with numbers of projects under the name that its link has.
    pub(crate) fn named_as(&self, link: &str, mut object: Value) -> Value {
        if NUMBERED.contains(&self.rest.service())
            && let Some(path) = segments(self.rest.service(), link)
            && let Some((_, name)) = path.split_first()
            && let Some(map) = object.as_map_mut()
            && map.contains_key("name")
        {
            map.insert("name".to_owned(), name.join("/").into());
        }
        object
    }

    /// Returns the link of an object as this plugin spells it, whichever host it was given with.
    pub fn canonical(&self, given: &str) -> Result<String, Failure> {
        Ok(link(self.rest.service(), &self.path_of(given)?))
    }

    /// Returns the path of an object by its link.
    pub fn path_of(&self, link: &str) -> Result<Vec<String>, Failure> {
        let get = self.method("get")?;
        segments(self.rest.service(), link)
            .filter(|found| matched(get.path, found).is_some())
            .ok_or_else(|| {
                Failure::new(
                    Disposition::Invalid,
                    format!(
                        "`{link}` is not the self link of a {}; expected https://{}.googleapis.com/{}",
                        self.rest.name(),
                        self.rest.service(),
                        get.path
                    ),
                )
            })
    }

    /// Returns the path of a method about an object: methods of one collection call its parameters differently.
    pub(crate) fn item_path(&self, method: &Method, link: &str) -> Result<Vec<String>, Failure> {
        let found = self.path_of(link)?;
        let get = self.method("get")?;
        let values: Vec<String> = matched(get.path, &found)
            .map(|values| {
                parameters(get.path)
                    .filter_map(|(name, _)| values.get(name).cloned())
                    .collect()
            })
            .unwrap_or_default();
        let names: Vec<&str> = parameters(method.path).map(|(name, _)| name).collect();
        let value = |name: &str| {
            let index = names.iter().position(|found| *found == name)?;
            values.get(index).cloned()
        };
        expand(method.path, value).map_err(|name| self.missing(name))
    }

    /// Returns what a method wants in its query to know the object, which the path of the link says: the `name` of a user of
    /// a database.
    pub(crate) fn named_in_query(&self, method: &Method, link: &str) -> BTreeMap<String, String> {
        let found = self.path_of(link).ok();
        let values = found.and_then(|found| matched(self.rest.method("get")?.path, &found));
        let host = self.given.get("host").filter(|host| !host.is_empty());
        values
            .unwrap_or_default()
            .into_iter()
            .chain(host.map(|host| ("host".to_owned(), host.clone())))
            .filter(|(name, _)| method.takes(name) && parameters(method.path).all(|(known, _)| known != name))
            .collect()
    }

    /// Deletes an object.
    pub fn delete(&self, context: &Context, link: &str, token: &str) -> Result<Stand, Failure> {
        let method = self.method("delete")?;
        let path = self.item_path(&method, link)?;
        let api = api(context, self.rest.service());
        let mut request = api.request(method.verb, &path);
        if method.takes("requestId") {
            request = request.query("requestId", uuid_of(&[token, "delete"]));
        }
        for (name, value) in self.named_in_query(&method, link) {
            request = request.query(&name, value);
        }
        let Some(answer) = request.send_optional()? else {
            return Ok(Stand::Gone);
        };
        // What is made at once may still take a while to go.
        let own = method.path.split('/').next();
        let (Some(version), false) = (self.rest.operation_version().or(own), answer.bytes().is_empty())
        else {
            return Ok(Stand::Gone);
        };
        let answer: Json = answer.json()?;
        let is_operation = answer.get("status").is_some()
            || answer.get("done").is_some()
            || answer.get("metadata").is_some();
        if !is_operation {
            return Ok(Stand::Gone);
        }
        let operation = Operation::read(self.rest.service(), version, &answer)?;
        let handle = Handle {
            rest: self.rest.name().to_owned(),
            operation: Vec::new(),
            link: Some(link.to_owned()),
            remaining: Vec::new(),
            deletes: true,
        };
        self.after(context, operation, handle, &Value::Null, &Value::Null)
    }

    /// Asks how an operation stands, and goes on when it is done. `wanted` is the body as it should be.
    pub fn poll(&self, context: &Context, handle: &[u8], wanted: &Value) -> Result<Stand, Failure> {
        let handle: Handle = handle_of(handle)?;
        let version = self.rest.operation_version().unwrap_or("v1");
        let operation = Operation::ask(context, self.rest.service(), version, &handle.operation)?;
        self.after(context, operation, handle, &Value::Null, wanted)
    }

    pub(crate) fn after(
        &self,
        context: &Context,
        operation: Operation,
        handle: Handle,
        old: &Value,
        wanted: &Value,
    ) -> Result<Stand, Failure> {
        match operation.state.clone() {
            OperationState::Running(said) => self.progress(&operation, handle, &said),
            OperationState::Done(_) if handle.deletes => Ok(Stand::Gone),
            OperationState::Done(response) => {
                let link = match (handle.link.clone(), self.target(&operation)) {
                    (Some(link), _) | (None, Some(link)) => link,
                    (None, None) => self.link_of(context, &received(response))?,
                };
                let handle = Handle {
                    link: Some(link),
                    ..handle
                };
                // A token of its own for each step that is still to come, the same after a run that was cut off.
                let token = operation.path.last().cloned().unwrap_or_default();
                self.go_on(context, handle, old, wanted, &token)
            }
            OperationState::Failed(failure) => {
                let (Some(link), false) = (&handle.link, handle.deletes) else {
                    return Err(*failure);
                };
                match self.read(context, link)? {
                    Some(found) => Ok(Stand::Failed(link.clone(), found, failure)),
                    None => Err(left_nothing(*failure)),
                }
            }
        }
    }
}

/// Returns the type of an operation that goes on.
///
/// # Errors
/// When the handle is not of this plugin, or of a type that it does not know.
pub fn type_of_handle(handle: &[u8]) -> Result<RestType, Failure> {
    let handle: Handle = handle_of(handle)?;
    RestType::find(&handle.rest).ok_or_else(|| {
        Failure::new(
            Disposition::Unsupported,
            format!(
                "this plugin does not know the type `{}` of the operation",
                handle.rest
            ),
        )
    })
}

fn is_conflict(failure: &Failure) -> bool {
    failure.disposition == Disposition::AlreadyExists || failure.http_status == Some(409)
}
