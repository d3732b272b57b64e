//! Requests to stop, for commands that go on until somebody ends them: Ctrl-C, and the signal of a service manager.

/// The requests of this process. From the first call of [`Self::listen`] on they end it no more by themselves.
pub struct StopRequests {
    #[cfg(unix)]
    interrupts: tokio::signal::unix::Signal,
    #[cfg(unix)]
    ends: tokio::signal::unix::Signal,
}

impl StopRequests {
    /// Listens from now on: a request between two calls of [`Self::next`] is not lost.
    ///
    /// # Errors
    /// When the system does not let a process listen.
    pub fn listen() -> std::io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Self {
                interrupts: signal(SignalKind::interrupt())?,
                ends: signal(SignalKind::terminate())?,
            })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Waits for the next request.
    pub async fn next(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupts.recv() => {}
            _ = self.ends.recv() => {}
        }
        #[cfg(not(unix))]
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
