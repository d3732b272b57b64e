//! Writes into the stack's log which secrets plugins were given as they are.

use std::sync::Arc;

use konductor_sandbox::{Reveal, RevealObserver};
use konductor_state::Journal;
use konductor_state::entry::{Entry, RevealedSecret};
use tokio::sync::mpsc;

use crate::audit::AuditTask;

/// Takes note of reveals and writes them in the background, in order.
pub struct RevealWriter(mpsc::UnboundedSender<Reveal>);

impl RevealWriter {
    /// Starts the background task; it ends when the last writer is dropped.
    pub fn start(journal: Arc<dyn Journal>) -> (Arc<Self>, AuditTask) {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            while let Some(reveal) = receiver.recv().await {
                journal.append(vec![entry(reveal)]).await?;
            }
            Ok(())
        });
        (Arc::new(Self(sender)), AuditTask::new(task))
    }
}

impl RevealObserver for RevealWriter {
    fn revealed(&self, reveal: Reveal) {
        if self.0.send(reveal).is_err() {
            tracing::error!("a revealed secret could not be recorded: the log is closed");
        }
    }
}

fn entry(reveal: Reveal) -> Entry {
    Entry::SecretRevealed(RevealedSecret {
        plugin: reveal.plugin,
        resource: reveal.resource,
        attribute: format!("{}.{}", reveal.resource_type, reveal.attribute),
    })
}
