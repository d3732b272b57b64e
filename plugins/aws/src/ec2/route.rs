//! `aws:ec2:Route`. A route is named by its table and its destination.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Route as CloudRoute, RouteOrigin, RouteTable as CloudRouteTable};
use konductor_sdk::aws::run;
use konductor_sdk::prelude::*;
use konductor_sdk::resource::ReadResult;

use super::lookup::next;
use super::search::{PAGE, filter};
use super::uniqueness::delete_first_unless_changed;
use crate::client::ec2;

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

/// Where packets to a destination go.
#[derive(Debug)]
pub struct Route;

impl ResourceProvider for Route {
    fn resource_type(&self) -> &'static str {
        "aws:ec2:Route"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        schema(
            self.resource_type(),
            "Where packets to a destination go. It takes one destination and one target.",
        )
        .attribute("route_table_id", text("The route table.").required().replaces())
        .attribute(
            "destination_cidr_block",
            text("The destination, as an IPv4 range.")
                .format(TextFormat::Ipv4Cidr)
                .replaces(),
        )
        .attribute(
            "destination_ipv6_cidr_block",
            text("The destination, as an IPv6 range.")
                .format(TextFormat::Ipv6Cidr)
                .replaces(),
        )
        .attribute(
            "destination_prefix_list_id",
            text("The destination, as a prefix list.").replaces(),
        )
        .attribute(
            "gateway_id",
            text("The target: an internet gateway or a virtual private gateway."),
        )
        .attribute("nat_gateway_id", text("The target: a NAT gateway."))
        .attribute(
            "egress_only_internet_gateway_id",
            text("The target: an egress-only internet gateway."),
        )
        .attribute("network_interface_id", text("The target: a network interface."))
        .attribute("transit_gateway_id", text("The target: a transit gateway."))
        .attribute(
            "vpc_endpoint_id",
            text("The target: a gateway load balancer endpoint."),
        )
        .attribute(
            "vpc_peering_connection_id",
            text("The target: a peering connection."),
        )
        .identity(
            "rtb-0123456789abcdef0_0.0.0.0/0",
            "The identifier of the route table and the destination, joined by `_`.",
            &["route_table_id", "destination_cidr_block"],
        )
        .batch_read()
        .example(
            "A default route to the internet",
            r"network:
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
",
        )
        .build()
    }

    fn check(&self, inputs: &Value, diagnostics: &mut Diagnostics) {
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

    fn refine_plan(&self, _request: &PlanRequest, plan: &mut PlanResponse) {
        // A table has one route to a destination.
        delete_first_unless_changed(
            plan,
            &[
                "route_table_id",
                "destination_cidr_block",
                "destination_ipv6_cidr_block",
                "destination_prefix_list_id",
            ],
        );
    }

    fn permissions(&self, operation: &str) -> Vec<&'static str> {
        match operation {
            "create" => vec!["ec2:CreateRoute", "ec2:DescribeRouteTables"],
            "update" => vec!["ec2:ReplaceRoute", "ec2:DescribeRouteTables"],
            "delete" => vec!["ec2:DeleteRoute"],
            _ => vec!["ec2:DescribeRouteTables"],
        }
    }

    fn create(&self, context: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
        let inputs = &request.inputs;
        let id = identifier(inputs)?;
        let made = run(ec2(context)
            .create_route()
            .route_table_id(inputs.text("route_table_id")?)
            .set_destination_cidr_block(inputs.owned_text("destination_cidr_block"))
            .set_destination_ipv6_cidr_block(inputs.owned_text("destination_ipv6_cidr_block"))
            .set_destination_prefix_list_id(inputs.owned_text("destination_prefix_list_id"))
            .set_gateway_id(inputs.owned_text("gateway_id"))
            .set_nat_gateway_id(inputs.owned_text("nat_gateway_id"))
            .set_egress_only_internet_gateway_id(inputs.owned_text("egress_only_internet_gateway_id"))
            .set_network_interface_id(inputs.owned_text("network_interface_id"))
            .set_transit_gateway_id(inputs.owned_text("transit_gateway_id"))
            .set_vpc_endpoint_id(inputs.owned_text("vpc_endpoint_id"))
            .set_vpc_peering_connection_id(inputs.owned_text("vpc_peering_connection_id"))
            .send());
        match made {
            Err(failure) if failure.disposition == Disposition::AlreadyExists => {
                // The route that an interrupted create made is the one wanted; any other belongs to somebody else.
                match find(context, &id)? {
                    Some(found) if same_target(&found.attributes, inputs) => Ok(Outcome::Complete(found)),
                    _ => Err(failure),
                }
            }
            Err(failure) => Err(failure),
            Ok(_) => Ok(Outcome::Complete(found_or(context, &id, inputs)?)),
        }
    }

    fn read(&self, context: &Context, request: &ReadRequest) -> Result<Option<ObjectState>, Failure> {
        find(context, &request.id)
    }

    fn read_many(&self, context: &Context, requests: &[ReadRequest]) -> Result<Vec<ReadResult>, Failure> {
        let mut tables: Vec<&str> = requests
            .iter()
            .filter_map(|request| Some(request.id.split_once('_')?.0))
            .collect();
        tables.sort_unstable();
        tables.dedup();
        let mut found = BTreeMap::new();
        for chunk in tables.chunks(200) {
            for object in routes(context, chunk)? {
                found.insert(object.id.clone(), object);
            }
        }
        Ok(requests
            .iter()
            .map(|request| Ok(found.get(&request.id).cloned()))
            .collect())
    }

    fn list(&self, context: &Context, request: &ListRequest) -> Result<Listed, Failure> {
        let tables = request.filter.text_list("route_table_id");
        let answer = run(ec2(context)
            .describe_route_tables()
            .set_filters((!tables.is_empty()).then(|| vec![filter("route-table-id", tables)]))
            .set_next_token(request.cursor.clone())
            .max_results(PAGE)
            .send())?;
        Ok(Listed {
            objects: answer.route_tables().iter().flat_map(routes_of).collect(),
            next_cursor: next(answer.next_token()),
        })
    }

    fn update(&self, context: &Context, request: &UpdateRequest) -> Result<Outcome, Failure> {
        let inputs = &request.inputs;
        run(ec2(context)
            .replace_route()
            .route_table_id(inputs.text("route_table_id")?)
            .set_destination_cidr_block(inputs.owned_text("destination_cidr_block"))
            .set_destination_ipv6_cidr_block(inputs.owned_text("destination_ipv6_cidr_block"))
            .set_destination_prefix_list_id(inputs.owned_text("destination_prefix_list_id"))
            .set_gateway_id(inputs.owned_text("gateway_id"))
            .set_nat_gateway_id(inputs.owned_text("nat_gateway_id"))
            .set_egress_only_internet_gateway_id(inputs.owned_text("egress_only_internet_gateway_id"))
            .set_network_interface_id(inputs.owned_text("network_interface_id"))
            .set_transit_gateway_id(inputs.owned_text("transit_gateway_id"))
            .set_vpc_endpoint_id(inputs.owned_text("vpc_endpoint_id"))
            .set_vpc_peering_connection_id(inputs.owned_text("vpc_peering_connection_id"))
            .send())?;
        found_or(context, &request.prior.id, inputs).map(Outcome::Complete)
    }

    fn delete(&self, context: &Context, request: &DeleteRequest) -> Result<Outcome, Failure> {
        let prior = &request.prior.attributes;
        run(ec2(context)
            .delete_route()
            .route_table_id(prior.text("route_table_id")?)
            .set_destination_cidr_block(prior.owned_text("destination_cidr_block"))
            .set_destination_ipv6_cidr_block(prior.owned_text("destination_ipv6_cidr_block"))
            .set_destination_prefix_list_id(prior.owned_text("destination_prefix_list_id"))
            .send())?;
        Ok(Outcome::Deleted)
    }
}

