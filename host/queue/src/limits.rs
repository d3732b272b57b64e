//! Rate limits that processes on many machines share: a row for each, and one statement for each question.
//!
//! A statement locks its row while it runs and not between two, so a process that is cut off keeps nobody waiting.

use konductor_state::backend::{Database, PostgreSqlSettings, Tables};

use crate::error::QueueError;

const LIMITS: Tables = Tables {
    subject: "shared rate limits",
    last: "konductor_rate_limit",
    statements: "
CREATE TABLE IF NOT EXISTS konductor_rate_limit (
    name text PRIMARY KEY, tokens double precision NOT NULL, refilled timestamptz NOT NULL,
    level double precision NOT NULL, given integer NOT NULL
) WITH (fillfactor = 50);
",
    lock: 7_091_314_202_119,
};

/// Takes tokens. The time is asked for when the row is locked, so that who waited for it counts what came back meanwhile; a
/// clock that is set back brings nothing back. Below zero are tokens that were given for later.
const TAKE: &str = "
INSERT INTO konductor_rate_limit AS kept (name, tokens, refilled, level, given)
SELECT $1, $3::float8 - first.given, clock_timestamp(), $3, first.given
FROM (SELECT least($4::integer, greatest($5::integer, floor($3::float8 / 2)::integer)) AS given) first
ON CONFLICT (name) DO UPDATE SET (tokens, refilled, level, given) = (
    SELECT found.level - least($4, greatest($5, floor(found.level / 2)::integer)), found.now, found.level,
        least($4, greatest($5, floor(found.level / 2)::integer))
    FROM (
        SELECT clock.now, least($3, kept.tokens
            + $2::float8 * greatest(0, extract(epoch FROM clock.now - kept.refilled)::float8)) AS level
        FROM (SELECT clock_timestamp() AS now OFFSET 0) clock
    ) found
)
RETURNING given, level";

/// Limits that nobody asked for are forgotten after a day: they are full.
const FORGET: &str = "DELETE FROM konductor_rate_limit WHERE refilled < clock_timestamp() - interval '1 day'";

/// What some process was given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tokens {
    /// How many.
    pub count: u32,
    /// How many there were before; below zero where others have to wait for theirs.
    pub level: f64,
}

/// The shared rate limits in one database: that of the queue.
#[derive(Debug)]
pub struct RateLimits {
    database: Database,
}

impl RateLimits {
    /// Reads the settings. Nothing is connected yet.
    ///
    /// # Errors
    /// When the URL cannot be used or a certificate cannot be read.
    pub fn new(settings: PostgreSqlSettings) -> Result<Self, QueueError> {
        Ok(Self {
            database: Database::new(settings, LIMITS)?,
        })
    }

    /// Connects, and makes the table where it is not there.
    ///
    /// # Errors
    /// When the database does not answer or refuses.
    pub async fn prepare(&self) -> Result<(), QueueError> {
        self.database.query(FORGET, &[]).await?;
        Ok(())
    }

    /// Takes up to so many tokens of a limit, of which `rate` come back each second up to `capacity`. At least one is
    /// given, and where there are none up to `share`, for when they have come back. A limit that nobody asked for is full.
    ///
    /// # Errors
    /// When the database does not answer or refuses. The tokens may be gone then.
    pub async fn take(
        &self,
        name: &str,
        rate: f64,
        capacity: f64,
        wanted: u32,
        share: u32,
    ) -> Result<Tokens, QueueError> {
        let number = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
        let (wanted, share) = (number(wanted.max(1)), number(share.max(1)));
        let values: &[&(dyn tokio_postgres::types::ToSql + Sync)] =
            &[&name, &rate, &capacity, &wanted, &share];
        let rows = self.database.query(TAKE, values).await?;
        let Some(row) = rows.first() else {
            return Err(self.database.damaged("a rate limit was not stored").into());
        };
        let count: i32 = self.database.column(row, 0)?;
        let count = u32::try_from(count).ok().filter(|count| *count > 0);
        Ok(Tokens {
            count: count.ok_or_else(|| self.database.damaged("a rate limit gave less than one token"))?,
            level: self.database.column(row, 1)?,
        })
    }
}
