//! `aws:ec2:SecurityGroupRule`.

use aws_sdk_ec2::types::{
    Filter, IpPermission, IpRange, Ipv6Range, PrefixListId, ResourceType as Kind,
    SecurityGroupRule as CloudRule, SecurityGroupRuleRequest, SecurityGroupRuleUpdate, UserIdGroupPair,
};
use konductor_sdk::aws::run;
use konductor_sdk::prelude::*;

use super::lookup::{Described, Page, next, reads};
use super::search::{PAGE, filter};
use super::tags;
use super::uniqueness::delete_first_unless_changed;
use crate::client::{ec2, incomplete};

/// The attributes that name the other side; exactly one is given.
const PEERS: [&str; 4] = [
    "cidr_ipv4",
    "cidr_ipv6",
    "prefix_list_id",
    "referenced_security_group_id",
];
/// What makes two rules of one group the same for EC2.
const KEY: [&str; 8] = [
    "direction",
    "protocol",
    "from_port",
    "to_port",
    "cidr_ipv4",
    "cidr_ipv6",
    "prefix_list_id",
    "referenced_security_group_id",
];

/// What a security group allows.
#[derive(Debug)]
pub struct SecurityGroupRule;

impl ResourceProvider for SecurityGroupRule {
    fn resource_type(&self) -> &'static str {
        "aws:ec2:SecurityGroupRule"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        let port = |what: &str| integer(what).between(-1, 65_535);
        schema(
            self.resource_type(),
            "Something that a security group allows. It takes one other side: a range, a prefix list or a group.",
        )
        .attribute("security_group_id", text("The security group.").required().replaces())
        .attribute(
            "direction",
            text("Whether it is about incoming or outgoing traffic.")
                .allowed(["ingress", "egress"])
                .required()
                .replaces(),
        )
        .attribute(
            "protocol",
            text("`tcp`, `udp`, `icmp`, `icmpv6`, a protocol number, or `-1` for all.").required(),
        )
        .attribute(
            "from_port",
            port("The first port, or the ICMP type; not given for all protocols."),
        )
        .attribute(
            "to_port",
            port("The last port, or the ICMP code; not given for all protocols."),
        )
        .attribute(
            "cidr_ipv4",
            text("The other side, as an IPv4 range.").format(TextFormat::Ipv4Cidr),
        )
        .attribute(
            "cidr_ipv6",
            text("The other side, as an IPv6 range.").format(TextFormat::Ipv6Cidr),
        )
        .attribute("prefix_list_id", text("The other side, as a prefix list."))
        .attribute(
            "referenced_security_group_id",
            text("The other side, as a security group."),
        )
        .attribute("description", text("What it is for.").at_most(255))
        .tags()
        .output("security_group_rule_id", text("The identifier.").simulated("sgr-{hex17}"))
        .identity(
            "sgr-0123456789abcdef0",
            "The identifier of the rule.",
            &["security_group_rule_id"],
        )
        .batch_read()
        .example(
            "HTTPS from anywhere",
            r"network:
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
",
        )
        .build()
    }

    fn check(&self, inputs: &Value, diagnostics: &mut Diagnostics) {
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

    fn refine_plan(&self, _request: &PlanRequest, plan: &mut PlanResponse) {
        // A group cannot hold the same rule twice.
        delete_first_unless_changed(
            plan,
            &[
                "security_group_id",
                "direction",
                "protocol",
                "from_port",
                "to_port",
                "cidr_ipv4",
                "cidr_ipv6",
                "prefix_list_id",
                "referenced_security_group_id",
            ],
        );
    }

    fn permissions(&self, operation: &str) -> Vec<&'static str> {
        match operation {
            "create" => vec![
                "ec2:AuthorizeSecurityGroupIngress",
                "ec2:AuthorizeSecurityGroupEgress",
                "ec2:CreateTags",
                "ec2:DescribeSecurityGroupRules",
            ],
            "update" => vec![
                "ec2:ModifySecurityGroupRules",
                "ec2:CreateTags",
                "ec2:DeleteTags",
                "ec2:DescribeSecurityGroupRules",
            ],
            "delete" => vec!["ec2:RevokeSecurityGroupIngress", "ec2:RevokeSecurityGroupEgress"],
            _ => vec!["ec2:DescribeSecurityGroupRules"],
        }
    }

    fn create(&self, context: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
        let inputs = &request.inputs;
        let client = ec2(context);
        let group = inputs.text("security_group_id")?;
        let permission = permission(inputs)?;
        let tags = tags::on_create(Kind::SecurityGroupRule, request);
        let made = if is_egress(inputs) {
            run(client
                .authorize_security_group_egress()
                .group_id(group)
                .ip_permissions(permission)
                .tag_specifications(tags)
                .send())
            .map(|answer| answer.security_group_rules.unwrap_or_default())
        } else {
            run(client
                .authorize_security_group_ingress()
                .group_id(group)
                .ip_permissions(permission)
                .tag_specifications(tags)
                .send())
            .map(|answer| answer.security_group_rules.unwrap_or_default())
        };
        match made {
            Ok(rules) => rules
                .first()
                .and_then(describe)
                .map(Outcome::Complete)
                .ok_or_else(|| incomplete("the identifier of the new rule")),
            Err(failure) if failure.disposition == Disposition::AlreadyExists => self
                .describe_all(context, vec![filter("group-id", [group])])?
                .into_iter()
                .find(|found| KEY.iter().all(|name| same(name, &found.attributes, inputs)))
                // A rule with another token, or with none, was made by others, and goes with them.
                .filter(|found| found.private == request.idempotency_token.as_bytes())
                .map(Outcome::Complete)
                .ok_or(failure),
            Err(failure) => Err(failure),
        }
    }

    reads!();

    fn update(&self, context: &Context, request: &UpdateRequest) -> Result<Outcome, Failure> {
        let id = &request.prior.id;
        let (inputs, prior) = (&request.inputs, &request.prior.attributes);
        let client = ec2(context);
        if KEY
            .iter()
            .chain(&["description"])
            .any(|name| !same(name, prior, inputs))
        {
            let rule = SecurityGroupRuleRequest::builder()
                .ip_protocol(inputs.text("protocol")?)
                .from_port(inputs.optional_small_integer("from_port").unwrap_or(-1))
                .to_port(inputs.optional_small_integer("to_port").unwrap_or(-1))
                .set_cidr_ipv4(inputs.owned_text("cidr_ipv4"))
                .set_cidr_ipv6(inputs.owned_text("cidr_ipv6"))
                .set_prefix_list_id(inputs.owned_text("prefix_list_id"))
                .set_referenced_group_id(inputs.owned_text("referenced_security_group_id"))
                .set_description(inputs.owned_text("description"))
                .build();
            run(client
                .modify_security_group_rules()
                .group_id(inputs.text("security_group_id")?)
                .security_group_rules(
                    SecurityGroupRuleUpdate::builder()
                        .security_group_rule_id(id)
                        .security_group_rule(rule)
                        .build(),
                )
                .send())?;
        }
        tags::update(&client, id, request)?;
        self.find_made(context, id).map(Outcome::Complete)
    }

    fn delete(&self, context: &Context, request: &DeleteRequest) -> Result<Outcome, Failure> {
        let prior = &request.prior.attributes;
        let client = ec2(context);
        let group = prior.text("security_group_id")?;
        let id = &request.prior.id;
        if is_egress(prior) {
            run(client
                .revoke_security_group_egress()
                .group_id(group)
                .security_group_rule_ids(id)
                .send())
            .map(|_| ())?;
        } else {
            run(client
                .revoke_security_group_ingress()
                .group_id(group)
                .security_group_rule_ids(id)
                .send())
            .map(|_| ())?;
        }
        Ok(Outcome::Deleted)
    }
}

