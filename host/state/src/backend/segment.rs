//! What stands in a segment: a line that says whose it is and what it continues, and a line for each entry.

use std::path::Path;
use std::sync::Arc;

use konductor_model::Sealer;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use crate::backend::error::BackendError;
use crate::backend::{Segment, StoredSegment};
use crate::chain;
use crate::error::StateError;
use crate::schema::{Head, StackIdentity};

/// The newest form of a segment that this version reads, and the one it writes.
const FORMAT: u32 = 1;

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
    /// The hash of the entry before the first.
    previous: String,
}

/// Writes entries that follow a head. There is at least one.
pub(crate) fn encode(
    stack: &StackIdentity,
    before: &Head,
    entries: &[StoredEntry],
) -> Result<Segment, StateError> {
    let failed = |source| StateError::Encode {
        source: Arc::new(source),
    };
    let header = Header {
        segment: FORMAT,
        project: stack.project.clone(),
        stack: stack.stack.clone(),
        previous: before.hash.clone(),
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
    if header.segment > FORMAT {
        return Err(BackendError::refused(
            place,
            format!(
                "it was written in form {} and this version reads {FORMAT}",
                header.segment
            ),
            "use the newer version of Konductor that wrote it",
        ));
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

/// Seals the body of a segment, where the state is encrypted.
pub(crate) fn seal(segment: Segment, sealer: Option<&Arc<dyn Sealer>>) -> Result<Segment, StateError> {
    let Some(sealer) = sealer else {
        return Ok(segment);
    };
    let text = sealer.seal(&segment.body).map_err(StateError::Seal)?;
    Ok(Segment {
        body: text.into_bytes(),
        ..segment
    })
}

/// What a sealed body starts with; a plain one starts with `{`.
const SEALED: &[u8] = b"v1:";

/// Tells whether the body of a segment is sealed.
pub(crate) fn is_sealed(stored: &StoredSegment) -> bool {
    stored.body.starts_with(SEALED)
}

/// Opens the body of a segment if it is sealed.
pub(crate) fn open(
    place: &Arc<str>,
    stored: StoredSegment,
    sealer: Option<&Arc<dyn Sealer>>,
) -> Result<StoredSegment, StateError> {
    if !is_sealed(&stored) {
        return Ok(stored);
    }
    let what = || format!("the log at {place}, from entry {}", stored.first);
    let sealer = sealer.ok_or_else(|| StateError::SecretUnreadable { place: what() })?;
    let text = std::str::from_utf8(&stored.body).map_err(|error| {
        StateError::Backend(BackendError::Damaged {
            place: Arc::clone(place),
            what: format!("the segment at entry {} is not text: {error}", stored.first),
        })
    })?;
    let plain = sealer.open(text).map_err(|source| StateError::Open {
        place: what(),
        source,
    })?;
    Ok(StoredSegment {
        first: stored.first,
        body: plain.to_vec(),
    })
}
