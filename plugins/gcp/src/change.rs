//! Changing an object in place: one patch, and then properties with a method of their own, one after the other.

use std::collections::BTreeMap;

use konductor_schema_body::writable;
use konductor_sdk::cloud::uuid_of;
use konductor_sdk::prelude::*;
use serde_json::{Value as Json, json};

use crate::body::{body_to_json, merge_patch};
use crate::client::{Operation, api};
use crate::lifecycle::{Handle, Stand, Target};
use crate::own_methods;

/// Methods that set one property and take the fingerprint of the whole object; no other knows it.
const GUARDED: [&str; 2] = ["/setNamedPorts", "/setTargetPools"];

/// Types whose patch takes no mask and replaces all of an object.
const OVERWRITTEN: [&str; 1] = ["orgpolicy/v2/organizations.customConstraints"];

impl Target {
    /// Changes an object from one body to another, one request after the other.
    pub fn update(
        &self,
        context: &Context,
        link: &str,
        old: &Value,
        new: &Value,
        token: &str,
    ) -> Result<Stand, Failure> {
        let names = own_methods::split(self.rest.name(), changed(old, new), old, new);
        self.change(context, link, names, old, new, token)
    }

    fn change(
        &self,
        context: &Context,
        link: &str,
        names: Vec<String>,
        old: &Value,
        new: &Value,
        token: &str,
    ) -> Result<Stand, Failure> {
        let gone = || Failure::new(Disposition::NotFound, format!("{link} is not there any more"));
        let current = self.read(context, link)?.ok_or_else(gone)?;
        // One patch takes all that has no method of its own. It comes first: what is taken away of a property is told by the
        // old body, which is not there any more once an operation was waited for.
        let (mut with_setter, plain): (Vec<String>, Vec<String>) = names.into_iter().partition(|name| {
            self.rest.setter(name).is_some() || own_methods::of(self.rest.name(), name).is_some()
        });
        let answer = if !plain.is_empty() {
            self.patch(context, link, &plain, &current, old, new, token)?
        } else if with_setter.is_empty() {
            return Ok(Stand::Done(link.to_owned(), current));
        } else {
            let name = with_setter.remove(0);
            self.set(context, link, &name, &current, new, token)?
        };
        // What changes at once answers with the object itself.
        let is_older = answer.get("targetLink").is_some() || answer.get("operationType").is_some();
        // While it goes on, `done` is left out.
        let is_named = answer
            .get("name")
            .and_then(Json::as_str)
            .is_some_and(|name| name.split('/').rev().skip(1).any(|step| step == "operations"));
        let is_newer = self.rest.operation_version().is_some() && (is_named || answer.get("done").is_some());
        let is_operation = (is_older && answer.get("selfLink").is_some()) || is_newer;
        let handle = Handle {
            rest: self.rest.name().to_owned(),
            operation: Vec::new(),
            link: Some(link.to_owned()),
            remaining: with_setter,
            deletes: false,
        };
        if !is_operation {
            return self.go_on(context, handle, old, new, token);
        }
        let version = self.rest.operation_version().unwrap_or("v1");
        let operation = Operation::read(self.rest.service(), version, &answer)?;
        self.after(context, operation, handle, old, new)
    }

    /// Goes on with what is left to change.
    pub(crate) fn go_on(
        &self,
        context: &Context,
        handle: Handle,
        old: &Value,
        new: &Value,
        token: &str,
    ) -> Result<Stand, Failure> {
        let link = handle.link.unwrap_or_default();
        self.change(context, &link, handle.remaining, old, new, token)
    }

