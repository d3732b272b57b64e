//! The quickstart against an emulated account: what a stranger types first.

use konductor_tests::{AwsAccount, Project};
use serde_json::json;

#[test]
fn the_quickstart_deploys_once_and_then_changes_nothing() {
    let account = AwsAccount::open();
    let project = Project::from_example("quickstart").with_account(&account);
    project.run(["run", "--yes"]).succeeds();

    let contents = account.contents();
    let vpc = &contents["vpcs"][0];
    assert_eq!(vpc["CidrBlock"], "10.0.0.0/16");
    assert_eq!(
        (&vpc["EnableDnsSupport"], &vpc["EnableDnsHostnames"]),
        (&json!(true), &json!(true))
    );
    for (key, value) in [
        ("Environment", "dev"),
        ("Project", "example-project"),
        ("ManagedBy", "konductor"),
    ] {
        assert!(
            vpc["Tags"]
                .as_array()
                .unwrap()
                .contains(&json!({"Key": key, "Value": value})),
            "{key}={value} should be among {}",
            vpc["Tags"]
        );
    }
    let private: Vec<_> = contents["subnets"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|subnet| subnet["MapPublicIpOnLaunch"] == false)
        .map(|subnet| &subnet["SubnetId"])
        .collect();
    assert!(
        private.contains(&&contents["instances"][0]["SubnetId"]),
        "the server stands in a private subnet"
    );
    let bucket = &contents["buckets"][0];
    assert_eq!(bucket["Versioning"], "Enabled");
    assert_eq!(bucket["PublicAccessBlock"]["RestrictPublicBuckets"], true);
    assert!(bucket["Encryption"]["Rules"][0].is_object());

    let counts = account.counts();
    project.assert_nothing_to_do();
    project.run(["run", "--yes"]).succeeds();
    assert_eq!(account.counts(), counts);

    let outputs = project.run(["output", "vpc_id"]).succeeds();
    assert_eq!(json!(outputs.stdout.trim()), vpc["VpcId"]);
    project.run(["log", "verify"]).succeeds();

    project.run(["destroy", "--yes"]).succeeds();
    account.assert_empty();
}
