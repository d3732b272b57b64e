//! One call into a plugin: what it is for, what it may do, and what it left behind.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::host_functions::PURE_INSTANT;
use crate::vetting::{MARGIN, Vetting};

/// Whether a call may talk to the cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// It may not, and its clock and random bytes are the same every time.
    Pure,
    /// It may.
    Operation,
}

/// What a call is for, as it is named to people.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) class: Class,
    pub(crate) function: &'static str,
    /// The resource's name, or what else the call is about.
    pub(crate) subject: String,
    /// The resource type; empty when there is none.
    pub(crate) type_name: String,
    /// Where the clock of a pure call stands, in milliseconds since 1970.
    pub(crate) instant: u64,
}

impl Call {
    pub(crate) fn new(
        class: Class,
        function: &'static str,
        subject: impl fmt::Display,
        type_name: impl fmt::Display,
    ) -> Self {
        Self {
            class,
            function,
            subject: subject.to_string(),
            type_name: type_name.to_string(),
            instant: PURE_INSTANT,
        }
    }

    /// Sets the clock, for a pure call that depends on the time.
    pub(crate) fn at(mut self, instant: u64) -> Self {
        self.instant = instant;
        self
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.function)?;
        match (self.subject.is_empty(), self.type_name.is_empty()) {
            (true, true) => Ok(()),
            (true, false) => write!(f, " of {}", self.type_name),
            (false, true) => write!(f, " of `{}`", self.subject),
            (false, false) => write!(f, " of `{}` ({})", self.subject, self.type_name),
        }
    }
}

/// A stream a guest can print to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Output,
    Error,
}

#[derive(Default)]
struct Captured {
    bytes: Vec<u8>,
    printed: usize,
}

impl Captured {
    /// Keeps more than will be shown, so that a secret at the limit is found whole.
    fn add(&mut self, bytes: &[u8], limit: usize) {
        let room = limit.saturating_add(2 * MARGIN).saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        self.printed = self.printed.saturating_add(bytes.len());
    }
}

/// What a call left behind. It outlives the store, so that a call that was stopped can still be explained.
pub(crate) struct Record {
    pub(crate) plugin: String,
    pub(crate) call: Call,
    /// What makes texts of the guest fit for people.
    pub(crate) vetting: Vetting,
    output_limit: usize,
    output: Mutex<Captured>,
    error: Mutex<Captured>,
    /// The guest waits for an answer of the cloud.
    pub(crate) in_cloud: AtomicBool,
    pub(crate) cloud_calls: AtomicU32,
    pub(crate) log_messages: AtomicU32,
    pub(crate) log_dropped: AtomicU32,
}

impl Record {
    pub(crate) fn new(plugin: String, call: Call, output_limit: usize, vetting: Vetting) -> Self {
        Self {
            plugin,
            call,
            vetting,
            output_limit,
            output: Mutex::default(),
            error: Mutex::default(),
            in_cloud: AtomicBool::new(false),
            cloud_calls: AtomicU32::new(0),
            log_messages: AtomicU32::new(0),
            log_dropped: AtomicU32::new(0),
        }
    }

    fn captured(&self, stream: Stream) -> std::sync::MutexGuard<'_, Captured> {
        let mutex = match stream {
            Stream::Output => &self.output,
            Stream::Error => &self.error,
        };
        // A thread that panicked while appending bytes left nothing half-done.
        mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn print(&self, stream: Stream, bytes: &[u8]) {
        self.captured(stream).add(bytes, self.output_limit);
    }

    /// Returns what was printed, fit for people and no longer than the limit.
    pub(crate) fn printed(&self, stream: Stream) -> String {
        let bytes = self.captured(stream).bytes.clone();
        self.vetting
            .lines_within(&String::from_utf8_lossy(&bytes), self.output_limit)
    }

    /// Writes what the guest printed, and how much of it was dropped, to the log.
    pub(crate) fn log_output(&self) {
        for (stream, name) in [
            (Stream::Output, "standard output"),
            (Stream::Error, "standard error"),
        ] {
            if self.captured(stream).bytes.is_empty() {
                continue;
            }
            for line in self
                .printed(stream)
                .lines()
                .filter(|line| !line.trim().is_empty())
            {
                tracing::debug!(
                    target: "konductor::plugin",
                    plugin = self.plugin,
                    function = self.call.function,
                    resource = self.call.subject,
                    stream = name,
                    "{line}"
                );
            }
            let dropped = self.captured(stream).printed.saturating_sub(self.output_limit);
            if dropped > 0 {
                tracing::warn!(
                    target: "konductor::plugin",
                    plugin = self.plugin,
                    function = self.call.function,
                    resource = self.call.subject,
                    stream = name,
                    "{dropped} more bytes were dropped; the limit is {} bytes a call",
                    self.output_limit
                );
            }
        }
        let dropped = self.log_dropped.load(Ordering::Relaxed);
        if dropped > 0 {
            tracing::warn!(
                target: "konductor::plugin",
                plugin = self.plugin,
                function = self.call.function,
                resource = self.call.subject,
                "{dropped} more log messages were dropped"
            );
        }
    }
}
