//! The log as proof: every entry that is removed, moved or edited is named, also in a copy and without the key, and every run
//! is signed. What was signed is verified by libraries that others wrote.

use std::path::{Path, PathBuf};
use std::process::Command;

use konductor_tests::{Finished, KeyKind, Project, SiteAuthority, SiteKey, audit_environment, root};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const PROJECT: &str = "name: items
resources:
  one:
    type: reference:test:Item
    properties: { label: first }
  two:
    type: reference:test:Item
    properties: { label: second }
";

fn signing(key: &SiteKey) -> String {
    format!(
        "config:\n  audit:\n    signing_key: {}\n    public_keys: [{}]\n",
        key.private().display(),
        key.public().display()
    )
}

#[track_caller]
fn event(finished: &Finished, name: &str) -> Value {
    let events = finished.events();
    let found = events.iter().rfind(|event| event["event"] == name);
    found
        .cloned()
        .unwrap_or_else(|| panic!("should have an event `{name}`: {finished}"))
}

/// The entries of the log of one kind.
fn entries(project: &Project, kind: &str) -> Vec<Value> {
    let log = project.run(["log", "show", "--all", "--json"]).succeeds();
    let mut entries = log.events();
    entries.retain(|entry| entry["content"]["entry"] == kind);
    entries
}

