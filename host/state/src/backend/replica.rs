//! This machine's copy of a log that is in a backend.
//!
//! It is the same SQLite file that a log without a backend has, so all that reads a log reads it. It is only ever
//! behind: entries get into it after the backend has them. One that is ahead of the backend, or has another entry at
//! some serial, is emptied and fetched anew, and it is said so; nothing is ever pushed from it. Only where the backend
//! has nothing at all is that an error: a stack that looks as if it was never deployed would be deployed again.

use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use serde_json::Value as Json;

use crate::backend::error::BackendError;
use crate::backend::remote::{PAGE, Remote};
use crate::backend::segment::{Decoded, StoredEntry};
use crate::entry::Entry;
use crate::error::StateError;
use crate::projection;
use crate::rows::Rows;
use crate::schema::{self, Head, Place};
use crate::sealing::{self, Reading, SealedEntry};

/// Of which place it is a copy.
const COPY_OF: &str = "copy_of";
/// The first serial of the last segment in it.
const SEGMENT: &str = "segment";
/// The highest number of a lease that was taken away.
const FENCE: &str = "fence";

/// Makes sure that a file is the copy of this log and of no other.
pub(crate) fn adopt(connection: &Connection, place: &Place, remote: &Remote) -> Result<(), StateError> {
    let failed = |source| StateError::database("prepare the copy of the log", place.path(), source);
    // It can be fetched again, so its last transactions need not survive a loss of power.
    connection
        .execute_batch("PRAGMA synchronous = NORMAL;")
        .map_err(failed)?;
    if schema::meta(connection, COPY_OF).map_err(failed)?.as_deref() != Some(&*remote.title) {
        empty(connection, place, remote)?;
    }
    Ok(())
}

