//! Keeps a lease while its holder lives.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use crate::backend::Claim;
use crate::backend::remote::Remote;
use crate::error::StateError;

/// A lease that this process holds, renewed in the background until it is ended or found to be lost.
pub(crate) struct Renewal {
    pub(crate) number: u64,
    pub(crate) claim: Arc<Claim>,
    lost: Arc<AtomicBool>,
    stop: Arc<Notify>,
    stopped: Option<tokio::sync::oneshot::Receiver<()>>,
}

impl Renewal {
    /// Starts to renew a lease that was just taken.
    pub(crate) fn start(remote: &Remote, number: u64, claim: Arc<Claim>) -> Result<Self, StateError> {
        let (lost, stop) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
        let (done, stopped) = tokio::sync::oneshot::channel();
        remote.spawn({
            let (remote, claim) = (remote.clone(), Arc::clone(&claim));
            let (lost, stop) = (Arc::clone(&lost), Arc::clone(&stop));
            async move {
                let every = remote.times.lease / 3;
                loop {
                    // A renewal under way is waited for: one that arrived after the lease was given back would look
                    // like a holder.
                    if tokio::time::timeout(every, stop.notified()).await.is_ok() {
                        break;
                    }
                    match remote.backend.renew(&remote.stack, number, &claim).await {
                        Ok(true) => {}
                        Ok(false) => {
                            lost.store(true, Ordering::SeqCst);
                            break;
                        }
                        Err(error) => tracing::warn!(%error, "the lock could not be renewed"),
                    }
                }
                let _ = done.send(());
            }
        })?;
        Ok(Self {
            number,
            claim,
            lost,
            stop,
            stopped: Some(stopped),
        })
    }

    /// Tells whether the lease is known to have changed hands.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::SeqCst)
    }

    /// Stops renewing and waits until no renewal is under way.
    pub(crate) fn stop(&mut self) {
        self.stop.notify_one();
        if let Some(stopped) = self.stopped.take() {
            let _ = stopped.blocking_recv();
        }
    }
}

impl Drop for Renewal {
    fn drop(&mut self) {
        // A lease that is not given back expires.
        self.stop.notify_one();
    }
}
