//! What the types of EC2 share, natively and against a script: what is looked for, what is made once, what is polled.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::result_large_err
)]

mod account;

use account::{Account, TOKEN, answers, calls, complete, describes, partial, refuses, stored, tags};
use konductor_sdk::model::provider::{OperationKind, Outcome};
use konductor_sdk::model::{Disposition, Value};
use konductor_sdk_test::ScriptedCloud;

const TABLE: &str = "aws:ec2:RouteTable";
const VOLUME: &str = "aws:ec2:Volume";
const NAT: &str = "aws:ec2:NatGateway";

fn tables(items: &str, next: &str) -> String {
    format!("<routeTableSet>{items}</routeTableSet><nextToken>{next}</nextToken>")
}

fn table(id: &str, own: &[(&str, &str)]) -> String {
    format!(
        "<item><routeTableId>{id}</routeTableId><vpcId>vpc-1</vpcId><ownerId>1</ownerId>{}</item>",
        tags(own)
    )
}

fn volumes(id: &str, status: &str, size: u32) -> String {
    format!(
        "<volumeSet><item><volumeId>{id}</volumeId><size>{size}</size><status>{status}</status>\
         <availabilityZone>us-west-2a</availabilityZone><volumeType>gp3</volumeType><encrypted>true</encrypted>\
         {}</item></volumeSet>",
        tags(&[])
    )
}

fn volume(size: i64) -> Value {
    Value::from([
        ("availability_zone", Value::from("us-west-2a")),
        ("size", size.into()),
        ("volume_type", "gp3".into()),
        ("encrypted", true.into()),
    ])
}

fn gateways(state: &str) -> String {
    format!(
        "<natGatewaySet><item><natGatewayId>nat-1</natGatewayId><subnetId>subnet-1</subnetId><state>{state}</state>\
         <failureCode>Resource.AlreadyAssociated</failureCode><failureMessage>the address is taken</failureMessage>\
         {}</item></natGatewaySet>",
        tags(&[])
    )
}

fn private_gateway() -> Value {
    Value::from([("subnet_id", "subnet-1"), ("connectivity_type", "private")])
}

#[test]
fn what_was_made_and_is_not_shown_yet_is_polled_and_not_made_again() {
    let account = Account::new(
        TABLE,
        ScriptedCloud::in_order()
            .expect(
                describes("DescribeRouteTables", "tag:konductor:token", TOKEN),
                answers("DescribeRouteTables", &tables("", "")),
            )
            .expect(
                calls("CreateRouteTable").containing(&format!("Value={TOKEN}")),
                answers(
                    "CreateRouteTable",
                    "<routeTable><routeTableId>rtb-1</routeTableId></routeTable>",
                ),
            )
            .expect(
                describes("DescribeRouteTables", "route-table-id", "rtb-1"),
                answers("DescribeRouteTables", &tables("", "")),
            )
            .expect(
                describes("DescribeRouteTables", "route-table-id", "rtb-1"),
                answers(
                    "DescribeRouteTables",
                    &tables(&table("rtb-1", &[("Name", "a")]), ""),
                ),
            ),
    );
    let inputs = Value::from([
        ("vpc_id", Value::from("vpc-1")),
        ("tags", Value::from([("Name", "a")])),
    ]);
    let made = complete(account.create(inputs.clone(), 1));
    assert_eq!(made.id, "rtb-1");
    assert_eq!(
        made.private,
        TOKEN.as_bytes(),
        "the token is kept, and no tag of its own"
    );
    assert_eq!(
        made.attributes.attribute("tags"),
        Some(&Value::from([("Name", "a")]))
    );
    assert_eq!(
        made.attributes.attribute("arn"),
        Some(&Value::from("arn:aws:ec2:us-west-2:1:route-table/rtb-1"))
    );
    account.finish();
}

#[test]
fn what_an_interrupted_create_made_is_found_by_its_token() {
    let account = Account::new(
        TABLE,
        ScriptedCloud::in_order()
            .expect(
                describes("DescribeRouteTables", "tag:konductor:token", TOKEN),
                answers(
                    "DescribeRouteTables",
                    &tables(
                        &format!(
                            "<item><routeTableId>rtb-0</routeTableId></item>{}",
                            table("rtb-1", &[])
                        ),
                        "",
                    ),
                ),
            )
            .expect(
                describes("DescribeRouteTables", "route-table-id", "rtb-1"),
                answers("DescribeRouteTables", &tables(&table("rtb-1", &[]), "")),
            ),
    );
    let made = complete(account.create(Value::from([("vpc_id", "vpc-1")]), 0));
    assert_eq!(
        made.id, "rtb-1",
        "a cloud that does not know the filter shows others too"
    );
    account.finish();
}

