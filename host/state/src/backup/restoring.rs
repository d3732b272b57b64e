//! Brings a log back from a backup.
//!
//! While entries are written the log says that it is being restored, so that nobody takes the beginning of a state for
//! the state: what is missing of it would be made a second time. That stays when restoring is cut off, until it is done
//! again.

use std::sync::Arc;

use crate::backup::checking::{self, CheckedBackup, Standing, Walk};
use crate::backup::{BackupPlace, BackupProgress};
use crate::entry::Entry;
use crate::error::StateError;
use crate::journal::Journal as _;
use crate::keys::StackKeys;
use crate::migration::sound;
use crate::schema::{self, StackIdentity};
use crate::sqlite::StackLog;
use crate::writer::Request;

/// How many entries are written at once.
const PAGE: usize = 512;

/// A backup to be checked or restored.
#[derive(Clone)]
pub struct StoredBackup {
    /// Where it is.
    pub place: Arc<dyn BackupPlace>,
    /// Whose it is.
    pub stack: StackIdentity,
    /// Opens what is encrypted.
    pub keys: Arc<StackKeys>,
}

impl std::fmt::Debug for StoredBackup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredBackup")
            .field("place", &self.place)
            .field("stack", &self.stack)
            .finish_non_exhaustive()
    }
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreMade {
    /// How many entries of the backup there are now.
    pub entries: u64,
    /// How many of them had to be written.
    pub written: u64,
    /// The hash of the last of them.
    pub head: String,
}

impl StoredBackup {
    fn walk(&self) -> Walk {
        Walk::new(&self.place, &self.stack, &self.keys)
    }

    /// Reads all of the backup and checks it: the parts, the chain, and that its entries add up to a state. Nothing is
    /// written. What no key here opens is counted and not checked further.
    ///
    /// # Errors
    /// When there is no backup, it cannot be read, or something is wrong with it.
    pub async fn check(
        &self,
        told: &(dyn Fn(BackupProgress) + Send + Sync),
    ) -> Result<CheckedBackup, StateError> {
        checking::check(self.walk(), told).await
    }

    /// Compares a log with the backup.
    ///
    /// # Errors
    /// When either cannot be read.
    pub async fn standing(&self, checked: &CheckedBackup, log: &StackLog) -> Result<Standing, StateError> {
        checking::standing(|| self.walk(), checked, log).await
    }

    /// Writes what a log has not of a backup that was checked, checks the result in full, and appends what tells of it.
    /// The caller holds the lock of the log, which was opened although it may be one that is being restored.
    ///
    /// # Errors
    /// When the log has what the backup has not, either fails, or a key is missing. A log that was begun to be written
    /// can then not be used until this is done again.
    pub async fn restore_into(
        &self,
        log: &StackLog,
        checked: &CheckedBackup,
        record: Vec<Entry>,
        told: &(dyn Fn(BackupProgress) + Send + Sync),
    ) -> Result<RestoreMade, StateError> {
        let (Some(end), 0) = (checked.serial, checked.unopened) else {
            return Err(StateError::SecretUnreadable {
                place: format!("the backup at {}", self.place.title()),
            });
        };
        let was_cut_off = match log.said_to_be_at().await? {
            Some(marker) if schema::is_restoring(&marker) => true,
            Some(to) => return Err(schema::not_here(&self.stack, &log.title(), to)),
            None => false,
        };
        let standing = self.standing(checked, log).await?;
        let before = match standing {
            Standing::Empty => 0,
            Standing::Behind { last } => last,
            Standing::Same => end,
            // All of it was written, and telling of it was cut off.
            Standing::Newer { .. } if was_cut_off => end,
            Standing::Newer { first, last, .. } | Standing::Different { first, last } => {
                return Err(StateError::NotInBackup {
                    stack: self.stack.to_string(),
                    place: log.title(),
                    first,
                    last,
                });
            }
        };
        // What is added to a damaged log helps nobody.
        sound(log).await?;
        // What the secrets in it are sealed with is kept with them.
        if let Some(ring) = self.keys.ring() {
            log.keys().note(&ring)?;
        }
        let marker = schema::restoring(self.place.title());
        log.say_it_is_at(Some(marker)).await?;
        let mut walk = self.walk();
        let mut progress = BackupProgress::default();
        while let Some(entries) = walk.next().await? {
            for page in entries.chunks(PAGE) {
                let new: Vec<_> = page
                    .iter()
                    .filter(|entry| entry.serial > before && entry.serial <= end)
                    .cloned()
                    .collect();
                progress.entries += page.len() as u64;
                progress.bytes += page.iter().map(|entry| entry.body.len() as u64).sum::<u64>();
                if !new.is_empty() {
                    log.writer()?.ask(|reply| Request::Import(new, reply)).await?;
                }
            }
            told(progress);
        }
        sound(log).await?;
        if log.hash_of(end).await?.as_deref() != Some(checked.head.as_str()) {
            return Err(StateError::NotInBackup {
                stack: self.stack.to_string(),
                place: log.title(),
                first: end,
                last: end,
            });
        }
        if !matches!(standing, Standing::Newer { .. }) {
            log.append(record).await?;
        }
        log.say_it_is_at(None).await?;
        Ok(RestoreMade {
            entries: end,
            written: end - before,
            head: checked.head.clone(),
        })
    }
}

impl StackLog {
    /// Tells whether the log is being restored, or that was cut off.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn is_being_restored(&self) -> Result<bool, StateError> {
        let marker = self.said_to_be_at().await?;
        Ok(marker.is_some_and(|marker| schema::is_restoring(&marker)))
    }

    /// Reads where the log is said to be, if not here.
    async fn said_to_be_at(&self) -> Result<Option<String>, StateError> {
        if let Some(remote) = self.remote() {
            let ask = tokio::task::spawn_blocking(move || {
                remote.ask(|backend, stack| async move { backend.moved(&stack).await })
            });
            return ask.await.unwrap_or(Err(StateError::Closed));
        }
        self.read(|connection, place| schema::moved(connection, place.path()))
            .await
    }

    async fn say_it_is_at(&self, to: Option<String>) -> Result<(), StateError> {
        self.writer()?.ask(|reply| Request::SetMoved(to, reply)).await
    }
}
