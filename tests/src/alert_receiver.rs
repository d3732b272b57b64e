//! Somebody who is told of drift.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

use crate::checkout;

/// How long an alert may take. It is there to end a hanging test, not to time anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// An HTTP server and a mail server that write down what they get; they are gone when this is dropped.
pub struct AlertReceiver {
    server: Child,
    _input: ChildStdin,
    received: Receiver<Value>,
    http: u64,
    smtp: u64,
}

impl AlertReceiver {
    /// Starts both.
    ///
    /// # Panics
    /// When they do not start.
    pub fn start() -> Self {
        let mut server = Command::new(checkout::python())
            .arg(checkout::root().join("tests/python/alert_receiver.py"))
            .env_clear()
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python can be started");
        let output = server.stdout.take().unwrap();
        let (sender, received) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line).expect("the receiver speaks JSON");
                if sender.send(event).is_err() {
                    break;
                }
            }
        });
        let ready = received.recv_timeout(PATIENCE).expect("the receiver starts");
        Self {
            _input: server.stdin.take().unwrap(),
            server,
            received,
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
        self.received.recv_timeout(PATIENCE).expect("somebody is told")
    }

    /// Returns what came and was not asked for yet.
    pub fn rest(&self) -> Vec<Value> {
        self.received.try_iter().collect()
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

impl Drop for AlertReceiver {
    fn drop(&mut self) {
        // Failing means that it has ended already.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
