//! Who takes work.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::error::QueueError;
use crate::work::time;
use crate::{Queue, milliseconds};

/// What a worker says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// A name that no other has.
    pub id: String,
    /// The project whose work it takes.
    pub project: String,
    /// The configuration that it has.
    pub configuration: String,
    /// How many stacks at the same time.
    pub places: u32,
    /// How many it works on.
    pub running: usize,
    /// It takes no more.
    pub stopping: bool,
}

/// A worker, as somebody sees it who looks into the queue.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorkerRow {
    /// Its name.
    pub worker: String,
    /// The configuration that it has.
    pub configuration: String,
    /// How many stacks at the same time.
    pub places: i32,
    /// How many it works on.
    pub running: i32,
    /// It takes no more.
    pub stopping: bool,
    /// When it joined.
    pub began: Option<Timestamp>,
    /// It was heard of within the time of a lease.
    pub alive: bool,
}

impl Queue {
    /// Says that a worker is there, for the time of a lease.
    ///
    /// # Errors
    /// When the database does not answer or refuses.
    pub async fn announce(&self, worker: &Worker, lease: Duration) -> Result<(), QueueError> {
        let places = i32::try_from(worker.places).unwrap_or(i32::MAX);
        let running = i32::try_from(worker.running).unwrap_or(i32::MAX);
        self.once(
            "WITH forgotten AS (DELETE FROM konductor_worker WHERE expires < clock_timestamp() - interval '1 day')
             INSERT INTO konductor_worker (worker, name, project, configuration, places, running, stopping, expires)
             VALUES ($1, $1, $2, $3, $4, $5, $6, clock_timestamp() + $7::bigint * interval '1 millisecond')
             ON CONFLICT (worker) DO UPDATE SET configuration = excluded.configuration, places = excluded.places,
                 running = excluded.running, stopping = excluded.stopping, expires = excluded.expires",
            &[
                &worker.id,
                &worker.project,
                &worker.configuration,
                &places,
                &running,
                &worker.stopping,
                &milliseconds(lease),
            ],
        )
        .await?;
        Ok(())
    }

    /// Says that a worker has gone.
    ///
    /// # Errors
    /// When the database does not answer or refuses.
    pub async fn leave(&self, worker: &str) -> Result<(), QueueError> {
        self.once("DELETE FROM konductor_worker WHERE worker = $1", &[&worker])
            .await?;
        Ok(())
    }

    /// Lists the workers of a project that were heard of within a day.
    ///
    /// # Errors
    /// When the database does not answer or refuses.
    pub async fn workers(&self, project: &str) -> Result<Vec<WorkerRow>, QueueError> {
        let rows = self
            .patiently(
                "SELECT worker, configuration, places, running, stopping, (extract(epoch FROM began) * 1000)::bigint,
                     expires > clock_timestamp()
                 FROM konductor_worker WHERE project = $1 ORDER BY began, worker",
                &[&project],
            )
            .await?;
        let database = &self.database;
        rows.iter()
            .map(|row| {
                Ok(WorkerRow {
                    worker: database.column(row, 0)?,
                    configuration: database.column(row, 1)?,
                    places: database.column(row, 2)?,
                    running: database.column(row, 3)?,
                    stopping: database.column(row, 4)?,
                    began: time(database, row, 5)?,
                    alive: database.column(row, 6)?,
                })
            })
            .collect()
    }
}
