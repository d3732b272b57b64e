//! `aws:ec2:CustomerGateway`.

use aws_sdk_ec2::types::{CustomerGateway as CloudGateway, GatewayType};

use super::described::prelude::*;

/// The other end of VPN connections, as AWS knows it: the address of a device or of another cloud's gateway.
#[derive(Clone, Resource)]
#[resource(
    type = "aws:ec2:CustomerGateway",
    identity = "cgw-0123456789abcdef0: The identifier of the customer gateway.",
    known_as("terraform", "aws_customer_gateway"),
    known_as("pulumi", "aws:ec2/customerGateway:CustomerGateway"),
    // AWS has one gateway for an address and a number, and answers a second create with the first.
    unique("ip_address"),
    create("ec2:CreateCustomerGateway"),
    delete("ec2:DeleteCustomerGateway", "ec2:DescribeCustomerGateways"),
    read("ec2:DescribeCustomerGateways"),
    behaviour = described,
    example = r"# The gateway of an office
office:
  type: aws:ec2:CustomerGateway
  properties: { ip_address: 198.51.100.7, bgp_asn: 65010 }
"
)]
pub struct CustomerGateway {
    /// Its public address.
    #[attribute(replaces, format = Ipv4Address)]
    ip_address: String,
    /// The number of its autonomous system. Where routes are static it is not used.
    #[attribute(replaces, range(1..=2_147_483_647), default = 65000)]
    bgp_asn: i64,
    #[attribute(tags)]
    tags: Tags,
    /// The identifier.
    #[attribute(output, identity, simulated = "cgw-{hex17}")]
    customer_gateway_id: Option<String>,
}

fn standing(gateway: &CloudGateway) -> Standing {
    match gateway.state() {
        Some("pending") => Standing::Coming("pending"),
        Some("deleting") => Standing::Leaving(None),
        Some("deleted") => Standing::Gone(None),
        _ => Standing::There,
    }
}

impl Described for CustomerGateway {
    const WAIT: u64 = 3;

    async fn make(&self, client: &Client, new: New<'_>) -> Result<Option<String>, Failure> {
        let create = client
            .create_customer_gateway()
            .r#type(GatewayType::Ipsec1)
            .ip_address(&self.ip_address)
            .set_bgp_asn(i32::try_from(self.bgp_asn).ok());
        let answer = call(create.tag_specifications(new.tags).send()).await?;
        Ok(answer
            .customer_gateway
            .and_then(|gateway| gateway.customer_gateway_id))
    }

    async fn describe(client: &Client, search: Search) -> Result<Found<Self>, Failure> {
        let describe = client.describe_customer_gateways().set_filters(search.filters);
        let answer = call(describe.send()).await?;
        Found::standing(None, answer.customer_gateways, |gateway| {
            let standing = standing(&gateway);
            let number = gateway.bgp_asn.as_deref().and_then(|number| number.parse().ok());
            let gateway = Self {
                ip_address: gateway.ip_address.unwrap_or_default(),
                bgp_asn: number.unwrap_or_default(),
                tags: gateway.tags.into(),
                customer_gateway_id: gateway.customer_gateway_id,
            };
            (gateway, standing)
        })
    }

    async fn remove(client: &Client, object: Deletion<'_, Self>) -> Result<(), Failure> {
        let delete = client.delete_customer_gateway();
        done(delete.customer_gateway_id(object.id()).send()).await
    }
}
