//! Putting a log aside that is replaced: nothing that was there is deleted.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};

use crate::error::StateError;
use crate::keys::StackKeys;
use crate::lock::{self, Locked};
use crate::schema::{self, StackIdentity};
use crate::sqlite::OpenOptions;

/// What SQLite keeps beside a file.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// Renames the copy of a log that a backend holds: it is fetched anew. Returns where the old one is.
///
/// # Errors
/// When it cannot be renamed.
pub fn keep_copy(path: &Path) -> Result<PathBuf, StateError> {
    let kept = replaced(path);
    rename(path, &kept, &["", "-wal", "-shm"])?;
    Ok(kept)
}

/// Puts the file of a log aside and an empty log in its place that says that it is being restored. At every moment one of
/// the two is there. Returns where the old one is.
///
/// # Errors
/// When somebody uses the log, or a file cannot be written. The log is as it was then.
pub fn set_aside(
    path: &Path,
    identity: &StackIdentity,
    from: &str,
    keys: &Arc<StackKeys>,
    encrypted: bool,
) -> Result<PathBuf, StateError> {
    let held = lock::lock_file(path)?;
    if held.is_none() {
        return Err(StateError::Locked(Box::new(Locked {
            owner: None,
            elsewhere: false,
        })));
    }
    let kept = replaced(path);
    if !take_in(path)? {
        // It is no database any more: what SQLite kept beside it goes with it.
        rename(path, &kept, &BESIDE)?;
    }
    let empty = beside(path, ".restoring");
    schema::remove(&empty)?;
    let options = OpenOptions {
        encrypted,
        ..OpenOptions::default().keys(Arc::clone(keys))
    };
    let (connection, place) =
        schema::open_to_write(&empty, Some(identity), &options.key_source(), options.form())?;
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

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn replaced(path: &Path) -> PathBuf {
    beside(
        path,
        &format!(".replaced-{}", Timestamp::now().strftime("%Y%m%dT%H%M%SZ")),
    )
}

/// Renames what is there of a file and of what has these endings more.
fn rename(path: &Path, to: &Path, endings: &[&str]) -> Result<(), StateError> {
    for ending in endings {
        let from = beside(path, ending);
        match std::fs::rename(&from, beside(to, ending)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(StateError::file("put aside", &from, error));
            }
            _ => {}
        }
    }
    Ok(())
}
