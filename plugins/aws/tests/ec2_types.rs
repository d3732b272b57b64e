//! What single types of EC2 do beside what they share: routes, rules, attachments and instances.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::result_large_err
)]

mod account;

use account::{Account, TOKEN, answers, calls, complete, describes, in_progress, refuses, stored, tags};
use konductor_sdk::model::provider::{OperationKind, Outcome};
use konductor_sdk::model::{Disposition, Value};
use konductor_sdk_test::ScriptedCloud;

const ROUTE: &str = "aws:ec2:Route";
const ATTACHMENT: &str = "aws:ec2:VolumeAttachment";
const RULE: &str = "aws:ec2:SecurityGroupRule";
const INSTANCE: &str = "aws:ec2:Instance";

fn route_tables() -> String {
    "<routeTableSet><item><routeTableId>rtb-1</routeTableId><routeSet>\
     <item><destinationCidrBlock>10.0.0.0/16</destinationCidrBlock><gatewayId>local</gatewayId>\
     <origin>CreateRouteTable</origin></item>\
     <item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><gatewayId>igw-1</gatewayId>\
     <origin>CreateRoute</origin></item>\
     <item><destinationIpv6CidrBlock>::/0</destinationIpv6CidrBlock><gatewayId>vpce-1</gatewayId>\
     <origin>CreateRoute</origin></item></routeSet></item></routeTableSet>"
        .to_owned()
}

fn route(gateway: &str) -> Value {
    Value::from([
        ("route_table_id", "rtb-1"),
        ("destination_cidr_block", "0.0.0.0/0"),
        ("gateway_id", gateway),
    ])
}

#[test]
fn routes_of_one_table_are_read_with_it_once() {
    let account = Account::new(
        ROUTE,
        ScriptedCloud::in_order().expect(
            describes("DescribeRouteTables", "route-table-id", "rtb-1").without("Filter.1.Value.2"),
            answers("DescribeRouteTables", &route_tables()),
        ),
    );
    assert_eq!(
        account.read_many(&["rtb-1_::/0", "rtb-1_0.0.0.0/0", "rtb-1_10.0.0.0/16"]),
        [
            Some("rtb-1_::/0".to_owned()),
            Some("rtb-1_0.0.0.0/0".to_owned()),
            // A table comes with it.
            None,
        ]
    );
    account.finish();
}

#[test]
fn a_route_that_exists_is_taken_only_where_it_leads_to_the_same() {
    for (gateway, taken) in [("igw-1", true), ("igw-2", false)] {
        let mut script = ScriptedCloud::in_order()
            .expect(
                calls("CreateRoute").containing(&format!("GatewayId={gateway}")),
                refuses(400, "RouteAlreadyExists"),
            )
            .expect(
                describes("DescribeRouteTables", "route-table-id", "rtb-1"),
                answers("DescribeRouteTables", &route_tables()),
            );
        if taken {
            script = script.expect(
                describes("DescribeRouteTables", "route-table-id", "rtb-1"),
                answers("DescribeRouteTables", &route_tables()),
            );
        }
        let account = Account::new(ROUTE, script);
        let made = account.create(route(gateway), 0);
        if taken {
            assert_eq!(complete(made).id, "rtb-1_0.0.0.0/0");
        } else {
            assert_eq!(made.unwrap_err().disposition, Disposition::AlreadyExists);
        }
        account.finish();
    }
}

fn attachments(state: &str) -> String {
    format!(
        "<volumeSet><item><volumeId>vol-1</volumeId><attachmentSet>\
         <item><volumeId>vol-1</volumeId><instanceId>i-2</instanceId><device>/dev/sdf</device>\
         <status>attached</status></item>\
         <item><volumeId>vol-1</volumeId><instanceId>i-1</instanceId><device>/dev/sdf</device>\
         <status>{state}</status></item></attachmentSet></item></volumeSet>"
    )
}

fn attachment(device: &str) -> Value {
    Value::from([("volume_id", "vol-1"), ("instance_id", "i-1"), ("device", device)])
}

