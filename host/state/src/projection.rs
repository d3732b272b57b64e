//! What an entry does to the state: the one fold that both logs and the verification use.
//!
//! The fold is pure. It checks an entry before it changes anything, so that an entry is applied wholly or not
//! at all. What it is applied to is a `Projection`: a [`Snapshot`] in memory, or the rows of a database, so
//! that the cost of an entry follows what it changes and not the size of the stack.

use std::collections::BTreeMap;
use std::convert::Infallible;

use konductor_model::{Urn, Value};

use crate::entry::{Begin, Entry, OperationProgress};
use crate::record::{Interrupted, ResourceRecord, Snapshot};

/// Why an entry does not follow from the log before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidEntry {
    /// The operation was begun before and not ended.
    #[error("operation {operation} has begun already")]
    BegunTwice {
        /// The operation.
        operation: String,
    },
    /// The operation was not begun, or has ended.
    #[error("operation {operation} has not begun or has ended already")]
    NotBegun {
        /// The operation.
        operation: String,
    },
    /// The entry speaks of two resources where it must be one.
    #[error("operation {operation} is on {expected}, and the entry says {found}")]
    OtherResource {
        /// The operation.
        operation: String,
        /// The resource of the operation.
        expected: Box<Urn>,
        /// The resource of the entry or of its record.
        found: Box<Urn>,
    },
    /// There is nothing to move or forget.
    #[error("{urn} is not in the state")]
    NotRecorded {
        /// The resource.
        urn: Urn,
    },
    /// The new name is taken.
    #[error("{urn} is in the state already")]
    NameTaken {
        /// The new name.
        urn: Urn,
    },
}

/// What the fold needs of the place that keeps the current state.
pub(crate) trait Projection {
    /// Why a read or write failed.
    type Error;

    /// Tells whether a resource has a record.
    fn has_record(&mut self, urn: &Urn) -> Result<bool, Self::Error>;
    /// Writes a record over the one of the same name.
    fn put_record(&mut self, record: &ResourceRecord) -> Result<(), Self::Error>;
    /// Removes a record, if there is one.
    fn remove_record(&mut self, urn: &Urn) -> Result<(), Self::Error>;
    /// Returns what an operation that has begun and not ended is on.
    fn interrupted(&mut self, operation: &str) -> Result<Option<Urn>, Self::Error>;
    /// Tells whether an operation on a resource has begun and not ended.
    fn is_interrupted(&mut self, urn: &Urn) -> Result<bool, Self::Error>;
    /// Keeps an operation as begun.
    fn put_begin(&mut self, begin: &Begin) -> Result<(), Self::Error>;
    /// Keeps the last progress of an operation that has begun.
    fn put_progress(&mut self, progress: &OperationProgress) -> Result<(), Self::Error>;
    /// Removes an operation.
    fn remove_begin(&mut self, operation: &str) -> Result<(), Self::Error>;
    /// Removes every operation on a resource.
    fn remove_begins_on(&mut self, urn: &Urn) -> Result<(), Self::Error>;
    /// Renames a resource wherever it is named: with [`rename_in_record`] and [`rename_in_begin`].
    fn rename(&mut self, from: &Urn, to: &Urn) -> Result<(), Self::Error>;
    /// Writes the stack's outputs.
    fn put_outputs(&mut self, outputs: &BTreeMap<String, Value>) -> Result<(), Self::Error>;
}

/// Applies an entry; tells separately whether the place failed or the entry is refused.
pub(crate) fn fold<P: Projection>(
    projection: &mut P,
    entry: &Entry,
) -> Result<Result<(), InvalidEntry>, P::Error> {
    match entry {
        Entry::Begin(begin) => {
            if begin.record.urn != begin.urn {
                return Ok(other_resource(&begin.operation, &begin.urn, &begin.record.urn));
            }
            if projection.interrupted(&begin.operation)?.is_some() {
                return Ok(Err(InvalidEntry::BegunTwice {
                    operation: begin.operation.clone(),
                }));
            }
            projection.put_begin(begin)?;
        }
        Entry::Progress(progress) => {
            if projection.interrupted(&progress.operation)?.is_none() {
                return Ok(not_begun(&progress.operation));
            }
            projection.put_progress(progress)?;
        }
        Entry::End(end) => {
            let Some(urn) = projection.interrupted(&end.operation)? else {
                return Ok(not_begun(&end.operation));
            };
            if end.urn != urn {
                return Ok(other_resource(&end.operation, &urn, &end.urn));
            }
            if let Some(record) = &end.record
                && record.urn != urn
            {
                return Ok(other_resource(&end.operation, &urn, &record.urn));
            }
            projection.remove_begin(&end.operation)?;
            match &end.record {
                Some(record) => projection.put_record(record)?,
                None => projection.remove_record(&urn)?,
            }
        }
        Entry::Recorded { record, .. } => projection.put_record(record)?,
        Entry::Forgotten { urn, .. } => {
            if !projection.has_record(urn)? && !projection.is_interrupted(urn)? {
                return Ok(Err(InvalidEntry::NotRecorded { urn: urn.clone() }));
            }
            projection.remove_record(urn)?;
            projection.remove_begins_on(urn)?;
        }
        Entry::Moved { from, to } => {
            if projection.has_record(to)? || projection.is_interrupted(to)? {
                return Ok(Err(InvalidEntry::NameTaken { urn: to.clone() }));
            }
            if !projection.has_record(from)? && !projection.is_interrupted(from)? {
                return Ok(Err(InvalidEntry::NotRecorded { urn: from.clone() }));
            }
            projection.rename(from, to)?;
        }
        Entry::Outputs { outputs } => projection.put_outputs(outputs)?,
        Entry::RunStarted(_)
        | Entry::CloudCall(_)
        | Entry::SecretRevealed(_)
        | Entry::DriftChecked(_)
        | Entry::DriftTold(_)
        | Entry::ControlFinding(_)
        | Entry::ComplianceChecked(_)
        | Entry::ComplianceTold(_)
        | Entry::PolicyDecided(_)
        | Entry::LockTakenAway(_)
        | Entry::Restored(_)
        | Entry::KeysRotated(_)
        | Entry::AuditForwarded(_)
        | Entry::LogArchived(_)
        | Entry::RunAttested(_)
        | Entry::RunFinished(_) => {}
    }
    Ok(Ok(()))
}

