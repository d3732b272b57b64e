//! The lock of a stack: one command at a time changes it.
//!
//! Two things make the lock. An advisory lock of the operating system on the file `LOG.lock` beside the log is
//! what excludes others: the kernel lets go of it when the process ends, however it ends. A row in the log says
//! who holds it, and carries a token: a process whose token was removed by a forced unlock can write no more.
//!
//! What this does not cover. On a network file system the advisory lock is as good as that file system's:
//! NFS version 4 passes it between machines, older mounts and some FUSE file systems keep it local or ignore it.
//! A lock whose row names another machine is therefore never taken over without being asked. A forced unlock
//! cannot stop a request that the other process has sent to a cloud already.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};

use crate::error::StateError;
use crate::schema;

/// Who holds the lock of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockOwner {
    /// The user.
    pub who: String,
    /// The machine.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// The command, for example `run`.
    pub command: String,
    /// Since when.
    pub time: Timestamp,
}

impl LockOwner {
    /// Describes this process, from now.
    pub fn this_process(who: impl Into<String>, command: impl Into<String>) -> Self {
        Self {
            who: who.into(),
            host: host_name(),
            pid: std::process::id(),
            command: command.into(),
            time: Timestamp::now(),
        }
    }
}

impl std::fmt::Display for LockOwner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            who,
            host,
            pid,
            command,
            time,
        } = self;
        write!(
            f,
            "`konductor {command}` of {who} on {host} (process {pid}) since {time:.0}"
        )
    }
}

#[cfg(unix)]
fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn host_name() -> String {
    "localhost".to_owned()
}

/// Somebody else holds the lock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the stack is locked{}{}; wait for it to end, or, when you are sure that it has ended, run `konductor state unlock`",
    .owner.as_ref().map(|owner| format!(" by {owner}")).unwrap_or_default(),
    if *.elsewhere { ", which this machine cannot check" } else { "" })]
pub struct Locked {
    /// Who; none when the process has not written it yet.
    pub owner: Option<LockOwner>,
    /// The lock is free on this machine, and its owner is another machine.
    pub elsewhere: bool,
}

/// What a process has to show to write: its token, and the operating system's lock.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) token: String,
    _file: File,
}

/// A lock that was taken, and the dead owner it was taken over from.
pub(crate) struct Taken {
    pub(crate) held: Held,
    pub(crate) taken_over_from: Option<LockOwner>,
}

struct Row {
    owner: LockOwner,
    process_started: Option<i64>,
}

/// Takes the lock, or says who holds it.
pub(crate) fn take(connection: &Connection, path: &Path, owner: &LockOwner) -> Result<Taken, StateError> {
    let file = match lock_file(path)? {
        Some(file) => file,
        None => {
            return Err(StateError::Locked(Box::new(Locked {
                owner: read_owner(connection, path)?,
                elsewhere: false,
            })));
        }
    };
    let failed = |source| StateError::database("take the lock", path, source);
    let transaction =
        rusqlite::Transaction::new_unchecked(connection, rusqlite::TransactionBehavior::Immediate)
            .map_err(failed)?;
    let before = read_row(&transaction, path)?;
    if let Some(row) = &before {
        let elsewhere = row.owner.host != owner.host;
        // The kernel's lock is free. A living owner all the same means that the file system does not keep locks.
        if elsewhere || lives(row.owner.pid, row.process_started) {
            return Err(StateError::Locked(Box::new(Locked {
                owner: Some(row.owner.clone()),
                elsewhere,
            })));
        }
    }
    let token = uuid::Uuid::new_v4().to_string();
    let text = serde_json::to_string(owner).map_err(|source| StateError::Encode {
        source: std::sync::Arc::new(source),
    })?;
    transaction
        .execute(
            "INSERT OR REPLACE INTO holder (only, token, owner, process_started) VALUES (1, ?1, ?2, ?3)",
            (&token, text, process_started(owner.pid)),
        )
        .map_err(failed)?;
    transaction.commit().map_err(failed)?;
    Ok(Taken {
        held: Held { token, _file: file },
        taken_over_from: before.map(|row| row.owner),
    })
}

/// Gives the lock back. A lock that was taken away meanwhile is left to its new owner.
pub(crate) fn release(connection: &Connection, path: &Path, held: Held) -> Result<(), StateError> {
    connection
        .execute("DELETE FROM holder WHERE token = ?1", [&held.token])
        .map_err(|source| StateError::database("give the lock back", path, source))?;
    // The row goes before the kernel's lock does, so that nobody sees a dead owner.
    drop(held);
    Ok(())
}

/// Takes the lock away from whoever holds it, in a transaction; [`remove_file`] has to follow it.
pub(crate) fn remove(transaction: &Connection, path: &Path) -> Result<Option<LockOwner>, StateError> {
    let owner = read_owner(transaction, path)?;
    transaction
        .execute("DELETE FROM holder", [])
        .map_err(|source| StateError::database("remove the lock", path, source))?;
    Ok(owner)
}

/// Removes the file of the kernel's lock: a living owner keeps the lock on a file that no longer has a name, and the
/// next one locks a new file.
pub(crate) fn remove_file(path: &Path) -> Result<(), StateError> {
    let file = lock_path(path);
    match std::fs::remove_file(&file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StateError::file("remove", &file, error))
        }
        _ => Ok(()),
    }
}

/// Tells whether a token is still that of the lock.
pub(crate) fn is_held(connection: &Connection, token: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM holder WHERE token = ?1")?
        .exists([token])
}

/// Reads who holds the lock, as far as the row tells.
pub(crate) fn read_owner(connection: &Connection, path: &Path) -> Result<Option<LockOwner>, StateError> {
    Ok(read_row(connection, path)?.map(|row| row.owner))
}

fn read_row(connection: &Connection, path: &Path) -> Result<Option<Row>, StateError> {
    let row = connection
        .query_row("SELECT owner, process_started FROM holder", [], |row| {
            Ok((row.get::<_, String>(0)?, row.get(1)?))
        })
        .optional()
        .map_err(|source| StateError::database("read the lock", path, source))?;
    row.map(|(owner, process_started)| {
        let owner = serde_json::from_str(&owner).map_err(|source| {
            StateError::damaged(path, format!("the owner of the lock cannot be read: {source}"))
        })?;
        Ok(Row {
            owner,
            process_started,
        })
    })
    .transpose()
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

/// Takes the kernel's lock; none when somebody else has it.
pub(crate) fn lock_file(path: &Path) -> Result<Option<File>, StateError> {
    let path = lock_path(path);
    loop {
        let file = schema::open_private(&path).map_err(|source| StateError::file("open", &path, source))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(source)) => return Err(StateError::file("lock", &path, source)),
        }
        // A forced unlock may have removed the file between the two calls: what was locked then has no name.
        if is_named(&file, &path) {
            return Ok(Some(file));
        }
    }
}

#[cfg(unix)]
fn is_named(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_named(_file: &File, _path: &Path) -> bool {
    // An open file cannot be removed there.
    true
}

/// Tells whether a process of this machine lives and is the one that took the lock and not a later one with its
/// number. Where that cannot be told, the kernel's lock decides.
fn lives(pid: u32, started: Option<i64>) -> bool {
    started.is_some() && process_started(pid) == started
}

/// Returns when a living process started, in ticks since the machine did; none where the system does not tell.
pub(crate) fn process_started(pid: u32) -> Option<i64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the command in parentheses and may hold anything; the start is the 22nd.
    let (_, after) = stat.rsplit_once(')')?;
    let mut fields = after.split_whitespace();
    // A process that ended and that its parent has not asked about writes no more.
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}
