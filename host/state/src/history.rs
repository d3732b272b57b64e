//! The log as it is read back: entry by entry.

use jiff::Timestamp;
use konductor_model::Urn;
use rusqlite::Connection;

use crate::entry::Entry;
use crate::error::StateError;
use crate::schema::Place;
use crate::sealing::{self, Reading};

/// An entry with its place in the chain.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedEntry {
    /// The position, from 1.
    pub serial: u64,
    /// When it was written, by the clock of the machine that wrote it.
    pub time: Timestamp,
    /// Its hash, which covers the hash before it.
    pub hash: String,
    /// What was written.
    pub entry: Entry,
}

/// Says which entries to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryQuery {
    /// The first serial.
    pub from: u64,
    /// The last serial; none for the end of the log.
    pub to: Option<u64>,
    /// At most how many. To page, ask again from after the last serial returned, or, newest first, to before it.
    pub limit: usize,
    /// The newest first.
    pub newest_first: bool,
    /// Only entries that name this resource. Progress entries name an operation and no resource: none is returned.
    pub urn: Option<Urn>,
}

impl Default for EntryQuery {
    fn default() -> Self {
        Self {
            from: 1,
            to: None,
            limit: 1000,
            newest_first: false,
            urn: None,
        }
    }
}

/// Tells whether an entry names a resource as what it is about.
fn names(entry: &Entry, urn: &Urn) -> bool {
    match entry {
        Entry::Begin(begin) => begin.urn == *urn,
        Entry::End(end) => end.urn == *urn,
        Entry::Recorded { record, .. } => record.urn == *urn,
        Entry::Forgotten { urn: forgotten, .. } => forgotten == urn,
        Entry::Moved { from, to } => from == urn || to == urn,
        Entry::CloudCall(call) => call.resource == urn.to_string(),
        Entry::SecretRevealed(revealed) => revealed.resource == urn.name().as_str(),
        Entry::DriftChecked(checked) => checked.differences.iter().any(|found| found.urn == *urn),
        Entry::ControlFinding(found) => found.urn == urn.to_string(),
        Entry::RunStarted(_)
        | Entry::Progress(_)
        | Entry::Outputs { .. }
        | Entry::DriftTold(_)
        | Entry::ComplianceChecked(_)
        | Entry::ComplianceTold(_)
        | Entry::PolicyDecided(_)
        | Entry::LockTakenAway(_)
        | Entry::Restored(_)
        | Entry::KeysRotated(_)
        | Entry::AuditForwarded(_)
        | Entry::LogArchived(_)
        | Entry::RunAttested(_)
        | Entry::RunFinished(_) => false,
    }
}

pub(crate) fn read(
    connection: &Connection,
    place: &Place,
    query: &EntryQuery,
    reading: Reading<'_>,
) -> Result<Vec<LoggedEntry>, StateError> {
    let failed = |source| StateError::database("read the log", place.path(), source);
    let order = if query.newest_first { "DESC" } else { "ASC" };
    let sql = format!(
        "SELECT serial, time, hash, body FROM log WHERE serial BETWEEN ?1 AND ?2 ORDER BY serial {order}"
    );
    let bound = |serial: u64| i64::try_from(serial).unwrap_or(i64::MAX);
    let mut statement = connection.prepare(&sql).map_err(failed)?;
    let mut rows = statement
        .query((bound(query.from), query.to.map_or(i64::MAX, bound)))
        .map_err(failed)?;
    let mut found = Vec::new();
    while found.len() < query.limit
        && let Some(row) = rows.next().map_err(failed)?
    {
        let logged = logged_entry(row, place, reading)?;
        if query.urn.as_ref().is_none_or(|urn| names(&logged.entry, urn)) {
            found.push(logged);
        }
    }
    Ok(found)
}

/// Reads the entries that a condition holds for, oldest first. The condition is SQL of this crate, never of a caller.
pub(crate) fn read_where(
    connection: &Connection,
    place: &Place,
    condition: &str,
    reading: Reading<'_>,
) -> Result<Vec<LoggedEntry>, StateError> {
    let failed = |source| StateError::database("read the log", place.path(), source);
    let sql = format!("SELECT serial, time, hash, body FROM log WHERE {condition} ORDER BY serial");
    let mut statement = connection.prepare(&sql).map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        found.push(logged_entry(row, place, reading)?);
    }
    Ok(found)
}

/// Reads a row of serial, time, hash and body.
fn logged_entry(
    row: &rusqlite::Row<'_>,
    place: &Place,
    reading: Reading<'_>,
) -> Result<LoggedEntry, StateError> {
    let failed = |source| StateError::database("read the log", place.path(), source);
    let serial: i64 = row.get(0).map_err(failed)?;
    let name = || format!("entry {serial}");
    // A body that is no text is damage to tell, not a failed query.
    let text = |index: usize| {
        row.get::<_, String>(index).map_err(|source| {
            StateError::damaged(place.path(), format!("{} cannot be read: {source}", name()))
        })
    };
    let entry: Entry = sealing::read(&text(3)?, reading).map_err(|failure| failure.at(place.path(), name))?;
    let time = text(1)?.parse().map_err(|source| {
        StateError::damaged(
            place.path(),
            format!("the time of {} cannot be read: {source}", name()),
        )
    })?;
    Ok(LoggedEntry {
        serial: u64::try_from(serial).unwrap_or_default(),
        time,
        hash: text(2)?,
        entry,
    })
}
