//! Checks that are a plugin: what they find is judged as what packages in Rego find, and what they do wrong refuses.

use konductor_tests::{Finished, Project, guest};
use serde_json::{Value, json};

/// A project with one item, and a site policy of its own that names a plugin.
fn items(package: &str, label: &str) -> Project {
    let project = Project::from_text(
        &format!(
            "name: items\nresources:\n  one:\n    type: reference:test:Item\n    properties: {{ label: {label} }}\n"
        ),
        "config: {}\n",
    );
    project.write("site.yaml", &format!("version: 1\npackages:\n  - {package}\n"));
    project
}

fn judged(project: &Project, arguments: &[&str]) -> Finished {
    project.run([arguments, &["--policy", "site.yaml"]].concat())
}

fn decisions(finished: &Finished) -> Vec<Value> {
    let events = finished.events().into_iter();
    let decisions: Vec<Value> = events
        .filter(|event| event["event"] == "policy-decision")
        .collect();
    assert!(!decisions.is_empty(), "should have judged: {finished}");
    decisions
}

/// The first package of the first decision.
fn package(finished: &Finished) -> Value {
    decisions(finished)[0]["packages"][0].clone()
}

fn recorded(project: &Project) -> Vec<Value> {
    let shown = project.run(["log", "show", "--all", "--json"]).succeeds();
    let contents = shown.events().into_iter().map(|event| event["content"].clone());
    contents
        .filter(|content| content["entry"] == "policy-decided")
        .collect()
}

#[test]
fn a_plugin_that_a_site_names_refuses_a_plan_by_the_level_of_its_package() {
    let project = items("{ name: acme, plugin: checks, level: mandatory }", "forbidden");
    let refused = judged(&project, &["run", "--yes"]);
    let refused = refused.fails_saying("the plan is refused by the policies of acme");
    refused
        .says("acme (mandatory, 3 rules): refuses")
        .says("one is forbidden by apply (forbidden)");
    assert!(project.objects().is_empty());
    let found = package(&judged(&project, &["plan", "--json"]).ends_with(1));
    let finding = &found["findings"][0];
    assert_eq!(
        (&finding["rule"], &finding["message"]),
        (&json!("forbidden"), &json!("one is forbidden by apply"))
    );
    let details = &finding["details"];
    assert_eq!(
        (&details["resource"], &details["attribute"], &details["place"]),
        (&json!("one"), &json!("label"), &json!("konductor.yaml:3:3"))
    );
    assert!(details["urn"].as_str().unwrap().contains("reference:test:Item"));

    project.edit("site.yaml", "level: mandatory", "level: soft-mandatory");
    judged(&project, &["run", "--yes"]).fails_saying("--override-policy 'acme=REASON'");
    project.edit("site.yaml", "level: soft-mandatory", "level: advisory");
    let advised = package(&judged(&project, &["run", "--yes", "--json"]).succeeds());
    assert_eq!(
        (&advised["outcome"], &advised["findings"]),
        (&json!("advised"), &found["findings"])
    );
    assert_eq!(project.objects().len(), 1);

    // The log has what was said, and the bytes of who said it.
    let last = recorded(&project).pop().unwrap();
    let digest = &last["packages"][0]["digest"];
    assert_eq!(*digest, found["digest"]);
    let inspected = project.run(["plugin", "inspect", "checks", "--json"]).succeeds();
    let inspected = inspected.events().remove(0);
    assert_eq!(
        inspected["digest"],
        json!(format!("sha256:{}", digest.as_str().unwrap()))
    );

    // The same gate: an override has its reason, and a plan to destroy is a plan.
    project.edit("site.yaml", "level: advisory", "level: soft-mandatory");
    project.edit("konductor.yaml", "label: forbidden", "label: forbidden, value: x");
    judged(
        &project,
        &["run", "--yes", "--override-policy", "acme=ticket 4711"],
    )
    .succeeds()
    .says("because: ticket 4711");
    let destroyed = judged(&project, &["destroy", "--yes"]).succeeds();
    destroyed.says("one goes");
}

