//! What a guest can ask of the host, for every version of the interface: adapters only convert types.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use konductor_model::cloud::{CloudRequest, CloudResponse, SendError};
use rand::Rng;

use crate::call::Class;
use crate::store::{Breach, CallState};
use crate::text;

/// Random bytes a guest gets in one call at most.
pub(crate) const RANDOM_BYTES: u32 = 1_024;

/// The instant that the clock shows in pure calls, unless one is given to it: the start of the year 2000, in milliseconds since 1970.
pub(crate) const PURE_INSTANT: u64 = 946_684_800_000;

/// Returns milliseconds since 1970.
fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|passed| u64::try_from(passed.as_millis()).ok())
        .unwrap_or(0)
}

/// How important a log message is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

impl CallState {
    /// Hands a request to the cloud, where the kind of call allows it.
    pub(crate) async fn send(&mut self, request: CloudRequest) -> Result<CloudResponse, SendError> {
        let call = &self.record.call;
        if call.class == Class::Pure {
            return Err(SendError::Denied(format!(
                "`{}` is a pure function; cloud calls are possible in operations only",
                call.function
            )));
        }
        let Some(cloud) = self.cloud.clone() else {
            return Err(SendError::Denied(
                "the plugin was not configured with a cloud".to_owned(),
            ));
        };
        if self.record.cloud_calls.fetch_add(1, Ordering::Relaxed) >= self.limits.cloud_calls {
            return Err(SendError::Denied(format!(
                "more than {} cloud calls in one operation",
                self.limits.cloud_calls
            )));
        }
        self.cpu.stop();
        let record = Arc::clone(&self.record);
        record.in_cloud.store(true, Ordering::Relaxed);
        let answer = cloud.send(&record.call.subject, request).await;
        record.in_cloud.store(false, Ordering::Relaxed);
        self.cpu.resume();
        answer
    }

    /// Writes a log message of the guest, cut and cleaned.
    pub(crate) fn log(&mut self, level: LogLevel, message: &str, fields: &[(String, String)]) {
        if self.record.log_messages.fetch_add(1, Ordering::Relaxed) >= self.limits.log_messages {
            self.record.log_dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let record = &self.record;
        let mut line = record.vetting.line(message);
        for (name, value) in fields {
            let left = self.limits.message_bytes.saturating_sub(line.len());
            if left == 0 {
                break;
            }
            let field = record.vetting.line(&format!("{name}={value}"));
            line.push(' ');
            line.push_str(&text::cut(&field, left));
        }
        macro_rules! write_at {
            ($level:ident) => {
                tracing::$level!(
                    target: "konductor::plugin",
                    plugin = record.plugin,
                    function = record.call.function,
                    resource = record.call.subject,
                    "{line}"
                )
            };
        }
        match level {
            LogLevel::Trace => write_at!(trace),
            LogLevel::Debug => write_at!(debug),
            LogLevel::Info => write_at!(info),
            LogLevel::Warn => write_at!(warn),
            LogLevel::Error => write_at!(error),
        }
    }

    /// Returns milliseconds since 1970; a fixed instant in pure calls, and that of the recording in repeated operations.
    pub(crate) fn clock(&self) -> u64 {
        match self.record.call.class {
            Class::Pure => self.record.call.instant,
            Class::Operation => self.clock.as_ref().map_or_else(now, |clock| clock.now()),
        }
    }

    /// Returns random bytes; from the seed of the call in pure calls and repeated operations.
    pub(crate) fn random_bytes(&mut self, length: u32) -> wasmtime::Result<Vec<u8>> {
        if length > RANDOM_BYTES {
            return Err(wasmtime::Error::new(Breach::Random(length)));
        }
        let mut bytes = vec![0; length as usize];
        match &mut self.seeded {
            Some(generator) => generator.fill_bytes(&mut bytes),
            None => getrandom::fill(&mut bytes)
                .map_err(|e| wasmtime::format_err!("the host has no random bytes: {e}"))?,
        }
        Ok(bytes)
    }
}
