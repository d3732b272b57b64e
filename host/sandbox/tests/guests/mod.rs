//! Guests for the tests: built once, loaded once, and a cloud for them to call.
#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "test code")]

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use konductor_broker::Vault;
use konductor_model::cloud::{Cloud, CloudRequest, CloudResponse, SendError};
use konductor_model::provider::{
    CreateRequest, Outcome, PlanRequest, PlanResponse, Provider, ProviderResult,
};
use konductor_model::{Failure, ResourceType, SecretVault, Value, node_table};
use konductor_sandbox::{Limits, LoadOptions, Plugin, Sandbox, SandboxOptions};

/// Reads a guest of this workspace, as `cargo xtask plugins` built it.
pub fn component(name: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let file = root.join("target/plugins").join(name).with_extension("wasm");
    std::fs::read(&file)
        .unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask plugins {name}`", file.display()))
}

/// Returns the component of the hostile guest.
pub fn hostile() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| component("hostile"))
}

/// Limits that are met at once, but for those of time.
pub fn tight() -> Limits {
    Limits {
        instances: 16,
        memory_bytes: 64 << 20,
        // Enough for every other limit to be met first, also on a machine that does something else.
        pure_cpu: Duration::from_secs(10),
        operation_cpu: Duration::from_secs(10),
        pure_deadline: Duration::from_secs(60),
        operation_deadline: Duration::from_secs(60),
        values: node_table::Limits {
            nodes: 20_000,
            depth: 64,
        },
        transfer_bytes: 16 << 20,
        cloud_calls: 25,
        output_bytes: 4 << 10,
        log_messages: 20,
        message_bytes: 200,
        ..Limits::default()
    }
}

/// Loads the hostile guest under tight limits, once for a test binary.
pub async fn plugin() -> Plugin {
    static LOADED: tokio::sync::OnceCell<Plugin> = tokio::sync::OnceCell::const_new();
    let load = || load_under(tight());
    LOADED.get_or_init(load).await.clone()
}

/// Loads the hostile guest under limits of its own.
pub async fn load_under(limits: Limits) -> Plugin {
    let sandbox = Sandbox::new(SandboxOptions {
        limits,
        cache_directory: None,
    })
    .unwrap();
    sandbox
        .load(hostile(), LoadOptions::from_origin("hostile"))
        .await
        .unwrap()
}

/// The hostile guest with a cloud and an empty configuration.
pub async fn configured() -> Plugin {
    plugin()
        .await
        .with_configuration(Value::empty_map(), Arc::new(TestCloud::default()), vault())
}

/// An empty vault.
pub fn vault() -> Arc<dyn SecretVault> {
    Arc::new(Vault::new())
}

pub fn thing() -> ResourceType {
    "hostile:test:Thing".parse().unwrap()
}

/// Inputs that name a behaviour.
pub fn inputs(what: &str) -> Value {
    Value::from([("do", what)])
}

/// Plans a resource with a behaviour.
pub async fn plan(plugin: &Plugin, inputs: Value) -> ProviderResult<PlanResponse> {
    let request = PlanRequest {
        resource_type: thing(),
        name: "web".parse().unwrap(),
        prior: None,
        prior_inputs: None,
        inputs,
    };
    plugin.plan(request).await
}

/// Creates a resource with a behaviour.
pub async fn create(plugin: &Plugin, inputs: Value) -> ProviderResult<Outcome> {
    let request = CreateRequest {
        resource_type: thing(),
        name: "web".parse().unwrap(),
        planned: inputs.clone(),
        inputs,
        private: Vec::new(),
        idempotency_token: "token".to_owned(),
    };
    plugin.create(request).await
}

/// Plans a misbehaviour while another call runs and before yet another: both must succeed.
pub async fn misbehave(plugin: &Plugin, what: &str) -> Failure {
    let behaved = inputs("nothing");
    let (bad, good) = futures::join!(plan(plugin, inputs(what)), plan(plugin, behaved.clone()));
    assert_eq!(good.expect("the other call goes on").planned, behaved);
    let after = plan(plugin, behaved.clone()).await;
    assert_eq!(after.expect("the next call works").planned, behaved);
    bad.expect_err("the misbehaviour fails")
}

/// A cloud that answers, refuses what a broker refuses, and waits forever on request.
#[derive(Default)]
pub struct TestCloud {
    /// What was sent, and for which resource.
    pub sent: Mutex<Vec<(String, CloudRequest)>>,
}

/// What the cloud would sign with. It must never be found in a guest.
pub const CREDENTIAL: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

#[async_trait]
impl Cloud for TestCloud {
    async fn send(&self, resource: &str, request: CloudRequest) -> Result<CloudResponse, SendError> {
        // Give way, so that calls that are made at once are alive at once.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        let signature = format!("signed with {CREDENTIAL}");
        std::hint::black_box(&signature);
        let (endpoint, path) = (request.endpoint.clone(), request.path.clone());
        let authenticated = request
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        self.sent.lock().unwrap().push((resource.to_owned(), request));
        if authenticated {
            return Err(SendError::Denied(
                "the header `authorization` is the host's".to_owned(),
            ));
        }
        if path.starts_with("//") {
            return Err(SendError::Denied(format!("`{path}` names another host")));
        }
        if endpoint != "thing" {
            return Err(SendError::Denied(format!("endpoint `{endpoint}` is not granted")));
        }
        if path == "/slow" {
            std::future::pending::<()>().await;
        }
        Ok(CloudResponse {
            status: 200,
            headers: Vec::new(),
            body: b"done".to_vec(),
        })
    }
}
