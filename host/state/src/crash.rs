//! Crash points for tests: a debug build can be told to die like under `kill -9` at any boundary of the log.
//!
//! `KONDUCTOR_CRASH_BEFORE=N` dies before the N-th transaction of the process is written,
//! `KONDUCTOR_CRASH_BETWEEN=N` once the backend has it and before this machine's copy of the log has, where there is a
//! backend, and `KONDUCTOR_CRASH_AFTER=N` once it is durable and before anybody is told. With any, every append is a
//! transaction of its own, so that counting N up meets every boundary. A release build has none of this.

#[cfg(all(debug_assertions, unix))]
pub(crate) use points::CrashPoints;

#[cfg(all(debug_assertions, unix))]
mod points {
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// One count for the process, whatever number of logs it opens.
    static TRANSACTIONS: AtomicUsize = AtomicUsize::new(0);

    pub(crate) struct CrashPoints {
        before: Option<usize>,
        between: Option<usize>,
        after: Option<usize>,
        current: usize,
    }

    impl CrashPoints {
        #[allow(
            clippy::disallowed_methods,
            reason = "only debug builds; the command line must not know of a test's crash points"
        )]
        pub(crate) fn from_environment() -> Self {
            let read = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
            Self {
                before: read("KONDUCTOR_CRASH_BEFORE"),
                between: read("KONDUCTOR_CRASH_BETWEEN"),
                after: read("KONDUCTOR_CRASH_AFTER"),
                current: 0,
            }
        }

        pub(crate) fn largest_batch(&self, usual: usize) -> usize {
            if self.before.or(self.between).or(self.after).is_some() {
                1
            } else {
                usual
            }
        }

        pub(crate) fn before_transaction(&mut self) {
            self.current = TRANSACTIONS.fetch_add(1, Ordering::SeqCst) + 1;
            die_if(self.before == Some(self.current));
        }

        pub(crate) fn between_backend_and_copy(&self) {
            die_if(self.between == Some(self.current));
        }

        pub(crate) fn after_transaction(&self) {
            die_if(self.after == Some(self.current));
        }
    }

    fn die_if(now: bool) {
        if now {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        }
    }
}

#[cfg(not(all(debug_assertions, unix)))]
pub(crate) struct CrashPoints;

#[cfg(not(all(debug_assertions, unix)))]
impl CrashPoints {
    pub(crate) fn from_environment() -> Self {
        Self
    }

    pub(crate) fn largest_batch(&self, usual: usize) -> usize {
        usual
    }

    pub(crate) fn before_transaction(&mut self) {}

    pub(crate) fn between_backend_and_copy(&self) {}

    pub(crate) fn after_transaction(&self) {}
}
