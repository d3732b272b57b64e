//! What follows from what an evaluator answers, also from one that fails.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, also in the functions that tests share"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use konductor_compliance::evaluation::ask;
use konductor_compliance::{Judgement, LoadedPackage, Overrides, PolicyEvaluator, decide};
use konductor_model::policy::{
    PackagePlace, PackageSetting, PolicyLevel, PolicyPackage, PolicySubject, PolicyTask, RegoVersion,
};
use konductor_model::{Disposition, Failure};
use konductor_state::policy::PackageOutcome;
use serde_json::{Value, json};

/// Answers about each package as it was told, and fails whenever it is asked about one named `breaks`.
#[derive(Default)]
struct Scripted {
    answers: BTreeMap<&'static str, Value>,
    asked: Mutex<Vec<(Vec<String>, Value)>>,
}

#[async_trait]
impl PolicyEvaluator for Scripted {
    async fn evaluate(&self, request: String) -> Result<Value, Failure> {
        let request: Value = serde_json::from_str(&request).expect("the request is JSON");
        assert_eq!(request["format"], 1);
        let names: Vec<String> = request["packages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|package| package["name"].as_str().unwrap().to_owned())
            .collect();
        self.asked
            .lock()
            .unwrap()
            .push((names.clone(), request["input"].clone()));
        if names.iter().any(|name| name == "breaks") {
            return Err(Failure::new(
                Disposition::Plugin,
                "plugin policy 0.1.0, `evaluate`: panicked",
            ));
        }
        let packages: Vec<Value> = names
            .iter()
            .filter_map(|name| {
                let mut answer = self.answers.get(name.as_str())?.clone();
                answer["name"] = json!(name);
                Some(answer)
            })
            .collect();
        Ok(json!({ "packages": packages }))
    }
}

fn package(name: &str, level: PolicyLevel) -> LoadedPackage {
    LoadedPackage {
        setting: PackageSetting {
            name: name.to_owned(),
            found: PackagePlace::Directory(PathBuf::from("policies")),
            level,
            rego: RegoVersion::V1,
            namespaces: None,
            on: [PolicySubject::Plan].into(),
            place: "konductor.yaml:3:5".to_owned(),
        },
        package: PolicyPackage {
            name: name.to_owned(),
            ..PolicyPackage::default()
        },
        digest: "d".to_owned(),
        bundle: None,
    }
}

fn denies() -> Value {
    json!({ "rules": ["data.main.deny"], "findings": [{ "rule": "data.main.deny", "message": "no" }] })
}

fn warns() -> Value {
    json!({ "rules": ["data.main.warn"], "findings": [
        { "rule": "data.main.warn", "message": "hm", "warning": true },
        { "rule": "data.main.deny_x", "message": "no", "excepted": true },
    ]})
}

async fn judged(
    packages: &[LoadedPackage],
    answers: &[(&'static str, Value)],
    overrides: &[&str],
) -> Judgement {
    let evaluator = Scripted {
        answers: answers.iter().cloned().collect(),
        asked: Mutex::default(),
    };
    let given: Vec<String> = overrides.iter().map(|text| (*text).to_owned()).collect();
    let overrides = Overrides::read(&given, packages).unwrap();
    let answers = ask(
        Arc::new(evaluator),
        PolicyTask::Evaluate,
        packages,
        Some("{\"a\":1}"),
        2,
    )
    .await;
    decide("run-1", "apply", "{\"a\":1}", packages, answers, &overrides)
}

fn outcomes(judgement: &Judgement) -> Vec<PackageOutcome> {
    judgement
        .decision
        .packages
        .iter()
        .map(|package| package.outcome)
        .collect()
}

use PackageOutcome::{Advised, Denied, Overridden, Passed, Unusable};
use PolicyLevel::{Advisory, Mandatory, SoftMandatory};

#[tokio::test]
async fn only_a_mandatory_package_that_finds_something_refuses() {
    let packages = [package("a", Advisory), package("w", Mandatory)];
    let advised = judged(&packages, &[("a", denies()), ("w", warns())], &[]).await;
    assert_eq!(outcomes(&advised), [Advised, Passed]);
    assert!(advised.decision.allowed);
    assert_eq!(advised.decision.packages[1].warned, 1);

    let packages = [package("m", Mandatory), package("w", Mandatory)];
    let refused = judged(&packages, &[("m", denies()), ("w", warns())], &[]).await;
    assert_eq!(outcomes(&refused), [Denied, Passed]);
    assert!(!refused.decision.allowed);
}

#[tokio::test]
async fn a_soft_mandatory_package_refuses_until_somebody_gives_a_reason() {
    let packages = [package("s", SoftMandatory), package("t", SoftMandatory)];
    let answers = [("s", denies()), ("t", json!({}))];
    let refused = judged(&packages, &answers, &[]).await;
    assert_eq!(outcomes(&refused), [Denied, Passed]);
    assert!(!refused.decision.allowed);
    // A reason for a package that finds nothing is not kept.
    let allowed = judged(&packages, &answers, &["s=ticket 42 = agreed", "t=also"]).await;
    assert_eq!(outcomes(&allowed), [Overridden, Passed]);
    assert!(allowed.decision.allowed);
    let reasons: Vec<Option<&str>> = allowed
        .decision
        .packages
        .iter()
        .map(|package| package.override_reason.as_deref())
        .collect();
    assert_eq!(reasons, [Some("ticket 42 = agreed"), None]);
}

#[test]
fn overrides_that_cannot_hold_are_refused_all_at_once() {
    let packages = [package("m", Mandatory), package("s", SoftMandatory)];
    let given = ["m=because", "s=", "x=because", "nothing"].map(str::to_owned);
    let told: Vec<String> = Overrides::read(&given, &packages)
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        told,
        [
            "package `m` is mandatory and cannot be overridden; who may change konductor.yaml:3:5 can make it `soft-mandatory`",
            "package `s` is overridden without a reason; say why after the `=`",
            "there is no package `x` to override; there are m, s",
            "`nothing` is not an override; write the name of a package, `=`, and the reason",
        ]
    );
}

#[tokio::test]
async fn a_package_that_breaks_the_evaluator_counts_as_one_that_refuses_and_harms_no_other() {
    let packages = [
        package("a", Mandatory),
        package("b", Mandatory),
        package("breaks", Mandatory),
        package("c", Mandatory),
    ];
    let found = judged(
        &packages,
        &[("a", json!({})), ("b", denies()), ("c", json!({}))],
        &[],
    )
    .await;
    assert_eq!(outcomes(&found), [Passed, Denied, Unusable, Passed]);
    assert!(!found.decision.allowed);
    assert_eq!(
        found.decision.packages[2].problems,
        ["plugin policy 0.1.0, `evaluate`: panicked"]
    );
}

#[tokio::test]
async fn an_unusable_package_is_fatal_by_its_level() {
    for (level, overrides, outcome, allowed) in [
        (Advisory, &[][..], Unusable, true),
        (SoftMandatory, &[], Unusable, false),
        (SoftMandatory, &["breaks=known"], Overridden, true),
        (Mandatory, &[], Unusable, false),
    ] {
        let found = judged(&[package("breaks", level)], &[], overrides).await;
        assert_eq!(outcomes(&found), [outcome], "{level:?}");
        assert_eq!(found.decision.allowed, allowed, "{level:?}");
    }
}

#[tokio::test]
async fn a_package_that_nothing_is_answered_about_refuses() {
    let found = judged(&[package("silent", Mandatory)], &[], &[]).await;
    assert_eq!(outcomes(&found), [Unusable]);
    assert!(!found.decision.allowed);
}

#[tokio::test]
async fn every_group_is_asked_with_the_input_and_every_package_once() {
    let packages: Vec<LoadedPackage> = (0..5).map(|n| package(&format!("p{n}"), Mandatory)).collect();
    let evaluator = Arc::new(Scripted::default());
    let answers = ask(
        evaluator.clone(),
        PolicyTask::Evaluate,
        &packages,
        Some("{\"a\":[1]}"),
        2,
    )
    .await;
    let names: Vec<&str> = answers.iter().map(|answer| answer.name.as_str()).collect();
    assert_eq!(names, ["p0", "p1", "p2", "p3", "p4"]);
    let mut asked = evaluator.asked.lock().unwrap().clone();
    asked.sort_by_key(|(names, _)| names.clone());
    assert_eq!(
        asked,
        [
            (
                vec!["p0".to_owned(), "p2".to_owned(), "p4".to_owned()],
                json!({"a": [1]})
            ),
            (vec!["p1".to_owned(), "p3".to_owned()], json!({"a": [1]})),
        ]
    );
}

#[tokio::test]
async fn the_record_keeps_the_first_findings_and_the_number_of_all() {
    let finding = json!({ "rule": "data.main.deny", "message": "no" });
    let many = json!({ "rules": ["data.main.deny"], "findings": vec![finding; 250] });
    let found = judged(&[package("m", Mandatory)], &[("m", many)], &[]).await;
    assert_eq!(found.decision.packages[0].denied, 250);
    assert_eq!(found.decision.packages[0].findings.len(), 100);
    assert_eq!(found.answers[0].findings.len(), 250);
}
