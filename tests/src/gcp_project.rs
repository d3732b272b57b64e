//! A simulated Google Cloud of one test.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::simulator::Simulator;
use crate::{Project, checkout};

/// A project in a simulated Google Cloud of its own, and a service account that may do everything in it; it is gone when
/// this is dropped.
///
/// The simulator judges requests and its own answers by Google's discovery documents (`tests/clouds/gcp`).
pub struct GcpProject {
    simulator: Simulator,
}

impl GcpProject {
    /// Opens an empty project.
    ///
    /// # Panics
    /// When the simulator does not start.
    pub fn open() -> Self {
        let simulator = Simulator::start(&checkout::google_python(), "tests/clouds/gcp/server.py");
        let project = Self { simulator };
        std::fs::write(project.key_file(), project.simulator.ready()["key"].to_string()).unwrap();
        project
    }

    /// Returns where the project's services answer.
    pub fn url(&self) -> &str {
        self.simulator.text("url")
    }

    /// Returns its name.
    pub fn name(&self) -> &str {
        self.simulator.text("project")
    }

    /// Returns the file with the key of the service account.
    pub fn key_file(&self) -> PathBuf {
        self.simulator.folder().join("key.json")
    }

    /// Returns the private key in that file, without which no token is given.
    ///
    /// # Panics
    /// When there is none.
    pub fn private_key(&self) -> &str {
        self.simulator.ready()["key"]["private_key"].as_str().unwrap()
    }

    /// Asks the simulator; the head of `server.py` lists the questions.
    ///
    /// # Panics
    /// When it does not answer, or cannot.
    #[track_caller]
    pub fn ask(&self, question: &Value) -> Value {
        self.simulator.ask(question)
    }

    /// Calls a method with the vendor's client: `call("dns", "v1", &["managedZones", "list"], json!({…}))`.
    ///
    /// # Panics
    /// When the client fails.
    #[track_caller]
    pub fn call(&self, api: &str, version: &str, path: &[&str], arguments: Value) -> Value {
        self.ask(&json!({"vendor": {"api": api, "version": version, "path": path, "arguments": arguments}}))
    }

    /// Returns the names of what is in the project as the vendor's client sees it, by collection: `compute.networks`.
    ///
    /// # Panics
    /// When the client fails.
    #[track_caller]
    pub fn names(&self) -> BTreeMap<String, Vec<String>> {
        serde_json::from_value(self.ask(&json!({"vendor": {"contents": true}}))).unwrap()
    }

    /// Checks that nothing is in the project, and that every answer was as Google's documents say.
    ///
    /// # Panics
    /// When something is, or one was not.
    #[track_caller]
    pub fn assert_empty(&self) {
        assert_eq!(self.names(), BTreeMap::new());
        assert_eq!(self.ask(&json!({"contents": {}})), json!({}));
        assert_eq!(self.ask(&json!({"faults": {}})), json!([]));
    }

    /// Returns every request that the simulator got, as it came in.
    ///
    /// # Panics
    /// When the file of them cannot be read.
    pub fn requests(&self) -> Vec<Value> {
        self.simulator.requests()
    }
}

impl Project {
    /// Lets runs reach a project of Google Cloud, as the service account that may do everything in it.
    #[must_use]
    pub fn with_gcp(self, gcp: &GcpProject) -> Self {
        self.with_environment("GOOGLE_APPLICATION_CREDENTIALS", gcp.key_file().to_str().unwrap())
            .with_environment("GOOGLE_CLOUD_PROJECT", gcp.name())
            .with_environment("KONDUCTOR_GCP__ENDPOINT_URL", gcp.url())
    }
}
