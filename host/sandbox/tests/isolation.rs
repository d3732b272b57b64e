//! What a guest can see and reach.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    missing_docs,
    reason = "test code"
)]

mod guests;

use std::sync::{Arc, Mutex};

use guests::{CREDENTIAL, TestCloud, configured, create, inputs, plan, plugin, vault};
use konductor_model::provider::{ObjectState, Outcome};
use konductor_model::{Disposition, Value};
use konductor_sandbox::Repeat;
use tracing_subscriber::layer::SubscriberExt;

fn complete(outcome: Outcome) -> ObjectState {
    match outcome {
        Outcome::Complete(object) => object,
        other => panic!("{other:?}"),
    }
}

fn number(value: &Value, name: &str) -> i64 {
    value.attribute(name).unwrap().as_integer().unwrap()
}

#[tokio::test]
async fn a_guest_sees_no_environment_no_arguments_and_no_files() {
    let seen = plan(&plugin().await, inputs("environment"))
        .await
        .unwrap()
        .planned;
    assert_eq!(number(&seen, "variables"), 0);
    assert_eq!(number(&seen, "arguments"), 0);
    for file in ["entries", "passwd"] {
        let answer = seen.attribute(file).unwrap().as_text().unwrap().to_owned();
        assert!(answer.starts_with("Err("), "{answer}");
    }
}

#[tokio::test]
async fn a_pure_call_finds_the_same_surroundings_every_time() {
    let plugin = plugin().await;
    let first = plan(&plugin, inputs("surroundings")).await.unwrap().planned;
    let second = plan(&plugin, inputs("surroundings")).await.unwrap().planned;
    assert_eq!(first, second);
    assert_eq!(number(&first, "clock"), 946_684_800_000);
    assert_eq!(number(&first, "system-clock"), 946_684_800_000);
    assert_eq!(first.attribute("waited").unwrap().as_boolean(), Some(false));
}

#[tokio::test]
async fn an_operation_finds_the_time_and_chance_as_they_are() {
    let plugin = configured().await;
    let first = complete(create(&plugin, inputs("surroundings")).await.unwrap()).attributes;
    let second = complete(create(&plugin, inputs("surroundings")).await.unwrap()).attributes;
    assert_ne!(first.attribute("random"), second.attribute("random"));
    assert_ne!(first.attribute("hash-seed"), second.attribute("hash-seed"));
    assert!(number(&first, "clock") > 1_700_000_000_000);
    assert!(number(&first, "system-clock") > 1_700_000_000_000);
}

#[tokio::test]
async fn a_repeated_operation_finds_the_time_and_chance_of_its_recording() {
    async fn found(seed: u8) -> Vec<Value> {
        let repeat = Repeat::new(1_700_000_000_000, [seed; 32]);
        let plugin = configured().await.with_repeat(repeat);
        let mut found = Vec::new();
        for _ in 0..2 {
            found.push(complete(create(&plugin, inputs("surroundings")).await.unwrap()).attributes);
        }
        found
    }
    let (recorded, replayed, other) = (found(7).await, found(7).await, found(8).await);
    for name in ["clock", "system-clock", "random", "hash-seed"] {
        let seen = |found: &[Value]| {
            found
                .iter()
                .map(|all| all.attribute(name).cloned())
                .collect::<Vec<_>>()
        };
        assert_eq!(seen(&recorded), seen(&replayed), "{name}");
        assert_ne!(recorded[0].attribute(name), recorded[1].attribute(name), "{name}");
        if !name.contains("clock") {
            assert_ne!(seen(&recorded), seen(&other), "{name}");
        }
    }
    let (first, second) = (number(&recorded[0], "clock"), number(&recorded[1], "clock"));
    assert!(
        (1_700_000_000_000..1_700_000_000_100).contains(&first) && second > first,
        "{first} {second}"
    );
}

#[tokio::test]
async fn a_pure_function_cannot_reach_the_cloud_and_is_told_why() {
    let failure = plan(&configured().await, inputs("send")).await.unwrap_err();
    assert_eq!(failure.disposition, Disposition::Denied);
    assert_eq!(
        failure.message,
        "`plan` is a pure function; cloud calls are possible in operations only"
    );
}

#[tokio::test]
async fn a_plugin_without_a_cloud_is_told_so() {
    let failure = create(&plugin().await, inputs("send")).await.unwrap_err();
    assert_eq!(failure.message, "the plugin was not configured with a cloud");
}

