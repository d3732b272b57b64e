//! `aws:ec2:Vpc`.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{
    AttributeBooleanValue, Filter, ResourceType as Kind, Tenancy, Vpc as CloudVpc, VpcAttributeName,
};
use konductor_sdk::aws::run;
use konductor_sdk::prelude::*;

use super::lookup::{Described, PAGE, Page, filter, next, reads};
use super::tags;
use super::wait::{creates, settled};
use crate::client::{ec2, ec2_arn, incomplete};

/// A virtual network.
#[derive(Debug)]
pub struct Vpc;

impl ResourceProvider for Vpc {
    fn resource_type(&self) -> &'static str {
        "aws:ec2:Vpc"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        schema(self.resource_type(), "A virtual network with an address range of its own.")
            .attribute(
                "cidr_block",
                text("The IPv4 range, from /16 to /28.")
                    .format(TextFormat::Ipv4Cidr)
                    .required()
                    .replaces(),
            )
            .attribute(
                "instance_tenancy",
                text("Whether instances share hardware with other accounts.")
                    .allowed(["default", "dedicated"])
                    .default("default")
                    .replaces(),
            )
            .attribute(
                "enable_dns_support",
                boolean("Whether Amazon's DNS server answers in the network.").default(true),
            )
            .attribute(
                "enable_dns_hostnames",
                boolean("Whether instances with a public address get a public DNS name.").default(false),
            )
            .tags()
            .output("vpc_id", text("The identifier.").simulated("vpc-{hex17}"))
            .output(
                "arn",
                text("The Amazon resource name.").simulated("arn:aws:ec2:{region}:{digits12}:vpc/vpc-{hex17}"),
            )
            .output("owner_id", text("The account.").simulated("{digits12}"))
            .output(
                "default_security_group_id",
                text("The security group of what names none.").simulated("sg-{hex17}"),
            )
            .output(
                "main_route_table_id",
                text("The route table of subnets that name none.").simulated("rtb-{hex17}"),
            )
            .output(
                "default_network_acl_id",
                text("The network ACL of subnets that name none.").simulated("acl-{hex17}"),
            )
            .identity("vpc-0123456789abcdef0", "The identifier of the VPC.", &["vpc_id"])
            .batch_read()
            .example(
                "A network with DNS names",
                "network:\n  type: aws:ec2:Vpc\n  properties:\n    cidr_block: 10.0.0.0/16\n    enable_dns_hostnames: true\n    tags: { Name: main }\n",
            )
            .build()
    }

    fn check(&self, inputs: &Value, diagnostics: &mut Diagnostics) {
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

    fn permissions(&self, operation: &str) -> Vec<&'static str> {
        match operation {
            "create" => vec![
                "ec2:CreateVpc",
                "ec2:CreateTags",
                "ec2:ModifyVpcAttribute",
                "ec2:DescribeVpcs",
                "ec2:DescribeVpcAttribute",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeRouteTables",
                "ec2:DescribeNetworkAcls",
            ],
            "update" => vec![
                "ec2:ModifyVpcAttribute",
                "ec2:CreateTags",
                "ec2:DeleteTags",
                "ec2:DescribeVpcs",
                "ec2:DescribeVpcAttribute",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeRouteTables",
                "ec2:DescribeNetworkAcls",
            ],
            "delete" => vec!["ec2:DeleteVpc"],
            _ => vec![
                "ec2:DescribeVpcs",
                "ec2:DescribeVpcAttribute",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeRouteTables",
                "ec2:DescribeNetworkAcls",
            ],
        }
    }

    creates!();

    reads!();

    fn update(&self, context: &Context, request: &UpdateRequest) -> Result<Outcome, Failure> {
        let id = &request.prior.id;
        let prior = &request.prior.attributes;
        set_dns(
            context,
            id,
            &request.inputs,
            prior.optional_boolean("enable_dns_support"),
            prior.optional_boolean("enable_dns_hostnames"),
        )?;
        tags::update(&ec2(context), id, request)?;
        self.find_made(context, id).map(Outcome::Complete)
    }

    fn delete(&self, context: &Context, request: &DeleteRequest) -> Result<Outcome, Failure> {
        run(ec2(context).delete_vpc().vpc_id(&request.prior.id).send())?;
        Ok(Outcome::Deleted)
    }
}

/// Sets the DNS attributes that differ from what the VPC has. The API takes one a call.
fn set_dns(
    context: &Context,
    id: &str,
    inputs: &Value,
    support: Option<bool>,
    hostnames: Option<bool>,
) -> Result<(), Failure> {
    let client = ec2(context);
    let wanted_support = inputs.optional_boolean("enable_dns_support");
    let wanted_hostnames = inputs.optional_boolean("enable_dns_hostnames");
    let value = |wanted: bool| AttributeBooleanValue::builder().value(wanted).build();
    let modify = || client.modify_vpc_attribute().vpc_id(id);
    // Host names need support: support goes on first and off last.
    if let Some(true) = wanted_support.filter(|_| wanted_support != support) {
        run(modify().enable_dns_support(value(true)).send())?;
    }
    if let Some(wanted) = wanted_hostnames.filter(|_| wanted_hostnames != hostnames) {
        run(modify().enable_dns_hostnames(value(wanted)).send())?;
    }
    if let Some(false) = wanted_support.filter(|_| wanted_support != support) {
        run(modify().enable_dns_support(value(false)).send())?;
    }
    Ok(())
}

