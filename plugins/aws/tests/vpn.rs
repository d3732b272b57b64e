//! The types of VPN connections, natively and against a script.
#![allow(clippy::unwrap_used, clippy::panic, clippy::result_large_err)]

mod account;

use account::{Account, TOKEN, answers, calls, complete, describes, refuses, stored, tags};
use konductor_sdk::access::AttributeAccess;
use konductor_sdk::model::provider::Outcome;
use konductor_sdk::model::{Disposition, Value};
use konductor_sdk_test::ScriptedCloud;

const GATEWAY: &str = "aws:ec2:VpnGateway";
const CONNECTION: &str = "aws:ec2:VpnConnection";

fn gateways(attachment: &str) -> String {
    format!(
        "<vpnGatewaySet><item><vpnGatewayId>vgw-1</vpnGatewayId><state>available</state>\
         <amazonSideAsn>64620</amazonSideAsn><attachments>{attachment}</attachments>{}</item></vpnGatewaySet>",
        tags(&[])
    )
}

fn attached(vpc: &str, state: &str) -> String {
    format!("<item><vpcId>{vpc}</vpcId><state>{state}</state></item>")
}

fn gateway(vpc: &str) -> Value {
    Value::from([("vpc_id", Value::from(vpc)), ("amazon_side_asn", 64620.into())])
}

fn shown(attachment: &str) -> konductor_sdk::model::cloud::CloudResponse {
    answers("DescribeVpnGateways", &gateways(attachment))
}

#[test]
fn a_gateway_is_there_when_it_is_attached() {
    let by_id = || describes("DescribeVpnGateways", "vpn-gateway-id", "vgw-1");
    let account = Account::new(
        GATEWAY,
        ScriptedCloud::in_order()
            .expect(
                describes("DescribeVpnGateways", "tag:konductor:token", TOKEN),
                answers("DescribeVpnGateways", "<vpnGatewaySet></vpnGatewaySet>"),
            )
            .expect(
                calls("CreateVpnGateway").containing("AmazonSideAsn=64620"),
                answers(
                    "CreateVpnGateway",
                    "<vpnGateway><vpnGatewayId>vgw-1</vpnGatewayId></vpnGateway>",
                ),
            )
            .expect(by_id(), shown(""))
            .expect(
                calls("AttachVpnGateway").containing("VpcId=vpc-1"),
                answers("AttachVpnGateway", &attached("vpc-1", "attaching")),
            )
            .expect(by_id(), shown(&attached("vpc-1", "attaching")))
            // Once it goes on nothing is attached again.
            .expect(by_id(), shown(&attached("vpc-1", "attaching")))
            .expect(by_id(), shown(&attached("vpc-1", "attached"))),
    );
    let made = complete(account.create(gateway("vpc-1"), 1));
    assert_eq!(made.id, "vgw-1");
    assert_eq!(made.attributes.optional_text("vpc_id"), Some("vpc-1"));
    account.finish();
}

#[test]
fn a_gateway_moves_from_one_network_to_another() {
    let account = Account::new(
        GATEWAY,
        ScriptedCloud::in_order()
            .expect(
                calls("DetachVpnGateway").containing("VpcId=vpc-1"),
                answers("DetachVpnGateway", "<return>true</return>"),
            )
            .expect(
                calls("AttachVpnGateway").containing("VpcId=vpc-2"),
                answers("AttachVpnGateway", &attached("vpc-2", "attaching")),
            )
            .expect(
                describes("DescribeVpnGateways", "vpn-gateway-id", "vgw-1"),
                shown(&(attached("vpc-1", "detached") + &attached("vpc-2", "attached"))),
            ),
    );
    let moved = complete(account.update(stored("vgw-1", gateway("vpc-1")), gateway("vpc-2"), 0));
    assert_eq!(moved.attributes.optional_text("vpc_id"), Some("vpc-2"));
    account.finish();
}

