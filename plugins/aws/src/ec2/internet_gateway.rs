//! `aws:ec2:InternetGateway`, with its attachment to a VPC.

use super::described::prelude::*;

/// The way between a VPC and the internet. A VPC has at most one.
#[derive(Clone, Resource)]
#[resource(
    type = "aws:ec2:InternetGateway",
    identity = "igw-0123456789abcdef0: The identifier of the internet gateway.",
    known_as("terraform", "aws_internet_gateway"),
    known_as("pulumi", "aws:ec2/internetGateway:InternetGateway"),
    unique("vpc_id"),
    create("ec2:CreateInternetGateway", "ec2:AttachInternetGateway"),
    update("ec2:AttachInternetGateway", "ec2:DetachInternetGateway"),
    delete("ec2:DetachInternetGateway", "ec2:DeleteInternetGateway"),
    read("ec2:DescribeInternetGateways"),
    behaviour = described,
    example = r"# A gateway attached to a network
network:
  type: aws:ec2:Vpc
  properties: { cidr_block: 10.0.0.0/16 }
gateway:
  type: aws:ec2:InternetGateway
  properties: { vpc_id: '${network.vpc_id}' }
"
)]
pub struct InternetGateway {
    /// The VPC it is attached to; without one it stands alone.
    vpc_id: Option<String>,
    #[attribute(tags)]
    tags: Tags,
    /// The identifier.
    #[attribute(output, identity, simulated = "igw-{hex17}")]
    internet_gateway_id: Option<String>,
    /// The Amazon resource name.
    #[attribute(
        output,
        simulated = "arn:aws:ec2:{region}:{digits12}:internet-gateway/igw-{hex17}"
    )]
    arn: Option<String>,
    /// The account.
    #[attribute(output, simulated = "{digits12}")]
    owner_id: Option<String>,
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
        let detach = client.detach_internet_gateway().internet_gateway_id(id);
        match done(detach.vpc_id(vpc).send()).await {
            Err(failure) if failure.disposition != Disposition::NotFound => return Err(failure),
            _ => {}
        }
    }
    if let Some(vpc) = wanted {
        let attach = client.attach_internet_gateway().internet_gateway_id(id);
        done(attach.vpc_id(vpc).send()).await?;
    }
    Ok(())
}

impl Described for InternetGateway {
    async fn make(&self, client: &Client, new: New<'_>) -> Result<Option<String>, Failure> {
        let create = client.create_internet_gateway().tag_specifications(new.tags);
        let gateway = call(create.send()).await?.internet_gateway;
        Ok(gateway.and_then(|gateway| gateway.internet_gateway_id))
    }

    async fn settle(&self, client: &Client, id: &str) -> Result<Made<Self>, Failure> {
        let present: Object<Self> = find_made(client, id).await?;
        if present.attributes.vpc_id == self.vpc_id {
            return Ok(present.into());
        }
        move_to(client, id, &present.attributes.vpc_id, &self.vpc_id).await?;
        find_made(client, id).await.map(Into::into)
    }

    async fn describe(client: &Client, search: Search) -> Result<Found<Self>, Failure> {
        let answer = call(pages!(client.describe_internet_gateways(), search)).await?;
        Found::page(answer.next_token, answer.internet_gateways, |gateway| {
            let attachments = gateway.attachments.unwrap_or_default();
            Self {
                vpc_id: attachments
                    .into_iter()
                    .next()
                    .and_then(|attachment| attachment.vpc_id),
                tags: gateway.tags.into(),
                arn: arn(
                    client,
                    "internet-gateway",
                    &gateway.internet_gateway_id,
                    &gateway.owner_id,
                ),
                internet_gateway_id: gateway.internet_gateway_id,
                owner_id: gateway.owner_id,
            }
        })
    }

    async fn change(&self, client: &Client, id: &str, prior: &Self) -> Result<Option<&'static str>, Failure> {
        move_to(client, id, &prior.vpc_id, &self.vpc_id).await?;
        Ok(None)
    }

    async fn remove(client: &Client, object: Deletion<'_, Self>) -> Result<(), Failure> {
        move_to(client, object.id(), &object.prior()?.vpc_id, &None).await?;
        let delete = client.delete_internet_gateway();
        done(delete.internet_gateway_id(object.id()).send()).await
    }
}
