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
use crate::backend::segment::{self, Decoded, StoredEntry};
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
/// The hash of that segment's bytes in the backend.
const LINK: &str = "link";

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
    for (key, value) in [(COPY_OF, &*remote.title), (SEGMENT, "0"), (LINK, "")] {
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
        write(&transaction, place, entry, &|what| remote.damaged(what))?;
    }
    if let Some(last) = segment.entries.last() {
        head = Head {
            serial: last.serial,
            hash: last.hash.clone(),
        };
    }
    schema::set_head(&transaction, &head).map_err(failed)?;
    set_segment(&transaction, place.path(), segment.first, &segment.link)?;
    place.keep_keys(&transaction)?;
    transaction.commit().map_err(failed)?;
    Ok(Some(head))
}

/// Writes an entry that was stored elsewhere as it is. What is wrong with it is said by `unreadable`.
pub(crate) fn write(
    transaction: &Connection,
    place: &Place,
    stored: &StoredEntry,
    unreadable: &dyn Fn(String) -> StateError,
) -> Result<(), StateError> {
    let failed = |source| StateError::database("write the copy of the log", place.path(), source);
    let unreadable = |reason: String| unreadable(format!("entry {} cannot be used: {reason}", stored.serial));
    let entry: Entry = sealing::read(&stored.body, Reading::Sealed).map_err(|failure| match failure {
        sealing::ReadFailure::Json(error) => unreadable(format!(
            "{error}; a newer version of Konductor may have written it"
        )),
        sealing::ReadFailure::NoKey | sealing::ReadFailure::Open(_) => unreadable("it is sealed".to_owned()),
    })?;
    let json: Json = serde_json::from_str(&stored.body).map_err(|error| unreadable(error.to_string()))?;
    let applied = SealedEntry {
        entry,
        body: stored.body.clone(),
        record: json.get("record").map(Json::to_string),
        key: None,
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

/// Tells whether one of the entries after a serial takes a lease away.
pub(crate) fn is_taken_away(
    connection: &Connection,
    place: &Place,
    after: u64,
    lease: u64,
) -> Result<bool, StateError> {
    let failed = |source| StateError::database("read the copy of the log", place.path(), source);
    let mut statement = connection
        .prepare_cached("SELECT body FROM log WHERE serial > ?1 AND instr(body, '\"lock-taken-away\"') > 0")
        .map_err(failed)?;
    let mut rows = statement
        .query([i64::try_from(after).unwrap_or(i64::MAX)])
        .map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let body: String = row.get(0).map_err(failed)?;
        // The words may stand in another entry too.
        if let Ok(Entry::LockTakenAway(taken)) = sealing::read(&body, Reading::Sealed)
            && taken.lease >= lease
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Keeps which segment was the last.
pub(crate) fn set_segment(
    transaction: &Connection,
    path: &Path,
    first: u64,
    link: &str,
) -> Result<(), StateError> {
    schema::set_meta(transaction, SEGMENT, &first.to_string())
        .and_then(|()| schema::set_meta(transaction, LINK, link))
        .map_err(|source| StateError::database("write the copy of the log", path, source))
}

/// Returns the hash of the bytes of the last segment in the copy, for the next one to name.
pub(crate) fn last_link(
    connection: &Connection,
    place: &Place,
    remote: &Remote,
) -> Result<String, StateError> {
    let kept = schema::meta(connection, LINK)
        .map_err(|source| StateError::database("read the copy of the log", place.path(), source))?;
    if let Some(link) = kept.filter(|link| !link.is_empty()) {
        return Ok(link);
    }
    // A copy of an older version does not know it.
    let first = number(connection, place, SEGMENT)?;
    if first == 0 {
        return Ok(String::new());
    }
    let stored = remote.read_stored(first, 1)?;
    let stored = stored.first().filter(|stored| stored.first == first);
    Ok(stored
        .map(|stored| segment::link(&stored.body))
        .unwrap_or_default())
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
    pub(crate) fn damaged(&self, what: String) -> StateError {
        StateError::Backend(BackendError::Damaged {
            place: self.title.clone(),
            what: format!("the log of {}: {what}", self.stack),
        })
    }
}
