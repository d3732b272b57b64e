//! The stack as it was: what its runs did, and the state after any entry.

use std::collections::BTreeMap;

use jiff::Timestamp;
use konductor_model::Urn;
use rusqlite::Connection;

use crate::entry::{Entry, RunFinished, RunStarted};
use crate::error::StateError;
use crate::history::{self, EntryQuery, LoggedEntry};
use crate::projection;
use crate::record::Snapshot;
use crate::schema::{self, Place};
use crate::sealing::Reading;
use crate::sqlite::StackLog;

/// How many entries are in memory at a time.
const PAGE: usize = 1_000;

/// One run of a command, as the log tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Its number in the log, from 1. It never changes, because nothing is ever taken out of a log.
    pub number: u64,
    /// How it began.
    pub started: RunStarted,
    /// When it began, by the clock of the machine that wrote it.
    pub time: Timestamp,
    /// The entry it began with.
    pub first: u64,
    /// The last entry before the next run began: with it the state is what the run left.
    pub last: u64,
    /// How and when it ended; none when the process died or is still running.
    pub finished: Option<(RunFinished, Timestamp)>,
    /// How many entries changed the state: ends of operations, records, moves, outputs.
    pub changes: u64,
}

/// The state after an entry, with what was renamed since.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Past {
    /// The state; its serial is the last entry that is in it.
    pub snapshot: Snapshot,
    /// The names that changed after it, oldest first.
    pub renamed: Vec<(Urn, Urn)>,
}

impl StackLog {
    /// Returns the runs of the log, oldest first. It reads the log once and keeps only what it returns.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn runs(&self) -> Result<Vec<Run>, StateError> {
        self.read(runs).await
    }

    /// Returns the state after an entry with secrets opened, and the names that changed since. Serial 0 is the empty
    /// state before the first entry. It reads the log from its beginning: the time grows with its length, the
    /// memory with the number of resources.
    ///
    /// # Errors
    /// When the log ends before the entry, cannot be read, or holds a secret that cannot be opened.
    pub async fn past(&self, serial: u64) -> Result<Past, StateError> {
        let sealer = self.sealer();
        self.read(move |connection, place| {
            past(connection, place, serial, Reading::Opened(sealer.as_deref()))
        })
        .await
    }

    /// Returns the state after an entry with every secret as the text `(secret)`; it needs no key. What was masked
    /// must not be written back.
    ///
    /// # Errors
    /// When the log ends before the entry, or cannot be read.
    pub async fn past_masked(&self, serial: u64) -> Result<Past, StateError> {
        self.read(move |connection, place| past(connection, place, serial, Reading::Masked))
            .await
    }

    /// Returns the names that changed after an entry, oldest first.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn renamed_after(&self, serial: u64) -> Result<Vec<(Urn, Urn)>, StateError> {
        self.read(move |connection, place| renamed_after(connection, place, serial))
            .await
    }

    /// Returns the last entry that was written at or before a time; 0 when there is none. Where clocks of machines
    /// disagree, it is the last entry before the first later one.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn serial_at(&self, time: Timestamp) -> Result<u64, StateError> {
        self.read(move |connection, place| serial_at(connection, place, time))
            .await
    }
}

fn head(connection: &Connection, place: &Place) -> Result<u64, StateError> {
    Ok(schema::head(connection, place.path())?.serial)
}

