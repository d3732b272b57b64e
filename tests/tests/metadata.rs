//! What is said of a run and of its resources: inherited, written as tags, recorded, and found again.

use std::process::Command;

use konductor_tests::{AwsAccount, Project};
use serde_json::{Value, json};

const PROJECT: &str = "name: shop
config:
  aws: { enabled: true, region: us-west-2 }
  metadata:
    owner: Shop Team
    data_classification: internal
    tags: { owner: Owner, data_classification: DataClass, stack: Stack, git_commit: Commit }
resources:
  assets:
    type: aws:s3:Bucket
    properties: { bucket: shop-assets }
  customers:
    type: aws:s3:Bucket
    properties: { bucket: shop-customers, tags: { Owner: nobody } }
    options:
      metadata: { data_classification: restricted }
";

/// Makes a commit of what is in the folder, and returns it.
fn commit(project: &Project, text: &str) -> String {
    let git = |arguments: &[&str]| {
        let answer = Command::new("git")
            .args([
                "-c",
                "user.name=Robot",
                "-c",
                "user.email=robot@example.com",
                "-C",
            ])
            .arg(project.folder())
            .args(arguments)
            .env("HOME", project.home())
            .output()
            .unwrap();
        assert!(answer.status.success(), "{answer:?}");
        String::from_utf8(answer.stdout).unwrap().trim().to_owned()
    };
    if !project.folder().join(".git").exists() {
        git(&["init", "-q", "-b", "main"]);
        git(&[
            "remote",
            "add",
            "origin",
            "https://robot:planted@git.example.com/shop.git",
        ]);
        project.write(".gitignore", ".konductor\n");
    }
    git(&["add", "."]);
    git(&["commit", "-q", "-m", text]);
    git(&["rev-parse", "HEAD"])
}

