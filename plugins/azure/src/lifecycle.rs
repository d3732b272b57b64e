//! What is done to a resource of any type: create, read, change, delete, and asking how that stands.
//!
//! A resource is known by its identifier, which its maker chooses. So a create first looks whether there is something
//! already: a create that was cut off is told by a hidden tag with its token, or, where the type has no tags, by being
//! just what was asked for.

use std::time::Duration;

use konductor_schema_body::{changes, settled, writable};
use konductor_sdk::cloud::{Answer, from_json, handle_of, in_progress, left_nothing, to_json};
use konductor_sdk::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::arm_id::ArmId;
use crate::body::{Place, merged};
use crate::client::{api, failure_of_operation, get_url, wait};
use crate::types::ArmType;

/// The tag that holds the idempotency token of the create. Azure's portal does not show tags that begin so, and it never
/// shows among an object's tags.
pub const TOKEN_TAG: &str = "hidden-konductor-token";

/// How many times the state of a resource is asked for where no operation is named: that is ARM's oldest way.
const STATE: &str = "provisioningState";

/// A resource: where it is, and what is known of its type.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its identifier.
    pub id: ArmId,
    /// Its type.
    pub arm_type: ArmType,
}

/// How an operation stands.
#[derive(Debug)]
pub enum Stand {
    /// It is done; this is what Azure has.
    Done(Value),
    /// It is done; there is nothing any more.
    Gone,
    /// It goes on.
    Going(Progress),
    /// It failed, and something is there.
    Failed(Value, Failure),
}

/// How a long operation is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handle {
    id: String,
    api_version: String,
    way: Way,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Way {
    /// A place that says how the operation stands.
    Operation(String),
    /// A place that answers 202 as long as it goes on.
    Location(String),
    /// The state that the resource itself tells.
    State,
}

impl Target {
    /// Finds the target of a handle.
    ///
    /// # Errors
    /// When the handle is none of this plugin.
    pub fn of_handle(handle: &Handle) -> Result<Self, Failure> {
        Self::of_id(&handle.id, Some(&handle.api_version))
    }

    /// Finds the target of an identifier.
    ///
    /// # Errors
    /// When it is no identifier, or nobody says which version of the API to use.
    pub fn of_id(id: &str, api_version: Option<&str>) -> Result<Self, Failure> {
        let id = ArmId::parse(id).ok_or_else(|| {
            Failure::new(
                Disposition::Invalid,
                format!("`{id}` is not the identifier of a resource: `/subscriptions/…/providers/Microsoft.Network/virtualNetworks/NAME` is"),
            )
        })?;
        let arm_type =
            ArmType::find(&id.type_name, api_version).ok_or_else(|| unknown_version(&id.type_name))?;
        Ok(Self { id, arm_type })
    }

    /// Returns the place of its body.
    pub fn place(&self) -> Place {
        Place::of(self.arm_type.body)
    }

    fn get(&self, context: &Context) -> Result<Option<Answer>, Failure> {
        api(context)
            .get(self.id.segments())
            .query("api-version", &self.arm_type.api_version)
            .send_optional()
    }

    /// Reads it; none when it is not there.
    ///
    /// # Errors
    /// When that cannot be told.
    pub fn read(&self, context: &Context) -> Result<Option<Value>, Failure> {
        self.get(context)?.map(|answer| body_of(&answer)).transpose()
    }

    fn takes_tags(&self) -> bool {
        self.arm_type.takes("tags")
    }

    /// Creates it, or finds what an earlier attempt with the same token made.
    ///
    /// # Errors
    /// When there is nothing afterwards, or something of others.
    pub fn create(&self, context: &Context, body: &Value, token: &str) -> Result<Stand, Failure> {
        if let Some(found) = self.get(context)? {
            return self.found(raw_body_of(&found)?, body, token);
        }
        let mut sent = to_json(body);
        if self.takes_tags()
            && let Some(map) = sent.as_object_mut()
            && let Some(tags) = map.entry("tags").or_insert_with(|| json!({})).as_object_mut()
        {
            tags.insert(TOKEN_TAG.to_owned(), Json::String(token.to_owned()));
        }
        let answer = api(context)
            .put(self.id.segments())
            .query("api-version", &self.arm_type.api_version)
            .header("if-none-match", "*")
            .json(&sent)
            .send();
        match answer {
            // Somebody was faster, or the host has sent it twice because the first answer was lost.
            Err(failure) if failure.http_status == Some(412) => match self.get(context)? {
                Some(found) => self.found(raw_body_of(&found)?, body, token),
                None => Err(failure),
            },
            answer => self.stand(&answer?, "creating"),
        }
    }

    /// Puts a body in its place, whatever there was.
    ///
    /// # Errors
    /// When Azure does not take it.
    pub fn put(&self, context: &Context, body: &Value) -> Result<Stand, Failure> {
        let answer = api(context)
            .put(self.id.segments())
            .query("api-version", &self.arm_type.api_version)
            .json(&to_json(body))
            .send()?;
        self.stand(&answer, "changing")
    }

