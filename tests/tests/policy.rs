//! Policies judge every plan: what they refuse is not done, what they say is recorded, and what one of them does to the
//! evaluator harms nothing.

use konductor_tests::{AwsAccount, Finished, Project};
use serde_json::{Value, json};

const PACKAGES: &str = "policy:
  packages:
    - { name: storage, directory: policies/storage, level: LEVEL }
    - { name: advice, directory: policies/advice, level: advisory }
";

/// As it could stand in a collection for Terraform: nothing in it knows of Konductor.
const STORAGE: &str = "package main

import rego.v1

deny contains msg if {
    some change in input.resource_changes
    change.type == \"aws_s3_bucket\"
    \"create\" in change.change.actions
    not change.change.after.tags.owner
    msg := sprintf(\"%s has no owner\", [change.address])
}
";

/// The same way of writing, about types that are Konductor's alone.
const ITEMS: &str = "package main

import rego.v1

deny contains msg if {
    some change in input.resource_changes
    change.type == \"reference:test:Item\"
    change.change.after.label == \"forbidden\"
    msg := sprintf(\"%s is forbidden\", [change.name])
}

deny_deletion contains msg if {
    some change in input.resource_changes
    change.change.actions == [\"delete\"]
    change.change.before.label == \"kept\"
    msg := sprintf(\"%s is kept\", [change.name])
}
";

const ADVICE: &str = "package advice

import rego.v1

warn contains sprintf(\"%s of %s\", [input.konductor.operation, input.konductor.stack])

deny contains \"advice is only told\"
";

fn items(level: &str, label: &str) -> Project {
    let resources =
        format!("resources:\n  one:\n    type: reference:test:Item\n    properties: {{ label: {label} }}\n");
    let packages = PACKAGES.replace("LEVEL", level);
    let project = Project::from_text(&format!("name: items\n{packages}{resources}"), "config: {}\n");
    project.write("policies/storage/items.rego", ITEMS);
    project.write("policies/advice/advice.rego", ADVICE);
    project
}

fn decision(finished: &Finished) -> Value {
    let events = finished.events();
    let found = events.iter().find(|event| event["event"] == "policy-decision");
    found
        .unwrap_or_else(|| panic!("should have judged: {finished}"))
        .clone()
}

fn recorded(project: &Project) -> Vec<Value> {
    let shown = project.run(["log", "show", "--all", "--json"]).succeeds();
    shown
        .events()
        .into_iter()
        .map(|event| event["content"].clone())
        .filter(|content| content["entry"] == "policy-decided")
        .collect()
}

fn outcomes(decision: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    decision["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| (text(&package["name"]), text(&package["outcome"])))
        .collect()
}

fn pair(name: &str, outcome: &str) -> (String, String) {
    (name.to_owned(), outcome.to_owned())
}

#[test]
fn a_rule_written_for_terraform_keeps_a_bucket_out_of_the_account_until_it_is_as_it_should_be() {
    let account = AwsAccount::open();
    let packages = PACKAGES.replace("LEVEL", "mandatory");
    let project = Project::from_text(
        &format!(
            "name: shop\n{packages}resources:\n  logs:\n    type: aws:s3:Bucket\n    properties: {{ bucket: shop-logs }}\n"
        ),
        "config: { aws: { enabled: true, region: us-west-2 } }\n",
    )
    .with_account(&account);
    project.write("policies/storage/buckets.rego", STORAGE);
    project.write("policies/advice/advice.rego", ADVICE);

    let planned = project
        .run(["plan"])
        .fails_saying("the plan is refused by the policies of storage");
    let planned = planned.says("aws_s3_bucket.logs has no owner");
    planned.says("advice is only told").says("apply of dev");
    project
        .run(["run", "--yes"])
        .fails_saying("aws_s3_bucket.logs has no owner");
    account.assert_empty();
    let written = account.requests_of_konductor();
    assert!(
        written.iter().all(|request| request["method"] != "PUT"),
        "nothing may be written: {written:?}"
    );

    project.edit(
        "konductor.yaml",
        "{ bucket: shop-logs }",
        "{ bucket: shop-logs, tags: { owner: me } }",
    );
    project.run(["run", "--yes"]).succeeds();
    assert_eq!(account.counts(), json!({ "buckets": 1 }));

    let told = recorded(&project);
    let allowed: Vec<&Value> = told.iter().map(|decision| &decision["allowed"]).collect();
    assert_eq!(allowed, [&json!(false), &json!(false), &json!(true)]);
    assert_eq!(
        told[1]["packages"][0]["findings"],
        json!([{ "rule": "data.main.deny", "message": "aws_s3_bucket.logs has no owner" }])
    );
    assert_eq!(told[1]["packages"][0]["place"], "konductor.yaml:4:7");
}

#[test]
fn every_command_that_changes_something_passes_the_gate() {
    let project = items("mandatory", "kept");
    project.run(["run", "--yes"]).succeeds();

    // Destroying, as `destroy` and as a plan to do so.
    for arguments in [
        &["destroy", "--yes"][..],
        &["destroy", "--dry-run"],
        &["plan", "--destroy"],
    ] {
        project.run(arguments).fails_saying("one is kept");
    }
    assert_eq!(project.objects().len(), 1);

    // A deployment, a saved plan of one, and the way back to one.
    project.edit("konductor.yaml", "label: kept", "label: forbidden");
    project.run(["run", "--dry-run"]).fails_saying("one is forbidden");
    project.run(["apply", "--yes"]).fails_saying("one is forbidden");
    let saved = project.run(["plan", "--out", "plan.bin"]);
    saved
        .fails_saying("one is forbidden")
        .says("judges it again before it does this");
    project
        .run(["apply", "plan.bin"])
        .fails_saying("one is forbidden");
    project
        .run(["policy", "check", "plan.bin"])
        .fails_saying("one is forbidden");

    let without = project.read("konductor.yaml");
    project.write(
        "konductor.yaml",
        &without.replace("level: mandatory", "level: advisory"),
    );
    project.run(["run", "--yes"]).succeeds().says("one is forbidden");
    project.write(
        "konductor.yaml",
        &without.replace("label: forbidden", "label: fine"),
    );
    project.run(["run", "--yes"]).succeeds();
    let runs = project.run(["history", "--json"]).succeeds().events();
    let before = runs[runs.len() - 2]["number"].to_string();
    let back = project.run(["rollback", "--to", before.as_str(), "--yes"]);
    back.fails_saying("one is forbidden");
}

#[test]
fn a_soft_mandatory_package_is_overridden_with_a_reason_that_is_kept() {
    let project = items("soft-mandatory", "forbidden");
    let refused = project.run(["run", "--yes"]).ends_with(1);
    refused.says("--override-policy 'storage=REASON'");
    for (given, problem) in [
        ("storage=", "is overridden without a reason"),
        (
            "other=x",
            "there is no package `other` to override; there are storage, advice",
        ),
        ("storage", "is not an override"),
    ] {
        project
            .run(["run", "--yes", "--override-policy", given])
            .fails_saying(problem);
    }
    assert!(project.objects().is_empty());
    let allowed = project
        .run([
            "run",
            "--yes",
            "--override-policy",
            "storage=ticket 4711",
            "--json",
        ])
        .succeeds();
    assert_eq!(
        outcomes(&decision(&allowed)),
        [pair("storage", "overridden"), pair("advice", "advised")]
    );
    assert_eq!(project.objects().len(), 1);
    let last = recorded(&project).pop().unwrap();
    assert_eq!(last["packages"][0]["override_reason"], "ticket 4711");
    project
        .run(["log", "show"])
        .says("storage overridden (ticket 4711)");

    project.edit("konductor.yaml", "level: soft-mandatory", "level: mandatory");
    project
        .run(["run", "--yes", "--override-policy", "storage=ticket 4711"])
        .fails_saying(
            "package `storage` is mandatory and cannot be overridden; who may change konductor.yaml:4:7",
        );
}

#[test]
fn no_policy_sees_a_secret() {
    // A rule that says everything it is shown.
    let leak = "package leak\n\nimport rego.v1\n\ndeny contains json.marshal(input)\n";
    let project = Project::from_text(
        "name: items
policy:
  packages: [{ name: leak, directory: policies, level: advisory }]
resources:
  one:
    type: reference:test:Item
    properties: { label: shown, value: \"${project:token}\" }
    options: { sensitive: [value] }
",
        "config: { project: { token: hunter2 } }\n",
    );
    project.write("policies/leak.rego", leak);
    let planned = project.run(["plan", "--json"]).succeeds();
    let said = decision(&planned)["packages"][0]["findings"][0]["message"].to_string();
    assert!(said.contains("shown"), "{said}");
    // Only the resource's value is secret: the setting itself is not, and modules are told it.
    let document: Value = serde_json::from_str(&serde_json::from_str::<String>(&said).unwrap()).unwrap();
    let change = &document["resource_changes"][0]["change"];
    assert_eq!(change["after"]["value"], "(secret)", "{change}");
    assert_eq!(change["after_sensitive"], json!({ "value": true }), "{change}");
    assert!(!document["resource_changes"].to_string().contains("hunter2"));
    assert!(!document["planned_values"].to_string().contains("hunter2"));
}

#[test]
fn a_policy_that_panics_loops_or_takes_all_the_memory_there_is_ends_alone() {
    let packages = "policy:
  packages:
    - { name: loops, directory: policies/loops, level: mandatory }
    - { name: eats, directory: policies/eats, level: mandatory }
    - { name: panics, directory: policies/panics, level: mandatory }
    - { name: nests, directory: policies/nests, level: mandatory }
    - { name: sound, directory: policies/sound, level: mandatory }
";
    let project = Project::from_text(
        &format!(
            "name: items\n{packages}resources:\n  one:\n    type: reference:test:Item\n    properties: {{ label: forbidden }}\n"
        ),
        "config: {}\n",
    );
    project.write(
        "policies/loops/loop.rego",
        "package loops\n\nimport rego.v1\n\ndeny contains \"never\" if {\n\tsome a in numbers.range(1, 20000)\n\tsome b in numbers.range(1, 20000)\n\ta * b == 0\n}\n",
    );
    project.write(
        "policies/eats/eat.rego",
        "package eats\n\nimport rego.v1\n\ndeny contains \"never\" if {\n\tcount([a | some a in numbers.range(1, 50000000)]) == 0\n}\n",
    );
    // A panic of the engine's own.
    project.write(
        "policies/panics/count.rego",
        "package panics\n\nimport rego.v1\n\ndeny contains \"never\" if {\n\tstrings.count(\"abc\", \"\") > 0\n}\n",
    );
    let (open, close) = ("[".repeat(20_000), "]".repeat(20_000));
    project.write(
        "policies/nests/deep.rego",
        &format!("package nests\n\nimport rego.v1\n\ndeny contains x if {{\n\tx := {open}{close}\n}}\n"),
    );
    project.write("policies/sound/items.rego", ITEMS);
    let refused = project.run(["run", "--yes", "--json"]).ends_with(1);
    let decision = decision(&refused);
    assert_eq!(
        outcomes(&decision),
        [
            pair("loops", "unusable"),
            pair("eats", "unusable"),
            pair("panics", "unusable"),
            pair("nests", "unusable"),
            pair("sound", "denied")
        ],
        "{decision:#}"
    );
    let problem = |index: usize| decision["packages"][index]["problems"][0]["message"].to_string();
    assert!(problem(0).contains("processor time"), "{}", problem(0));
    assert!(problem(1).contains("MiB of memory"), "{}", problem(1));
    assert!(problem(2).contains("panicked: window size"), "{}", problem(2));
    assert!(problem(3).contains("overflowed its stack"), "{}", problem(3));
    assert!(project.objects().is_empty());
}

#[test]
fn everything_wrong_with_the_packages_is_said_with_its_place() {
    let project = Project::from_text(
        "name: items
policy:
  packages:
    - { name: storage, directory: policies/storage, level: strict }
    - { name: storage, directory: policies/none }
    - { directory: policies/storage, rego: v3, namespaces: [] }
    - { name: 'a b', directory: policies/storage, levle: mandatory }
",
        "config: {}\n",
    );
    project.write("policies/storage/items.rego", ITEMS);
    let refused = project.run(["plan", "--json"]).ends_with(1);
    let told: Vec<String> = refused
        .events()
        .iter()
        .filter_map(|event| Some(event["summary"].as_str()?.to_owned()))
        .collect();
    for expected in [
        "konductor.yaml:4:60: expected `advisory`, `soft-mandatory` or `mandatory` for `level`, found `strict`",
        "konductor.yaml:5:35: there is no folder",
        "konductor.yaml:6:7: a package needs `name`",
        "konductor.yaml:6:44: expected `v1` or `v0` for `rego`, found `v3`",
        "`namespaces` names none",
        "konductor.yaml:7:15: `a b` is not the name of a package",
        "`levle` is not known in a package",
    ] {
        assert!(
            told.iter().any(|problem| problem.contains(expected)),
            "{expected}\nin {told:#?}"
        );
    }

    // Errors in the rules have the place in their file, and count as a refusal.
    let project = items("mandatory", "fine");
    project.write("policies/storage/broken.rego", "package broken\n\nx := ]\n");
    let refused = project.run(["plan"]).ends_with(1);
    refused
        .says("policies/storage/broken.rego:3:6: ")
        .says("could not be evaluated");
}

#[test]
fn what_stays_as_it_is_is_judged_and_time_is_now() {
    let project = items("mandatory", "fine");
    project.run(["run", "--yes"]).succeeds();
    project.write(
        "policies/storage/items.rego",
        "package main

import rego.v1

deny contains msg if {
    some change in input.resource_changes
    change.change.actions == [\"no-op\"]
    msg := sprintf(\"%s is as it was: %s %s\", [change.name, change.change.before.label, change.change.after.label])
}

deny_time contains \"it is long ago\" if {
    time.now_ns() < time.parse_rfc3339_ns(\"2025-01-01T00:00:00Z\")
}
",
    );
    let planned = project.run(["plan", "--json"]).ends_with(1);
    let findings = decision(&planned)["packages"][0]["findings"].clone();
    assert_eq!(
        findings,
        json!([{ "rule": "data.main.deny", "message": "one is as it was: fine fine" }])
    );
}

#[test]
fn tests_of_policies_are_run_with_their_coverage() {
    let project = items("mandatory", "fine");
    project.write(
        "policies/storage/items_test.rego",
        "package main_test

import rego.v1

import data.main

test_forbidden_is_denied if {
    change := {\"type\": \"reference:test:Item\", \"name\": \"a\", \"change\": {\"after\": {\"label\": \"forbidden\"}}}
    \"a is forbidden\" in main.deny with input as {\"resource_changes\": [change]}
}
",
    );
    let tested = project
        .run(["policy", "test", "policies/storage", "--coverage", "--json"])
        .succeeds();
    let events = tested.events();
    let finished = events.last().unwrap();
    assert_eq!(finished["passed"], 1, "{finished}");
    let coverage = finished["coverage"].as_f64().unwrap();
    assert!(coverage > 20.0 && coverage < 90.0, "{coverage}");
    let tests = events
        .iter()
        .find(|event| event["event"] == "policy-tests")
        .unwrap();
    let file = &tests["coverage"][0];
    assert_eq!(file["path"], "policies/storage/items.rego");
    assert!(
        file["not_covered"].as_array().unwrap().contains(&json!(16)),
        "{file}"
    );
    project
        .run(["policy", "test", "policies/storage", "--least", "90"])
        .fails_saying("and 90 % are asked for");

    project.edit(
        "policies/storage/items_test.rego",
        "\"a is forbidden\" in",
        "\"b is forbidden\" in",
    );
    let failed = project.run(["policy", "test", "policies/storage"]).ends_with(1);
    failed
        .says("data.main_test.test_forbidden_is_denied")
        .says("items_test.rego:7: it does not hold");
    // The packages of the project: one of them has no test, which is not hidden by the other.
    project
        .run(["policy", "test"])
        .ends_with(1)
        .says("0 passed, 1 failed");
    project
        .run(["policy", "test", "policies/advice"])
        .fails_saying("there is no test to run");
    let listed = project.run(["policy", "list"]).succeeds();
    listed.says("storage").says("konductor.yaml:4:7");
}

#[test]
fn a_hundred_packages_judge_a_thousand_resources() {
    let mut packages = String::from("policy:\n  packages:\n");
    let project = Project::empty();
    for number in 0..100 {
        packages.push_str(&format!(
            "    - {{ name: p{number}, directory: policies/p{number}, level: advisory }}\n"
        ));
        project.write(
            &format!("policies/p{number}/rule.rego"),
            &format!(
                "package p{number}

import rego.v1

items contains change if {{
    some change in input.resource_changes
    change.type == \"reference:test:Item\"
    not \"delete\" in change.change.actions
}}

deny contains msg if {{
    some item in items
    not item.change.after.tags.owner
    endswith(item.name, \"/item-{number}\")
    msg := sprintf(\"%s has no owner\", [item.name])
}}
"
            ),
        );
    }
    project.write(
        "konductor.yaml",
        &format!(
            "name: items\n{packages}resources:\n  group:\n    type: reference:test:Group\n    properties: {{ count: 1000 }}\n"
        ),
    );
    project.write("konductor.dev.yaml", "config: {}\n");
    let planned = project.run(["plan", "--json"]).succeeds();
    let decision = decision(&planned);
    let packages = decision["packages"].as_array().unwrap();
    assert_eq!(packages.len(), 100);
    for package in packages {
        assert_eq!(package["outcome"], "advised", "{package}");
        assert_eq!(package["denied"], 1, "{package}");
    }
    // Far above what it takes, for machines that do much else: docs/policy.md has the figure.
    let milliseconds = decision["milliseconds"].as_u64().unwrap();
    assert!(milliseconds < 15_000, "{milliseconds} ms");
    println!("100 packages over 1,000 resources: {milliseconds} ms");
}

/// A plan as another tool writes it, and policies that nobody wrote for this one.
#[test]
fn a_document_from_elsewhere_is_judged_by_a_folder_without_a_project() {
    let project = Project::empty();
    project.write("policies/storage.rego", STORAGE);
    project.write(
        "old/old.rego",
        "package main\n\ndeny[msg] {\n  input.resource_changes[_].type == data.forbidden[_]\n  msg := \"forbidden\"\n}\n\nwarn[\"told\"]\n",
    );
    project.write("old/mock.json", "{\"forbidden\": [\"aws_s3_bucket\"]}");
    project.write(
        "old/old_test.rego",
        "package main\n\ntest_mock { deny[\"forbidden\"] with input as {\"resource_changes\": [{\"type\": \"aws_s3_bucket\"}]} }\n",
    );
    let plan = |after: Value| {
        let change = json!({ "actions": ["create"], "after": after });
        let bucket = json!({ "address": "aws_s3_bucket.logs", "type": "aws_s3_bucket", "change": change });
        json!({ "resource_changes": [bucket] }).to_string()
    };
    project.write("bad.json", &plan(json!({})));
    project.write("good.json", &plan(json!({ "tags": { "owner": "me" } })));

    let check = ["policy", "check", "--directory", "policies", "--input"];
    let refused = project.run([&check[..], &["bad.json"]].concat());
    refused
        .ends_with(1)
        .fails_saying("bad.json is refused by the policies of policies")
        .says("aws_s3_bucket.logs has no owner");
    project.run([&check[..], &["good.json"]].concat()).succeeds();

    let old = [
        "policy",
        "check",
        "--directory",
        "old",
        "--rego",
        "v0",
        "--input",
        "good.json",
    ];
    project.run(old).succeeds().says("warning: told");
    let with_data = [&old[..], &["--data", "old/mock.json"]].concat();
    project
        .run(with_data.clone())
        .fails_saying("forbidden (data.main.deny)");
    let elsewhere = [&with_data[..], &["--namespace", "other"]].concat();
    project.run(elsewhere).succeeds();
    let test = ["policy", "test", "old", "--rego", "v0"];
    project.run(test).ends_with(1).says("0 passed, 1 failed");
    let test = [&test[..], &["--data", "old/mock.json"]].concat();
    project.run(test).succeeds().says("1 passed, 0 failed");

    project.write("broken.json", "{\n  nothing\n}");
    let broken = project.run([&check[..], &["broken.json"]].concat());
    broken.fails_saying("broken.json:2:3: expected a document in JSON");
    let none = project.run(["policy", "check", "--input", "good.json"]);
    none.fails_saying("there is no package of policies to judge the document");
}
