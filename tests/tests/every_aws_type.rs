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
        "configuration_recorders": 1, "running_recorders": 1, "delivery_channels": 1, "config_rules": 2,
        "retention_configurations": 1, "hubs": 1, "standards": 1, "findings": 1,
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
    assert_compliance_created(&contents);
}

fn assert_compliance_created(contents: &Value) {
    let recorder = one(contents, "configuration_recorders", "name", "every-type");
    assert_eq!(recorder["recordingGroup"]["allSupported"], true);
    assert_eq!(
        recorder["recordingMode"],
        json!({"recordingFrequency": "CONTINUOUS", "recordingModeOverrides": [{
            "description": "Volumes change often",
            "resourceTypes": ["AWS::EC2::Volume"],
            "recordingFrequency": "DAILY",
        }]})
    );
    let channel = one(contents, "delivery_channels", "name", "every-type");
    assert_eq!(channel["s3BucketName"], "every-aws-type-logs");
    assert_eq!(channel["s3KeyPrefix"], "config");
    assert_eq!(
        channel["configSnapshotDeliveryProperties"]["deliveryFrequency"],
        "Six_Hours"
    );
    let tags = one(contents, "config_rules", "ConfigRuleName", "required-tags");
    assert_eq!(
        tags["Source"],
        json!({"Owner": "AWS", "SourceIdentifier": "REQUIRED_TAGS"})
    );
    assert_eq!(tags["InputParameters"], r#"{"tag1Key":"Owner"}"#);
    assert_eq!(tag(tags, "Project"), "every-aws-type");
    let named = one(contents, "config_rules", "ConfigRuleName", "named-volumes");
    assert!(
        named["Policy"]
            .as_str()
            .unwrap()
            .contains("configuration.tags !empty")
    );
    assert_eq!(
        contents["retention_configurations"][0]["RetentionPeriodInDays"],
        365
    );
    let hub = &contents["hubs"][0];
    assert_eq!(hub["AutoEnableControls"], true);
    assert_eq!(hub["ControlFindingGenerator"], "SECURITY_CONTROL");
    assert_eq!(hub["Tags"]["Team"], "security");
    let nist = "arn:aws:securityhub:us-west-2::standards/nist-800-53/v/5.0.0";
    assert_eq!(
        one(contents, "standards", "StandardsArn", nist)["StandardsStatus"],
        "READY"
    );
    let finding = one(contents, "findings", "Id", "audit-2026-0017");
    assert_eq!(finding["Severity"]["Label"], "MEDIUM");
    assert_eq!(
        finding["Compliance"],
        json!({"Status": "FAILED", "RelatedRequirements": ["NIST.800-53.r5 IA-2"]})
    );
    let key = contents["key_pairs"][0]["KeyPairId"].as_str().unwrap();
    assert!(finding["Resources"][0]["Id"].as_str().unwrap().ends_with(key));
}

fn assert_run_writes_nothing(account: &AwsAccount, project: &Project) {
    let before = account.requests_of_konductor().len();
    project.run(["run", "--yes"]).succeeds();
    for request in &account.requests_of_konductor()[before..] {
        let body = request["body"].as_str().unwrap();
        let called = request["headers"]["x-amz-target"].as_str().unwrap_or_default();
        let called = called.rsplit('.').next().unwrap();
        let path = request["path"].as_str().unwrap();
        let reads = request["method"] == "GET"
            || request["method"] == "HEAD"
            || (request["method"] == "POST"
                && (body.contains("Action=Describe")
                    || ["Describe", "List", "Get"].iter().any(|verb| called.starts_with(verb))
                    // Security Hub is asked for these with POST.
                    || ["/findings", "/standards/get"].contains(&path)));
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
    project.edit(
        file,
        "recording_frequency: CONTINUOUS",
        "recording_frequency: DAILY",
    );
    project.edit(
        file,
        "delivery_frequency: Six_Hours",
        "delivery_frequency: One_Hour",
    );
    project.edit(
        file,
        "retention_period_in_days: 365",
        "retention_period_in_days: 730",
    );
    project.edit(file, "tag1Key: Owner", "tag1Key: Team");
    project.edit(file, "configuration.tags !empty", "configuration.size > 1");
    project.edit(
        file,
        "auto_enable_controls: true\n      tags: { Team: security }",
        "auto_enable_controls: false\n      tags: { Owner: security }",
    );
    project.edit(file, "severity: MEDIUM", "severity: HIGH");
    project.assert_planned(&json!({"update": 18}));
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
    assert_compliance_changed(&contents);
    assert_eq!(project.objects(), before, "nothing was replaced");
}

fn assert_compliance_changed(contents: &Value) {
    let recorder = &contents["configuration_recorders"][0];
    assert_eq!(recorder["recordingMode"]["recordingFrequency"], "DAILY");
    let channel = &contents["delivery_channels"][0];
    assert_eq!(
        channel["configSnapshotDeliveryProperties"]["deliveryFrequency"],
        "One_Hour"
    );
    assert_eq!(
        contents["retention_configurations"][0]["RetentionPeriodInDays"],
        730
    );
    let tags = one(contents, "config_rules", "ConfigRuleName", "required-tags");
    assert_eq!(tags["InputParameters"], r#"{"tag1Key":"Team"}"#);
    let named = one(contents, "config_rules", "ConfigRuleName", "named-volumes");
    assert!(
        named["Policy"]
            .as_str()
            .unwrap()
            .contains("configuration.size > 1")
    );
    let hub = &contents["hubs"][0];
    assert_eq!(hub["AutoEnableControls"], false);
    assert_eq!(
        (&hub["Tags"]["Owner"], &hub["Tags"]["Team"]),
        (&json!("security"), &Value::Null)
    );
    let finding = &contents["findings"][0];
    assert_eq!(finding["FindingProviderFields"]["Severity"]["Label"], "HIGH");
    assert_ne!(finding["CreatedAt"], finding["UpdatedAt"]);
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

    // A region has one recorder and one channel: what there is stops and goes before the new ones come.
    project.edit(file, "name: every-type\n", "name: renamed\n");
    project.edit(file, "finding_id: audit-2026-0017", "finding_id: audit-2026-0018");
    let planned = project.planned();
    assert_eq!(planned["replace"], 4, "{planned}");
    project.run(["run", "--yes"]).succeeds();
    project.assert_nothing_to_do();
    assert_eq!(account.counts(), everything());
    let contents = account.contents();
    one(&contents, "running_recorders", "name", "renamed");
    one(&contents, "delivery_channels", "name", "renamed");
    one(&contents, "findings", "Id", "audit-2026-0018");
    let archived = account.call(
        "securityhub",
        "get_findings",
        json!({"Filters": {"Id": [
        {"Value": "audit-2026-0017", "Comparison": "EQUALS"}]}}),
    );
    assert_eq!(archived["Findings"][0]["RecordState"], "ARCHIVED");

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
    compliance_drifts(account, &contents);

    let seen = project
        .run(["refresh", "--dry-run", "--detailed-exitcode"])
        .ends_with(2);
    for name in [
        "network",
        "web-https",
        "server",
        "documents-public-access-block",
        "welcome",
        "recorder",
        "recording",
        "required-tags",
        "hub",
        "nist",
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
    let recorder = &contents["configuration_recorders"][0];
    assert_eq!(recorder["recordingMode"]["recordingFrequency"], "DAILY");
    assert_eq!(contents["hubs"][0]["AutoEnableControls"], false);
    assert_eq!(
        contents["findings"][0]["Severity"]["Label"], "LOW",
        "what people make of a finding is theirs"
    );
}

/// Changes by hand what AWS Config and Security Hub have.
fn compliance_drifts(account: &AwsAccount, contents: &Value) {
    let mut recorder = contents["configuration_recorders"][0].clone();
    account.call(
        "config",
        "stop_configuration_recorder",
        json!({"ConfigurationRecorderName": recorder["name"]}),
    );
    recorder["recordingMode"] = json!({"recordingFrequency": "CONTINUOUS"});
    account.call(
        "config",
        "put_configuration_recorder",
        json!({ "ConfigurationRecorder": recorder }),
    );
    account.call(
        "config",
        "delete_config_rule",
        json!({"ConfigRuleName": "required-tags"}),
    );
    account.call(
        "securityhub",
        "update_security_hub_configuration",
        json!({"AutoEnableControls": true}),
    );
    account.call(
        "securityhub",
        "batch_disable_standards",
        json!({"StandardsSubscriptionArns": [contents["standards"][0]["StandardsSubscriptionArn"]]}),
    );
    let finding = &contents["findings"][0];
    account.call(
        "securityhub",
        "batch_update_findings",
        json!({
            "FindingIdentifiers": [{"Id": finding["Id"], "ProductArn": finding["ProductArn"]}],
            "Severity": {"Label": "LOW"},
        }),
    );
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