#[test]
fn an_attachment_that_is_there_already_is_the_one_wanted_where_the_device_is() {
    for (device, taken) in [("/dev/sdf", true), ("/dev/sdg", false)] {
        let mut script = ScriptedCloud::in_order()
            .expect(calls("AttachVolume"), refuses(400, "VolumeInUse"))
            .expect(
                describes("DescribeVolumes", "volume-id", "vol-1"),
                answers("DescribeVolumes", &attachments("attaching")),
            );
        if taken {
            for state in ["attaching", "attached"] {
                script = script.expect(
                    describes("DescribeVolumes", "volume-id", "vol-1"),
                    answers("DescribeVolumes", &attachments(state)),
                );
            }
        }
        let account = Account::new(ATTACHMENT, script);
        if taken {
            assert_eq!(complete(account.create(attachment(device), 1)).id, "vol-1/i-1");
        } else {
            assert_eq!(
                account.create(attachment(device), 0).unwrap_err().code,
                "VolumeInUse"
            );
        }
        account.finish();
    }
}

#[test]
fn detaching_what_is_on_its_way_off_waits_for_it() {
    let account = Account::new(
        ATTACHMENT,
        ScriptedCloud::in_order()
            .expect(calls("DetachVolume"), refuses(400, "IncorrectState"))
            .expect(
                describes("DescribeVolumes", "volume-id", "vol-1"),
                answers("DescribeVolumes", &attachments("detaching")),
            )
            .expect(
                describes("DescribeVolumes", "volume-id", "vol-1"),
                answers("DescribeVolumes", &attachments("detaching")),
            )
            .expect(
                describes("DescribeVolumes", "volume-id", "vol-1"),
                answers("DescribeVolumes", &attachments("detached")),
            ),
    );
    let deleted = account.delete(stored("vol-1/i-1", attachment("/dev/sdf")), 1);
    assert_eq!(deleted.unwrap(), Outcome::Deleted);
    account.finish();
}

#[test]
fn an_identifier_of_another_form_is_refused_with_the_form_it_should_have() {
    for (resource_type, id, form) in [
        (ATTACHMENT, "vol-1", "VOLUME/INSTANCE"),
        (ROUTE, "rtb-1", "ROUTE_TABLE_DESTINATION"),
    ] {
        let account = Account::new(resource_type, ScriptedCloud::in_order());
        let failure = account.import(id).unwrap_err();
        assert!(failure.message.contains(form), "{}", failure.message);
        account.finish();
    }
}

fn rules(protocol: &str, port: i32, range: &str) -> String {
    format!(
        "<securityGroupRuleSet><item><securityGroupRuleId>sgr-1</securityGroupRuleId><groupId>sg-1</groupId>\
         <isEgress>false</isEgress><ipProtocol>{protocol}</ipProtocol><fromPort>{port}</fromPort>\
         <toPort>{port}</toPort><cidrIpv4>{range}</cidrIpv4>{}</item></securityGroupRuleSet>",
        tags(&[])
    )
}

fn rule(range: &str) -> Value {
    Value::from([
        ("security_group_id", Value::from("sg-1")),
        ("direction", "ingress".into()),
        ("protocol", "-1".into()),
        ("cidr_ipv4", range.into()),
    ])
}

#[test]
fn a_rule_changes_in_place_and_a_port_of_all_protocols_is_none() {
    let account = Account::new(
        RULE,
        ScriptedCloud::in_order()
            .expect(
                calls("ModifySecurityGroupRules")
                    .containing("SecurityGroupRule.1.SecurityGroupRuleId=sgr-1")
                    .containing("CidrIpv4=10.2.0.0%2F16"),
                answers("ModifySecurityGroupRules", "<return>true</return>"),
            )
            .expect(
                describes("DescribeSecurityGroupRules", "security-group-rule-id", "sgr-1"),
                answers("DescribeSecurityGroupRules", &rules("-1", -1, "10.2.0.0/16")),
            ),
    );
    let changed = complete(account.update(stored("sgr-1", rule("10.1.0.0/16")), rule("10.2.0.0/16"), 0));
    assert_eq!(changed.attributes.attribute("from_port"), None);
    assert_eq!(
        changed.attributes.attribute("cidr_ipv4"),
        Some(&Value::from("10.2.0.0/16"))
    );
    account.finish();
}

