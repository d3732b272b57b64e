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
fn a_database_is_spoken_to_over_tls_and_only_if_an_authority_vouches_for_it() {
    let account = konductor_tests::AwsAccount::open();
    let server = PostgreSqlServer::open_with_tls();
    let machine = || {
        Project::from_text(PROJECT, STACK)
            .with_account(&account)
            .with_environment("KONDUCTOR_STATE_URL", &server.url_over_tls())
    };
    let stranger = machine();
    let refused = stranger.run(["run", "--yes"]).ends_with(1);
    assert!(refused.stderr.contains("certificate"), "{refused}");
    assert_eq!(account.counts().get("vpcs"), None);

    let certificate = server.certificate_file();
    let trusting = machine().with_environment("SSL_CERT_FILE", certificate.to_str().unwrap());
    trusting.run(["run", "--yes"]).succeeds();
    assert_ne!(server.query("SELECT count(*) FROM konductor_segment"), "0");

    // Without TLS this server takes nobody, so it was TLS that the entries came over.
    let plain = server.url_over_tls().replace("require", "disable");
    trusting
        .with_environment("KONDUCTOR_STATE_URL", &plain)
        .run(["state", "list"])
        .ends_with(1);
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
    let key = listed["Contents"][0]["Key"].as_str().unwrap();
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
        serde_json::json!({"Bucket": "states", "Key": key, "Body": changed}),
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

/// Returns the lines of the log that say what was done.
fn log_of(project: &Project) -> String {
    project
        .run(["log", "show", "--all", "--json"])
        .succeeds()
        .stdout
        .lines()
        .map(|line| {
            let event: Value = serde_json::from_str(line).unwrap();
            format!("{} {}\n", event["serial"], event["hash"])
        })
        .collect()
}

#[test]
fn a_log_moves_between_all_places_and_back_and_is_the_same_everywhere() {
    let account = konductor_tests::AwsAccount::open();
    let server = PostgreSqlServer::open();
    account.call(
        "s3",
        "create_bucket",
        serde_json::json!({
            "Bucket": "states", "CreateBucketConfiguration": {"LocationConstraint": "us-west-2"},
        }),
    );
    let project = Project::from_text(&PROJECT.replace("state: { backend: postgresql }\n", ""), STACK)
        .with_account(&account);
    project.run(["run", "--yes"]).succeeds();
    let mut written = "name: shared".to_owned();
    let postgresql = server.url();
    let bucket = format!("s3://states/teams?region=us-west-2&endpoint={}", account.url());
    let mut log = log_of(&project);
    for (to, section) in [
        (
            postgresql.as_str(),
            format!("{{ backend: postgresql, url: \"{postgresql}\" }}"),
        ),
        (
            bucket.as_str(),
            format!(
                "{{ backend: s3, bucket: states, prefix: teams, region: us-west-2, endpoint: \"{}\" }}",
                account.url()
            ),
        ),
        ("sqlite", "{ backend: sqlite }".to_owned()),
        (
            bucket.as_str(),
            format!(
                "{{ backend: s3, bucket: states, prefix: teams, region: us-west-2, endpoint: \"{}\" }}",
                account.url()
            ),
        ),
        (
            postgresql.as_str(),
            format!("{{ backend: postgresql, url: \"{postgresql}\" }}"),
        ),
        ("sqlite", "{ backend: sqlite }".to_owned()),
    ] {
        project
            .run(["state", "migrate", "--to", to, "--yes"])
            .succeeds()
            .says("backend: ");
        // The old place is closed, until the project says where the new one is.
        for command in [
            &["run", "--yes"][..],
            &["state", "list"],
            &["state", "migrate", "--to", to, "--yes"],
        ] {
            project
                .run(command)
                .fails_saying("the state of shared/dev was moved from");
        }
        let now = format!("name: shared\nstate: {section}");
        project.edit("konductor.yaml", &written, &now);
        written = now;
        assert_eq!(log_of(&project), log, "{to}");
        project.run(["log", "verify"]).succeeds();
        project.assert_nothing_to_do();
        // It goes on there.
        project.run(["run", "--yes"]).succeeds();
        assert_ne!(log_of(&project), log, "{to}");
        log = log_of(&project);
    }
    assert_eq!(account.counts()["vpcs"], 1);
    project.run(["destroy", "--yes"]).succeeds();
    assert_eq!(account.counts(), serde_json::json!({"buckets": 1}));
    project
        .run(["state", "migrate", "--to", "etcd://x", "--yes"])
        .fails_saying("`etcd://x` is no place for state");
}

#[test]
fn a_place_with_another_log_is_left_as_it_is() {
    let account = konductor_tests::AwsAccount::open();
    let server = PostgreSqlServer::open();
    let (one, other) = (machine(&server, &account), machine(&server, &account));
    one.run(["run", "--yes"]).succeeds();
    other.edit("konductor.yaml", "state: { backend: postgresql }\n", "");
    other.run(["run", "--yes"]).succeeds();
    let before = server.query("SELECT first, md5(body) FROM konductor_segment ORDER BY first");
    other
        .run(["state", "migrate", "--to", &server.url(), "--yes"])
        .fails_saying("entries of another one");
    assert_eq!(
        server.query("SELECT first, md5(body) FROM konductor_segment ORDER BY first"),
        before
    );
    other.assert_nothing_to_do();
    one.assert_nothing_to_do();
}

#[test]
fn encrypted_state_shows_whoever_reads_the_database_nothing_and_a_machine_without_the_key_reads_none_of_it() {
    let account = konductor_tests::AwsAccount::open();
    let server = PostgreSqlServer::open();
    let ada = machine(&server, &account);
    ada.edit(
        "konductor.yaml",
        "state: { backend: postgresql }",
        "state: { backend: postgresql, encrypt: true }",
    );
    // Without a recipient nothing could be read again: it is refused before anything is done.
    let refused = ada.run(["run", "--yes"]);
    assert_ne!(refused.code, Some(0), "{refused}");
    account.assert_empty();
    ada.run(["config", "key", "generate"]).succeeds();
    ada.run(["run", "--yes"]).succeeds();
    ada.assert_nothing_to_do();
    ada.run(["log", "verify"]).succeeds();

    let bodies = server.query("SELECT string_agg(encode(body, 'escape'), '|') FROM konductor_segment");
    assert!(bodies.len() > 1000, "something is stored: {bodies}");
    let id = ada.objects()["network"].1.clone();
    for word in [
        id.as_str(),
        "10.70.0.0/16",
        "aws:ec2:Vpc",
        "run-started",
        "CreateVpc",
    ] {
        assert!(!bodies.contains(word), "{word} can be read in the database");
    }

    // The same files on a machine that has no key.
    let stranger = machine(&server, &account);
    stranger.write("konductor.yaml", &ada.read("konductor.yaml"));
    let blind = stranger.run(["state", "list"]);
    assert_ne!(blind.code, Some(0), "{blind}");
    assert!(!blind.everything().contains(&id), "{blind}");
    // With the key it is a machine of the team.
    let key = std::fs::read_to_string(find_identity(ada.home())).unwrap();
    let place = find_identity(ada.home())
        .strip_prefix(ada.home())
        .unwrap()
        .to_owned();
    let copy = stranger.home().join(place);
    std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
    std::fs::write(copy, key).unwrap();
    assert_eq!(stranger.objects(), ada.objects());
    stranger.run(["destroy", "--yes"]).succeeds();
    account.assert_empty();
}

/// Finds the file with the secret key below a home folder.
fn find_identity(home: &std::path::Path) -> std::path::PathBuf {
    let mut folders = vec![home.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read_to_string(&path).is_ok_and(|text| text.contains("AGE-SECRET-KEY-")) {
                return path;
            }
        }
    }
    panic!("there should be a key below {}", home.display());
}
