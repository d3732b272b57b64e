//! A simulated Azure of one test.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::{Project, checkout};

/// How long the simulator may take to start or to answer. It is there to end a hanging test, not to time anything.
const PATIENCE: Duration = Duration::from_secs(120);

/// A subscription in a simulated Azure of its own, and the tenant that it trusts; it is gone when this is dropped.
///
/// The simulator judges requests and its own answers by Azure's definitions of its types (`tests/clouds/azure`).
pub struct AzureAccount {
    ready: Value,
    server: Child,
    dialogue: Mutex<(ChildStdin, Receiver<String>)>,
    folder: tempfile::TempDir,
}

impl AzureAccount {
    /// Opens an empty subscription.
    ///
    /// # Panics
    /// When the simulator does not start.
    pub fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Command::new(checkout::python())
            .arg(checkout::root().join("tests/clouds/azure/server.py"))
            .arg("--requests")
            .arg(folder.path().join("requests.jsonl"))
            .env_clear()
            .env("HOME", folder.path())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the simulator can be started");
        let output = server.stdout.take().unwrap();
        let (sender, from) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let to = server.stdin.take().unwrap();
        let ready = from
            .recv_timeout(PATIENCE)
            .expect("the simulator says that it is ready");
        Self {
            ready: serde_json::from_str(&ready).expect("the simulator speaks JSON"),
            server,
            dialogue: Mutex::new((to, from)),
            folder,
        }
    }

    /// Returns one of the things that the simulator says when it is ready: `url`, `subscription_id`, `tenant_id`,
    /// `client_id`, `client_secret`.
    ///
    /// # Panics
    /// When there is no such thing.
    pub fn text(&self, name: &str) -> &str {
        self.ready[name].as_str().unwrap()
    }

    /// Asks the simulator; the head of `server.py` lists the questions.
    ///
    /// # Panics
    /// When it does not answer, or cannot.
    #[track_caller]
    pub fn ask(&self, question: &Value) -> Value {
        let mut dialogue = self.dialogue.lock().unwrap();
        writeln!(dialogue.0, "{question}").expect("the simulator listens");
        let line = dialogue.1.recv_timeout(PATIENCE).expect("the simulator answers");
        let mut answer: Value = serde_json::from_str(&line).expect("the simulator speaks JSON");
        assert!(answer.get("error").is_none(), "{question}: {answer}");
        answer["ok"].take()
    }

    /// Returns what is in the subscription, as the vendor's client sees it: the names of groups and of resources.
    ///
    /// # Panics
    /// When the client fails.
    #[track_caller]
    pub fn names(&self) -> (Vec<String>, Vec<String>) {
        let contents = self.ask(&json!({"vendor": {"contents": true}}));
        let names = |kind: &str| {
            let list = contents[kind].as_array().unwrap();
            let mut names: Vec<String> = list
                .iter()
                .map(|item| item["name"].as_str().unwrap().to_owned())
                .collect();
            names.sort();
            names
        };
        (names("groups"), names("resources"))
    }

    /// Returns a resource as the vendor's client sees it.
    ///
    /// # Panics
    /// When the client fails.
    #[track_caller]
    pub fn resource(&self, id: &str, api_version: &str) -> Value {
        self.ask(&json!({"vendor": {"id": id, "api_version": api_version}}))
    }

    /// Checks that nothing is in the subscription, and that every answer was as Azure's definitions say.
    ///
    /// # Panics
    /// When something is, or one was not.
    #[track_caller]
    pub fn assert_empty(&self) {
        assert_eq!(self.names(), (Vec::new(), Vec::new()));
        assert_eq!(self.ask(&json!({"contents": {}})), json!([]));
        assert_eq!(self.ask(&json!({"faults": {}})), json!([]));
    }

    /// Returns every request that the simulator got, as it came in.
    ///
    /// # Panics
    /// When the file of them cannot be read.
    pub fn requests(&self) -> Vec<Value> {
        std::fs::read_to_string(self.folder.path().join("requests.jsonl"))
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl Drop for AzureAccount {
    fn drop(&mut self) {
        // Failing means that it has ended already.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Project {
    /// Lets runs reach a subscription, as the application that its tenant knows.
    #[must_use]
    pub fn with_azure(self, azure: &AzureAccount) -> Self {
        self.with_environment("AZURE_TENANT_ID", azure.text("tenant_id"))
            .with_environment("AZURE_CLIENT_ID", azure.text("client_id"))
            .with_environment("AZURE_CLIENT_SECRET", azure.text("client_secret"))
            .with_environment("AZURE_SUBSCRIPTION_ID", azure.text("subscription_id"))
            .with_environment("KONDUCTOR_AZURE__ENDPOINT_URL", azure.text("url"))
    }
}
