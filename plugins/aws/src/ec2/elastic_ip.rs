use aws_sdk_ec2::types::DomainType;

use super::described::prelude::*;

/// A public IPv4 address that stays the same.
#[derive(Clone, Resource)]
#[resource(
    type = "aws:ec2:ElasticIp",
    identity = "eipalloc-0123456789abcdef0: The allocation identifier of the address.",
    known_as("terraform", "aws_eip"),
    known_as("pulumi", "aws:ec2/eip:Eip"),
    create("ec2:AllocateAddress"),
    delete("ec2:ReleaseAddress"),
    read("ec2:DescribeAddresses"),
    behaviour = described,
    example = r"# An address
address:
  type: aws:ec2:ElasticIp
  properties:
    tags: { Name: nat }
"
)]
pub struct ElasticIp {
    #[attribute(tags)]
    tags: Tags,
    /// The identifier.
    #[attribute(output, identity, simulated = "eipalloc-{hex17}")]
    allocation_id: Option<String>,
    /// The address.
    #[attribute(output, simulated = "203.0.113.10")]
    public_ip: Option<String>,
}

impl Described for ElasticIp {
    async fn make(&self, client: &Client, new: New<'_>) -> Result<Option<String>, Failure> {
        let allocate = client.allocate_address().domain(DomainType::Vpc);
        let answer = call(allocate.tag_specifications(new.tags).send()).await?;
        Ok(answer.allocation_id)
    }

    /// The API has no pages.
    async fn describe(client: &Client, search: Search) -> Result<Found<Self>, Failure> {
        let answer = call(client.describe_addresses().set_filters(search.filters).send()).await?;
        Found::page(None, answer.addresses, |address| Self {
            tags: address.tags.into(),
            allocation_id: address.allocation_id,
            public_ip: address.public_ip,
        })
    }

    async fn remove(client: &Client, object: Deletion<'_, Self>) -> Result<(), Failure> {
        done(client.release_address().allocation_id(object.id()).send()).await
    }
}