    /// Returns the failure of a create that finds what others have made.
    pub fn taken(&self) -> Failure {
        Failure::new(
            Disposition::AlreadyExists,
            format!(
                "there is a resource `{}` already, which this stack has not made; import it with `konductor import`, \
                 or give another name",
                self.id.id
            ),
        )
    }

    /// Judges what is there already, with the tag that is ours.
    fn found(&self, found: Value, body: &Value, token: &str) -> Result<Stand, Failure> {
        let is_ours = match found.attribute("tags").and_then(|tags| tags.attribute(TOKEN_TAG)) {
            Some(tag) => tag.as_text() == Some(token),
            None => {
                !self.takes_tags() && {
                    let seen = settled(self.place(), &writable(self.place(), &found), body);
                    changes(self.place(), &Path::root(), &seen, body).is_empty()
                }
            }
        };
        if !is_ours {
            return Err(self.taken());
        }
        self.stand_of_state(without_token(found), SHORT)
    }

    /// Changes it: what Azure has, with what is wanted laid over it. `before` is what was wanted the last time.
    ///
    /// # Errors
    /// When nothing was changed.
    pub fn update(&self, context: &Context, before: &Value, wanted: &Value) -> Result<Stand, Failure> {
        let answer = self.get(context)?.ok_or_else(|| {
            Failure::new(
                Disposition::NotFound,
                format!("there is no resource `{}` any more", self.id.id),
            )
        })?;
        let current: Value = raw_body_of(&answer)?;
        let etag = answer.header("etag").map(str::to_owned).or_else(|| {
            current
                .attribute("etag")
                .and_then(Value::as_text)
                .map(str::to_owned)
        });
        let place = self.place();
        let sendable = writable(place, &current);
        let sent = merged(&sendable, before, wanted);
        let changed: Vec<String> = changes(place, &Path::root(), &sendable, &sent)
            .iter()
            .filter_map(|change| change.at.first_attribute().map(str::to_owned))
            .collect();
        if changed.is_empty() && !sent.has_secret() {
            return self.stand_of_state(without_token(current), SHORT);
        }
        let only_tags = changed.iter().all(|name| name == "tags") && !sent.has_secret();
        let api = api(context);
        let request = if only_tags {
            let tags = sent.attribute("tags").map(to_json).unwrap_or_else(|| json!({}));
            api.patch(self.id.segments())
                .idempotent(true)
                .json(&json!({ "tags": tags }))
        } else {
            api.put(self.id.segments()).json(&to_json(&sent))
        };
        let request = request.query("api-version", &self.arm_type.api_version);
        let answer = match etag {
            Some(etag) => request.header("if-match", etag).send(),
            None => request.send(),
        };
        self.stand(&answer?, "changing")
    }

    /// Deletes it; what is gone already is gone.
    ///
    /// # Errors
    /// When it is still there.
    pub fn delete(&self, context: &Context) -> Result<Stand, Failure> {
        let answer = api(context)
            .delete(self.id.segments())
            .query("api-version", &self.arm_type.api_version)
            .send_optional()?;
        let Some(answer) = answer.filter(|answer| answer.status() != 204) else {
            return Ok(Stand::Gone);
        };
        match self.way(&answer) {
            Some(way) => self.going(way, wait(&answer), "deleting"),
            None if answer.status() == 202 => self.going(Way::State, wait(&answer), "deleting"),
            None => Ok(Stand::Gone),
        }
    }

    /// Asks how an operation stands.
    ///
    /// # Errors
    /// When it failed and left nothing, or that cannot be told.
    pub fn poll(
        &self,
        context: &Context,
        handle: Handle,
        operation: OperationKind,
    ) -> Result<Stand, Failure> {
        let (doing, is_delete) = match operation {
            OperationKind::Create => ("creating", false),
            OperationKind::Update => ("changing", false),
            OperationKind::Delete => ("deleting", true),
        };
        let api = api(context);
        match &handle.way {
            Way::Operation(url) => {
                let answer = get_url(&api, url)?.send()?;
                let body: Json = answer.json()?;
                let status = body.get("status").and_then(Json::as_str).unwrap_or("Succeeded");
                match end_of(status) {
                    End::Open => self.going(handle.way.clone(), wait(&answer), doing),
                    End::Good => self.after(context, is_delete, None),
                    End::Bad => {
                        let failure = failure_of_operation(body.get("error"), status);
                        self.after(context, is_delete, Some(failure))
                    }
                }
            }
            Way::Location(url) => match get_url(&api, url)?.send() {
                Ok(answer) if answer.status() == 202 => self.going(handle.way.clone(), wait(&answer), doing),
                Ok(_) => self.after(context, is_delete, None),
                // Many operations answer so when they are done with a delete.
                Err(failure) if failure.disposition == Disposition::NotFound => {
                    self.after(context, is_delete, None)
                }
                Err(failure) if failure.disposition.is_transient() => Err(failure),
                Err(failure) => self.after(context, is_delete, Some(failure)),
            },
            Way::State => self.after(context, is_delete, None),
        }
    }

