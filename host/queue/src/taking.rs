//! Taking work, keeping it, and ending it.

use std::time::Duration;

use crate::error::QueueError;
use crate::tables::{AFTERWARDS, READY};
use crate::work::{WorkCommand, WorkId, word};
use crate::{Queue, milliseconds};

/// The lease on a piece of work: a name that no other lease has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claim(pub(crate) String);

impl Claim {
    /// Makes a name. The same one is given again when the answer to taking was lost.
    pub fn new() -> Self {
        Self(uuid::Uuid::new_v4().to_string())
    }
}

impl Default for Claim {
    fn default() -> Self {
        Self::new()
    }
}

/// Work that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Its number.
    pub id: WorkId,
    /// The lease.
    pub claim: Claim,
    /// The stack.
    pub stack: String,
    /// What is to be done.
    pub command: WorkCommand,
    /// The arguments behind the command.
    pub arguments: Vec<String>,
    /// Which time this is, from one.
    pub attempt: i32,
}

/// What renewing a lease came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// It goes on.
    Kept,
    /// It goes on, and somebody does not want the work any more.
    Cancelled,
    /// It ended: whatever this worker says about the work counts no more.
    Lost,
}

/// How a worker's turn with some work ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It was done, with this exit code: 0, or 2 for changes that are pending.
    Succeeded(u8),
    /// It was tried and the answer was no.
    Failed(u8),
    /// The process was killed, or could not be started. It is tried again, as often as is allowed.
    Broken(String),
    /// Somebody else works on the stack. It waits and is tried again; this time does not count.
    Postponed(String),
    /// The worker goes. It is taken by another at once; this time does not count.
    GivenBack,
}

