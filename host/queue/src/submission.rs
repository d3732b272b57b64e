//! Submitting work, and following it.

use crate::Queue;
use crate::error::QueueError;
use crate::tables::CHANGED;
use crate::work::{COLUMNS, Work, WorkCommand, WorkId};

/// Ended work is forgotten after so many days, when other work is submitted.
const KEPT_DAYS: i32 = 30;

/// One command on one stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The stack.
    pub stack: String,
    /// What is done.
    pub command: WorkCommand,
    /// The arguments behind the command. They are stored as they are, so no secret may be among them.
    pub arguments: Vec<String>,
    /// The orders of the same submission that have to succeed before, by their places in it.
    pub needs: Vec<usize>,
}

/// Work that is submitted together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The project.
    pub project: String,
    /// Tells the configuration from another: only a worker that has the same takes the work.
    pub configuration: String,
    /// Who submits it.
    pub submitter: String,
    /// How often each order may be begun.
    pub most_attempts: u32,
    /// The orders.
    pub orders: Vec<Order>,
}

impl Queue {
    /// Submits work: all of it or nothing. Returns the name of the submission.
    ///
    /// # Errors
    /// When the database does not answer or refuses.
    pub async fn submit(&self, submission: &Submission) -> Result<String, QueueError> {
        let name = uuid::Uuid::now_v7().to_string();
        self.forget().await?;
        let count = i64::try_from(submission.orders.len()).unwrap_or(i64::MAX);
        // Numbers first, so that the statement that stores everything can be sent again.
        let rows = self
            .patiently(
                "SELECT nextval(pg_get_serial_sequence('konductor_work', 'id')) FROM generate_series(1, $1::bigint)",
                &[&count],
            )
            .await?;
        let mut ids: Vec<WorkId> = Vec::with_capacity(rows.len());
        for row in &rows {
            ids.push(self.database.column(row, 0)?);
        }
        let orders = &submission.orders;
        let stacks: Vec<&str> = orders.iter().map(|order| order.stack.as_str()).collect();
        let commands: Vec<&str> = orders.iter().map(|order| order.command.word()).collect();
        let arguments: Vec<String> = orders
            .iter()
            .map(|order| serde_json::Value::from(order.arguments.clone()).to_string())
            .collect();
        let mut unmet: Vec<i32> = Vec::with_capacity(orders.len());
        let (mut works, mut needs) = (Vec::new(), Vec::new());
        for (order, id) in orders.iter().zip(&ids) {
            let mut own: Vec<WorkId> = order
                .needs
                .iter()
                .filter_map(|need| ids.get(*need).copied())
                .collect();
            own.sort_unstable();
            own.dedup();
            unmet.push(i32::try_from(own.len()).unwrap_or(i32::MAX));
            works.extend(std::iter::repeat_n(*id, own.len()));
            needs.extend(own);
        }
        let most = i32::try_from(submission.most_attempts).unwrap_or(i32::MAX);
        self.patiently(
            "WITH stored AS (
                 INSERT INTO konductor_work (id, submission, submitter, project, configuration, most_attempts,
                     stack, command, arguments, unmet)
                 SELECT id, $1, $2, $3, $4, $5, stack, command, arguments, unmet
                 FROM unnest($6::bigint[], $7::text[], $8::text[], $9::text[], $10::integer[])
                     AS given(id, stack, command, arguments, unmet)
                 ON CONFLICT (id) DO NOTHING
             )
             INSERT INTO konductor_work_need (work, needs)
             SELECT work, needs FROM unnest($11::bigint[], $12::bigint[]) AS given(work, needs)
             ON CONFLICT DO NOTHING",
            &[
                &name,
                &submission.submitter,
                &submission.project,
                &submission.configuration,
                &most,
                &ids,
                &stacks,
                &commands,
                &arguments,
                &unmet,
                &works,
                &needs,
            ],
        )
        .await?;
        Ok(name)
    }

    /// Forgets what ended long ago.
    pub(crate) async fn forget(&self) -> Result<(), QueueError> {
        self.patiently(
            "DELETE FROM konductor_work WHERE ended < clock_timestamp() - $1::integer * interval '1 day'",
            &[&KEPT_DAYS],
        )
        .await?;
        Ok(())
    }

    /// Listens from now on for changes of a submission's work: [`Queue::heard`] returns when there was one.
    ///
    /// # Errors
    /// When the database does not answer or refuses.
    pub async fn listen_for_changes(&self, submission: &str) -> Result<(), QueueError> {
        self.listen(CHANGED, submission).await
    }

    /// Returns how far the work of a submission is, in the order of submission. Leases that have ended are looked for
    /// first, so that what nobody works on any more is told even when no worker is there.
    ///
    /// # Errors
    /// When the database does not answer or refuses.
    pub async fn progress(&self, submission: &str) -> Result<Vec<Work>, QueueError> {
        self.sweep().await?;
        let sql = format!("SELECT {COLUMNS} FROM konductor_work work WHERE submission = $1 ORDER BY id");
        let rows = self.patiently(&sql, &[&submission]).await?;
        rows.iter().map(|row| Work::of(row, &self.database)).collect()
    }

    /// Returns the last lines that the process of some work printed.
    ///
    /// # Errors
    /// When the database does not answer or refuses.
    pub async fn said(&self, id: WorkId) -> Result<String, QueueError> {
        let rows = self
            .patiently("SELECT said FROM konductor_work WHERE id = $1", &[&id])
            .await?;
        match rows.first() {
            Some(row) => Ok(self.database.column(row, 0)?),
            None => Ok(String::new()),
        }
    }
}
