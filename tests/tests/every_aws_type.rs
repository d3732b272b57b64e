//! A resource of every AWS type through its whole life, each step checked through boto3.

use konductor_tests::{AwsAccount, Project};
use serde_json::{Value, json};

/// Finds the one element of a list whose member has a value.
#[track_caller]
fn one<'a>(contents: &'a Value, kind: &str, member: &str, value: &str) -> &'a Value {
    let found: Vec<&Value> = contents[kind]
        .as_array()
        .unwrap()
        .iter()
        .filter(|thing| thing[member] == value)
        .collect();
    assert_eq!(
        found.len(),
        1,
        "{kind} with {member} = {value}: {:#}",
        contents[kind]
    );
    found[0]
}

fn tag<'a>(thing: &'a Value, key: &str) -> &'a Value {
    thing["Tags"]
        .as_array()
        .and_then(|tags| tags.iter().find(|tag| tag["Key"] == key))
        .map_or(&Value::Null, |tag| &tag["Value"])
}

fn everything() -> Value {
    json!({
        "vpcs": 1, "subnets": 2, "internet_gateways": 1, "elastic_ips": 1, "nat_gateways": 1,
        "customer_gateways": 1, "vpn_gateways": 1, "vpn_connections": 1, "route_tables": 2, "routes": 2, "route_table_associations": 2,
        "security_groups": 1, "security_group_rules": 1, "key_pairs": 1,
        "instances": 1, "volumes": 1, "volume_attachments": 1, "buckets": 2,
    })
}

#[test]
fn every_type_is_created_changed_replaced_repaired_imported_and_destroyed() {
    let account = AwsAccount::open();
    let project = Project::from_example("every-aws-type").with_account(&account);

    // The keys of the VPN's tunnels are AWS's making. A plan tells, and a run does not even ask.
    project
        .run(["plan"])
        .succeeds()
        .says("office-connection will have secrets (tunnel1_preshared_key, tunnel2_preshared_key)");
    project
        .run(["run"])
        .fails_saying("office-connection will have secrets (tunnel1_preshared_key, tunnel2_preshared_key)");
    account.assert_empty();
    project.run(["config", "key", "generate"]).succeeds();
    project.run(["run", "--yes"]).succeeds();
    assert_created(&account);
    assert_eq!(account.counts(), everything());
    project.assert_nothing_to_do();
    assert_run_writes_nothing(&account, &project);

    change_in_place(&account, &project);
    replace(&account, &project);
    drift_is_seen_and_repaired(&account, &project);

    let other = import_into_a_fresh_stack(&account, &project);
    other.run(["destroy", "--yes"]).succeeds();
    account.assert_empty();
    // What is gone already is no obstacle to the stack that made it.
    project.run(["destroy", "--yes"]).succeeds();
    account.assert_empty();
    assert!(project.objects().is_empty());
}

