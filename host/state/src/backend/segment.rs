//! What stands in a segment: a line that says whose it is and what it continues, and a line for each entry.
//!
//! An encrypted segment has a first line of the same form, and then the plain segment, encrypted. What that line says it
//! continues are the bytes of the segment before, so the order of segments can be checked without a key; and it carries
//! the ring that leads to the key.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::backend::error::BackendError;
use crate::backend::{Segment, StoredSegment};
use crate::chain;
use crate::error::StateError;
use crate::keys::{KeyRing, StackKeys};
use crate::schema::{Head, StackIdentity};

/// The form of a plain segment.
const PLAIN: u32 = 1;
/// The form of an encrypted segment, and the newest that this version reads.
const ENCRYPTED: u32 = 2;

/// An entry as the log holds it: its hash covers these very bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredEntry {
    pub(crate) serial: u64,
    pub(crate) time: String,
    pub(crate) hash: String,
    pub(crate) body: String,
}

#[derive(Serialize, Deserialize)]
struct Header {
    segment: u32,
    project: String,
    stack: String,
    /// The hash of the entry before the first; of an encrypted segment, the hash of the bytes of the one before, or
    /// nothing where that is not known.
    previous: String,
    /// The data key that encrypts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// The ring that leads to it, and to the keys of the secrets in a plain segment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keys: Option<KeyRing>,
}

/// Writes entries that follow a head. There is at least one.
pub(crate) fn encode(
    stack: &StackIdentity,
    before: &Head,
    entries: &[StoredEntry],
    keys: Option<KeyRing>,
) -> Result<Segment, StateError> {
    let failed = |source| StateError::Encode {
        source: Arc::new(source),
    };
    let header = Header {
        segment: PLAIN,
        project: stack.project.clone(),
        stack: stack.stack.clone(),
        previous: before.hash.clone(),
        key: None,
        keys,
    };
    let mut body = serde_json::to_vec(&header).map_err(failed)?;
    for entry in entries {
        body.push(b'\n');
        serde_json::to_writer(&mut body, entry).map_err(failed)?;
    }
    Ok(Segment {
        first: before.serial + 1,
        last: entries.last().map_or(before.serial, |entry| entry.serial),
        body,
    })
}

/// A segment that was read and whose chain holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decoded {
    pub(crate) first: u64,
    /// The hash of the entry before the first, as the segment says.
    pub(crate) previous: String,
    /// At least one, with serials without a gap from `first`.
    pub(crate) entries: Vec<StoredEntry>,
    /// The hash of the bytes that were stored; empty where nobody asked.
    pub(crate) link: String,
    /// The ring that it carries.
    pub(crate) ring: Option<KeyRing>,
}

impl Decoded {
    pub(crate) fn last(&self) -> u64 {
        self.entries.last().map_or(self.first, |entry| entry.serial)
    }
}

/// Reads a segment and checks that every hash in it is the right one.
pub(crate) fn decode(
    place: &Arc<str>,
    stack: &StackIdentity,
    stored: &StoredSegment,
) -> Result<Decoded, BackendError> {
    let damaged = |what: String| BackendError::Damaged {
        place: Arc::clone(place),
        what: format!("the segment of {stack} at entry {}: {what}", stored.first),
    };
    let mut lines = stored.body.split(|byte| *byte == b'\n');
    let header = lines.next().unwrap_or_default();
    let header: Header = serde_json::from_slice(header).map_err(|error| damaged(error.to_string()))?;
    if header.segment != PLAIN {
        return Err(newer(place, header.segment));
    }
    if (header.project.as_str(), header.stack.as_str()) != (stack.project.as_str(), stack.stack.as_str()) {
        return Err(damaged(format!("it is of {}/{}", header.project, header.stack)));
    }
    let mut entries = Vec::new();
    let mut head = Head {
        serial: stored.first.saturating_sub(1),
        hash: header.previous.clone(),
    };
    for line in lines {
        let entry: StoredEntry = serde_json::from_slice(line).map_err(|error| damaged(error.to_string()))?;
        if entry.serial != head.serial + 1 {
            return Err(damaged(format!(
                "entry {} follows entry {}",
                entry.serial, head.serial
            )));
        }
        let computed = chain::hash(
            &head.hash,
            entry.serial,
            entry.time.as_bytes(),
            entry.body.as_bytes(),
        );
        if computed != entry.hash {
            return Err(damaged(format!(
                "the hash of entry {} does not fit",
                entry.serial
            )));
        }
        head = Head {
            serial: entry.serial,
            hash: entry.hash.clone(),
        };
        entries.push(entry);
    }
    if entries.is_empty() {
        return Err(damaged("it is empty".to_owned()));
    }
    Ok(Decoded {
        first: stored.first,
        previous: header.previous,
        entries,
        link: String::new(),
        ring: header.keys,
    })
}