#[test]
fn a_plugin_that_misbehaves_refuses_and_the_other_packages_have_their_say() {
    for (label, problem) in [
        ("panic", "panicked"),
        ("loop", "processor time"),
        ("memory", "MiB of memory"),
        (
            "nonsense",
            "its plugin answered with something else: missing field `rules`",
        ),
        ("no-json", "expected value at line 1 column 1"),
        ("silent", "its plugin asked nothing"),
        ("call", "nothing was reached: SendError::Denied"),
    ] {
        let project = items("{ name: acme, plugin: checks }", label);
        project.edit(
            "konductor.yaml",
            "resources:",
            "policy:\n  packages: [{ name: sound, directory: rules }]\nresources:",
        );
        project.write(
            "rules/rules.rego",
            "package main\n\nimport rego.v1\n\ndeny contains \"never\" if false\n",
        );
        let refused = judged(&project, &["run", "--yes", "--json"]).ends_with(1);
        let decision = decisions(&refused).remove(0);
        let outcomes: Vec<&Value> = decision["packages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|package| &package["outcome"])
            .collect();
        assert_eq!(outcomes, ["unusable", "passed"], "{label}: {decision:#}");
        let told = decision["packages"][0]["problems"].to_string();
        assert!(told.contains(problem), "{label}: {told}");
        assert!(project.objects().is_empty());
    }
}

#[test]
fn a_plugin_that_imports_the_network_is_not_loaded_and_nothing_is_planned() {
    let project = items("{ name: acme, plugin: acme-checks }", "fine");
    project.edit(
        "konductor.yaml",
        "resources:",
        "plugins: { acme-checks: { source: ./acme-checks.wasm } }\nresources:",
    );
    let component = wat::parse_str(
        r#"(component (import "wasi:sockets/tcp@0.2.6" (instance))
            (instance $empty)
            (export "konductor:plugin/plugin@0.1.0" (instance $empty))
            (export "konductor:plugin/compliance@0.1.0" (instance $empty)))"#,
    );
    std::fs::write(project.folder().join("acme-checks.wasm"), component.unwrap()).unwrap();
    judged(&project, &["run", "--yes"])
        .fails_saying("site.yaml:3:5: package `acme`: ")
        .says("it imports wasi:sockets/tcp@0.2.6: plugins have no network");
    assert!(project.objects().is_empty());
}

#[test]
fn a_plugin_judges_what_is_recorded_and_what_drifted_but_not_what_is_loaded() {
    let project = items("{ name: acme, plugin: checks, on: [state, drift] }", "forbidden");
    // What was done is done: the run succeeds, and what is wrong with the state is told.
    let run = judged(&project, &["run", "--yes", "--json"]).succeeds();
    let told = decisions(&run);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(told[0]["operation"], "state");
    assert_eq!(
        told[0]["packages"][0]["findings"][0]["message"],
        "one is forbidden by state"
    );
    judged(&project, &["policy", "check", "--state"])
        .fails_saying("the state is refused by the policies of acme");
    let before = recorded(&project).len();
    judged(&project, &["watch", "--once"]).succeeds();
    let mut watched: Vec<Value> = recorded(&project)[before..]
        .iter()
        .map(|decision| decision["packages"][0]["findings"][0]["message"].clone())
        .collect();
    watched.sort_by_key(Value::to_string);
    assert_eq!(
        watched,
        ["one is forbidden by drift", "one is forbidden by state"]
    );
    let drift = judged(&project, &["drift", "--json"]).ends_with(1);
    assert_eq!(
        package(&drift)["findings"][0]["message"],
        "one is forbidden by drift"
    );

    project.edit("site.yaml", "[state, drift]", "[load]");
    judged(&project, &["plan"])
        .fails_saying("site.yaml:3:39: checks that are a plugin judge `plan`, `state` and `drift`");
}