fn empty(connection: &Connection, place: &Place, remote: &Remote) -> Result<(), StateError> {
    let failed = |source| StateError::database("empty the copy of the log", place.path(), source);
    let transaction =
        Transaction::new_unchecked(connection, TransactionBehavior::Immediate).map_err(failed)?;
    transaction
        .execute_batch("DELETE FROM log; DELETE FROM resource; DELETE FROM interrupted; DELETE FROM meta WHERE key = 'outputs';")
        .map_err(failed)?;
    let before_the_first = Head {
        serial: 0,
        hash: place.origin(),
    };
    schema::set_head(&transaction, &before_the_first).map_err(failed)?;
    for (key, value) in [(COPY_OF, &*remote.title), (SEGMENT, "0"), (FENCE, "0")] {
        schema::set_meta(&transaction, key, value).map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}

/// Fetches what the backend has and the copy has not, and returns the head they then share.
pub(crate) fn catch_up(connection: &Connection, place: &Place, remote: &Remote) -> Result<Head, StateError> {
    // Another process may empty the copy meanwhile; that it does so again and again is no accident.
    for _ in 0..5 {
        if let Some(head) = fetch(connection, place, remote)? {
            return Ok(head);
        }
        if remote.read(1, 1)?.is_empty() {
            // Taken for a stack that was never deployed, everything would be made a second time.
            let seen = schema::head(connection, place.path())?.serial;
            return Err(StateError::Backend(BackendError::refused(
                &remote.title,
                format!(
                    "it has nothing of {}, and this machine has seen {seen} entries there",
                    remote.stack
                ),
                format!(
                    "restore it from a backup; if it was emptied on purpose, remove {}",
                    place.path().display()
                ),
            )));
        }
        tracing::warn!(copy = %place.path().display(), "the copy of the log is not that of the backend and is fetched anew");
        empty(connection, place, remote)?;
    }
    Err(StateError::CopyChanged {
        path: place.path().to_owned(),
    })
}

/// Fetches what is missing; none when the copy does not fit what the backend has.
fn fetch(connection: &Connection, place: &Place, remote: &Remote) -> Result<Option<Head>, StateError> {
    let mut head = schema::head(connection, place.path())?;
    // From the last segment that is known, so that it is seen that the copy is a beginning of the log.
    let mut from = number(connection, place, SEGMENT)?.max(1);
    let mut compared = head.serial == 0;
    loop {
        let segments = remote.read(from, PAGE)?;
        let complete = segments.len() < PAGE;
        for segment in segments {
            if !compared {
                let same = segment
                    .entries
                    .iter()
                    .any(|entry| entry.serial == head.serial && entry.hash == head.hash);
                if !same {
                    return Ok(None);
                }
                compared = true;
            }
            from = segment.last() + 1;
            if segment.last() <= head.serial {
                continue;
            }
            match absorb(connection, place, remote, &segment)? {
                Some(reached) => head = reached,
                None => return Ok(None),
            }
        }
        if complete {
            return Ok(compared.then_some(head));
        }
    }
}

/// Writes a segment into the copy as far as it is not there yet; none when it does not continue the copy.
fn absorb(
    connection: &Connection,
    place: &Place,
    remote: &Remote,
    segment: &Decoded,
) -> Result<Option<Head>, StateError> {
    let failed = |source| StateError::database("write the copy of the log", place.path(), source);
    let transaction =
        Transaction::new_unchecked(connection, TransactionBehavior::Immediate).map_err(failed)?;
    let mut head = schema::head(&transaction, place.path())?;
    if head.serial >= segment.last() {
        // Another process of this machine was faster.
        return Ok(Some(head));
    }
    let before = match segment.first.checked_sub(1) {
        Some(before) if before < head.serial => segment
            .entries
            .iter()
            .find(|entry| entry.serial == head.serial)
            .map(|entry| entry.hash.as_str()),
        Some(before) if before == head.serial => Some(segment.previous.as_str()),
        _ => None,
    };
    if before != Some(head.hash.as_str()) {
        return if head.serial == 0 || segment.first > head.serial + 1 {
            Err(remote.damaged(format!(
                "its entries from {} do not continue entry {}",
                segment.first, head.serial
            )))
        } else {
            Ok(None)
        };
    }
    for entry in segment.entries.iter().filter(|entry| entry.serial > head.serial) {
        write(&transaction, place, remote, entry)?;
    }
    if let Some(last) = segment.entries.last() {
        head = Head {
            serial: last.serial,
            hash: last.hash.clone(),
        };
    }
    schema::set_head(&transaction, &head).map_err(failed)?;
    set_segment(&transaction, place.path(), segment.first)?;
    transaction.commit().map_err(failed)?;
    Ok(Some(head))
}

fn write(
    transaction: &Connection,
    place: &Place,
    remote: &Remote,
    stored: &StoredEntry,
) -> Result<(), StateError> {
    let failed = |source| StateError::database("write the copy of the log", place.path(), source);
    let unreadable =
        |reason: String| remote.damaged(format!("entry {} cannot be used: {reason}", stored.serial));
    let entry: Entry = sealing::read(&stored.body, Reading::Sealed).map_err(|failure| match failure {
        sealing::ReadFailure::Json(error) => unreadable(format!(
            "{error}; a newer version of Konductor may have written it"
        )),
        sealing::ReadFailure::NoKey | sealing::ReadFailure::Open(_) => unreadable("it is sealed".to_owned()),
    })?;
    let json: Json = serde_json::from_str(&stored.body).map_err(|error| unreadable(error.to_string()))?;
    note_fence(transaction, place, &entry)?;
    let applied = SealedEntry {
        entry,
        body: stored.body.clone(),
        record: json.get("record").map(Json::to_string),
    };
    let mut rows = Rows {
        connection: transaction,
        place,
        serial: stored.serial,
        applied: &applied,
    };
    projection::fold(&mut rows, &applied.entry)?.map_err(|invalid| unreadable(invalid.to_string()))?;
    transaction
        .prepare_cached("INSERT INTO log (serial, time, hash, body) VALUES (?1, ?2, ?3, ?4)")
        .and_then(|mut statement| {
            statement.execute((
                i64::try_from(stored.serial).unwrap_or(i64::MAX),
                &stored.time,
                &stored.hash,
                &stored.body,
            ))
        })
        .map_err(failed)?;
    Ok(())
}

/// Keeps that a lease was taken away, for the process that had it and shares this copy.
pub(crate) fn note_fence(transaction: &Connection, place: &Place, entry: &Entry) -> Result<(), StateError> {
    let Entry::LockTakenAway(taken) = entry else {
        return Ok(());
    };
    let highest = number(transaction, place, FENCE)?.max(taken.lease);
    schema::set_meta(transaction, FENCE, &highest.to_string())
        .map_err(|source| StateError::database("write the copy of the log", place.path(), source))
}

/// Tells whether a lease was taken away, as far as the copy knows.
pub(crate) fn is_fenced(connection: &Connection, place: &Place, lease: u64) -> Result<bool, StateError> {
    Ok(number(connection, place, FENCE)? >= lease)
}

/// Keeps which segment was the last.
pub(crate) fn set_segment(transaction: &Connection, path: &Path, first: u64) -> Result<(), StateError> {
    schema::set_meta(transaction, SEGMENT, &first.to_string())
        .map_err(|source| StateError::database("write the copy of the log", path, source))
}

fn number(connection: &Connection, place: &Place, key: &str) -> Result<u64, StateError> {
    let text = schema::meta(connection, key)
        .map_err(|source| StateError::database("read the copy of the log", place.path(), source))?;
    match text.as_deref().unwrap_or("0").parse() {
        Ok(number) => Ok(number),
        Err(_) => Err(StateError::damaged(
            place.path(),
            format!("its `{key}` is no number"),
        )),
    }
}

impl Remote {
    fn damaged(&self, what: String) -> StateError {
        StateError::Backend(BackendError::Damaged {
            place: self.title.clone(),
            what: format!("the log of {}: {what}", self.stack),
        })
    }
}