/// Reads stored entries from a file's log.
pub(crate) fn stored_entries(
    connection: &Connection,
    path: &Path,
    from: u64,
    most: usize,
) -> Result<Vec<StoredEntry>, StateError> {
    let failed = |source| StateError::database("read the log", path, source);
    let bound = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let mut statement = connection
        .prepare_cached(
            "SELECT serial, time, hash, body FROM log WHERE serial >= ?1 ORDER BY serial LIMIT ?2",
        )
        .map_err(failed)?;
    let rows = statement
        .query_map((bound(from), bound(most as u64)), |row| {
            Ok(StoredEntry {
                serial: u64::try_from(row.get::<_, i64>(0)?).unwrap_or_default(),
                time: row.get(1)?,
                hash: row.get(2)?,
                body: row.get(3)?,
            })
        })
        .map_err(failed)?;
    rows.collect::<Result<_, _>>().map_err(failed)
}

fn newer(place: &Arc<str>, form: u32) -> BackendError {
    BackendError::refused(
        place,
        format!("it was written in form {form} and this version reads {ENCRYPTED}"),
        "use the newer version of Konductor that wrote it",
    )
}

/// Returns the hash of a segment's bytes, which the next one names.
pub(crate) fn link(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

/// Encrypts the body of a segment: with the data key of the stack, or where there is none with the project's sealer.
pub(crate) fn seal(segment: Segment, keys: &StackKeys, before: &str) -> Result<Segment, StateError> {
    let Some(ring) = keys.ring_to_write() else {
        let sealer = keys.own_sealer().ok_or(StateError::SecretWithoutKey)?;
        let text = sealer.seal(&segment.body).map_err(StateError::Seal)?;
        return Ok(Segment {
            body: text.into_bytes(),
            ..segment
        });
    };
    let key = keys.key(ring.current())?;
    let header = Header {
        segment: ENCRYPTED,
        project: keys.stack().project.clone(),
        stack: keys.stack().stack.clone(),
        previous: before.to_owned(),
        key: Some(key.name().to_owned()),
        keys: Some(ring),
    };
    let mut body = serde_json::to_vec(&header).map_err(|source| StateError::Encode {
        source: Arc::new(source),
    })?;
    body.push(b'\n');
    // The first line is bound to what follows: nobody can give it another ring.
    let mut sealed = key
        .seal(&body, &segment.body)
        .map_err(|_| StateError::SecretWithoutKey)?;
    body.append(&mut sealed);
    Ok(Segment { body, ..segment })
}

/// What a body starts with that the project's sealer sealed; any other starts with `{`.
const SEALED: &[u8] = b"v1:";

/// Tells whether the body of a segment is encrypted.
pub(crate) fn is_sealed(stored: &StoredSegment) -> bool {
    stored.body.starts_with(SEALED) || first_line(stored).is_some_and(|header| header.segment == ENCRYPTED)
}

fn first_line(stored: &StoredSegment) -> Option<Header> {
    let line = stored.body.split(|byte| *byte == b'\n').next()?;
    serde_json::from_slice(line).ok()
}

/// Returns the ring that a segment carries, without checking it.
pub(crate) fn ring_of(stored: &StoredSegment) -> Option<KeyRing> {
    first_line(stored)?.keys
}

/// Returns what a segment says of the bytes of the one before; none when it is not encrypted or does not know.
pub(crate) fn link_of(stored: &StoredSegment) -> Option<String> {
    let header = first_line(stored)?;
    (header.segment == ENCRYPTED && !header.previous.is_empty()).then_some(header.previous)
}

/// Opens the body of a segment if it is encrypted, and takes notice of the ring that it carries.
pub(crate) fn open(
    place: &Arc<str>,
    stored: StoredSegment,
    keys: &StackKeys,
) -> Result<StoredSegment, StateError> {
    let what = || format!("the log at {place}, from entry {}", stored.first);
    let damaged = |what: &str| {
        StateError::Backend(BackendError::Damaged {
            place: Arc::clone(place),
            what: format!(
                "the segment of {} at entry {}: {what}",
                keys.stack(),
                stored.first
            ),
        })
    };
    let plain = if stored.body.starts_with(SEALED) {
        let sealer = keys
            .own_sealer()
            .ok_or_else(|| StateError::SecretUnreadable { place: what() })?;
        let text = std::str::from_utf8(&stored.body).map_err(|error| damaged(&error.to_string()))?;
        sealer.open(text).map_err(|source| StateError::Open {
            place: what(),
            source,
        })?
    } else {
        let Some(header) = first_line(&stored) else {
            // What is wrong with it is told where it is read.
            return Ok(stored);
        };
        if let Some(ring) = &header.keys {
            keys.note(ring)?;
        }
        if header.segment == PLAIN {
            return Ok(stored);
        }
        let (ENCRYPTED, Some(name)) = (header.segment, header.key) else {
            return Err(newer(place, header.segment).into());
        };
        let length = stored
            .body
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(0, |end| end + 1);
        let (line, sealed) = stored.body.split_at_checked(length).unwrap_or_default();
        keys.key(&name)?
            .open(line, sealed)
            .map_err(|_| damaged("it was changed"))?
    };
    Ok(StoredSegment {
        first: stored.first,
        body: plain.to_vec(),
    })
}
