//! Backups and what is brought back from them, through the built binary; what is there is looked at with sqlite3, `psql`
//! and boto3.

use std::path::{Path, PathBuf};
use std::process::Command;

use konductor_tests::{AwsAccount, Finished, PostgreSqlServer, Project, Signal, python};
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

/// Gives the network another tag, which one more run writes.
fn change(project: &Project, tag: &str) {
    let text = PROJECT.replace(
        "10.70.0.0/16 }",
        &format!("10.70.0.0/16, tags: {{ Of: {tag} }} }}"),
    );
    let state = project.read("konductor.yaml");
    let section: String = state
        .lines()
        .filter(|line| line.starts_with("state:") || line.starts_with("secrets:"))
        .map(|line| format!("{line}\n"))
        .collect();
    project.write(
        "konductor.yaml",
        &text.replace("resources:", &format!("{section}resources:")),
    );
    project.run(["run", "--yes"]).succeeds();
}

#[track_caller]
fn event(finished: &Finished, name: &str) -> Value {
    let events = finished.events();
    let found = events.iter().rfind(|event| event["event"] == name);
    found
        .cloned()
        .unwrap_or_else(|| panic!("should have an event `{name}`: {finished}"))
}

/// Reads a log with Python's sqlite3: serial, time, hash and body of every entry.
fn rows(file: &Path) -> Vec<Value> {
    let script = "import json, sqlite3, sys
rows = sqlite3.connect(f'file:{sys.argv[1]}?mode=ro', uri=True).execute('SELECT serial, time, hash, body FROM log ORDER BY serial')
print(json.dumps([list(row) for row in rows]))";
    let answer = Command::new(python())
        .args(["-c", script])
        .arg(file)
        .output()
        .unwrap();
    assert!(
        answer.status.success(),
        "{}",
        String::from_utf8_lossy(&answer.stderr)
    );
    serde_json::from_slice(&answer.stdout).unwrap()
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

fn lose(project: &Project) {
    std::fs::remove_dir_all(project.folder().join(".konductor")).unwrap();
}

#[test]
fn a_state_that_was_lost_is_brought_back_and_nothing_is_made_twice() {
    let account = AwsAccount::open();
    let project = project(&account);
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    project
        .run(["backup", "--to", place])
        .fails_saying("was never deployed");
    project.run(["run", "--yes"]).succeeds();
    project
        .run(["backup", "--to", &format!("{place}/not-mounted")])
        .fails_saying("there is no such folder");

    let pending = event(
        &project
            .run(["backup", "--to", place, "--dry-run", "--json"])
            .succeeds(),
        "backup-pending",
    );
    assert!(!folder.path().join("shop").exists(), "a dry run writes nothing");
    let first = event(
        &project.run(["backup", "--to", place, "--json"]).succeeds(),
        "backup-made",
    );
    let log = rows(&project.state_file("dev"));
    assert_eq!(first["serial"], json!(log.len()));
    assert_eq!(first["entries"], pending["entries"]);
    let kept = parts(folder.path());
    assert_eq!(kept.len(), 1);
    let bytes = std::fs::read(&kept[0]).unwrap();

    // Only what is new is copied, and what was there stays as it is.
    let again = event(
        &project.run(["backup", "--to", place, "--json"]).succeeds(),
        "backup-made",
    );
    assert_eq!((&again["entries"], &again["bytes"]), (&json!(0), &json!(0)));
    change(&project, "ada");
    let more = event(
        &project.run(["backup", "--to", place, "--json"]).succeeds(),
        "backup-made",
    );
    let before = log.len();
    let log = rows(&project.state_file("dev"));
    assert_eq!(more["entries"], json!(log.len() - before));
    assert_eq!(parts(folder.path()).len(), 2);
    assert_eq!(std::fs::read(&kept[0]).unwrap(), bytes);

    let there = project.run(["restore", "--from", place, "--yes"]);
    there.succeeds().says("nothing to restore");
    assert_eq!(rows(&project.state_file("dev")), log);

    lose(&project);
    project.run(["restore", "--from", place, "--dry-run"]).succeeds();
    project.run(["restore", "--from", place]).fails_saying("--yes");
    assert!(
        !project.state_file("dev").exists(),
        "nothing is written before somebody says yes"
    );
    let restored = event(
        &project
            .run(["restore", "--from", place, "--yes", "--json"])
            .succeeds(),
        "restored",
    );
    assert_eq!(restored["written"], json!(log.len()));
    let now = rows(&project.state_file("dev"));
    assert_eq!(now[..log.len()], log[..], "the same entries with the same hashes");
    project.assert_nothing_to_do();
    project.run(["log", "verify"]).succeeds();
    project.run(["history"]).succeeds().says("restore succeeded");
    assert_eq!(account.counts()["vpcs"], 1);

    // The backup goes on from there.
    project.run(["backup", "--to", place]).succeeds();
    change(&project, "bob");
    project.run(["backup", "--to", place]).succeeds();
    lose(&project);
    project.run(["restore", "--from", place, "--yes"]).succeeds();
    project.run(["destroy", "--yes"]).succeeds();
    account.assert_empty();
}

#[test]
fn a_backup_that_was_changed_cut_or_mixed_up_is_refused_before_anything_is_written() {
    let account = AwsAccount::open();
    let project = project(&account);
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    project.run(["run", "--yes"]).succeeds();
    project.run(["backup", "--to", place]).succeeds();
    change(&project, "ada");
    project.run(["backup", "--to", place]).succeeds();
    change(&project, "bob");
    let log = rows(&project.state_file("dev"));
    let behind = event(
        &project
            .run(["restore", "--verify", "--from", place, "--json"])
            .succeeds(),
        "backup-verified",
    );
    let missing = log.len() as u64 - behind["serial"].as_u64().unwrap();
    assert_eq!(behind["state"], "newer");
    assert_eq!(behind["entries_behind"], json!(missing));
    assert!(
        behind["recovery_point_milliseconds"].as_u64().unwrap() > 0,
        "{behind}"
    );
    let snapshot = project.run(["state", "list", "--json"]).succeeds();
    assert_eq!(behind["resources"], json!(snapshot.events().len()), "{snapshot}");
    project
        .run(["restore", "--verify", "--from", place, "--within", "0s"])
        .fails_saying("the backup lacks changes of the last");
    project.run(["backup", "--to", place]).succeeds();
    let even = event(
        &project
            .run(["restore", "--verify", "--from", place, "--within", "0s", "--json"])
            .succeeds(),
        "backup-verified",
    );
    assert_eq!(
        (&even["state"], &even["recovery_point_milliseconds"]),
        (&json!("same"), &json!(0))
    );

    let kept = parts(folder.path());
    assert_eq!(kept.len(), 3);
    let sound: Vec<Vec<u8>> = kept.iter().map(|part| std::fs::read(part).unwrap()).collect();
    lose(&project);
    let refuse = |said: &str| {
        for more in ["--verify", "--yes"] {
            project.run(["restore", "--from", place, more]).fails_saying(said);
        }
        assert!(!project.state_file("dev").exists());
    };
    // A changed byte.
    let mut changed = sound[1].clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    std::fs::write(&kept[1], &changed).unwrap();
    refuse("its sum is not that of its bytes");
    // One that was cut off.
    std::fs::write(&kept[1], &sound[1][..sound[1].len() - 10]).unwrap();
    refuse("its sum is not that of its bytes");
    // One that is missing.
    std::fs::remove_file(&kept[1]).unwrap();
    refuse("one is missing or was replaced");
    // The backup of another stack of this name.
    let other = Project::from_text(PROJECT, STACK).with_account(&account);
    let elsewhere = tempfile::tempdir().unwrap();
    other.run(["run", "--yes"]).succeeds();
    other
        .run(["backup", "--to", elsewhere.path().to_str().unwrap()])
        .succeeds();
    std::fs::copy(&parts(elsewhere.path())[0], &kept[1]).unwrap();
    refuse("it begins with entry 1");

    std::fs::write(&kept[1], &sound[1]).unwrap();
    project.run(["restore", "--from", place, "--yes"]).succeeds();
    assert_eq!(rows(&project.state_file("dev"))[..log.len()], log[..]);
    other
        .run(["backup", "--to", place])
        .fails_saying("ends before it; if entries were lost");
    project.assert_nothing_to_do();
}

#[test]
fn what_a_backup_lacks_is_named_and_given_up_only_when_that_is_said() {
    let account = AwsAccount::open();
    let project = project(&account);
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    project.run(["run", "--yes"]).succeeds();
    project.run(["backup", "--to", place]).succeeds();
    let backed_up = rows(&project.state_file("dev"));
    change(&project, "ada");
    let log = rows(&project.state_file("dev"));
    for more in [&[][..], &["--replace"]] {
        let refused = project.run([&["restore", "--from", place, "--yes"][..], more].concat());
        refused
            .fails_saying(&format!(
                "has entries {} to {} that the backup has not",
                backed_up.len() + 1,
                log.len()
            ))
            .says("run by")
            .says("konductor rollback");
        assert_eq!(rows(&project.state_file("dev")), log, "it stays as it is");
    }
    let restored = event(
        &project
            .run([
                "restore",
                "--from",
                place,
                "--yes",
                "--replace",
                "--discard-newer",
                "--json",
            ])
            .succeeds(),
        "restored",
    );
    let now = rows(&project.state_file("dev"));
    assert_eq!(now[..backed_up.len()], backed_up[..]);
    let kept = restored["kept"].as_str().unwrap();
    assert_eq!(
        rows(&project.folder().join(kept)),
        log,
        "what was given up is kept"
    );
    project.run(["log", "show", "--all"]).succeeds().says(&format!(
        "giving up entries {} to {}",
        backed_up.len() + 1,
        log.len()
    ));
    project.run(["log", "verify"]).succeeds();
    // The tag that the cloud has and the state forgot is found, and nothing is made again.
    project.run(["run", "--yes"]).succeeds();
    assert_eq!(account.counts()["vpcs"], 1);

    // A file that is damaged, with and without its wrapping.
    project.run(["backup", "--to", place]).succeeds();
    for damage in [
        "UPDATE log SET body = replace(body, 'vpc-', 'vpx-') WHERE serial > 3",
        "",
    ] {
        if damage.is_empty() {
            std::fs::write(project.state_file("dev"), "no database at all").unwrap();
        } else {
            project.tamper("dev", damage);
        }
        project
            .run(["restore", "--from", place, "--yes", "--replace"])
            .fails_saying("cannot be read");
        project
            .run([
                "restore",
                "--from",
                place,
                "--yes",
                "--replace",
                "--discard-newer",
            ])
            .succeeds();
        project.assert_nothing_to_do();
        project.run(["log", "verify"]).succeeds();
        project.run(["backup", "--to", place]).succeeds();
    }
    project.run(["destroy", "--yes"]).succeeds();
    account.assert_empty();
}

#[test]
fn a_database_that_was_emptied_is_filled_again_and_what_only_a_machine_still_has_is_not_lost() {
    let account = AwsAccount::open();
    let server = PostgreSqlServer::open();
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let project = project(&account).with_environment("KONDUCTOR_STATE_URL", &server.url());
    project.edit(
        "konductor.yaml",
        "resources:",
        "state: { backend: postgresql }\nresources:",
    );
    project.run(["run", "--yes"]).succeeds();
    project.run(["backup", "--to", place]).succeeds();
    change(&project, "ada");
    let last: u64 = server
        .query("SELECT serial FROM konductor_stack")
        .parse()
        .unwrap();
    server.query("TRUNCATE konductor_stack, konductor_segment");
    project
        .run(["state", "list"])
        .fails_saying("restore it from a backup");

    let refused = project.run(["restore", "--from", place, "--yes"]);
    refused
        .fails_saying("this machine's copy, has entries")
        .says(&format!("to {last} that the backup has not"))
        .says("--from-copy");
    assert_eq!(server.query("SELECT count(*) FROM konductor_segment"), "0");
    project.run(["backup", "--from-copy", "--to", place]).succeeds();
    project.run(["restore", "--from", place, "--yes"]).succeeds();
    project.assert_nothing_to_do();
    project.run(["log", "verify"]).succeeds();
    assert_eq!(account.counts()["vpcs"], 1);

    // A database that went back to what it was: what is missing is added, when that is said.
    project.run(["backup", "--to", place]).succeeds();
    let digests = "SELECT string_agg(md5(body), ',' ORDER BY first) FROM konductor_segment";
    let segments = server.query(digests);
    server.query("UPDATE konductor_stack SET serial = (SELECT max(first) - 1 FROM konductor_segment)");
    server.query("DELETE FROM konductor_segment WHERE first = (SELECT max(first) FROM konductor_segment)");
    assert_ne!(server.query(digests), segments);
    let fresh = Project::from_text(&project.read("konductor.yaml"), STACK)
        .with_account(&account)
        .with_environment("KONDUCTOR_STATE_URL", &server.url());
    fresh
        .run(["restore", "--verify", "--from", place])
        .fails_saying("entries were lost there");
    fresh
        .run(["restore", "--from", place, "--yes"])
        .fails_saying("are a beginning of the backup");
    fresh
        .run(["restore", "--from", place, "--yes", "--replace"])
        .succeeds();
    fresh.assert_nothing_to_do();
    fresh.run(["log", "verify"]).succeeds();
    project.assert_nothing_to_do();
    assert_eq!(account.counts()["vpcs"], 1);
}

#[test]
fn every_stack_is_backed_up_again_and_again_and_the_recovery_point_is_seconds_ago() {
    let account = AwsAccount::open();
    let project = project(&account);
    project.write(
        "konductor.prod.yaml",
        &STACK.replace("environment: dev", "environment: prod"),
    );
    project.write(
        "konductor.spare.yaml",
        &STACK.replace("environment: dev", "environment: spare"),
    );
    for stack in ["dev", "prod"] {
        project.run(["run", "--yes", "--stack", stack]).succeeds();
    }
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let mut running = project.start(["backup", "--all", "--every", "1s", "--to", place, "--json"]);
    let names = [
        running.wait_for_event("backup-made"),
        running.wait_for_event("backup-made"),
    ]
    .map(|made| made["stack"].as_str().unwrap().to_owned());
    assert_eq!(
        names,
        ["dev", "prod"],
        "a stack without a log has nothing to lose"
    );
    project.edit(
        "konductor.yaml",
        "10.70.0.0/16 }",
        "10.70.0.0/16, tags: { Of: ada } }",
    );
    for stack in ["dev", "prod"] {
        project.run(["run", "--yes", "--stack", stack]).succeeds();
    }
    let last = rows(&project.state_file("prod")).len();
    loop {
        let made = running.wait_for_event("backup-made");
        if made["stack"] == "prod" && made["serial"] == json!(last) {
            break;
        }
    }
    running.signal(Signal::INT);
    running.finish().succeeds();
    let verified = project
        .run([
            "restore", "--verify", "--all", "--within", "1m", "--from", place, "--json",
        ])
        .succeeds();
    let states: Vec<(String, Value)> = verified
        .events()
        .iter()
        .filter(|event| event["event"] == "backup-verified")
        .map(|event| {
            (
                event["stack"].as_str().unwrap().to_owned(),
                event["state"].clone(),
            )
        })
        .collect();
    assert_eq!(
        states,
        [
            ("dev".to_owned(), json!("same")),
            ("prod".to_owned(), json!("same"))
        ]
    );

    // A log is kept although nobody declares its stack any more.
    let declared = project.read("konductor.prod.yaml");
    std::fs::remove_file(project.folder().join("konductor.prod.yaml")).unwrap();
    std::fs::remove_file(project.folder().join("konductor.dev.yaml")).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let elsewhere = elsewhere.path().to_str().unwrap();
    let kept = project
        .run(["backup", "--all", "--to", elsewhere, "--json"])
        .succeeds();
    assert_eq!(event(&kept, "backup-made")["serial"], json!(last));
    project.write("konductor.dev.yaml", STACK);
    project.write("konductor.prod.yaml", &declared);

    lose(&project);
    project
        .run(["restore", "--all", "--from", elsewhere, "--yes"])
        .succeeds();
    for stack in ["dev", "prod"] {
        project
            .run(["plan", "--detailed-exitcode", "--stack", stack])
            .ends_with(0);
    }
    assert_eq!(account.counts()["vpcs"], 2);
}

#[test]
fn a_place_that_is_none_and_what_contradicts_itself_is_an_error() {
    let project = Project::from_text(PROJECT, STACK);
    project
        .run(["backup", "--to", "ftp://x/y"])
        .fails_saying("`ftp://x/y` is no place for backups");
    project
        .run(["restore", "--from", "ftp://x/y"])
        .fails_saying("`ftp://x/y` is no place for backups");
    project
        .run(["backup", "--to", "postgresql://ada:hunter2@db/x"])
        .fails_saying("holds a password");
    project
        .run(["backup", "--to", "/", "--simulate"])
        .fails_saying("a simulated stack");
    project
        .run(["backup", "--all", "--stack", "dev", "--to", "/"])
        .fails_saying("contradict each other");
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    project
        .run(["restore", "--verify", "--from", place])
        .fails_saying("there is no backup of shop/dev");
    project
        .run(["restore", "--all", "--from", place])
        .fails_saying("there is no backup of shop");
}
