//! `aws:ec2:RouteTableAssociation`.

use aws_sdk_ec2::types::{
    Filter, RouteTableAssociation as CloudAssociation, RouteTableAssociationStateCode as State,
};
use konductor_sdk::aws::run;
use konductor_sdk::prelude::*;

use super::lookup::{Described, PAGE, Page, filter, next, reads};
use super::uniqueness::delete_first_unless_changed;
use crate::client::{ec2, incomplete};

/// Which route table a subnet follows.
#[derive(Debug)]
pub struct RouteTableAssociation;

impl ResourceProvider for RouteTableAssociation {
    fn resource_type(&self) -> &'static str {
        "aws:ec2:RouteTableAssociation"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        schema(
            self.resource_type(),
            "Makes a subnet, or a gateway, follow a route table. A change of the table leaves no moment without one.",
        )
        .attribute("route_table_id", text("The route table.").required())
        .attribute("subnet_id", text("The subnet; either this or `gateway_id`.").replaces())
        .attribute(
            "gateway_id",
            text("The internet gateway or virtual private gateway; either this or `subnet_id`.").replaces(),
        )
        .output(
            "association_id",
            text("The identifier; it changes with the table.")
                .volatile()
                .simulated("rtbassoc-{hex17}"),
        )
        .identity(
            "rtbassoc-0123456789abcdef0",
            "The identifier of the association.",
            &["association_id"],
        )
        .batch_read()
        .example(
            "A subnet that follows a route table",
            r"network:
  type: aws:ec2:Vpc
  properties: { cidr_block: 10.0.0.0/16 }
public:
  type: aws:ec2:Subnet
  properties: { vpc_id: '${network.vpc_id}', cidr_block: 10.0.0.0/24 }
routes:
  type: aws:ec2:RouteTable
  properties: { vpc_id: '${network.vpc_id}' }
public-routes:
  type: aws:ec2:RouteTableAssociation
  properties:
    route_table_id: ${routes.route_table_id}
    subnet_id: ${public.subnet_id}
",
        )
        .build()
    }

    fn check(&self, inputs: &Value, diagnostics: &mut Diagnostics) {
        if inputs.attribute("subnet_id").is_some() == inputs.attribute("gateway_id").is_some() {
            diagnostics.push(
                Diagnostic::error("an association takes either `subnet_id` or `gateway_id`")
                    .at(Path::attribute("subnet_id")),
            );
        }
    }

    fn refine_plan(&self, _request: &PlanRequest, plan: &mut PlanResponse) {
        // A subnet follows one table.
        delete_first_unless_changed(plan, &["subnet_id", "gateway_id"]);
    }

    fn permissions(&self, operation: &str) -> Vec<&'static str> {
        match operation {
            "create" => vec!["ec2:AssociateRouteTable", "ec2:DescribeRouteTables"],
            "update" => vec!["ec2:ReplaceRouteTableAssociation", "ec2:DescribeRouteTables"],
            "delete" => vec!["ec2:DisassociateRouteTable"],
            _ => vec!["ec2:DescribeRouteTables"],
        }
    }

    fn create(&self, context: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
        let inputs = &request.inputs;
        let table = inputs.text("route_table_id")?;
        let made = run(ec2(context)
            .associate_route_table()
            .route_table_id(table)
            .set_subnet_id(inputs.owned_text("subnet_id"))
            .set_gateway_id(inputs.owned_text("gateway_id"))
            .send());
        match made {
            Ok(answer) => {
                let id = answer
                    .association_id()
                    .ok_or_else(|| incomplete("the identifier of the new association"))?;
                Ok(Outcome::Complete(
                    object(id).extend(inputs).set("association_id", id).build(),
                ))
            }
            Err(failure) if failure.disposition == Disposition::AlreadyExists => {
                let mut filters = vec![filter("route-table-id", [table])];
                if let Some(subnet) = inputs.optional_text("subnet_id") {
                    filters.push(filter("association.subnet-id", [subnet]));
                }
                self.describe_all(context, filters)?
                    .into_iter()
                    .find(|found| {
                        ["subnet_id", "gateway_id"]
                            .iter()
                            .all(|name| found.attributes.optional_text(name) == inputs.optional_text(name))
                    })
                    .map(Outcome::Complete)
                    .ok_or(failure)
            }
            Err(failure) => Err(failure),
        }
    }

    reads!();

    fn update(&self, context: &Context, request: &UpdateRequest) -> Result<Outcome, Failure> {
        let answer = run(ec2(context)
            .replace_route_table_association()
            .association_id(&request.prior.id)
            .route_table_id(request.inputs.text("route_table_id")?)
            .send())?;
        let id = answer
            .new_association_id()
            .ok_or_else(|| incomplete("the identifier of the new association"))?;
        Ok(Outcome::Complete(
            object(id)
                .extend(&request.inputs)
                .set("association_id", id)
                .build(),
        ))
    }

    fn delete(&self, context: &Context, request: &DeleteRequest) -> Result<Outcome, Failure> {
        run(ec2(context)
            .disassociate_route_table()
            .association_id(&request.prior.id)
            .send())?;
        Ok(Outcome::Deleted)
    }
}

impl Described for RouteTableAssociation {
    fn id_filter(&self) -> &'static str {
        "association.route-table-association-id"
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
            .flat_map(|table| table.associations())
            .filter(|association| !association.main().unwrap_or_default() && is_there(association))
            .filter_map(|association| {
                let id = association.route_table_association_id()?;
                Some(
                    object(id)
                        .set("route_table_id", association.route_table_id())
                        .set("subnet_id", association.subnet_id())
                        .set("gateway_id", association.gateway_id())
                        .set("association_id", id)
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

fn is_there(association: &CloudAssociation) -> bool {
    !matches!(
        association.association_state().and_then(|state| state.state()),
        Some(State::Disassociated | State::Disassociating | State::Failed)
    )
}
