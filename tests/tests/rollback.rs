//! The way back: history, differences, and what was there at another time brought back into an emulated account.

use konductor_tests::{AwsAccount, Project};
use serde_json::{Value, json};

const PROJECT: &str = "\
name: shop
resources:
  network:
    type: aws:ec2:Vpc
    properties: { cidr_block: 10.0.0.0/16, tags: { Name: first } }
  group:
    type: aws:ec2:SecurityGroup
    properties: { name: web, description: Web servers, vpc_id: \"${network.id}\" }
outputs:
  network: ${network.id}
";
const STACK: &str = "config: { aws: { enabled: true, region: us-west-2 } }\n";

/// What stands in place of the group in the second deployment.
const SUBNET: &str = "  subnet:
    type: aws:ec2:Subnet
    properties: { vpc_id: \"${network.id}\", cidr_block: CIDR }
";

fn deployed(account: &AwsAccount) -> Project {
    let project = Project::from_text(PROJECT, STACK).with_account(account);
    project.run(["run", "--yes"]).succeeds();
    project
}

/// Gives the network another tag, takes the group away and adds a subnet.
fn change(project: &Project, cidr: &str) {
    let text = project
        .read("konductor.yaml")
        .replace("Name: first", "Name: second");
    let (before, after) = text.split_once("  group:").unwrap();
    let (_, outputs) = after.split_once("outputs:").unwrap();
    let subnet = SUBNET.replace("CIDR", cidr);
    project.write("konductor.yaml", &format!("{before}{subnet}outputs:{outputs}"));
}

fn name_tag(object: &Value) -> &Value {
    &object["Tags"]
        .as_array()
        .unwrap()
        .iter()
        .find(|tag| tag["Key"] == "Name")
        .unwrap()["Value"]
}

fn event(project: &Project, arguments: &[&str], name: &str) -> Value {
    let finished = project.run(arguments.iter().chain(&["--json"]));
    let found = finished.events().into_iter().find(|event| event["event"] == name);
    found.unwrap_or_else(|| panic!("should have an event `{name}`: {finished}"))
}

fn runs(project: &Project) -> Vec<(u64, String, String)> {
    let finished = project.run(["history", "--json"]).succeeds();
    let text = |event: &Value, member: &str| event[member].as_str().unwrap().to_owned();
    finished
        .events()
        .iter()
        .map(|event| {
            let number = event["number"].as_u64().unwrap();
            (number, text(event, "command"), text(event, "result"))
        })
        .collect()
}

#[test]
fn an_earlier_deployment_is_listed_compared_and_brought_back() {
    let account = AwsAccount::open();
    let project = deployed(&account);
    let first = account.contents();
    change(&project, "10.0.1.0/24");
    project.run(["run", "--yes"]).succeeds();
    let second = account.contents();
    assert_eq!(name_tag(&second["vpcs"][0]), "second");
    assert_eq!(account.counts()["security_groups"], Value::Null);

    // A plan is a run that changed nothing: it has a number and is not listed.
    project.run(["plan"]).succeeds();
    let told = runs(&project);
    assert_eq!(
        told,
        [
            (1, "run".to_owned(), "succeeded".to_owned()),
            (2, "run".to_owned(), "succeeded".to_owned())
        ]
    );

    let difference = event(&project, &["diff", "1", "2"], "difference");
    let became: Vec<(&str, &str)> = difference["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|resource| {
            (
                resource["name"].as_str().unwrap(),
                resource["became"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        became,
        [("group", "removed"), ("subnet", "added"), ("network", "changed")]
    );
    assert_eq!(difference["resources"][2]["changes"][0]["path"], "tags.Name");
    project
        .run(["diff", "1", "1", "--detailed-exitcode"])
        .ends_with(0);
    project.run(["diff", "1", "--detailed-exitcode"]).ends_with(2);

    let then = project.run(["state", "at", "1", "group", "--json"]).succeeds();
    let group = &then.events()[0];
    assert_eq!(group["id"], first["security_groups"][0]["GroupId"]);

    // A dry run changes nothing.
    project.run(["rollback", "--to", "1", "--dry-run"]).succeeds();
    assert_eq!(account.contents()["vpcs"], second["vpcs"]);

    let back = project.run(["rollback", "--to", "1", "--yes"]).succeeds();
    assert!(
        back.stdout
            .contains("the next `konductor run` plans to what it declares"),
        "{back}"
    );
    let now = account.contents();
    assert_eq!(name_tag(&now["vpcs"][0]), "first");
    assert_eq!(now["vpcs"][0]["VpcId"], first["vpcs"][0]["VpcId"]);
    assert_eq!(account.counts()["subnets"], Value::Null);
    let (group, before) = (&now["security_groups"][0], &first["security_groups"][0]);
    assert_eq!(
        (&group["GroupName"], &group["VpcId"]),
        (&before["GroupName"], &before["VpcId"])
    );
    assert_ne!(
        group["GroupId"], before["GroupId"],
        "the group that was deleted cannot come back itself"
    );
    project.run(["log", "verify"]).succeeds();
    assert_eq!(runs(&project).last().unwrap().1, "rollback");

    // What the first deployment declared is there: with its configuration there is nothing to do.
    project.write("konductor.yaml", PROJECT);
    project.assert_nothing_to_do();

    project.run(["rollback", "--to", "0", "--yes"]).succeeds();
    account.assert_empty();
    // From nothing, everything is made anew and linked to what it is now.
    project.run(["rollback", "--to", "1", "--yes"]).succeeds();
    let anew = account.contents();
    assert_ne!(anew["vpcs"][0]["VpcId"], first["vpcs"][0]["VpcId"]);
    assert_eq!(anew["security_groups"][0]["VpcId"], anew["vpcs"][0]["VpcId"]);
    let outputs = project.run(["output", "network"]).succeeds();
    assert_eq!(json!(outputs.stdout.trim()), anew["vpcs"][0]["VpcId"]);
}

#[test]
fn a_point_that_is_none_is_an_error_that_says_what_there_is() {
    let account = AwsAccount::open();
    let project = deployed(&account);
    let missing = project.run(["diff", "7"]).ends_with(1);
    assert!(
        missing.stderr.contains("there is no run 7: the log has 1"),
        "{missing}"
    );
    let missing = project.run(["state", "at", "entry:9999"]).ends_with(1);
    assert!(missing.stderr.contains("the log ends with entry"), "{missing}");
    let wrong = project.run(["rollback", "--to", "yesterdayish"]).ends_with(1);
    assert!(wrong.stderr.contains("expected a run's number"), "{wrong}");
    let before = project.run(["state", "at", "2001-01-01"]).succeeds();
    assert!(before.stdout.contains("Nothing was recorded then"), "{before}");
}

#[test]
fn a_failed_run_leaves_what_was_there_before_it_when_the_safeguards_say_so() {
    let account = AwsAccount::open();
    let project = deployed(&account);
    // Somebody changed the tag: that, and not what was recorded, is what there was before the run.
    let vpc = account.contents()["vpcs"][0]["VpcId"].clone();
    account.call(
        "ec2",
        "create_tags",
        json!({ "Resources": [vpc], "Tags": [{ "Key": "Name", "Value": "by hand" }] }),
    );
    // A block outside of the network's: the cloud refuses it after the tag was changed.
    change(&project, "192.168.0.0/24");
    let failed = project.run(["run", "--yes", "--parallelism", "1"]).ends_with(1);
    assert!(!failed.stdout.contains("Rolling back"), "{failed}");
    assert_eq!(name_tag(&account.contents()["vpcs"][0]), "second");

    account.call(
        "ec2",
        "create_tags",
        json!({ "Resources": [vpc], "Tags": [{ "Key": "Name", "Value": "by hand" }] }),
    );
    let safe = ["run", "--yes", "--set", "safeguards.rollback_enabled=true"];
    let failed = project.run(safe).ends_with(1);
    assert!(
        failed.stdout.contains("what was there before it is there again"),
        "{failed}"
    );
    let contents = account.contents();
    assert_eq!(name_tag(&contents["vpcs"][0]), "by hand");
    assert_eq!(account.counts()["subnets"], Value::Null);
    let (_, command, result) = runs(&project).pop().unwrap();
    assert_eq!((command.as_str(), result.as_str()), ("run", "rolled-back"));
    project.run(["log", "verify"]).succeeds();
}

#[test]
fn what_is_not_as_planned_after_the_time_for_it_is_rolled_back() {
    let account = AwsAccount::open();
    let mut text = PROJECT.to_owned();
    for number in 0..8 {
        let group = format!(
            "  group-{number}:\n    type: aws:ec2:SecurityGroup\n    properties: {{ name: web-{number}, description: Web, vpc_id: \"${{network.id}}\" }}\n"
        );
        text = text.replace("outputs:", &format!("{group}outputs:"));
    }
    let project = Project::from_text(&text, STACK).with_account(&account);
    let arguments = [
        "run",
        "--yes",
        "--parallelism",
        "1",
        "--json",
        "--set",
        "safeguards.rollback_enabled=true",
        "--set",
        "safeguards.validation_timeout=3s",
    ];
    let mut running = project.start(arguments);
    // Another hand changes the network as soon as it is there, long before the last group is.
    let created = running.wait_for_event("operation-finished");
    account.call(
        "ec2",
        "create_tags",
        json!({ "Resources": [created["id"]], "Tags": [{ "Key": "Name", "Value": "by hand" }] }),
    );
    let finished = running.finish().ends_with(1);
    let validated = finished
        .events()
        .into_iter()
        .find(|event| event["event"] == "validated")
        .unwrap();
    assert_eq!(validated["sound"], false);
    assert_eq!(validated["differs"][0]["name"], "network");
    account.assert_empty();
}

#[test]
fn what_the_cloud_has_as_planned_is_said_to_be_validated() {
    let account = AwsAccount::open();
    let project = Project::from_text(PROJECT, STACK).with_account(&account);
    let arguments = ["run", "--yes", "--set", "safeguards.validation_timeout=1m"];
    let validated = event(&project, &arguments, "validated");
    assert_eq!(
        (&validated["sound"], &validated["resources"]),
        (&json!(true), &json!(2))
    );
    // Nothing changes, so nothing is read again.
    let again = project.run(arguments.iter().chain(&["--json"])).succeeds();
    assert!(
        again.events().iter().all(|event| event["event"] != "validated"),
        "{again}"
    );
}

#[test]
fn names_that_were_changed_by_hand_are_in_the_history_and_changed_back() {
    let account = AwsAccount::open();
    let project = deployed(&account);
    let before = account.contents();
    project.run(["state", "move", "group", "servers"]).succeeds();
    assert_eq!(runs(&project).last().unwrap().1, "state move");
    project.run(["rollback", "--to", "1", "--yes"]).succeeds();
    assert!(project.objects().contains_key("group"));
    assert_eq!(account.contents()["security_groups"], before["security_groups"]);
    project.assert_nothing_to_do();
}
