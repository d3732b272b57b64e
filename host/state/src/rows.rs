//! The current state as rows of the database: written by the fold, read into snapshots.

use std::collections::BTreeMap;

use konductor_model::{Urn, Value};
use rusqlite::{Connection, OptionalExtension};

use crate::entry::{Begin, Entry, OperationProgress};
use crate::error::StateError;
use crate::projection::{Projection, rename_in_begin, rename_in_record};
use crate::record::{Interrupted, ResourceRecord, Snapshot};
use crate::schema::{self, Place};
use crate::sealing::{self, Reading, SealedEntry};

/// The rows, inside a transaction of the writer. Everything that goes in and out is in sealed form.
pub(crate) struct Rows<'c> {
    pub(crate) connection: &'c Connection,
    pub(crate) place: &'c Place,
    /// The position of the entry that is applied.
    pub(crate) serial: u64,
    /// The entry that is applied.
    pub(crate) applied: &'c SealedEntry,
}

impl Rows<'_> {
    fn failed(&self) -> impl Fn(rusqlite::Error) -> StateError {
        let path = self.place.path();
        move |source| StateError::database("write the current state", path, source)
    }

    /// Returns what a resource's rows are found by.
    fn index(&self, urn: &Urn) -> String {
        self.place.index(urn.to_string())
    }

    fn execute(&self, sql: &str, parameters: impl rusqlite::Params) -> Result<(), StateError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(self.failed())?;
        statement.execute(parameters).map_err(self.failed())?;
        Ok(())
    }

    fn exists(&self, sql: &str, key: &str) -> Result<bool, StateError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(self.failed())?;
        statement.exists([key]).map_err(self.failed())
    }

    /// Returns the keys and bodies of rows whose body holds a name.
    fn naming(&self, sql: &str, urn: &Urn) -> Result<Vec<(String, String)>, StateError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(self.failed())?;
        let rows = statement
            .query_map([urn.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(self.failed())?;
        rows.collect::<Result<_, _>>().map_err(self.failed())
    }
}

impl Projection for Rows<'_> {
    type Error = StateError;

    fn has_record(&mut self, urn: &Urn) -> Result<bool, StateError> {
        self.exists("SELECT 1 FROM resource WHERE urn = ?1", &self.index(urn))
    }

    fn put_record(&mut self, record: &ResourceRecord) -> Result<(), StateError> {
        // The record is always that of the entry.
        let body = match &self.applied.record {
            Some(body) => body,
            None => &sealing::write_sealed(record)?,
        };
        self.execute(
            "INSERT OR REPLACE INTO resource (urn, body) VALUES (?1, ?2)",
            (self.index(&record.urn), body),
        )
    }

    fn remove_record(&mut self, urn: &Urn) -> Result<(), StateError> {
        self.execute("DELETE FROM resource WHERE urn = ?1", [self.index(urn)])
    }

    fn interrupted(&mut self, operation: &str) -> Result<Option<Urn>, StateError> {
        let unreadable = |source: &dyn std::fmt::Display| {
            let what = format!("the resource of operation {operation} cannot be read: {source}");
            StateError::damaged(self.place.path(), what)
        };
        let column = if self.place.is_encrypted() { "body" } else { "urn" };
        let mut statement = self
            .connection
            .prepare_cached(&format!("SELECT {column} FROM interrupted WHERE operation = ?1"))
            .map_err(self.failed())?;
        let found: Option<String> = statement
            .query_row([self.place.index(operation.to_owned())], |row| row.get(0))
            .optional()
            .map_err(self.failed())?;
        let Some(found) = found else {
            return Ok(None);
        };
        if !self.place.is_encrypted() {
            return found.parse().map(Some).map_err(|source| unreadable(&source));
        }
        let begin: Begin = sealing::read(&found, Reading::Sealed)
            .map_err(|failure| failure.at(self.place.path(), || format!("operation {operation}")))?;
        Ok(Some(begin.urn))
    }

    fn is_interrupted(&mut self, urn: &Urn) -> Result<bool, StateError> {
        self.exists("SELECT 1 FROM interrupted WHERE urn = ?1", &self.index(urn))
    }

    fn put_begin(&mut self, begin: &Begin) -> Result<(), StateError> {
        self.execute(
            "INSERT INTO interrupted (operation, serial, urn, body) VALUES (?1, ?2, ?3, ?4)",
            (
                self.place.index(begin.operation.clone()),
                i64::try_from(self.serial).unwrap_or(i64::MAX),
                self.index(&begin.urn),
                // The entry reads as what it says of the begin; its tag is passed over.
                &self.applied.body,
            ),
        )
    }

    fn put_progress(&mut self, progress: &OperationProgress) -> Result<(), StateError> {
        self.execute(
            "UPDATE interrupted SET progress = ?2 WHERE operation = ?1",
            (
                self.place.index(progress.operation.clone()),
                sealing::write_sealed(progress)?,
            ),
        )
    }

    fn remove_begin(&mut self, operation: &str) -> Result<(), StateError> {
        let operation = self.place.index(operation.to_owned());
        self.execute("DELETE FROM interrupted WHERE operation = ?1", [operation])
    }

    fn remove_begins_on(&mut self, urn: &Urn) -> Result<(), StateError> {
        self.execute("DELETE FROM interrupted WHERE urn = ?1", [self.index(urn)])
    }

    fn rename(&mut self, from: &Urn, to: &Urn) -> Result<(), StateError> {
        let unreadable =
            |row: &str, failure: sealing::ReadFailure| failure.at(self.place.path(), || row.to_owned());
        let records = self.naming("SELECT urn, body FROM resource WHERE instr(body, ?1) > 0", from)?;
        for (urn, body) in records {
            let mut record: ResourceRecord =
                sealing::read(&body, Reading::Sealed).map_err(|failure| unreadable(&urn, failure))?;
            if rename_in_record(&mut record, from, to) {
                self.execute(
                    "UPDATE resource SET urn = ?2, body = ?3 WHERE urn = ?1",
                    (urn, self.index(&record.urn), sealing::write_sealed(&record)?),
                )?;
            }
        }
        let begins = self.naming(
            "SELECT operation, body FROM interrupted WHERE instr(body, ?1) > 0",
            from,
        )?;
        for (operation, body) in begins {
            let mut begin: Begin =
                sealing::read(&body, Reading::Sealed).map_err(|failure| unreadable(&operation, failure))?;
            if rename_in_begin(&mut begin, from, to) {
                self.execute(
                    "UPDATE interrupted SET urn = ?2, body = ?3 WHERE operation = ?1",
                    (operation, self.index(&begin.urn), sealing::write_sealed(&begin)?),
                )?;
            }
        }
        Ok(())
    }

    fn put_outputs(&mut self, outputs: &BTreeMap<String, Value>) -> Result<(), StateError> {
        // The whole entry is kept, because its form is what tells an output called `$sealed` from a sealed one.
        let entry = Entry::Outputs {
            outputs: outputs.clone(),
        };
        schema::set_sealed_meta(self.connection, schema::OUTPUTS, &sealing::write_sealed(&entry)?)
            .map_err(self.failed())
    }
}

