//! `aws:ec2:RouteTableAssociation`.

use aws_sdk_ec2::types::{
    RouteTableAssociation as CloudAssociation, RouteTableAssociationStateCode as State,
};

use super::described::find_all;
use super::described::prelude::*;
use super::search::filter;
use crate::client::{ec2, incomplete};

/// Makes a subnet, or a gateway, follow a route table. A change of the table leaves no moment without one.
#[derive(Clone, Resource)]
#[resource(
    type = "aws:ec2:RouteTableAssociation",
    identity = "rtbassoc-0123456789abcdef0: The identifier of the association.",
    known_as("terraform", "aws_route_table_association"),
    known_as("pulumi", "aws:ec2/routeTableAssociation:RouteTableAssociation"),
    unique("subnet_id", "gateway_id"),
    create("ec2:AssociateRouteTable"),
    update("ec2:ReplaceRouteTableAssociation"),
    delete("ec2:DisassociateRouteTable"),
    read("ec2:DescribeRouteTables"),
    example = r"# A subnet that follows a route table
network:
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
"
)]
pub struct RouteTableAssociation {
    /// The route table.
    route_table_id: String,
    /// The subnet; either this or `gateway_id`.
    #[attribute(replaces)]
    subnet_id: Option<String>,
    /// The internet gateway or virtual private gateway; either this or `subnet_id`.
    #[attribute(replaces)]
    gateway_id: Option<String>,
    /// The identifier; it changes with the table.
    #[attribute(output, identity, volatile, simulated = "rtbassoc-{hex17}")]
    association_id: Option<String>,
}

described!(untagged RouteTableAssociation: Create, Read, Delete, List, Poll);

impl Check for RouteTableAssociation {
    fn check(inputs: &Value, diagnostics: &mut Diagnostics) {
        if inputs.attribute("subnet_id").is_some() == inputs.attribute("gateway_id").is_some() {
            diagnostics.push(
                Diagnostic::error("an association takes either `subnet_id` or `gateway_id`")
                    .at(Path::attribute("subnet_id")),
            );
        }
    }
}

/// It gets another identifier.
impl Update for RouteTableAssociation {
    async fn update(context: &Context, request: Change<'_, Self>) -> Result<Made<Self>, Failure> {
        let client = ec2(context);
        let replace = client
            .replace_route_table_association()
            .association_id(request.id());
        let answer = call(replace.route_table_id(&request.inputs.route_table_id).send()).await?;
        let id = answer
            .new_association_id
            .ok_or_else(|| incomplete("the identifier of the new association"))?;
        let association_id = Some(id.clone());
        let changed = Self {
            association_id,
            ..request.inputs
        };
        Ok(Object::new(id, changed).into())
    }
}

impl Described for RouteTableAssociation {
    fn id_filter() -> String {
        "association.route-table-association-id".to_owned()
    }

    async fn make(&self, client: &Client, _: New<'_>) -> Result<Option<String>, Failure> {
        let associate = client
            .associate_route_table()
            .route_table_id(&self.route_table_id)
            .set_subnet_id(self.subnet_id.clone())
            .set_gateway_id(self.gateway_id.clone());
        match call(associate.send()).await {
            // The association that an interrupted create made is the one wanted.
            Err(failure) if failure.disposition == Disposition::AlreadyExists => {
                let mut filters = vec![filter("route-table-id", [&self.route_table_id])];
                filters.extend(
                    self.subnet_id
                        .iter()
                        .map(|id| filter("association.subnet-id", [id])),
                );
                let there: Vec<Object<Self>> = find_all(client, filters).await?;
                let same =
                    |there: &Self| there.subnet_id == self.subnet_id && there.gateway_id == self.gateway_id;
                let found = there.into_iter().find(|there| same(&there.attributes));
                found.map(|found| Some(found.id)).ok_or(failure)
            }
            answer => Ok(answer?.association_id),
        }
    }

    async fn describe(client: &Client, search: Search) -> Result<Found<Self>, Failure> {
        let answer = call(pages!(client.describe_route_tables(), search)).await?;
        let tables = answer.route_tables.unwrap_or_default();
        let associations = tables
            .into_iter()
            .flat_map(|table| table.associations.unwrap_or_default())
            .filter(|association| !association.main().unwrap_or_default() && is_there(association))
            .collect();
        Found::page(answer.next_token, Some(associations), |association| Self {
            route_table_id: association.route_table_id.unwrap_or_default(),
            subnet_id: association.subnet_id,
            gateway_id: association.gateway_id,
            association_id: association.route_table_association_id,
        })
    }

    async fn remove(client: &Client, object: Deletion<'_, Self>) -> Result<(), Failure> {
        let disassociate = client.disassociate_route_table();
        done(disassociate.association_id(object.id()).send()).await
    }
}

fn is_there(association: &CloudAssociation) -> bool {
    !matches!(
        association.association_state().and_then(|state| state.state()),
        Some(State::Disassociated | State::Disassociating | State::Failed)
    )
}
