//! Work that a schedule asks for: submitted once, however many processes keep to the schedule.

use jiff::Timestamp;

use crate::Queue;
use crate::error::QueueError;
use crate::submission::Submission;
use crate::work::{WorkCommand, WorkId};

/// It is remembered for so many days what was submitted for which time. No process is so late.
const REMEMBERED_DAYS: i32 = 30;

/// What came of a time of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// A check was submitted; its number.
    Submitted(WorkId),
    /// Another process, or an earlier try, dealt with this time.
    Known,
    /// An earlier check of the stack has not ended, so there is none for this time.
    Behind,
}

impl Queue {
    /// Submits a check of a stack for a time of its schedule, unless somebody did so for the same time, or an earlier check
    /// waits or runs. Of a submission all but the orders counts.
    ///
    /// # Errors
    /// When the database does not answer or refuses.
    pub async fn submit_due(
        &self,
        submission: &Submission,
        stack: &str,
        arguments: &[String],
        due: Timestamp,
    ) -> Result<Due, QueueError> {
        self.forget().await?;
        self.patiently(
            "DELETE FROM konductor_work_due WHERE due < clock_timestamp() - $1::integer * interval '1 day'",
            &[&REMEMBERED_DAYS],
        )
        .await?;
        let name = uuid::Uuid::now_v7().to_string();
        let arguments = serde_json::Value::from(arguments.to_vec()).to_string();
        let most = i32::try_from(submission.most_attempts).unwrap_or(i32::MAX);
        // Who inserts the time is the one who submits: the key lets one of several through.
        let rows = self
            .patiently(
                "WITH told AS (
                     INSERT INTO konductor_work_due (project, stack, due)
                     VALUES ($1, $2, 'epoch'::timestamptz + $3::bigint * interval '1 millisecond')
                     ON CONFLICT DO NOTHING RETURNING stack
                 ), stored AS (
                     INSERT INTO konductor_work (submission, submitter, project, configuration, most_attempts,
                         stack, command, arguments, unmet)
                     SELECT $4, $5, $1, $6, $7, told.stack, $8, $9, 0 FROM told WHERE NOT EXISTS (
                         SELECT FROM konductor_work
                         WHERE project = $1 AND stack = $2 AND command = $8 AND state IN ('waiting', 'running'))
                     RETURNING id
                 )
                 SELECT EXISTS (SELECT FROM told), (SELECT id FROM stored)",
                &[
                    &submission.project,
                    &stack,
                    &due.as_millisecond(),
                    &name,
                    &submission.submitter,
                    &submission.configuration,
                    &most,
                    &WorkCommand::Check.word(),
                    &arguments,
                ],
            )
            .await?;
        let Some(row) = rows.first() else {
            return Ok(Due::Known);
        };
        let id: Option<WorkId> = self.database.column(row, 1)?;
        Ok(match (self.database.column(row, 0)?, id) {
            (_, Some(id)) => Due::Submitted(id),
            (true, None) => Due::Behind,
            (false, None) => Due::Known,
        })
    }
}