/// Reads the current state. The connection is in a transaction, so that all of it is of one moment.
pub(crate) fn snapshot(
    connection: &Connection,
    place: &Place,
    reading: Reading<'_>,
) -> Result<Snapshot, StateError> {
    let path = place.path();
    let failed = |source| StateError::database("read the current state", path, source);
    let mut resources = BTreeMap::new();
    let mut statement = connection
        .prepare("SELECT urn, body FROM resource")
        .map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let (urn, body) = (text(row, 0, path)?, text(row, 1, path)?);
        let record: ResourceRecord =
            sealing::read(body, reading).map_err(|failure| failure.at(path, || urn.to_owned()))?;
        if place.index(record.urn.to_string()) != urn {
            return Err(StateError::damaged(
                path,
                format!("the record of {urn} is that of {}", record.urn),
            ));
        }
        resources.insert(record.urn.clone(), record);
    }
    let rest = snapshot_without_resources(connection, place, reading)?;
    Ok(Snapshot { resources, ..rest })
}

/// Reads the current state but for its records.
pub(crate) fn snapshot_without_resources(
    connection: &Connection,
    place: &Place,
    reading: Reading<'_>,
) -> Result<Snapshot, StateError> {
    let path = place.path();
    let failed = |source| StateError::database("read the current state", path, source);
    let head = schema::head(connection, path)?;
    let mut snapshot = Snapshot {
        serial: head.serial,
        head: if head.serial == 0 {
            String::new()
        } else {
            head.hash
        },
        ..Snapshot::default()
    };

    let mut statement = connection
        .prepare("SELECT operation, urn, body, progress FROM interrupted ORDER BY serial")
        .map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let (operation, urn) = (text(row, 0, path)?, text(row, 1, path)?);
        let named = || format!("operation {operation} on {urn}");
        let begin: Begin =
            sealing::read(text(row, 2, path)?, reading).map_err(|failure| failure.at(path, named))?;
        let progress = match row.get_ref(3).map_err(failed)? {
            rusqlite::types::ValueRef::Null => None,
            _ => {
                let progress: OperationProgress =
                    sealing::read(text(row, 3, path)?, reading).map_err(|failure| failure.at(path, named))?;
                Some(progress)
            }
        };
        if place.index(begin.operation.clone()) != operation || place.index(begin.urn.to_string()) != urn {
            return Err(StateError::damaged(
                path,
                format!("{} holds another operation", named()),
            ));
        }
        snapshot.interrupted.push(Interrupted { begin, progress });
    }

    if let Some(body) = schema::sealed_meta(connection, path, schema::OUTPUTS)? {
        let place = || "the stack's outputs".to_owned();
        let entry: Entry = sealing::read(&body, reading).map_err(|failure| failure.at(path, place))?;
        if let Entry::Outputs { outputs } = entry {
            snapshot.outputs = outputs;
        } else {
            return Err(StateError::damaged(
                path,
                "the stack's outputs are something else",
            ));
        }
    }
    Ok(snapshot)
}

/// Borrows a column; what is no text is damage.
pub(crate) fn text<'r>(
    row: &'r rusqlite::Row<'_>,
    column: usize,
    path: &std::path::Path,
) -> Result<&'r str, StateError> {
    let value = row
        .get_ref(column)
        .map_err(|source| StateError::database("read the current state", path, source))?;
    value.as_str().map_err(|source| {
        StateError::damaged(path, format!("a row of the current state is not text: {source}"))
    })
}