fn tags(account: &AwsAccount, bucket: &str) -> Value {
    let found = account.call("s3", "get_bucket_tagging", json!({ "Bucket": bucket }));
    let tags = found["TagSet"].as_array().unwrap();
    let own = |tag: &&Value| !tag["Key"].as_str().unwrap().starts_with("konductor:");
    tags.iter()
        .filter(own)
        .map(|tag| (tag["Key"].as_str().unwrap().to_owned(), tag["Value"].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[test]
fn what_is_said_stands_on_the_resources_in_the_log_and_in_the_answers_and_a_new_commit_changes_tags_alone() {
    let account = AwsAccount::open();
    let project = Project::from_text(PROJECT, "config: {}\n").with_account(&account);
    let first = commit(&project, "first");
    project.run(["run", "--yes"]).succeeds();
    assert_eq!(
        tags(&account, "shop-assets"),
        json!({"Owner": "Shop Team", "DataClass": "internal", "Stack": "dev", "Commit": first})
    );
    assert_eq!(
        tags(&account, "shop-customers"),
        json!({"Owner": "nobody", "DataClass": "restricted", "Stack": "dev", "Commit": first})
    );
    project.assert_nothing_to_do();

    // The log says it of the run, without what the remote's address holds.
    let log = project.run(["log", "show", "--all", "--json"]).succeeds();
    let started = log.events().into_iter().map(|event| event["content"].clone());
    let started: Vec<Value> = started
        .filter(|content| content["entry"] == "run-started")
        .collect();
    assert_eq!(started[0]["metadata"]["git_commit"], first);
    assert_eq!(started[0]["metadata"]["git_author"], "Robot <robot@example.com>");
    assert_eq!(
        started[0]["metadata"]["git_remote"],
        "https://git.example.com/shop.git"
    );
    assert!(!log.everything().contains("planted"), "{log}");

    project.edit("konductor.yaml", "owner: Shop Team", "owner: Sales");
    let second = commit(&project, "second");
    let plan = project.run(["plan", "--json"]).succeeds();
    let plan = plan
        .events()
        .into_iter()
        .find(|event| event["event"] == "plan")
        .unwrap();
    let steps = plan["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 2, "{plan}");
    for step in steps {
        let changes = step["changes"].as_array().unwrap();
        let of_tags = |change: &Value| {
            change["path"]
                .as_str()
                .is_some_and(|path| path.starts_with("tags"))
        };
        assert!(!changes.is_empty() && changes.iter().all(of_tags), "{step}");
    }
    project.run(["run", "--yes"]).succeeds();
    assert_eq!(tags(&account, "shop-assets")["Owner"], "Sales");
    assert_eq!(tags(&account, "shop-assets")["Commit"], second);
    assert_eq!(tags(&account, "shop-customers")["Owner"], "nobody");

    let found = |arguments: &[&str]| -> Vec<String> {
        let finished = project
            .run(["metadata", "query", "--json"].iter().chain(arguments))
            .succeeds();
        let events = finished.events().into_iter();
        let described = events.filter(|event| event["event"] == "described");
        described
            .map(|event| event["resource"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(found(&["data_classification=restricted"]), ["customers"]);
    assert_eq!(found(&["data_classification!=restricted", "--all"]), ["assets"]);
    assert_eq!(found(&["--without", "owner"]), [""; 0]);
    assert_eq!(found(&["--without", "residency"]), ["assets", "customers"]);
    let shown = project.run(["metadata", "show"]).succeeds();
    assert!(shown.everything().contains("Sales  (tag Owner)"), "{shown}");
}

#[test]
fn a_secret_and_a_reference_are_no_metadata_and_are_told_with_their_place() {
    let project = Project::from_text(
        "name: shop
plugins: { reference: { source: bundled } }
resources:
  one:
    type: reference:test:Item
    properties: { label: a }
  two:
    type: reference:test:Item
    properties: { label: b }
    options:
      metadata: { owner: \"${one.id}\" }
",
        "config: {}\n",
    );
    let told = project
        .run(["plan"])
        .fails_saying("the option `metadata` cannot be read");
    assert!(told.everything().contains("konductor.yaml:11"), "{told}");
    project.edit("konductor.yaml", "owner: \"${one.id}\"", "owner: me");
    project.run(["config", "key", "generate"]).succeeds();
    project
        .run(["config", "set", "--secret", "metadata.token", "planted"])
        .succeeds();
    let told = project.run(["plan"]).fails_saying("`metadata.token` is a secret");
    assert!(!told.everything().contains("planted"), "{told}");
}

#[test]
fn what_is_restricted_and_not_shown_to_be_encrypted_is_found() {
    let project = Project::from_text(
        "name: shop
resources:
  sealed:
    type: aws:ec2:Volume
    properties: { availability_zone: us-west-2a, size: 10 }
    options: { metadata: { data_classification: restricted } }
  open:
    type: aws:ec2:Volume
    properties: { availability_zone: us-west-2a, size: 10, encrypted: false }
    options: { metadata: { data_classification: restricted } }
  elsewhere:
    type: aws:ec2:Volume
    properties: { availability_zone: us-west-2a, size: 10, encrypted: false }
    options: { metadata: { data_classification: internal } }
  key:
    type: aws:ec2:KeyPair
    properties: { key_name: operators, public_key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl a }
    options: { metadata: { data_classification: restricted } }
",
        "config:\n  aws: { enabled: true, region: us-west-2 }\n",
    );
    project.run(["run", "--simulate", "--yes"]).succeeds();
    let query = |control: &str| {
        let restricted = "data_classification=restricted";
        project.run([
            "metadata",
            "query",
            "--simulate",
            "--json",
            restricted,
            "--without-control",
            control,
        ])
    };
    let found: Vec<(Value, Value)> = query("nist-800-53-moderate:SC-13")
        .succeeds()
        .events()
        .into_iter()
        .filter(|event| event["event"] == "described")
        .map(|event| (event["resource"].clone(), event["control"].clone()))
        .collect();
    let expected = [("key", "not checked"), ("open", "failed")];
    assert_eq!(
        found,
        expected.map(|(resource, why)| (json!(resource), json!(why)))
    );

    query("sc-13").fails_saying("does not say of which framework the control is");
    query("nist-800-53-moderate:sc-131").fails_saying("did you mean `nist-800-53-moderate:sc-13`?");
    query("nist-800-53-modrate:sc-13").fails_saying("there is no framework `nist-800-53-modrate`");
    query("nist-800-53-moderate:at-1").fails_saying("no check serves the control");
}
