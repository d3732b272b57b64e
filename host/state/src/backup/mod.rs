//! Backups of logs: copies that only grow, in a folder, a bucket or a database.
//!
//! A backup is a row of *parts*, each the entries since the one before, written whole or not at all. So what is there
//! is always a beginning of the log, whenever copying was cut off, and every beginning of a log is a state that the
//! stack was in. Parts are chained by the sums of their bytes, which needs no key; the entries in them are chained by
//! the hashes of the log, and stay as the state's backend holds them: encrypted where they are encrypted there.

pub(crate) mod checking;
mod folder;
mod making;
mod part;
mod replaced;
mod restoring;
mod source;

use std::sync::Arc;

use async_trait::async_trait;

use crate::backend::BackendError;
use crate::backend::remote::asked;
use crate::error::StateError;
use crate::schema::StackIdentity;

pub use checking::{CheckedBackup, Standing};
pub use folder::BackupFolder;
pub use making::{Backup, BackupMade, BackupPending, BackupProgress};
pub use replaced::{keep_copy, set_aside};
pub use restoring::{RestoreMade, StoredBackup};
pub use source::BackupSource;

/// A place that keeps backups of many stacks.
///
/// A method may fail with [`BackendError::Unavailable`] after it has had its effect. Callers ask again.
#[async_trait]
pub trait BackupPlace: Send + Sync + std::fmt::Debug {
    /// Returns the place as it may be shown: never with a credential.
    fn title(&self) -> &str;

    /// Returns the stacks of a project that have a backup here, in order.
    async fn stacks(&self, project: &str) -> Result<Vec<String>, BackendError>;

    /// Returns the names of at most so many parts after a name, in order. A part's name is the serial of its first
    /// entry.
    async fn list(&self, stack: &StackIdentity, after: u64, most: usize) -> Result<Vec<u64>, BackendError>;

    /// Reads a part; none when there is none of this name.
    async fn get(&self, stack: &StackIdentity, name: u64) -> Result<Option<Vec<u8>>, BackendError>;

    /// Stores a part, whole and durable, unless there is one of this name. Tells whether it did.
    async fn put(&self, stack: &StackIdentity, name: u64, body: &[u8]) -> Result<bool, BackendError>;
}

/// Returns the stacks of a project that have a backup at a place, in order.
///
/// # Errors
/// When the place fails.
pub async fn stacks(place: &Arc<dyn BackupPlace>, project: &str) -> Result<Vec<String>, StateError> {
    let (place, project) = (Arc::clone(place), project.to_owned());
    asked(move || {
        let (place, project) = (Arc::clone(&place), project.clone());
        async move { place.stacks(&project).await }
    })
    .await
}
