//! Backups in a database: a row for every part, in a table that is only ever added to.

use async_trait::async_trait;

use super::{PostgreSql, PostgreSqlSettings, Tables, signed};
use crate::backend::BackendError;
use crate::backup::BackupPlace;
use crate::schema::StackIdentity;

const OF_BACKUPS: Tables = Tables {
    subject: "backup",
    last: "konductor_backup",
    statements: "
CREATE TABLE IF NOT EXISTS konductor_backup (
    project text NOT NULL, stack text NOT NULL, first bigint NOT NULL, body bytea NOT NULL,
    made timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (project, stack, first)
);
",
    lock: 7_091_314_202_117,
};

impl PostgreSql {
    /// Reads the settings of a database for backups, whose user needs no more than `SELECT` and `INSERT` on one table.
    /// Nothing is connected yet.
    ///
    /// # Errors
    /// When the URL cannot be used or a certificate cannot be read.
    pub fn for_backups(settings: PostgreSqlSettings) -> Result<Self, BackendError> {
        Self::with_tables(settings, OF_BACKUPS)
    }
}

#[async_trait]
impl BackupPlace for PostgreSql {
    fn title(&self) -> &str {
        self.database.title()
    }

    async fn stacks(&self, project: &str) -> Result<Vec<String>, BackendError> {
        let rows = self
            .query(
                "SELECT DISTINCT stack COLLATE \"C\" FROM konductor_backup WHERE project = $1 ORDER BY 1",
                &[&project],
            )
            .await?;
        rows.iter().map(|row| self.column(row, 0)).collect()
    }

    async fn list(&self, stack: &StackIdentity, after: u64, most: usize) -> Result<Vec<u64>, BackendError> {
        let rows = self
            .query(
                "SELECT first FROM konductor_backup WHERE project = $1 AND stack = $2 AND first > $3
                 ORDER BY first LIMIT $4",
                &[&stack.project, &stack.stack, &signed(after), &signed(most as u64)],
            )
            .await?;
        rows.iter().map(|row| self.number(row, 0)).collect()
    }

    async fn get(&self, stack: &StackIdentity, name: u64) -> Result<Option<Vec<u8>>, BackendError> {
        let rows = self
            .query(
                "SELECT body FROM konductor_backup WHERE project = $1 AND stack = $2 AND first = $3",
                &[&stack.project, &stack.stack, &signed(name)],
            )
            .await?;
        rows.first().map(|row| self.column(row, 0)).transpose()
    }

    async fn put(&self, stack: &StackIdentity, name: u64, body: &[u8]) -> Result<bool, BackendError> {
        let stored = self
            .query(
                "INSERT INTO konductor_backup (project, stack, first, body) VALUES ($1, $2, $3, $4)
                 ON CONFLICT DO NOTHING RETURNING first",
                &[&stack.project, &stack.stack, &signed(name), &body],
            )
            .await?;
        Ok(!stored.is_empty())
    }
}
