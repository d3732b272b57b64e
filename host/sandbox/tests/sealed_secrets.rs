//! A guest is given tokens in place of secrets; what it answers with tokens in it is opened again, and what it says
//! shows neither token nor secret.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    missing_docs,
    reason = "test code"
)]

mod guests;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, Once};

use async_trait::async_trait;
use guests::{TestCloud, create, plan, plugin, thing, vault};
use konductor_model::module::{ConstructRequest, Module};
use konductor_model::provider::{
    CheckRequest, CheckResponse, ObjectState, Outcome, Provider, ProviderResult, ReadRequest,
};
use konductor_model::{Disposition, MASK, Path, Reference, TOKEN_PREFIX, Value};
use konductor_sandbox::{Plugin, Reveal, RevealRecorder, RevealUnrecorded};
use tracing_subscriber::layer::SubscriberExt;

const SECRET: &str = "planted-secret-0123456789";

fn secret() -> Value {
    Value::from(SECRET).into_secret()
}

/// Inputs that name a behaviour and hold the secret.
fn inputs(what: &str) -> Value {
    Value::from([("do", Value::from(what)), ("secret", secret())])
}

async fn configured() -> Plugin {
    plugin()
        .await
        .with_configuration(Value::empty_map(), Arc::new(TestCloud::default()), vault())
}

#[derive(Default)]
struct Revealed(Mutex<Vec<Reveal>>);

#[async_trait]
impl RevealRecorder for Revealed {
    async fn record(&self, reveals: Vec<Reveal>) -> Result<(), RevealUnrecorded> {
        self.0.lock().unwrap().extend(reveals);
        Ok(())
    }
}

/// The plugin with a grant to see the attribute `secret`, and what was recorded of it.
async fn let_in() -> (Plugin, Arc<Revealed>) {
    let revealed = Arc::new(Revealed::default());
    let reveal = BTreeSet::from(["hostile:test:Thing.secret".to_owned()]);
    (
        configured().await.with_reveals(reveal, revealed.clone()),
        revealed,
    )
}

async fn check(plugin: &Plugin, inputs: Value) -> ProviderResult<CheckResponse> {
    let request = CheckRequest {
        resource_type: thing(),
        name: "web".parse().unwrap(),
        inputs,
        prior_inputs: None,
    };
    plugin.check(request).await
}

async fn object(plugin: &Plugin, inputs: Value) -> ObjectState {
    match create(plugin, inputs).await.unwrap() {
        Outcome::Complete(object) => object,
        other => panic!("{other:?}"),
    }
}

/// Counts a text in the memory of a guest that was created with the secret. The guest is told the text in reverse.
async fn in_memory(plugin: &Plugin, text: &str) -> i64 {
    let reversed: String = text.chars().rev().collect();
    let inputs = Value::from([
        ("do", Value::from("scan-memory")),
        ("secret", secret()),
        ("reversed", Value::from(reversed)),
    ]);
    let found = object(plugin, inputs).await.attributes;
    found.attribute("found").unwrap().as_integer().unwrap()
}

/// The hostile guest with time enough to search its memory.
async fn patient(configuration: Value) -> Plugin {
    let limits = konductor_sandbox::Limits {
        operation_cpu: std::time::Duration::from_secs(60),
        operation_deadline: std::time::Duration::from_secs(120),
        ..guests::tight()
    };
    guests::load_under(limits).await.with_configuration(
        configuration,
        Arc::new(TestCloud::default()),
        vault(),
    )
}

#[tokio::test]
async fn no_secret_of_inputs_or_configuration_is_in_the_memory_of_a_guest_and_a_revealed_one_is() {
    let configuration = Value::from([("password", Value::from("planted-setting-987").into_secret())]);
    let plugin = patient(configuration).await;
    assert_eq!(in_memory(&plugin, SECRET).await, 0);
    assert_eq!(in_memory(&plugin, "planted-setting-987").await, 0);
    // The scan does find what is there: the tokens.
    assert!(in_memory(&plugin, TOKEN_PREFIX).await > 0);
    let reveal = BTreeSet::from(["hostile:test:Thing.secret".to_owned()]);
    let let_in = plugin.with_reveals(reveal, Arc::new(Revealed::default()));
    assert!(in_memory(&let_in, SECRET).await > 0);
    assert_eq!(in_memory(&let_in, "planted-setting-987").await, 0);
}

