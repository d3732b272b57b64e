//! Backups of encrypted state by a machine that has no key: what it copies nobody can read, and whoever has the key
//! restores it.

use std::path::{Path, PathBuf};

use konductor_tests::{AwsAccount, Finished, PostgreSqlServer, Project};
use serde_json::{Value, json};

const PROJECT: &str = "name: shop
organization: acme
resources:
  network:
    type: aws:ec2:Vpc
    properties: { cidr_block: 10.70.0.0/16 }
outputs:
  network: ${network.id}
";

const STACK: &str = "config:
  project: { name: shop, environment: dev }
  aws: { enabled: true, region: us-west-2 }
";

fn project(account: &AwsAccount) -> Project {
    Project::from_text(PROJECT, STACK).with_account(account)
}

#[track_caller]
fn event(finished: &Finished, name: &str) -> Value {
    let events = finished.events();
    let found = events.iter().rfind(|event| event["event"] == name);
    found
        .cloned()
        .unwrap_or_else(|| panic!("should have an event `{name}`: {finished}"))
}

/// Returns the files of a backup in a folder, in order.
fn parts(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder.join("shop/dev"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    found.sort();
    found
}

fn bucket(account: &AwsAccount) -> String {
    account.call(
        "s3",
        "create_bucket",
        json!({"Bucket": "backups", "CreateBucketConfiguration": {"LocationConstraint": "us-west-2"}}),
    );
    format!(
        "s3://backups/platform?region=us-west-2&endpoint={}",
        account.url()
    )
}

#[test]
fn a_machine_without_the_key_backs_up_encrypted_state_to_every_kind_of_place() {
    let account = AwsAccount::open();
    let (live, kept) = (PostgreSqlServer::open(), PostgreSqlServer::open());
    let folder = tempfile::tempdir().unwrap();
    let places = [
        bucket(&account),
        kept.url(),
        folder.path().to_str().unwrap().to_owned(),
    ];
    let of_team =
        |server: &PostgreSqlServer| project(&account).with_environment("KONDUCTOR_STATE_URL", &server.url());
    let ada = of_team(&live);
    ada.edit(
        "konductor.yaml",
        "resources:",
        "state: { backend: postgresql, encrypt: true }\nresources:",
    );
    ada.run(["config", "key", "generate"]).succeeds();
    ada.run(["run", "--yes"]).succeeds();
    let id = ada.objects()["network"].1.clone();

    // The machine that backs up has the project and no key.
    let keeper = of_team(&live);
    keeper.write("konductor.yaml", &ada.read("konductor.yaml"));
    let all: Vec<&str> = places.iter().flat_map(|place| ["--to", place]).collect();
    let backup = || keeper.run([&["backup", "--json"][..], &all].concat()).succeeds();
    let made = event(&backup(), "backup-made");
    assert_eq!(
        made["serial"],
        Value::Null,
        "without a key nobody knows which entry is the last"
    );
    assert_eq!(made["unopened"], made["segments"]);
    let segments: u64 = live
        .query("SELECT count(*) FROM konductor_segment")
        .parse()
        .unwrap();
    assert_eq!(made["segments"], json!(segments));
    assert_eq!(event(&backup(), "backup-made")["segments"], json!(0));
    let text = ada
        .read("konductor.yaml")
        .replace("10.70.0.0/16 }", "10.70.0.0/16, tags: { Of: ada } }");
    ada.write("konductor.yaml", &text);
    ada.run(["run", "--yes"]).succeeds();
    assert!(event(&backup(), "backup-made")["segments"].as_u64().unwrap() > 0);

    // Nothing can be read in any of them.
    let in_database = kept.query("SELECT string_agg(encode(body, 'escape'), '|') FROM konductor_backup");
    let listed = account.call("s3", "list_objects_v2", json!({"Bucket": "backups"}));
    let in_bucket: String = listed["Contents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|object| {
            account
                .call(
                    "s3",
                    "get_object",
                    json!({"Bucket": "backups", "Key": object["Key"]}),
                )
                .to_string()
        })
        .collect();
    let in_folder: String = parts(folder.path())
        .iter()
        .map(|part| String::from_utf8_lossy(&std::fs::read(part).unwrap()).into_owned())
        .collect();
    for text in [in_database, in_bucket, in_folder] {
        assert!(
            text.len() > 2000 && text.contains("shop"),
            "something is stored: {text}"
        );
        for word in [
            id.as_str(),
            "10.70.0.0/16",
            "aws:ec2:Vpc",
            "run-started",
            "CreateVpc",
        ] {
            assert!(!text.contains(word), "{word} can be read");
        }
    }

    let log = ada.run(["log", "verify", "--json"]).succeeds();
    let head = event(&log, "log-verified")["head"].clone();
    for place in &places {
        let blind = event(
            &keeper
                .run(["restore", "--verify", "--from", place, "--json"])
                .succeeds(),
            "backup-verified",
        );
        assert_eq!(blind["unopened"], blind["segments"]);
        assert_eq!(blind["state"], "not-compared");
        keeper
            .run(["restore", "--from", place, "--yes", "--to", "sqlite"])
            .fails_saying("there is no key to open it");
        let seen = event(
            &ada.run(["restore", "--verify", "--from", place, "--json"])
                .succeeds(),
            "backup-verified",
        );
        assert_eq!(
            (&seen["state"], &seen["head"], &seen["unopened"]),
            (&json!("same"), &head, &json!(0))
        );

        // A new server, and the entries in it as encrypted as before.
        let server = PostgreSqlServer::open();
        let bob = of_team(&server);
        bob.write("konductor.yaml", &ada.read("konductor.yaml"));
        std::fs::create_dir_all(bob.home().join(".config/konductor")).unwrap();
        copy(ada.home(), bob.home());
        bob.run(["restore", "--from", place, "--yes"]).succeeds();
        bob.assert_nothing_to_do();
        let bodies = server.query("SELECT string_agg(encode(body, 'escape'), '|') FROM konductor_segment");
        assert!(bodies.len() > 1000 && !bodies.contains(&id), "{bodies}");
        assert_eq!(
            bob.run(["log", "verify"]).succeeds().code,
            Some(0),
            "the log in the new server is whole"
        );
    }
    assert_eq!(account.counts()["vpcs"], 1);
    ada.run(["backup", "--to", &live.url()])
        .fails_saying("what loses it loses the backup too");
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}
