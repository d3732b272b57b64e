//! A simulated Azure of one test.

use serde_json::{Value, json};

use crate::simulator::Simulator;
use crate::{Project, checkout};

/// A subscription in a simulated Azure of its own, and the tenant that it trusts; it is gone when this is dropped.
///
/// The simulator judges requests and its own answers by Azure's definitions of its types (`tests/clouds/azure`).
pub struct AzureAccount {
    simulator: Simulator,
}

impl AzureAccount {
    /// Opens an empty subscription.
    ///
    /// # Panics
    /// When the simulator does not start.
    pub fn open() -> Self {
        Self {
            simulator: Simulator::start(&checkout::python(), "tests/clouds/azure/server.py"),
        }
    }

    /// Returns one of the things that the simulator says when it is ready: `url`, `subscription_id`, `tenant_id`,
    /// `client_id`, `client_secret`.
    ///
    /// # Panics
    /// When there is no such thing.
    pub fn text(&self, name: &str) -> &str {
        self.simulator.text(name)
    }

    /// Asks the simulator; the head of `server.py` lists the questions.
    ///
    /// # Panics
    /// When it does not answer, or cannot.
    #[track_caller]
    pub fn ask(&self, question: &Value) -> Value {
        self.simulator.ask(question)
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
        self.simulator.requests()
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