#[tokio::test]
async fn a_secret_comes_back_as_what_it_was() {
    let plugin = configured().await;
    assert_eq!(
        plan(&plugin, inputs("nothing")).await.unwrap().planned,
        inputs("nothing")
    );
    assert_eq!(
        check(&plugin, inputs("nothing")).await.unwrap().inputs,
        inputs("nothing")
    );
    assert_eq!(
        object(&plugin, inputs("nothing")).await.attributes,
        inputs("nothing")
    );
    assert_eq!(
        plugin.invoke("echo", inputs("nothing")).await.unwrap(),
        inputs("nothing")
    );
}

#[tokio::test]
async fn a_secret_of_any_kind_comes_back_with_its_kind_and_the_form_of_a_list_or_map_is_kept() {
    let plugin = configured().await;
    for value in [
        Value::from(5432),
        Value::from(true),
        Value::Bytes(vec![0, 255]),
        Value::from([
            ("a", Value::from("planted-inside")),
            ("b", Value::from(vec![1, 2])),
        ]),
    ] {
        let inputs = Value::from([("x", value.into_secret())]);
        assert_eq!(plan(&plugin, inputs.clone()).await.unwrap().planned, inputs);
    }
    let seen = async |value: Value| {
        let inputs = Value::from([("do", Value::from("kind")), ("secret", value.into_secret())]);
        let planned = plan(&plugin, inputs).await.unwrap().planned;
        planned.attribute("seen").unwrap().as_text().unwrap().to_owned()
    };
    assert_eq!(seen(Value::from(5432)).await, "text");
    assert_eq!(seen(Value::from([("a", 1)])).await, "map");
    assert_eq!(seen(Value::Unknown).await, "unknown");
}

#[tokio::test]
async fn what_holds_a_secret_is_secret_whether_the_guest_says_so_or_not() {
    let plugin = configured().await;
    let plain = plan(&plugin, inputs("unmarked")).await.unwrap().planned;
    assert_eq!(plain.attribute("plain"), Some(&secret()));
    let composed = plan(&plugin, inputs("composed")).await.unwrap().planned;
    let address = Value::from(format!("db://user:{SECRET}@host")).into_secret();
    assert_eq!(composed.attribute("address"), Some(&address));
    let bytes = plan(&plugin, inputs("as-bytes")).await.unwrap().planned;
    let expected = Value::Bytes(SECRET.into()).into_secret();
    assert_eq!(bytes.attribute("bytes"), Some(&expected));
    // Also where the guest saw it.
    let (plugin, _) = let_in().await;
    for what in ["unmarked", "composed", "as-bytes"] {
        let planned = plan(&plugin, inputs(what)).await.unwrap().planned;
        let told = planned
            .as_map()
            .unwrap()
            .iter()
            .find(|(name, _)| *name != "do")
            .unwrap()
            .1;
        assert!(matches!(told, Value::Secret(_)), "{what}: {planned:?}");
    }
}

#[tokio::test]
async fn a_secret_where_everybody_can_read_or_where_it_cannot_be_opened_is_refused() {
    let (let_in, _) = let_in().await;
    for plugin in [configured().await, let_in] {
        for (what, said) in [
            ("as-key", "answered with a map with a key that holds a secret"),
            ("as-reference", "answered with a reference that holds a secret"),
            ("as-private", "answered with private bytes that hold a secret"),
        ] {
            let failure = plan(&plugin, inputs(what)).await.unwrap_err();
            assert_eq!(failure.disposition, Disposition::Plugin);
            assert!(failure.message.contains(said), "{failure}");
        }
        for (what, said) in [
            ("as-identifier", "an identifier that holds a secret"),
            ("as-private", "private bytes that hold a secret"),
            ("as-handle", "the bytes of a handle that hold a secret"),
        ] {
            let failure = create(&plugin, inputs(what)).await.unwrap_err();
            assert!(failure.message.contains(said), "{failure}");
        }
    }
    let failure = plan(&configured().await, inputs("as-binary")).await.unwrap_err();
    assert!(
        failure
            .message
            .contains("bytes that hold a sealed secret and are no text"),
        "{failure}"
    );
}

