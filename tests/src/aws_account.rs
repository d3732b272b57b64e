//! An emulated AWS account of one test.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::checkout;

/// How long the emulator may take to start or to answer. It is there to end a hanging test, not to time anything.
const PATIENCE: Duration = Duration::from_secs(120);

/// An account in a moto server of its own that checks signatures; it is gone when this is dropped.
pub struct AwsAccount {
    url: String,
    access_key_id: String,
    secret_access_key: String,
    server: Child,
    dialogue: Mutex<Dialogue>,
    folder: tempfile::TempDir,
}

struct Dialogue {
    to: ChildStdin,
    from: Receiver<String>,
}

impl AwsAccount {
    /// Opens an empty account.
    ///
    /// # Panics
    /// When the emulator does not start.
    pub fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Command::new(checkout::python())
            .arg(checkout::root().join("tests/python/moto_account.py"))
            .arg("--requests")
            .arg(folder.path().join("requests.jsonl"))
            .env_clear()
            .env("HOME", folder.path())
            // Signing and the clock must agree wherever the tests run.
            .env("TZ", "UTC")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the emulator can be started");
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
            .expect("the emulator says that it is ready");
        let ready: Value = serde_json::from_str(&ready).expect("the emulator speaks JSON");
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        Self {
            url: text("url"),
            access_key_id: text("access_key_id"),
            secret_access_key: text("secret_access_key"),
            server,
            dialogue: Mutex::new(Dialogue { to, from }),
            folder,
        }
    }

    /// Returns where the account's services answer.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the identifier of the key that may do everything.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// Returns the secret of that key.
    pub fn secret_access_key(&self) -> &str {
        &self.secret_access_key
    }

    /// Returns what is in the account, as boto3 sees it: a list for each kind of thing (`tests/python/account.py`).
    ///
    /// # Panics
    /// When the emulator does not answer.
    pub fn contents(&self) -> Value {
        self.ask(&json!({"account": {}}))
            .expect("the account can be looked into")
    }

    /// Makes one boto3 call, for example `call("ec2", "create_tags", json!({…}))`.
    ///
    /// # Panics
    /// When it fails.
    pub fn call(&self, service: &str, operation: &str, arguments: Value) -> Value {
        self.try_call(service, operation, arguments)
            .unwrap_or_else(|error| panic!("{service}.{operation}: {error}"))
    }

    /// Makes one boto3 call and returns what it answers, or the error's text.
    ///
    /// # Errors
    /// When the call fails.
    pub fn try_call(&self, service: &str, operation: &str, arguments: Value) -> Result<Value, String> {
        self.ask(&json!({"call": [service, operation, arguments, null]}))
    }

    /// Lets the account refuse, with 429, what goes beyond so many requests a second with such a burst. boto3 is let
    /// through.
    ///
    /// # Panics
    /// When the emulator does not answer.
    pub fn limit(&self, rate: u32, burst: u32) {
        self.ask(&json!({"limit": {"rate": rate, "burst": burst}}))
            .expect("the account can be limited");
    }

    /// Lets the account take its time for every request. boto3 is answered at once.
    ///
    /// # Panics
    /// When the emulator does not answer.
    pub fn latency(&self, time: Duration) {
        self.ask(&json!({"latency": {"seconds": time.as_secs_f64()}}))
            .expect("the account can be slowed down");
    }

    /// Returns how many requests the limit has let through and how many it has refused, as the server counted them.
    ///
    /// # Panics
    /// When there is no limit.
    pub fn limited(&self) -> (u64, u64) {
        let counted = self.ask(&json!({"limited": {}})).expect("the account counts");
        let count = |name: &str| counted[name].as_u64().unwrap();
        (count("passed"), count("refused"))
    }

    /// Returns how many things of each kind there are; kinds of which there are none are left out.
    ///
    /// # Panics
    /// When the emulator does not answer.
    pub fn counts(&self) -> Value {
        let contents = self.contents();
        let counts = contents
            .as_object()
            .unwrap()
            .iter()
            .map(|(kind, things)| (kind.clone(), things.as_array().unwrap().len()))
            .filter(|(_, count)| *count > 0)
            .map(|(kind, count)| (kind, json!(count)));
        Value::Object(counts.collect())
    }

    /// Checks that nothing is in the account.
    ///
    /// # Panics
    /// When something is, with what it is.
    #[track_caller]
    pub fn assert_empty(&self) {
        let counts = self.counts();
        assert!(
            counts.as_object().unwrap().is_empty(),
            "the account should be empty and holds {counts}: {:#}",
            self.contents()
        );
    }

    /// Returns every request the server got, as it came in: method, path, headers, body.
    ///
    /// # Panics
    /// When the file of them cannot be read.
    pub fn requests(&self) -> Vec<Value> {
        std::fs::read_to_string(self.requests_file())
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Returns the requests that did not come from boto3.
    ///
    /// # Panics
    /// When the file of them cannot be read.
    pub fn requests_of_konductor(&self) -> Vec<Value> {
        let mut requests = self.requests();
        requests.retain(|request| {
            !request["headers"]["user-agent"]
                .as_str()
                .is_some_and(|agent| agent.contains("Boto3") || agent.contains("Python-urllib"))
        });
        requests
    }

    /// Returns the file that holds every request.
    pub fn requests_file(&self) -> PathBuf {
        self.folder.path().join("requests.jsonl")
    }

    fn ask(&self, question: &Value) -> Result<Value, String> {
        let mut dialogue = self.dialogue.lock().unwrap();
        writeln!(dialogue.to, "{question}").expect("the emulator listens");
        let line = dialogue
            .from
            .recv_timeout(PATIENCE)
            .expect("the emulator answers");
        let mut answer: Value = serde_json::from_str(&line).expect("the emulator speaks JSON");
        match answer.get("error").and_then(Value::as_str) {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer["ok"].take()),
        }
    }
}

impl Drop for AwsAccount {
    fn drop(&mut self) {
        // Failing means that it has ended already.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
