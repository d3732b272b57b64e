//! `konductor watch` holds resources as they are to the frameworks of a site: what came and what went is told once, kept in
//! the log, and the same for every watcher.

use std::fs::OpenOptions;
use std::io::Write as _;

use konductor_tests::{Finished, Project};
use serde_json::{Value, json};

use super::documented;

const RESOURCES: &str = "name: shop
resources:
  disk:
    type: aws:ec2:Volume
    properties: { availability_zone: us-west-2a, size: 10, encrypted: true, tags: { owner: shop } }
";

const ACME: &str = "framework: acme
title: Acme's baseline
version: \"3\"
controls:
  - id: ENC-1
    title: Disks are encrypted
    checks: [aws-ec2-volume-encrypted]
  - id: TAG-1
    title: A person looks
";

const STACK: &str = "config:
  aws: { enabled: true, region: us-west-2 }
  compliance: { frameworks: [acme], catalogues: [acme.yaml] }
  drift:
    alerts:
      - { name: pager, command: [sh, -c, \"cat >> told; echo >> told\"] }
      - { name: quiet, command: [sh, -c, \"cat >> quiet; echo >> quiet\"], severity: critical }
";

fn deployed(stack: &str) -> Project {
    let project = Project::from_text(RESOURCES, stack);
    project.write("acme.yaml", ACME);
    project.run(["run", "--yes", "--simulate"]).succeeds();
    project
}

/// Somebody else changes whether the disk is encrypted.
fn outside(project: &Project, encrypted: bool) {
    let file = project.folder().join(".konductor/dev.simulated-cloud.json");
    let text = std::fs::read_to_string(&file).unwrap();
    let effects = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut object = effects
        .into_iter()
        .rfind(|effect| effect["put"]["name"] == "disk")
        .unwrap();
    object["put"]["attributes"]["encrypted"] = json!(encrypted);
    let mut file = OpenOptions::new().append(true).open(file).unwrap();
    writeln!(file, "{object}").unwrap();
}

fn watched(project: &Project) -> Finished {
    project
        .run(["watch", "--once", "--simulate", "--json"])
        .succeeds()
}

/// Checks once; returns what came of the controls.
fn checked(project: &Project) -> Value {
    let finished = watched(project);
    for told in documented(&finished, "alert-told") {
        assert_eq!(told["error"], Value::Null, "{told}");
    }
    let mut events = documented(&finished, "compliance-checked");
    assert_eq!(events.len(), 1, "{finished}");
    events.remove(0)
}

fn names(findings: &Value) -> Vec<(&str, &str)> {
    let findings = findings.as_array().unwrap().iter();
    findings
        .map(|finding| {
            (
                finding["resource"].as_str().unwrap(),
                finding["check"].as_str().unwrap(),
            )
        })
        .collect()
}

/// What a program was told since the last time, without what it was told of drift.
fn told(project: &Project, file: &str) -> Vec<Value> {
    let file = project.folder().join(file);
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    if !text.is_empty() {
        std::fs::remove_file(&file).unwrap();
    }
    let lines = text.lines().filter(|line| !line.is_empty());
    let all = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    all.filter(|told| told["event"] == "controls").collect()
}

const DISK: (&str, &str) = ("disk", "aws-ec2-volume-encrypted");

#[test]
fn what_somebody_else_made_of_a_resource_is_a_finding_that_is_told_once_and_when_it_is_gone() {
    let project = deployed(STACK);
    let first = checked(&project);
    assert_eq!(first["counts"]["acme"]["advisory"], 0);
    assert_eq!((&first["new"], &first["frameworks"]), (&json!([]), &json!([])));
    assert!(told(&project, "told").is_empty());

    // What is recorded is as it was: only what is there tells it.
    outside(&project, false);
    let found = checked(&project);
    assert_eq!(names(&found["new"]), [DISK]);
    assert_eq!(found["new"][0]["controls"], json!(["acme:ENC-1"]));
    assert_eq!(found["counts"]["acme"]["advisory"], 1);
    let pager = told(&project, "told");
    assert_eq!(pager.len(), 1);
    assert_eq!(names(&pager[0]["new"]), [DISK]);
    let since = pager[0]["new"][0]["since"].clone();

    let again = checked(&project);
    assert_eq!((&again["new"], &again["gone"]), (&json!([]), &json!([])));
    assert_eq!(again["digest"], found["digest"]);
    assert!(told(&project, "told").is_empty(), "another process knows it");

    outside(&project, true);
    let gone = checked(&project);
    assert_eq!(names(&gone["gone"]), [DISK]);
    assert_eq!(gone["gone"][0]["since"], since);
    assert_eq!(names(&told(&project, "told")[0]["gone"]), [DISK]);
    assert!(told(&project, "quiet").is_empty(), "it is not critical");

    // As evidence: which control, which check, which resource, since when, and who looked.
    let finished = project
        .run([
            "audit",
            "--simulate",
            "--json",
            "--kind",
            "control-finding",
            "--resource",
            "disk",
        ])
        .succeeds();
    let records = documented(&finished, "audit-record");
    let states: Vec<&Value> = records.iter().map(|record| &record["finding"]["state"]).collect();
    assert_eq!(states, ["open", "gone"]);
    assert_eq!(records[0]["outcome"], "failure");
    assert_eq!(records[0]["finding"]["controls"], json!(["acme:ENC-1"]));
    for record in &records {
        assert_eq!(record["finding"]["check"], DISK.1);
        assert_eq!(record["finding"]["since"], since);
        assert_eq!(
            (&record["command"], record["actor"].is_string()),
            (&json!("watch"), true)
        );
    }
    project.run(["audit", "verify", "--simulate"]).succeeds();
}

#[test]
fn another_version_of_a_framework_is_told_without_drift_and_held_to_at_once() {
    let project = deployed(STACK);
    outside(&project, false);
    checked(&project);
    told(&project, "told");
    let other = ACME
        .replace("version: \"3\"", "version: \"4\"")
        .replace("TAG-1", "TAG-2");
    let other = other.replace("aws-ec2-volume-encrypted", "aws-ec2-ssh-closed");
    project.write("acme.yaml", &other);
    let change =
        json!([{ "framework": "acme", "from": "3", "to": "4", "new": ["TAG-2"], "gone": ["TAG-1"] }]);
    let event = checked(&project);
    assert_eq!(event["frameworks"], change);
    assert_eq!(names(&event["gone"]), [DISK], "nothing asks for it any more");
    assert_eq!(told(&project, "told")[0]["frameworks"], change);
    assert_eq!(checked(&project)["frameworks"], json!([]));

    // Without another number it is another framework all the same.
    project.write(
        "acme.yaml",
        &other.replace("aws-ec2-ssh-closed", "aws-ec2-volume-encrypted"),
    );
    let event = checked(&project);
    assert_eq!(
        (&event["frameworks"][0]["from"], &event["frameworks"][0]["to"]),
        (&json!("4"), &json!("4"))
    );
    assert_eq!(names(&event["new"]), [DISK]);
}

#[test]
fn waivers_are_told_of_before_they_end_and_their_findings_when_they_have() {
    let waiver = |notice: &str, expires: &str| {
        let waiver = format!(
            "catalogues: [acme.yaml], notice: {notice}, waivers: [{{ control: ENC-1, resource: disk, reason: moves, approver: Ada, expires: {expires} }}]"
        );
        STACK.replace("catalogues: [acme.yaml]", &waiver)
    };
    let project = deployed(&waiver("30d", "2099-01-01"));
    outside(&project, false);
    let event = checked(&project);
    assert_eq!((&event["new"], &event["waivers"]), (&json!([]), &json!([])));
    assert_eq!(event["counts"]["acme"]["waived"], 1);

    // The end comes no nearer in a test, but what counts as near does.
    project.write("konductor.dev.yaml", &waiver("30000d", "2099-01-01"));
    let event = checked(&project);
    assert_eq!(event["waivers"][0]["state"], "expiring");
    assert_eq!(told(&project, "told")[0]["waivers"][0]["approver"], "Ada");
    assert_eq!(checked(&project)["waivers"], json!([]));

    project.write("konductor.dev.yaml", &waiver("30d", "2020-01-01"));
    let event = checked(&project);
    assert_eq!(event["waivers"][0]["state"], "expired");
    assert_eq!(names(&event["new"]), [DISK]);
    project.write("konductor.dev.yaml", &waiver("soon", "2099-01-01"));
    project
        .run(["plan", "--simulate"])
        .fails_saying("`compliance.notice` is \"soon\", expected a time in days");
}

#[test]
fn who_could_not_be_told_gets_all_that_came_since_and_a_severity_keeps_the_rest_away() {
    let stack = |program: &str| STACK.replace("cat >> told; echo >> told", program);
    let project = deployed(&stack("exit 3"));
    outside(&project, false);
    let finished = watched(&project);
    let failed: Vec<Value> = documented(&finished, "alert-told");
    assert!(
        failed
            .iter()
            .any(|told| told["about"] == "controls" && told["error"].is_string()),
        "{finished}"
    );
    project.write("acme.yaml", &ACME.replace("version: \"3\"", "version: \"4\""));
    watched(&project);
    project.write("konductor.dev.yaml", &stack("cat >> told; echo >> told"));
    assert_eq!(checked(&project)["new"], json!([]), "nothing is new to the log");
    let pager = told(&project, "told");
    assert_eq!(names(&pager[0]["new"]), [DISK]);
    assert!(told(&project, "quiet").is_empty());
}

#[test]
fn no_value_of_a_resource_is_told_of_a_finding_and_a_stack_that_is_held_to_nothing_any_more_has_none() {
    let project = deployed(STACK);
    project.edit("konductor.yaml", "owner: shop", "owner: planted-4711");
    project.run(["run", "--yes", "--simulate"]).succeeds();
    outside(&project, false);
    let finished = watched(&project);
    for event in ["compliance-checked", "alert-told"] {
        let text = format!("{:?}", documented(&finished, event));
        assert!(!text.contains("planted-4711"), "{text}");
    }
    let exported = project
        .run([
            "audit",
            "export",
            "--simulate",
            "--format",
            "jsonl",
            "--kind",
            "control-finding",
        ])
        .succeeds();
    assert!(exported.stdout.contains(DISK.1) && !exported.stdout.contains("planted-4711"));

    let without = STACK.replace("frameworks: [acme], ", "enabled: false, ");
    project.write("konductor.dev.yaml", &without);
    let event = checked(&project);
    assert_eq!(names(&event["gone"]), [DISK]);
    let finished = watched(&project);
    assert!(
        documented(&finished, "compliance-checked").is_empty(),
        "and then nothing is said"
    );
}