#[tokio::test]
async fn without_a_vault_a_secret_is_refused_before_the_guest_is_called() {
    let failure = plan(&plugin().await, inputs("nothing")).await.unwrap_err();
    assert_eq!(failure.disposition, Disposition::Denied);
    assert_eq!(
        failure.message,
        "plugin hostile, `plan` of `web` (hostile:test:Thing): it was given a secret before it was configured, \
         and nothing could seal it"
    );
}

#[tokio::test]
async fn the_same_secret_has_one_token_in_a_run_so_that_plans_compare_equal() {
    let plugin = configured().await;
    let token = async |plugin: &Plugin| {
        let inputs = Value::from([("do", Value::from("kind")), ("secret", secret())]);
        plan(plugin, inputs).await.unwrap()
    };
    assert_eq!(token(&plugin).await, token(&plugin).await);
    assert_eq!(
        plan(&plugin, inputs("composed")).await.unwrap(),
        plan(&plugin, inputs("composed")).await.unwrap()
    );
}

#[tokio::test]
async fn a_token_of_another_plugin_opens_nothing() {
    let other = vault();
    let token = other.seal(&Value::from(SECRET));
    let plugin = configured().await;
    let planned = plan(&plugin, Value::from([("x", token.as_str())]))
        .await
        .unwrap()
        .planned;
    let x = planned.attribute("x").unwrap().as_text().unwrap();
    assert_eq!(x, token);
}

#[tokio::test]
async fn a_password_the_guest_made_up_is_sealed_and_masked_from_then_on() {
    let plugin = configured().await;
    let made = plan(&plugin, inputs("made")).await.unwrap().planned;
    assert!(matches!(made.attribute("password"), Some(Value::Secret(_))));
    let inputs = Value::from([
        ("do", Value::from("tell-failure")),
        ("secret", Value::from("made-up-by-the-guest")),
    ]);
    let failure = plan(&plugin, inputs).await.unwrap_err();
    assert_eq!(failure.message, format!("it is {MASK}"));
}

