//! Logs in a PostgreSQL database: two tables, and one statement for every operation.
//!
//! An append moves the head of the stack and inserts the segment in one statement, which a server does wholly or not
//! at all.

mod backup;

use std::time::Duration;

use async_trait::async_trait;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::backend::database::{Database, PostgreSqlSettings, Tables};
use crate::backend::error::BackendError;
use crate::backend::{Appended, Backend, Claim, Holder, Lease, Segment, StoredSegment};
use crate::schema::StackIdentity;

/// The form of the tables.
const FORMAT: i32 = 1;

/// Made under a lock of the database, because two clients may come at once to an empty one.
const OF_LOGS: Tables = Tables {
    subject: "state",
    last: "konductor_segment",
    statements: "
CREATE TABLE IF NOT EXISTS konductor_stack (
    project text NOT NULL, stack text NOT NULL, format integer NOT NULL DEFAULT 1,
    serial bigint NOT NULL DEFAULT 0, lease bigint NOT NULL DEFAULT 0,
    holder text, owner text, expires timestamptz, moved text,
    PRIMARY KEY (project, stack)
);
CREATE TABLE IF NOT EXISTS konductor_segment (
    project text NOT NULL, stack text NOT NULL, first bigint NOT NULL, body bytea NOT NULL,
    PRIMARY KEY (project, stack, first),
    FOREIGN KEY (project, stack) REFERENCES konductor_stack
);
",
    lock: 7_091_314_202_117,
};

/// The logs, or the backups, in one database.
#[derive(Debug)]
pub struct PostgreSql {
    database: Database,
}

impl PostgreSql {
    /// Reads the settings. Nothing is connected yet.
    ///
    /// # Errors
    /// When the URL cannot be used or a certificate cannot be read.
    pub fn new(settings: PostgreSqlSettings) -> Result<Self, BackendError> {
        Self::with_tables(settings, OF_LOGS)
    }

    fn with_tables(settings: PostgreSqlSettings, tables: Tables) -> Result<Self, BackendError> {
        let database = Database::new(settings, tables)?;
        Ok(Self { database })
    }

