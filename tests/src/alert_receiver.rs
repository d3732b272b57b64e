//! Somebody who is told of drift.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::checkout;
use crate::line_process::LineProcess;

/// How long an alert may take. It is there to end a hanging test, not to time anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// An HTTP server and a mail server that write down what they get; they are gone when this is dropped.
pub struct AlertReceiver {
    server: LineProcess,
    http: u64,
    smtp: u64,
}

impl AlertReceiver {
    /// Starts both.
    ///
    /// # Panics
    /// When they do not start.
    pub fn start() -> Self {
        let mut server = Command::new(checkout::python());
        server
            .arg(checkout::root().join("tests/python/alert_receiver.py"))
            .env_clear()
            .env("PYTHONDONTWRITEBYTECODE", "1");
        let server = LineProcess::start(&mut server, PATIENCE);
        let ready = server.next();
        Self {
            server,
            http: ready["http"].as_u64().unwrap(),
            smtp: ready["smtp"].as_u64().unwrap(),
        }
    }

    /// Returns the address of a path of the HTTP server.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.http)
    }

    /// Returns the address of the mail server.
    pub fn mail_server(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.smtp)
    }

    /// Waits for the next request or mail.
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

/// Returns what an address answers, as another program than Konductor sees it.
///
/// # Panics
/// When it does not answer, or with an error.
pub fn fetched(url: &str) -> String {
    let script = "import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1], timeout=30).read().decode())";
    let output = Command::new(checkout::python())
        .args(["-c", script, url])
        .output()
        .expect("Python can be started");
    assert!(
        output.status.success(),
        "{url}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}
