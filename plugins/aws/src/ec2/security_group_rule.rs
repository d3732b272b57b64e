//! `aws:ec2:SecurityGroupRule`.

use aws_sdk_ec2::types::{
    IpPermission, IpRange, Ipv6Range, PrefixListId, SecurityGroupRule as CloudRule, SecurityGroupRuleRequest,
    SecurityGroupRuleUpdate, UserIdGroupPair,
};

use super::described::prelude::*;

/// Something that a security group allows. It takes one other side: a range, a prefix list or a group.
#[derive(Clone, Resource)]
#[resource(
    type = "aws:ec2:SecurityGroupRule",
    identity = "sgr-0123456789abcdef0: The identifier of the rule.",
    known_as("terraform", "aws_vpc_security_group_ingress_rule"),
    known_as("pulumi", "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"),
    known_as("terraform", "aws_vpc_security_group_egress_rule"),
    known_as("pulumi", "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"),
    unique(
        "security_group_id",
        "direction",
        "protocol",
        "from_port",
        "to_port",
        "cidr_ipv4",
        "cidr_ipv6",
        "prefix_list_id",
        "referenced_security_group_id"
    ),
    create("ec2:AuthorizeSecurityGroupIngress", "ec2:AuthorizeSecurityGroupEgress"),
    update("ec2:ModifySecurityGroupRules"),
    delete("ec2:RevokeSecurityGroupIngress", "ec2:RevokeSecurityGroupEgress"),
    read("ec2:DescribeSecurityGroupRules"),
    behaviour = described,
    example = r"# HTTPS from anywhere
network:
  type: aws:ec2:Vpc
  properties: { cidr_block: 10.0.0.0/16 }
web:
  type: aws:ec2:SecurityGroup
  properties: { vpc_id: '${network.vpc_id}', name: web }
https:
  type: aws:ec2:SecurityGroupRule
  properties:
    security_group_id: ${web.group_id}
    direction: ingress
    protocol: tcp
    from_port: 443
    to_port: 443
    cidr_ipv4: 0.0.0.0/0
"
)]
pub struct SecurityGroupRule {
    /// The security group.
    #[attribute(replaces)]
    security_group_id: String,
    /// Whether it is about incoming or outgoing traffic.
    #[attribute(replaces, one_of("ingress", "egress"))]
    direction: String,
    /// `tcp`, `udp`, `icmp`, `icmpv6`, a protocol number, or `-1` for all.
    protocol: String,
    /// The first port, or the ICMP type; not given for all protocols.
    #[attribute(range(-1..=65_535))]
    from_port: Option<i32>,
    /// The last port, or the ICMP code; not given for all protocols.
    #[attribute(range(-1..=65_535))]
    to_port: Option<i32>,
    /// The other side, as an IPv4 range.
    #[attribute(format = Ipv4Cidr)]
    cidr_ipv4: Option<String>,
    /// The other side, as an IPv6 range.
    #[attribute(format = Ipv6Cidr)]
    cidr_ipv6: Option<String>,
    /// The other side, as a prefix list.
    prefix_list_id: Option<String>,
    /// The other side, as a security group.
    referenced_security_group_id: Option<String>,
    /// What it is for.
    #[attribute(range(..=255))]
    description: Option<String>,
    #[attribute(tags)]
    tags: Tags,
    /// The identifier.
    #[attribute(output, identity, simulated = "sgr-{hex17}")]
    security_group_rule_id: Option<String>,
}

/// The attributes that name the other side; exactly one is given.
const PEERS: [&str; 4] = [
    "cidr_ipv4",
    "cidr_ipv6",
    "prefix_list_id",
    "referenced_security_group_id",
];

impl Check for SecurityGroupRule {
    fn check(inputs: &Value, diagnostics: &mut Diagnostics) {
        let given: Vec<&str> = PEERS
            .iter()
            .copied()
            .filter(|name| inputs.attribute(name).is_some())
            .collect();
        if given.len() != 1 {
            diagnostics.push(
                Diagnostic::error(match given.as_slice() {
                    [] => "the rule names no other side".to_owned(),
                    _ => format!(
                        "the rule names {} other sides: `{}`",
                        given.len(),
                        given.join("`, `")
                    ),
                })
                .detail(format!("expected one of `{}`", PEERS.join("`, `"))),
            );
        }
        let ports = ["from_port", "to_port"].map(|name| inputs.attribute(name).is_some());
        match inputs.optional_text("protocol") {
            Some("-1") if ports.contains(&true) => diagnostics.push(
                Diagnostic::error("a rule for all protocols takes no ports")
                    .help("remove `from_port` and `to_port`, or name a protocol")
                    .at(Path::attribute("from_port")),
            ),
            Some(protocol @ ("tcp" | "udp" | "6" | "17")) => {
                if ports.contains(&false) {
                    diagnostics.push(
                        Diagnostic::error(format!("a rule for `{protocol}` needs `from_port` and `to_port`"))
                            .at(Path::attribute("from_port")),
                    );
                }
                let from = inputs.optional_integer("from_port");
                let to = inputs.optional_integer("to_port");
                if matches!((from, to), (Some(from), Some(to)) if from > to) {
                    diagnostics.push(
                        Diagnostic::error("`from_port` is greater than `to_port`")
                            .at(Path::attribute("from_port")),
                    );
                }
            }
            _ => {}
        }
    }
}

