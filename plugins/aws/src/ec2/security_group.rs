//! `aws:ec2:SecurityGroup`.

use aws_sdk_ec2::types::{Filter, IpPermission, IpRange, ResourceType as Kind, SecurityGroup as CloudGroup};
use konductor_sdk::aws::run;
use konductor_sdk::prelude::*;

use super::lookup::{Described, PAGE, Page, next, reads};
use super::tags;
use super::uniqueness::delete_first_unless_changed;
use super::wait::{creates, settled};
use crate::client::{ec2, ec2_arn, incomplete};

/// A firewall around network interfaces.
#[derive(Debug)]
pub struct SecurityGroup;

impl ResourceProvider for SecurityGroup {
    fn resource_type(&self) -> &'static str {
        "aws:ec2:SecurityGroup"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        schema(
            self.resource_type(),
            "A firewall around network interfaces. Its rules are resources of their own.",
        )
        .attribute("vpc_id", text("The VPC.").required().replaces())
        .attribute(
            "name",
            text("The name, unique in the VPC; it does not start with `sg-`.")
                .between(1, 255)
                .required()
                .replaces(),
        )
        .attribute(
            "description",
            text("What it is for.")
                .between(1, 255)
                .default("Managed by Konductor")
                .replaces(),
        )
        .attribute(
            "allow_all_egress",
            boolean(
                "Whether the rule that allows all outgoing traffic, which every new group has, stays. What rules \
                 of their own allow is not looked at, so drift of this rule is not seen.",
            )
            .default(true)
            .write_only(),
        )
        .tags()
        .output("group_id", text("The identifier.").simulated("sg-{hex17}"))
        .output(
            "arn",
            text("The Amazon resource name.")
                .simulated("arn:aws:ec2:{region}:{digits12}:security-group/sg-{hex17}"),
        )
        .output("owner_id", text("The account.").simulated("{digits12}"))
        .identity(
            "sg-0123456789abcdef0",
            "The identifier of the security group.",
            &["group_id"],
        )
        .batch_read()
        .example(
            "A security group",
            r"network:
  type: aws:ec2:Vpc
  properties: { cidr_block: 10.0.0.0/16 }
web:
  type: aws:ec2:SecurityGroup
  properties:
    vpc_id: ${network.vpc_id}
    name: web
    description: Web servers
",
        )
        .build()
    }

    fn check(&self, inputs: &Value, diagnostics: &mut Diagnostics) {
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

    fn refine_plan(&self, _request: &PlanRequest, plan: &mut PlanResponse) {
        // Two groups of one VPC cannot have one name.
        delete_first_unless_changed(plan, &["name", "vpc_id"]);
    }

    fn permissions(&self, operation: &str) -> Vec<&'static str> {
        match operation {
            "create" => vec![
                "ec2:CreateSecurityGroup",
                "ec2:CreateTags",
                "ec2:RevokeSecurityGroupEgress",
                "ec2:DescribeSecurityGroups",
            ],
            "update" => vec![
                "ec2:AuthorizeSecurityGroupEgress",
                "ec2:RevokeSecurityGroupEgress",
                "ec2:CreateTags",
                "ec2:DeleteTags",
                "ec2:DescribeSecurityGroups",
            ],
            "delete" => vec!["ec2:DeleteSecurityGroup"],
            _ => vec!["ec2:DescribeSecurityGroups"],
        }
    }

    creates!();

    reads!();

    fn update(&self, context: &Context, request: &UpdateRequest) -> Result<Outcome, Failure> {
        let id = &request.prior.id;
        let wanted = request.inputs.boolean("allow_all_egress");
        if request.prior.attributes.optional_boolean("allow_all_egress") != Some(wanted) {
            set_egress(context, id, wanted)?;
        }
        tags::update(&ec2(context), id, request)?;
        self.find_made(context, id).map(Outcome::Complete)
    }

    fn delete(&self, context: &Context, request: &DeleteRequest) -> Result<Outcome, Failure> {
        run(ec2(context)
            .delete_security_group()
            .group_id(&request.prior.id)
            .send())?;
        Ok(Outcome::Deleted)
    }
}

/// Sets or removes the rule that allows all outgoing traffic.
fn set_egress(context: &Context, id: &str, allowed: bool) -> Result<(), Failure> {
    let client = ec2(context);
    let everything = IpPermission::builder()
        .ip_protocol("-1")
        .ip_ranges(IpRange::builder().cidr_ip("0.0.0.0/0").build())
        .build();
    let answer = if allowed {
        run(client
            .authorize_security_group_egress()
            .group_id(id)
            .ip_permissions(everything)
            .send())
        .map(|_| ())
    } else {
        run(client
            .revoke_security_group_egress()
            .group_id(id)
            .ip_permissions(everything)
            .send())
        .map(|_| ())
    };
    match answer {
        Err(failure)
            if matches!(
                failure.disposition,
                Disposition::AlreadyExists | Disposition::NotFound
            ) =>
        {
            Ok(())
        }
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
    fn id_filter(&self) -> &'static str {
        "group-id"
    }

    fn make(&self, context: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
        let inputs = &request.inputs;
        let id = match self.find_by_token(context, &request.idempotency_token)? {
            Some(found) => found.id,
            None => run(ec2(context)
                .create_security_group()
                .vpc_id(inputs.text("vpc_id")?)
                .group_name(inputs.text("name")?)
                .set_description(inputs.owned_text("description"))
                .tag_specifications(tags::on_create(Kind::SecurityGroup, request))
                .send())?
            .group_id()
            .ok_or_else(|| incomplete("the identifier of the new security group"))?
            .to_owned(),
        };
        Ok(settled(self.settle(context, &id, inputs), &id, request))
    }

    fn settle(&self, context: &Context, id: &str, wanted: &Value) -> Result<Outcome, Failure> {
        if wanted.optional_boolean("allow_all_egress") == Some(false) {
            set_egress(context, id, false)?;
        }
        self.find_made(context, id).map(Outcome::Complete)
    }

    fn describe(
        &self,
        context: &Context,
        filters: Option<Vec<Filter>>,
        cursor: Option<String>,
    ) -> Result<Page, Failure> {
        let answer = run(ec2(context)
            .describe_security_groups()
            .set_filters(filters)
            .set_next_token(cursor)
            .max_results(PAGE)
            .send())?;
        let objects = answer
            .security_groups()
            .iter()
            .filter_map(|group| {
                let id = group.group_id()?;
                Some(
                    object(id)
                        .private(tags::token(group.tags()))
                        .set("vpc_id", group.vpc_id())
                        .set("name", group.group_name())
                        .set("description", group.description())
                        .set("allow_all_egress", allows_all(group))
                        .set("tags", tags::of(group.tags()))
                        .set("group_id", id)
                        .set(
                            "arn",
                            ec2_arn(context, group.owner_id(), &format!("security-group/{id}")),
                        )
                        .set("owner_id", group.owner_id())
                        .build(),
                )
            })
            .collect();
        Ok(Page {
            objects,
            next: next(answer.next_token()),
        })
    }
}