#[test]
fn a_gateway_that_is_still_going_from_its_network_is_deleted_later() {
    let account = Account::new(
        GATEWAY,
        ScriptedCloud::in_order()
            .expect(calls("DetachVpnGateway"), refuses(400, "IncorrectState"))
            .expect(calls("DeleteVpnGateway"), refuses(400, "IncorrectState"))
            .expect(
                calls("DetachVpnGateway"),
                refuses(400, "InvalidVpnGatewayAttachment.NotFound"),
            )
            .expect(
                calls("DeleteVpnGateway"),
                answers("DeleteVpnGateway", "<return>true</return>"),
            )
            .expect(
                describes("DescribeVpnGateways", "vpn-gateway-id", "vgw-1"),
                answers("DescribeVpnGateways", "<vpnGatewaySet></vpnGatewaySet>"),
            ),
    );
    let busy = account.delete(stored("vgw-1", gateway("vpc-1")), 0).unwrap_err();
    assert_eq!(busy.disposition, Disposition::Conflict);
    assert!(busy.disposition.is_transient(), "the host tries again");
    let deleted = account.delete(stored("vgw-1", gateway("vpc-1")), 0);
    assert_eq!(deleted.unwrap(), Outcome::Deleted);
    account.finish();
}

fn connections(state: &str) -> String {
    let tunnel = |last: u8| {
        format!(
            "&lt;ipsec_tunnel&gt;&lt;vpn_gateway&gt;&lt;tunnel_outside_address&gt;&lt;ip_address&gt;203.0.113.{last}\
             &lt;/ip_address&gt;&lt;/tunnel_outside_address&gt;&lt;/vpn_gateway&gt;&lt;ike&gt;&lt;pre_shared_key&gt;\
             key-{last}&lt;/pre_shared_key&gt;&lt;/ike&gt;&lt;/ipsec_tunnel&gt;"
        )
    };
    format!(
        "<vpnConnectionSet><item><vpnConnectionId>vpn-1</vpnConnectionId><state>{state}</state>\
         <customerGatewayId>cgw-1</customerGatewayId><vpnGatewayId>vgw-1</vpnGatewayId>\
         <customerGatewayConfiguration>&lt;vpn_connection id=\"vpn-1\"&gt;{}{}&lt;/vpn_connection&gt;\
         </customerGatewayConfiguration>{}</item></vpnConnectionSet>",
        tunnel(1),
        tunnel(2),
        tags(&[])
    )
}

#[test]
fn a_connection_tells_the_other_end_its_addresses_and_keys_and_the_keys_are_secret() {
    let by_id = || describes("DescribeVpnConnections", "vpn-connection-id", "vpn-1");
    let account = Account::new(
        CONNECTION,
        ScriptedCloud::in_order()
            .expect(
                describes("DescribeVpnConnections", "tag:konductor:token", TOKEN),
                answers("DescribeVpnConnections", "<vpnConnectionSet></vpnConnectionSet>"),
            )
            .expect(
                calls("CreateVpnConnection")
                    .containing("Type=ipsec.1")
                    .containing("Options.TunnelOptions.1.TunnelInsideCidr=169.254.44.40%2F30"),
                answers(
                    "CreateVpnConnection",
                    "<vpnConnection><vpnConnectionId>vpn-1</vpnConnectionId></vpnConnection>",
                ),
            )
            .expect(
                by_id(),
                answers("DescribeVpnConnections", &connections("pending")),
            )
            .expect(
                by_id(),
                answers("DescribeVpnConnections", &connections("available")),
            ),
    );
    let inputs = Value::from([
        ("customer_gateway_id", "cgw-1"),
        ("vpn_gateway_id", "vgw-1"),
        ("tunnel1_inside_cidr", "169.254.44.40/30"),
    ]);
    let made = complete(account.create(inputs, 1)).attributes;
    assert_eq!(made.optional_text("tunnel1_address"), Some("203.0.113.1"));
    assert_eq!(made.optional_text("tunnel2_address"), Some("203.0.113.2"));
    for key in ["tunnel1_preshared_key", "tunnel2_preshared_key"] {
        assert!(matches!(made.attribute(key), Some(Value::Secret(_))), "{key}");
    }
    assert!(!format!("{made:?}").contains("key-1"));
    account.finish();
}