#[test]
fn everything_wrong_with_a_package_that_is_a_plugin_is_said_with_its_place() {
    for (package, problem) in [
        (
            "{ name: acme, plugin: checks, directory: . }",
            "site.yaml:3:27: a package has one of `directory`, `source` and `plugin`",
        ),
        (
            "{ name: acme }",
            "site.yaml:3:5: a package needs `directory`, such as `directory: policies/encryption`, `source`",
        ),
        (
            "{ name: acme, plugin: checks, rego: v1 }",
            "site.yaml:3:41: `rego` says nothing of a package with `plugin`",
        ),
        ("{ name: acme, plugin: checks, digest: d1 }", "site.yaml:3:43: "),
        (
            "{ name: acme, plugin: policy }",
            "site.yaml:3:27: the plugin `policy` has no checks of its own; it evaluates packages in Rego",
        ),
        (
            "{ name: acme, plugin: ./checks.wasm }",
            "site.yaml:3:27: expected the name of a plugin, found `./checks.wasm`",
        ),
        // Not there, of another world, and other bytes than were asked for.
        (
            "{ name: acme, plugin: acme-checks }",
            "site.yaml:3:5: package `acme`: plugin `acme-checks`",
        ),
        (
            "{ name: acme, plugin: reference }",
            "site.yaml:3:5: package `acme`: the plugin `reference` manages resources and has no checks",
        ),
        (
            "{ name: acme, plugin: checks, digest: 'sha256:1111111111111111111111111111111111111111111111111111111111111111' }",
            "site.yaml:3:5: package `acme`: the plugin `checks` has the digest sha256:",
        ),
    ] {
        let project = items(package, "fine");
        judged(&project, &["run", "--yes"]).fails_saying(problem);
        assert!(project.objects().is_empty());
    }
    let project = items("{ name: acme, plugin: acme-checks }", "fine");
    judged(&project, &["policy", "list"]).fails_saying("site.yaml:3:5: package `acme`: plugin `acme-checks`");
}

#[test]
fn checks_are_locked_listed_tried_and_told_to_be_tested_where_they_are_written() {
    let project = items("{ name: acme, plugin: checks }", "fine");
    judged(&project, &["plugin", "lock"]).succeeds().says("checks");
    assert!(project.read("konductor.lock").contains("checks"));
    judged(&project, &["run", "--yes", "--locked=true"]).succeeds();
    let listed = judged(&project, &["policy", "list", "--json"]).succeeds();
    let listed = listed.events().remove(0);
    assert_eq!(
        (&listed["plugin"], &listed["name"]),
        (&json!("checks"), &json!("acme"))
    );
    judged(&project, &["policy", "list"]).says("plugin checks");
    judged(&project, &["policy", "test"])
        .fails_saying(
            "site.yaml:3:5: package `acme` is the plugin `checks`, whose tests are in its own language",
        )
        .says("konductor plugin test");

    let plan = json!({ "format_version": "1.2", "resource_changes": [{
        "address": "reference:test:Item.two", "type": "reference:test:Item", "name": "two",
        "change": { "actions": ["create"], "before": null, "after": { "label": "forbidden" } },
    }]});
    project.write("plan.json", &plan.to_string());
    let check = ["policy", "check", "--input", "plan.json", "--plugin"];
    let file = guest("checks").display().to_string();
    for plugin in ["checks", &file] {
        project
            .run([&check[..], &[plugin]].concat())
            .fails_saying("plan.json is refused by the policies of checks")
            .says("two is forbidden by");
    }
    project
        .run([&check[..], &["reference"]].concat())
        .fails_saying("the command line: package `reference`: the plugin `reference` manages resources");
    judged(&project, &["policy", "check", "--input", "plan.json"]).fails_saying("two is forbidden by");
}
