//! `aws:ec2:RouteTable`.

use aws_sdk_ec2::types::{Filter, ResourceType as Kind};
use konductor_sdk::aws::run;
use konductor_sdk::prelude::*;

use super::lookup::{Described, PAGE, Page, next, reads};
use super::tags;
use super::wait::{creates, settled};
use crate::client::{ec2, ec2_arn, incomplete};

/// Where a network's packets go.
#[derive(Debug)]
pub struct RouteTable;

impl ResourceProvider for RouteTable {
    fn resource_type(&self) -> &'static str {
        "aws:ec2:RouteTable"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        schema(
            self.resource_type(),
            "A set of routes for the subnets it is associated with. The routes are resources of their own.",
        )
        .attribute("vpc_id", text("The VPC.").required().replaces())
        .tags()
        .output("route_table_id", text("The identifier.").simulated("rtb-{hex17}"))
        .output(
            "arn",
            text("The Amazon resource name.")
                .simulated("arn:aws:ec2:{region}:{digits12}:route-table/rtb-{hex17}"),
        )
        .output("owner_id", text("The account.").simulated("{digits12}"))
        .identity(
            "rtb-0123456789abcdef0",
            "The identifier of the route table.",
            &["route_table_id"],
        )
        .batch_read()
        .example(
            "A route table",
            r"network:
  type: aws:ec2:Vpc
  properties: { cidr_block: 10.0.0.0/16 }
routes:
  type: aws:ec2:RouteTable
  properties: { vpc_id: '${network.vpc_id}' }
",
        )
        .build()
    }

    fn permissions(&self, operation: &str) -> Vec<&'static str> {
        match operation {
            "create" => vec![
                "ec2:CreateRouteTable",
                "ec2:CreateTags",
                "ec2:DescribeRouteTables",
            ],
            "update" => vec!["ec2:CreateTags", "ec2:DeleteTags", "ec2:DescribeRouteTables"],
            "delete" => vec!["ec2:DeleteRouteTable"],
            _ => vec!["ec2:DescribeRouteTables"],
        }
    }

    creates!();

    reads!();

    fn update(&self, context: &Context, request: &UpdateRequest) -> Result<Outcome, Failure> {
        tags::update(&ec2(context), &request.prior.id, request)?;
        self.find_made(context, &request.prior.id).map(Outcome::Complete)
    }

    fn delete(&self, context: &Context, request: &DeleteRequest) -> Result<Outcome, Failure> {
        run(ec2(context)
            .delete_route_table()
            .route_table_id(&request.prior.id)
            .send())?;
        Ok(Outcome::Deleted)
    }
}

impl Described for RouteTable {
    fn id_filter(&self) -> &'static str {
        "route-table-id"
    }

    fn make(&self, context: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
        if let Some(found) = self.find_by_token(context, &request.idempotency_token)? {
            return Ok(Outcome::Complete(found));
        }
        let id = run(ec2(context)
            .create_route_table()
            .vpc_id(request.inputs.text("vpc_id")?)
            .client_token(&request.idempotency_token)
            .tag_specifications(tags::on_create(Kind::RouteTable, request))
            .send())?
        .route_table()
        .and_then(|table| table.route_table_id())
        .ok_or_else(|| incomplete("the identifier of the new route table"))?
        .to_owned();
        Ok(settled(self.settle(context, &id, &request.inputs), &id, request))
    }

    fn describe(
        &self,
        context: &Context,
        filters: Option<Vec<Filter>>,
        cursor: Option<String>,
    ) -> Result<Page, Failure> {
        let answer = run(ec2(context)
            .describe_route_tables()
            .set_filters(filters)
            .set_next_token(cursor)
            .max_results(PAGE)
            .send())?;
        let objects = answer
            .route_tables()
            .iter()
            .filter_map(|table| {
                let id = table.route_table_id()?;
                Some(
                    object(id)
                        .private(tags::token(table.tags()))
                        .set("vpc_id", table.vpc_id())
                        .set("tags", tags::of(table.tags()))
                        .set("route_table_id", id)
                        .set(
                            "arn",
                            ec2_arn(context, table.owner_id(), &format!("route-table/{id}")),
                        )
                        .set("owner_id", table.owner_id())
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
