//! `aws:ec2:NatGateway`.

use aws_sdk_ec2::types::{
    ConnectivityType, Filter, NatGateway as CloudNatGateway, NatGatewayState as State, ResourceType as Kind,
};
use konductor_sdk::aws::run;
use konductor_sdk::prelude::*;

use super::lookup::{Described, Page, next, reads};
use super::progress::{handle, not_shown};
use super::search::{PAGE, filter};
use super::tags;
use super::uniqueness::delete_first_unless_changed;
use super::wait::{in_progress, settled};
use crate::client::{ec2, incomplete};

/// How long a gateway usually stays in one state, in seconds.
const WAIT: u64 = 10;

/// The way out of a private subnet.
#[derive(Debug)]
pub struct NatGateway;

impl ResourceProvider for NatGateway {
    fn resource_type(&self) -> &'static str {
        "aws:ec2:NatGateway"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        schema(
            self.resource_type(),
            "The way out of a private subnet: connections can be opened from inside only.",
        )
        .attribute(
            "subnet_id",
            text("The subnet it stands in.").required().replaces(),
        )
        .attribute(
            "allocation_id",
            text("The elastic IP address; needed when it is public.").replaces(),
        )
        .attribute(
            "connectivity_type",
            text("Whether it leads to the internet or to other networks only.")
                .allowed(["public", "private"])
                .default("public")
                .replaces(),
        )
        .tags()
        .output("nat_gateway_id", text("The identifier.").simulated("nat-{hex17}"))
        .output("vpc_id", text("The VPC.").simulated("vpc-{hex17}"))
        .output("public_ip", text("Its public address.").simulated("203.0.113.10"))
        .output(
            "private_ip",
            text("Its address in the subnet.").simulated("10.0.0.10"),
        )
        .output(
            "network_interface_id",
            text("Its network interface.").simulated("eni-{hex17}"),
        )
        .identity(
            "nat-0123456789abcdef0",
            "The identifier of the NAT gateway.",
            &["nat_gateway_id"],
        )
        .batch_read()
        .example(
            "A NAT gateway in a public subnet",
            r"network:
  type: aws:ec2:Vpc
  properties: { cidr_block: 10.0.0.0/16 }
gateway:
  type: aws:ec2:InternetGateway
  properties: { vpc_id: '${network.vpc_id}' }
public:
  type: aws:ec2:Subnet
  properties: { vpc_id: '${network.vpc_id}', cidr_block: 10.0.0.0/24 }
address:
  type: aws:ec2:ElasticIp
nat:
  type: aws:ec2:NatGateway
  properties:
    subnet_id: ${public.subnet_id}
    allocation_id: ${address.allocation_id}
  options: { depends_on: [gateway] }
",
        )
        .build()
    }

    fn check(&self, inputs: &Value, diagnostics: &mut Diagnostics) {
        let given = inputs.attribute("allocation_id").is_some();
        let public = inputs.optional_text("connectivity_type") == Some("public");
        if public && !given {
            diagnostics.push(
                Diagnostic::error("a public NAT gateway needs `allocation_id`")
                    .help("declare an `aws:ec2:ElasticIp` and give its `allocation_id`")
                    .at(Path::attribute("allocation_id")),
            );
        }
        if inputs.optional_text("connectivity_type") == Some("private") && given {
            diagnostics.push(
                Diagnostic::error("a private NAT gateway takes no `allocation_id`")
                    .at(Path::attribute("allocation_id")),
            );
        }
    }

    fn refine_plan(&self, _request: &PlanRequest, plan: &mut PlanResponse) {
        // An address serves one gateway: where it stays, the old gateway must go first.
        delete_first_unless_changed(plan, &["allocation_id"]);
    }

    fn permissions(&self, operation: &str) -> Vec<&'static str> {
        match operation {
            "create" => vec![
                "ec2:CreateNatGateway",
                "ec2:CreateTags",
                "ec2:DescribeNatGateways",
            ],
            "update" => vec!["ec2:CreateTags", "ec2:DeleteTags", "ec2:DescribeNatGateways"],
            "delete" => vec!["ec2:DeleteNatGateway", "ec2:DescribeNatGateways"],
            _ => vec!["ec2:DescribeNatGateways"],
        }
    }

    fn create(&self, context: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
        let id = match self.find_by_token(context, &request.idempotency_token)? {
            Some(found) => found.id,
            None => match start(context, request) {
                // The address is taken already: by the gateway of this very create, where its token was not honoured.
                Err(failure) if failure.disposition == Disposition::AlreadyExists => {
                    self.find_by_token(context, &request.idempotency_token)?
                        .ok_or(failure)?
                        .id
                }
                answer => answer?,
            },
        };
        Ok(settled(made(context, &id), &id, request))
    }

    reads!();

    fn update(&self, context: &Context, request: &UpdateRequest) -> Result<Outcome, Failure> {
        tags::update(&ec2(context), &request.prior.id, request)?;
        self.find_made(context, &request.prior.id).map(Outcome::Complete)
    }

    fn delete(&self, context: &Context, request: &DeleteRequest) -> Result<Outcome, Failure> {
        run(ec2(context)
            .delete_nat_gateway()
            .nat_gateway_id(&request.prior.id)
            .send())?;
        gone(context, &request.prior.id)
    }

    fn poll(&self, context: &Context, request: &PollRequest) -> Result<Outcome, Failure> {
        let (_, id) = handle(&request.handle)?;
        match request.operation {
            OperationKind::Delete => gone(context, id),
            _ => made(context, id),
        }
    }
}

