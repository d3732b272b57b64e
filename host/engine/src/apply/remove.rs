//! Deletes objects, or only forgets them.

use std::borrow::Cow;
use std::time::Instant;

use konductor_model::provider::{ObjectState, Provider};
use konductor_model::{Disposition, Failure, Value};
use konductor_state::StateError;
use konductor_state::entry::{Action, Begin};
use konductor_state::record::ResourceRecord;

use crate::apply::call::{Begun, CallEnd, Request};
use crate::apply::context::{ApplyContext, Ended};
use crate::apply::deploy::Went;
use crate::apply::places::Admitted;
use crate::plan::Step;
use crate::schema_version;

/// Which object of a resource is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doomed<'a> {
    /// The current one, with the record.
    Current,
    /// The current one, before a new one is made.
    Replaced,
    /// A superseded one.
    Deposed(&'a str),
    /// The one superseded last, by this run.
    Superseded,
}

/// Returns what is left of a record when an object of it is deleted.
pub(crate) fn without(record: &ResourceRecord, action: Action, key: Option<&str>) -> Option<ResourceRecord> {
    let mut left = record.clone();
    match action {
        Action::DeleteReplaced => left.object = None,
        Action::DeleteDeposed => left.deposed.retain(|deposed| Some(deposed.key.as_str()) != key),
        _ => return None,
    }
    Some(left)
}

/// Returns the object that a delete is about.
pub(crate) fn doomed_object<'r>(
    record: &'r ResourceRecord,
    action: Action,
    key: Option<&str>,
) -> Option<&'r ObjectState> {
    match action {
        Action::DeleteDeposed => record
            .deposed
            .iter()
            .find(|deposed| Some(deposed.key.as_str()) == key)
            .map(|deposed| &deposed.object),
        _ => record.object.as_ref(),
    }
}

impl ApplyContext {
    /// Returns an object in the form that the plugin reads. A refresh rewrites current objects, superseded ones not.
    async fn readable<'o>(
        &self,
        provider: &dyn Provider,
        record: &ResourceRecord,
        object: &'o ObjectState,
    ) -> Result<Cow<'o, ObjectState>, Failure> {
        let plugin = &record.plugin;
        let schema = self
            .schemas
            .get(&plugin.name, provider, record.urn.resource_type())
            .await?;
        let upgraded =
            schema_version::upgraded(provider, &schema, &record.urn, &plugin.name, plugin, object).await?;
        Ok(upgraded.map_or(Cow::Borrowed(object), Cow::Owned))
    }

    /// Deletes an object of a resource. One that is gone already counts as deleted.
    pub(crate) async fn remove(
        &self,
        step: &Step,
        doomed: Doomed<'_>,
        admitted: Option<Admitted>,
    ) -> Result<Went, StateError> {
        let Some(record) = self.record(&step.urn) else {
            return Ok(Went::Well);
        };
        let (action, key) = match doomed {
            Doomed::Current => (Action::Delete, None),
            Doomed::Replaced => (Action::DeleteReplaced, None),
            Doomed::Deposed(key) => (Action::DeleteDeposed, Some(key.to_owned())),
            Doomed::Superseded => match record.deposed.last() {
                Some(deposed) => (Action::DeleteDeposed, Some(deposed.key.clone())),
                None => return Ok(Went::Well),
            },
        };
        if action != Action::Delete && record.options.retain_on_delete {
            let left = without(&record, action, key.as_deref());
            if let Some(left) = left {
                self.write_record(left, "retain on delete");
            }
            return Ok(Went::Well);
        }
        let Some(object) = doomed_object(&record, action, key.as_deref()) else {
            if action == Action::Delete {
                self.forget(&step.urn, "gone");
            }
            return Ok(Went::Well);
        };
        let Some(provider) = self.plugins.provider(&record.plugin.name) else {
            let failure = Failure::new(
                Disposition::Other,
                format!("there is no plugin `{}`", record.plugin.name),
            );
            self.refuse(&step.urn, action, failure);
            return Ok(Went::Badly);
        };
        let object = match self.readable(provider.as_ref(), &record, object).await {
            Ok(object) => object,
            Err(failure) => {
                self.refuse(&step.urn, action, failure);
                return Ok(Went::Badly);
            }
        };
        let operation = uuid::Uuid::new_v4().to_string();
        let token = uuid::Uuid::new_v4().to_string();
        let ended = Ended {
            operation: &operation,
            urn: &step.urn,
            action,
            since: Instant::now(),
        };
        let left = without(&record, action, key.as_deref());
        self.begin(Begin {
            operation: operation.clone(),
            run: self.run.clone(),
            urn: step.urn.clone(),
            action,
            idempotency_token: token.clone(),
            record: Box::new(left.clone().unwrap_or_else(|| record.as_ref().clone())),
            planned: Value::Null,
            private: String::new(),
            schema_version: None,
            deposed: key.clone(),
        })
        .await?;
        let begun = Begun {
            operation: &operation,
            plugin: &record.plugin.name,
            urn: &step.urn,
            action,
            token: &token,
        };
        let request = Request::Delete { prior: &object };
        // What is recorded can be another plugin's than what takes its place.
        let admitted = admitted.filter(|_| record.plugin.name == step.plugin.name);
        Ok(
            match self
                .caller
                .call(provider.as_ref(), admitted, begun, request, None)
                .await
            {
                CallEnd::Deleted | CallEnd::Complete(_) => {
                    self.end(&ended, left, None);
                    Went::Well
                }
                CallEnd::Partial(_, failure) | CallEnd::Failed { failure, .. } => {
                    // The object is still recorded: a later refresh or delete finds out whether it is there.
                    self.end(&ended, Some(record.as_ref().clone()), Some(failure));
                    Went::Badly
                }
                CallEnd::Cancelled => Went::Stopped,
            },
        )
    }
}
