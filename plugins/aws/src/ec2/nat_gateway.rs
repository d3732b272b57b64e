//! `aws:ec2:NatGateway`.

use aws_sdk_ec2::types::{
    ConnectivityType, NatGateway as CloudNatGateway, NatGatewayAddress, NatGatewayState as State,
    ResourceType as Kind,
};

use super::described::prelude::*;
use super::search::PAGE;

/// The way out of a private subnet: connections can be opened from inside only.
#[derive(Clone, Resource)]
#[resource(
    type = "aws:ec2:NatGateway",
    identity = "nat-0123456789abcdef0: The identifier of the NAT gateway.",
    known_as("terraform", "aws_nat_gateway"),
    known_as("pulumi", "aws:ec2/natGateway:NatGateway"),
    unique("allocation_id"),
    create("ec2:CreateNatGateway"),
    delete("ec2:DeleteNatGateway", "ec2:DescribeNatGateways"),
    read("ec2:DescribeNatGateways"),
    behaviour = described,
    example = r"# A NAT gateway in a public subnet
network:
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
"
)]
pub struct NatGateway {
    /// The subnet it stands in.
    #[attribute(replaces)]
    subnet_id: String,
    /// The elastic IP address; needed when it is public.
    #[attribute(replaces)]
    allocation_id: Option<String>,
    /// Whether it leads to the internet or to other networks only.
    #[attribute(replaces, one_of("public", "private"), default = "public")]
    connectivity_type: String,
    #[attribute(tags)]
    tags: Tags,
    /// The identifier.
    #[attribute(output, identity, simulated = "nat-{hex17}")]
    nat_gateway_id: Option<String>,
    /// The VPC.
    #[attribute(output, simulated = "vpc-{hex17}")]
    vpc_id: Option<String>,
    /// Its public address.
    #[attribute(output, simulated = "203.0.113.10")]
    public_ip: Option<String>,
    /// Its address in the subnet.
    #[attribute(output, simulated = "10.0.0.10")]
    private_ip: Option<String>,
    /// Its network interface.
    #[attribute(output, simulated = "eni-{hex17}")]
    network_interface_id: Option<String>,
}

impl Check for NatGateway {
    fn check(inputs: &Value, diagnostics: &mut Diagnostics) {
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
}

fn standing(gateway: &CloudNatGateway) -> Standing {
    match gateway.state() {
        Some(State::Pending) => Standing::Coming("pending"),
        Some(State::Failed) => {
            let message = gateway.failure_message().unwrap_or("the NAT gateway failed");
            let failure = Failure::new(Disposition::Other, message);
            Standing::Failed(Box::new(failure.code(gateway.failure_code().unwrap_or_default())))
        }
        Some(State::Deleting) => Standing::Leaving(None),
        Some(State::Deleted) => Standing::Gone(None),
        _ => Standing::There,
    }
}

impl Described for NatGateway {
    const WAIT: u64 = 10;

    fn kind() -> Kind {
        Kind::Natgateway
    }

    async fn make(&self, client: &Client, new: New<'_>) -> Result<Option<String>, Failure> {
        let create = client
            .create_nat_gateway()
            .subnet_id(&self.subnet_id)
            .set_allocation_id(self.allocation_id.clone())
            .connectivity_type(ConnectivityType::from(self.connectivity_type.as_str()));
        let answer = call(create.client_token(new.token).tag_specifications(new.tags).send()).await?;
        Ok(answer.nat_gateway.and_then(|gateway| gateway.nat_gateway_id))
    }

    async fn describe(client: &Client, search: Search) -> Result<Found<Self>, Failure> {
        let describe = client
            .describe_nat_gateways()
            .set_filter(search.filters)
            .set_next_token(search.cursor);
        let answer = call(describe.max_results(PAGE).send()).await?;
        Found::standing(answer.next_token, answer.nat_gateways, |gateway| {
            let standing = standing(&gateway);
            let public = gateway.connectivity_type != Some(ConnectivityType::Private);
            let addresses = gateway.nat_gateway_addresses.unwrap_or_default();
            let first = addresses.into_iter().next();
            let address = first.unwrap_or_else(|| NatGatewayAddress::builder().build());
            let gateway = Self {
                subnet_id: gateway.subnet_id.unwrap_or_default(),
                allocation_id: address.allocation_id.filter(|_| public),
                connectivity_type: if public { "public" } else { "private" }.to_owned(),
                tags: gateway.tags.into(),
                nat_gateway_id: gateway.nat_gateway_id,
                vpc_id: gateway.vpc_id,
                public_ip: address.public_ip,
                private_ip: address.private_ip,
                network_interface_id: address.network_interface_id,
            };
            (gateway, standing)
        })
    }

    async fn remove(client: &Client, object: Deletion<'_, Self>) -> Result<(), Failure> {
        done(client.delete_nat_gateway().nat_gateway_id(object.id()).send()).await
    }
}
