//! `aws:ec2:InternetGateway`, with its attachment to a VPC.

use aws_sdk_ec2::types::{Filter, ResourceType as Kind};
use konductor_sdk::aws::run;
use konductor_sdk::prelude::*;

use super::lookup::{Described, PAGE, Page, next, reads};
use super::tags;
use super::uniqueness::delete_first_unless_changed;
use super::wait::{creates, settled};
use crate::client::{ec2, ec2_arn, incomplete};

/// The way between a virtual network and the internet.
#[derive(Debug)]
pub struct InternetGateway;

impl ResourceProvider for InternetGateway {
    fn resource_type(&self) -> &'static str {
        "aws:ec2:InternetGateway"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        schema(
            self.resource_type(),
            "The way between a VPC and the internet. A VPC has at most one.",
        )
        .attribute(
            "vpc_id",
            text("The VPC it is attached to; without one it stands alone."),
        )
        .tags()
        .output(
            "internet_gateway_id",
            text("The identifier.").simulated("igw-{hex17}"),
        )
        .output(
            "arn",
            text("The Amazon resource name.")
                .simulated("arn:aws:ec2:{region}:{digits12}:internet-gateway/igw-{hex17}"),
        )
        .output("owner_id", text("The account.").simulated("{digits12}"))
        .identity(
            "igw-0123456789abcdef0",
            "The identifier of the internet gateway.",
            &["internet_gateway_id"],
        )
        .batch_read()
        .example(
            "A gateway attached to a network",
            r"network:
  type: aws:ec2:Vpc
  properties: { cidr_block: 10.0.0.0/16 }
gateway:
  type: aws:ec2:InternetGateway
  properties: { vpc_id: '${network.vpc_id}' }
",
        )
        .build()
    }

    fn refine_plan(&self, _request: &PlanRequest, plan: &mut PlanResponse) {
        // A VPC has one internet gateway.
        delete_first_unless_changed(plan, &["vpc_id"]);
    }

    fn permissions(&self, operation: &str) -> Vec<&'static str> {
        match operation {
            "create" => vec![
                "ec2:CreateInternetGateway",
                "ec2:CreateTags",
                "ec2:AttachInternetGateway",
                "ec2:DescribeInternetGateways",
            ],
            "update" => vec![
                "ec2:AttachInternetGateway",
                "ec2:DetachInternetGateway",
                "ec2:CreateTags",
                "ec2:DeleteTags",
                "ec2:DescribeInternetGateways",
            ],
            "delete" => vec!["ec2:DetachInternetGateway", "ec2:DeleteInternetGateway"],
            _ => vec!["ec2:DescribeInternetGateways"],
        }
    }

    creates!();

    reads!();

    fn update(&self, context: &Context, request: &UpdateRequest) -> Result<Outcome, Failure> {
        let id = &request.prior.id;
        move_to(
            context,
            id,
            request.prior.attributes.optional_text("vpc_id"),
            request.inputs.optional_text("vpc_id"),
        )?;
        tags::update(&ec2(context), id, request)?;
        self.find_made(context, id).map(Outcome::Complete)
    }

    fn delete(&self, context: &Context, request: &DeleteRequest) -> Result<Outcome, Failure> {
        let id = &request.prior.id;
        move_to(
            context,
            id,
            request.prior.attributes.optional_text("vpc_id"),
            None,
        )?;
        run(ec2(context)
            .delete_internet_gateway()
            .internet_gateway_id(id)
            .send())?;
        Ok(Outcome::Deleted)
    }
}

/// Moves a gateway from one VPC, or none, to another, or none.
fn move_to(context: &Context, id: &str, present: Option<&str>, wanted: Option<&str>) -> Result<(), Failure> {
    if present == wanted {
        return Ok(());
    }
    let client = ec2(context);
    if let Some(vpc) = present {
        match run(client
            .detach_internet_gateway()
            .internet_gateway_id(id)
            .vpc_id(vpc)
            .send())
        {
            Err(failure) if failure.disposition != Disposition::NotFound => return Err(failure),
            _ => {}
        }
    }
    if let Some(vpc) = wanted {
        run(client
            .attach_internet_gateway()
            .internet_gateway_id(id)
            .vpc_id(vpc)
            .send())?;
    }
    Ok(())
}

impl Described for InternetGateway {
    fn id_filter(&self) -> &'static str {
        "internet-gateway-id"
    }

    fn make(&self, context: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
        let id = match self.find_by_token(context, &request.idempotency_token)? {
            Some(found) => found.id,
            None => run(ec2(context)
                .create_internet_gateway()
                .tag_specifications(tags::on_create(Kind::InternetGateway, request))
                .send())?
            .internet_gateway()
            .and_then(|gateway| gateway.internet_gateway_id())
            .ok_or_else(|| incomplete("the identifier of the new internet gateway"))?
            .to_owned(),
        };
        Ok(settled(self.settle(context, &id, &request.inputs), &id, request))
    }

    fn settle(&self, context: &Context, id: &str, wanted: &Value) -> Result<Outcome, Failure> {
        let present = self.find_made(context, id)?;
        let (from, to) = (
            present.attributes.optional_text("vpc_id"),
            wanted.optional_text("vpc_id"),
        );
        if from == to {
            return Ok(Outcome::Complete(present));
        }
        move_to(context, id, from, to)?;
        self.find_made(context, id).map(Outcome::Complete)
    }

    fn describe(
        &self,
        context: &Context,
        filters: Option<Vec<Filter>>,
        cursor: Option<String>,
    ) -> Result<Page, Failure> {
        let answer = run(ec2(context)
            .describe_internet_gateways()
            .set_filters(filters)
            .set_next_token(cursor)
            .max_results(PAGE)
            .send())?;
        let objects = answer
            .internet_gateways()
            .iter()
            .filter_map(|gateway| {
                let id = gateway.internet_gateway_id()?;
                let attached = gateway.attachments().first().and_then(|a| a.vpc_id());
                Some(
                    object(id)
                        .private(tags::token(gateway.tags()))
                        .set("vpc_id", attached)
                        .set("tags", tags::of(gateway.tags()))
                        .set("internet_gateway_id", id)
                        .set(
                            "arn",
                            ec2_arn(context, gateway.owner_id(), &format!("internet-gateway/{id}")),
                        )
                        .set("owner_id", gateway.owner_id())
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
