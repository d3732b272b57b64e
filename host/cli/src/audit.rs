//! Writes every cloud call into the stack's log, in order, without making the calls wait.

use std::sync::Arc;

use konductor_broker::{AuditSink, CallRecord};
use konductor_state::entry::{CloudCall, Entry};
use konductor_state::{Journal, StateError};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How many calls are written in one append.
const BATCH: usize = 256;

/// Takes records and writes them in the background.
pub struct AuditWriter {
    sender: mpsc::UnboundedSender<CloudCall>,
}

/// Waits until everything is written.
pub struct AuditTask(JoinHandle<Result<(), StateError>>);

impl AuditWriter {
    /// Starts the background task.
    pub fn start(journal: Arc<dyn Journal>) -> (Arc<Self>, AuditTask) {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            let mut batch = Vec::new();
            while receiver.recv_many(&mut batch, BATCH).await > 0 {
                journal
                    .append(batch.drain(..).map(Entry::CloudCall).collect())
                    .await?;
            }
            Ok(())
        });
        (Arc::new(Self { sender }), AuditTask(task))
    }
}

impl AuditTask {
    /// Waits until every record taken so far is written. All writers must be dropped before.
    pub async fn finish(self) -> Result<(), StateError> {
        match self.0.await {
            Ok(result) => result,
            // The task neither panics nor is it cancelled; if it were, its records are lost and that is told.
            Err(error) => {
                tracing::error!(%error, "the audit writer ended early");
                Ok(())
            }
        }
    }
}

impl AuditSink for AuditWriter {
    fn record(&self, record: CallRecord) {
        let CallRecord {
            plugin,
            resource,
            endpoint,
            region,
            method,
            host,
            path,
            operation,
            status,
            request_id,
            attempts,
            milliseconds,
            error,
        } = record;
        let call = CloudCall {
            plugin,
            resource,
            endpoint,
            region,
            method,
            host,
            path,
            operation,
            status,
            request_id,
            attempts,
            milliseconds,
            error,
            ..CloudCall::default()
        };
        if self.sender.send(call).is_err() {
            tracing::error!("a cloud call could not be recorded: the log is closed");
        }
    }
}
