//! `aws:ec2:Vpc`.

use aws_sdk_ec2::types::{AttributeBooleanValue, Tenancy, Vpc as CloudVpc, VpcAttributeName};

use super::described::prelude::*;
use super::search::filter;

/// A virtual network with an address range of its own.
#[derive(Clone, Resource)]
#[resource(
    type = "aws:ec2:Vpc",
    identity = "vpc-0123456789abcdef0: The identifier of the VPC.",
    known_as("terraform", "aws_vpc"),
    known_as("pulumi", "aws:ec2/vpc:Vpc"),
    create("ec2:CreateVpc", "ec2:ModifyVpcAttribute"),
    update("ec2:ModifyVpcAttribute"),
    delete("ec2:DeleteVpc"),
    read(
        "ec2:DescribeVpcs",
        "ec2:DescribeVpcAttribute",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeRouteTables",
        "ec2:DescribeNetworkAcls"
    ),
    behaviour = described,
    example = r"# A network with DNS names
network:
  type: aws:ec2:Vpc
  properties:
    cidr_block: 10.0.0.0/16
    enable_dns_hostnames: true
    tags: { Name: main }
"
)]
pub struct Vpc {
    /// The IPv4 range, from /16 to /28.
    #[attribute(replaces, format = Ipv4Cidr)]
    cidr_block: String,
    /// Whether instances share hardware with other accounts.
    #[attribute(replaces, one_of("default", "dedicated"), default = "default")]
    instance_tenancy: String,
    /// Whether Amazon's DNS server answers in the network.
    #[attribute(default = true)]
    enable_dns_support: bool,
    /// Whether instances with a public address get a public DNS name.
    #[attribute(default = false)]
    enable_dns_hostnames: bool,
    #[attribute(tags)]
    tags: Tags,
    /// The identifier.
    #[attribute(output, identity, simulated = "vpc-{hex17}")]
    vpc_id: Option<String>,
    /// The Amazon resource name.
    #[attribute(output, simulated = "arn:aws:ec2:{region}:{digits12}:vpc/vpc-{hex17}")]
    arn: Option<String>,
    /// The account.
    #[attribute(output, simulated = "{digits12}")]
    owner_id: Option<String>,
    /// The security group of what names none.
    #[attribute(output, simulated = "sg-{hex17}")]
    default_security_group_id: Option<String>,
    /// The route table of subnets that name none.
    #[attribute(output, simulated = "rtb-{hex17}")]
    main_route_table_id: Option<String>,
    /// The network ACL of subnets that name none.
    #[attribute(output, simulated = "acl-{hex17}")]
    default_network_acl_id: Option<String>,
}

impl Check for Vpc {
    fn check(inputs: &Value, diagnostics: &mut Diagnostics) {
        let length = inputs
            .optional_text("cidr_block")
            .and_then(|block| block.split_once('/'))
            .and_then(|(_, length)| length.parse::<u8>().ok());
        if length.is_some_and(|length| !(16..=28).contains(&length)) {
            diagnostics.push(
                Diagnostic::error("the range of a VPC must be between /16 and /28")
                    .at(Path::attribute("cidr_block")),
            );
        }
        if inputs.boolean("enable_dns_hostnames")
            && inputs.optional_boolean("enable_dns_support") == Some(false)
        {
            diagnostics.push(
                Diagnostic::error("`enable_dns_hostnames` needs `enable_dns_support`")
                    .at(Path::attribute("enable_dns_hostnames")),
            );
        }
    }
}

impl Vpc {
    /// Sets the DNS attributes that differ from what the VPC has. The API takes one a call.
    async fn set_dns(
        &self,
        client: &Client,
        id: &str,
        support: bool,
        hostnames: bool,
    ) -> Result<(), Failure> {
        let value = |wanted: bool| AttributeBooleanValue::builder().value(wanted).build();
        let modify = || client.modify_vpc_attribute().vpc_id(id);
        // Host names need support: support goes on first and off last.
        if self.enable_dns_support && !support {
            done(modify().enable_dns_support(value(true)).send()).await?;
        }
        if self.enable_dns_hostnames != hostnames {
            let hostnames = value(self.enable_dns_hostnames);
            done(modify().enable_dns_hostnames(hostnames).send()).await?;
        }
        if !self.enable_dns_support && support {
            done(modify().enable_dns_support(value(false)).send()).await?;
        }
        Ok(())
    }
}

