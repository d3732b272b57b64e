//! `aws:ec2:Route`. A route is named by its table and its destination, and read with its table.

use aws_sdk_ec2::types::{Route as CloudRoute, RouteOrigin};

use super::described::find;
use super::described::prelude::*;
use konductor_sdk::typed::parts_of;

/// Where packets to a destination go. It takes one destination and one target.
#[derive(Clone, PartialEq, Resource)]
#[resource(
    type = "aws:ec2:Route",
    identity = "rtb-0123456789abcdef0_0.0.0.0/0: The identifier of the route table and the destination, joined by `_`.",
    known_as("terraform", "aws_route", "{route_table_id}_{destination_cidr_block}"),
    known_as("pulumi", "aws:ec2/route:Route", "{route_table_id}_{destination_cidr_block}"),
    unique(
        "route_table_id",
        "destination_cidr_block",
        "destination_ipv6_cidr_block",
        "destination_prefix_list_id"
    ),
    create("ec2:CreateRoute"),
    update("ec2:ReplaceRoute"),
    delete("ec2:DeleteRoute"),
    read("ec2:DescribeRouteTables"),
    example = r"# A default route to the internet
network:
  type: aws:ec2:Vpc
  properties: { cidr_block: 10.0.0.0/16 }
gateway:
  type: aws:ec2:InternetGateway
  properties: { vpc_id: '${network.vpc_id}' }
routes:
  type: aws:ec2:RouteTable
  properties: { vpc_id: '${network.vpc_id}' }
internet:
  type: aws:ec2:Route
  properties:
    route_table_id: ${routes.route_table_id}
    destination_cidr_block: 0.0.0.0/0
    gateway_id: ${gateway.internet_gateway_id}
"
)]
pub struct Route {
    /// The route table.
    #[attribute(identity, replaces)]
    route_table_id: String,
    /// The destination, as an IPv4 range.
    #[attribute(identity, replaces, format = Ipv4Cidr)]
    destination_cidr_block: Option<String>,
    /// The destination, as an IPv6 range.
    #[attribute(replaces, format = Ipv6Cidr)]
    destination_ipv6_cidr_block: Option<String>,
    /// The destination, as a prefix list.
    #[attribute(replaces)]
    destination_prefix_list_id: Option<String>,
    /// The target: an internet gateway or a virtual private gateway.
    gateway_id: Option<String>,
    /// The target: a NAT gateway.
    nat_gateway_id: Option<String>,
    /// The target: an egress-only internet gateway.
    egress_only_internet_gateway_id: Option<String>,
    /// The target: a network interface.
    network_interface_id: Option<String>,
    /// The target: a transit gateway.
    transit_gateway_id: Option<String>,
    /// The target: a gateway load balancer endpoint.
    vpc_endpoint_id: Option<String>,
    /// The target: a peering connection.
    vpc_peering_connection_id: Option<String>,
}

described!(untagged Route: Create, Read, Update, Delete, List, Poll);

/// The attributes that name a destination; exactly one is given.
const DESTINATIONS: [&str; 3] = [
    "destination_cidr_block",
    "destination_ipv6_cidr_block",
    "destination_prefix_list_id",
];
/// The attributes that name a target; exactly one is given.
const TARGETS: [&str; 7] = [
    "gateway_id",
    "nat_gateway_id",
    "egress_only_internet_gateway_id",
    "network_interface_id",
    "transit_gateway_id",
    "vpc_endpoint_id",
    "vpc_peering_connection_id",
];

impl Check for Route {
    fn check(inputs: &Value, diagnostics: &mut Diagnostics) {
        for (what, names) in [
            ("destination", DESTINATIONS.as_slice()),
            ("target", TARGETS.as_slice()),
        ] {
            let given: Vec<&str> = names
                .iter()
                .copied()
                .filter(|name| inputs.attribute(name).is_some())
                .collect();
            if given.len() != 1 {
                diagnostics.push(
                    Diagnostic::error(match given.as_slice() {
                        [] => format!("the route has no {what}"),
                        _ => format!("the route has {} {what}s: `{}`", given.len(), given.join("`, `")),
                    })
                    .detail(format!("expected one of `{}`", names.join("`, `"))),
                );
            }
        }
    }
}

impl Import for Route {
    fn import_id(id: &str) -> Result<String, Failure> {
        parts_of::<2>(id, '_', "ROUTE_TABLE_DESTINATION").map(|_| id.to_owned())
    }
}

