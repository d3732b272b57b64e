//! Settles what an earlier run began and did not end.
//!
//! A create is asked for again with the same idempotency token and the same inputs: the provider finds the
//! object that was made, or makes it. An update is read, and the next plan sees what is missing. A delete is
//! looked at and, where the object is still there, done again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt as _;
use futures::stream;
use konductor_model::provider::{ObjectState, Provider, ReadRequest};
use konductor_model::{Diagnostic, Diagnostics, Disposition, Failure, Urn};
use konductor_state::Entry;
use konductor_state::entry::{Action, Begin, End};
use konductor_state::record::{Interrupted, ResourceRecord, Snapshot};

use crate::apply::call::{Begun, CallEnd, Caller, Request, retrying};
use crate::apply::deploy::{Settled, settle};
use crate::apply::remove::{doomed_object, without};
use crate::desired::Providers;
use crate::error::EngineError;
use crate::event::{Event, Observer};
use crate::identifiers::Identifiers;
use crate::schema_version;
use crate::subject::{SchemaCache, Subject};

/// What recovery needs besides the snapshot.
pub(crate) struct Recovery<'e> {
    pub(crate) plugins: &'e dyn Providers,
    pub(crate) schemas: &'e SchemaCache,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) caller: Caller,
    pub(crate) parallelism: usize,
    /// Which record manages which object.
    pub(crate) identifiers: Mutex<Identifiers>,
}

/// How an open operation was settled: the record and failure for its end entry, and a sentence for a person.
struct Verdict {
    record: Option<ResourceRecord>,
    failure: Option<Failure>,
    result: String,
}