#[test]
fn what_is_not_there_or_on_its_way_out_is_not_found() {
    for (answer, there) in [
        ("<volumeSet></volumeSet>".to_owned(), false),
        (volumes("vol-2", "available", 1), false),
        (volumes("vol-1", "deleting", 1), false),
        (volumes("vol-1", "deleted", 1), false),
        (volumes("vol-1", "creating", 1), true),
        (volumes("vol-1", "error", 1), true),
        (volumes("vol-1", "in-use", 1), true),
    ] {
        let account = Account::new(
            VOLUME,
            ScriptedCloud::in_order().expect(
                describes("DescribeVolumes", "volume-id", "vol-1"),
                answers("DescribeVolumes", &answer),
            ),
        );
        assert_eq!(account.read("vol-1").unwrap().is_some(), there, "{answer}");
        account.finish();
    }
}

#[test]
fn a_list_gives_its_pages_one_by_one_and_passes_its_filter_on() {
    let account = Account::new(
        TABLE,
        ScriptedCloud::in_order()
            .expect(
                describes("DescribeRouteTables", "vpc-id", "vpc-1"),
                answers("DescribeRouteTables", &tables(&table("rtb-1", &[]), "more")),
            )
            .expect(
                describes("DescribeRouteTables", "vpc-id", "vpc-1").containing("NextToken=more"),
                answers("DescribeRouteTables", &tables(&table("rtb-2", &[]), "")),
            ),
    );
    let first = account.list(Value::from([("vpc_id", "vpc-1")]), None);
    assert_eq!(first.objects[0].id, "rtb-1");
    assert_eq!(first.next_cursor.as_deref(), Some("more"));
    let last = account.list(Value::from([("vpc-id", "vpc-1")]), Some("more"));
    assert_eq!(last.objects[0].id, "rtb-2");
    assert_eq!(last.next_cursor, None, "an empty text is no page");
    account.finish();
}

#[test]
fn many_are_read_with_one_call_through_all_its_pages_and_answered_in_order() {
    let account = Account::new(
        TABLE,
        ScriptedCloud::in_order()
            .expect(
                describes("DescribeRouteTables", "route-table-id", "rtb-1")
                    .containing("Filter.1.Value.2=rtb-2")
                    .containing("Filter.1.Value.3=rtb-3"),
                answers("DescribeRouteTables", &tables(&table("rtb-1", &[]), "more")),
            )
            .expect(
                describes("DescribeRouteTables", "route-table-id", "rtb-1").containing("NextToken=more"),
                answers("DescribeRouteTables", &tables(&table("rtb-3", &[]), "")),
            ),
    );
    assert_eq!(
        account.read_many(&["rtb-3", "rtb-2", "rtb-1"]),
        [Some("rtb-3".to_owned()), None, Some("rtb-1".to_owned())]
    );
    account.finish();
}

#[test]
fn only_the_tags_that_differ_are_changed() {
    let account = Account::new(
        TABLE,
        ScriptedCloud::in_order()
            .expect(
                calls("DeleteTags")
                    .containing("ResourceId.1=rtb-1")
                    .containing("Tag.1.Key=Old")
                    .without("Tag.2"),
                answers("DeleteTags", "<return>true</return>"),
            )
            .expect(
                calls("CreateTags")
                    .containing("ResourceId.1=rtb-1")
                    .containing("Tag.1.Key=Name&Tag.1.Value=b&Tag.2.Key=New")
                    .without("Same"),
                answers("CreateTags", "<return>true</return>"),
            )
            .expect(
                describes("DescribeRouteTables", "route-table-id", "rtb-1"),
                answers(
                    "DescribeRouteTables",
                    &tables(&table("rtb-1", &[("Name", "b"), ("New", ""), ("Same", "s")]), ""),
                ),
            ),
    );
    let with = |tags: &[(&str, &str)]| {
        let tags = tags
            .iter()
            .map(|(key, value)| ((*key).to_owned(), Value::from(*value)));
        Value::from([
            ("vpc_id", Value::from("vpc-1")),
            ("tags", Value::Map(tags.collect())),
        ])
    };
    let prior = stored("rtb-1", with(&[("Name", "a"), ("Old", "o"), ("Same", "s")]));
    let wanted = with(&[("Name", "b"), ("New", ""), ("Same", "s")]);
    let changed = complete(account.update(prior, wanted.clone(), 0));
    assert_eq!(changed.attributes.attribute("tags"), wanted.attribute("tags"));
    account.finish();
}

#[test]
fn a_create_is_polled_until_the_object_is_there() {
    let account = Account::new(
        NAT,
        ScriptedCloud::in_order()
            .expect(
                describes("DescribeNatGateways", "tag:konductor:token", TOKEN),
                answers("DescribeNatGateways", "<natGatewaySet></natGatewaySet>"),
            )
            .expect(
                calls("CreateNatGateway").containing("TagSpecification.1.ResourceType=natgateway"),
                answers(
                    "CreateNatGateway",
                    "<natGateway><natGatewayId>nat-1</natGatewayId></natGateway>",
                ),
            )
            .expect(
                describes("DescribeNatGateways", "nat-gateway-id", "nat-1"),
                answers("DescribeNatGateways", &gateways("pending")),
            )
            .expect(
                describes("DescribeNatGateways", "nat-gateway-id", "nat-1"),
                answers("DescribeNatGateways", &gateways("available")),
            ),
    );
    assert_eq!(complete(account.create(private_gateway(), 1)).id, "nat-1");
    account.finish();
}

