//! `aws:ec2:VpnConnection`.

use aws_sdk_ec2::types::{
    VpnConnection as CloudConnection, VpnConnectionOptionsSpecification as Options, VpnState,
    VpnTunnelOptionsSpecification as TunnelOptions,
};

use super::described::prelude::*;
use super::vpn_tunnel::Tunnel;

/// Two IPsec tunnels between a VPC and another network. Each end tells the other its networks by BGP.
#[derive(Clone, Resource)]
#[resource(
    type = "aws:ec2:VpnConnection",
    identity = "vpn-0123456789abcdef0: The identifier of the VPN connection.",
    known_as("terraform", "aws_vpn_connection"),
    known_as("pulumi", "aws:ec2/vpnConnection:VpnConnection"),
    create("ec2:CreateVpnConnection"),
    delete("ec2:DeleteVpnConnection", "ec2:DescribeVpnConnections"),
    read("ec2:DescribeVpnConnections"),
    behaviour = described,
    example = r"# A connection with an office
network:
  type: aws:ec2:Vpc
  properties: { cidr_block: 10.0.0.0/16 }
gateway:
  type: aws:ec2:VpnGateway
  properties: { vpc_id: '${network.vpc_id}' }
office:
  type: aws:ec2:CustomerGateway
  properties: { ip_address: 198.51.100.7, bgp_asn: 65010 }
connection:
  type: aws:ec2:VpnConnection
  properties:
    customer_gateway_id: ${office.customer_gateway_id}
    vpn_gateway_id: ${gateway.vpn_gateway_id}
"
)]
pub struct VpnConnection {
    /// The other end.
    #[attribute(replaces)]
    customer_gateway_id: String,
    /// The end at the VPC.
    #[attribute(replaces)]
    vpn_gateway_id: String,
    /// The range of the addresses in the first tunnel, a /30 in 169.254.0.0/16; AWS chooses one unless given.
    #[attribute(computed, replaces, format = Ipv4Cidr)]
    tunnel1_inside_cidr: Option<String>,
    /// The range of the addresses in the second tunnel.
    #[attribute(computed, replaces, format = Ipv4Cidr)]
    tunnel2_inside_cidr: Option<String>,
    #[attribute(tags)]
    tags: Tags,
    /// The identifier.
    #[attribute(output, identity, simulated = "vpn-{hex17}")]
    vpn_connection_id: Option<String>,
    /// The public address of AWS's end of the first tunnel.
    #[attribute(output, simulated = "203.0.113.20")]
    tunnel1_address: Option<String>,
    /// The address of the other end in the first tunnel.
    #[attribute(output, simulated = "169.254.44.42")]
    tunnel1_customer_gateway_inside_address: Option<String>,
    /// The address of AWS's end in the first tunnel.
    #[attribute(output, simulated = "169.254.44.41")]
    tunnel1_vpn_gateway_inside_address: Option<String>,
    /// The number of the autonomous system at AWS's end.
    #[attribute(output, simulated = "64512")]
    tunnel1_bgp_asn: Option<i64>,
    /// The key that both ends of the first tunnel have to know.
    #[attribute(output, sensitive, simulated = "{hex17}")]
    tunnel1_preshared_key: Option<String>,
    /// The public address of AWS's end of the second tunnel.
    #[attribute(output, simulated = "203.0.113.21")]
    tunnel2_address: Option<String>,
    /// The address of the other end in the second tunnel.
    #[attribute(output, simulated = "169.254.45.42")]
    tunnel2_customer_gateway_inside_address: Option<String>,
    /// The address of AWS's end in the second tunnel.
    #[attribute(output, simulated = "169.254.45.41")]
    tunnel2_vpn_gateway_inside_address: Option<String>,
    /// The key that both ends of the second tunnel have to know.
    #[attribute(output, sensitive, simulated = "{hex17}")]
    tunnel2_preshared_key: Option<String>,
}

fn standing(connection: &CloudConnection) -> Standing {
    match connection.state() {
        Some(VpnState::Pending) => Standing::Coming("pending"),
        Some(VpnState::Deleting) => Standing::Leaving(None),
        Some(VpnState::Deleted) => Standing::Gone(None),
        _ => Standing::There,
    }
}

fn attributes(connection: CloudConnection) -> VpnConnection {
    let mut tunnels = connection
        .customer_gateway_configuration
        .as_deref()
        .map(Tunnel::all_of)
        .unwrap_or_default()
        .into_iter();
    let [first, second] = [(); 2].map(|()| tunnels.next().unwrap_or_default());
    VpnConnection {
        customer_gateway_id: connection.customer_gateway_id.unwrap_or_default(),
        vpn_gateway_id: connection.vpn_gateway_id.unwrap_or_default(),
        tunnel1_inside_cidr: first.inside_cidr(),
        tunnel2_inside_cidr: second.inside_cidr(),
        tags: connection.tags.into(),
        vpn_connection_id: connection.vpn_connection_id,
        tunnel1_bgp_asn: first.vpn_gateway_asn(),
        tunnel1_address: first.vpn_gateway.outside.address,
        tunnel1_customer_gateway_inside_address: first.customer_gateway.inside.address,
        tunnel1_vpn_gateway_inside_address: first.vpn_gateway.inside.address,
        tunnel1_preshared_key: first.ike.pre_shared_key,
        tunnel2_address: second.vpn_gateway.outside.address,
        tunnel2_customer_gateway_inside_address: second.customer_gateway.inside.address,
        tunnel2_vpn_gateway_inside_address: second.vpn_gateway.inside.address,
        tunnel2_preshared_key: second.ike.pre_shared_key,
    }
}

impl Described for VpnConnection {
    /// Minutes in AWS.
    const WAIT: u64 = 15;

    async fn make(&self, client: &Client, new: New<'_>) -> Result<Option<String>, Failure> {
        let tunnels = [&self.tunnel1_inside_cidr, &self.tunnel2_inside_cidr].map(|range| {
            TunnelOptions::builder()
                .set_tunnel_inside_cidr(range.clone())
                .build()
        });
        let options = Options::builder().set_tunnel_options(Some(tunnels.into()));
        let create = client
            .create_vpn_connection()
            .r#type("ipsec.1")
            .customer_gateway_id(&self.customer_gateway_id)
            .vpn_gateway_id(&self.vpn_gateway_id)
            .options(options.build());
        let answer = call(create.tag_specifications(new.tags).send()).await?;
        Ok(answer
            .vpn_connection
            .and_then(|connection| connection.vpn_connection_id))
    }

    async fn describe(client: &Client, search: Search) -> Result<Found<Self>, Failure> {
        let describe = client.describe_vpn_connections().set_filters(search.filters);
        let answer = call(describe.send()).await?;
        Found::standing(None, answer.vpn_connections, |connection| {
            let standing = standing(&connection);
            (attributes(connection), standing)
        })
    }

    async fn remove(client: &Client, object: Deletion<'_, Self>) -> Result<(), Failure> {
        let delete = client.delete_vpn_connection();
        done(delete.vpn_connection_id(object.id()).send()).await
    }
}
