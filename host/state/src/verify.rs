//! Checks a log: every entry against the chain, the head, and the current state against a fold of all entries.

use std::collections::BTreeMap;

use konductor_model::Urn;
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::chain;
use crate::entry::Entry;
use crate::error::StateError;
use crate::projection;
use crate::record::{ResourceRecord, Snapshot};
use crate::rows;
use crate::schema::{self, Head, Place};
use crate::sealing::{self, Reading};

/// At most so many problems are told; the first is the one that counts.
const MOST_PROBLEMS: usize = 20;

/// What a check of a log found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// How many entries were read.
    pub entries: u64,
    /// The hash of the last entry as computed; empty when there is none. Keep it elsewhere to notice later that
    /// the end of the log was cut off.
    pub head: String,
    /// What is wrong, in the order of the log; empty when nothing is. Only the first 20 are told.
    pub problems: Vec<Problem>,
}

impl Verification {
    /// Tells whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    /// Returns the first serial that something is wrong with.
    pub fn first_bad_serial(&self) -> Option<u64> {
        self.problems.iter().find_map(|problem| problem.serial)
    }
}

/// One thing that is wrong with a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The entry; none when it is about the head or the current state.
    pub serial: Option<u64>,
    /// What is wrong.
    pub what: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.serial {
            Some(serial) => write!(f, "entry {serial}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

struct Walk {
    last: Head,
    folded: Snapshot,
    problems: Vec<Problem>,
}

impl Walk {
    fn problem(&mut self, serial: Option<u64>, what: impl Into<String>) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(Problem {
                serial,
                what: what.into(),
            });
        }
    }

    /// Checks one row and goes on from what it says, so that one change is told as one problem.
    fn row(&mut self, serial: i64, time: Option<&[u8]>, hash: Option<&[u8]>, body: Option<&[u8]>) {
        let expected = self.last.serial + 1;
        let Some(serial) = u64::try_from(serial).ok().filter(|serial| *serial >= expected) else {
            self.problem(
                Some(expected),
                format!("an entry with serial {serial} stands before the first"),
            );
            return;
        };
        if serial > expected {
            let missing = serial - expected;
            self.problem(
                Some(expected),
                format!("missing, with {} after it: the next one is {serial}", missing - 1),
            );
        }
        let (Some(time), Some(hash), Some(body)) = (time, hash, body) else {
            self.problem(Some(serial), "it is not text");
            self.last.serial = serial;
            return;
        };
        let computed = chain::hash(&self.last.hash, serial, time, body);
        // After a gap the hash cannot fit; the gap is what is told.
        if serial == expected && computed.as_bytes() != hash {
            self.problem(
                Some(serial),
                "its hash does not fit: it, its time, its place or an entry before it was changed",
            );
        }
        self.last = Head {
            serial,
            hash: String::from_utf8_lossy(hash).into_owned(),
        };
        let entry: Result<Entry, _> = std::str::from_utf8(body)
            .map_err(|error| error.to_string())
            .and_then(|text| {
                sealing::read(text, Reading::Sealed).map_err(|failure| match failure {
                    sealing::ReadFailure::Json(error) => error.to_string(),
                    sealing::ReadFailure::NoKey | sealing::ReadFailure::Open(_) => "it is sealed".to_owned(),
                })
            });
        match entry {
            Err(error) => self.problem(Some(serial), format!("it cannot be read: {error}")),
            Ok(entry) => {
                if let Err(error) = projection::apply(&mut self.folded, &entry) {
                    self.problem(
                        Some(serial),
                        format!("it does not follow from those before it: {error}"),
                    );
                }
            }
        }
    }
}

/// Checks a log. The connection is in a transaction, so that a command that appends meanwhile does not look like
/// damage.
pub(crate) fn verify(connection: &Connection, place: &Place) -> Result<Verification, StateError> {
    let path = place.path();
    let failed = |source| StateError::database("read the log", path, source);
    let mut walk = Walk {
        last: Head {
            serial: 0,
            hash: place.origin(),
        },
        folded: Snapshot::default(),
        problems: Vec::new(),
    };
    let mut entries = 0;
    let mut statement = connection
        .prepare("SELECT serial, time, hash, body FROM log ORDER BY serial")
        .map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        entries += 1;
        let bytes = |column| match row.get_ref(column) {
            Ok(ValueRef::Text(bytes)) => Some(bytes),
            _ => None,
        };
        walk.row(row.get(0).map_err(failed)?, bytes(1), bytes(2), bytes(3));
    }
    check_head(connection, place, &mut walk)?;
    // A broken chain explains any difference; comparing then would only add noise.
    if walk.problems.is_empty() {
        check_current_state(connection, place, &mut walk);
    }
    Ok(Verification {
        entries,
        head: if walk.last.serial == 0 {
            String::new()
        } else {
            walk.last.hash
        },
        problems: walk.problems,
    })
}

fn check_head(connection: &Connection, place: &Place, walk: &mut Walk) -> Result<(), StateError> {
    match schema::head(connection, place.path()) {
        Ok(head) if head == walk.last => {}
        Ok(head) if head.serial > walk.last.serial => {
            let (from, to) = (walk.last.serial + 1, head.serial);
            walk.problem(
                Some(from),
                format!("missing: the log ends before it and its head is entry {to}"),
            );
        }
        Ok(head) => {
            let what = format!(
                "the head names entry {} with hash {}, and the last entry is {} with hash {}",
                head.serial, head.hash, walk.last.serial, walk.last.hash
            );
            walk.problem(None, what);
        }
        Err(StateError::Damaged { what, .. }) => {
            walk.problem(None, format!("the head cannot be read: {what}"))
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Compares what readers get with what the log says.
fn check_current_state(connection: &Connection, place: &Place, walk: &mut Walk) {
    let stored = match rows::snapshot(connection, place, Reading::Sealed) {
        Ok(stored) => stored,
        Err(error) => {
            walk.problem(None, format!("the current state cannot be read: {error}"));
            return;
        }
    };
    let folded = std::mem::take(&mut walk.folded);
    for (urn, what) in differences(&folded.resources, &stored.resources) {
        walk.problem(None, format!("the record of {urn} {what}"));
    }
    if stored.outputs != folded.outputs {
        walk.problem(None, "the outputs of the stack are not those of the log");
    }
    if stored.interrupted != folded.interrupted {
        walk.problem(None, "the interrupted operations are not those of the log");
    }
}

fn differences<'m>(
    folded: &'m BTreeMap<Urn, ResourceRecord>,
    stored: &'m BTreeMap<Urn, ResourceRecord>,
) -> impl Iterator<Item = (&'m Urn, &'static str)> {
    let lost_or_changed = folded.iter().filter_map(|(urn, record)| match stored.get(urn) {
        None => Some((urn, "is missing from the current state")),
        Some(found) if found != record => Some((urn, "is not what the log says")),
        Some(_) => None,
    });
    let added = stored
        .keys()
        .filter(|urn| !folded.contains_key(urn))
        .map(|urn| (urn, "is not in the log"));
    lost_or_changed.chain(added)
}
