//! The binary as a person or a script meets it. The simulated cloud and the reference plugin are enough here.

use konductor_tests::{Project, guest};

const PROJECT: &str = "name: small
resources:
  network:
    type: aws:ec2:Vpc
    properties: { cidr_block: 10.60.0.0/16 }
  subnet:
    type: aws:ec2:Subnet
    properties: { vpc_id: \"${network.vpc_id}\", cidr_block: 10.60.1.0/24 }
";

const STACK: &str = "config:
  project: { name: small, environment: dev }
  aws: { enabled: true, region: us-west-2 }
";

fn small() -> Project {
    Project::from_text(PROJECT, STACK)
}

/// Two objects of the reference plugin, which calls no cloud: what is recorded of them is real.
fn items() -> Project {
    Project::from_text(
        "name: items
resources:
  one:
    type: reference:test:Item
    properties: { label: first-label }
  two:
    type: reference:test:Item
    properties: { label: second-label, value: \"${one.serial}\" }
outputs:
  serial: ${one.serial}
",
        "config: { project: { environment: dev } }\n",
    )
}

fn deployed() -> Project {
    let project = items();
    project.run(["run", "--yes"]).succeeds();
    project
}

#[test]
fn without_a_terminal_and_without_yes_nothing_is_changed() {
    let project = items();
    for command in ["run", "apply"] {
        project.run([command]).fails_saying("--yes");
        project.run(["plan", "--detailed-exitcode"]).ends_with(2);
    }
    project.run(["run", "--yes"]).succeeds();
    project.run(["destroy"]).fails_saying("--yes");
    project.run(["state", "remove", "two"]).fails_saying("--yes");
    project.assert_nothing_to_do();
}

#[test]
fn the_exit_code_tells_whether_changes_are_pending() {
    let project = small();
    project.run(["plan", "--simulate"]).ends_with(0);
    project
        .run(["plan", "--simulate", "--detailed-exitcode"])
        .ends_with(2);
    project.run(["run", "--simulate", "--yes"]).succeeds();
    project
        .run(["plan", "--simulate", "--detailed-exitcode"])
        .ends_with(0);
    project.run(["destroy", "--simulate", "--yes"]).succeeds();
    project
        .run(["plan", "--simulate", "--detailed-exitcode"])
        .ends_with(2);
}

#[test]
fn a_saved_plan_is_applied_once_and_refused_when_the_state_has_moved() {
    let project = items();
    project.run(["plan", "--out", "one.plan"]).succeeds();
    project.run(["plan", "--out", "two.plan"]).succeeds();
    project.run(["apply", "one.plan"]).succeeds();
    project.assert_nothing_to_do();
    project.run(["apply", "two.plan"]).fails_saying("plan");
    assert_eq!(project.objects().len(), 2);
}

#[test]
fn events_are_one_json_object_a_line() {
    let project = small();
    let finished = project.run(["run", "--simulate", "--yes", "--json"]).succeeds();
    let events = finished.events();
    assert!(
        events
            .iter()
            .all(|event| event["event"].is_string() && event["time"].is_string()),
        "{finished}"
    );
    let finished_operations = events
        .iter()
        .filter(|event| event["event"] == "operation-finished")
        .count();
    assert_eq!(finished_operations, 2, "{finished}");
    let last = events
        .iter()
        .rev()
        .find(|event| event["event"] == "apply-finished")
        .unwrap();
    assert_eq!(last["summary"]["created"], 2);
}

#[test]
fn a_changed_byte_of_the_log_is_found() {
    let project = deployed();
    project.run(["log", "verify"]).succeeds();
    project.tamper("dev", "UPDATE log SET body = replace(body, 'second-label', 'other-labels') WHERE serial = (SELECT max(serial) FROM log WHERE body LIKE '%second-label%')");
    let failed = project.run(["log", "verify"]).ends_with(1);
    assert!(failed.everything().contains("entry"), "{failed}");
}

#[test]
fn a_removed_entry_of_the_log_is_found() {
    let project = deployed();
    project.tamper("dev", "DELETE FROM log WHERE serial = 3");
    project.run(["log", "verify"]).ends_with(1);
}

#[test]
fn state_that_does_not_follow_from_the_log_is_found() {
    let project = deployed();
    project.tamper(
        "dev",
        "UPDATE resource SET body = replace(body, 'second-label', 'other-labels')",
    );
    project.run(["log", "verify"]).ends_with(1);
}

#[test]
fn all_errors_of_the_declarations_are_told_at_once_with_their_places() {
    let project = Project::from_text(
        "name: broken
resources:
  network:
    type: aws:ec2:Vpc
    properties: { cidr_block: 10.60.0.0/16 }
  subnet:
    type: aws:ec2:Subnett
    properties: { vpc_id: x }
  other:
    type: aws:ec2:Subnet
    properties: { vpc_id: \"${netwrk.vpc_id}\", cidr_block: 10.60.1.0/24 }
",
        STACK,
    );
    let failed = project.run(["plan", "--simulate"]).ends_with(1);
    let text = failed.everything();
    for place in ["konductor.yaml:6:3", "konductor.yaml:9:3"] {
        assert!(text.contains(place), "{place} should be named: {failed}");
    }
    for meant in ["`aws:ec2:Subnet`?", "`network`?"] {
        assert!(text.contains(meant), "{meant} should be suggested: {failed}");
    }
}

#[test]
fn all_errors_of_the_properties_are_told_at_once_with_their_places() {
    let project = Project::from_text(
        "name: broken
resources:
  network:
    type: aws:ec2:Vpc
    properties:
      cidr_block: 10.60.0.0/33
      enable_dns_supprt: true
  other:
    type: aws:ec2:Vpc
    properties: { instance_tenancy: elsewhere }
",
        STACK,
    );
    let failed = project.run(["plan", "--simulate"]).ends_with(1);
    let text = failed.everything();
    for said in [
        "konductor.yaml:6:19",
        "konductor.yaml:7:26",
        "konductor.yaml:10:37",
        "konductor.yaml:10:5",
        "10.60.0.0/33",
        "enable_dns_supprt",
        "instance_tenancy",
        "cidr_block",
    ] {
        assert!(text.contains(said), "{said} should be named: {failed}");
    }
}

#[test]
fn yaml_that_cannot_be_read_is_told_with_its_place() {
    let project = Project::from_text("name: broken\nresources:\n  a: {b: [1, 2\n", STACK);
    let failed = project.run(["plan", "--simulate"]).ends_with(1);
    assert!(failed.everything().contains("konductor.yaml:"), "{failed}");
}

#[test]
fn a_setting_that_the_module_does_not_know_is_told_with_its_place() {
    let project = Project::from_text(
        PROJECT,
        "config:
  project: { name: small, environment: dev }
  aws:
    enabled: true
    region: us-west-2
    vpc: { enabled: true, cidr_blok: 10.0.0.0/16 }
",
    );
    let failed = project.run(["plan", "--simulate"]).ends_with(1);
    assert!(failed.everything().contains("konductor.dev.yaml:6:"), "{failed}");
    assert!(failed.everything().contains("cidr_blok"), "{failed}");
}

#[test]
fn an_explained_setting_shows_every_layer() {
    let project = small().with_environment("KONDUCTOR_AWS__REGION", "eu-west-1");
    let finished = project
        .run(["config", "explain", "aws.region", "--set", "aws.region=us-east-1"])
        .succeeds();
    for text in [
        "us-east-1",
        "eu-west-1",
        "us-west-2",
        "KONDUCTOR_AWS__REGION",
        "konductor.dev.yaml:3:",
    ] {
        assert!(finished.stdout.contains(text), "{text}: {finished}");
    }
}

#[test]
fn every_plugin_is_listed_and_every_aws_type_is_in_the_catalogue() {
    let project = small();
    let shipped = guest("aws").parent().unwrap().join("../debug/plugins");
    let plugins = project
        .run_with(
            ["plugin", "list"],
            &[("KONDUCTOR_PLUGIN_PATH", shipped.to_str().unwrap())],
        )
        .succeeds();
    for plugin in ["aws", "azure", "compliance", "gcp", "konductor", "policy"] {
        assert!(plugins.stdout.contains(plugin), "{plugin}: {plugins}");
    }
    let types = project.run(["catalog", "list", "--provider", "aws"]).succeeds();
    for name in [
        "aws:ec2:Vpc",
        "aws:ec2:Subnet",
        "aws:ec2:InternetGateway",
        "aws:ec2:ElasticIp",
        "aws:ec2:NatGateway",
        "aws:ec2:RouteTable",
        "aws:ec2:Route",
        "aws:ec2:RouteTableAssociation",
        "aws:ec2:SecurityGroup",
        "aws:ec2:SecurityGroupRule",
        "aws:ec2:KeyPair",
        "aws:ec2:Instance",
        "aws:ec2:Volume",
        "aws:ec2:VolumeAttachment",
        "aws:ec2:VpnGateway",
        "aws:ec2:VpnConnection",
        "aws:ec2:CustomerGateway",
        "aws:s3:Bucket",
        "aws:s3:BucketVersioning",
        "aws:s3:BucketEncryption",
        "aws:s3:BucketPublicAccessBlock",
        "aws:s3:BucketLifecycle",
        "aws:s3:BucketPolicy",
        "aws:s3:BucketLogging",
        "aws:s3:Object",
        "aws:config:ConfigRule",
        "aws:config:ConfigurationRecorder",
        "aws:config:ConfigurationRecorderStatus",
        "aws:config:DeliveryChannel",
        "aws:config:RetentionConfiguration",
        "aws:securityhub:Finding",
        "aws:securityhub:Hub",
        "aws:securityhub:StandardsSubscription",
        "aws:vpc:SecureVpc",
        "aws:s3:SecureBucket",
        "aws:compliance:Monitoring",
    ] {
        assert!(types.stdout.contains(name), "{name}: {types}");
    }
    project
        .run(["catalog", "show", "aws:ec2:Vpc"])
        .succeeds()
        .says("cidr_block");
}

#[test]
fn a_new_project_runs_at_once() {
    let project = Project::empty();
    project.run(["init", "shop"]).succeeds();
    project
        .run(["-C", "shop", "run", "--simulate", "--yes"])
        .succeeds();
    project
        .run(["-C", "shop", "plan", "--simulate", "--detailed-exitcode"])
        .ends_with(0);
    project.run(["init", "shop"]).fails_saying("exists already");
}

#[test]
fn a_part_of_the_stack_can_be_chosen() {
    let project = items();
    project.run(["run", "--yes", "--target", "one"]).succeeds();
    assert_eq!(project.objects().keys().collect::<Vec<_>>(), ["one"]);
    project.run(["run", "--yes", "--exclude", "one"]).succeeds();
    assert_eq!(project.objects().len(), 1, "what depends on it is left out too");
    project.run(["run", "--yes"]).succeeds();
    assert_eq!(project.objects().keys().collect::<Vec<_>>(), ["one", "two"]);
}

#[test]
fn a_resource_can_be_renamed_and_forgotten() {
    let project = deployed();
    project.run(["state", "move", "two", "inner"]).succeeds();
    project.edit("konductor.yaml", "  two:", "  inner:");
    project.assert_nothing_to_do();
    project.run(["state", "remove", "--yes", "inner"]).succeeds();
    assert_eq!(project.objects().keys().collect::<Vec<_>>(), ["one"]);
    project.run(["log", "verify"]).succeeds();
}

#[test]
fn graphs_are_drawn_in_every_form() {
    let project = small();
    for (form, mark) in [
        ("dot", "digraph"),
        ("mermaid", "flowchart"),
        ("svg", "<svg"),
        ("html", "<html"),
    ] {
        let drawn = project.run(["graph", "--format", form]).succeeds();
        assert!(
            drawn.stdout.contains(mark) && drawn.stdout.contains("subnet"),
            "{form}: {drawn}"
        );
    }
}