impl SecurityGroupRule {
    fn is_egress(&self) -> bool {
        self.direction == "egress"
    }

    /// Returns the rule as a create takes it.
    fn permission(&self) -> IpPermission {
        let description = &self.description;
        let mut permission = IpPermission::builder()
            .ip_protocol(&self.protocol)
            .set_from_port(self.from_port)
            .set_to_port(self.to_port);
        if let Some(range) = &self.cidr_ipv4 {
            let range = IpRange::builder().cidr_ip(range);
            permission = permission.ip_ranges(range.set_description(description.clone()).build());
        }
        if let Some(range) = &self.cidr_ipv6 {
            let range = Ipv6Range::builder().cidr_ipv6(range);
            permission = permission.ipv6_ranges(range.set_description(description.clone()).build());
        }
        if let Some(list) = &self.prefix_list_id {
            let list = PrefixListId::builder().prefix_list_id(list);
            permission = permission.prefix_list_ids(list.set_description(description.clone()).build());
        }
        if let Some(group) = &self.referenced_security_group_id {
            let group = UserIdGroupPair::builder().group_id(group);
            permission = permission.user_id_group_pairs(group.set_description(description.clone()).build());
        }
        permission.build()
    }

    /// Returns the rule as a change takes it.
    fn request(&self) -> SecurityGroupRuleRequest {
        SecurityGroupRuleRequest::builder()
            .ip_protocol(&self.protocol)
            .from_port(self.from_port.unwrap_or(-1))
            .to_port(self.to_port.unwrap_or(-1))
            .set_cidr_ipv4(self.cidr_ipv4.clone())
            .set_cidr_ipv6(self.cidr_ipv6.clone())
            .set_prefix_list_id(self.prefix_list_id.clone())
            .set_referenced_group_id(self.referenced_security_group_id.clone())
            .set_description(self.description.clone())
            .build()
    }

    fn of(rule: CloudRule) -> Self {
        let protocol = rule.ip_protocol.unwrap_or_default();
        // The API writes -1 where a rule has no ports; for ICMP that is a type or code of its own.
        let icmp = protocol.starts_with("icmp");
        let port = |port: Option<i32>| port.filter(|port| *port != -1 || icmp);
        let egress = rule.is_egress.unwrap_or_default();
        Self {
            security_group_id: rule.group_id.unwrap_or_default(),
            direction: if egress { "egress" } else { "ingress" }.to_owned(),
            from_port: port(rule.from_port),
            to_port: port(rule.to_port),
            protocol,
            cidr_ipv4: rule.cidr_ipv4,
            cidr_ipv6: rule.cidr_ipv6,
            prefix_list_id: rule.prefix_list_id,
            referenced_security_group_id: rule.referenced_group_info.and_then(|group| group.group_id),
            description: rule.description.filter(|description| !description.is_empty()),
            tags: rule.tags.into(),
            security_group_rule_id: rule.security_group_rule_id,
        }
    }
}

impl Described for SecurityGroupRule {
    async fn make(&self, client: &Client, new: New<'_>) -> Result<Option<String>, Failure> {
        let rules = if self.is_egress() {
            let authorize = client.authorize_security_group_egress();
            let authorize = authorize
                .group_id(&self.security_group_id)
                .tag_specifications(new.tags);
            call(authorize.ip_permissions(self.permission()).send())
                .await?
                .security_group_rules
        } else {
            let authorize = client.authorize_security_group_ingress();
            let authorize = authorize
                .group_id(&self.security_group_id)
                .tag_specifications(new.tags);
            call(authorize.ip_permissions(self.permission()).send())
                .await?
                .security_group_rules
        };
        let rule = rules.into_iter().flatten().next();
        Ok(rule.and_then(|rule| rule.security_group_rule_id))
    }

    async fn describe(client: &Client, search: Search) -> Result<Found<Self>, Failure> {
        let answer = call(pages!(client.describe_security_group_rules(), search)).await?;
        Found::page(answer.next_token, answer.security_group_rules, Self::of)
    }

    async fn change(&self, client: &Client, id: &str, prior: &Self) -> Result<Option<&'static str>, Failure> {
        let wanted = self.request();
        if wanted != prior.request() {
            let update = SecurityGroupRuleUpdate::builder().security_group_rule_id(id);
            let modify = client
                .modify_security_group_rules()
                .group_id(&self.security_group_id);
            let update = update.security_group_rule(wanted).build();
            done(modify.security_group_rules(update).send()).await?;
        }
        Ok(None)
    }

    async fn remove(client: &Client, object: Deletion<'_, Self>) -> Result<(), Failure> {
        let (rule, id) = (object.prior()?, object.id());
        let group = &rule.security_group_id;
        if rule.is_egress() {
            let revoke = client.revoke_security_group_egress().group_id(group);
            done(revoke.security_group_rule_ids(id).send()).await
        } else {
            let revoke = client.revoke_security_group_ingress().group_id(group);
            done(revoke.security_group_rule_ids(id).send()).await
        }
    }
}
