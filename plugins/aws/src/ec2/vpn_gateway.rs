//! `aws:ec2:VpnGateway`, with its attachment to a VPC.

use aws_sdk_ec2::types::{AttachmentStatus, GatewayType, VpnGateway as CloudGateway, VpnState};

use super::described::prelude::*;

/// The end of VPN connections at a VPC. A VPC has at most one.
#[derive(Clone, Resource)]
#[resource(
    type = "aws:ec2:VpnGateway",
    identity = "vgw-0123456789abcdef0: The identifier of the VPN gateway.",
    known_as("terraform", "aws_vpn_gateway"),
    known_as("pulumi", "aws:ec2/vpnGateway:VpnGateway"),
    unique("vpc_id"),
    create("ec2:CreateVpnGateway", "ec2:AttachVpnGateway"),
    update("ec2:AttachVpnGateway", "ec2:DetachVpnGateway"),
    delete(
        "ec2:DetachVpnGateway",
        "ec2:DeleteVpnGateway",
        "ec2:DescribeVpnGateways"
    ),
    read("ec2:DescribeVpnGateways"),
    behaviour = described,
    example = r"# A gateway attached to a network
network:
  type: aws:ec2:Vpc
  properties: { cidr_block: 10.0.0.0/16 }
gateway:
  type: aws:ec2:VpnGateway
  properties: { vpc_id: '${network.vpc_id}' }
"
)]
pub struct VpnGateway {
    /// The VPC it is attached to; without one it stands alone.
    vpc_id: Option<String>,
    /// The number of the autonomous system at AWS's end.
    #[attribute(computed, replaces, range(1..=4_294_967_294))]
    amazon_side_asn: Option<i64>,
    #[attribute(tags)]
    tags: Tags,
    /// The identifier.
    #[attribute(output, identity, simulated = "vgw-{hex17}")]
    vpn_gateway_id: Option<String>,
}

/// Moves a gateway from one VPC, or none, to another, or none.
async fn move_to(
    client: &Client,
    id: &str,
    present: &Option<String>,
    wanted: &Option<String>,
) -> Result<(), Failure> {
    if present == wanted {
        return Ok(());
    }
    if let Some(vpc) = present {
        let detach = client.detach_vpn_gateway().vpn_gateway_id(id);
        match done(detach.vpc_id(vpc).send()).await {
            // It may be detached already, or be going.
            Err(failure) if !matches!(failure.disposition, Disposition::NotFound | Disposition::Conflict) => {
                return Err(failure);
            }
            _ => {}
        }
    }
    if let Some(vpc) = wanted {
        let attach = client.attach_vpn_gateway().vpn_gateway_id(id);
        done(attach.vpc_id(vpc).send()).await?;
    }
    Ok(())
}

fn standing(gateway: &CloudGateway) -> Standing {
    match gateway.state() {
        Some(VpnState::Pending) => return Standing::Coming("pending"),
        Some(VpnState::Deleting) => return Standing::Leaving(None),
        Some(VpnState::Deleted) => return Standing::Gone(None),
        _ => {}
    }
    let mut attachments = gateway
        .vpc_attachments()
        .iter()
        .filter_map(|attachment| attachment.state());
    if attachments.any(|state| *state == AttachmentStatus::Attaching) {
        Standing::Coming("attaching")
    } else {
        Standing::There
    }
}

impl Described for VpnGateway {
    const WAIT: u64 = 5;

    async fn make(&self, client: &Client, new: New<'_>) -> Result<Option<String>, Failure> {
        let create = client
            .create_vpn_gateway()
            .r#type(GatewayType::Ipsec1)
            .set_amazon_side_asn(self.amazon_side_asn)
            .tag_specifications(new.tags);
        let gateway = call(create.send()).await?.vpn_gateway;
        Ok(gateway.and_then(|gateway| gateway.vpn_gateway_id))
    }

    async fn settle(&self, client: &Client, id: &str) -> Result<Made<Self>, Failure> {
        let present: Object<Self> = find_made(client, id).await?;
        move_to(client, id, &present.attributes.vpc_id, &self.vpc_id).await?;
        made(client, id).await
    }

    async fn describe(client: &Client, search: Search) -> Result<Found<Self>, Failure> {
        let describe = client.describe_vpn_gateways().set_filters(search.filters);
        let answer = call(describe.send()).await?;
        Found::standing(None, answer.vpn_gateways, |gateway| {
            let standing = standing(&gateway);
            let attached = gateway.vpc_attachments.unwrap_or_default().into_iter();
            let gateway = Self {
                vpc_id: attached
                    .filter(|attachment| {
                        matches!(
                            attachment.state,
                            Some(AttachmentStatus::Attached | AttachmentStatus::Attaching)
                        )
                    })
                    .find_map(|attachment| attachment.vpc_id),
                amazon_side_asn: gateway.amazon_side_asn,
                tags: gateway.tags.into(),
                vpn_gateway_id: gateway.vpn_gateway_id,
            };
            (gateway, standing)
        })
    }

    async fn change(&self, client: &Client, id: &str, prior: &Self) -> Result<Option<&'static str>, Failure> {
        move_to(client, id, &prior.vpc_id, &self.vpc_id).await?;
        Ok(Some("attached"))
    }

    async fn remove(client: &Client, object: Deletion<'_, Self>) -> Result<(), Failure> {
        move_to(client, object.id(), &object.prior()?.vpc_id, &None).await?;
        // While it is going from the VPC this is refused, as a conflict that passes.
        done(client.delete_vpn_gateway().vpn_gateway_id(object.id()).send()).await
    }
}
