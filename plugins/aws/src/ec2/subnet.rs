//! `aws:ec2:Subnet`.

use aws_sdk_ec2::types::AttributeBooleanValue;

use super::described::prelude::*;

/// A part of a VPC's address range, in one availability zone.
#[derive(Clone, Resource)]
#[resource(
    type = "aws:ec2:Subnet",
    identity = "subnet-0123456789abcdef0: The identifier of the subnet.",
    known_as("terraform", "aws_subnet"),
    known_as("pulumi", "aws:ec2/subnet:Subnet"),
    unique("vpc_id", "cidr_block"),
    create("ec2:CreateSubnet", "ec2:ModifySubnetAttribute"),
    update("ec2:ModifySubnetAttribute"),
    delete("ec2:DeleteSubnet"),
    read("ec2:DescribeSubnets"),
    behaviour = described,
    example = r"# A subnet of a network
network:
  type: aws:ec2:Vpc
  properties: { cidr_block: 10.0.0.0/16 }
private:
  type: aws:ec2:Subnet
  properties:
    vpc_id: ${network.vpc_id}
    cidr_block: 10.0.1.0/24
    tags: { Name: private }
"
)]
pub struct Subnet {
    /// The VPC.
    #[attribute(replaces)]
    vpc_id: String,
    /// The IPv4 range, inside the VPC's and from /16 to /28.
    #[attribute(replaces, format = Ipv4Cidr)]
    cidr_block: String,
    /// The availability zone, for example `us-west-2a`; Amazon chooses one if it is not given.
    #[attribute(computed, replaces, simulated = "{region}a")]
    availability_zone: Option<String>,
    /// Whether instances started here get a public address.
    #[attribute(default = false)]
    map_public_ip_on_launch: bool,
    #[attribute(tags)]
    tags: Tags,
    /// The identifier.
    #[attribute(output, identity, simulated = "subnet-{hex17}")]
    subnet_id: Option<String>,
    /// The Amazon resource name.
    #[attribute(output, simulated = "arn:aws:ec2:{region}:{digits12}:subnet/subnet-{hex17}")]
    arn: Option<String>,
    /// The account.
    #[attribute(output, simulated = "{digits12}")]
    owner_id: Option<String>,
}

impl Subnet {
    async fn set_public(&self, client: &Client, id: &str, present: bool) -> Result<(), Failure> {
        let wanted = self.map_public_ip_on_launch;
        if wanted == present {
            return Ok(());
        }
        let value = AttributeBooleanValue::builder().value(wanted).build();
        let modify = client.modify_subnet_attribute().subnet_id(id);
        done(modify.map_public_ip_on_launch(value).send()).await
    }
}

impl Described for Subnet {
    async fn make(&self, client: &Client, new: New<'_>) -> Result<Option<String>, Failure> {
        let create = client
            .create_subnet()
            .vpc_id(&self.vpc_id)
            .cidr_block(&self.cidr_block)
            .set_availability_zone(self.availability_zone.clone());
        let subnet = call(create.tag_specifications(new.tags).send()).await?.subnet;
        Ok(subnet.and_then(|subnet| subnet.subnet_id))
    }

    async fn settle(&self, client: &Client, id: &str) -> Result<Made<Self>, Failure> {
        self.set_public(client, id, false).await?;
        made(client, id).await
    }

    async fn describe(client: &Client, search: Search) -> Result<Found<Self>, Failure> {
        let answer = call(pages!(client.describe_subnets(), search)).await?;
        Found::page(answer.next_token, answer.subnets, |subnet| Self {
            vpc_id: subnet.vpc_id.unwrap_or_default(),
            cidr_block: subnet.cidr_block.unwrap_or_default(),
            availability_zone: subnet.availability_zone,
            map_public_ip_on_launch: subnet.map_public_ip_on_launch.unwrap_or_default(),
            tags: subnet.tags.into(),
            subnet_id: subnet.subnet_id,
            arn: subnet.subnet_arn,
            owner_id: subnet.owner_id,
        })
    }

    async fn change(&self, client: &Client, id: &str, prior: &Self) -> Result<Option<&'static str>, Failure> {
        self.set_public(client, id, prior.map_public_ip_on_launch).await?;
        Ok(None)
    }

    async fn remove(client: &Client, object: Deletion<'_, Self>) -> Result<(), Failure> {
        done(client.delete_subnet().subnet_id(object.id()).send()).await
    }
}