#[test]
fn a_rule_that_only_another_made_is_not_taken() {
    let none = "<securityGroupRuleSet></securityGroupRuleSet>";
    let look = || describes("DescribeSecurityGroupRules", "tag:konductor:token", TOKEN);
    let account = Account::new(
        RULE,
        ScriptedCloud::in_order()
            .expect(look(), answers("DescribeSecurityGroupRules", none))
            .expect(
                calls("AuthorizeSecurityGroupIngress"),
                refuses(400, "InvalidPermission.Duplicate"),
            )
            .expect(look(), answers("DescribeSecurityGroupRules", none)),
    );
    let failure = account.create(rule("10.1.0.0/16"), 0).unwrap_err();
    assert_eq!(failure.code, "InvalidPermission.Duplicate");
    account.finish();
}

fn instances(state: &str, kind: &str) -> String {
    format!(
        "<reservationSet><item><ownerId>1</ownerId><instancesSet><item><instanceId>i-1</instanceId>\
         <imageId>ami-1</imageId><instanceType>{kind}</instanceType><instanceState><name>{state}</name></instanceState>\
         <stateReason><code>Client.InvalidParameter</code><message>the disk has no key</message></stateReason>\
         <sourceDestCheck>true</sourceDestCheck><rootDeviceName>/dev/sda1</rootDeviceName><blockDeviceMapping>\
         <item><deviceName>/dev/sda1</deviceName><ebs><volumeId>vol-1</volumeId>\
         <deleteOnTermination>true</deleteOnTermination></ebs></item></blockDeviceMapping>{}\
         </item></instancesSet></item></reservationSet>",
        tags(&[])
    )
}

const ROOT: &str = "<volumeSet><item><volumeId>vol-1</volumeId><size>20</size><volumeType>gp3</volumeType>\
                    <encrypted>true</encrypted></item></volumeSet>";

fn instance(kind: &str) -> Value {
    Value::from([
        ("image_id", Value::from("ami-1")),
        ("instance_type", kind.into()),
        ("root_volume", Value::from([("volume_size", 20_i64)])),
    ])
}

fn sees(script: ScriptedCloud, state: &str, kind: &str) -> ScriptedCloud {
    script.expect(
        describes("DescribeInstances", "instance-id", "i-1"),
        answers("DescribeInstances", &instances(state, kind)),
    )
}

/// Expects that the root volume is read.
fn and_its_root(script: ScriptedCloud) -> ScriptedCloud {
    script.expect(
        describes("DescribeVolumes", "volume-id", "vol-1"),
        answers("DescribeVolumes", ROOT),
    )
}

fn started() -> ScriptedCloud {
    ScriptedCloud::in_order()
        .expect(
            describes("DescribeInstances", "tag:konductor:token", TOKEN),
            answers("DescribeInstances", "<reservationSet></reservationSet>"),
        )
        .expect(
            describes("DescribeImages", "image-id", "ami-1"),
            answers(
                "DescribeImages",
                "<imagesSet><item><rootDeviceName>/dev/sda1</rootDeviceName></item></imagesSet>",
            ),
        )
        .expect(
            calls("RunInstances")
                .containing("BlockDeviceMapping.1.DeviceName=%2Fdev%2Fsda1")
                .containing("BlockDeviceMapping.1.Ebs.VolumeSize=20")
                .containing("MetadataOptions.HttpTokens=required")
                .containing("ClientToken=token-1"),
            answers(
                "RunInstances",
                "<instancesSet><item><instanceId>i-1</instanceId></item></instancesSet>",
            ),
        )
}