#[tokio::test]
async fn a_reveal_is_recorded_once_for_each_attribute_of_a_call() {
    let (plugin, revealed) = let_in().await;
    check(&plugin, inputs("nothing")).await.unwrap();
    object(&plugin, inputs("nothing")).await;
    let reveal = |function| Reveal {
        plugin: "hostile".to_owned(),
        resource: "web".to_owned(),
        resource_type: thing(),
        attribute: "secret".to_owned(),
        function,
    };
    assert_eq!(*revealed.0.lock().unwrap(), [reveal("check"), reveal("create")]);
    // Neither another attribute nor another type nor a call without attributes.
    for other in [
        Value::from([("other", secret())]),
        Value::from([("a", Value::from([("secret", secret())]))]),
    ] {
        plan(&plugin, other).await.unwrap();
    }
    plugin.invoke("echo", inputs("nothing")).await.unwrap();
    assert_eq!(revealed.0.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_reveal_covers_what_stands_below_it_and_list_positions_do_not_count() {
    let revealed = Arc::new(Revealed::default());
    let reveal = BTreeSet::from(["hostile:test:Thing.users.password".to_owned()]);
    let plugin = configured().await.with_reveals(reveal, revealed.clone());
    let user = |value: Value| Value::from([("password", value), ("name", secret())]);
    let inputs = Value::from([(
        "users",
        Value::from(vec![user(secret()), user(Value::from([("inner", secret())]))]),
    )]);
    assert_eq!(plan(&plugin, inputs.clone()).await.unwrap().planned, inputs);
    let attributes: Vec<String> = revealed
        .0
        .lock()
        .unwrap()
        .iter()
        .map(|r| r.attribute.clone())
        .collect();
    assert_eq!(attributes, ["users.password"]);
}

#[tokio::test]
async fn references_unknowns_and_nulls_stay_what_they_are_below_a_secret() {
    let reference = Value::Reference(Reference {
        resource: "network".to_owned(),
        path: Path::attribute("id"),
    });
    let inputs = Value::from([
        ("a", Value::Unknown.into_secret()),
        ("b", reference.into_secret()),
        ("c", Value::Null.into_secret()),
        (
            "d",
            Value::from([("known", Value::from("planted-known")), ("not", Value::Unknown)]).into_secret(),
        ),
    ]);
    let plugin = configured().await;
    assert_eq!(plan(&plugin, inputs.clone()).await.unwrap().planned, inputs);
}

#[tokio::test]
async fn every_object_of_a_batch_and_every_declaration_is_opened() {
    let plugin = configured().await;
    let prior = ObjectState {
        id: "thing-1".to_owned(),
        attributes: inputs("nothing"),
        private: Vec::new(),
        schema_version: 1,
    };
    let read = ReadRequest {
        resource_type: thing(),
        name: "web".parse().unwrap(),
        id: "thing-1".to_owned(),
        prior: Some(prior.clone()),
    };
    plugin.read_many(vec![read.clone(), read]).await.unwrap();
    assert_eq!(
        plugin.upgrade_state(&thing(), prior.clone()).await.unwrap(),
        prior
    );
    let construct = ConstructRequest {
        target: "hostile".to_owned(),
        name: "main".parse().unwrap(),
        inputs: inputs("nothing"),
        metadata: Value::from([("configuration", secret())]),
    };
    let constructed = plugin.construct(construct).await.unwrap();
    assert_eq!(constructed.declarations[0].properties, inputs("nothing"));
}

thread_local! {
    /// What was logged on this thread, which is that of one test.
    static LOGGED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Keeps every field of every event.
struct Keep;

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Keep {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        struct Fields(String);
        impl tracing::field::Visit for Fields {
            fn record_debug(&mut self, _: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                self.0.push_str(&format!("{value:?} "));
            }
        }
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        LOGGED.with_borrow_mut(|logged| logged.push(fields.0));
    }
}

async fn logged(plugin: &Plugin, what: &str) -> String {
    // For the whole program: whether an event is wanted is remembered for all threads.
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| {
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Keep)).unwrap();
    });
    LOGGED.take();
    plan(plugin, inputs(what)).await.unwrap();
    LOGGED.take().join("\n")
}

/// Fails where a text holds the secret, a part of it, or a token.
fn assert_nothing_told(text: &str) {
    for told in [SECRET, &SECRET[..12], &SECRET[12..], TOKEN_PREFIX] {
        assert!(!text.contains(told), "{told} is in {text}");
    }
    assert!(text.contains(MASK), "{text}");
}

#[tokio::test]
async fn neither_token_nor_revealed_secret_is_in_log_lines_or_in_what_was_printed() {
    let (let_in, _) = let_in().await;
    for plugin in [configured().await, let_in] {
        let told = logged(&plugin, "tell-log").await;
        assert_nothing_told(&told);
        for part in [
            "it is (secret)",
            "field=(secret)",
            "printed (secret)",
            "complained (secret)",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert_nothing_told(&logged(&plugin, "tell-split").await);
        let cut = logged(&plugin, "tell-at-the-limit").await;
        for length in 8..SECRET.len() {
            assert!(!cut.contains(&SECRET[..length]), "{cut}");
        }
    }
}

#[tokio::test]
async fn neither_token_nor_revealed_secret_is_in_diagnostics_failures_or_panics() {
    let (let_in, _) = let_in().await;
    for plugin in [configured().await, let_in] {
        let diagnostics = check(&plugin, inputs("tell-diagnostic"))
            .await
            .unwrap()
            .diagnostics;
        assert_nothing_told(&diagnostics.to_string());
        for what in ["tell-failure", "tell-denied", "tell-panic"] {
            let failure = plan(&plugin, inputs(what)).await.unwrap_err();
            assert_nothing_told(&format!("{failure} {failure:?}"));
        }
    }
}
