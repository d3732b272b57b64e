//! `aws:ec2:Subnet`.

use aws_sdk_ec2::types::{AttributeBooleanValue, Filter, ResourceType as Kind};
use konductor_sdk::aws::run;
use konductor_sdk::prelude::*;

use super::lookup::{Described, PAGE, Page, next, reads};
use super::tags;
use super::uniqueness::delete_first_unless_changed;
use super::wait::{creates, settled};
use crate::client::{ec2, incomplete};

/// A part of a virtual network in one availability zone.
#[derive(Debug)]
pub struct Subnet;

impl ResourceProvider for Subnet {
    fn resource_type(&self) -> &'static str {
        "aws:ec2:Subnet"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        schema(
            self.resource_type(),
            "A part of a VPC's address range, in one availability zone.",
        )
        .attribute("vpc_id", text("The VPC.").required().replaces())
        .attribute(
            "cidr_block",
            text("The IPv4 range, inside the VPC's and from /16 to /28.")
                .format(TextFormat::Ipv4Cidr)
                .required()
                .replaces(),
        )
        .attribute(
            "availability_zone",
            text("The availability zone, for example `us-west-2a`; Amazon chooses one if it is not given.")
                .computed()
                .replaces()
                .simulated("{region}a"),
        )
        .attribute(
            "map_public_ip_on_launch",
            boolean("Whether instances started here get a public address.").default(false),
        )
        .tags()
        .output("subnet_id", text("The identifier.").simulated("subnet-{hex17}"))
        .output(
            "arn",
            text("The Amazon resource name.")
                .simulated("arn:aws:ec2:{region}:{digits12}:subnet/subnet-{hex17}"),
        )
        .output("owner_id", text("The account.").simulated("{digits12}"))
        .identity(
            "subnet-0123456789abcdef0",
            "The identifier of the subnet.",
            &["subnet_id"],
        )
        .batch_read()
        .example(
            "A subnet of a network",
            r"network:
  type: aws:ec2:Vpc
  properties: { cidr_block: 10.0.0.0/16 }
private:
  type: aws:ec2:Subnet
  properties:
    vpc_id: ${network.vpc_id}
    cidr_block: 10.0.1.0/24
    tags: { Name: private }
",
        )
        .build()
    }

    fn refine_plan(&self, _request: &PlanRequest, plan: &mut PlanResponse) {
        // Ranges of one VPC cannot overlap.
        delete_first_unless_changed(plan, &["vpc_id", "cidr_block"]);
    }

    fn permissions(&self, operation: &str) -> Vec<&'static str> {
        match operation {
            "create" => vec![
                "ec2:CreateSubnet",
                "ec2:CreateTags",
                "ec2:ModifySubnetAttribute",
                "ec2:DescribeSubnets",
            ],
            "update" => vec![
                "ec2:ModifySubnetAttribute",
                "ec2:CreateTags",
                "ec2:DeleteTags",
                "ec2:DescribeSubnets",
            ],
            "delete" => vec!["ec2:DeleteSubnet"],
            _ => vec!["ec2:DescribeSubnets"],
        }
    }

    creates!();

    reads!();

    fn update(&self, context: &Context, request: &UpdateRequest) -> Result<Outcome, Failure> {
        let id = &request.prior.id;
        let present = request.prior.attributes.boolean("map_public_ip_on_launch");
        set_public(context, id, &request.inputs, present)?;
        tags::update(&ec2(context), id, request)?;
        self.find_made(context, id).map(Outcome::Complete)
    }

    fn delete(&self, context: &Context, request: &DeleteRequest) -> Result<Outcome, Failure> {
        run(ec2(context).delete_subnet().subnet_id(&request.prior.id).send())?;
        Ok(Outcome::Deleted)
    }
}

fn set_public(context: &Context, id: &str, inputs: &Value, present: bool) -> Result<(), Failure> {
    let wanted = inputs.boolean("map_public_ip_on_launch");
    if wanted != present {
        run(ec2(context)
            .modify_subnet_attribute()
            .subnet_id(id)
            .map_public_ip_on_launch(AttributeBooleanValue::builder().value(wanted).build())
            .send())?;
    }
    Ok(())
}

impl Described for Subnet {
    fn id_filter(&self) -> &'static str {
        "subnet-id"
    }

    fn make(&self, context: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
        let inputs = &request.inputs;
        let id = match self.find_by_token(context, &request.idempotency_token)? {
            Some(found) => found.id,
            None => run(ec2(context)
                .create_subnet()
                .vpc_id(inputs.text("vpc_id")?)
                .cidr_block(inputs.text("cidr_block")?)
                .set_availability_zone(inputs.owned_text("availability_zone"))
                .tag_specifications(tags::on_create(Kind::Subnet, request))
                .send())?
            .subnet()
            .and_then(|subnet| subnet.subnet_id())
            .ok_or_else(|| incomplete("the identifier of the new subnet"))?
            .to_owned(),
        };
        Ok(settled(self.settle(context, &id, inputs), &id, request))
    }

    fn settle(&self, context: &Context, id: &str, wanted: &Value) -> Result<Outcome, Failure> {
        set_public(context, id, wanted, false)?;
        self.find_made(context, id).map(Outcome::Complete)
    }

    fn describe(
        &self,
        context: &Context,
        filters: Option<Vec<Filter>>,
        cursor: Option<String>,
    ) -> Result<Page, Failure> {
        let answer = run(ec2(context)
            .describe_subnets()
            .set_filters(filters)
            .set_next_token(cursor)
            .max_results(PAGE)
            .send())?;
        let objects = answer
            .subnets()
            .iter()
            .filter_map(|subnet| {
                let id = subnet.subnet_id()?;
                Some(
                    object(id)
                        .private(tags::token(subnet.tags()))
                        .set("vpc_id", subnet.vpc_id())
                        .set("cidr_block", subnet.cidr_block())
                        .set("availability_zone", subnet.availability_zone())
                        .set("map_public_ip_on_launch", subnet.map_public_ip_on_launch())
                        .set("tags", tags::of(subnet.tags()))
                        .set("subnet_id", id)
                        .set("arn", subnet.subnet_arn())
                        .set("owner_id", subnet.owner_id())
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