impl Recovery<'_> {
    /// Settles all open operations, or says which could not be settled.
    pub(crate) async fn run(&self, snapshot: &Snapshot) -> Result<(), EngineError> {
        // Two operations on one resource do not overlap, so they can be settled side by side.
        let mut settled = stream::iter(&snapshot.interrupted)
            .map(|open| self.settle(open, snapshot))
            .buffer_unordered(self.parallelism.max(1));
        let mut diagnostics = Diagnostics::default();
        while let Some(found) = settled.next().await {
            diagnostics.extend(found);
        }
        drop(settled);
        self.caller.writer.append(Vec::new()).await?;
        if diagnostics.has_errors() {
            return Err(diagnostics.into());
        }
        Ok(())
    }

    async fn settle(&self, open: &Interrupted, snapshot: &Snapshot) -> Diagnostics {
        let begin = &open.begin;
        let since = Instant::now();
        self.observer.event(Event::RecoveryStarted {
            urn: begin.urn.clone(),
            action: begin.action,
        });
        let verdict = match self.verdict(open, snapshot).await {
            Ok(verdict) => verdict,
            Err(failure) => {
                return Diagnostic::error(format!(
                    "an operation that an earlier run left open could not be settled: {failure}"
                ))
                .resource(begin.urn.name())
                .detail(format!("it is a {}, begun as {}", describe(begin.action), begin.operation))
                .help(
                    "run again when the cause is gone; if you know that there is no object, `konductor state remove` drops the operation",
                )
                .into();
            }
        };
        self.caller.writer.hand_over(
            vec![Entry::End(End {
                operation: begin.operation.clone(),
                urn: begin.urn.clone(),
                record: verdict.record.map(Box::new),
                failure: verdict.failure,
                milliseconds: u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX),
            })],
            Some(Event::RecoveryFinished {
                urn: begin.urn.clone(),
                action: begin.action,
                result: verdict.result,
            }),
        );
        Diagnostics::default()
    }

    async fn verdict(&self, open: &Interrupted, snapshot: &Snapshot) -> Result<Verdict, Failure> {
        let begin = &open.begin;
        let provider = self.plugins.provider(&begin.record.plugin.name).ok_or_else(|| {
            Failure::new(
                Disposition::Other,
                format!("the plugin `{}` is not there", begin.record.plugin.name),
            )
        })?;
        let schema = self
            .schemas
            .get(
                &begin.record.plugin.name,
                provider.as_ref(),
                begin.urn.resource_type(),
            )
            .await?;
        let subject = Subject {
            provider: provider.as_ref(),
            schema: &schema,
            urn: &begin.urn,
            options: &begin.record.options,
            origin: None,
            verify_determinism: false,
        };
        let before = snapshot.resources.get(&begin.urn);
        let upgraded = self.readable(begin, &subject, before).await?;
        let before = upgraded.as_ref().or(before);
        let handle = open
            .progress
            .as_ref()
            .and_then(|progress| STANDARD.decode(&progress.handle).ok());
        match begin.action {
            Action::Create | Action::CreateReplacement => self.create(begin, &subject, before, handle).await,
            Action::Update => self.update(begin, &subject, before, handle).await,
            Action::Delete | Action::DeleteReplaced | Action::DeleteDeposed => {
                self.delete(begin, provider.as_ref(), before, handle).await
            }
            // An import changes nothing in the cloud: the next plan shows it again.
            Action::Import => Ok(Verdict {
                record: before.cloned(),
                failure: Some(interrupted()),
                result: "nothing had changed; it is planned again".to_owned(),
            }),
        }
    }

    /// Refuses what a newer version of the plugin began or stored, and returns the record in the form of this version
    /// where an older one stored it.
    async fn readable(
        &self,
        begin: &Begin,
        subject: &Subject<'_>,
        before: Option<&ResourceRecord>,
    ) -> Result<Option<ResourceRecord>, Failure> {
        let plugin = &begin.record.plugin;
        if let Some(version) = begin.schema_version {
            schema_version::refuse_newer(
                subject.provider,
                subject.schema,
                subject.urn,
                &plugin.name,
                plugin,
                version,
            )?;
        }
        let Some(before) = before else { return Ok(None) };
        let mut record = before.clone();
        let mut changed = false;
        let deposed = record.deposed.iter_mut().map(|deposed| &mut deposed.object);
        for object in record.object.iter_mut().chain(deposed) {
            let upgraded = schema_version::upgraded(
                subject.provider,
                subject.schema,
                subject.urn,
                &plugin.name,
                &before.plugin,
                object,
            );
            if let Some(upgraded) = upgraded.await? {
                *object = upgraded;
                changed = true;
            }
        }
        Ok(changed.then_some(record))
    }

    async fn create(
        &self,
        begin: &Begin,
        subject: &Subject<'_>,
        before: Option<&ResourceRecord>,
        handle: Option<Vec<u8>>,
    ) -> Result<Verdict, Failure> {
        let private = STANDARD.decode(&begin.private).unwrap_or_default();
        let request = Request::Create {
            inputs: &begin.record.inputs,
            planned: &begin.planned,
            private: &private,
        };
        let polled = handle.is_some();
        let mut end = self
            .caller
            .call(subject.provider, None, begun(begin), request, handle)
            .await;
        // A handle can be forgotten by the cloud; the token is not.
        if polled
            && matches!(&end, CallEnd::Failed { failure, .. } if failure.disposition == Disposition::NotFound)
        {
            end = self
                .caller
                .call(subject.provider, None, begun(begin), request, None)
                .await;
        }
        let end = match end {
            // The object stands in the way of nothing that is still under way: a second refusal is an answer.
            CallEnd::Failed { failure, .. } if failure.disposition == Disposition::Conflict => {
                return Ok(Verdict {
                    record: before.cloned(),
                    result: format!("it was not created: {failure}"),
                    failure: Some(failure),
                });
            }
            other => other,
        };
        match settle(
            end,
            subject,
            begin.record.as_ref().clone(),
            before,
            &begin.planned,
            begin.action,
            &|object| self.claim(begin, object),
        ) {
            Settled::End(record, failure) => {
                let record = record.map(|record| *record);
                let result = match (
                    &failure,
                    record.as_ref().and_then(|record| record.object.as_ref()),
                ) {
                    (None, Some(object)) => format!("the object is `{}`", object.id),
                    (Some(failure), Some(object)) => {
                        format!("the object is `{}`, not complete: {failure}", object.id)
                    }
                    (Some(failure), None) => format!("it was not created: {failure}"),
                    (None, None) => "it was not created".to_owned(),
                };
                Ok(Verdict {
                    record,
                    failure,
                    result,
                })
            }
            Settled::Open(failure) => Err(failure),
            Settled::Stopped => Err(Failure::new(Disposition::Cancelled, "the run was cancelled")),
        }
    }

    fn claim(&self, begin: &Begin, object: &ObjectState) -> Result<(), Urn> {
        let mut identifiers = self.identifiers.lock().unwrap_or_else(PoisonError::into_inner);
        identifiers.claim(&begin.record.plugin.name, &begin.urn, object, |_, _| true)
    }

    async fn update(
        &self,
        begin: &Begin,
        subject: &Subject<'_>,
        before: Option<&ResourceRecord>,
        handle: Option<Vec<u8>>,
    ) -> Result<Verdict, Failure> {
        let Some((before, object)) = before.and_then(|before| Some((before, before.object.as_ref()?))) else {
            return Ok(Verdict {
                record: before.cloned(),
                failure: Some(interrupted()),
                result: "there was no object to change".to_owned(),
            });
        };
        if handle.is_some() {
            let request = Request::Update {
                prior: object,
                prior_inputs: &before.inputs,
                inputs: &begin.record.inputs,
                planned: &begin.planned,
                private: &[],
            };
            let end = self
                .caller
                .call(subject.provider, None, begun(begin), request, handle)
                .await;
            if let CallEnd::Complete(object) = end {
                let mut record = begin.record.as_ref().clone();
                record.object = Some(subject.marked(object, &begin.planned));
                return Ok(Verdict {
                    record: Some(record),
                    failure: None,
                    result: "the change was finished".to_owned(),
                });
            }
        }
        let mut record = before.clone();
        record.object = self
            .read(subject.provider, begin, object)
            .await?
            .map(|object| subject.marked(object, &begin.planned));
        let result = if record.object.is_some() {
            "read as it is; the plan shows what is missing"
        } else {
            "the object is gone"
        };
        Ok(Verdict {
            record: Some(record),
            failure: Some(interrupted()),
            result: result.to_owned(),
        })
    }

    async fn delete(
        &self,
        begin: &Begin,
        provider: &dyn Provider,
        before: Option<&ResourceRecord>,
        handle: Option<Vec<u8>>,
    ) -> Result<Verdict, Failure> {
        let key = begin.deposed.as_deref();
        let gone = |result: &str| Verdict {
            record: before.and_then(|before| without(before, begin.action, key)),
            failure: None,
            result: result.to_owned(),
        };
        let Some(object) = before.and_then(|before| doomed_object(before, begin.action, key)) else {
            return Ok(gone("there was nothing to delete"));
        };
        if handle.is_none() && self.read(provider, begin, object).await?.is_none() {
            return Ok(gone("it is deleted"));
        }
        let request = Request::Delete { prior: object };
        match self
            .caller
            .call(provider, None, begun(begin), request, handle)
            .await
        {
            CallEnd::Deleted | CallEnd::Complete(_) => Ok(gone("it is deleted")),
            CallEnd::Partial(_, failure) | CallEnd::Failed { failure, .. } => Ok(Verdict {
                record: before.cloned(),
                result: format!("it is still there: {failure}"),
                failure: Some(failure),
            }),
            CallEnd::Cancelled => Err(Failure::new(Disposition::Cancelled, "the run was cancelled")),
        }
    }

    async fn read(
        &self,
        provider: &dyn Provider,
        begin: &Begin,
        object: &ObjectState,
    ) -> Result<Option<ObjectState>, Failure> {
        let request = ReadRequest {
            resource_type: begin.urn.resource_type().clone(),
            name: begin.urn.name().clone(),
            id: object.id.clone(),
            prior: Some(object.clone()),
        };
        match retrying(self.caller.retry, || provider.read(request.clone())).await {
            Err(failure) if failure.disposition == Disposition::NotFound => Ok(None),
            other => other,
        }
    }
}

fn interrupted() -> Failure {
    Failure::new(Disposition::Cancelled, "the run was interrupted")
}

fn begun(begin: &Begin) -> Begun<'_> {
    Begun {
        operation: &begin.operation,
        plugin: &begin.record.plugin.name,
        urn: &begin.urn,
        action: begin.action,
        token: &begin.idempotency_token,
    }
}

fn describe(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::CreateReplacement => "create of a replacement",
        Action::Update => "change",
        Action::Delete | Action::DeleteReplaced | Action::DeleteDeposed => "delete",
        Action::Import => "import",
    }
}
