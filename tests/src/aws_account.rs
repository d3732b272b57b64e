//! An emulated AWS account of one test.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::checkout;
use crate::simulator::Simulator;

/// An account in a moto server of its own that checks signatures; it is gone when this is dropped.
pub struct AwsAccount {
    emulator: Simulator,
}

impl AwsAccount {
    /// Opens an empty account.
    ///
    /// # Panics
    /// When the emulator does not start.
    pub fn open() -> Self {
        Self {
            emulator: Simulator::start(&checkout::python(), "tests/python/moto_account.py"),
        }
    }

    /// Returns where the account's services answer.
    pub fn url(&self) -> &str {
        self.emulator.text("url")
    }

    /// Returns the identifier of the key that may do everything.
    pub fn access_key_id(&self) -> &str {
        self.emulator.text("access_key_id")
    }

    /// Returns the secret of that key.
    pub fn secret_access_key(&self) -> &str {
        self.emulator.text("secret_access_key")
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
        self.emulator.requests()
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
        self.emulator.requests_file()
    }

    fn ask(&self, question: &Value) -> Result<Value, String> {
        self.emulator.try_ask(question)
    }
}
