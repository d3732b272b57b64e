//! Why the log could not be opened, read, written or locked.

use std::path::PathBuf;
use std::sync::Arc;

use konductor_model::secret::SealError;

use crate::backend::BackendError;
use crate::lock::Locked;
use crate::projection::InvalidEntry;

/// Why an operation on the log failed. It can be cloned because every append of a failed batch gets it.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// There is no log yet. A command that only reads may take it for an empty stack.
    #[error("there is no state at {}; the first `konductor run` of the stack creates it", path.display())]
    NotFound {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The log is to be created and nobody said for which stack.
    #[error("a new log at {} needs the project and the stack it belongs to", path.display())]
    NoIdentity {
        /// Where it would be created.
        path: PathBuf,
    },
    /// A file or folder of the state could not be made or opened.
    #[error("could not {doing} {}: {source}", path.display())]
    File {
        /// What was attempted, as it follows "could not".
        doing: &'static str,
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        source: Arc<std::io::Error>,
    },
    /// The file is something else.
    #[error("{} is not a Konductor log; give the path of another file, or restore this one from a backup", path.display())]
    NotALog {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a later version.
    #[error("{} has log format {found} and this version of Konductor reads up to {supported}; use the newer version that wrote it", path.display())]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// The format it has.
        found: u32,
        /// The newest format this version reads.
        supported: u32,
    },
    /// The file belongs to another stack.
    #[error("{} is the log of stack {found}, not of {expected}; was it copied or renamed?", path.display())]
    OtherStack {
        /// The file.
        path: PathBuf,
        /// The stack it belongs to, as `project/stack`.
        found: String,
        /// The stack it was opened for.
        expected: String,
    },
    /// The log was opened to be read.
    #[error("the log at {} was opened to be read and cannot be changed", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// The database refused.
    #[error("could not {doing} in {}: {source}", path.display())]
    Database {
        /// What was attempted, as it follows "could not".
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: Arc<rusqlite::Error>,
    },
    /// What was read is not what was written.
    #[error("{} is damaged: {what}; `konductor log verify` names every damaged entry", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        what: String,
    },
    /// The entry does not follow from what is in the log.
    #[error("an entry was refused: {0}")]
    Invalid(#[source] Box<InvalidEntry>),
    /// An entry could not be written as JSON.
    #[error("an entry could not be written as JSON: {source}")]
    Encode {
        /// Why.
        source: Arc<serde_json::Error>,
    },
    /// A secret is to be stored and there is no key.
    #[error(
        "a secret is to be stored and there is no key to seal it with; make one with `konductor config key generate`"
    )]
    SecretWithoutKey,
    /// A secret could not be sealed; nothing was stored.
    #[error("a secret could not be sealed: {0}")]
    Seal(SealError),
    /// A sealed secret is needed and there is no key.
    #[error(
        "{place} holds a sealed secret and there is no key to open it; provide the key the stack was deployed with"
    )]
    SecretUnreadable {
        /// The resource, entry or output.
        place: String,
    },
    /// A sealed secret could not be opened with the key at hand.
    #[error("a secret of {place} could not be opened: {source}")]
    Open {
        /// The resource, entry or output.
        place: String,
        /// Why.
        source: SealError,
    },
    /// A data key could not be made.
    #[error("the state of {stack} gets no data key: {what}")]
    NoDataKey {
        /// The stack.
        stack: String,
        /// Why, and what to do.
        what: String,
    },
    /// A data key is needed and none of the keys at hand opens it.
    #[error("the state of {stack} is encrypted with data key {key}: {what}")]
    KeyMissing {
        /// The stack.
        stack: String,
        /// The name of the data key.
        key: String,
        /// What would open it, and what to do.
        what: String,
    },
    /// The keys of the stack are not those that it had.
    #[error(
        "the keys of {stack} are not the ones it had: {what}; find out who can write to its state, and restore it from a backup"
    )]
    KeysReplaced {
        /// The stack.
        stack: String,
        /// What does not fit.
        what: String,
    },
    /// Somebody else rotated the keys, and what was to be stored is sealed with others.
    #[error("the keys of {stack} were made or rotated by another process; run the command again")]
    KeysRotated {
        /// The stack.
        stack: String,
    },
    /// The file of a log is to be encrypted and is not.
    #[error(
        "konductor.yaml says that the state is encrypted, and {} is not yet; `konductor state rotate-key` encrypts it", path.display()
    )]
    NotEncrypted {
        /// The file.
        path: PathBuf,
    },
    /// Somebody else changes the stack.
    #[error(transparent)]
    Locked(Box<Locked>),
    /// The lock this process held was taken away by `konductor state unlock`.
    #[error(
        "the lock of this run was taken away with `konductor state unlock`; nothing more is written, so that two runs do not write at once"
    )]
    LockLost,
    /// A state was asked for that is not reached yet.
    #[error("there is no entry {serial}: the log ends with entry {last}")]
    NoSuchEntry {
        /// The entry that was asked for.
        serial: u64,
        /// The last there is.
        last: u64,
    },
    /// The log is in a backend, and that failed.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// Whether the last append is stored is not known, so that nothing may follow it.
    #[error(
        "it is not known whether the last entries are stored, because {0}; nothing more is done, and the next run finds out"
    )]
    Unsettled(BackendError),
    /// The log was moved.
    #[error("the state of {stack} was moved from {place} to {to}; say so under `state` in konductor.yaml")]
    Moved {
        /// The stack.
        stack: String,
        /// Where it was.
        place: String,
        /// Where it is.
        to: String,
    },
    /// A backup is being written over the log, or was when somebody stopped.
    #[error(
        "the state of {stack} at {place} is not whole: it is being restored from {from}, or that was cut off; wait for it, or run `konductor restore --from {from}` again"
    )]
    Restoring {
        /// The stack.
        stack: String,
        /// Where its state is.
        place: String,
        /// The place of the backup.
        from: String,
    },
    /// A backup holds entries that the log has not.
    #[error(
        "the backup at {backup} ends with entry {entry} of {stack}, and the state at {place} ends before it; if entries were lost, bring them back with `konductor restore --replace`; if an older state was restored on purpose, back it up to another place"
    )]
    BackupAhead {
        /// The place of the backup.
        backup: String,
        /// Where the state is.
        place: String,
        /// The stack.
        stack: String,
        /// The last entry of the backup.
        entry: u64,
    },
    /// A backup is one of another log.
    #[error(
        "the backup at {backup} is not one of the state of {stack} at {place}: entry {entry} is another one; find out with `konductor restore --verify` which of them is the right one, and back up to another place"
    )]
    BackupOfOtherLog {
        /// The place of the backup.
        backup: String,
        /// Where the state is.
        place: String,
        /// The stack.
        stack: String,
        /// The entry that differs.
        entry: u64,
    },
    /// There is no backup of a stack.
    #[error("there is no backup of {stack} at {place}")]
    NoBackup {
        /// The stack.
        stack: String,
        /// Where it was looked for.
        place: String,
    },
    /// A log cannot be written over by a backup, because it holds what the backup does not.
    #[error(
        "the state of {stack} at {place} has entries {first} to {last} that the backup has not; nothing was changed"
    )]
    NotInBackup {
        /// The stack.
        stack: String,
        /// Where its state is.
        place: String,
        /// The first of them.
        first: u64,
        /// The last of them.
        last: u64,
    },
    /// A log is to be moved to where another one is.
    #[error(
        "the log at {from} cannot be moved to {to}: there are {entries} entries of another one; look at both with `konductor log show`, and choose another place or empty that one"
    )]
    OtherLog {
        /// The log that is to be moved.
        from: String,
        /// Where it is to be moved to.
        to: String,
        /// How many entries there are.
        entries: u64,
    },
    /// Something emptied the copy of a log while it was in use.
    #[error("the copy of the log at {} was changed by another process; run the command again", path.display())]
    CopyChanged {
        /// The copy.
        path: PathBuf,
    },
    /// The writer is gone, after an earlier failure.
    #[error("the writer of the log has stopped; nothing was stored")]
    Closed,
    /// A [`MemoryLog`](crate::MemoryLog) was told to refuse from here on.
    #[error("the log was told to refuse this append")]
    Refused,
}

