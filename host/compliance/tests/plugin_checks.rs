//! Checks that are a plugin: what cannot be relied on counts as something that was found.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, also in the functions that tests share"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use konductor_compliance::package::load;
use konductor_compliance::{
    CheckPlugins, Judgement, LoadedPackage, Overrides, PolicyEvaluator, ask_plugins, decide,
};
use konductor_model::policy::{
    CheckPlugin, PackagePlace, PackageSetting, PolicyLevel, PolicySubject, RegoVersion,
};
use konductor_model::{Disposition, Failure};
use konductor_state::policy::PackageOutcome;
use serde_json::{Value, json};

/// Answers as it was told, or fails, and keeps what it was asked.
struct Scripted {
    answer: Result<Value, &'static str>,
    asked: Mutex<Vec<Value>>,
}

#[async_trait]
impl PolicyEvaluator for Scripted {
    async fn evaluate(&self, request: String) -> Result<Value, Failure> {
        self.asked
            .lock()
            .unwrap()
            .push(serde_json::from_str(&request).unwrap());
        self.answer
            .clone()
            .map_err(|message| Failure::new(Disposition::Plugin, message))
    }
}

fn setting(name: &str, plugin: &str, level: PolicyLevel, digest: Option<&str>) -> PackageSetting {
    PackageSetting {
        name: name.to_owned(),
        found: PackagePlace::Plugin(CheckPlugin {
            name: plugin.to_owned(),
            digest: digest.map(str::to_owned),
        }),
        level,
        rego: RegoVersion::V1,
        namespaces: None,
        on: [PolicySubject::Plan].into(),
        place: "konductor.yaml:3:5".to_owned(),
    }
}

fn package(name: &str, plugin: &str, level: PolicyLevel) -> LoadedPackage {
    let digests = BTreeMap::from([(plugin.to_owned(), "d1".to_owned())]);
    let mut loaded = load([(setting(name, plugin, level, None), None)], false, &digests).unwrap();
    loaded.remove(0)
}

fn scripted(answer: Result<Value, &'static str>) -> Arc<Scripted> {
    Arc::new(Scripted {
        answer,
        asked: Mutex::default(),
    })
}

async fn judged(packages: &[LoadedPackage], plugins: &[(&str, Arc<Scripted>)]) -> Judgement {
    let plugins: CheckPlugins = plugins
        .iter()
        .map(|(name, plugin)| {
            let plugin: Arc<dyn PolicyEvaluator> = Arc::clone(plugin) as _;
            ((*name).to_owned(), plugin)
        })
        .collect();
    let answers = ask_plugins(&plugins, packages, "{\"a\":1}", 2).await;
    decide(
        "run-1",
        "apply",
        "{\"a\":1}",
        packages,
        answers,
        &Overrides::default(),
    )
}

fn finds() -> Value {
    json!({ "rules": ["owner"], "findings": [
        { "rule": "owner", "message": "nobody owns logs", "details": { "resource": "logs" }, "a-member-of-the-future": 1 },
        { "rule": "owner", "message": "hm", "warning": true },
    ]})
}

#[tokio::test]
async fn what_a_plugin_finds_refuses_by_the_level_of_its_package_and_is_recorded_with_its_digest() {
    let plugin = scripted(Ok(finds()));
    let packages = [
        package("strict", "acme", PolicyLevel::Mandatory),
        package("mild", "acme", PolicyLevel::Advisory),
    ];
    let judgement = judged(&packages, &[("acme", Arc::clone(&plugin))]).await;
    assert!(!judgement.decision.allowed);
    let outcomes: Vec<_> = judgement.decision.packages.iter().map(|p| p.outcome).collect();
    assert_eq!(outcomes, [PackageOutcome::Denied, PackageOutcome::Advised]);
    let strict = &judgement.decision.packages[0];
    assert_eq!(
        (strict.digest.as_str(), strict.rules, strict.denied, strict.warned),
        ("d1", 1, 1, 1)
    );
    assert_eq!(judgement.answers[0].findings[0].details["resource"], "logs");

    let mut asked = plugin.asked.lock().unwrap().clone();
    asked.sort_by_key(|request| request["package"].to_string());
    let request =
        |package: &str| json!({ "format": 1, "task": "check", "package": package, "input": { "a": 1 } });
    assert_eq!(asked, [request("mild"), request("strict")]);
}

#[tokio::test]
async fn an_answer_that_cannot_be_relied_on_counts_as_something_that_was_found() {
    for (answer, problem) in [
        (Err("ran out of fuel"), "ran out of fuel"),
        (Ok(json!({})), "missing field `rules`"),
        (Ok(json!({ "rules": ["owner"] })), "missing field `findings`"),
        (Ok(json!({ "rules": [], "findings": [] })), "asked nothing"),
        (Ok(json!("fine")), "answered with something else"),
        (
            Ok(json!({ "rules": ["owner"], "findings": [{ "rule": "owner" }] })),
            "missing field `message`",
        ),
        // What the plugin answers that evaluates Rego.
        (
            Ok(json!({ "packages": [{ "name": "strict", "rules": ["x"] }] })),
            "missing field `rules`",
        ),
    ] {
        let packages = [package("strict", "acme", PolicyLevel::Mandatory)];
        let judgement = judged(&packages, &[("acme", scripted(answer))]).await;
        let decision = &judgement.decision.packages[0];
        assert_eq!(decision.outcome, PackageOutcome::Unusable, "{problem}");
        assert!(
            decision.problems[0].contains(problem),
            "{:?} should say {problem}",
            decision.problems
        );
        assert!(!judgement.decision.allowed);
    }
}

#[tokio::test]
async fn a_plugin_that_is_not_loaded_refuses_and_harms_no_other() {
    let packages = [
        package("gone", "nowhere", PolicyLevel::Mandatory),
        package("sound", "acme", PolicyLevel::Mandatory),
    ];
    let passes = json!({ "rules": ["owner"], "findings": [] });
    let judgement = judged(&packages, &[("acme", scripted(Ok(passes)))]).await;
    let outcomes: Vec<_> = judgement.decision.packages.iter().map(|p| p.outcome).collect();
    assert_eq!(outcomes, [PackageOutcome::Unusable, PackageOutcome::Passed]);
    assert!(!judgement.decision.allowed);
}

#[test]
fn a_plugin_must_be_loaded_and_have_the_digest_that_is_asked_for() {
    let digests = BTreeMap::from([("acme".to_owned(), "d1".to_owned())]);
    let wanted = |digest| setting("strict", "acme", PolicyLevel::Mandatory, Some(digest));
    assert_eq!(
        load([(wanted("d1"), None)], false, &digests).unwrap()[0].digest,
        "d1"
    );
    let told = |settings, digests: &BTreeMap<String, String>| {
        let errors = load([(settings, None)], false, digests).unwrap_err();
        errors[0].to_string()
    };
    assert_eq!(
        told(wanted("d2"), &digests),
        "konductor.yaml:3:5: package `strict`: the plugin `acme` has the digest sha256:d1, and sha256:d2 is asked for; \
         have the one that is asked for locked, or correct `digest`"
    );
    assert_eq!(
        told(wanted("d1"), &BTreeMap::new()),
        "konductor.yaml:3:5: package `strict`: the plugin `acme` is not loaded"
    );
}
