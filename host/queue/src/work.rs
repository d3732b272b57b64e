//! What a piece of work is, and how far it is.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use konductor_state::backend::Database;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;

use crate::error::QueueError;

/// The number of a piece of work, in the order in which work was submitted.
pub type WorkId = i64;

/// A word of the database for each of some cases.
macro_rules! words {
    ($(#[$about:meta])* $name:ident, $what:literal { $($(#[$doc:meta])* $case:ident = $word:literal),* $(,)? }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name {
            $($(#[$doc])* $case,)*
        }

        impl $name {
            /// Returns the word that it is stored and told with.
            pub fn word(self) -> &'static str {
                match self { $(Self::$case => $word,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.word())
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($word => Ok(Self::$case),)*
                    other => Err(format!(concat!("`{}` is no ", $what), other)),
                }
            }
        }
    };
}

words!(
    /// What is done on a stack.
    WorkCommand, "command of the queue" {
        /// Plan and apply.
        Run = "run",
        /// Plan.
        Plan = "plan",
        /// Record what the cloud has.
        Refresh = "refresh",
        /// Look for drift.
        Drift = "drift",
        /// Look for drift, tell who is to be told, and repair what may be repaired: what `konductor watch` does.
        Check = "check",
        /// Delete everything.
        Destroy = "destroy",
    }
);

words!(
    /// How far a piece of work is.
    WorkState, "state of work" {
        /// It waits for a worker, or for what comes before it.
        Waiting = "waiting",
        /// A worker has it.
        Running = "running",
        /// It was done.
        Succeeded = "succeeded",
        /// It was tried, and the answer was no.
        Failed = "failed",
        /// Every worker that had it stopped, as often as was allowed: somebody has to look.
        Dead = "dead",
        /// Somebody did not want it any more.
        Cancelled = "cancelled",
        /// What comes before it did not succeed.
        LeftOut = "left-out",
    }
);

impl WorkState {
    /// Tells whether nothing more happens with it by itself.
    pub fn is_end(self) -> bool {
        !matches!(self, Self::Waiting | Self::Running)
    }
}

/// A piece of work, as somebody sees it who looks into the queue.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Work {
    /// Its number.
    pub id: WorkId,
    /// What it was submitted with.
    pub submission: String,
    /// Who submitted it.
    pub submitter: String,
    /// The project.
    pub project: String,
    /// The stack.
    pub stack: String,
    /// What is done.
    pub command: WorkCommand,
    /// How far it is.
    pub state: WorkState,
    /// How many pieces of work have to succeed before it.
    pub unmet: i32,
    /// How often it was begun.
    pub attempts: i32,
    /// How often it may be begun.
    pub most_attempts: i32,
    /// Who has it, or had it last.
    pub worker: Option<String>,
    /// The exit code.
    pub exit: Option<u8>,
    /// Why it is where it is.
    pub reason: Option<String>,
    /// Somebody does not want it any more, and its worker does not know yet.
    pub cancel: bool,
    /// When it was submitted.
    pub submitted: Timestamp,
    /// When it was begun last.
    pub began: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

/// The columns of [`Work`]; the name of the worker comes from its own table, or is its number after it has gone.
pub(crate) const COLUMNS: &str = "work.id, work.submission, work.submitter, work.project, work.stack, work.command,
    work.state, work.unmet, work.attempts, work.most_attempts, work.worker, work.exit, work.reason, work.cancel,
    (extract(epoch FROM work.submitted) * 1000)::bigint, (extract(epoch FROM work.began) * 1000)::bigint,
    (extract(epoch FROM work.ended) * 1000)::bigint";

impl Work {
    pub(crate) fn of(row: &Row, database: &Database) -> Result<Self, QueueError> {
        let exit: Option<i32> = database.column(row, 11)?;
        Ok(Self {
            id: database.column(row, 0)?,
            submission: database.column(row, 1)?,
            submitter: database.column(row, 2)?,
            project: database.column(row, 3)?,
            stack: database.column(row, 4)?,
            command: word(database, row, 5)?,
            state: word(database, row, 6)?,
            unmet: database.column(row, 7)?,
            attempts: database.column(row, 8)?,
            most_attempts: database.column(row, 9)?,
            worker: database.column(row, 10)?,
            exit: exit.and_then(|exit| u8::try_from(exit).ok()),
            reason: database.column(row, 12)?,
            cancel: database.column(row, 13)?,
            submitted: time(database, row, 14)?.unwrap_or_default(),
            began: time(database, row, 15)?,
            ended: time(database, row, 16)?,
        })
    }
}

/// Reads a column that holds a word.
pub(crate) fn word<T: FromStr<Err = String>>(
    database: &Database,
    row: &Row,
    column: usize,
) -> Result<T, QueueError> {
    let word: String = database.column(row, column)?;
    word.parse().map_err(|what: String| database.damaged(what).into())
}

/// Reads a column that holds milliseconds of the epoch.
pub(crate) fn time(database: &Database, row: &Row, column: usize) -> Result<Option<Timestamp>, QueueError> {
    let milliseconds: Option<i64> = database.column(row, column)?;
    milliseconds
        .map(|milliseconds| {
            Timestamp::from_millisecond(milliseconds)
                .map_err(|error| database.damaged(error.to_string()).into())
        })
        .transpose()
}
