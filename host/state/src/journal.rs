//! The log as the engine sees it.

use async_trait::async_trait;

use crate::entry::Entry;
use crate::error::StateError;
use crate::record::{ResourceRecord, Snapshot};

/// A log of one stack: a database, or memory in a test.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Appends entries in order, durable when it returns; all or none.
    ///
    /// Entries of concurrent appends do not mix. Once called, the entries may be written even if the future is
    /// dropped before it is ready.
    ///
    /// # Errors
    /// When an entry does not follow from the log, when a secret cannot be sealed, or when the log cannot be
    /// written. Nothing of this append is stored then.
    async fn append(&self, entries: Vec<Entry>) -> Result<(), StateError>;

    /// Reads the current state with all secrets opened. It holds every append that was acknowledged before.
    ///
    /// # Errors
    /// When the log cannot be read, or holds a secret that cannot be opened.
    async fn snapshot(&self) -> Result<Snapshot, StateError>;

    /// Reads the current state as [`snapshot`](Self::snapshot) does, and hands each record to `take` instead of
    /// keeping it, in no particular order. The snapshot that is returned has no resources.
    ///
    /// A log that can read one record after the other should do so here: this takes all of them at once.
    ///
    /// # Errors
    /// When the log cannot be read, or holds a secret that cannot be opened.
    async fn read_each(&self, take: &mut (dyn FnMut(ResourceRecord) + Send)) -> Result<Snapshot, StateError> {
        let mut snapshot = self.snapshot().await?;
        while let Some((_, record)) = snapshot.resources.pop_first() {
            take(record);
        }
        Ok(snapshot)
    }
}