#[tokio::test]
async fn a_request_reaches_the_cloud_whole_with_the_name_of_the_resource() {
    let cloud = Arc::new(TestCloud::default());
    let plugin = plugin()
        .await
        .with_configuration(Value::empty_map(), cloud.clone(), vault());
    let object = complete(create(&plugin, inputs("send")).await.unwrap());
    assert_eq!(
        object.attributes.attribute("body").unwrap().as_text(),
        Some("done")
    );
    let sent = cloud.sent.lock().unwrap();
    let (resource, request) = &sent[0];
    assert_eq!(resource, "web");
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/"));
    assert_eq!(request.body, b"Action=Describe");
    assert!(request.idempotent);
}

#[tokio::test]
async fn what_the_cloud_denies_the_guest_cannot_have() {
    let plugin = configured().await;
    for (what, why) in [
        ("send-authorization", "the header `authorization` is the host's"),
        ("send-foreign-host", "`//attacker.example/` names another host"),
        ("send-unknown-endpoint", "endpoint `metadata` is not granted"),
    ] {
        let failure = create(&plugin, inputs(what)).await.unwrap_err();
        assert_eq!(
            (failure.disposition, failure.message.as_str()),
            (Disposition::Denied, why)
        );
    }
}

#[tokio::test]
async fn no_credential_is_found_in_the_memory_of_a_guest() {
    let limits = konductor_sandbox::Limits {
        operation_cpu: std::time::Duration::from_secs(30),
        operation_deadline: std::time::Duration::from_secs(60),
        ..guests::tight()
    };
    let configuration = Value::from([("region", "a-region-that-is-known")]);
    let plugin = guests::load_under(limits).await.with_configuration(
        configuration,
        Arc::new(TestCloud::default()),
        vault(),
    );
    let scan = async |text: &str| {
        let reversed: String = text.chars().rev().collect();
        let inputs = Value::from([
            ("do", "send"),
            ("then", "scan-memory"),
            ("reversed", reversed.as_str()),
        ]);
        let object = complete(create(&plugin, inputs).await.unwrap());
        number(&object.attributes, "found")
    };
    assert_eq!(scan(CREDENTIAL).await, 0);
    assert_eq!(scan("signed with").await, 0);
    // The scan does find what is there.
    assert!(scan("a-region-that-is-known").await > 0);
}

#[tokio::test]
async fn an_operation_is_given_its_configuration_first() {
    let configuration = Value::from([("region", "here")]);
    let plugin =
        plugin()
            .await
            .with_configuration(configuration.clone(), Arc::new(TestCloud::default()), vault());
    let object = complete(create(&plugin, inputs("configured")).await.unwrap());
    assert_eq!(object.attributes, configuration);
}

/// Keeps the message of every event as it is.
#[derive(Clone, Default)]
struct Messages(Arc<Mutex<Vec<String>>>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Messages {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        struct Message(String);
        impl tracing::field::Visit for Message {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                if field.name() == "message" {
                    self.0 = format!("{value:?}");
                }
            }
        }
        if event.metadata().target() == "konductor::plugin" {
            let mut message = Message(String::new());
            event.record(&mut message);
            self.0.lock().unwrap().push(message.0);
        }
    }
}

async fn logged(what: &str) -> Vec<String> {
    let plugin = plugin().await;
    let messages = Messages::default();
    let subscriber = tracing_subscriber::registry().with(messages.clone());
    let guard = tracing::subscriber::set_default(subscriber);
    plan(&plugin, inputs(what)).await.unwrap();
    drop(guard);
    let messages = messages.0.lock().unwrap();
    messages
        .iter()
        .filter(|message| *message != "call ended")
        .cloned()
        .collect()
}

#[tokio::test]
async fn a_flood_of_log_messages_is_cut_cleaned_and_counted() {
    let messages = logged("log-flood").await;
    assert_eq!(messages.len(), 21);
    assert!(
        messages[0].starts_with("line 0 ]52;c;aGk= forged: line field[0m=xxx"),
        "{}",
        messages[0]
    );
    assert!(
        messages
            .iter()
            .all(|message| message.len() < 210 && !message.contains(char::is_control))
    );
    assert_eq!(messages[20], "4980 more log messages were dropped");
}

#[tokio::test]
async fn a_flood_of_printed_lines_is_cut_cleaned_and_counted() {
    let messages = logged("print-flood").await;
    let kept: usize = messages.iter().map(String::len).sum();
    assert!(kept < 8_000, "{kept}");
    assert_eq!(messages[0], "line 0 [2J");
    assert!(
        messages
            .last()
            .unwrap()
            .contains("more bytes were dropped; the limit is 4096 bytes a call")
    );
}
