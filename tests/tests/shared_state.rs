//! State that a team shares: two machines with one database, through the built binary, and what `psql` sees.

use konductor_tests::{Finished, PostgreSqlServer, Project, Signal};
use serde_json::Value;

const PROJECT: &str = "name: shared
organization: acme
state: { backend: postgresql }
resources:
  network:
    type: aws:ec2:Vpc
    properties: { cidr_block: 10.70.0.0/16 }
outputs:
  network: ${network.id}
";

const STACK: &str = "config:
  project: { name: shared, environment: dev }
  aws: { enabled: true, region: us-west-2 }
";

/// Makes a machine of the team: a checkout of the project, and a home.
fn machine(server: &PostgreSqlServer, account: &konductor_tests::AwsAccount) -> Project {
    Project::from_text(PROJECT, STACK)
        .with_account(account)
        .with_environment("KONDUCTOR_STATE_URL", &server.url())
}

fn head(finished: &Finished) -> Value {
    let events = finished.events();
    let verified = events
        .iter()
        .find(|event| event["event"] == "log-verified")
        .unwrap();
    verified["head"].clone()
}

#[test]
fn what_one_machine_deploys_another_knows_changes_and_destroys() {
    let account = konductor_tests::AwsAccount::open();
    let server = PostgreSqlServer::open();
    let (ada, bob) = (machine(&server, &account), machine(&server, &account));
    bob.run(["state", "list"])
        .fails_saying("stack shared/dev was never deployed");
    ada.run(["run", "--yes"]).succeeds();
    assert_eq!(account.counts()["vpcs"], 1);
    assert!(!ada.state_file("dev").exists(), "the log is in the database");
    assert_ne!(server.query("SELECT count(*) FROM konductor_segment"), "0");
    assert_eq!(
        server.query("SELECT project, stack, holder FROM konductor_stack"),
        "shared|dev|"
    );

    bob.assert_nothing_to_do();
    assert_eq!(bob.objects(), ada.objects());
    let verified = [&ada, &bob].map(|machine| head(&machine.run(["log", "verify", "--json"]).succeeds()));
    assert_eq!(verified[0], verified[1]);
    bob.edit(
        "konductor.yaml",
        "cidr_block: 10.70.0.0/16",
        "cidr_block: 10.70.0.0/16, tags: { Of: bob }",
    );
    bob.run(["run", "--yes"]).succeeds();
    assert_eq!(account.counts()["vpcs"], 1);

    let id = bob.objects()["network"].1.clone();
    // Another stack of the project reads the outputs, wherever they are kept.
    bob.write(
        "konductor.prod.yaml",
        "config:\n  project: { name: shared, environment: prod, network: \"${stack:acme/shared/dev.network}\" }\n",
    );
    bob.run(["config", "get", "project.network", "--stack", "prod"])
        .succeeds()
        .says(&id);
    std::fs::remove_file(bob.folder().join("konductor.prod.yaml")).unwrap();

    ada.run(["destroy", "--yes"]).succeeds();
    account.assert_empty();
    bob.run(["log", "verify"]).succeeds();
    // What the database lost, the machines do not take for granted.
    server.query("UPDATE konductor_segment SET body = replace(encode(body, 'escape'), 'vpc-', 'vpx-')::bytea WHERE first > 2");
    bob.run(["log", "verify"])
        .fails_saying("in the state at postgresql://");
}

#[test]
fn a_bucket_keeps_the_state_of_two_machines() {
    let account = konductor_tests::AwsAccount::open();
    account.call(
        "s3",
        "create_bucket",
        serde_json::json!({
            "Bucket": "states", "CreateBucketConfiguration": {"LocationConstraint": "us-west-2"},
        }),
    );
    let place = format!(
        "state: {{ backend: s3, bucket: states, prefix: teams/a, region: us-west-2, endpoint: \"{}\" }}",
        account.url()
    );
    let project = PROJECT.replace("state: { backend: postgresql }", &place);
    let machine = || Project::from_text(&project, STACK).with_account(&account);
    let (ada, bob) = (machine().with_environment("USER", "ada"), machine());
    bob.run(["state", "list"])
        .fails_saying("stack shared/dev was never deployed");
    for (point, transaction) in [("KONDUCTOR_CRASH_BETWEEN", "3"), ("KONDUCTOR_CRASH_BEFORE", "2")] {
        let crashed = ada.run_with(["run", "--yes"], &[(point, transaction)]);
        assert_eq!(crashed.signal, Some(9), "{point}: {crashed}");
    }
    let mut running = ada.start(["run", "--yes", "--json"]);
    running.wait_for_event("plan");
    running.signal(Signal::STOP);
    bob.run(["run", "--yes"])
        .fails_saying("the stack is locked by `konductor run` of ada");
    running.signal(Signal::CONT);
    running.finish().succeeds();
    assert_eq!(account.counts()["vpcs"], 1);
    bob.assert_nothing_to_do();
    assert_eq!(bob.objects(), ada.objects());
    let verified = [&ada, &bob].map(|machine| head(&machine.run(["log", "verify", "--json"]).succeeds()));
    assert_eq!(verified[0], verified[1]);
    bob.run(["destroy", "--yes"]).succeeds();
    assert_eq!(account.counts(), serde_json::json!({"buckets": 1}));

    // Every object of the log was made on the condition that there was none.
    let requests = account.requests_of_konductor();
    let segments = requests.iter().filter(|request| {
        request["method"] == "PUT" && request["path"].as_str().unwrap().contains("/shared/dev/log/")
    });
    let mut count = 0;
    for request in segments {
        assert_eq!(request["headers"]["if-none-match"], "*", "{request}");
        count += 1;
    }
    assert!(count > 10, "{count}");
    // An entry that is changed in the bucket is seen by a machine that knows it, and by one that does not.
    let listed = account.call(
        "s3",
        "list_objects_v2",
        serde_json::json!({"Bucket": "states", "Prefix": "teams/a/shared/dev/log/"}),
    );
    let key = listed["Contents"][1]["Key"].as_str().unwrap();
    let body = account.call(
        "s3",
        "get_object",
        serde_json::json!({"Bucket": "states", "Key": key}),
    );
    let changed = body["Body"]
        .as_str()
        .unwrap()
        .replace("shared/dev", "shared/DEV")
        .replacen("ada", "eve", 1);
    account.call(
        "s3",
        "put_object",
        serde_json::json!({"Bucket": "states", "Key": key, "Body": changed + " "}),
    );
    ada.run(["log", "verify"])
        .fails_saying("in the state at s3://states/teams/a");
    machine().run(["state", "list"]).fails_saying("is damaged");
}

