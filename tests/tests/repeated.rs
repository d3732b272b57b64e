//! `count` and `for_each` against an emulated AWS account: what is there is asked of the account itself.

use konductor_tests::{AwsAccount, Project};
use serde_json::json;

const PROJECT: &str = "name: many
resources:
  network:
    type: aws:ec2:Vpc
    count: 2
    properties: { cidr_block: \"10.${count.index}.0.0/16\" }
  subnet:
    type: aws:ec2:Subnet
    for_each:
      blue: { network: 0, cidr: 10.0.1.0/24 }
      green: { network: 1, cidr: 10.1.1.0/24 }
    properties:
      vpc_id: ${network[each.value.network].vpc_id}
      cidr_block: ${each.value.cidr}
outputs:
  blue: ${subnet[\"blue\"].id}
  networks: ${network.*.vpc_id}
";

const STACK: &str = "config:
  project: { name: many, environment: dev }
  aws: { enabled: true, region: us-west-2 }
";

/// The subnets that there are, by address range, each with its identifier.
fn subnets(account: &AwsAccount) -> Vec<(String, String)> {
    let found = account.call("ec2", "describe_subnets", json!({}));
    let mut found: Vec<_> = found["Subnets"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|subnet| !subnet["DefaultForAz"].as_bool().unwrap())
        .map(|subnet| {
            let text = |name: &str| subnet[name].as_str().unwrap().to_owned();
            (text("CidrBlock"), text("SubnetId"))
        })
        .collect();
    found.sort();
    found
}

#[test]
fn instances_keep_their_objects_when_others_come_and_go() {
    let account = AwsAccount::open();
    let project = Project::from_text(PROJECT, STACK).with_account(&account);
    project.run(["run", "--yes"]).succeeds();
    let first = subnets(&account);
    let ranges: Vec<&str> = first.iter().map(|(range, _)| range.as_str()).collect();
    assert_eq!(ranges, ["10.0.1.0/24", "10.1.1.0/24"]);
    project.run(["plan", "--detailed-exitcode"]).ends_with(0);

    // One key goes and another comes: the third stays the object it is.
    project.edit(
        "konductor.yaml",
        "      blue: { network: 0, cidr: 10.0.1.0/24 }\n",
        "      amber: { network: 0, cidr: 10.0.2.0/24 }\n",
    );
    project.edit("konductor.yaml", "subnet[\"blue\"]", "subnet[\"amber\"]");
    project.run(["run", "--yes"]).succeeds();
    let second = subnets(&account);
    assert_eq!(second[0].0, "10.0.2.0/24");
    assert_eq!(second[1], first[1], "green is the same subnet");

    // `for_each` goes: the instance is kept under the name it is moved to.
    project.edit("konductor.yaml", "    for_each:\n      amber: { network: 0, cidr: 10.0.2.0/24 }\n      green: { network: 1, cidr: 10.1.1.0/24 }\n", "");
    project.edit("konductor.yaml", "network[each.value.network]", "network[1]");
    project.edit("konductor.yaml", "${each.value.cidr}", "10.1.1.0/24");
    project.edit("konductor.yaml", "subnet[\"amber\"].id", "subnet.id");
    project
        .run(["plan"])
        .succeeds()
        .says("konductor state move subnet/green subnet");
    project
        .run(["state", "move", "subnet/green", "subnet"])
        .succeeds();
    project.run(["run", "--yes"]).succeeds();
    assert_eq!(subnets(&account), [first[1].clone()]);

    project.run(["destroy", "--yes"]).succeeds();
    account.assert_empty();
    project.run(["log", "verify"]).succeeds();
}

#[test]
fn a_mistake_in_an_instance_is_told_with_its_place() {
    let account = AwsAccount::open();
    let project = Project::from_text(PROJECT, STACK).with_account(&account);
    project.edit(
        "konductor.yaml",
        "${subnet[\"blue\"].id}",
        "${subnet[\"pink\"].id}",
    );
    project.edit(
        "konductor.yaml",
        "cidr_block: ${each.value.cidr}",
        "cidr_block: ${each.value.range}",
    );
    project
        .run(["plan"])
        .fails_saying("`${each.value.range}` is not there for the key `blue`");
    project.edit("konductor.yaml", "${each.value.range}", "${each.value.cidr}");
    project
        .run(["plan"])
        .fails_saying("there is no `pink`")
        .says("its keys are blue, green");
    project.edit("konductor.yaml", "    count: 2\n", "    count: ${subnet.size}\n");
    project
        .run(["plan"])
        .fails_saying("`count` must be known before the plan")
        .says("konductor.yaml:5:12");
    assert_eq!(subnets(&account), [] as [(String, String); 0]);
}
