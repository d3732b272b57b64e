//! One writer in front of the log: what many tasks append at the same time becomes one durable append.
//!
//! Entries reach the log in the order in which they were handed over. So an end that is not waited for is still
//! durable before any begin that was handed over after it.

use std::sync::Arc;

use konductor_state::{Entry, Journal, StateError};
use tokio::sync::{mpsc, oneshot};

use crate::event::{Event, Observer};

/// How many hand-overs one append takes at most.
const BATCH: usize = 1024;

struct Message {
    entries: Vec<Entry>,
    durable: Option<oneshot::Sender<Result<(), StateError>>>,
    event: Option<Event>,
}

/// Appends to the log. When it is dropped everywhere, its task ends.
#[derive(Clone)]
pub(crate) struct Writer(mpsc::UnboundedSender<Message>);

impl Writer {
    /// Starts the writer's task.
    pub(crate) fn start(journal: Arc<dyn Journal>, observer: Arc<dyn Observer>) -> Self {
        let (sender, mut receiver) = mpsc::unbounded_channel::<Message>();
        tokio::spawn(async move {
            let mut batch = Vec::new();
            // After a failed append nothing more is written: a later entry could rest on a lost one.
            let mut broken: Option<StateError> = None;
            while receiver.recv_many(&mut batch, BATCH).await > 0 {
                let entries: Vec<Entry> = batch
                    .iter_mut()
                    .flat_map(|message| std::mem::take(&mut message.entries))
                    .collect();
                if broken.is_none() && !entries.is_empty() {
                    broken = journal.append(entries).await.err();
                }
                for message in batch.drain(..) {
                    if let (None, Some(event)) = (&broken, message.event) {
                        observer.event(event);
                    }
                    if let Some(durable) = message.durable {
                        let _ = durable.send(broken.clone().map_or(Ok(()), Err));
                    }
                }
            }
        });
        Self(sender)
    }

    /// Appends and waits until everything handed over so far is durable.
    pub(crate) async fn append(&self, entries: Vec<Entry>) -> Result<(), StateError> {
        let (durable, done) = oneshot::channel();
        let message = Message {
            entries,
            durable: Some(durable),
            event: None,
        };
        self.0.send(message).map_err(|_| StateError::Closed)?;
        done.await.unwrap_or(Err(StateError::Closed))
    }

    /// Hands entries over without waiting. The event is told once they are durable; a failure shows at the next
    /// `append`.
    pub(crate) fn hand_over(&self, entries: Vec<Entry>, event: Option<Event>) {
        let _ = self.0.send(Message {
            entries,
            durable: None,
            event,
        });
    }
}