fn identifier(attributes: &Value) -> Result<String, Failure> {
    let destination = DESTINATIONS
        .iter()
        .find_map(|name| attributes.optional_text(name))
        .ok_or_else(|| Failure::new(Disposition::Invalid, "the route has no destination"))?;
    Ok(format!("{}_{destination}", attributes.text("route_table_id")?))
}

fn same_target(found: &Value, wanted: &Value) -> bool {
    TARGETS
        .iter()
        .all(|name| found.optional_text(name) == wanted.optional_text(name))
}

fn find(context: &Context, id: &str) -> Result<Option<ObjectState>, Failure> {
    let Some((table, _)) = id.split_once('_') else {
        return Ok(None);
    };
    Ok(routes(context, &[table])?
        .into_iter()
        .find(|route| route.id == id))
}

/// Reads a route after it was set. It may take a moment to show; then what was asked for is what there is.
fn found_or(context: &Context, id: &str, inputs: &Value) -> Result<ObjectState, Failure> {
    Ok(find(context, id)?.unwrap_or_else(|| object(id).extend(inputs).build()))
}

fn routes(context: &Context, tables: &[&str]) -> Result<Vec<ObjectState>, Failure> {
    let mut found = Vec::new();
    let mut cursor = None;
    loop {
        let answer = run(ec2(context)
            .describe_route_tables()
            .filters(filter("route-table-id", tables.iter().copied()))
            .set_next_token(cursor)
            .max_results(PAGE)
            .send())?;
        found.extend(answer.route_tables().iter().flat_map(routes_of));
        cursor = next(answer.next_token());
        if cursor.is_none() {
            return Ok(found);
        }
    }
}

/// Returns the routes that somebody made; those a table comes with are not managed.
fn routes_of(table: &CloudRouteTable) -> Vec<ObjectState> {
    let Some(table_id) = table.route_table_id() else {
        return Vec::new();
    };
    table
        .routes()
        .iter()
        .filter(|route| {
            route.origin() != Some(&RouteOrigin::CreateRouteTable) && route.gateway_id() != Some("local")
        })
        .filter_map(|route| describe(table_id, route))
        .collect()
}

fn describe(table: &str, route: &CloudRoute) -> Option<ObjectState> {
    let destination = route
        .destination_cidr_block()
        .or_else(|| route.destination_ipv6_cidr_block())
        .or_else(|| route.destination_prefix_list_id())?;
    // The API names endpoints of a gateway load balancer in the field for gateways.
    let gateway = route.gateway_id().filter(|id| !id.starts_with("vpce-"));
    let endpoint = route.gateway_id().filter(|id| id.starts_with("vpce-"));
    Some(
        object(format!("{table}_{destination}"))
            .set("route_table_id", table)
            .set("destination_cidr_block", route.destination_cidr_block())
            .set("destination_ipv6_cidr_block", route.destination_ipv6_cidr_block())
            .set("destination_prefix_list_id", route.destination_prefix_list_id())
            .set("gateway_id", gateway)
            .set("vpc_endpoint_id", endpoint)
            .set("nat_gateway_id", route.nat_gateway_id())
            .set(
                "egress_only_internet_gateway_id",
                route.egress_only_internet_gateway_id(),
            )
            .set("network_interface_id", route.network_interface_id())
            .set("transit_gateway_id", route.transit_gateway_id())
            .set("vpc_peering_connection_id", route.vpc_peering_connection_id())
            .build(),
    )
}
