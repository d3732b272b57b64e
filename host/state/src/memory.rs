//! A log in memory, for tests of what is built on logs.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::chain;
use crate::entry::Entry;
use crate::error::StateError;
use crate::history::LoggedEntry;
use crate::journal::Journal;
use crate::projection;
use crate::record::Snapshot;

/// A log that lives as long as the value. It folds entries with the same code as the log on disk; it stores
/// nothing, so it seals nothing.
#[derive(Debug, Default)]
pub struct MemoryLog {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    snapshot: Snapshot,
    entries: Vec<LoggedEntry>,
    refuse_after: Option<usize>,
}

impl MemoryLog {
    /// Makes an empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a log that holds entries already.
    ///
    /// # Errors
    /// When an entry does not follow from those before it.
    pub fn with_entries(entries: Vec<Entry>) -> Result<Self, StateError> {
        let log = Self::default();
        log.append_now(entries)?;
        Ok(log)
    }

    /// Lets this many more appends succeed and refuses all after them with [`StateError::Refused`], as if the
    /// process had died there.
    pub fn refuse_after(&self, appends: usize) {
        self.state().refuse_after = Some(appends);
    }

    /// Returns what was appended, oldest first, with secrets as they were given.
    pub fn entries(&self) -> Vec<LoggedEntry> {
        self.state().entries.clone()
    }

    /// Appends entries in order; all or none.
    ///
    /// # Errors
    /// When an entry does not follow from those before it, or the log was told to refuse.
    pub fn append_now(&self, entries: Vec<Entry>) -> Result<(), StateError> {
        let mut state = self.state();
        if let Some(left) = &mut state.refuse_after {
            *left = left.checked_sub(1).ok_or(StateError::Refused)?;
        }
        let kept = state.entries.len();
        for entry in entries {
            if let Err(error) = state.append_one(entry) {
                state.take_back_to(kept)?;
                return Err(error);
            }
        }
        Ok(())
    }

    // A panic elsewhere cannot leave the state half-written: every change is one call of the fold.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn append_one(&mut self, entry: Entry) -> Result<(), StateError> {
        projection::apply(&mut self.snapshot, &entry)?;
        let body = serde_json::to_string(&entry).map_err(|source| StateError::Encode {
            source: std::sync::Arc::new(source),
        })?;
        let time = Timestamp::now();
        self.snapshot.serial += 1;
        self.snapshot.head = chain::hash(
            &self.snapshot.head,
            self.snapshot.serial,
            time.to_string().as_bytes(),
            body.as_bytes(),
        );
        self.entries.push(LoggedEntry {
            serial: self.snapshot.serial,
            time,
            hash: self.snapshot.head.clone(),
            entry,
        });
        Ok(())
    }

    fn take_back_to(&mut self, kept: usize) -> Result<(), StateError> {
        self.entries.truncate(kept);
        let mut snapshot = Snapshot::default();
        for logged in &self.entries {
            projection::apply(&mut snapshot, &logged.entry)?;
            snapshot.serial = logged.serial;
            snapshot.head.clone_from(&logged.hash);
        }
        self.snapshot = snapshot;
        Ok(())
    }
}

#[async_trait]
impl Journal for MemoryLog {
    async fn append(&self, entries: Vec<Entry>) -> Result<(), StateError> {
        self.append_now(entries)
    }

    async fn snapshot(&self) -> Result<Snapshot, StateError> {
        Ok(self.state().snapshot.clone())
    }
}
