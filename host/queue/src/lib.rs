//! A durable queue of work on stacks, in a PostgreSQL database that workers on many machines share.
//!
//! One piece of work is one command on one stack. A worker *takes* it, which gives it a lease that it renews; a lease
//! that was not renewed in time ends, and the work is given to another worker. What ends work names the lease: who lost
//! it ends nothing. Every statement can be sent again when its answer was lost.
//!
//! The queue promises that work which was submitted is done by somebody, or is told to be dead; not that it is begun once.
//! That nothing is done twice is the promise of the stack's log, which has a lock of its own with a fencing number.
//!
//! Time is the server's: no client's clock is asked.
//!
//! In the same database are the rate limits that all processes of a project share ([`RateLimits`]).

mod error;
mod limits;
mod managing;
mod schedule;
mod submission;
mod tables;
mod taking;
mod work;
mod workers;

pub use error::QueueError;
pub use limits::{RateLimits, Tokens};
pub use schedule::Due;
pub use submission::{Order, Submission};
pub use taking::{Beat, Claim, Ending, Taken};
pub use work::{Work, WorkCommand, WorkId, WorkState};
pub use workers::{Worker, WorkerRow};

use std::time::Duration;

use konductor_state::backend::{Database, PostgreSqlSettings};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

/// How long a statement is tried again where there is no answer, before that is an error.
const PATIENCE: Duration = Duration::from_secs(30);
/// The shortest and the longest pause between two tries.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// The queue in one database. The state may be in the same one.
#[derive(Debug)]
pub struct Queue {
    database: Database,
}

impl Queue {
    /// Reads the settings. Nothing is connected yet; the tables are made by whoever comes first.
    ///
    /// # Errors
    /// When the URL cannot be used or a certificate cannot be read.
    pub fn new(settings: PostgreSqlSettings) -> Result<Self, QueueError> {
        let database = Database::new(settings, tables::QUEUE)?;
        Ok(Self { database })
    }

    /// Returns the address without user and password.
    pub fn title(&self) -> &str {
        self.database.title()
    }

    /// Waits until something is heard. While the connection is broken nothing is, and what stands between here and the
    /// database may swallow it: look from time to time all the same.
    pub async fn heard(&self) {
        self.database.heard().await;
    }

    /// Listens for something being said. Where there is no answer the connection is made anew, and listens then.
    async fn listen(&self, channel: &'static str, said: &str) -> Result<(), QueueError> {
        match self
            .database
            .listen(channel, said)
            .await
            .map_err(QueueError::from)
        {
            Err(error) if !error.is_transient() => Err(error),
            _ => Ok(()),
        }
    }

    /// Runs a statement once.
    async fn once(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, QueueError> {
        Ok(self.database.query(sql, values).await?)
    }

    /// Runs a statement that may be sent again, until there is an answer or patience ends.
    async fn patiently(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, QueueError> {
        let began = std::time::Instant::now();
        let mut pause = PAUSE.0;
        loop {
            match self.once(sql, values).await {
                Err(error) if error.is_transient() && began.elapsed() < PATIENCE => {
                    tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
                    pause = pause.saturating_mul(2).min(PAUSE.1);
                }
                answer => return answer,
            }
        }
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