fn runs(connection: &Connection, place: &Place) -> Result<Vec<Run>, StateError> {
    let failed = |source| StateError::database("read the log", place.path(), source);
    // The search for the text spares parsing the rest; what it finds too much is sorted out below.
    let begins_and_ends = history::read_where(
        connection,
        place,
        "instr(body, '\"entry\":\"run-started\"') > 0 OR instr(body, '\"entry\":\"run-finished\"') > 0",
        Reading::Masked,
    )?;
    let mut found: Vec<Run> = Vec::new();
    for LoggedEntry {
        serial, time, entry, ..
    } in begins_and_ends
    {
        match entry {
            Entry::RunStarted(started) => {
                if let Some(before) = found.last_mut() {
                    before.last = serial - 1;
                }
                found.push(Run {
                    number: found.last().map_or(1, |run| run.number + 1),
                    started,
                    time,
                    first: serial,
                    last: serial,
                    finished: None,
                    changes: 0,
                });
            }
            Entry::RunFinished(finished) => {
                let run = found.iter_mut().rev().find(|run| run.started.run == finished.run);
                if let Some(run) = run {
                    run.finished = Some((finished, time));
                }
            }
            _ => {}
        }
    }
    let end = head(connection, place)?;
    if let Some(last) = found.last_mut() {
        last.last = end;
    }
    let mut count = connection
        .prepare(
            "SELECT count(*) FROM log WHERE serial BETWEEN ?1 AND ?2
             AND json_extract(body, '$.entry') IN ('end', 'recorded', 'forgotten', 'moved', 'outputs', 'restored')",
        )
        .map_err(failed)?;
    let bound = |serial: u64| i64::try_from(serial).unwrap_or(i64::MAX);
    for run in &mut found {
        let changes: i64 = count
            .query_row((bound(run.first), bound(run.last)), |row| row.get(0))
            .map_err(failed)?;
        run.changes = u64::try_from(changes).unwrap_or_default();
    }
    Ok(found)
}

fn past(
    connection: &Connection,
    place: &Place,
    serial: u64,
    reading: Reading<'_>,
) -> Result<Past, StateError> {
    let end = head(connection, place)?;
    if serial > end {
        return Err(StateError::NoSuchEntry { serial, last: end });
    }
    let mut past = Past::default();
    let mut query = EntryQuery {
        to: Some(serial),
        limit: PAGE,
        ..EntryQuery::default()
    };
    loop {
        let page = history::read(connection, place, &query, reading)?;
        let Some(last) = page.last().map(|logged| logged.serial) else {
            break;
        };
        for logged in page {
            projection::apply(&mut past.snapshot, &logged.entry)?;
            past.snapshot.serial = logged.serial;
            past.snapshot.head = logged.hash;
        }
        query.from = last + 1;
    }
    past.renamed = renamed_after(connection, place, serial)?;
    Ok(past)
}

fn renamed_after(connection: &Connection, place: &Place, serial: u64) -> Result<Vec<(Urn, Urn)>, StateError> {
    let moves = history::read_where(
        connection,
        place,
        &format!("serial > {serial} AND instr(body, '\"entry\":\"moved\"') > 0"),
        Reading::Masked,
    )?;
    let renames = moves.into_iter().filter_map(|logged| match logged.entry {
        Entry::Moved { from, to } => Some((from, to)),
        _ => None,
    });
    Ok(renames.collect())
}

fn serial_at(connection: &Connection, place: &Place, time: Timestamp) -> Result<u64, StateError> {
    let failed = |source| StateError::database("read the log", place.path(), source);
    let mut statement = connection
        .prepare("SELECT serial, time FROM log ORDER BY serial")
        .map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    let mut found = 0;
    while let Some(row) = rows.next().map_err(failed)? {
        let serial: i64 = row.get(0).map_err(failed)?;
        let written: String = row.get(1).map_err(failed)?;
        let written: Timestamp = written.parse().map_err(|source| {
            StateError::damaged(
                place.path(),
                format!("the time of entry {serial} cannot be read: {source}"),
            )
        })?;
        if written > time {
            break;
        }
        found = u64::try_from(serial).unwrap_or_default();
    }
    Ok(found)
}

impl Past {
    /// Returns the name that a resource of this state has now.
    pub fn name_now(&self, urn: &Urn) -> Urn {
        let mut name = urn.clone();
        for (from, to) in &self.renamed {
            if *from == name {
                name.clone_from(to);
            }
        }
        name
    }

    /// Returns the resources of this state by the names they have now, where that differs.
    pub fn names_now(&self) -> BTreeMap<Urn, Urn> {
        if self.renamed.is_empty() {
            return BTreeMap::new();
        }
        self.snapshot
            .resources
            .keys()
            .map(|urn| (urn.clone(), self.name_now(urn)))
            .filter(|(then, now)| then != now)
            .collect()
    }
}