fn is_egress(attributes: &Value) -> bool {
    attributes.optional_text("direction") == Some("egress")
}

fn same(name: &str, left: &Value, right: &Value) -> bool {
    match (left.given(name), right.given(name)) {
        (Some(left), Some(right)) => left.same_as(right),
        (left, right) => left.is_none() == right.is_none(),
    }
}

fn permission(inputs: &Value) -> Result<IpPermission, Failure> {
    let description = inputs.owned_text("description");
    let mut permission = IpPermission::builder()
        .ip_protocol(inputs.text("protocol")?)
        .set_from_port(inputs.optional_small_integer("from_port"))
        .set_to_port(inputs.optional_small_integer("to_port"));
    if let Some(range) = inputs.optional_text("cidr_ipv4") {
        permission = permission.ip_ranges(
            IpRange::builder()
                .cidr_ip(range)
                .set_description(description.clone())
                .build(),
        );
    }
    if let Some(range) = inputs.optional_text("cidr_ipv6") {
        permission = permission.ipv6_ranges(
            Ipv6Range::builder()
                .cidr_ipv6(range)
                .set_description(description.clone())
                .build(),
        );
    }
    if let Some(list) = inputs.optional_text("prefix_list_id") {
        permission = permission.prefix_list_ids(
            PrefixListId::builder()
                .prefix_list_id(list)
                .set_description(description.clone())
                .build(),
        );
    }
    if let Some(group) = inputs.optional_text("referenced_security_group_id") {
        permission = permission.user_id_group_pairs(
            UserIdGroupPair::builder()
                .group_id(group)
                .set_description(description)
                .build(),
        );
    }
    Ok(permission.build())
}

fn describe(rule: &CloudRule) -> Option<ObjectState> {
    let id = rule.security_group_rule_id()?;
    let protocol = rule.ip_protocol()?;
    // The API writes -1 where a rule has no ports; for ICMP that is a type or code of its own.
    let port = |port: Option<i32>| port.filter(|port| *port != -1 || protocol.starts_with("icmp"));
    Some(
        object(id)
            .private(tags::token(rule.tags()))
            .set("security_group_id", rule.group_id())
            .set(
                "direction",
                if rule.is_egress().unwrap_or_default() {
                    "egress"
                } else {
                    "ingress"
                },
            )
            .set("protocol", protocol)
            .set("from_port", port(rule.from_port()))
            .set("to_port", port(rule.to_port()))
            .set("cidr_ipv4", rule.cidr_ipv4())
            .set("cidr_ipv6", rule.cidr_ipv6())
            .set("prefix_list_id", rule.prefix_list_id())
            .set(
                "referenced_security_group_id",
                rule.referenced_group_info().and_then(|group| group.group_id()),
            )
            .set(
                "description",
                rule.description().filter(|description| !description.is_empty()),
            )
            .set("tags", tags::of(rule.tags()))
            .set("security_group_rule_id", id)
            .build(),
    )
}

impl Described for SecurityGroupRule {
    fn id_filter(&self) -> &'static str {
        "security-group-rule-id"
    }

    fn describe(
        &self,
        context: &Context,
        filters: Option<Vec<Filter>>,
        cursor: Option<String>,
    ) -> Result<Page, Failure> {
        let answer = run(ec2(context)
            .describe_security_group_rules()
            .set_filters(filters)
            .set_next_token(cursor)
            .max_results(PAGE)
            .send())?;
        Ok(Page {
            objects: answer
                .security_group_rules()
                .iter()
                .filter_map(describe)
                .collect(),
            next: next(answer.next_token()),
        })
    }
}