#[test]
fn an_object_that_failed_is_left_and_known_with_the_reason() {
    let account = Account::new(
        NAT,
        ScriptedCloud::in_order()
            .expect(
                describes("DescribeNatGateways", "tag:konductor:token", TOKEN),
                answers("DescribeNatGateways", &gateways("failed")),
            )
            .expect(
                describes("DescribeNatGateways", "nat-gateway-id", "nat-1"),
                answers("DescribeNatGateways", &gateways("failed")),
            ),
    );
    let (left, failure) = partial(account.create(private_gateway(), 0));
    assert_eq!(left.id, "nat-1");
    assert_eq!(failure.message, "the address is taken");
    assert_eq!(failure.code, "Resource.AlreadyAssociated");
    account.finish();
}

#[test]
fn a_delete_is_polled_until_the_object_is_gone() {
    let account = Account::new(
        NAT,
        ScriptedCloud::in_order()
            .expect(
                calls("DeleteNatGateway").containing("NatGatewayId=nat-1"),
                answers("DeleteNatGateway", "<natGatewayId>nat-1</natGatewayId>"),
            )
            .expect(
                describes("DescribeNatGateways", "nat-gateway-id", "nat-1"),
                answers("DescribeNatGateways", &gateways("deleting")),
            )
            .expect(
                describes("DescribeNatGateways", "nat-gateway-id", "nat-1"),
                answers("DescribeNatGateways", &gateways("deleted")),
            ),
    );
    let deleted = account.delete(stored("nat-1", private_gateway()), 1);
    assert_eq!(deleted.unwrap(), Outcome::Deleted);
    account.finish();
}

#[test]
fn a_change_that_has_begun_is_polled_also_where_the_cloud_is_busy() {
    let modification = |state: &str| {
        answers(
            "DescribeVolumesModifications",
            &format!(
                "<volumeModificationSet><item><volumeId>vol-1</volumeId>\
                 <modificationState>{state}</modificationState></item></volumeModificationSet>"
            ),
        )
    };
    let account = Account::new(
        VOLUME,
        ScriptedCloud::in_order()
            .expect(
                calls("ModifyVolume").containing("VolumeId=vol-1&Size=20"),
                answers("ModifyVolume", ""),
            )
            .expect(
                calls("DescribeVolumesModifications"),
                refuses(503, "RequestLimitExceeded"),
            )
            .expect(calls("DescribeVolumesModifications"), modification("modifying"))
            .expect(calls("DescribeVolumesModifications"), modification("optimizing"))
            .expect(
                describes("DescribeVolumes", "volume-id", "vol-1"),
                answers("DescribeVolumes", &volumes("vol-1", "in-use", 20)),
            ),
    );
    let changed = complete(account.update(stored("vol-1", volume(10)), volume(20), 2));
    assert_eq!(changed.attributes.attribute("size"), Some(&Value::from(20_i64)));
    account.finish();
}

#[test]
fn a_change_that_failed_says_why() {
    let account = Account::new(
        VOLUME,
        ScriptedCloud::in_order()
            .expect(calls("ModifyVolume"), answers("ModifyVolume", ""))
            .expect(
                calls("DescribeVolumesModifications"),
                answers(
                    "DescribeVolumesModifications",
                    "<volumeModificationSet><item><modificationState>failed</modificationState>\
                     <statusMessage>too many changes</statusMessage></item></volumeModificationSet>",
                ),
            ),
    );
    let failure = account
        .update(stored("vol-1", volume(10)), volume(20), 0)
        .unwrap_err();
    assert_eq!(failure.message, "too many changes");
    account.finish();
}

#[test]
fn nothing_is_asked_twice_of_a_cloud_that_refuses_a_create() {
    let account = Account::new(
        TABLE,
        ScriptedCloud::in_order()
            .expect(
                describes("DescribeRouteTables", "tag:konductor:token", TOKEN),
                answers("DescribeRouteTables", &tables("", "")),
            )
            .expect(calls("CreateRouteTable"), refuses(400, "InvalidVpcID.NotFound")),
    );
    let failure = account.create(Value::from([("vpc_id", "vpc-9")]), 0).unwrap_err();
    assert_eq!(failure.code, "InvalidVpcID.NotFound");
    assert!(!failure.disposition.is_transient());
    account.finish();
}

#[test]
fn a_handle_of_another_plugin_is_refused() {
    let account = Account::new(NAT, ScriptedCloud::in_order());
    let failure = account
        .poll(OperationKind::Create, b"nonsense", &Value::empty_map())
        .unwrap_err();
    assert_eq!(failure.disposition, Disposition::Other);
    assert!(failure.message.contains("not made by this plugin"));
    account.finish();
}
