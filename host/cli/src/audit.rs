//! Writes every cloud call into the stack's log, in order. A call waits only when the log is far behind, and is not
//! made when the log cannot be written.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use konductor_broker::{AuditPermit, AuditSink, AuditUnavailable, CallRecord};
use konductor_state::entry::{CloudCall, Entry};
use konductor_state::{Journal, StateError};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How many calls are written in one append.
const BATCH: usize = 256;

/// How many calls may be under way or wait to be written; more wait until some are.
const MOST_WAITING: usize = 4096;

/// Takes records and writes them in the background.
pub struct AuditWriter {
    sender: mpsc::Sender<CloudCall>,
    failure: Arc<OnceLock<String>>,
}

/// Waits until everything is written.
pub struct AuditTask(JoinHandle<Result<(), StateError>>);

impl AuditWriter {
    /// Starts the background task.
    pub fn start(journal: Arc<dyn Journal>) -> (Arc<Self>, AuditTask) {
        let (sender, mut receiver) = mpsc::channel(MOST_WAITING);
        let failure = Arc::new(OnceLock::new());
        let told = Arc::clone(&failure);
        let task = tokio::spawn(async move {
            let mut batch = Vec::new();
            while receiver.recv_many(&mut batch, BATCH).await > 0 {
                let entries = batch.drain(..).map(Entry::CloudCall).collect();
                if let Err(error) = journal.append(entries).await {
                    // Told before the receiver is dropped, which is what lets waiting calls fail.
                    let _ = told.set(error.to_string());
                    return Err(error);
                }
            }
            Ok(())
        });
        (Arc::new(Self { sender, failure }), AuditTask(task))
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

#[async_trait]
impl AuditSink for AuditWriter {
    async fn reserve(&self) -> Result<AuditPermit, AuditUnavailable> {
        match self.sender.clone().reserve_owned().await {
            Ok(room) => Ok(AuditPermit::new(move |record| {
                room.send(cloud_call(record));
            })),
            Err(_) => Err(AuditUnavailable {
                reason: format!(
                    "the stack's log cannot be written ({}); mend that and run again",
                    self.failure.get().map_or("its writer has ended", String::as_str)
                ),
            }),
        }
    }
}

fn cloud_call(record: CallRecord) -> CloudCall {
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
        secrets,
        milliseconds,
        error,
    } = record;
    CloudCall {
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
        secrets,
        milliseconds,
        error,
        ..CloudCall::default()
    }
}