impl From<InvalidEntry> for StateError {
    fn from(invalid: InvalidEntry) -> Self {
        Self::Invalid(Box::new(invalid))
    }
}

impl StateError {
    /// Says of keys that are not those of a copy what to do where that is as it should be.
    pub(crate) fn of_copy(self, path: &std::path::Path) -> Self {
        match self {
            Self::KeysReplaced { stack, what } => Self::KeysReplaced {
                stack,
                what: format!(
                    "{what} from {}, which may be removed if the state was made anew on purpose",
                    path.display()
                ),
            },
            other => other,
        }
    }

    pub(crate) fn file(doing: &'static str, path: &std::path::Path, source: std::io::Error) -> Self {
        Self::File {
            doing,
            path: path.to_owned(),
            source: Arc::new(source),
        }
    }

    pub(crate) fn database(doing: &'static str, path: &std::path::Path, source: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::NotALog {
                path: path.to_owned(),
            },
            Some(ErrorCode::DatabaseCorrupt) => Self::damaged(path, format!("could not {doing}: {source}")),
            _ => Self::Database {
                doing,
                path: path.to_owned(),
                source: Arc::new(source),
            },
        }
    }

    pub(crate) fn damaged(path: &std::path::Path, what: impl Into<String>) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            what: what.into(),
        }
    }
}
