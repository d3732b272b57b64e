//! `kill -9` at every boundary of a log that a team shares, and connections that end at random; then a rerun that
//! converges, from another machine too: nothing lost, nothing twice. The loop over a log in a file is `crash.rs`.

use konductor_tests::{AwsAccount, CuttingProxy, PostgreSqlServer, Project, Target};
use serde_json::{Value, json};

/// Fewer resources than over a file, because a backend has three boundaries for each entry.
const PROJECT: &str = "name: crash
STATE
resources:
  network:
    type: aws:ec2:Vpc
    properties: { cidr_block: 10.40.0.0/16 }
  subnet:
    type: aws:ec2:Subnet
    properties: { vpc_id: \"${network.vpc_id}\", cidr_block: 10.40.1.0/24 }
  store:
    type: aws:s3:Bucket
    properties: { bucket: crash-store-BOUNDARY }
outputs:
  subnet: ${subnet.id}
";

const STACK: &str = "config:
  project: { name: crash, environment: dev }
  aws: { enabled: true, region: us-west-2 }
";

const STATES: &str = "states";

enum Place {
    PostgreSql(PostgreSqlServer),
    S3,
}

impl Place {
    /// A prefix for each boundary, so that a machine without a copy does not fetch what was before.
    fn section(&self, account: &AwsAccount) -> String {
        match self {
            Self::PostgreSql(server) => {
                format!("state: {{ backend: postgresql, url: \"{}\" }}", server.url())
            }
            Self::S3 => format!(
                "state: {{ backend: s3, bucket: {STATES}, prefix: BOUNDARY, region: us-west-2, endpoint: \"{}\" }}",
                account.url()
            ),
        }
    }
}

fn account() -> AwsAccount {
    let account = AwsAccount::open();
    account.call(
        "s3",
        "create_bucket",
        json!({"Bucket": STATES, "CreateBucketConfiguration": {"LocationConstraint": "us-west-2"}}),
    );
    account
}

fn machine(account: &AwsAccount, section: &str, boundary: &str) -> Project {
    let project = PROJECT.replace("STATE", section).replace("BOUNDARY", boundary);
    Project::from_text(&project, STACK).with_account(account)
}

/// Counts what is there beside the bucket of the state.
fn things(account: &AwsAccount) -> Value {
    let mut counts = account.counts();
    let buckets = counts["buckets"].as_u64().unwrap() - 1;
    let counts_map = counts.as_object_mut().unwrap();
    counts_map.remove("buckets");
    if buckets > 0 {
        counts_map.insert("buckets".to_owned(), json!(buckets));
    }
    counts
}

#[track_caller]
fn converges(account: &AwsAccount, project: &Project, other: &Project, at: &str) {
    project.run(["run", "--yes"]).succeeds();
    assert_eq!(
        things(account),
        json!({"vpcs": 1, "subnets": 1, "buckets": 1}),
        "{at}: {:#}",
        account.contents()
    );
    other.assert_nothing_to_do();
    other.run(["log", "verify"]).succeeds();
    other.run(["destroy", "--yes"]).succeeds();
    assert_eq!(things(account), json!({}), "{at}: {:#}", account.contents());
}

/// Kills a run at each boundary in turn, and returns how many there were.
fn at_every_boundary(place: &Place, variable: &str) -> usize {
    let account = account();
    let section = place.section(&account);
    for boundary in 1.. {
        let at = format!("{variable}={boundary}");
        let name = format!(
            "{}-{boundary}",
            variable.rsplit('_').next().unwrap().to_lowercase()
        );
        let project = machine(&account, &section, &name);
        let crashed = project.run_with(["run", "--yes"], &[(variable, &boundary.to_string())]);
        let done = crashed.code == Some(0);
        assert!(done || crashed.signal == Some(9), "{at}: {crashed}");
        eprintln!("{at}: {}", if done { "ran to the end" } else { "killed" });
        converges(&account, &project, &machine(&account, &section, &name), &at);
        if done {
            return boundary - 1;
        }
    }
    unreachable!("a run has an end")
}

/// Three creates with a begin and an end each, and the beginning and the end of the run.
const LEAST: usize = 8;

#[test]
fn a_run_with_its_log_in_postgresql_killed_before_any_entry_is_finished_by_the_next() {
    let place = Place::PostgreSql(PostgreSqlServer::open());
    assert!(at_every_boundary(&place, "KONDUCTOR_CRASH_BEFORE") >= LEAST);
}

#[test]
fn a_run_with_its_log_in_postgresql_killed_between_backend_and_copy_is_finished_by_the_next() {
    let place = Place::PostgreSql(PostgreSqlServer::open());
    assert!(at_every_boundary(&place, "KONDUCTOR_CRASH_BETWEEN") >= LEAST);
}

#[test]
#[ignore = "minutes long, and the run of all tests has an hour: `cargo test --test crash_shared -- --ignored`"]
fn a_run_with_its_log_in_s3_killed_before_any_entry_is_finished_by_the_next() {
    assert!(at_every_boundary(&Place::S3, "KONDUCTOR_CRASH_BEFORE") >= LEAST);
}

#[test]
#[ignore = "minutes long, and the run of all tests has an hour: `cargo test --test crash_shared -- --ignored`"]
fn a_run_with_its_log_in_s3_killed_between_backend_and_copy_is_finished_by_the_next() {
    assert!(at_every_boundary(&Place::S3, "KONDUCTOR_CRASH_BETWEEN") >= LEAST);
}

#[test]
#[ignore = "minutes long, and the run of all tests has an hour: `cargo test --test crash_shared -- --ignored`"]
fn runs_over_connections_to_the_database_that_are_cut_lose_nothing_and_make_nothing_twice() {
    let server = PostgreSqlServer::open();
    let account = account();
    let direct = format!("state: {{ backend: postgresql, url: \"{}\" }}", server.url());
    let mut cuts = 0;
    for seed in 1..=4 {
        let proxy = CuttingProxy::open(Target::Socket(server.socket()), seed);
        let name = format!("cut-{seed}");
        let url = server.url_through(proxy.port());
        let project = machine(
            &account,
            &format!("state: {{ backend: postgresql, url: \"{url}\" }}"),
            &name,
        );
        proxy.cut_after_at_most(12_000);
        // It may fail where patience ends before the first answer; what it then left is what counts.
        let cut = project.run(["run", "--yes"]);
        eprintln!(
            "seed {seed}: ended with {:?} after {} cuts",
            cut.code,
            proxy.cuts()
        );
        cuts += proxy.cuts();
        proxy.heal();
        converges(&account, &project, &machine(&account, &direct, &name), &name);
    }
    assert!(cuts >= 4, "only {cuts} connections were cut");
}
