//! Seeing work, and deciding about it.

use crate::Queue;
use crate::error::QueueError;
use crate::tables::AFTERWARDS;
use crate::work::{COLUMNS, Work, WorkId};

impl Queue {
    /// Lists a project's work, the oldest first: what waits and runs, or the newest of all.
    ///
    /// # Errors
    /// When the database does not answer or refuses.
    pub async fn list(&self, project: &str, all: bool, most: i64) -> Result<Vec<Work>, QueueError> {
        self.sweep().await?;
        let sql = format!(
            "SELECT * FROM (
                 SELECT {COLUMNS} FROM konductor_work work
                 WHERE project = $1 AND ($2 OR state IN ('waiting', 'running', 'dead')) ORDER BY id DESC LIMIT $3
             ) newest ORDER BY 1"
        );
        let rows = self.patiently(&sql, &[&project, &all, &most]).await?;
        rows.iter().map(|row| Work::of(row, &self.database)).collect()
    }

    /// Returns how much of a project's work has not ended.
    ///
    /// # Errors
    /// When the database does not answer or refuses.
    pub async fn open(&self, project: &str) -> Result<i64, QueueError> {
        let rows = self
            .patiently(
                "SELECT count(*) FROM konductor_work WHERE project = $1 AND state IN ('waiting', 'running')",
                &[&project],
            )
            .await?;
        match rows.first() {
            Some(row) => Ok(self.database.column(row, 0)?),
            None => Ok(0),
        }
    }

    /// Returns one piece of work of a project.
    ///
    /// # Errors
    /// When the database does not answer or refuses.
    pub async fn work(&self, project: &str, id: WorkId) -> Result<Option<Work>, QueueError> {
        let sql = format!("SELECT {COLUMNS} FROM konductor_work work WHERE project = $1 AND id = $2");
        let rows = self.patiently(&sql, &[&project, &id]).await?;
        rows.first().map(|row| Work::of(row, &self.database)).transpose()
    }

    /// Cancels work: what waits ends now, and of what runs its worker is told when it renews its lease. What comes after
    /// is left out. Returns the numbers of those that had not ended.
    ///
    /// # Errors
    /// When the database does not answer or refuses.
    pub async fn cancel(&self, project: &str, ids: &[WorkId]) -> Result<Vec<WorkId>, QueueError> {
        self.cancel_where("project = $1 AND id = ANY($2)", project, &ids)
            .await
    }

    /// Cancels all that is left of a submission.
    ///
    /// # Errors
    /// When the database does not answer or refuses.
    pub async fn cancel_submission(
        &self,
        project: &str,
        submission: &str,
    ) -> Result<Vec<WorkId>, QueueError> {
        self.cancel_where("project = $1 AND submission = $2", project, &submission)
            .await
    }

    async fn cancel_where(
        &self,
        which: &str,
        project: &str,
        value: &(dyn tokio_postgres::types::ToSql + Sync),
    ) -> Result<Vec<WorkId>, QueueError> {
        let sql = format!(
            "WITH RECURSIVE told AS (
                 UPDATE konductor_work SET cancel = true,
                     state = CASE WHEN state = 'waiting' THEN 'cancelled' ELSE state END,
                     ended = CASE WHEN state = 'waiting' THEN clock_timestamp() END,
                     reason = CASE WHEN state = 'waiting' THEN 'cancelled' ELSE reason END
                 WHERE {which} AND state IN ('waiting', 'running') RETURNING id, stack, state
             ), ended AS (SELECT id, stack, state FROM told), {AFTERWARDS}
             SELECT id FROM told ORDER BY id"
        );
        let rows = self.patiently(&sql, &[&project, value]).await?;
        rows.iter().map(|row| Ok(self.database.column(row, 0)?)).collect()
    }

    /// Lets work that did not succeed be done again, with the configuration given: itself, what comes before it and did
    /// not succeed, and what was left out because of it. Returns their numbers.
    ///
    /// # Errors
    /// When the database does not answer or refuses.
    pub async fn retry(
        &self,
        project: &str,
        ids: &[WorkId],
        configuration: &str,
    ) -> Result<Vec<WorkId>, QueueError> {
        let rows = self
            .patiently(
                "WITH RECURSIVE above(id) AS (
                     SELECT id FROM konductor_work WHERE project = $1 AND id = ANY($2)
                         AND state IN ('failed', 'dead', 'cancelled', 'left-out')
                     UNION SELECT need.needs FROM above JOIN konductor_work_need need ON need.work = above.id
                 ), below(id) AS (
                     SELECT id FROM above
                     UNION SELECT need.work FROM below JOIN konductor_work_need need ON need.needs = below.id
                 )
                 UPDATE konductor_work work SET state = 'waiting', attempts = 0, postponed = 0, cancel = false,
                     claim = NULL, ended = NULL, exit = NULL, reason = NULL, available = clock_timestamp(),
                     configuration = $3
                 WHERE state IN ('failed', 'dead', 'cancelled', 'left-out') AND (id IN (SELECT id FROM above)
                     OR (state = 'left-out' AND id IN (SELECT id FROM below)))
                 RETURNING id",
                &[&project, &ids, &configuration],
            )
            .await?;
        let mut retried = Vec::with_capacity(rows.len());
        for row in &rows {
            retried.push(self.database.column(row, 0)?);
        }
        retried.sort_unstable();
        Ok(retried)
    }
}
