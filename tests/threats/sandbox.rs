//! A plugin in the sandbox alone, for the rows about what it takes, says, answers and remembers.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Once};
use std::time::Duration;

use async_trait::async_trait;
use konductor_broker::Vault;
use konductor_model::cloud::{Cloud, CloudRequest, CloudResponse, SendError};
use konductor_model::module::{ConstructRequest, Module};
use konductor_model::provider::{CreateRequest, Outcome, PlanRequest, PlanResponse, Provider};
use konductor_model::{Failure, Value, node_table};
use konductor_sandbox::{Limits, LoadOptions, Plugin, Sandbox, SandboxOptions};
use konductor_tests::archived;
use tracing_subscriber::layer::SubscriberExt;

/// Makes a test of every row for every archived version of the interface.
macro_rules! rows {
    ([$($row:ident),* $(,)?]) => {
        mod v0_1_0 { $(#[tokio::test] async fn $row() { super::$row("0.1.0").await; })* }
    };
}
pub(crate) use rows;

pub(crate) const THING: &str = "hostile:test:Thing";
pub(crate) const SECRET: &str = "planted-secret-0123456789";

pub(crate) fn tight() -> Limits {
    Limits {
        instances: 8,
        memory_bytes: 64 << 20,
        table_elements: 20_000,
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

pub(crate) fn sandbox(limits: Limits, cache: Option<&Path>) -> Sandbox {
    Sandbox::new(SandboxOptions {
        limits,
        cache_directory: cache.map(Path::to_owned),
    })
    .unwrap()
}

pub(crate) fn bytes(version: &str) -> Vec<u8> {
    fs::read(archived(version, "hostile")).unwrap()
}

/// Loads the hostile plugin of a version, each time in a sandbox of its own.
pub(crate) async fn load(version: &str, limits: Limits) -> Plugin {
    let options = LoadOptions::from_origin("hostile");
    sandbox(limits, None)
        .load(&bytes(version), options)
        .await
        .unwrap()
}

/// A cloud that answers at once, or never.
pub(crate) struct TestCloud;

#[async_trait]
impl Cloud for TestCloud {
    async fn send(&self, _: &str, request: CloudRequest) -> Result<CloudResponse, SendError> {
        if request.path == "/slow" {
            std::future::pending::<()>().await;
        }
        Ok(CloudResponse {
            status: 200,
            headers: Vec::new(),
            body: b"done".to_vec(),
        })
    }
}

pub(crate) fn configured(plugin: &Plugin, configuration: Value) -> Plugin {
    plugin.with_configuration(configuration, Arc::new(TestCloud), Arc::new(Vault::new()))
}

pub(crate) async fn hostile(version: &str, limits: Limits) -> Plugin {
    configured(&load(version, limits).await, Value::empty_map())
}

pub(crate) fn inputs(what: &str) -> Value {
    Value::from([
        ("do", Value::from(what)),
        ("secret", Value::from(SECRET).into_secret()),
    ])
}

pub(crate) async fn plan(plugin: &Plugin, inputs: Value) -> Result<PlanResponse, Failure> {
    let request = PlanRequest {
        resource_type: THING.parse().unwrap(),
        name: "web".parse().unwrap(),
        prior: None,
        prior_inputs: None,
        inputs,
    };
    plugin.plan(request).await
}

pub(crate) async fn create(plugin: &Plugin, inputs: Value) -> Result<Outcome, Failure> {
    let request = CreateRequest {
        resource_type: THING.parse().unwrap(),
        name: "web".parse().unwrap(),
        planned: inputs.clone(),
        inputs,
        private: Vec::new(),
        idempotency_token: "token".to_owned(),
    };
    plugin.create(request).await
}

/// Returns why a behaviour failed, after seeing that the next call works.
pub(crate) async fn stopped(plugin: &Plugin, what: &str) -> String {
    let failure = plan(plugin, inputs(what)).await.expect_err(what);
    plan(plugin, inputs("nothing"))
        .await
        .expect("the next call works");
    failure.message
}

pub(crate) fn ends_with(text: &str, end: &str) {
    assert!(text.ends_with(end), "expected {end:?} at the end of {text:?}");
}

pub(crate) fn contains(text: &str, part: &str) {
    assert!(text.contains(part), "expected {part:?} in {text:?}");
}

thread_local! {
    /// What was logged on this thread, which is that of one test.
    static LOGGED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Keeps the message of every event of a plugin.
pub(crate) struct Keep;

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Keep {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        struct Message(String);
        impl tracing::field::Visit for Message {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                if field.name() == "message" {
                    self.0 = format!("{value:?}");
                }
            }
        }
        let mut message = Message(String::new());
        event.record(&mut message);
        if event.metadata().target() == "konductor::plugin" && message.0 != "call ended" {
            LOGGED.with_borrow_mut(|logged| logged.push(message.0));
        }
    }
}

/// Returns every message that a plan logs.
pub(crate) async fn logged(plugin: &Plugin, what: &str) -> Vec<String> {
    // For the whole program: whether an event is wanted is remembered for all threads.
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| {
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Keep)).unwrap();
    });
    LOGGED.take();
    plan(plugin, inputs(what)).await.unwrap();
    LOGGED.take()
}

pub(crate) async fn construct(plugin: &Plugin, what: &str) -> Result<(), String> {
    let request = ConstructRequest {
        target: "hostile".to_owned(),
        name: "main".parse().unwrap(),
        inputs: inputs(what),
        metadata: Value::empty_map(),
    };
    let answer = plugin.construct(request).await;
    answer.map(|_| ()).map_err(|failure| failure.message)
}