    async fn query(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, BackendError> {
        self.database.query(sql, values).await
    }

    fn column<'r, T: tokio_postgres::types::FromSql<'r>>(
        &self,
        row: &'r Row,
        column: usize,
    ) -> Result<T, BackendError> {
        self.database.column(row, column)
    }

    fn number(&self, row: &Row, column: usize) -> Result<u64, BackendError> {
        self.database.number(row, column)
    }

    async fn make_row(&self, stack: &StackIdentity) -> Result<(), BackendError> {
        self.query(
            "INSERT INTO konductor_stack (project, stack, format) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            &[&stack.project, &stack.stack, &FORMAT],
        )
        .await?;
        Ok(())
    }

    /// Reads a row of the stack, where there is one, and checks that this version knows its form.
    async fn row(&self, stack: &StackIdentity) -> Result<Option<Row>, BackendError> {
        let rows = self
            .query(
                "SELECT format, serial, lease, holder, owner, expires < clock_timestamp(), moved
                 FROM konductor_stack WHERE project = $1 AND stack = $2",
                &[&stack.project, &stack.stack],
            )
            .await?;
        let Some(row) = rows.into_iter().next() else {
            return Ok(None);
        };
        let format: i32 = self.column(&row, 0)?;
        if format > FORMAT {
            return Err(self.database.refused(
                format!("it has form {format} and this version reads up to {FORMAT}"),
                "use the newer version of Konductor that wrote it",
            ));
        }
        Ok(Some(row))
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[async_trait]
impl Backend for PostgreSql {
    fn title(&self) -> &str {
        self.database.title()
    }

    async fn stacks(&self, project: &str) -> Result<Vec<String>, BackendError> {
        let rows = self
            .query(
                "SELECT stack FROM konductor_stack WHERE project = $1 AND serial > 0 AND moved IS NULL
                 ORDER BY stack COLLATE \"C\"",
                &[&project],
            )
            .await?;
        rows.iter().map(|row| self.column(row, 0)).collect()
    }

    async fn read(
        &self,
        stack: &StackIdentity,
        from: u64,
        most: usize,
    ) -> Result<Vec<StoredSegment>, BackendError> {
        let rows = self
            .query(
                "SELECT first, body FROM konductor_segment WHERE project = $1 AND stack = $2 AND first >= $3
                 ORDER BY first LIMIT $4",
                &[&stack.project, &stack.stack, &signed(from), &signed(most as u64)],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(StoredSegment {
                    first: self.number(row, 0)?,
                    body: self.column(row, 1)?,
                })
            })
            .collect()
    }

    async fn append(
        &self,
        stack: &StackIdentity,
        segment: &Segment,
        lease: Option<u64>,
    ) -> Result<Appended, BackendError> {
        if segment.first == 1 {
            self.make_row(stack).await?;
        }
        let before = signed(segment.first.saturating_sub(1));
        let lease_number = lease.map(signed);
        let stored = self
            .query(
                "WITH head AS (
                     UPDATE konductor_stack SET serial = $4
                     WHERE project = $1 AND stack = $2 AND serial = $3 AND format <= $7
                         AND ($5::bigint IS NULL OR lease = $5) RETURNING serial
                 )
                 INSERT INTO konductor_segment (project, stack, first, body)
                 SELECT $1, $2, $3 + 1, $6 FROM head RETURNING first",
                &[
                    &stack.project,
                    &stack.stack,
                    &before,
                    &signed(segment.last),
                    &lease_number,
                    &segment.body,
                    &FORMAT,
                ],
            )
            .await?;
        if !stored.is_empty() {
            return Ok(Appended::Stored);
        }
        let now = self.lease(stack).await?;
        Ok(match lease {
            Some(number) if number != now.number => Appended::Fenced,
            _ => Appended::HeadMoved,
        })
    }

    async fn lease(&self, stack: &StackIdentity) -> Result<Lease, BackendError> {
        let Some(row) = self.row(stack).await? else {
            return Ok(Lease::default());
        };
        let token: Option<String> = self.column(&row, 3)?;
        let owner: Option<String> = self.column(&row, 4)?;
        let expired: Option<bool> = self.column(&row, 5)?;
        Ok(Lease {
            number: self.number(&row, 2)?,
            holder: token.map(|token| Holder {
                token,
                owner: owner.unwrap_or_default(),
                expired: expired.unwrap_or(false),
            }),
        })
    }

    async fn take(
        &self,
        stack: &StackIdentity,
        seen: u64,
        claim: Option<&Claim>,
    ) -> Result<bool, BackendError> {
        self.make_row(stack).await?;
        let taken = self
            .query(
                "UPDATE konductor_stack SET lease = lease + 1, holder = $4, owner = $5,
                     expires = clock_timestamp() + $6::bigint * interval '1 millisecond'
                 WHERE project = $1 AND stack = $2 AND lease = $3 RETURNING lease",
                &[
                    &stack.project,
                    &stack.stack,
                    &signed(seen),
                    &claim.map(|claim| claim.token.as_str()),
                    &claim.map(|claim| claim.owner.as_str()),
                    &claim.map(|claim| milliseconds(claim.duration)),
                ],
            )
            .await?;
        Ok(!taken.is_empty())
    }

    async fn renew(&self, stack: &StackIdentity, number: u64, claim: &Claim) -> Result<bool, BackendError> {
        let renewed = self
            .query(
                "UPDATE konductor_stack SET expires = clock_timestamp() + $5::bigint * interval '1 millisecond'
                 WHERE project = $1 AND stack = $2 AND lease = $3 AND holder = $4 RETURNING lease",
                &[
                    &stack.project,
                    &stack.stack,
                    &signed(number),
                    &claim.token,
                    &milliseconds(claim.duration),
                ],
            )
            .await?;
        Ok(!renewed.is_empty())
    }

    async fn release(&self, stack: &StackIdentity, number: u64, claim: &Claim) -> Result<(), BackendError> {
        self.query(
            "UPDATE konductor_stack SET holder = NULL, owner = NULL, expires = NULL
             WHERE project = $1 AND stack = $2 AND lease = $3 AND holder = $4",
            &[&stack.project, &stack.stack, &signed(number), &claim.token],
        )
        .await?;
        Ok(())
    }

    async fn moved(&self, stack: &StackIdentity) -> Result<Option<String>, BackendError> {
        match self.row(stack).await? {
            Some(row) => self.column(&row, 6),
            None => Ok(None),
        }
    }

    async fn set_moved(&self, stack: &StackIdentity, to: Option<&str>) -> Result<(), BackendError> {
        self.make_row(stack).await?;
        self.query(
            "UPDATE konductor_stack SET moved = $3 WHERE project = $1 AND stack = $2",
            &[&stack.project, &stack.stack, &to],
        )
        .await?;
        Ok(())
    }
}
