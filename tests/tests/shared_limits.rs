//! A rate limit that workers share: an account that refuses what goes beyond it, and counts.

use konductor_tests::{AwsAccount, PostgreSqlServer, Project, Running, Signal};
use serde_json::json;

const STACKS: [&str; 4] = ["north", "east", "south", "west"];

/// A machine with the project on it. Its rate limit is a little less than the account's, which counts the questions whose
/// the credentials are as well.
fn machine(account: &AwsAccount, server: &PostgreSqlServer, rest: &str) -> Project {
    let machine = Project::empty().with_account(account);
    machine.write(
        "konductor.yaml",
        &format!(
            "name: shop\nstate: {{ backend: postgresql, url: \"{}\" }}\n{rest}\
             plugins:\n  aws: {{ rate_limit: {{ requests_per_second: 20, burst: 20 }} }}\n",
            server.url()
        ),
    );
    for stack in STACKS {
        machine.write(
            &format!("konductor.{stack}.yaml"),
            "config: { aws: { enabled: true, region: us-west-2 } }\nresources:\n  network:\n    type: aws:ec2:Vpc\n    count: 6\n    properties: { cidr_block: 10.0.0.0/16 }\n",
        );
    }
    machine
}

fn joined(machine: &Project, name: &str) -> Running {
    let mut worker = machine.start(["worker", "--json", "--name", name, "--stacks-at-once", "2"]);
    worker.wait_for_event("worker-started");
    worker
}

#[test]
fn four_processes_of_two_workers_together_stay_inside_the_limit_of_their_account() {
    let (account, server) = (AwsAccount::open(), PostgreSqlServer::open());
    let machines = [0; 3].map(|_| machine(&account, &server, "workers: {}\n"));
    let workers = [joined(&machines[1], "first"), joined(&machines[2], "second")];
    account.limit(20, 26);
    machines[0].run(["run", "--all", "--yes", "--workers"]).succeeds();
    let (passed, refused) = account.limited();
    assert_eq!(refused, 0, "{passed} passed");
    assert!(
        passed > 80,
        "more than four bursts, so they could not have done it alone: {passed}"
    );
    assert_eq!(account.counts(), json!({ "vpcs": 24 }));
    let who = account.call("sts", "get_caller_identity", json!({}));
    assert_eq!(
        server.query("SELECT name FROM konductor_rate_limit"),
        format!("aws/{}/ec2/us-west-2", who["Account"].as_str().unwrap())
    );
    for worker in workers {
        worker.signal(Signal::TERM);
        worker.finish().succeeds();
    }
}

#[test]
fn a_limit_that_cannot_be_asked_for_is_told_before_anything_begins() {
    let (account, server) = (AwsAccount::open(), PostgreSqlServer::open());
    let nowhere = "workers: { url: \"postgresql://konductor@127.0.0.1:1/konductor?sslmode=disable\" }\n";
    let machine = machine(&account, &server, nowhere);
    machine
        .run(["run", "--yes", "--stack", "north"])
        .fails_saying("the queue at postgresql://127.0.0.1:1/konductor cannot be reached");
    assert!(account.requests_of_konductor().is_empty());
    // Where nothing leaves the machine nothing is limited.
    machine.run(["plan", "--stack", "north", "--simulate"]).succeeds();
}
