use super::described::prelude::*;

/// A set of routes for the subnets it is associated with. The routes are resources of their own.
#[derive(Clone, Resource)]
#[resource(
    type = "aws:ec2:RouteTable",
    identity = "rtb-0123456789abcdef0: The identifier of the route table.",
    known_as("terraform", "aws_route_table"),
    known_as("pulumi", "aws:ec2/routeTable:RouteTable"),
    create("ec2:CreateRouteTable"),
    delete("ec2:DeleteRouteTable"),
    read("ec2:DescribeRouteTables"),
    behaviour = described,
    example = r"# A route table
network:
  type: aws:ec2:Vpc
  properties: { cidr_block: 10.0.0.0/16 }
routes:
  type: aws:ec2:RouteTable
  properties: { vpc_id: '${network.vpc_id}' }
"
)]
pub struct RouteTable {
    /// The VPC.
    #[attribute(replaces)]
    vpc_id: String,
    #[attribute(tags)]
    tags: Tags,
    /// The identifier.
    #[attribute(output, identity, simulated = "rtb-{hex17}")]
    route_table_id: Option<String>,
    /// The Amazon resource name.
    #[attribute(output, simulated = "arn:aws:ec2:{region}:{digits12}:route-table/rtb-{hex17}")]
    arn: Option<String>,
    /// The account.
    #[attribute(output, simulated = "{digits12}")]
    owner_id: Option<String>,
}

impl Described for RouteTable {
    async fn make(&self, client: &Client, new: New<'_>) -> Result<Option<String>, Failure> {
        let create = client.create_route_table().vpc_id(&self.vpc_id);
        let answer = call(create.client_token(new.token).tag_specifications(new.tags).send()).await?;
        Ok(answer.route_table.and_then(|table| table.route_table_id))
    }

    async fn describe(client: &Client, search: Search) -> Result<Found<Self>, Failure> {
        let answer = call(pages!(client.describe_route_tables(), search)).await?;
        Found::page(answer.next_token, answer.route_tables, |table| Self {
            arn: arn(client, "route-table", &table.route_table_id, &table.owner_id),
            vpc_id: table.vpc_id.unwrap_or_default(),
            tags: table.tags.into(),
            route_table_id: table.route_table_id,
            owner_id: table.owner_id,
        })
    }

    async fn remove(client: &Client, object: Deletion<'_, Self>) -> Result<(), Failure> {
        done(client.delete_route_table().route_table_id(object.id()).send()).await
    }
}
