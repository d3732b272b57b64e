//! The current state, one record after the other: for stacks whose records together are more than a program should hold.

use rusqlite::Connection;
use tokio::sync::mpsc;

use crate::error::StateError;
use crate::record::{ResourceRecord, Snapshot};
use crate::rows;
use crate::schema::Place;
use crate::sealing::{self, Reading};

/// How many records are handed over together.
const BATCH: usize = 256;
/// How many batches may wait for whoever takes them.
const WAITING: usize = 2;

/// Makes the way from who reads to who takes.
pub(crate) fn channel() -> (
    mpsc::Sender<Vec<ResourceRecord>>,
    mpsc::Receiver<Vec<ResourceRecord>>,
) {
    mpsc::channel(WAITING)
}

/// Reads the current state: its records are sent, the rest is returned. The connection is in a transaction, so that all of it is of one moment.
/// A receiver that is gone ends the reading.
pub(crate) fn read(
    connection: &Connection,
    place: &Place,
    reading: Reading<'_>,
    sender: &mpsc::Sender<Vec<ResourceRecord>>,
) -> Result<Snapshot, StateError> {
    let path = place.path();
    let failed = |source| StateError::database("read the current state", path, source);
    let mut statement = connection
        .prepare("SELECT urn, body FROM resource")
        .map_err(failed)?;
    let mut found = statement.query([]).map_err(failed)?;
    let mut batch = Vec::with_capacity(BATCH);
    while let Some(row) = found.next().map_err(failed)? {
        let (urn, body) = (rows::text(row, 0, path)?, rows::text(row, 1, path)?);
        let record: ResourceRecord =
            sealing::read(body, reading).map_err(|failure| failure.at(path, || urn.to_owned()))?;
        if place.index(record.urn.to_string()) != urn {
            return Err(StateError::damaged(
                path,
                format!("the record of {urn} is that of {}", record.urn),
            ));
        }
        batch.push(record);
        if batch.len() >= BATCH {
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
            if sender.blocking_send(full).is_err() {
                return Err(StateError::Closed);
            }
        }
    }
    let _ = sender.blocking_send(batch);
    rows::snapshot_without_resources(connection, place, reading)
}

/// Takes what is sent until nothing more comes.
pub(crate) async fn take(
    mut receiver: mpsc::Receiver<Vec<ResourceRecord>>,
    take: &mut (dyn FnMut(ResourceRecord) + Send),
) {
    while let Some(records) = receiver.recv().await {
        records.into_iter().for_each(&mut *take);
    }
}