fn assert_created(account: &AwsAccount) {
    let contents = account.contents();
    let vpc = &contents["vpcs"][0];
    assert_eq!(vpc["CidrBlock"], "10.30.0.0/16");
    assert_eq!(vpc["EnableDnsSupport"], true);
    assert_eq!(vpc["EnableDnsHostnames"], true);
    assert_eq!(tag(vpc, "Name"), "network");
    assert_eq!(
        tag(vpc, "Project"),
        "every-aws-type",
        "configured tags reach every resource"
    );

    let public = one(&contents, "subnets", "CidrBlock", "10.30.0.0/24");
    assert_eq!(public["MapPublicIpOnLaunch"], true);
    let nat = &contents["nat_gateways"][0];
    assert_eq!(nat["SubnetId"], public["SubnetId"]);
    assert_eq!(
        nat["NatGatewayAddresses"][0]["AllocationId"],
        contents["elastic_ips"][0]["AllocationId"]
    );
    let gateway = &contents["internet_gateways"][0];
    assert_eq!(gateway["Attachments"][0]["VpcId"], vpc["VpcId"]);
    one(
        &contents,
        "routes",
        "GatewayId",
        gateway["InternetGatewayId"].as_str().unwrap(),
    );
    one(
        &contents,
        "routes",
        "NatGatewayId",
        nat["NatGatewayId"].as_str().unwrap(),
    );

    let vpn_gateway = &contents["vpn_gateways"][0];
    assert_eq!(vpn_gateway["AmazonSideAsn"], 64620);
    assert_eq!(vpn_gateway["VpcAttachments"][0]["VpcId"], vpc["VpcId"]);
    let office = &contents["customer_gateways"][0];
    assert_eq!(
        (&office["IpAddress"], &office["BgpAsn"]),
        (&json!("198.51.100.7"), &json!("65010"))
    );
    let connection = &contents["vpn_connections"][0];
    assert_eq!(connection["CustomerGatewayId"], office["CustomerGatewayId"]);
    assert_eq!(connection["VpnGatewayId"], vpn_gateway["VpnGatewayId"]);

    let group = &contents["security_groups"][0];
    let rule = &contents["security_group_rules"][0];
    assert_eq!(rule["GroupId"], group["GroupId"]);
    assert_eq!(rule["IsEgress"], false);
    assert_eq!((&rule["FromPort"], &rule["ToPort"]), (&json!(443), &json!(443)));
    let instance = &contents["instances"][0];
    assert_eq!(instance["InstanceType"], "t3.micro");
    assert_eq!(instance["KeyName"], "operators");
    assert_eq!(instance["SecurityGroups"][0]["GroupId"], group["GroupId"]);
    assert_eq!(
        contents["volume_attachments"][0]["InstanceId"],
        instance["InstanceId"]
    );
    assert_eq!(contents["volumes"][0]["Encrypted"], true);

    let documents = one(&contents, "buckets", "Name", "every-aws-type-documents");
    assert_eq!(documents["Versioning"], "Enabled");
    assert_eq!(
        documents["Encryption"]["Rules"][0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"],
        "AES256"
    );
    for setting in [
        "BlockPublicAcls",
        "IgnorePublicAcls",
        "BlockPublicPolicy",
        "RestrictPublicBuckets",
    ] {
        assert_eq!(documents["PublicAccessBlock"][setting], true, "{setting}");
    }
    assert_eq!(
        documents["Lifecycle"][0]["NoncurrentVersionExpiration"]["NoncurrentDays"],
        30
    );
    assert_eq!(documents["Policy"]["Statement"][0]["Sid"], "NoWebsite");
    assert_eq!(documents["Logging"]["TargetBucket"], "every-aws-type-logs");
    assert_eq!(documents["Objects"][0]["Body"], "Hello\n");
    assert_eq!(documents["Objects"][0]["ContentType"], "text/plain");
}

fn assert_run_writes_nothing(account: &AwsAccount, project: &Project) {
    let before = account.requests_of_konductor().len();
    project.run(["run", "--yes"]).succeeds();
    for request in &account.requests_of_konductor()[before..] {
        let body = request["body"].as_str().unwrap();
        let reads = request["method"] == "GET"
            || request["method"] == "HEAD"
            || (request["method"] == "POST" && body.contains("Action=Describe"));
        assert!(reads, "a run with nothing to do should only read: {request:#}");
    }
}

fn change_in_place(account: &AwsAccount, project: &Project) {
    let before = project.objects();
    let file = "konductor.yaml";
    project.edit(file, "tags: { Name: network }", "tags: { Name: renamed }");
    project.edit(
        file,
        "map_public_ip_on_launch: true",
        "map_public_ip_on_launch: false",
    );
    project.edit(
        file,
        "      description: HTTPS\n",
        "      description: HTTPS from inside\n",
    );
    project.edit(file, "size: 10", "size: 20");
    project.edit(file, "instance_type: t3.micro", "instance_type: t3.small");
    project.edit(file, "status: Enabled\n", "status: Suspended\n");
    project.edit(file, "Sid: NoWebsite", "Sid: NoWebsiteHere");
    project.edit(file, "days: 30", "days: 60");
    project.edit(file, "target_prefix: documents/", "target_prefix: access/");
    project.edit(file, "Hello\\n", "Hello again\\n");
    project.edit(file, "Purpose: documents", "Purpose: papers");
    project.assert_planned(&json!({"update": 11}));
    project.run(["run", "--yes"]).succeeds();
    project.assert_nothing_to_do();

    let contents = account.contents();
    assert_eq!(account.counts(), everything());
    assert_eq!(tag(&contents["vpcs"][0], "Name"), "renamed");
    let public = one(&contents, "subnets", "CidrBlock", "10.30.0.0/24");
    assert_eq!(public["MapPublicIpOnLaunch"], false);
    assert_eq!(
        contents["security_group_rules"][0]["Description"],
        "HTTPS from inside"
    );
    assert_eq!(contents["volumes"][0]["Size"], 20);
    assert_eq!(contents["instances"][0]["InstanceType"], "t3.small");
    let documents = one(&contents, "buckets", "Name", "every-aws-type-documents");
    assert_eq!(documents["Versioning"], "Suspended");
    assert_eq!(documents["Policy"]["Statement"][0]["Sid"], "NoWebsiteHere");
    assert_eq!(
        documents["Lifecycle"][0]["NoncurrentVersionExpiration"]["NoncurrentDays"],
        60
    );
    assert_eq!(documents["Logging"]["TargetPrefix"], "access/");
    assert_eq!(documents["Objects"][0]["Body"], "Hello again\n");
    assert_eq!(tag(documents, "Purpose"), "papers");
    assert_eq!(project.objects(), before, "nothing was replaced");
}

fn replace(account: &AwsAccount, project: &Project) {
    let before = project.objects();
    let file = "konductor.yaml";
    // The subnet takes its association and the server with it, the server its attachment.
    project.edit(file, "cidr_block: 10.30.1.0/24", "cidr_block: 10.30.2.0/24");
    let planned = project.planned();
    assert_eq!(planned["replace"], 4, "{planned}");
    project.run(["run", "--yes"]).succeeds();
    project.assert_nothing_to_do();
    assert_eq!(account.counts(), everything());
    let contents = account.contents();
    let private = one(&contents, "subnets", "CidrBlock", "10.30.2.0/24");
    assert_eq!(contents["instances"][0]["SubnetId"], private["SubnetId"]);
    assert_eq!(
        contents["volume_attachments"][0]["InstanceId"],
        contents["instances"][0]["InstanceId"]
    );
    let after = project.objects();
    for name in ["private", "server"] {
        assert_ne!(before[name], after[name], "{name}");
    }
    for name in ["network", "public", "nat", "data", "documents"] {
        assert_eq!(before[name], after[name], "{name}");
    }

    // On demand, although nothing about it changed.
    project
        .run(["run", "--yes", "--replace", "nat-address"])
        .succeeds();
    project.assert_nothing_to_do();
    assert_eq!(account.counts(), everything());
    assert_ne!(after["nat-address"], project.objects()["nat-address"]);
}

fn drift_is_seen_and_repaired(account: &AwsAccount, project: &Project) {
    let contents = account.contents();
    let vpc = &contents["vpcs"][0]["VpcId"];
    account.call(
        "ec2",
        "create_tags",
        json!({"Resources": [vpc], "Tags": [{"Key": "Name", "Value": "drifted"}]}),
    );
    account.call(
        "ec2",
        "modify_vpc_attribute",
        json!({"VpcId": vpc, "EnableDnsHostnames": {"Value": false}}),
    );
    account.call(
        "ec2",
        "revoke_security_group_ingress",
        json!({
            "GroupId": contents["security_groups"][0]["GroupId"],
            "SecurityGroupRuleIds": [contents["security_group_rules"][0]["SecurityGroupRuleId"]],
        }),
    );
    account.call(
        "ec2",
        "terminate_instances",
        json!({"InstanceIds": [contents["instances"][0]["InstanceId"]]}),
    );
    account.call(
        "s3",
        "delete_public_access_block",
        json!({"Bucket": "every-aws-type-documents"}),
    );
    account.call(
        "s3",
        "put_object",
        json!({"Bucket": "every-aws-type-documents", "Key": "welcome.txt", "Body": "defaced"}),
    );

    let seen = project
        .run(["refresh", "--dry-run", "--detailed-exitcode"])
        .ends_with(2);
    for name in [
        "network",
        "web-https",
        "server",
        "documents-public-access-block",
        "welcome",
    ] {
        assert!(
            seen.everything().contains(name),
            "{name} should be seen as drifted: {seen}"
        );
    }
    project.run(["plan", "--detailed-exitcode"]).ends_with(2);
    project.run(["run", "--yes"]).succeeds();
    project.assert_nothing_to_do();
    assert_eq!(account.counts(), everything());
    let contents = account.contents();
    assert_eq!(tag(&contents["vpcs"][0], "Name"), "renamed");
    assert_eq!(contents["vpcs"][0]["EnableDnsHostnames"], true);
    let documents = one(&contents, "buckets", "Name", "every-aws-type-documents");
    assert_eq!(documents["PublicAccessBlock"]["BlockPublicAcls"], true);
    assert_eq!(documents["Objects"][0]["Body"], "Hello again\n");
}

fn import_into_a_fresh_stack(account: &AwsAccount, project: &Project) -> Project {
    let other = Project::empty().with_account(account);
    other.write("konductor.yaml", &project.read("konductor.yaml"));
    other.write("konductor.dev.yaml", &project.read("konductor.dev.yaml"));
    other.run(["config", "key", "generate"]).succeeds();
    let objects = project.objects();
    for (name, (kind, id)) in &objects {
        other.run(["import", kind, name, id]).succeeds();
    }
    // What is not in the cloud is not imported: outputs, and `force_destroy` of the two buckets.
    other.assert_planned(&json!({"outputs": 3, "update": 2}));
    assert_run_writes_nothing(account, &other);
    other.assert_nothing_to_do();
    assert_eq!(account.counts(), everything());
    assert_eq!(other.objects(), objects);
    other
}
