//! Writes into the stack's log which secrets plugins are given as they are. Nothing is given before it is written.

use std::sync::Arc;

use async_trait::async_trait;
use konductor_sandbox::{Reveal, RevealRecorder, RevealUnrecorded};
use konductor_state::Journal;
use konductor_state::entry::{Entry, RevealedSecret};

/// Appends reveals to a log, and waits for each.
pub struct RevealWriter(Arc<dyn Journal>);

impl RevealWriter {
    /// Writes into a log that outlives the command. One in memory records nothing.
    pub fn new(journal: Arc<dyn Journal>) -> Self {
        Self(journal)
    }
}

#[async_trait]
impl RevealRecorder for RevealWriter {
    async fn record(&self, reveals: Vec<Reveal>) -> Result<(), RevealUnrecorded> {
        let entries = reveals.into_iter().map(entry).collect();
        self.0.append(entries).await.map_err(|error| RevealUnrecorded {
            reason: format!("the stack's log cannot be written ({error}); mend that and run again"),
        })
    }
}

fn entry(reveal: Reveal) -> Entry {
    Entry::SecretRevealed(RevealedSecret {
        plugin: reveal.plugin,
        resource: reveal.resource,
        attribute: format!("{}.{}", reveal.resource_type, reveal.attribute),
    })
}

#[cfg(test)]
mod tests {
    use konductor_state::MemoryLog;

    use super::*;

    #[tokio::test]
    async fn a_reveal_is_in_the_log_when_it_is_made_and_refused_when_the_log_cannot_be_written() {
        let log = Arc::new(MemoryLog::new());
        log.refuse_after(1);
        let writer = RevealWriter::new(log.clone());
        let reveal = || Reveal {
            plugin: "hostile".to_owned(),
            resource: "web".to_owned(),
            resource_type: "hostile:test:Thing".parse().unwrap(),
            attribute: "secret".to_owned(),
            function: "create",
        };
        writer.record(vec![reveal()]).await.unwrap();
        let written = |log: &MemoryLog| {
            log.entries()
                .into_iter()
                .map(|logged| logged.entry)
                .collect::<Vec<_>>()
        };
        let expected = [Entry::SecretRevealed(RevealedSecret {
            plugin: "hostile".to_owned(),
            resource: "web".to_owned(),
            attribute: "hostile:test:Thing.secret".to_owned(),
        })];
        assert_eq!(written(&log), expected);
        let error = writer.record(vec![reveal()]).await.unwrap_err();
        assert!(error.reason.contains("cannot be written"), "{error}");
        assert_eq!(written(&log), expected);
    }
}
