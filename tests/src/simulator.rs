//! A simulated cloud of one test: a server in Python that is asked about its cloud line by line.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::checkout;
use crate::line_process::LineProcess;

/// How long a simulator may take to start or to answer. It is there to end a hanging test, not to time anything.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running simulator; it is gone when this is dropped.
///
/// It says in a line of JSON that it is ready, writes every request that it gets to a file, and answers questions on
/// standard input, a line of JSON each, with `{"ok": …}` or `{"error": "…"}`.
pub(crate) struct Simulator {
    ready: Value,
    server: LineProcess,
    folder: tempfile::TempDir,
}

impl Simulator {
    /// Starts one: a script of the checkout, with a Python that has what it needs.
    ///
    /// # Panics
    /// When it does not start.
    pub(crate) fn start(python: &Path, script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Command::new(python);
        server
            .arg(checkout::root().join(script))
            .arg("--requests")
            .arg(folder.path().join("requests.jsonl"))
            .env_clear()
            .env("HOME", folder.path())
            // Signing and the clock must agree wherever the tests run.
            .env("TZ", "UTC")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stderr(Stdio::inherit());
        let server = LineProcess::start(&mut server, PATIENCE);
        Self {
            ready: server.next(),
            server,
            folder,
        }
    }

    /// Returns what it said when it was ready.
    pub(crate) fn ready(&self) -> &Value {
        &self.ready
    }

    /// Returns a text of what it said when it was ready.
    ///
    /// # Panics
    /// When there is none of that name.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.ready[name].as_str().unwrap()
    }

    /// Returns a folder that is gone with the simulator.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Asks it, and returns what it answers, or the error's text. The head of its script lists the questions.
    ///
    /// # Errors
    /// When it cannot do what it was asked for.
    ///
    /// # Panics
    /// When it does not answer.
    pub(crate) fn try_ask(&self, question: &Value) -> Result<Value, String> {
        let mut answer = self.server.ask(question);
        match answer.get("error").and_then(Value::as_str) {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer["ok"].take()),
        }
    }

    /// Asks it.
    ///
    /// # Panics
    /// When it does not answer, or cannot do what it was asked for.
    #[track_caller]
    pub(crate) fn ask(&self, question: &Value) -> Value {
        self.try_ask(question)
            .unwrap_or_else(|error| panic!("{question}: {error}"))
    }

    /// Returns the file that holds every request.
    pub(crate) fn requests_file(&self) -> PathBuf {
        self.folder().join("requests.jsonl")
    }

    /// Returns every request that it got, as it came in.
    ///
    /// # Panics
    /// When the file of them cannot be read.
    pub(crate) fn requests(&self) -> Vec<Value> {
        std::fs::read_to_string(self.requests_file())
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}
