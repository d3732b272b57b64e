//! `aws:ec2:ElasticIp`.

use aws_sdk_ec2::types::{DomainType, Filter, ResourceType as Kind};
use konductor_sdk::aws::run;
use konductor_sdk::prelude::*;

use super::lookup::{Described, Page, reads};
use super::tags;
use super::wait::{creates, settled};
use crate::client::{ec2, incomplete};

/// A public address that stays the same.
#[derive(Debug)]
pub struct ElasticIp;

impl ResourceProvider for ElasticIp {
    fn resource_type(&self) -> &'static str {
        "aws:ec2:ElasticIp"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        schema(self.resource_type(), "A public IPv4 address that stays the same.")
            .tags()
            .output(
                "allocation_id",
                text("The identifier.").simulated("eipalloc-{hex17}"),
            )
            .output("public_ip", text("The address.").simulated("203.0.113.10"))
            .identity(
                "eipalloc-0123456789abcdef0",
                "The allocation identifier of the address.",
                &["allocation_id"],
            )
            .batch_read()
            .example(
                "An address",
                "address:\n  type: aws:ec2:ElasticIp\n  properties:\n    tags: { Name: nat }\n",
            )
            .build()
    }

    fn permissions(&self, operation: &str) -> Vec<&'static str> {
        match operation {
            "create" => vec!["ec2:AllocateAddress", "ec2:CreateTags", "ec2:DescribeAddresses"],
            "update" => vec!["ec2:CreateTags", "ec2:DeleteTags", "ec2:DescribeAddresses"],
            "delete" => vec!["ec2:ReleaseAddress"],
            _ => vec!["ec2:DescribeAddresses"],
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
            .release_address()
            .allocation_id(&request.prior.id)
            .send())?;
        Ok(Outcome::Deleted)
    }
}

impl Described for ElasticIp {
    fn id_filter(&self) -> &'static str {
        "allocation-id"
    }

    fn make(&self, context: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
        if let Some(found) = self.find_by_token(context, &request.idempotency_token)? {
            return Ok(Outcome::Complete(found));
        }
        let id = run(ec2(context)
            .allocate_address()
            .domain(DomainType::Vpc)
            .tag_specifications(tags::on_create(Kind::ElasticIp, request))
            .send())?
        .allocation_id()
        .ok_or_else(|| incomplete("the identifier of the new address"))?
        .to_owned();
        Ok(settled(self.settle(context, &id, &request.inputs), &id, request))
    }

    /// The API has no pages.
    fn describe(
        &self,
        context: &Context,
        filters: Option<Vec<Filter>>,
        _cursor: Option<String>,
    ) -> Result<Page, Failure> {
        let answer = run(ec2(context).describe_addresses().set_filters(filters).send())?;
        let objects = answer
            .addresses()
            .iter()
            .filter_map(|address| {
                let id = address.allocation_id()?;
                Some(
                    object(id)
                        .private(tags::token(address.tags()))
                        .set("tags", tags::of(address.tags()))
                        .set("allocation_id", id)
                        .set("public_ip", address.public_ip())
                        .build(),
                )
            })
            .collect();
        Ok(Page { objects, next: None })
    }
}
