//! Stopping a run: first gently, then at once.

use tokio::sync::watch;

/// How far a run is to be stopped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// Not at all.
    #[default]
    Run,
    /// What is in flight is finished, and nothing new begins.
    Finish,
    /// What is in flight is dropped; the log knows what was begun, and the next run settles it.
    Cancel,
}

/// Stops a run.
#[derive(Debug, Clone)]
pub struct StopHandle(watch::Sender<Stop>);

/// Tells a run whether it is to stop. Clones hear the same handle.
#[derive(Debug, Clone)]
pub struct StopSignal(watch::Receiver<Stop>);

impl StopHandle {
    /// Makes a handle and what listens to it.
    pub fn new() -> (Self, StopSignal) {
        let (sender, receiver) = watch::channel(Stop::Run);
        (Self(sender), StopSignal(receiver))
    }

    /// Goes one step further, as each Ctrl-C does, and returns how far that is.
    pub fn escalate(&self) -> Stop {
        self.0.send_modify(|stop| {
            *stop = match stop {
                Stop::Run => Stop::Finish,
                Stop::Finish | Stop::Cancel => Stop::Cancel,
            }
        });
        *self.0.borrow()
    }
}

impl StopSignal {
    /// Returns a signal that never says stop.
    pub fn never() -> Self {
        StopHandle::new().1
    }

    /// Returns how far the run is to be stopped.
    pub fn level(&self) -> Stop {
        *self.0.borrow()
    }

    /// Waits until the run is to be stopped that far. Never returns when the handle is gone before.
    pub async fn reached(&self, level: Stop) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|now| *now >= level).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
