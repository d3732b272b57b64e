//! `konductor permissions` against an emulated account.

use std::collections::BTreeSet;

use konductor_tests::{AwsAccount, Project};
use serde_json::Value;

/// Returns the actions of a policy, each with its service.
fn actions(policy: &Value) -> BTreeSet<String> {
    let statements = policy["Statement"].as_array().unwrap();
    let texts = statements
        .iter()
        .flat_map(|statement| statement["Action"].as_array().unwrap());
    texts.map(|action| action.as_str().unwrap().to_owned()).collect()
}

/// Returns the EC2 actions that an account was asked for, as its own record has them.
fn ec2_operations(project: &Project) -> BTreeSet<String> {
    let finished = project.run(["log", "show", "--all", "--json"]).succeeds();
    let calls = finished
        .events()
        .into_iter()
        .map(|mut event| event["content"].take());
    calls
        .filter(|entry| entry["entry"] == "cloud-call" && entry["endpoint"] == "ec2")
        .map(|call| format!("ec2:{}", call["operation"].as_str().unwrap()))
        .collect()
}

#[test]
fn the_policy_of_a_stack_allows_what_its_runs_called_and_nothing_else() {
    let account = AwsAccount::open();
    let project = Project::from_example("quickstart").with_account(&account);
    project.run(["run", "--yes"]).succeeds();

    let finished = project.run(["permissions", "--json"]).succeeds();
    let event = &finished.events()[0];
    assert_eq!(event["format"], "aws");
    let allowed = actions(&event["policy"]);
    let (ec2, rest): (BTreeSet<String>, BTreeSet<String>) =
        allowed.into_iter().partition(|action| action.starts_with("ec2:"));
    let mut called = ec2_operations(&project);
    if called.insert("ec2:CreateTags".to_owned()) {
        assert!(event["assumed"].to_string().contains("ec2:CreateTags"));
    }
    assert_eq!(ec2, called);
    assert!(rest.iter().all(|action| action.starts_with("s3:")), "{rest:?}");
    for expected in [
        "s3:CreateBucket",
        "s3:PutEncryptionConfiguration",
        "s3:PutBucketPublicAccessBlock",
    ] {
        assert!(rest.contains(expected), "{expected} should be among {rest:?}");
    }
    for called_by_nobody in ["s3:DeleteBucket", "s3:DeleteObject", "s3:ListAllMyBuckets"] {
        assert!(!rest.contains(called_by_nobody), "{rest:?}");
    }
    let text = event["policy"].to_string();
    assert!(
        text.contains("arn:aws:s3:::example-project-dev-artifacts"),
        "{text}"
    );
    assert_eq!(event["unknown"], serde_json::json!([]));

    // What a person saves is the document alone.
    let printed = project.run(["permissions"]).succeeds().json();
    assert_eq!(printed, event["policy"]);

    project.run(["destroy", "--yes"]).succeeds();
    let whole = project.run(["permissions"]).succeeds().json();
    assert!(actions(&whole).contains("ec2:DeleteVpc"));
    let newest = project.run(["permissions", "--runs", "1"]).succeeds().json();
    assert!(actions(&newest).contains("ec2:DeleteVpc"));
    assert!(
        !actions(&newest).contains("ec2:RunInstances"),
        "the newest run only destroyed"
    );
    account.assert_empty();
}

#[test]
fn a_simulated_run_needs_no_permission_and_says_so() {
    let project = Project::from_example("quickstart");
    project.run(["run", "--yes", "--simulate"]).succeeds();
    project
        .run(["permissions", "--simulate"])
        .fails_saying("called a cloud");
}