#[test]
fn an_instance_is_polled_until_it_runs_and_then_told_what_a_create_cannot_say() {
    let script = and_its_root(sees(started(), "pending", "t3.micro"));
    let script = and_its_root(sees(script, "running", "t3.micro")).expect(
        calls("ModifyInstanceAttribute").containing("SourceDestCheck.Value=false"),
        answers("ModifyInstanceAttribute", "<return>true</return>"),
    );
    let account = Account::new(INSTANCE, and_its_root(sees(script, "running", "t3.micro")));
    let mut inputs = instance("t3.micro");
    inputs
        .as_map_mut()
        .unwrap()
        .insert("source_dest_check".to_owned(), false.into());
    let made = complete(account.create(inputs, 1));
    let root = made.attributes.attribute("root_volume").unwrap();
    assert_eq!(root.attribute("volume_id"), Some(&Value::from("vol-1")));
    assert_eq!(root.attribute("encrypted"), Some(&Value::from(true)));
    account.finish();
}

#[test]
fn an_instance_that_ends_by_itself_says_why() {
    let account = Account::new(
        INSTANCE,
        sees(
            and_its_root(sees(started(), "pending", "t3.micro")),
            "terminated",
            "t3.micro",
        ),
    );
    let failure = account.create(instance("t3.micro"), 1).unwrap_err();
    assert!(
        failure.message.contains("the disk has no key"),
        "{}",
        failure.message
    );
    assert_eq!(failure.code, "Client.InvalidParameter");
    account.finish();
}

#[test]
fn a_change_of_type_stops_the_instance_changes_it_and_starts_it() {
    let script = ScriptedCloud::in_order().expect(
        calls("StopInstances").containing("InstanceId.1=i-1"),
        answers("StopInstances", ""),
    );
    let script = sees(sees(script, "stopping", "t3.micro"), "stopped", "t3.micro")
        .expect(
            calls("ModifyInstanceAttribute").containing("InstanceType.Value=t3.large"),
            answers("ModifyInstanceAttribute", "<return>true</return>"),
        )
        .expect(
            calls("StartInstances").containing("InstanceId.1=i-1"),
            answers("StartInstances", ""),
        );
    let script = and_its_root(sees(script, "pending", "t3.large"));
    let account = Account::new(INSTANCE, and_its_root(sees(script, "running", "t3.large")));
    let mut prior = instance("t3.micro");
    let root = [
        ("volume_size", Value::from(20_i64)),
        ("volume_id", "vol-1".into()),
    ];
    prior
        .as_map_mut()
        .unwrap()
        .insert("root_volume".to_owned(), root.into());
    let changed = complete(account.update(stored("i-1", prior), instance("t3.large"), 3));
    assert_eq!(
        changed.attributes.attribute("instance_type"),
        Some(&Value::from("t3.large"))
    );
    account.finish();
}

#[test]
fn the_root_volume_grows_in_place() {
    let script = ScriptedCloud::in_order().expect(
        calls("ModifyVolume").containing("VolumeId=vol-1&Size=20"),
        answers("ModifyVolume", ""),
    );
    let account = Account::new(INSTANCE, and_its_root(sees(script, "running", "t3.micro")));
    let mut prior = instance("t3.micro");
    let root = [
        ("volume_size", Value::from(10_i64)),
        ("volume_id", "vol-1".into()),
    ];
    prior
        .as_map_mut()
        .unwrap()
        .insert("root_volume".to_owned(), root.into());
    complete(account.update(stored("i-1", prior), instance("t3.micro"), 0));
    account.finish();
}

#[test]
fn a_deleted_instance_is_gone_although_it_is_shown_for_a_while() {
    let script = ScriptedCloud::in_order().expect(
        calls("TerminateInstances").containing("InstanceId.1=i-1"),
        answers("TerminateInstances", ""),
    );
    let account = Account::new(
        INSTANCE,
        sees(
            sees(script, "shutting-down", "t3.micro"),
            "terminated",
            "t3.micro",
        ),
    );
    let prior = stored("i-1", instance("t3.micro"));
    let goes_on = in_progress(account.delete(prior.clone(), 0).unwrap());
    let deleted = account.poll(OperationKind::Delete, &goes_on.handle, &prior.attributes);
    assert_eq!(deleted.unwrap(), Outcome::Deleted);
    account.finish();
}
