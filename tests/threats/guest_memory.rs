//! What is in the memory of a plugin: nothing of an earlier call, of another plugin, or of a secret it was not shown.
//!
//! Every row is a function of the interface version and runs over the archived hostile plugin of that version.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use konductor_broker::Vault;
use konductor_model::provider::Outcome;
use konductor_model::{Disposition, MASK, SecretVault as _, TOKEN_PREFIX, Value};
use konductor_sandbox::{Limits, Plugin, Reveal, RevealRecorder, RevealUnrecorded};

use crate::sandbox::{
    SECRET, configured, contains, create, hostile, inputs, load, logged, plan, rows, tight,
};

rows!([
    memory_of_an_earlier_call_is_gone,
    the_configuration_of_another_plugin_is_not_there,
    secrets_are_tokens_in_memory,
    a_token_of_another_plugin_opens_nothing,
    nothing_is_revealed_without_a_grant,
    nothing_is_revealed_without_a_record,
    what_was_revealed_is_masked_in_everything_that_is_said,
    opaque_bytes_carry_no_secret,
]);

/// Limits with time enough to search all memory.
fn patient() -> Limits {
    Limits {
        operation_cpu: Duration::from_secs(60),
        operation_deadline: Duration::from_secs(300),
        // One, so that the next call gets the memory of the last.
        instances: 1,
        ..tight()
    }
}

