//! `aws:ec2:SecurityGroup`.

use aws_sdk_ec2::types::{IpPermission, IpRange, SecurityGroup as CloudGroup};

use super::described::prelude::*;

/// A firewall around network interfaces. Its rules are resources of their own.
#[derive(Clone, Resource)]
#[resource(
    type = "aws:ec2:SecurityGroup",
    identity = "sg-0123456789abcdef0: The identifier of the security group.",
    known_as("terraform", "aws_security_group"),
    known_as("pulumi", "aws:ec2/securityGroup:SecurityGroup"),
    unique("name", "vpc_id"),
    create("ec2:CreateSecurityGroup", "ec2:RevokeSecurityGroupEgress"),
    update("ec2:AuthorizeSecurityGroupEgress", "ec2:RevokeSecurityGroupEgress"),
    delete("ec2:DeleteSecurityGroup"),
    read("ec2:DescribeSecurityGroups"),
    behaviour = described,
    example = r"# A security group
network:
  type: aws:ec2:Vpc
  properties: { cidr_block: 10.0.0.0/16 }
web:
  type: aws:ec2:SecurityGroup
  properties:
    vpc_id: ${network.vpc_id}
    name: web
    description: Web servers
"
)]
pub struct SecurityGroup {
    /// The VPC.
    #[attribute(replaces)]
    vpc_id: String,
    /// The name, unique in the VPC; it does not start with `sg-`.
    #[attribute(replaces, range(1..=255))]
    name: String,
    /// What it is for.
    #[attribute(replaces, range(1..=255), default = "Managed by Konductor")]
    description: String,
    /// Whether the rule that allows all outgoing traffic, which every new group has, stays. What rules of their own
    /// allow is not looked at, so drift of this rule is not seen.
    #[attribute(write_only, default = true)]
    allow_all_egress: Option<bool>,
    #[attribute(tags)]
    tags: Tags,
    /// The identifier.
    #[attribute(output, identity, simulated = "sg-{hex17}")]
    group_id: Option<String>,
    /// The Amazon resource name.
    #[attribute(
        output,
        simulated = "arn:aws:ec2:{region}:{digits12}:security-group/sg-{hex17}"
    )]
    arn: Option<String>,
    /// The account.
    #[attribute(output, simulated = "{digits12}")]
    owner_id: Option<String>,
}

impl Check for SecurityGroup {
    fn check(inputs: &Value, diagnostics: &mut Diagnostics) {
        if inputs
            .optional_text("name")
            .is_some_and(|name| name.starts_with("sg-"))
        {
            diagnostics.push(
                Diagnostic::error("the name of a security group must not start with `sg-`")
                    .at(Path::attribute("name")),
            );
        }
    }
}

/// Sets or removes the rule that allows all outgoing traffic.
async fn set_egress(client: &Client, id: &str, allowed: bool) -> Result<(), Failure> {
    let everything = IpPermission::builder()
        .ip_protocol("-1")
        .ip_ranges(IpRange::builder().cidr_ip("0.0.0.0/0").build())
        .build();
    let answer = if allowed {
        let authorize = client.authorize_security_group_egress().group_id(id);
        done(authorize.ip_permissions(everything).send()).await
    } else {
        let revoke = client.revoke_security_group_egress().group_id(id);
        done(revoke.ip_permissions(everything).send()).await
    };
    let as_wanted = [Disposition::AlreadyExists, Disposition::NotFound];
    match answer {
        Err(failure) if as_wanted.contains(&failure.disposition) => Ok(()),
        answer => answer,
    }
}

fn allows_all(group: &CloudGroup) -> bool {
    group.ip_permissions_egress().iter().any(|permission| {
        permission.ip_protocol() == Some("-1")
            && permission
                .ip_ranges()
                .iter()
                .any(|range| range.cidr_ip() == Some("0.0.0.0/0"))
    })
}

impl Described for SecurityGroup {
    async fn make(&self, client: &Client, new: New<'_>) -> Result<Option<String>, Failure> {
        let create = client
            .create_security_group()
            .vpc_id(&self.vpc_id)
            .group_name(&self.name)
            .description(&self.description);
        Ok(call(create.tag_specifications(new.tags).send()).await?.group_id)
    }

    async fn settle(&self, client: &Client, id: &str) -> Result<Made<Self>, Failure> {
        if self.allow_all_egress == Some(false) {
            set_egress(client, id, false).await?;
        }
        made(client, id).await
    }

    async fn describe(client: &Client, search: Search) -> Result<Found<Self>, Failure> {
        let answer = call(pages!(client.describe_security_groups(), search)).await?;
        Found::page(answer.next_token, answer.security_groups, |group| Self {
            allow_all_egress: Some(allows_all(&group)),
            arn: arn(client, "security-group", &group.group_id, &group.owner_id),
            vpc_id: group.vpc_id.unwrap_or_default(),
            name: group.group_name.unwrap_or_default(),
            description: group.description.unwrap_or_default(),
            tags: group.tags.into(),
            group_id: group.group_id,
            owner_id: group.owner_id,
        })
    }

    async fn change(&self, client: &Client, id: &str, prior: &Self) -> Result<Option<&'static str>, Failure> {
        if self.allow_all_egress != prior.allow_all_egress {
            set_egress(client, id, self.allow_all_egress.unwrap_or_default()).await?;
        }
        Ok(None)
    }

    async fn remove(client: &Client, object: Deletion<'_, Self>) -> Result<(), Failure> {
        done(client.delete_security_group().group_id(object.id()).send()).await
    }
}