    /// Looks what there is after an operation has ended.
    fn after(&self, context: &Context, is_delete: bool, failure: Option<Failure>) -> Result<Stand, Failure> {
        match (self.get(context)?, failure) {
            (None, None) if is_delete => Ok(Stand::Gone),
            (None, Some(failure)) => Err(left_nothing(failure)),
            (None, None) => Err(Failure::new(
                Disposition::Unavailable,
                format!(
                    "the operation has ended, and there is no resource `{}` yet",
                    self.id.id
                ),
            )),
            (Some(_), Some(failure)) if is_delete => Err(failure),
            (Some(answer), Some(failure)) => Ok(Stand::Failed(body_of(&answer)?, failure)),
            (Some(answer), None) if is_delete => self.going(Way::State, wait(&answer), "deleting"),
            (Some(answer), None) => {
                let body = body_of(&answer)?;
                self.stand_of_state(body, wait(&answer))
            }
        }
    }

    /// Says how an operation stands by the answer that started it.
    fn stand(&self, answer: &Answer, doing: &str) -> Result<Stand, Failure> {
        if let Some(way) = self.way(answer) {
            return self.going(way, wait(answer), doing);
        }
        self.stand_of_state(body_of(answer)?, wait(answer))
    }

    /// Returns where an answer says that the operation is asked for.
    fn way(&self, answer: &Answer) -> Option<Way> {
        match (answer.header("azure-asyncoperation"), answer.header("location")) {
            (Some(url), _) => Some(Way::Operation(url.to_owned())),
            (None, Some(url)) if answer.status() == 202 => Some(Way::Location(url.to_owned())),
            _ => None,
        }
    }

    /// Says how an operation stands by what the resource itself tells.
    fn stand_of_state(&self, body: Value, wait: Duration) -> Result<Stand, Failure> {
        let state = body
            .attribute("properties")
            .and_then(|properties| properties.attribute(STATE))
            .and_then(Value::as_text)
            .unwrap_or("Succeeded")
            .to_owned();
        match end_of(&state) {
            End::Good => Ok(Stand::Done(body)),
            End::Open => self.going(Way::State, wait, &state.to_lowercase()),
            End::Bad => {
                let failure = Failure::new(
                    Disposition::Other,
                    format!("Azure says that `{}` is in the state `{state}`", self.id.id),
                );
                Ok(Stand::Failed(body, failure))
            }
        }
    }

    fn going(&self, way: Way, wait: Duration, doing: &str) -> Result<Stand, Failure> {
        let handle = Handle {
            id: self.id.id.clone(),
            api_version: self.arm_type.api_version.clone(),
            way,
        };
        let message = format!("{doing} {}", self.id.name);
        Ok(Stand::Going(in_progress(
            &handle,
            Some(&self.id.id),
            wait,
            message,
        )?))
    }
}

const SHORT: Duration = Duration::from_secs(2);

enum End {
    Open,
    Good,
    Bad,
}

/// Returns what a state of an operation or a resource means. States that name what is being done are many.
fn end_of(state: &str) -> End {
    match state.to_ascii_lowercase().as_str() {
        "succeeded" | "ready" | "completed" | "active" => End::Good,
        "failed" | "canceled" | "cancelled" | "timedout" => End::Bad,
        _ => End::Open,
    }
}

/// Reads the handle of an operation.
///
/// # Errors
/// When it is none of this plugin.
pub fn handle(request: &PollRequest) -> Result<Handle, Failure> {
    handle_of(&request.handle)
}

/// Returns the failure of a type that the table does not have.
pub fn unknown_version(type_name: &str) -> Failure {
    let nearest = crate::types::nearest(type_name)
        .map(|known| format!("; did you mean `{known}`?"))
        .unwrap_or_default();
    Failure::new(
        Disposition::Invalid,
        format!("this plugin does not know the type `{type_name}`: give its `api_version`{nearest}"),
    )
}

fn raw_body_of(answer: &Answer) -> Result<Value, Failure> {
    if answer.bytes().is_empty() {
        return Ok(Value::empty_map());
    }
    Ok(from_json(answer.json()?))
}

/// Returns what an answer says of a resource, without the tag that is ours.
fn body_of(answer: &Answer) -> Result<Value, Failure> {
    raw_body_of(answer).map(without_token)
}

/// Returns a resource without the tag that is ours.
pub fn without_token(mut body: Value) -> Value {
    if let Some(map) = body.as_map_mut()
        && let Some(tags) = map.get_mut("tags").and_then(Value::as_map_mut)
    {
        tags.remove(TOKEN_TAG);
        if tags.is_empty() {
            map.remove("tags");
        }
    }
    body
}
