//! `konductor plugin check`: the kit over a built component, as a stack would run it.

#[path = "../threats/cloud.rs"]
#[allow(
    dead_code,
    missing_docs,
    clippy::disallowed_types,
    reason = "a server of the test's own, shared with the threat table"
)]
mod cloud;
#[path = "../../sdk/konductor-sdk-test/tests/widgets/mod.rs"]
mod widgets;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Mutex;

use cloud::{FakeCloud, Received, Reply};
use konductor_model::cloud::CloudRequest;
use konductor_plugin_mutants::{Mistake, TYPES};
use konductor_tests::{Finished, Project, guest};
use serde_json::Value;
use widgets::{Widgets, expected, fixture_file, service};

const GRANT: &str = "grant: { endpoints: { widgets: {} }, credentials: [mutants] }";

/// Serves widgets over HTTP.
fn widget_service() -> FakeCloud {
    let widgets = Mutex::new(Widgets::new());
    FakeCloud::open(move |received: &Received| {
        let request = CloudRequest {
            endpoint: "widgets".to_owned(),
            region: None,
            method: "POST".to_owned(),
            path: received.target.clone(),
            query: Vec::new(),
            headers: received.headers.clone(),
            body: received.body.clone(),
            idempotent: false,
        };
        let answer = service(&mut widgets.lock().unwrap(), &request);
        Reply::Answer(answer.status, Vec::new(), answer.body)
    })
}

fn mutants() -> PathBuf {
    let file = guest("mutants");
    assert!(file.is_file(), "run `cargo xtask plugins mutants` first");
    file
}

