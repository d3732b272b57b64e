//! What the operations of an apply share: the records as they are now, and the way to the log.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use konductor_model::provider::ObjectState;
use konductor_model::{Failure, Reference, ResourceName, Urn, Value};
use konductor_state::Entry;
use konductor_state::entry::{Action, End};
use konductor_state::record::ResourceRecord;

use crate::apply::call::Caller;
use crate::apply::writer::Writer;
use crate::desired::Providers;
use crate::event::{ApplySummary, Event, Observer};
use crate::identifiers::{Identifiers, manages};
use crate::plan::{Plan, recorded_attributes};
use crate::records::Records;
use crate::reference::ReferenceError;
use crate::refresh::ReadTimes;
use crate::subject::SchemaCache;

/// What went wrong with one operation.
#[derive(Debug, Clone, PartialEq)]
pub struct FailedOperation {
    /// On what.
    pub urn: Urn,
    /// What.
    pub action: Action,
    /// Why.
    pub failure: Failure,
    /// Whether it had an effect is not known; the next run settles it.
    pub open: bool,
}

/// What the operations of an apply share.
pub(crate) struct ApplyContext {
    pub(crate) plan: Arc<Plan>,
    pub(crate) run: String,
    pub(crate) plugins: Arc<dyn Providers>,
    pub(crate) schemas: SchemaCache,
    pub(crate) writer: Writer,
    pub(crate) caller: Caller,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) records: Mutex<Records>,
    /// Which record manages which object.
    pub(crate) identifiers: Mutex<Identifiers>,
    /// The resource that each name stands for; set before the first operation.
    pub(crate) names: OnceLock<HashMap<ResourceName, Urn>>,
    pub(crate) report: Mutex<Tally>,
    pub(crate) read_times: Arc<ReadTimes>,
}

/// What was done so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) summary: ApplySummary,
    pub(crate) failures: Vec<FailedOperation>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An operation that has ended, for its end entry.
pub(crate) struct Ended<'a> {
    pub(crate) operation: &'a str,
    pub(crate) urn: &'a Urn,
    pub(crate) action: Action,
    pub(crate) since: std::time::Instant,
}

impl ApplyContext {
    /// Returns the record of a resource as it is now.
    pub(crate) fn record(&self, urn: &Urn) -> Option<Arc<ResourceRecord>> {
        lock(&self.records).get(urn).map(Arc::new)
    }

    /// Takes an object for a record, unless another one manages it; then that one is returned.
    pub(crate) fn claim(&self, plugin: &str, urn: &Urn, object: &ObjectState) -> Result<(), Urn> {
        lock(&self.identifiers).claim(plugin, urn, object, |owner, id| {
            self.record(owner).is_some_and(|record| manages(&record, id))
        })
    }

    /// Returns what a reference reads now.
    pub(crate) fn lookup(&self, reference: &Reference) -> Result<Value, ReferenceError> {
        let urn = self
            .names
            .get()
            .and_then(|names| names.get(reference.resource.as_str()))
            .ok_or(ReferenceError::NoObject)?;
        let record = self.record(urn).ok_or(ReferenceError::NoObject)?;
        recorded_attributes(&record)
            .ok_or(ReferenceError::NoObject)?
            .at(&reference.path)
    }

    /// Keeps a record as it is now. One that could not be packed was written to the log as text just as well.
    fn put(&self, record: &ResourceRecord) {
        if let Err(error) = lock(&self.records).put(record) {
            tracing::warn!(%error, urn = %record.urn, "what refers to this resource does not see its change");
        }
    }

    /// Writes a record that changed without an operation.
    pub(crate) fn write_record(&self, record: ResourceRecord, reason: &str) {
        let entry = Entry::Recorded {
            record: Box::new(record.clone()),
            reason: reason.to_owned(),
        };
        self.put(&record);
        self.writer.hand_over(vec![entry], None);
    }

    /// Drops a record without an operation.
    pub(crate) fn forget(&self, urn: &Urn, reason: &str) {
        if lock(&self.records).remove(urn) {
            let entry = Entry::Forgotten {
                urn: urn.clone(),
                reason: reason.to_owned(),
            };
            self.writer.hand_over(vec![entry], None);
        }
    }

    /// Writes the end of an operation, and the record as it is after it.
    pub(crate) fn end(&self, ended: &Ended<'_>, record: Option<ResourceRecord>, failure: Option<Failure>) {
        let milliseconds = u64::try_from(ended.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let entry = Entry::End(End {
            operation: ended.operation.to_owned(),
            urn: ended.urn.clone(),
            record: record.clone().map(Box::new),
            failure: failure.clone(),
            milliseconds,
        });
        let id = record
            .as_ref()
            .and_then(|record| record.object.as_ref())
            .map(|object| object.id.clone());
        if let (Some(id), None) = (&id, &failure) {
            self.read_times.seen(ended.urn, id);
        }
        match record {
            Some(record) => self.put(&record),
            None => {
                lock(&self.records).remove(ended.urn);
            }
        }
        let event = match failure {
            None => {
                self.count(ended.action);
                Event::OperationFinished {
                    urn: ended.urn.clone(),
                    action: ended.action,
                    id,
                    milliseconds,
                }
            }
            Some(failure) => {
                let mut tally = lock(&self.report);
                tally.summary.failed += 1;
                tally.failures.push(FailedOperation {
                    urn: ended.urn.clone(),
                    action: ended.action,
                    failure: failure.clone(),
                    open: false,
                });
                Event::OperationFailed {
                    urn: ended.urn.clone(),
                    action: ended.action,
                    failure,
                    milliseconds,
                }
            }
        };
        self.writer.hand_over(vec![entry], Some(event));
    }

    /// Leaves an operation without end entry: the next run finds out what became of it.
    pub(crate) fn leave_open(&self, ended: &Ended<'_>, failure: Failure) {
        {
            let mut tally = lock(&self.report);
            tally.summary.open += 1;
            tally.failures.push(FailedOperation {
                urn: ended.urn.clone(),
                action: ended.action,
                failure: failure.clone(),
                open: true,
            });
        }
        self.observer.event(Event::OperationFailed {
            urn: ended.urn.clone(),
            action: ended.action,
            failure,
            milliseconds: u64::try_from(ended.since.elapsed().as_millis()).unwrap_or(u64::MAX),
        });
    }

    /// Counts a failure that came before anything was begun.
    pub(crate) fn refuse(&self, urn: &Urn, action: Action, failure: Failure) {
        {
            let mut tally = lock(&self.report);
            tally.summary.failed += 1;
            tally.failures.push(FailedOperation {
                urn: urn.clone(),
                action,
                failure: failure.clone(),
                open: false,
            });
        }
        self.observer.event(Event::OperationFailed {
            urn: urn.clone(),
            action,
            failure,
            milliseconds: 0,
        });
    }

    fn count(&self, action: Action) {
        let mut tally = lock(&self.report);
        let summary = &mut tally.summary;
        match action {
            Action::Create => summary.created += 1,
            Action::CreateReplacement => summary.replaced += 1,
            Action::Update => summary.updated += 1,
            Action::Delete | Action::DeleteReplaced | Action::DeleteDeposed => summary.deleted += 1,
            Action::Import => summary.imported += 1,
        }
    }
}