impl Described for Vpc {
    fn id_filter(&self) -> &'static str {
        "vpc-id"
    }

    fn make(&self, context: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
        let found = self.find_by_token(context, &request.idempotency_token)?;
        let id = match found {
            Some(object) => object.id,
            None => {
                let answer = run(ec2(context)
                    .create_vpc()
                    .cidr_block(request.inputs.text("cidr_block")?)
                    .set_instance_tenancy(
                        request
                            .inputs
                            .optional_text("instance_tenancy")
                            .map(Tenancy::from),
                    )
                    .tag_specifications(tags::on_create(Kind::Vpc, request))
                    .send())?;
                answer
                    .vpc()
                    .and_then(|vpc| vpc.vpc_id())
                    .ok_or_else(|| incomplete("the identifier of the new VPC"))?
                    .to_owned()
            }
        };
        Ok(settled(self.settle(context, &id, &request.inputs), &id, request))
    }

    fn settle(&self, context: &Context, id: &str, wanted: &Value) -> Result<Outcome, Failure> {
        // AWS starts with DNS support on and host names off.
        set_dns(context, id, wanted, Some(true), Some(false))?;
        self.find_made(context, id).map(Outcome::Complete)
    }

    fn describe(
        &self,
        context: &Context,
        filters: Option<Vec<Filter>>,
        cursor: Option<String>,
    ) -> Result<Page, Failure> {
        let client = ec2(context);
        let answer = run(client
            .describe_vpcs()
            .set_filters(filters)
            .set_next_token(cursor)
            .max_results(PAGE)
            .send())?;
        let ids: Vec<&str> = answer.vpcs().iter().filter_map(CloudVpc::vpc_id).collect();
        if ids.is_empty() {
            return Ok(Page::default());
        }
        let groups = default_groups(context, &ids)?;
        let tables = main_tables(context, &ids)?;
        let lists = default_lists(context, &ids)?;
        let mut objects = Vec::new();
        for vpc in answer.vpcs() {
            let Some(id) = vpc.vpc_id() else { continue };
            let attribute = |name| client.describe_vpc_attribute().vpc_id(id).attribute(name).send();
            let support = run(attribute(VpcAttributeName::EnableDnsSupport))?;
            let hostnames = run(attribute(VpcAttributeName::EnableDnsHostnames))?;
            objects.push(
                object(id)
                    .set("cidr_block", vpc.cidr_block())
                    .set(
                        "instance_tenancy",
                        vpc.instance_tenancy().map(|tenancy| tenancy.as_str()),
                    )
                    .set(
                        "enable_dns_support",
                        support.enable_dns_support().and_then(|v| v.value()),
                    )
                    .set(
                        "enable_dns_hostnames",
                        hostnames.enable_dns_hostnames().and_then(|v| v.value()),
                    )
                    .private(tags::token(vpc.tags()))
                    .set("tags", tags::of(vpc.tags()))
                    .set("vpc_id", id)
                    .set("arn", ec2_arn(context, vpc.owner_id(), &format!("vpc/{id}")))
                    .set("owner_id", vpc.owner_id())
                    .set("default_security_group_id", groups.get(id).cloned())
                    .set("main_route_table_id", tables.get(id).cloned())
                    .set("default_network_acl_id", lists.get(id).cloned())
                    .build(),
            );
        }
        Ok(Page {
            objects,
            next: next(answer.next_token()),
        })
    }
}

type ByVpc = BTreeMap<String, String>;

fn default_groups(context: &Context, ids: &[&str]) -> Result<ByVpc, Failure> {
    let answer = run(ec2(context)
        .describe_security_groups()
        .filters(filter("vpc-id", ids.iter().copied()))
        .filters(filter("group-name", ["default"]))
        .send())?;
    Ok(answer
        .security_groups()
        .iter()
        .filter_map(|group| Some((group.vpc_id()?.to_owned(), group.group_id()?.to_owned())))
        .collect())
}

fn main_tables(context: &Context, ids: &[&str]) -> Result<ByVpc, Failure> {
    let answer = run(ec2(context)
        .describe_route_tables()
        .filters(filter("vpc-id", ids.iter().copied()))
        .filters(filter("association.main", ["true"]))
        .send())?;
    Ok(answer
        .route_tables()
        .iter()
        .filter_map(|table| Some((table.vpc_id()?.to_owned(), table.route_table_id()?.to_owned())))
        .collect())
}

fn default_lists(context: &Context, ids: &[&str]) -> Result<ByVpc, Failure> {
    let answer = run(ec2(context)
        .describe_network_acls()
        .filters(filter("vpc-id", ids.iter().copied()))
        .filters(filter("default", ["true"]))
        .send())?;
    Ok(answer
        .network_acls()
        .iter()
        .filter_map(|list| Some((list.vpc_id()?.to_owned(), list.network_acl_id()?.to_owned())))
        .collect())
}