fn state_of(context: &Context, id: &str) -> Result<Option<CloudNatGateway>, Failure> {
    let answer = run(ec2(context)
        .describe_nat_gateways()
        .filter(filter("nat-gateway-id", [id]))
        .send())?;
    Ok(answer
        .nat_gateways()
        .iter()
        .find(|gateway| gateway.nat_gateway_id() == Some(id))
        .cloned())
}

/// Makes a gateway and returns its identifier.
fn start(context: &Context, request: &CreateRequest) -> Result<String, Failure> {
    let inputs = &request.inputs;
    run(ec2(context)
        .create_nat_gateway()
        .subnet_id(inputs.text("subnet_id")?)
        .set_allocation_id(inputs.owned_text("allocation_id"))
        .set_connectivity_type(
            inputs
                .optional_text("connectivity_type")
                .map(ConnectivityType::from),
        )
        .client_token(&request.idempotency_token)
        .tag_specifications(tags::on_create(Kind::Natgateway, request))
        .send())?
    .nat_gateway()
    .and_then(|gateway| gateway.nat_gateway_id())
    .map(str::to_owned)
    .ok_or_else(|| incomplete("the identifier of the new NAT gateway"))
}

/// Tells how a create stands.
fn made(context: &Context, id: &str) -> Result<Outcome, Failure> {
    let gateway = state_of(context, id)?.ok_or_else(|| not_shown(id))?;
    let found = describe(&gateway).ok_or_else(|| not_shown(id))?;
    Ok(match gateway.state() {
        Some(State::Pending) => in_progress(id, "available", WAIT, "pending"),
        Some(State::Failed) => Outcome::Partial(
            found,
            Failure::new(
                Disposition::Other,
                gateway.failure_message().unwrap_or("the NAT gateway failed"),
            )
            .code(gateway.failure_code().unwrap_or_default()),
        ),
        _ => Outcome::Complete(found),
    })
}

/// Tells how a delete stands. A deleted gateway can be seen for about an hour.
fn gone(context: &Context, id: &str) -> Result<Outcome, Failure> {
    Ok(match state_of(context, id)? {
        Some(gateway) if gateway.state() != Some(&State::Deleted) => {
            in_progress(id, "deleted", WAIT, "deleting")
        }
        _ => Outcome::Deleted,
    })
}

fn describe(gateway: &CloudNatGateway) -> Option<ObjectState> {
    let id = gateway.nat_gateway_id()?;
    let address = gateway.nat_gateway_addresses().first();
    let public = gateway.connectivity_type() != Some(&ConnectivityType::Private);
    Some(
        object(id)
            .private(tags::token(gateway.tags()))
            .set("subnet_id", gateway.subnet_id())
            .set(
                "allocation_id",
                address.and_then(|a| a.allocation_id()).filter(|_| public),
            )
            .set("connectivity_type", if public { "public" } else { "private" })
            .set("tags", tags::of(gateway.tags()))
            .set("nat_gateway_id", id)
            .set("vpc_id", gateway.vpc_id())
            .set("public_ip", address.and_then(|a| a.public_ip()))
            .set("private_ip", address.and_then(|a| a.private_ip()))
            .set(
                "network_interface_id",
                address.and_then(|a| a.network_interface_id()),
            )
            .build(),
    )
}

impl Described for NatGateway {
    fn id_filter(&self) -> &'static str {
        "nat-gateway-id"
    }

    fn describe(
        &self,
        context: &Context,
        filters: Option<Vec<Filter>>,
        cursor: Option<String>,
    ) -> Result<Page, Failure> {
        let answer = run(ec2(context)
            .describe_nat_gateways()
            .set_filter(filters)
            .set_next_token(cursor)
            .max_results(PAGE)
            .send())?;
        let objects = answer
            .nat_gateways()
            .iter()
            .filter(|gateway| !matches!(gateway.state(), Some(State::Deleted | State::Deleting)))
            .filter_map(describe)
            .collect();
        Ok(Page {
            objects,
            next: next(answer.next_token()),
        })
    }
}
