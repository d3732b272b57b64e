//! `kill -9` at every boundary of the log, then a rerun that converges: nothing lost, nothing twice.
//!
//! A debug build kills itself when it is told to: `KONDUCTOR_CRASH_AFTER=N` once the N-th transaction of the log is
//! durable, `KONDUCTOR_CRASH_BEFORE=N` before it is written, which is after the cloud has done what it tells of.

use konductor_tests::{AwsAccount, Project};
use serde_json::{Value, json};

const PROJECT: &str = "name: crash
resources:
  network:
    type: aws:ec2:Vpc
    properties: { cidr_block: 10.40.0.0/16 }
  internet:
    type: aws:ec2:InternetGateway
    properties: { vpc_id: \"${network.vpc_id}\" }
  subnet:
    type: aws:ec2:Subnet
    properties: { vpc_id: \"${network.vpc_id}\", cidr_block: 10.40.1.0/24 }
  web:
    type: aws:ec2:SecurityGroup
    properties: { vpc_id: \"${network.vpc_id}\", name: web, description: web }
  web-https:
    type: aws:ec2:SecurityGroupRule
    properties: { security_group_id: \"${web.group_id}\", direction: ingress, protocol: tcp, from_port: 443, to_port: 443, cidr_ipv4: 10.40.0.0/16 }
  address:
    type: aws:ec2:ElasticIp
  server:
    type: aws:ec2:Instance
    properties: { image_id: ami-048f0d12f0d1f7ac8, instance_type: t3.micro, subnet_id: \"${subnet.id}\", security_group_ids: [\"${web.group_id}\"] }
  store:
    type: aws:s3:Bucket
    properties: { bucket: crash-store-BOUNDARY }
  note:
    type: aws:s3:Object
    properties: { bucket: \"${store.bucket}\", key: note, content: one }
outputs:
  server: ${server.id}
";

const STACK: &str = "config:
  project: { name: crash, environment: dev }
  aws: { enabled: true, region: us-west-2 }
";

fn counts() -> Value {
    json!({
        "vpcs": 1, "internet_gateways": 1, "subnets": 1, "security_groups": 1, "security_group_rules": 1,
        "elastic_ips": 1, "instances": 1, "buckets": 1,
    })
}

/// Makes the project; the bucket has another name at each boundary, because moto gives a bucket that is made again
/// the tags of the one that was deleted.
fn project(account: &AwsAccount, boundary: usize) -> Project {
    let project = PROJECT.replace("BOUNDARY", &boundary.to_string());
    Project::from_text(&project, STACK).with_account(account)
}

/// Updates, a replacement with what hangs on it, a deletion and a creation in one.
fn change(project: &Project) {
    project.edit(
        "konductor.yaml",
        "name: web, description: web }",
        "name: web, description: web, tags: { Name: web } }",
    );
    project.edit("konductor.yaml", "content: one", "content: two");
    project.edit(
        "konductor.yaml",
        "cidr_block: 10.40.1.0/24",
        "cidr_block: 10.40.2.0/24",
    );
    project.edit(
        "konductor.yaml",
        "from_port: 443, to_port: 443",
        "from_port: 80, to_port: 80",
    );
    project.edit("konductor.yaml", "  address:\n    type: aws:ec2:ElasticIp\n", "");
    project.edit(
        "konductor.yaml",
        "outputs:\n",
        "  routes:\n    type: aws:ec2:RouteTable\n    properties: { vpc_id: \"${network.vpc_id}\" }\noutputs:\n",
    );
}

fn counts_after_change() -> Value {
    let mut counts = counts();
    counts.as_object_mut().unwrap().remove("elastic_ips");
    counts["route_tables"] = json!(1);
    counts
}

/// Kills a command at each boundary in turn, checks what is left with `settle`, and returns how many there were.
fn at_every_boundary(
    variable: &str,
    prepare: impl Fn(&AwsAccount, usize) -> Project,
    arguments: &[&str],
    settle: impl Fn(&AwsAccount, &Project),
) -> usize {
    let account = AwsAccount::open();
    for boundary in 1.. {
        let project = prepare(&account, boundary);
        let crashed = project.run_with(arguments, &[(variable, &boundary.to_string())]);
        let done = crashed.code == Some(0);
        assert!(
            done || crashed.signal == Some(9),
            "{variable}={boundary}: {crashed}"
        );
        eprintln!(
            "{variable}={boundary}: {}",
            if done { "ran to the end" } else { "killed" }
        );
        settle(&account, &project);
        project.run(["log", "verify"]).succeeds();
        project.run(["destroy", "--yes"]).succeeds();
        account.assert_empty();
        if done {
            return boundary - 1;
        }
    }
    unreachable!("a run has an end")
}

fn fresh(account: &AwsAccount, boundary: usize) -> Project {
    project(account, boundary)
}

fn changed(account: &AwsAccount, boundary: usize) -> Project {
    let project = project(account, boundary);
    project.run(["run", "--yes"]).succeeds();
    change(&project);
    project
}

fn applied(account: &AwsAccount, boundary: usize) -> Project {
    let project = project(account, boundary);
    project.run(["run", "--yes"]).succeeds();
    project
}

fn converges(account: &AwsAccount, project: &Project) {
    project.run(["run", "--yes"]).succeeds();
    assert_eq!(account.counts(), counts(), "{:#}", account.contents());
    project.assert_nothing_to_do();
}

fn converges_after_change(account: &AwsAccount, project: &Project) {
    project.run(["run", "--yes"]).succeeds();
    assert_eq!(
        account.counts(),
        counts_after_change(),
        "{:#}",
        account.contents()
    );
    let contents = account.contents();
    assert_eq!(contents["subnets"][0]["CidrBlock"], "10.40.2.0/24");
    assert_eq!(contents["buckets"][0]["Objects"][0]["Body"], "two");
    assert_eq!(contents["security_group_rules"][0]["FromPort"], 80);
    project.assert_nothing_to_do();
}

/// Nine creates with a begin and an end each: fewer boundaries mean that the crash points are not where they should be.
const LEAST_OF_A_CREATE: usize = 18;

#[test]
fn a_create_killed_after_any_entry_is_finished_by_the_next_run() {
    let boundaries = at_every_boundary("KONDUCTOR_CRASH_AFTER", fresh, &["run", "--yes"], converges);
    assert!(boundaries >= LEAST_OF_A_CREATE, "{boundaries}");
}

#[test]
fn a_create_killed_before_any_entry_is_finished_by_the_next_run() {
    let boundaries = at_every_boundary("KONDUCTOR_CRASH_BEFORE", fresh, &["run", "--yes"], converges);
    assert!(boundaries >= LEAST_OF_A_CREATE, "{boundaries}");
}

#[test]
fn a_change_killed_after_any_entry_is_finished_by_the_next_run() {
    at_every_boundary(
        "KONDUCTOR_CRASH_AFTER",
        changed,
        &["run", "--yes"],
        converges_after_change,
    );
}

#[test]
fn a_change_killed_before_any_entry_is_finished_by_the_next_run() {
    at_every_boundary(
        "KONDUCTOR_CRASH_BEFORE",
        changed,
        &["run", "--yes"],
        converges_after_change,
    );
}

#[test]
fn a_destroy_killed_before_any_entry_is_finished_by_the_next_one() {
    at_every_boundary(
        "KONDUCTOR_CRASH_BEFORE",
        applied,
        &["destroy", "--yes"],
        |_, _| {},
    );
}

#[test]
fn a_rerun_that_is_killed_too_is_finished_by_the_one_after() {
    let account = AwsAccount::open();
    for (first, second) in [(8, 2), (8, 4), (14, 3)] {
        let project = fresh(&account, first * 100 + second);
        let crashed = project.run_with(
            ["run", "--yes"],
            &[("KONDUCTOR_CRASH_BEFORE", &first.to_string())],
        );
        assert_eq!(crashed.signal, Some(9), "{crashed}");
        let again = project.run_with(
            ["run", "--yes"],
            &[("KONDUCTOR_CRASH_BEFORE", &second.to_string())],
        );
        assert_eq!(again.signal, Some(9), "{again}");
        converges(&account, &project);
        project.run(["destroy", "--yes"]).succeeds();
        account.assert_empty();
    }
}