#[test]
fn a_stack_with_a_log_in_a_file_is_not_deployed_a_second_time() {
    let account = konductor_tests::AwsAccount::open();
    let server = PostgreSqlServer::open();
    let project = machine(&server, &account);
    project.edit("konductor.yaml", "state: { backend: postgresql }\n", "");
    project.run(["run", "--yes"]).succeeds();
    project.edit(
        "konductor.yaml",
        "resources:",
        "state: { backend: postgresql }\nresources:",
    );
    for command in [&["run", "--yes"][..], &["state", "list"], &["destroy", "--yes"]] {
        project
            .run(command)
            .fails_saying("the state of shared/dev is in")
            .says("konductor state migrate");
    }
    assert_eq!(account.counts()["vpcs"], 1);
}

#[test]
fn a_run_of_another_machine_is_waited_for_or_unlocked_and_then_shut_out() {
    let account = konductor_tests::AwsAccount::open();
    let server = PostgreSqlServer::open();
    let (ada, bob) = (machine(&server, &account), machine(&server, &account));
    let ada = ada.with_environment("USER", "ada");
    let bob = bob.with_environment("USER", "bob");
    let mut running = ada.start(["run", "--yes", "--json"]);
    running.wait_for_event("operation-started");
    running.signal(Signal::STOP);
    bob.run(["run", "--yes"])
        .fails_saying("the stack is locked by `konductor run` of ada");
    bob.run(["state", "unlock", "--yes"]).succeeds();
    running.signal(Signal::CONT);
    running
        .finish()
        .fails_saying("the lock of this run was taken away with `konductor state unlock`");
    bob.run(["log", "show", "--all"])
        .succeeds()
        .says("was taken away by bob");

    // What the one had begun, the other finishes, and nothing is there twice.
    bob.run(["run", "--yes"]).succeeds();
    assert_eq!(account.counts()["vpcs"], 1);
    ada.assert_nothing_to_do();
    ada.run(["log", "verify"]).succeeds();
}

#[test]
fn the_run_after_one_that_was_killed_goes_on_at_once_on_its_machine() {
    let account = konductor_tests::AwsAccount::open();
    let server = PostgreSqlServer::open();
    let project = machine(&server, &account);
    for (point, transaction) in [
        ("KONDUCTOR_CRASH_BEFORE", "3"),
        ("KONDUCTOR_CRASH_BETWEEN", "3"),
        ("KONDUCTOR_CRASH_AFTER", "3"),
    ] {
        let crashed = project.run_with(["run", "--yes"], &[(point, transaction)]);
        assert_eq!(crashed.signal, Some(9), "{point}: {crashed}");
        project
            .run(["run", "--yes"])
            .succeeds()
            .says("took over the lock of a process that has ended");
        assert_eq!(account.counts()["vpcs"], 1, "{point}");
        machine(&server, &account).assert_nothing_to_do();
        project.run(["destroy", "--yes"]).succeeds();
        account.assert_empty();
    }
}

#[test]
fn a_password_comes_from_the_environment_and_is_shown_nowhere() {
    let project = Project::from_text(PROJECT, STACK).with_environment(
        "KONDUCTOR_STATE_URL",
        "postgresql://ada:hunter2@127.0.0.1:1/state",
    );
    let failed = project.run(["state", "list", "--verbose"]);
    let failed = failed.fails_saying("the state at postgresql://127.0.0.1:1/state cannot be reached");
    assert!(
        !failed.stderr.contains("hunter2") && !failed.stdout.contains("hunter2"),
        "{failed}"
    );

    let project = Project::from_text(
        &PROJECT.replace(
            "postgresql }",
            "postgresql, url: \"postgresql://ada:hunter2@db/state\" }",
        ),
        STACK,
    );
    let refused = project.run(["state", "list"]);
    let refused = refused
        .fails_saying("the URL of the state holds a password")
        .says("PGPASSFILE");
    assert!(!refused.stderr.contains("hunter2"), "{refused}");
}
