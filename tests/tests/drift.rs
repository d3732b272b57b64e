//! Drift in an emulated account: somebody else changes things through boto3, and boto3 looks at what became of them.

use konductor_tests::{AwsAccount, Project};
use serde_json::{Value, json};

const STACK: &str = "config:\n  aws: { region: us-west-2 }\n";

const PROJECT: &str = "name: shop
resources:
  network:
    type: aws:ec2:Vpc
    properties: { cidr_block: 10.60.0.0/16, tags: { Name: network } }
  web:
    type: aws:ec2:SecurityGroup
    properties: { vpc_id: \"${network.vpc_id}\", name: web, description: Web servers }
  https:
    type: aws:ec2:SecurityGroupRule
    properties:
      security_group_id: ${web.group_id}
      direction: ingress
      protocol: tcp
      from_port: 443
      to_port: 443
      cidr_ipv4: 10.0.0.0/8
  data:
    type: aws:ec2:Volume
    properties: { availability_zone: us-west-2a, size: 10, volume_type: gp3, encrypted: true }
  documents:
    type: aws:s3:Bucket
    properties: { bucket: konductor-drift-documents }
  versions:
    type: aws:s3:BucketVersioning
    properties: { bucket: \"${documents.bucket}\" }
";

fn deployed(account: &AwsAccount) -> Project {
    let project = Project::from_text(PROJECT, STACK).with_account(account);
    project.run(["run", "--yes"]).succeeds();
    project
}

/// The one event `drift` of a run.
#[track_caller]
fn found(project: &Project, arguments: &[&str]) -> Value {
    let finished = project.run([&["drift", "--json"], arguments].concat()).succeeds();
    let event = finished
        .events()
        .into_iter()
        .find(|event| event["event"] == "drift");
    event.unwrap_or_else(|| panic!("should have an event `drift`: {finished}"))
}

/// What was found, as `severity name kind path`.
fn told(found: &Value) -> Vec<String> {
    found["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|difference| {
            let text = |member: &str| difference[member].as_str().unwrap_or_default().to_owned();
            [text("severity"), text("name"), text("kind"), text("path")]
                .join(" ")
                .trim_end()
                .to_owned()
        })
        .collect()
}

fn id_of(project: &Project, name: &str) -> String {
    project.objects()[name].1.clone()
}

#[test]
fn what_boto3_changes_and_deletes_is_told_with_its_severity_and_nothing_is_changed() {
    let account = AwsAccount::open();
    let project = deployed(&account);
    project
        .run(["drift", "--detailed-exitcode"])
        .ends_with(0)
        .says("No drift: 6 objects are as they were deployed.");

    let vpc = id_of(&project, "network");
    account.call(
        "ec2",
        "create_tags",
        json!({"Resources": [vpc], "Tags": [{"Key": "Name", "Value": "theirs"}, {"Key": "Extra", "Value": "1"}]}),
    );
    account.call(
        "ec2",
        "modify_volume",
        json!({"VolumeId": id_of(&project, "data"), "Size": 20}),
    );
    account.call(
        "s3",
        "put_bucket_versioning",
        json!({"Bucket": "konductor-drift-documents", "VersioningConfiguration": {"Status": "Suspended"}}),
    );
    account.call(
        "ec2",
        "revoke_security_group_ingress",
        json!({"GroupId": id_of(&project, "web"), "SecurityGroupRuleIds": [id_of(&project, "https")]}),
    );
    let before = account.contents();

    let drift = found(&project, &[]);
    assert_eq!(
        told(&drift),
        [
            "critical https deleted-outside",
            "high versions changed-outside status",
            "medium data changed-outside size",
            "low network changed-outside tags.Extra",
            "low network changed-outside tags.Name",
        ]
    );
    assert_eq!(
        drift["counts"],
        json!({"changed-outside": 4, "deleted-outside": 1})
    );
    let size = &drift["differences"][2];
    assert_eq!(
        (&size["recorded"], &size["actual"], &size["desired"]),
        (&json!(10), &json!(20), &json!(10))
    );
    project
        .run(["drift", "--detailed-exitcode"])
        .ends_with(2)
        .says("~ size: 10 => 20  (it cannot be brought back: a volume cannot shrink)");
    assert_eq!(size["repairable"], false);
    let high = project
        .run(["drift", "--severity", "high", "--detailed-exitcode"])
        .ends_with(2);
    assert!(!high.stdout.contains("size"), "{high}");
    assert_eq!(account.contents(), before, "a check changes nothing");

    // The record is as it was too: a refresh is what takes reality into it.
    assert_eq!(told(&found(&project, &[])).len(), 5);
    project.run(["refresh"]).succeeds();
    assert_eq!(
        told(&found(&project, &["--target", "data"])),
        ["medium data changed-outside size"]
    );
    project.run(["log", "verify"]).succeeds();
    project
        .run(["drift", "history"])
        .succeeds()
        .says("6 objects: 1 deleted outside, 4 changed outside");
}

#[test]
fn objects_that_nothing_manages_are_told_when_asked_for_and_the_line_adopts_them() {
    let account = AwsAccount::open();
    let project = deployed(&account);
    let made = account.call(
        "ec2",
        "create_volume",
        json!({"AvailabilityZone": "us-west-2a", "Size": 3, "TagSpecifications": [
            {"ResourceType": "volume", "Tags": [{"Key": "Name", "Value": "left behind"}]}
        ]}),
    );
    let id = made["VolumeId"].as_str().unwrap();
    assert_eq!(told(&found(&project, &[])), [] as [&str; 0]);

    let drift = found(&project, &["--unmanaged", "aws:ec2:Volume"]);
    assert_eq!(told(&drift), ["low left-behind unmanaged"]);
    let adopt = drift["differences"][0]["adopt"].as_str().unwrap();
    assert_eq!(adopt, format!("konductor import aws:ec2:Volume left-behind {id}"));
    let declaration = drift["differences"][0]["declaration"].as_str().unwrap();
    assert!(
        declaration.contains(&format!("import: \"{id}\"")),
        "{declaration}"
    );

    project.run(adopt.split(' ').skip(1)).succeeds();
    let drift = found(&project, &["--unmanaged", "aws:ec2:Volume"]);
    assert_eq!(told(&drift), [] as [&str; 0], "it is managed now");
    project
        .run(["drift", "--unmanaged", "aws:ec2:Volumes"])
        .fails_saying("there is no type `aws:ec2:Volumes`");
}

#[test]
fn a_report_is_a_page_of_its_own_with_the_timeline_of_the_checks() {
    let account = AwsAccount::open();
    let project = deployed(&account);
    project.run(["drift"]).succeeds();
    let vpc = id_of(&project, "network");
    let tags = json!([{"Key": "Name", "Value": "<script>alert(1)</script>"}]);
    account.call("ec2", "create_tags", json!({"Resources": [vpc], "Tags": tags}));
    project
        .run(["drift", "--report", "report.html"])
        .succeeds()
        .says("The report is in report.html.");
    let page = project.read("report.html");
    assert!(page.contains("&lt;script&gt;alert(1)"), "{page}");
    assert!(!page.contains("<script") && !page.contains("http"), "{page}");
    assert_eq!(page.matches("<rect ").count(), 2, "two checks: {page}");
    assert!(page.contains("+ network tags.Name"), "{page}");

    project.run(["drift", "--report", "report.json"]).succeeds();
    let document: Value = serde_json::from_str(&project.read("report.json")).unwrap();
    let counts: Vec<&Value> = document["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| &check["counts"])
        .collect();
    assert_eq!(
        counts,
        [
            &json!({}),
            &json!({"changed-outside": 1}),
            &json!({"changed-outside": 1})
        ]
    );
    project.run(["drift", "--report", "report.txt"]).succeeds();
    assert!(project.read("report.txt").contains("network (aws:ec2:Vpc)"));
    project
        .run(["drift", "--report", "report.pdf"])
        .fails_saying("end its name with .html, .json or .txt");
}

/// Adds the section `drift` to the stack's configuration.
fn with_rules(project: &Project, rules: &str) {
    project.write(
        "konductor.dev.yaml",
        &format!("{STACK}  drift:\n    approval:\n{rules}"),
    );
}

#[test]
fn a_repair_asks_for_what_it_must_touches_nothing_forbidden_and_leaves_what_was_edited() {
    let account = AwsAccount::open();
    let project = deployed(&account);
    let (vpc, web) = (id_of(&project, "network"), id_of(&project, "web"));
    account.call(
        "ec2",
        "create_tags",
        json!({"Resources": [vpc], "Tags": [{"Key": "Name", "Value": "theirs"}]}),
    );
    account.call(
        "ec2",
        "revoke_security_group_ingress",
        json!({"GroupId": web, "SecurityGroupRuleIds": [id_of(&project, "https")]}),
    );
    account.call(
        "s3",
        "put_bucket_versioning",
        json!({"Bucket": "konductor-drift-documents", "VersioningConfiguration": {"Status": "Suspended"}}),
    );
    with_rules(
        &project,
        "      - { type: \"aws:ec2:*\", attribute: tags, mode: auto }\n      - { type: \"aws:s3:BucketVersioning\", mode: never }\n",
    );
    // Edited and not deployed: no repair may bring it.
    project.edit("konductor.yaml", "10.0.0.0/8", "10.1.0.0/16");

    let auto = project.run(["drift", "--remediate"]).succeeds();
    assert!(
        auto.stdout.contains("versions stays: never repaired")
            && auto.stdout.contains("https stays: waiting"),
        "{auto}"
    );
    let name = |contents: &Value| contents["vpcs"][0]["Tags"].to_string();
    assert!(name(&account.contents()).contains("network"), "tags need no yes");
    let rules = |project: &Project| {
        let found = account.call("ec2", "describe_security_group_rules", json!({}));
        let group = json!(id_of(project, "web"));
        let rules = found["SecurityGroupRules"].as_array().unwrap().clone();
        let mine = rules
            .into_iter()
            .filter(|rule| rule["GroupId"] == group && rule["IsEgress"] == false);
        mine.map(|rule| rule["CidrIpv4"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(rules(&project), [] as [&str; 0], "the rule waits for a yes");

    project.run(["drift", "--remediate", "--yes"]).succeeds();
    assert_eq!(rules(&project), ["10.0.0.0/8"], "as deployed, not as edited");
    let versioning = account.call(
        "s3",
        "get_bucket_versioning",
        json!({"Bucket": "konductor-drift-documents"}),
    );
    assert_eq!(
        versioning["Status"], "Suspended",
        "never is never, with --yes too"
    );
    assert_eq!(
        told(&found(&project, &[])),
        ["high versions changed-outside status"],
        "what was not repaired is told still"
    );
    project.run(["log", "verify"]).succeeds();
}

#[test]
fn accepting_writes_what_is_there_keeps_the_comments_and_leaves_nothing_to_plan() {
    let account = AwsAccount::open();
    let project = deployed(&account);
    project.edit(
        "konductor.yaml",
        "  data:\n",
        "  # Grows with the customers.\n  data:\n",
    );
    project.edit(
        "konductor.yaml",
        "size: 10,",
        "size: 10, # see the ticket\n      ",
    );
    let vpc = id_of(&project, "network");
    account.call(
        "ec2",
        "modify_volume",
        json!({"VolumeId": id_of(&project, "data"), "Size": 20}),
    );
    account.call(
        "ec2",
        "create_tags",
        json!({"Resources": [vpc], "Tags": [{"Key": "Cost", "Value": "${center} 5"}]}),
    );
    account.call(
        "ec2",
        "delete_tags",
        json!({"Resources": [vpc], "Tags": [{"Key": "Name"}]}),
    );
    account.call(
        "ec2",
        "revoke_security_group_ingress",
        json!({"GroupId": id_of(&project, "web"), "SecurityGroupRuleIds": [id_of(&project, "https")]}),
    );
    project.run(["drift", "accept", "data"]).fails_saying("--yes");
    project
        .run(["drift", "accept", "web", "--yes"])
        .fails_saying("`web` has not drifted");
    let before = project.read("konductor.yaml");
    assert!(before.contains("size: 10"), "nothing was written yet: {before}");

    project
        .run(["drift", "accept", "data", "network", "https", "--yes"])
        .succeeds()
        .says("Accepted: data, network, https as there");
    let after = project.read("konductor.yaml");
    assert!(after.contains("size: 20, # see the ticket"), "{after}");
    assert!(after.contains("# Grows with the customers."), "{after}");
    assert!(after.contains("Cost: \"$${center} 5\""), "{after}");
    assert!(
        !after.contains("https:") && !after.contains("Name: network"),
        "{after}"
    );
    project.assert_nothing_to_do();
    assert_eq!(told(&found(&project, &[])), [] as [&str; 0]);
    project.run(["log", "verify"]).succeeds();
    let tags = account.contents()["vpcs"][0]["Tags"].to_string();
    assert!(
        tags.contains("${center} 5") && !tags.contains("Name"),
        "reality is as it was: {tags}"
    );
}

#[test]
fn what_cannot_be_accepted_leaves_the_files_as_they_were() {
    let account = AwsAccount::open();
    let project = deployed(&account);
    // What is deleted and referred to cannot simply be taken out.
    account.call(
        "ec2",
        "revoke_security_group_ingress",
        json!({"GroupId": id_of(&project, "web"), "SecurityGroupRuleIds": [id_of(&project, "https")]}),
    );
    account.call(
        "ec2",
        "delete_security_group",
        json!({"GroupId": id_of(&project, "web")}),
    );
    let before = project.read("konductor.yaml");
    project
        .run(["drift", "accept", "web", "--yes"])
        .fails_saying("the configuration is as it was");
    assert_eq!(project.read("konductor.yaml"), before);
}
