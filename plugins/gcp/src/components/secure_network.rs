//! `gcp:compute:SecureNetwork`: a network with a public and a private subnetwork.

use konductor_sdk::component::RegionalSubnets;
use konductor_sdk::component::inputs::{input, own_name, switches};
use konductor_sdk::prelude::*;

/// The component type.
pub struct SecureNetwork;

const DESCRIPTION: &str = "A network with a public and a private subnetwork in one region, and no others.

What comes in is refused, and that is logged, until firewall rules with a priority above the last let something in. The \
private subnetwork reaches the internet through Cloud NAT under an address of its own. Both reach Google's services without \
the internet, and log what flows through them.

Google knows no subnetworks that are public: a machine is reached from the internet when it has a public address. The public \
subnetwork is the one without a gateway, for machines that have one.

Where its block is not given, the public subnetwork takes the first quarter of `cidr_block` and the private one the third, \
so that each can grow in place.";

const EXAMPLE: &str = r"network:
  type: gcp:compute:SecureNetwork
  properties: { cidr_block: 10.20.0.0/16 }
";

impl Component for SecureNetwork {
    fn component_type(&self) -> &'static str {
        "gcp:compute:SecureNetwork"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        let block = |about| text(about).format(TextFormat::Ipv4Cidr);
        component(self.component_type(), DESCRIPTION)
            .attribute(
                "name",
                text("What its resources are called. By default the component's own name.")
                    .pattern("[a-z]([-a-z0-9]{0,48}[a-z0-9])?"),
            )
            .attribute("region", text("The region; `gcp.region` where it is not given."))
            .attribute(
                "cidr_block",
                block("The block that the subnetworks are made of.").required(),
            )
            .attribute(
                "public_subnet",
                boolean("Whether there is a public subnetwork.").default(true),
            )
            .attribute(
                "public_subnet_cidr_block",
                block("The block of the public subnetwork, instead of a computed one."),
            )
            .attribute(
                "private_subnet_cidr_block",
                block("The block of the private subnetwork, instead of a computed one."),
            )
            .attribute(
                "nat_gateway",
                boolean("Whether the private subnetwork reaches the internet, through Cloud NAT.")
                    .default(true),
            )
            .attribute(
                "flow_logs",
                boolean("Whether subnetworks log what flows through them.").default(true),
            )
            .output("network_id", text("The network: its self link."))
            .output("public_subnet_id", text("The public subnetwork: its self link."))
            .output(
                "private_subnet_id",
                text("The private subnetwork: its self link."),
            )
            .output(
                "nat_public_ip",
                text("The address that the private subnetwork is seen under."),
            )
            .example("A network in one region", EXAMPLE)
            .build()
    }

    fn construct(&self, request: &ConstructRequest, construction: &mut Construction) -> Result<(), Failure> {
        let names = ["public_subnet", "nat_gateway", "flow_logs"];
        let Some([public, nat_gateway, flow_logs]) = switches(request, construction, names) else {
            return Ok(());
        };
        match RegionalSubnets::of(&request.inputs, public) {
            Ok(subnets) => {
                let mut network = Network {
                    request,
                    name: own_name(request),
                    flow_logs,
                    construction,
                };
                network.declare(subnets, nat_gateway);
            }
            Err(wrong) => construction.diagnose(*wrong),
        }
        Ok(())
    }
}

struct Network<'r> {
    request: &'r ConstructRequest,
    name: String,
    flow_logs: bool,
    construction: &'r mut Construction,
}

impl Network<'_> {
    fn declare(&mut self, subnets: RegionalSubnets, nat_gateway: bool) {
        let network = self
            .construction
            .declare("network", "gcp:compute:Network")
            .set("name", self.name.as_str())
            .set("auto_create_subnetworks", false)
            .add();
        self.close(&network);
        let public = subnets.public.map(|block| self.subnet("public", &network, block));
        let private = self.subnet("private", &network, subnets.private);
        let address = nat_gateway.then(|| self.gateway(&network, &private));
        let link =
            |sibling: Option<&Sibling>| sibling.map(|it| it.attribute("self_link")).unwrap_or_default();
        let outputs = [
            ("network_id", network.attribute("self_link")),
            ("name", network.attribute("name")),
            ("public_subnet_id", link(public.as_ref())),
            ("private_subnet_id", private.attribute("self_link")),
            (
                "nat_public_ip",
                address.map(|it| it.attribute("address")).unwrap_or_default(),
            ),
        ];
        for (output, value) in outputs {
            self.construction.output(output, value);
        }
    }

    /// Refuses, and logs, what no rule lets in: Google's own rule for that logs nothing.
    fn close(&mut self, network: &Sibling) {
        self.construction
            .declare("closed", "gcp:compute:Firewall")
            .set("name", format!("{}-closed", self.name))
            .set("network", network.attribute("self_link"))
            .set("direction", "INGRESS")
            .set("priority", 65_534)
            .set("denied", Value::List(vec![Value::from([("ip_protocol", "all")])]))
            .set("source_ranges", Value::List(vec!["0.0.0.0/0".into()]))
            .set("log_config", Value::from([("enable", true)]))
            .add();
    }

    fn subnet(&mut self, kind: &str, network: &Sibling, block: Value) -> Sibling {
        let log = if self.flow_logs {
            Value::from([
                ("enable", Value::from(true)),
                ("aggregation_interval", "INTERVAL_5_SEC".into()),
                ("metadata", "INCLUDE_ALL_METADATA".into()),
            ])
        } else {
            Value::Null
        };
        self.construction
            .declare(kind, "gcp:compute:Subnetwork")
            .set("name", format!("{}-{kind}", self.name))
            .set("network", network.attribute("self_link"))
            .set("region", input(self.request, "region"))
            .set("ip_cidr_range", block)
            .set("private_ip_google_access", true)
            .set("log_config", log)
            .add()
    }

    /// Lets the private subnetwork out, and returns the address that it is seen under.
    fn gateway(&mut self, network: &Sibling, private: &Sibling) -> Sibling {
        let name = format!("{}-nat", self.name);
        let address = self
            .construction
            .declare("nat-address", "gcp:compute:Address")
            .set("name", name.as_str())
            .set("region", input(self.request, "region"))
            .add();
        let let_out = Value::from([
            ("name", private.attribute("self_link")),
            (
                "source_ip_ranges_to_nat",
                Value::List(vec!["ALL_IP_RANGES".into()]),
            ),
        ]);
        let gateway = Value::from([
            ("name", Value::from(name.as_str())),
            ("nat_ip_allocate_option", "MANUAL_ONLY".into()),
            ("nat_ips", Value::List(vec![address.attribute("self_link")])),
            ("source_subnetwork_ip_ranges_to_nat", "LIST_OF_SUBNETWORKS".into()),
            ("subnetworks", Value::List(vec![let_out])),
            (
                "log_config",
                Value::from([("enable", Value::from(true)), ("filter", "ERRORS_ONLY".into())]),
            ),
        ]);
        self.construction
            .declare("router", "gcp:compute:Router")
            .set("name", name)
            .set("region", input(self.request, "region"))
            .set("network", network.attribute("self_link"))
            .set("nats", Value::List(vec![gateway]))
            .add();
        address
    }
}