fn project(service: &FakeCloud, kinds: &[&str]) -> Project {
    let (file, url) = (mutants(), service.url.as_str());
    let project = Project::from_text(
        &format!(
            "name: check\nplugins:\n  mutants: {{ source: {}, {GRANT} }}\n",
            file.display()
        ),
        &format!("config:\n  mutants: {{ region: us-west-2, endpoint_url: {url:?} }}\n"),
    )
    .with_environment("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    .with_environment("AWS_SECRET_ACCESS_KEY", "for-signing-only");
    project.write("conformance.yaml", &fixture_file(kinds));
    project
}

fn file() -> String {
    mutants().display().to_string()
}

/// Returns the checks that failed for a type.
fn failed(finished: &Finished, kind: &str) -> BTreeSet<String> {
    finished
        .events()
        .iter()
        .filter(|event| event["event"] == "check" && event["type"] == kind && event["verdict"] == "failed")
        .map(|event| event["check"].as_str().unwrap().to_owned())
        .collect()
}

fn summary(finished: &Finished) -> Value {
    let events = finished.events();
    let last = events.iter().rfind(|event| event["event"] == "plugin-checked");
    last.unwrap_or_else(|| panic!("there should be a summary:\n{}", finished.stdout))
        .clone()
}

#[test]
fn every_mutant_fails_its_check_and_no_other() {
    let every: Vec<&str> = TYPES.iter().map(|(kind, _)| *kind).collect();
    let service = widget_service();
    let project = project(&service, &every);
    let finished = project.run(["plugin", "check", &file(), "--conformance", "--json"]);
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    let mut wrong = Vec::new();
    for (kind, mistake) in TYPES {
        let wanted: BTreeSet<String> = match mistake {
            // Every call has an instance of its own, and a token stands for the secret: these do no harm here.
            Mistake::CountsPlans | Mistake::QuotesAnswers => BTreeSet::new(),
            other => expected(*other)
                .into_iter()
                .map(|check| check.to_string())
                .collect(),
        };
        let failed = failed(&finished, kind);
        if failed != wanted {
            wrong.push(format!("{kind}: {failed:?} failed, and {wanted:?} should"));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), finished.stdout);
    assert_eq!(summary(&finished)["clean"], false);
}

#[test]
fn a_good_type_passes_and_every_call_is_in_a_verified_log() {
    let service = widget_service();
    let project = project(&service, &["mutants:widget:Clean"]);
    let checked = project.run([
        "plugin",
        "check",
        &file(),
        "--conformance",
        "--only",
        "Clean",
        "--json",
    ]);
    let checked = checked.succeeds();
    let summary = summary(&checked);
    assert_eq!(summary["clean"], true);
    assert_eq!(summary["failed"], 0);
    assert!(summary["passed"].as_u64().unwrap() > 15, "{summary}");
    let calls = service.received();
    assert!(calls.len() > 30, "{} calls", calls.len());
    assert!(
        calls
            .iter()
            .all(|call| call.header("authorization").contains("AKIAEXAMPLE"))
    );
    let log = project.folder().join(".konductor/plugin-check.mutants.db");
    assert!(log.is_file());
    // What a check makes is not the stack's.
    assert!(!project.folder().join(".konductor/dev.db").exists());
}

#[test]
fn without_a_cloud_a_plugin_is_checked_by_its_examples_and_nothing_is_sent() {
    let project = Project::empty();
    let finished = project.run(["plugin", "check", &file(), "--json"]);
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    let all: BTreeSet<String> = TYPES
        .iter()
        .flat_map(|(kind, _)| {
            failed(&finished, kind)
                .into_iter()
                .map(move |check| format!("{kind} {check}"))
        })
        .collect();
    let wanted = [
        "EmptyDescription schema-valid",
        "PlansUnknown unknown-allowed",
        "RefusesUnknown unknown-inputs",
    ]
    .map(|text| format!("mutants:widget:{text}"));
    for wanted in wanted {
        assert!(all.contains(&wanted), "{wanted} should fail: {all:?}");
    }
    assert!(all.contains("mutants:widget:WrongExample examples-valid"));
    assert_eq!(failed(&finished, "mutants:widget:Clean"), BTreeSet::new());
    let text = project.run(["plugin", "check", &file()]).stdout;
    assert!(text.contains("help: "), "{text}");
    assert!(text.contains("no cloud was called"), "{text}");
}

#[test]
fn the_reference_plugin_keeps_its_promises_without_a_cloud() {
    let file = guest("reference").display().to_string();
    Project::empty().run(["plugin", "check", &file]).succeeds();
}

#[test]
fn conformance_needs_a_stack_a_grant_and_fixtures_and_says_so() {
    let service = widget_service();
    let all = project(&service, &["mutants:widget:Clean"]);
    let file = file();
    let check = ["plugin", "check", &file, "--conformance"];
    all.run([&check[..], &["--only", "Nothing"]].concat())
        .fails_saying("there is no fixture Nothing; there are Clean");

    all.edit("konductor.yaml", GRANT, "version: \"*\"");
    all.run(check)
        .fails_saying("asks for what nobody has granted it")
        .says("plugin lock --approve");

    let without_stack = Project::empty();
    without_stack
        .run(check)
        .fails_saying("there is no conformance.yaml");
    without_stack.write("conformance.yaml", &fixture_file(&[]));
    without_stack.run(check).fails_saying("--example FOLDER");
    service.assert_untouched("nothing was granted");
}

#[test]
fn where_nothing_unlocked_may_run_a_check_calls_no_cloud_until_the_plugin_is_locked() {
    let service = widget_service();
    let project = project(&service, &["mutants:widget:Clean"]);
    project.write("policy.yaml", "version: 1\nplugins:\n  unlocked: deny\n");
    let check = [
        "plugin",
        "check",
        "mutants",
        "--policy",
        "policy.yaml",
        "--conformance",
        "--only",
        "Clean",
    ];
    project.run(check).fails_saying("konductor.lock");
    service.assert_untouched("it is not locked");
    // What sends nothing may be looked at before anybody approves it.
    project
        .run([
            "plugin",
            "check",
            "mutants",
            "--policy",
            "policy.yaml",
            "--only",
            "Clean",
        ])
        .succeeds();
    project.run(["plugin", "lock"]).succeeds();
    project.run(check).succeeds();
}

#[test]
fn without_a_file_the_build_is_taken_and_the_example_is_the_stack() {
    let service = widget_service();
    let project = project(&service, &["mutants:widget:Clean"]);
    project.write("example/konductor.yaml", &project.read("konductor.yaml"));
    project.write("example/konductor.dev.yaml", &project.read("konductor.dev.yaml"));
    std::fs::remove_file(project.folder().join("konductor.yaml")).unwrap();
    std::fs::remove_file(project.folder().join("konductor.dev.yaml")).unwrap();
    let check = ["plugin", "check", "--conformance", "--only", "Clean"];
    project.run(check).fails_saying("konductor plugin build");
    std::fs::create_dir(project.folder().join("build")).unwrap();
    std::fs::copy(mutants(), project.folder().join("build/mutants.wasm")).unwrap();
    project.run(check).succeeds();
    assert!(service.received().len() > 30);
}
