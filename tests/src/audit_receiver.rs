//! Somebody who gets the events of logs: by syslog and by OTLP, read by libraries that others wrote.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::checkout;
use crate::line_process::LineProcess;

/// How long a delivery may take. It is there to end a hanging test, not to time anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// Receivers of syslog over TCP, TLS and UDP, and of OTLP; they are gone when this is dropped.
pub struct AuditReceiver {
    server: LineProcess,
    folder: tempfile::TempDir,
    ready: Value,
}

impl AuditReceiver {
    /// Starts them.
    ///
    /// # Panics
    /// When they do not start.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let python = checkout::audit_environment().join("bin/python");
        let server = LineProcess::start_server(python, "audit_receiver.py", "logs", folder.path(), PATIENCE);
        Self {
            ready: server.next(),
            server,
            folder,
        }
    }

    /// Returns the file with the certificate of the authority of the receiver over TLS.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// Returns that certificate, which outlives the receiver.
    pub fn authority_text(&self) -> String {
        std::fs::read_to_string(self.authority()).unwrap()
    }

    /// Returns the port of `tcp`, `tls`, `udp` or `http`.
    pub fn port(&self, of: &str) -> u64 {
        self.ready[of].as_u64().unwrap()
    }

    /// Waits for the next delivery.
    ///
    /// # Panics
    /// When none comes for a long time.
    pub fn next(&self) -> Value {
        self.server.next()
    }

    /// Returns what came and was not asked for yet.
    pub fn rest(&self) -> Vec<Value> {
        self.server.rest()
    }
}