    fn set(
        &self,
        context: &Context,
        link: &str,
        name: &str,
        current: &Value,
        new: &Value,
        token: &str,
    ) -> Result<Json, Failure> {
        if let Some(own) = own_methods::of(self.rest.name(), name) {
            let path = self.item_path(&own.method(), link)?;
            let payload = own.payload(self.rest.body(), current, new);
            return api(context, self.rest.service())
                .request(own.verb, &path)
                .json(&payload)
                .send()?
                .json();
        }
        let setter = self
            .rest
            .setter(name)
            .ok_or_else(|| Failure::new(Disposition::Unsupported, format!("`{name}` cannot be set")))?;
        let wanted = new.attribute(name).unwrap_or(&Value::Null);
        let mut value = body_to_json(self.place().child(name), wanted);
        let text =
            |value: &Value, name: &str| value.attribute(name).and_then(Value::as_text).map(str::to_owned);
        let payload = if setter.is_whole {
            let fingerprint = current
                .attribute(name)
                .and_then(|current| text(current, "fingerprint"));
            if value.is_null() {
                value = json!({});
            }
            if let (Some(fingerprint), Some(members)) = (fingerprint, value.as_object_mut()) {
                members.insert("fingerprint".to_owned(), fingerprint.into());
            }
            value
        } else {
            if value.is_null() && wanted.is_null() && name == "labels" {
                value = json!({});
            }
            let mut members = serde_json::Map::from_iter([(name.to_owned(), value)]);
            if name == "labels" {
                if let Some(fingerprint) = text(current, "labelFingerprint") {
                    members.insert("labelFingerprint".to_owned(), fingerprint.into());
                }
            } else if GUARDED
                .iter()
                .any(|guarded| setter.method.path.ends_with(guarded))
                && let Some(fingerprint) = text(current, "fingerprint")
            {
                members.insert("fingerprint".to_owned(), fingerprint.into());
            }
            Json::Object(members)
        };
        let path = self.item_path(&setter.method, link)?;
        let api = api(context, self.rest.service());
        let mut request = api.request(setter.method.verb, &path).json(&payload);
        if setter.method.takes("requestId") {
            request = request
                .query("requestId", uuid_of(&[token, name]))
                .idempotent(true);
        }
        request.send()?.json()
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "one change, and everything it depends on"
    )]
    fn patch(
        &self,
        context: &Context,
        link: &str,
        names: &[String],
        current: &Value,
        old: &Value,
        new: &Value,
        token: &str,
    ) -> Result<Json, Failure> {
        let place = self.place();
        let api = api(context, self.rest.service());
        let patch = own_methods::patch(self.rest.name()).or_else(|| self.rest.method("patch"));
        let (method, mut object) = match (patch, self.rest.method("update")) {
            (None, Some(_)) if own_methods::are_all(self.rest.name()) => {
                return Err(Failure::new(
                    Disposition::Unsupported,
                    format!(
                        "`{}` of {} cannot be changed in place",
                        names.join("`, `"),
                        self.rest.name()
                    ),
                ));
            }
            (Some(method), _) if !OVERWRITTEN.contains(&self.rest.name()) => {
                let masked =
                    method.takes("updateMask") || self.rest.beside("patch").any(|name| name == "updateMask");
                let mut object = serde_json::Map::new();
                for name in names {
                    let (before, wanted) = (
                        old.attribute(name).unwrap_or(&Value::Null),
                        new.attribute(name).unwrap_or(&Value::Null),
                    );
                    // A mask replaces the whole property; without one, null takes away what is not given any more.
                    let value = if masked {
                        body_to_json(place.child(name), wanted)
                    } else {
                        merge_patch(before, wanted)
                    };
                    if !(masked && value.is_null()) {
                        object.insert(name.clone(), value);
                    }
                }
                (method, object)
            }
            (Some(method), _) | (None, Some(method)) => {
                // All of it is replaced, so what others set has to be sent as well.
                let mut all = writable(place, current);
                if let Some(all) = all.as_map_mut() {
                    for name in names {
                        match new.attribute(name) {
                            Some(value) => all.insert(name.clone(), value.clone()),
                            None => all.remove(name),
                        };
                    }
                }
                let object = match body_to_json(place, &all) {
                    Json::Object(object) => object,
                    _ => serde_json::Map::new(),
                };
                (method, object)
            }
            (None, None) => {
                return Err(Failure::new(
                    Disposition::Unsupported,
                    format!("objects of {} cannot be changed in place", self.rest.name()),
                ));
            }
        };
        // Methods of Compute Engine want the name in the body as well.
        if let Some(name) = current.attribute("name").and_then(Value::as_text)
            && self.rest.service() == "compute"
        {
            object.insert("name".to_owned(), name.into());
        }
        // What the object was when it was read: somebody else's change in between is refused.
        for guard in ["fingerprint", "etag"] {
            let known = self.rest.property(guard).is_some() && self.rest.service() != "storage";
            if let Some(value) = current
                .attribute(guard)
                .and_then(Value::as_text)
                .filter(|_| known)
            {
                object.insert(guard.to_owned(), value.into());
            }
        }
        let payload = match self.rest.wrapper("patch") {
            None => Json::Object(object),
            Some(member) => {
                if let Some(name) = current.attribute("name").and_then(Value::as_text) {
                    object.insert("name".to_owned(), name.into());
                }
                json!({ member: object, "updateMask": names.join(",") })
            }
        };
        let path = self.item_path(&method, link)?;
        let mut request = api.request(method.verb, &path).json(&payload);
        for (name, value) in self.named_in_query(&method, link) {
            request = request.query(&name, value);
        }
        if method.takes("updateMask") {
            request = request.query("updateMask", names.join(","));
        }
        let generation = current.attribute("metageneration").and_then(Value::as_text);
        if method.takes("ifMetagenerationMatch")
            && let Some(generation) = generation
        {
            request = request.query("ifMetagenerationMatch", generation);
        }
        if method.takes("requestId") {
            request = request
                .query("requestId", uuid_of(&[token, "patch"]))
                .idempotent(true);
        }
        request.send()?.json()
    }
}

/// Returns the members in which two bodies differ.
pub(crate) fn changed(old: &Value, new: &Value) -> Vec<String> {
    let empty = BTreeMap::new();
    let (old, new) = (old.as_map().unwrap_or(&empty), new.as_map().unwrap_or(&empty));
    let mut names: Vec<String> = old
        .keys()
        .filter(|name| !new.contains_key(*name))
        .cloned()
        .collect();
    names.extend(
        new.iter()
            .filter(|(name, value)| old.get(*name).is_none_or(|old| !old.same_as(value)))
            .map(|(name, _)| name.clone()),
    );
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_changed() {
        let old = Value::from([
            ("a", Value::from(1)),
            ("b", Value::from(2)),
            ("c", Value::from(3)),
        ]);
        let new = Value::from([
            ("b", Value::from(2)),
            ("c", Value::from(4)),
            ("d", Value::from(5)),
        ]);
        assert_eq!(changed(&old, &new), ["a", "c", "d"]);
    }
}