fn not_begun(operation: &str) -> Result<(), InvalidEntry> {
    Err(InvalidEntry::NotBegun {
        operation: operation.to_owned(),
    })
}

fn other_resource(operation: &str, expected: &Urn, found: &Urn) -> Result<(), InvalidEntry> {
    Err(InvalidEntry::OtherResource {
        operation: operation.to_owned(),
        expected: Box::new(expected.clone()),
        found: Box::new(found.clone()),
    })
}

/// Applies an entry to a snapshot. `serial` and `head` are the log's to count and stay as they are.
///
/// A begin adds an interrupted operation; an end removes it and writes, or with no record removes, the record.
/// `Forgotten` removes the record together with interrupted operations on it. `Moved` renames a resource also
/// where others name it as parent or dependency.
///
/// # Errors
/// When the entry does not follow from the snapshot; the snapshot is unchanged then.
pub fn apply(snapshot: &mut Snapshot, entry: &Entry) -> Result<(), InvalidEntry> {
    match fold(snapshot, entry) {
        Ok(outcome) => outcome,
        Err(never) => match never {},
    }
}

/// Renames a resource in a record: its own name, its parent, its dependencies. Tells whether anything changed.
pub(crate) fn rename_in_record(record: &mut ResourceRecord, from: &Urn, to: &Urn) -> bool {
    let mut changed = false;
    let names = std::iter::once(&mut record.urn)
        .chain(record.parent.as_mut())
        .chain(&mut record.dependencies);
    for name in names.filter(|name| *name == from) {
        name.clone_from(to);
        changed = true;
    }
    changed
}

/// Renames a resource in an operation that was begun. Tells whether anything changed.
pub(crate) fn rename_in_begin(begin: &mut Begin, from: &Urn, to: &Urn) -> bool {
    if begin.urn == *from {
        begin.urn.clone_from(to);
    }
    // The record of a begin carries the urn of the begin, so it tells for both.
    rename_in_record(&mut begin.record, from, to)
}

impl Projection for Snapshot {
    type Error = Infallible;

    fn has_record(&mut self, urn: &Urn) -> Result<bool, Infallible> {
        Ok(self.resources.contains_key(urn))
    }

    fn put_record(&mut self, record: &ResourceRecord) -> Result<(), Infallible> {
        self.resources.insert(record.urn.clone(), record.clone());
        Ok(())
    }

    fn remove_record(&mut self, urn: &Urn) -> Result<(), Infallible> {
        self.resources.remove(urn);
        Ok(())
    }

    fn interrupted(&mut self, operation: &str) -> Result<Option<Urn>, Infallible> {
        let found = self.interrupted.iter().find(|i| i.begin.operation == operation);
        Ok(found.map(|i| i.begin.urn.clone()))
    }

    fn is_interrupted(&mut self, urn: &Urn) -> Result<bool, Infallible> {
        Ok(self.interrupted.iter().any(|i| i.begin.urn == *urn))
    }

    fn put_begin(&mut self, begin: &Begin) -> Result<(), Infallible> {
        self.interrupted.push(Interrupted {
            begin: begin.clone(),
            progress: None,
        });
        Ok(())
    }

    fn put_progress(&mut self, progress: &OperationProgress) -> Result<(), Infallible> {
        let operation = &progress.operation;
        if let Some(begun) = self
            .interrupted
            .iter_mut()
            .find(|i| i.begin.operation == *operation)
        {
            begun.progress = Some(progress.clone());
        }
        Ok(())
    }

    fn remove_begin(&mut self, operation: &str) -> Result<(), Infallible> {
        self.interrupted.retain(|i| i.begin.operation != operation);
        Ok(())
    }

    fn remove_begins_on(&mut self, urn: &Urn) -> Result<(), Infallible> {
        self.interrupted.retain(|i| i.begin.urn != *urn);
        Ok(())
    }

    fn rename(&mut self, from: &Urn, to: &Urn) -> Result<(), Infallible> {
        if let Some(record) = self.resources.remove(from) {
            self.resources.insert(to.clone(), record);
        }
        for record in self.resources.values_mut() {
            rename_in_record(record, from, to);
        }
        for interrupted in &mut self.interrupted {
            rename_in_begin(&mut interrupted.begin, from, to);
        }
        Ok(())
    }

    fn put_outputs(&mut self, outputs: &BTreeMap<String, Value>) -> Result<(), Infallible> {
        self.outputs.clone_from(outputs);
        Ok(())
    }
}