/// Puts table and destination into a request.
macro_rules! to {
    ($route:expr, $request:expr) => {
        $request
            .route_table_id(&$route.route_table_id)
            .set_destination_cidr_block($route.destination_cidr_block.clone())
            .set_destination_ipv6_cidr_block($route.destination_ipv6_cidr_block.clone())
            .set_destination_prefix_list_id($route.destination_prefix_list_id.clone())
    };
}

/// Puts table, destination and target into a request.
macro_rules! whole {
    ($route:expr, $request:expr) => {
        to!($route, $request)
            .set_gateway_id($route.gateway_id.clone())
            .set_nat_gateway_id($route.nat_gateway_id.clone())
            .set_egress_only_internet_gateway_id($route.egress_only_internet_gateway_id.clone())
            .set_network_interface_id($route.network_interface_id.clone())
            .set_transit_gateway_id($route.transit_gateway_id.clone())
            .set_vpc_endpoint_id($route.vpc_endpoint_id.clone())
            .set_vpc_peering_connection_id($route.vpc_peering_connection_id.clone())
    };
}

impl Route {
    fn id(&self) -> Option<String> {
        let destination = self
            .destination_cidr_block
            .as_ref()
            .or(self.destination_ipv6_cidr_block.as_ref())
            .or(self.destination_prefix_list_id.as_ref())?;
        Some(format!("{}_{destination}", self.route_table_id))
    }

    fn of(table: &str, route: CloudRoute) -> Self {
        // The API names endpoints of a gateway load balancer in the field for gateways.
        let (endpoint, gateway) = match route.gateway_id {
            Some(id) if id.starts_with("vpce-") => (Some(id), None),
            gateway => (None, gateway),
        };
        Self {
            route_table_id: table.to_owned(),
            destination_cidr_block: route.destination_cidr_block,
            destination_ipv6_cidr_block: route.destination_ipv6_cidr_block,
            destination_prefix_list_id: route.destination_prefix_list_id,
            gateway_id: gateway,
            nat_gateway_id: route.nat_gateway_id,
            egress_only_internet_gateway_id: route.egress_only_internet_gateway_id,
            network_interface_id: route.network_interface_id,
            transit_gateway_id: route.transit_gateway_id,
            vpc_endpoint_id: endpoint,
            vpc_peering_connection_id: route.vpc_peering_connection_id,
        }
    }
}

/// Tells whether somebody made a route; those a table comes with are not managed.
fn is_made(route: &CloudRoute) -> bool {
    route.origin() != Some(&RouteOrigin::CreateRouteTable) && route.gateway_id() != Some("local")
}

impl Described for Route {
    fn id_filter() -> String {
        "route-table-id".to_owned()
    }

    fn filter_value(id: &str) -> &str {
        id.split_once('_').map_or(id, |(table, _)| table)
    }

    fn object(self) -> Option<Object<Self>> {
        Some(Object::new(self.id()?, self))
    }

    async fn make(&self, client: &Client, _: New<'_>) -> Result<Option<String>, Failure> {
        let id = self.id();
        let create = whole!(self, client.create_route());
        match (done(create.send()).await, &id) {
            // The route that an interrupted create made is the one wanted; any other belongs to somebody else.
            (Err(failure), Some(id)) if failure.disposition == Disposition::AlreadyExists => {
                let there: Option<Object<Self>> = find(client, id).await?;
                let wanted = there.filter(|there| there.attributes == *self);
                wanted.map(|there| Some(there.id)).ok_or(failure)
            }
            (answer, _) => answer.map(|()| id),
        }
    }

    /// A route may take a moment to show; then what was asked for is what there is.
    async fn settle(&self, client: &Client, id: &str) -> Result<Made<Self>, Failure> {
        let shown = find(client, id).await?;
        Ok(shown.unwrap_or_else(|| Object::new(id, self.clone())).into())
    }

    async fn describe(client: &Client, search: Search) -> Result<Found<Self>, Failure> {
        let answer = call(pages!(client.describe_route_tables(), search)).await?;
        let tables = answer.route_tables.unwrap_or_default();
        let routes = tables.into_iter().flat_map(|table| {
            let id = table.route_table_id.unwrap_or_default();
            let routes = table.routes.unwrap_or_default().into_iter().filter(is_made);
            routes.map(move |route| Self::of(&id, route))
        });
        Found::page(answer.next_token, Some(routes.collect()), |route| route)
    }

    async fn change(&self, client: &Client, _: &str, _: &Self) -> Result<Option<&'static str>, Failure> {
        done(whole!(self, client.replace_route()).send()).await?;
        Ok(None)
    }

    async fn remove(client: &Client, object: Deletion<'_, Self>) -> Result<(), Failure> {
        let route = object.prior()?;
        done(to!(route, client.delete_route()).send()).await
    }
}