impl Queue {
    /// Looks for leases that have ended: their work waits for another worker, or is dead after it was begun as often as it
    /// may. Returns how many there were.
    ///
    /// # Errors
    /// When the database does not answer or refuses.
    pub async fn sweep(&self) -> Result<usize, QueueError> {
        let sql = format!(
            "WITH RECURSIVE lost AS (
                 SELECT id FROM konductor_work WHERE state = 'running' AND expires < clock_timestamp()
                 FOR UPDATE SKIP LOCKED
             ), ended AS (
                 UPDATE konductor_work work SET claim = NULL, expires = NULL,
                     state = CASE WHEN cancel THEN 'cancelled' WHEN attempts >= most_attempts THEN 'dead'
                         ELSE 'waiting' END,
                     ended = CASE WHEN cancel OR attempts >= most_attempts THEN clock_timestamp() END,
                     reason = CASE WHEN cancel THEN 'cancelled' ELSE 'its worker stopped answering' END
                 FROM lost WHERE work.id = lost.id RETURNING work.id, work.stack, work.state
             ), {AFTERWARDS} SELECT id FROM ended"
        );
        Ok(self.patiently(&sql, &[]).await?.len())
    }

    /// Takes the work that has waited longest, if there is some for this project and configuration. Work on a stack is done
    /// in the order of submission, one after the other.
    ///
    /// # Errors
    /// When the database does not answer or refuses. After no answer, ask with the same claim: what was taken with it is
    /// returned.
    pub async fn take(
        &self,
        project: &str,
        configuration: &str,
        worker: &str,
        claim: &Claim,
        lease: Duration,
    ) -> Result<Option<Taken>, QueueError> {
        self.sweep().await?;
        let rows = self
            .once(
                "WITH mine AS (
                     SELECT id FROM konductor_work WHERE claim = $4 AND state = 'running'
                 ), next AS (
                     SELECT id FROM konductor_work work
                     WHERE NOT EXISTS (SELECT FROM mine) AND project = $1 AND configuration = $2
                         AND state = 'waiting' AND unmet = 0 AND available <= clock_timestamp()
                         AND NOT EXISTS (
                             SELECT FROM konductor_work other
                             WHERE other.project = work.project AND other.stack = work.stack AND other.id <> work.id
                                 AND (other.state = 'running' OR (other.state = 'waiting' AND other.id < work.id
                                     AND other.configuration = work.configuration)))
                     ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
                 ), begun AS (
                     UPDATE konductor_work work SET state = 'running', attempts = attempts + 1, claim = $4, worker = $3,
                         began = clock_timestamp(), ended = NULL, exit = NULL, reason = NULL, said = '',
                         expires = clock_timestamp() + $5::bigint * interval '1 millisecond'
                     FROM next WHERE work.id = next.id
                     RETURNING work.id, work.stack, work.command, work.arguments, work.attempts
                 )
                 SELECT * FROM begun UNION ALL
                 SELECT id, stack, command, arguments, attempts FROM konductor_work WHERE id IN (SELECT id FROM mine)",
                &[&project, &configuration, &worker, &claim.0, &milliseconds(lease)],
            )
            .await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let arguments: String = self.database.column(row, 3)?;
        let arguments = serde_json::from_str(&arguments)
            .map_err(|error| self.database.damaged(format!("arguments of work: {error}")))?;
        Ok(Some(Taken {
            id: self.database.column(row, 0)?,
            claim: claim.clone(),
            stack: self.database.column(row, 1)?,
            command: word(&self.database, row, 2)?,
            arguments,
            attempt: self.database.column(row, 4)?,
        }))
    }

    /// Listens from now on for work of a project that may be taken, or has ended.
    ///
    /// # Errors
    /// When the database does not answer or refuses.
    pub async fn listen_for_work(&self, project: &str) -> Result<(), QueueError> {
        self.listen(READY, project).await
    }

    /// Returns how long it is until work of a project becomes available again that was put back, or a lease ends unless it is
    /// renewed; none where neither will happen.
    ///
    /// # Errors
    /// When the database does not answer or refuses.
    pub async fn next_by_itself(&self, project: &str) -> Result<Option<Duration>, QueueError> {
        let rows = self
            .once(
                "SELECT ceil(extract(epoch FROM min(at) - clock_timestamp()) * 1000)::bigint FROM (
                     SELECT available AS at FROM konductor_work
                     WHERE project = $1 AND state = 'waiting' AND unmet = 0 AND available > clock_timestamp()
                     UNION ALL
                     SELECT expires FROM konductor_work WHERE project = $1 AND state = 'running'
                 ) next",
                &[&project],
            )
            .await?;
        let next: Option<i64> = match rows.first() {
            Some(row) => self.database.column(row, 0)?,
            None => None,
        };
        Ok(next.map(|next| Duration::from_millis(u64::try_from(next).unwrap_or(0))))
    }

    /// Renews leases, each from now on, and says of each what it came to. One statement for all that a worker has.
    ///
    /// # Errors
    /// When the database does not answer or refuses: then nothing is known, and the leases run on towards their ends.
    pub async fn renew(&self, claims: &[Claim], lease: Duration) -> Result<Vec<Beat>, QueueError> {
        let names: Vec<&str> = claims.iter().map(|claim| claim.0.as_str()).collect();
        let rows = self
            .once(
                "UPDATE konductor_work SET expires = clock_timestamp() + $2::bigint * interval '1 millisecond'
                 WHERE claim = ANY($1) AND state = 'running' RETURNING claim, cancel",
                &[&names, &milliseconds(lease)],
            )
            .await?;
        let mut renewed: Vec<(String, bool)> = Vec::with_capacity(rows.len());
        for row in &rows {
            renewed.push((self.database.column(row, 0)?, self.database.column(row, 1)?));
        }
        let beat = |claim: &Claim| match renewed.iter().find(|(name, _)| *name == claim.0) {
            Some((_, false)) => Beat::Kept,
            Some((_, true)) => Beat::Cancelled,
            None => Beat::Lost,
        };
        Ok(claims.iter().map(beat).collect())
    }

    /// Ends a turn with some work, and frees or leaves out what comes after it, in one statement. Tells whether that
    /// counted: it does not when the lease was lost.
    ///
    /// # Errors
    /// When the database does not answer or refuses.
    pub async fn end(&self, claim: &Claim, ending: &Ending, said: &str) -> Result<bool, QueueError> {
        let (state, exit, reason): (&str, Option<i32>, Option<&str>) = match ending {
            Ending::Succeeded(exit) => ("succeeded", Some(i32::from(*exit)), None),
            Ending::Failed(exit) => ("failed", Some(i32::from(*exit)), None),
            Ending::Broken(why) => ("broken", None, Some(why)),
            Ending::Postponed(why) => ("postponed", None, Some(why)),
            Ending::GivenBack => ("given-back", None, Some("its worker was stopped")),
        };
        // Who ended it keeps the name of the lease in the row, so that the same said again is known to be that. A text of
        // the database holds no zero byte.
        let said = said.replace('\0', "");
        let sql = format!(
            "WITH RECURSIVE decided AS (
                 SELECT id, CASE
                     WHEN $2 IN ('succeeded', 'failed') THEN $2
                     WHEN cancel THEN 'cancelled'
                     WHEN $2 = 'broken' AND attempts >= most_attempts THEN 'dead'
                     ELSE 'waiting' END AS state
                 FROM konductor_work WHERE claim = $1 AND state = 'running' FOR UPDATE
             ), ended AS (
                 UPDATE konductor_work work SET state = decided.state, exit = $3, reason = $4, said = $5, expires = NULL,
                     claim = CASE WHEN decided.state = 'waiting' THEN NULL ELSE claim END,
                     ended = CASE WHEN decided.state <> 'waiting' THEN clock_timestamp() END,
                     attempts = attempts - CASE WHEN $2 IN ('postponed', 'given-back') THEN 1 ELSE 0 END,
                     postponed = CASE WHEN $2 = 'postponed' THEN postponed + 1 ELSE 0 END,
                     available = clock_timestamp() + interval '1 second' * CASE $2
                         WHEN 'postponed' THEN least(30, 0.5 * 2 ^ least(postponed, 10))
                         WHEN 'broken' THEN least(30, 0.5 * 2 ^ least(attempts, 10)) ELSE 0 END
                 FROM decided WHERE work.id = decided.id RETURNING work.id, work.stack, work.state
             ), {AFTERWARDS}
             SELECT id FROM ended UNION ALL
             SELECT id FROM konductor_work WHERE claim = $1 AND state <> 'running' AND state = $2"
        );
        let ended = self
            .patiently(&sql, &[&claim.0, &state, &exit, &reason, &said])
            .await?;
        Ok(!ended.is_empty())
    }
}
