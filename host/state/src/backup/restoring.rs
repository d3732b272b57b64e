//! Brings a log back from a backup.
//!
//! While entries are written the log says that it is being restored, so that nobody takes the beginning of a state for
//! the state: what is missing of it would be made a second time. That stays when restoring is cut off, until it is done
//! again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use konductor_model::Sealer;
use rusqlite::{Connection, OpenFlags};

use crate::backup::checking::{self, CheckedBackup, Standing, Walk};
use crate::backup::{BackupPlace, BackupProgress};
use crate::entry::Entry;
use crate::error::StateError;
use crate::journal::Journal as _;
use crate::lock::{self, Locked};
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
    pub sealer: Option<Arc<dyn Sealer>>,
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
        Walk::new(&self.place, &self.stack, self.sealer.clone())
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

/// Puts the file of a log aside and an empty log in its place that says that it is being restored. At every moment one of
/// the two is there. Returns where the old one is.
///
/// # Errors
/// When somebody uses the log, or a file cannot be written. The log is as it was then.
pub fn set_aside(path: &Path, identity: &StackIdentity, from: &str) -> Result<PathBuf, StateError> {
    let held = lock::lock_file(path)?;
    if held.is_none() {
        return Err(StateError::Locked(Box::new(Locked {
            owner: None,
            elsewhere: false,
        })));
    }
    let now = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let beside = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let kept = beside(&format!(".replaced-{now}"));
    if !take_in(path)? {
        // It is no database any more: what SQLite kept beside it goes with it.
        for suffix in ["-wal", "-shm"] {
            let (from, to) = (beside(suffix), beside(&format!(".replaced-{now}{suffix}")));
            match std::fs::rename(&from, &to) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(StateError::file("put aside", &from, error));
                }
                _ => {}
            }
        }
    }
    let empty = beside(".restoring");
    schema::remove(&empty)?;
    let (connection, place) = schema::open_to_write(&empty, Some(identity))?;
    schema::set_moved(&connection, place.path(), Some(&schema::restoring(from)))?;
    connection
        .close()
        .map_err(|(_, source)| StateError::database("make a log", &empty, source))?;
    std::fs::hard_link(path, &kept)
        .or_else(|_| std::fs::copy(path, &kept).map(drop))
        .map_err(|source| StateError::file("put aside", path, source))?;
    std::fs::rename(&empty, path).map_err(|source| StateError::file("replace", path, source))?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|source| StateError::file("write", folder, source))?;
    }
    Ok(kept)
}

/// Takes what SQLite keeps beside a file into it; false when the file is no database.
fn take_in(path: &Path) -> Result<bool, StateError> {
    let failed = |source| StateError::database("close the log", path, source);
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(failed)?;
    let mode: Result<String, rusqlite::Error> =
        connection.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0));
    match mode {
        Ok(_) => Ok(true),
        Err(error)
            if matches!(
                error.sqlite_error_code(),
                Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt)
            ) =>
        {
            Ok(false)
        }
        Err(error) => Err(failed(error)),
    }
}