impl Described for Vpc {
    async fn make(&self, client: &Client, new: New<'_>) -> Result<Option<String>, Failure> {
        let create = client
            .create_vpc()
            .cidr_block(&self.cidr_block)
            .instance_tenancy(Tenancy::from(self.instance_tenancy.as_str()));
        let vpc = call(create.tag_specifications(new.tags).send()).await?.vpc;
        Ok(vpc.and_then(|vpc| vpc.vpc_id))
    }

    async fn settle(&self, client: &Client, id: &str) -> Result<Made<Self>, Failure> {
        // AWS starts with DNS support on and host names off.
        self.set_dns(client, id, true, false).await?;
        made(client, id).await
    }

    async fn describe(client: &Client, search: Search) -> Result<Found<Self>, Failure> {
        let answer = call(pages!(client.describe_vpcs(), search)).await?;
        let vpcs = answer.vpcs.unwrap_or_default();
        let ids: Vec<&str> = vpcs.iter().filter_map(CloudVpc::vpc_id).collect();
        let (groups, tables, lists) = if ids.is_empty() {
            Default::default()
        } else {
            (
                default_groups(client, &ids).await?,
                main_tables(client, &ids).await?,
                default_lists(client, &ids).await?,
            )
        };
        let mut objects = Vec::new();
        for vpc in vpcs {
            let Some(id) = &vpc.vpc_id else { continue };
            let attribute = |name| client.describe_vpc_attribute().vpc_id(id).attribute(name).send();
            let support = call(attribute(VpcAttributeName::EnableDnsSupport)).await?;
            let hostnames = call(attribute(VpcAttributeName::EnableDnsHostnames)).await?;
            let is_on = |value: Option<AttributeBooleanValue>| value.and_then(|value| value.value);
            objects.push(Self {
                cidr_block: vpc.cidr_block.unwrap_or_default(),
                instance_tenancy: vpc
                    .instance_tenancy
                    .map(|tenancy| tenancy.as_str().to_owned())
                    .unwrap_or_default(),
                enable_dns_support: is_on(support.enable_dns_support).unwrap_or_default(),
                enable_dns_hostnames: is_on(hostnames.enable_dns_hostnames).unwrap_or_default(),
                tags: vpc.tags.into(),
                arn: arn(client, "vpc", &vpc.vpc_id, &vpc.owner_id),
                owner_id: vpc.owner_id,
                default_security_group_id: groups.get(id).cloned(),
                main_route_table_id: tables.get(id).cloned(),
                default_network_acl_id: lists.get(id).cloned(),
                vpc_id: vpc.vpc_id,
            });
        }
        Found::page(answer.next_token, Some(objects), |vpc| vpc)
    }

    async fn change(&self, client: &Client, id: &str, prior: &Self) -> Result<Option<&'static str>, Failure> {
        self.set_dns(client, id, prior.enable_dns_support, prior.enable_dns_hostnames)
            .await?;
        Ok(None)
    }

    async fn remove(client: &Client, object: Deletion<'_, Self>) -> Result<(), Failure> {
        done(client.delete_vpc().vpc_id(object.id()).send()).await
    }
}

/// What VPCs come with: an identifier for each VPC.
type ByVpc = BTreeMap<String, String>;

async fn default_groups(client: &Client, ids: &[&str]) -> Result<ByVpc, Failure> {
    let describe = client
        .describe_security_groups()
        .filters(filter("vpc-id", ids.iter().copied()))
        .filters(filter("group-name", ["default"]));
    let groups = call(describe.send()).await?.security_groups.unwrap_or_default();
    Ok(groups
        .into_iter()
        .filter_map(|group| group.vpc_id.zip(group.group_id))
        .collect())
}

async fn main_tables(client: &Client, ids: &[&str]) -> Result<ByVpc, Failure> {
    let describe = client
        .describe_route_tables()
        .filters(filter("vpc-id", ids.iter().copied()))
        .filters(filter("association.main", ["true"]));
    let tables = call(describe.send()).await?.route_tables.unwrap_or_default();
    Ok(tables
        .into_iter()
        .filter_map(|table| table.vpc_id.zip(table.route_table_id))
        .collect())
}

async fn default_lists(client: &Client, ids: &[&str]) -> Result<ByVpc, Failure> {
    let describe = client
        .describe_network_acls()
        .filters(filter("vpc-id", ids.iter().copied()))
        .filters(filter("default", ["true"]));
    let lists = call(describe.send()).await?.network_acls.unwrap_or_default();
    Ok(lists
        .into_iter()
        .filter_map(|list| list.vpc_id.zip(list.network_acl_id))
        .collect())
}
