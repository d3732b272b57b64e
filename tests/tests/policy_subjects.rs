//! Policies on what is recorded, on drift, and on plugins before they are loaded.

use konductor_tests::{AlertReceiver, AwsAccount, Finished, Project};
use serde_json::{Value, json};

const STATE: &str = "package main

import rego.v1

deny contains msg if {
    some resource in input.values.root_module.resources
    resource.values.label == \"forbidden\"
    msg := sprintf(\"%s is forbidden by %s\", [resource.address, input.konductor.operation])
}
";

const LOAD: &str = "package main

import rego.v1

deny contains msg if {
    input.plugin.name == \"reference\"
    not input.plugin.signer
    msg := sprintf(\"%s is signed by nobody, and is %s\", [input.plugin.manifest.name, input.plugin.source])
}

deny contains \"the judge was judged\" if input.plugin.name == \"policy\"
";

const DRIFT: &str = "package main

import rego.v1

deny contains msg if {
    some found in input.resource_drift
    found.type == \"aws_s3_bucket\"
    msg := sprintf(\"%s: %v became %v, and %d are recorded\", [
        found.address,
        found.change.before.tags,
        found.change.after.tags,
        count(input.planned_values.root_module.resources),
    ])
}
";

fn items(package: &str, rules: &str) -> Project {
    let project = Project::from_text(
        &format!(
            "name: items\npolicy:\n  packages:\n    - {package}\nresources:\n  one:\n    type: reference:test:Item\n    properties: {{ label: forbidden }}\n"
        ),
        "config: {}\n",
    );
    project.write("rules/rules.rego", rules);
    project
}

fn decisions(finished: &Finished) -> Vec<Value> {
    let events = finished.events().into_iter();
    events
        .filter(|event| event["event"] == "policy-decision")
        .collect()
}

/// The operation and whether it was allowed, of everything that was recorded.
fn recorded(project: &Project) -> Vec<(Value, Value)> {
    let shown = project.run(["log", "show", "--all", "--json"]).succeeds();
    shown
        .events()
        .into_iter()
        .map(|event| event["content"].clone())
        .filter(|content| content["entry"] == "policy-decided")
        .map(|content| (content["operation"].clone(), content["allowed"].clone()))
        .collect()
}

#[test]
fn a_package_on_the_state_judges_no_plan_and_what_is_recorded() {
    let project = items("{ name: records, directory: rules, on: [state] }", STATE);
    // What was done is done: the run succeeds, and what is wrong with the state is told.
    let run = project.run(["run", "--yes", "--json"]).succeeds();
    let told = decisions(&run);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(
        (&told[0]["operation"], &told[0]["allowed"]),
        (&json!("state"), &json!(false))
    );

    let checked = project.run(["policy", "check", "--state"]).ends_with(1);
    checked
        .fails_saying("the state is refused by the policies of records")
        .says("reference:test:Item.one is forbidden by state");
    assert_eq!(recorded(&project), vec![(json!("state"), json!(false)); 2]);

    let printed = project
        .run(["policy", "check", "--state", "--print-input"])
        .succeeds()
        .json();
    assert_eq!(
        printed["values"]["root_module"]["resources"][0]["values"]["label"],
        "forbidden"
    );

    project.edit("konductor.yaml", "label: forbidden", "label: fine");
    project.run(["run", "--yes"]).succeeds();
    project.run(["policy", "check", "--state"]).succeeds();

    project.edit("konductor.yaml", "on: [state]", "on: [plan]");
    project
        .run(["policy", "check", "--state"])
        .fails_saying("there is no package of policies to judge the state");
}

#[test]
fn a_plugin_that_policies_refuse_is_not_loaded_but_for_the_one_that_judges() {
    let project = items("{ name: supply, directory: rules, on: [load] }", LOAD);
    let refused = project.run(["run", "--yes"]).ends_with(1);
    let refused = refused.fails_saying(
        "the plugin `reference` (supply: reference is signed by nobody, and is bundled) is refused",
    );
    assert!(!refused.everything().contains("the judge was judged"));
    assert!(project.objects().is_empty());
    assert_eq!(recorded(&project), [(json!("load"), json!(false))]);
    // A command that changes nothing loads it no more than one that does.
    project
        .run(["plan"])
        .fails_saying("is refused by the policies of supply");

    project.edit(
        "konductor.yaml",
        "on: [load]",
        "on: [load], level: soft-mandatory",
    );
    project
        .run(["run", "--yes"])
        .fails_saying("--override-policy 'supply=REASON'");
    project
        .run(["run", "--yes", "--override-policy", "supply=ticket 4711"])
        .succeeds();
    assert_eq!(project.objects().len(), 1);
    assert_eq!(recorded(&project).last(), Some(&(json!("load"), json!(true))));

    project.edit("konductor.yaml", "level: soft-mandatory", "level: advisory");
    project
        .run(["run", "--yes"])
        .succeeds()
        .says("is signed by nobody");
}

#[test]
fn what_packages_judge_is_a_list_of_known_words() {
    for wrong in ["[]", "[plans]", "plan"] {
        let project = items(&format!("{{ name: p, directory: rules, on: {wrong} }}"), STATE);
        project.run(["plan"]).fails_saying("konductor.yaml:4:");
    }
}

#[test]
fn drift_is_judged_with_what_was_recorded_and_what_is_there() {
    let account = AwsAccount::open();
    let project = Project::from_text(
        "name: shop\npolicy:\n  packages:\n    - { name: outside, directory: rules, on: [drift] }\nresources:\n  logs:\n    type: aws:s3:Bucket\n    properties: { bucket: konductor-policy-drift, tags: { owner: me } }\n",
        "config: { aws: { enabled: true, region: us-west-2 } }\n",
    )
    .with_account(&account);
    project.write("rules/rules.rego", DRIFT);
    project.run(["run", "--yes"]).succeeds();
    project.run(["drift"]).succeeds();

    account.call(
        "s3",
        "put_bucket_tagging",
        json!({ "Bucket": "konductor-policy-drift", "Tagging": { "TagSet": [{ "Key": "owner", "Value": "them" }] } }),
    );
    let drifted = project.run(["drift"]).ends_with(1);
    let drifted = drifted.fails_saying("the drift is refused by the policies of outside");
    drifted
        .says("became {\"owner\": \"them\"")
        .says("and 1 are recorded");
    let told = decisions(&project.run(["drift", "--json"]));
    assert_eq!(told[0]["operation"], "drift");
    assert_eq!(recorded(&project).len(), 3);
    // The repair is what the policy asks for.
    project.run(["drift", "--remediate", "--yes"]).succeeds();
    project.run(["drift"]).succeeds();
}

#[test]
fn what_policies_say_in_a_watch_is_told_once_and_again_when_it_is_something_else() {
    let receiver = AlertReceiver::start();
    let project = items(
        "{ name: records, directory: rules, on: [state], level: advisory }",
        STATE,
    );
    project.write(
        "konductor.dev.yaml",
        &format!(
            "config:\n  drift:\n    alerts: [{{ name: hook, webhook: \"{}\" }}]\n",
            receiver.url("/hook")
        ),
    );
    project.run(["run", "--yes"]).succeeds();
    project.run(["watch", "--once"]).succeeds();
    project.run(["watch", "--once"]).succeeds();
    project.edit("rules/rules.rego", "is forbidden by", "may not be in");
    project.run(["watch", "--once"]).succeeds();
    let bodies: Vec<Value> = receiver
        .rest()
        .into_iter()
        .map(|alert| alert["body"].clone())
        .collect();
    let told: Vec<&Value> = bodies.iter().map(|body| &body["policies"]).collect();
    assert_eq!(
        told,
        [
            &json!(["records: reference:test:Item.one is forbidden by state"]),
            &json!(["records: reference:test:Item.one may not be in state"]),
        ]
    );
    assert_eq!(bodies[0]["state"], "drifted");
}