/// Verifies an envelope as securesystemslib and in-toto-attestation do, and returns the statement.
fn opened_by_others(key: &Path, envelope: &Path) -> Result<Value, String> {
    let output = Command::new(audit_environment().join("bin/python"))
        .arg(root().join("tests/python/open_attestation.py"))
        .args([key, envelope])
        .output()
        .unwrap();
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[test]
fn every_run_is_signed_and_other_programs_verify_what_was_signed() {
    let site = SiteAuthority::create();
    let stranger = site.key("stranger", KeyKind::P256);
    for kind in [KeyKind::P256, KeyKind::Ed25519] {
        let key = site.key(&format!("{kind:?}"), kind);
        let project = Project::from_text(PROJECT, &signing(&key));
        let run = project.run(["run", "--yes", "--json"]).succeeds();
        let attested = entries(&project, "run-attested");
        assert_eq!(attested.len(), 1);
        let file = project.folder().join("envelope.json");
        std::fs::write(&file, attested[0]["content"]["envelope"].as_str().unwrap()).unwrap();
        let statement = opened_by_others(key.public(), &file).unwrap();
        assert!(opened_by_others(stranger.public(), &file).is_err());

        let end = &entries(&project, "run-finished")[0];
        let started = &entries(&project, "run-started")[0]["content"];
        assert_eq!(
            statement["subject"][0]["digest"],
            json!({ "sha256": end["hash"] })
        );
        let predicate = &statement["predicate"];
        assert_eq!(
            predicate["log"],
            json!({ "first": 1, "last": end["serial"], "head": end["hash"] })
        );
        assert_eq!(
            (&predicate["result"], &predicate["actor"], &predicate["run"]),
            (&json!("succeeded"), &started["actor"], &started["run"])
        );
        assert_eq!(predicate["plugins"][0]["name"], "reference");
        assert_eq!(
            predicate["plugins"][0]["digest"]["sha256"],
            started["plugins"][0]["digest"]
        );
        let mut plan = event(&run, "plan");
        plan.as_object_mut()
            .unwrap()
            .retain(|name, _| name != "event" && name != "time");
        let digest: String = Sha256::digest(plan.to_string())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(predicate["plan"], json!({ "sha256": digest }));

        let verified = project
            .run(["audit", "verify", "--require-signed", "--json"])
            .succeeds();
        let found = event(&verified, "audit-attested");
        assert_eq!(
            (
                &found["attestations"],
                &found["signed_to"],
                &found["unsigned_runs"]
            ),
            (&json!(1), &end["serial"], &json!(0))
        );
        let other = stranger.public().to_str().unwrap();
        project
            .run(["audit", "verify", "--public-key", other])
            .fails_saying("none of the given keys signed it");
    }
}

#[test]
fn a_run_that_nobody_signed_is_named_and_a_key_that_is_none_is_told_before_the_run() {
    let site = SiteAuthority::create();
    let key = site.key("audit", KeyKind::Ed25519);
    let project = Project::from_text(PROJECT, &signing(&key));
    project.run(["run", "--yes"]).succeeds();
    project.write("konductor.dev.yaml", "config: {}\n");
    project.run(["run", "--yes"]).succeeds();
    let public = key.public().to_str().unwrap();
    let verified = project
        .run(["audit", "verify", "--public-key", public])
        .succeeds();
    assert!(
        verified.stdout.contains("1 runs without a statement"),
        "{verified}"
    );
    let last = entries(&project, "run-finished").pop().unwrap();
    project
        .run(["audit", "verify", "--public-key", public, "--require-signed"])
        .fails_saying(&format!("entry {}: a run ends there", last["serial"]));
    project
        .run(["audit", "verify", "--require-signed"])
        .fails_saying("there is no public key");

    // A later run that is signed is about those before it, too.
    project.write("konductor.dev.yaml", &signing(&key));
    project.run(["run", "--yes"]).succeeds();
    project.run(["audit", "verify", "--require-signed"]).succeeds();

    let before = entries(&project, "run-started").len();
    project.write("no.key", "no key");
    project.write(
        "konductor.dev.yaml",
        "config: { audit: { signing_key: no.key } }\n",
    );
    project
        .run(["run", "--yes"])
        .fails_saying("no.key: not a PEM file");
    assert_eq!(entries(&project, "run-started").len(), before);
}

/// Runs a statement on a file behind Konductor's back.
fn tamper(file: &Path, statement: &str) {
    let script = "import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.executescript(sys.argv[2])
connection.close()";
    let status = Command::new("python3")
        .args(["-c", script])
        .arg(file)
        .arg(statement)
        .status()
        .unwrap();
    assert!(status.success(), "{statement}");
}

/// Copies the log of a stack somewhere else, as an auditor gets it.
fn copied(project: &Project, folder: &Path) -> PathBuf {
    let copy = folder.join("copy.db");
    std::fs::copy(project.state_file("dev"), &copy).unwrap();
    copy
}

#[test]
fn every_entry_that_is_removed_moved_or_edited_in_a_copy_is_named() {
    let site = SiteAuthority::create();
    let key = site.key("audit", KeyKind::P256);
    let project = Project::from_text(PROJECT, &signing(&key));
    project.run(["run", "--yes"]).succeeds();
    let auditor = Project::empty();
    let copy = copied(&project, auditor.folder());
    let kept = std::fs::read(&copy).unwrap();
    let file = copy.to_str().unwrap();
    let public = key.public().to_str().unwrap();
    let verify = [
        "audit",
        "verify",
        "--file",
        file,
        "--public-key",
        public,
        "--json",
    ];
    let sound = auditor.run(verify).succeeds();
    let entries = event(&sound, "log-verified")["entries"].as_u64().unwrap();
    let head = event(&sound, "log-verified")["head"].as_str().unwrap().to_owned();
    assert!(entries > 6);
    for serial in 1..=entries {
        let other = if serial == entries { serial - 1 } else { serial + 1 };
        for (named, change) in [
            (serial, format!("DELETE FROM log WHERE serial = {serial};")),
            (
                serial,
                format!(
                    "UPDATE log SET body = replace(body, '\"entry\"', ' \"entry\"') WHERE serial = {serial};"
                ),
            ),
            (
                serial.min(other),
                format!(
                    "CREATE TABLE two AS SELECT * FROM log WHERE serial IN ({serial}, {other});
                     UPDATE log SET (time, hash, body) = (SELECT time, hash, body FROM two
                        WHERE two.serial = {serial} + {other} - log.serial)
                     WHERE serial IN ({serial}, {other}); DROP TABLE two;"
                ),
            ),
        ] {
            tamper(&copy, &change);
            let found = auditor.run(verify);
            let told = event(&found, "log-verified");
            assert_eq!(
                (&told["sound"], &told["first_bad_serial"]),
                (&json!(false), &json!(named)),
                "{change}"
            );
            found.fails_saying(&format!("entry {named}: "));
            std::fs::write(&copy, &kept).unwrap();
        }
    }
    // Whoever cuts off the end, with everything that says where it was, is found out by a head that was known.
    let known = format!("{entries}:{head}");
    auditor
        .run(["audit", "verify", "--file", file, "--head", &known])
        .succeeds();
    tamper(
        &copy,
        &format!(
            "DELETE FROM log WHERE serial = {entries};
             UPDATE meta SET value = '{0}' WHERE key = 'serial';
             UPDATE meta SET value = (SELECT hash FROM log WHERE serial = {0}) WHERE key = 'hash';",
            entries - 1
        ),
    );
    auditor.run(["audit", "verify", "--file", file]).succeeds();
    auditor
        .run(["audit", "verify", "--file", file, "--head", &known])
        .fails_saying(&format!("entry {entries}: missing: the log ends before it"));
    let wrong = format!("1:{head}");
    auditor
        .run(["audit", "verify", "--file", file, "--head", &wrong])
        .fails_saying("entry 1: its hash is");
    // The last entry was the statement.
    auditor
        .run([
            "audit",
            "verify",
            "--file",
            file,
            "--public-key",
            public,
            "--require-signed",
        ])
        .fails_saying("no signed statement is about it");
}

#[test]
fn of_an_encrypted_copy_whoever_has_no_key_is_told_the_entry_that_is_missing() {
    let text =
        format!("{PROJECT}state: {{ backend: sqlite, encrypt: true }}\nsecrets: {{ passphrase: true }}\n");
    let project = Project::from_text(&text, "config: {}\n")
        .with_environment("KONDUCTOR_PASSPHRASE", "correct horse battery staple");
    project.run(["run", "--yes"]).succeeds();
    let auditor = Project::empty();
    let copy = copied(&project, auditor.folder());
    let kept = std::fs::read(&copy).unwrap();
    let file = copy.to_str().unwrap();
    let verify = ["audit", "verify", "--file", file, "--without-key", "--json"];
    let sound = auditor.run(verify).succeeds();
    let parts = event(&sound, "log-order-verified")["parts"].as_u64().unwrap();
    for serial in 1..=parts {
        for change in [
            format!("DELETE FROM sealed_log WHERE serial = {serial};"),
            format!("UPDATE sealed_log SET body = CAST(body || x'00' AS BLOB) WHERE serial = {serial};"),
        ] {
            tamper(&copy, &change);
            auditor.run(verify).fails_saying(&format!("entry {serial}: "));
            std::fs::write(&copy, &kept).unwrap();
        }
    }
    auditor.run(verify).succeeds();
    let unopened = auditor.run(["audit", "verify", "--file", file]).ends_with(1);
    assert!(unopened.stderr.contains("key"), "{unopened}");
}