/// Counts a text in the memory of a guest. It is told the text in reverse, so that the question does not count.
async fn found(plugin: &Plugin, text: &str) -> i64 {
    let reversed: String = text.chars().rev().collect();
    let inputs = Value::from([
        ("do", Value::from("scan-memory")),
        ("secret", Value::from(SECRET).into_secret()),
        ("reversed", Value::from(reversed)),
    ]);
    match create(plugin, inputs).await.unwrap() {
        Outcome::Complete(object) => object
            .attributes
            .attribute("found")
            .unwrap()
            .as_integer()
            .unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Returns a text so often that the next call cannot write over all of them.
fn everywhere(text: &str) -> Value {
    Value::List(vec![Value::from(text); 5_000])
}

async fn memory_of_an_earlier_call_is_gone(version: &str) {
    let plugin = hostile(version, patient()).await;
    let earlier = Value::from([
        ("do", Value::from("nothing")),
        ("planted", everywhere("planted-in-the-call-before")),
    ]);
    create(&plugin, earlier).await.unwrap();
    assert_eq!(found(&plugin, "planted-in-the-call-before").await, 0);
}

async fn the_configuration_of_another_plugin_is_not_there(version: &str) {
    let loaded = load(version, patient()).await;
    let setting = |text: &str| Value::from([("region", everywhere(text))]);
    let one = configured(&loaded, setting("planted-region-of-one"));
    let other = configured(&loaded, setting("planted-region-of-other"));
    create(&other, inputs("nothing")).await.unwrap();
    assert_eq!(found(&one, "planted-region-of-other").await, 0);
    assert!(found(&one, "planted-region-of-one").await > 0);
}

async fn secrets_are_tokens_in_memory(version: &str) {
    let setting = Value::from([("password", Value::from("planted-setting-987").into_secret())]);
    let plugin = configured(&load(version, patient()).await, setting);
    for secret in [SECRET, "planted-setting-987"] {
        assert_eq!(found(&plugin, secret).await, 0, "{secret}");
    }
    assert!(found(&plugin, TOKEN_PREFIX).await > 0);
}

async fn a_token_of_another_plugin_opens_nothing(version: &str) {
    let token = Vault::new().seal(&Value::from(SECRET));
    let plugin = hostile(version, tight()).await;
    let planned = plan(&plugin, Value::from([("x", token.as_str())]))
        .await
        .unwrap()
        .planned;
    assert_eq!(planned.attribute("x").unwrap().as_text(), Some(token.as_str()));
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

/// A log on a full disk.
struct Full;

#[async_trait]
impl RevealRecorder for Full {
    async fn record(&self, _: Vec<Reveal>) -> Result<(), RevealUnrecorded> {
        Err(RevealUnrecorded {
            reason: "the disk is full; make room and run again".to_owned(),
        })
    }
}

/// Lets a plugin see an attribute.
fn let_in(plugin: &Plugin, grant: &str) -> (Plugin, Arc<Revealed>) {
    let revealed = Arc::new(Revealed::default());
    let reveal = BTreeSet::from([grant.to_owned()]);
    (plugin.with_reveals(reveal, revealed.clone()), revealed)
}

async fn nothing_is_revealed_without_a_grant(version: &str) {
    let plugin = hostile(version, patient()).await;
    for grant in [
        "hostile:test:Thing.other",
        "hostile:test:Liar.secret",
        "secret",
        "hostile:test:Thing",
    ] {
        let (plugin, revealed) = let_in(&plugin, grant);
        assert_eq!(found(&plugin, SECRET).await, 0, "{grant}");
        assert_eq!(*revealed.0.lock().unwrap(), []);
    }
    let (plugin, revealed) = let_in(&plugin, "hostile:test:Thing.secret");
    assert!(found(&plugin, SECRET).await > 0);
    let recorded = revealed.0.lock().unwrap();
    assert_eq!(recorded.len(), 1);
    assert_eq!(
        (recorded[0].resource.as_str(), recorded[0].attribute.as_str()),
        ("web", "secret")
    );
}

async fn nothing_is_revealed_without_a_record(version: &str) {
    let plugin = hostile(version, patient()).await;
    let reveal = BTreeSet::from(["hostile:test:Thing.secret".to_owned()]);
    let plugin = plugin.with_reveals(reveal, Arc::new(Full));
    let failures = [
        create(&plugin, inputs("nothing")).await.unwrap_err(),
        plan(&plugin, inputs("nothing")).await.unwrap_err(),
        // Had it been called, it would have failed of itself and said so.
        plan(&plugin, inputs("tell-panic")).await.unwrap_err(),
    ];
    for failure in failures {
        assert_eq!(failure.disposition, Disposition::Denied, "{failure}");
        contains(
            &failure.message,
            "what it may see cannot be recorded, so it is not shown: the disk is full",
        );
    }
    // Where nothing is revealed there is nothing to record.
    let other = Value::from([
        ("do", Value::from("nothing")),
        ("other", Value::from(SECRET).into_secret()),
    ]);
    create(&plugin, other).await.unwrap();
}

async fn what_was_revealed_is_masked_in_everything_that_is_said(version: &str) {
    let (plugin, _) = let_in(&hostile(version, tight()).await, "hostile:test:Thing.secret");
    let nothing_told = |text: &str| {
        assert!(!text.contains(SECRET), "{text}");
        contains(text, MASK);
    };
    nothing_told(&logged(&plugin, "tell-log").await.join("\n"));
    nothing_told(&logged(&plugin, "tell-split").await.join("\n"));
    for what in ["tell-failure", "tell-denied", "tell-panic"] {
        let failure = plan(&plugin, inputs(what)).await.unwrap_err();
        nothing_told(&format!("{failure} {failure:?}"));
    }
    let planned = plan(&plugin, inputs("unmarked")).await.unwrap().planned;
    assert!(!format!("{planned:?}").contains(SECRET), "{planned:?}");
}

async fn opaque_bytes_carry_no_secret(version: &str) {
    let plugin = hostile(version, tight()).await;
    let (seeing, _) = let_in(&plugin, "hostile:test:Thing.secret");
    for plugin in [plugin, seeing] {
        for (what, said) in [
            ("as-identifier", "an identifier that holds a secret"),
            ("as-private", "private bytes that hold a secret"),
            ("as-handle", "the bytes of a handle that hold a secret"),
        ] {
            contains(&create(&plugin, inputs(what)).await.unwrap_err().message, said);
        }
    }
}
