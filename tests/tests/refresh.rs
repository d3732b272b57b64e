//! What is read before a plan: seen in the requests that the emulated account got.

use konductor_tests::{AwsAccount, Project};
use serde_json::json;

const PROJECT: &str = "name: reading
resources:
  first:
    type: aws:ec2:Vpc
    properties: { cidr_block: 10.60.0.0/16 }
  second:
    type: aws:ec2:Vpc
    properties: { cidr_block: 10.61.0.0/16, enable_dns_hostnames: false }
";

const STACK: &str = "config:
  project: { name: reading, environment: dev }
  aws: { enabled: true, region: us-west-2 }
";

/// How many requests about networks Konductor has sent so far.
fn sent(account: &AwsAccount) -> usize {
    account
        .requests_of_konductor()
        .iter()
        .filter(|request| request.to_string().contains("Vpc"))
        .count()
}

#[test]
fn what_was_read_not_long_ago_is_not_read_again() {
    let account = AwsAccount::open();
    let project = Project::from_text(PROJECT, STACK).with_account(&account);
    project.run(["run", "--yes"]).succeeds();
    let asked = |arguments: &[&str]| {
        let before = sent(&account);
        project.run(arguments).succeeds();
        sent(&account) - before
    };
    let all = asked(&["plan"]);
    assert!(all >= 2, "both are read: {all}");
    assert_eq!(
        asked(&["plan", "--refresh=changed"]),
        0,
        "both were read just now"
    );
    assert_eq!(asked(&["plan", "--refresh=changed", "--refresh-age=0s"]), all);
    assert_eq!(asked(&["plan", "--refresh=none"]), 0);
    assert_eq!(asked(&["plan", "--no-refresh"]), 0);

    // One is touched: it is read, and the other is not.
    project.edit(
        "konductor.yaml",
        "enable_dns_hostnames: false",
        "enable_dns_hostnames: true",
    );
    let touched = asked(&["plan", "--refresh=changed"]);
    assert!(touched > 0 && touched < all, "{touched} of {all}");

    // What somebody did to it meanwhile is seen.
    let vpcs = account.call(
        "ec2",
        "describe_vpcs",
        json!({"Filters": [{"Name": "cidr", "Values": ["10.61.0.0/16"]}]}),
    );
    let id = vpcs["Vpcs"][0]["VpcId"].as_str().unwrap();
    let change = json!({"VpcId": id, "EnableDnsHostnames": {"Value": true}});
    account.call("ec2", "modify_vpc_attribute", change);
    project
        .run(["plan", "--refresh=changed", "--detailed-exitcode"])
        .says("was changed outside Konductor");
    project
        .run(["plan", "--refresh=all", "--no-refresh"])
        .fails_saying("cannot be used with");
}
