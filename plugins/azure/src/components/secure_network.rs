//! `azure:network:SecureNetwork`: a network with a public and a private subnet.

use konductor_sdk::component::RegionalSubnets;
use konductor_sdk::component::inputs::{input, own_name, switches};
use konductor_sdk::prelude::*;

use super::{ABOUT_GROUP, ABOUT_LOCATION, resource_group};

/// The component type.
pub struct SecureNetwork;

const DESCRIPTION: &str = "A network with a public and a private subnet, each guarded by a network security group.

Subnets of Azure span the zones of a region, so there is one of each kind. The private subnet reaches the internet through \
a NAT gateway and is never reached from it. Machines reach the internet without a gateway in neither: what Azure calls \
default outbound access is off. Both groups refuse everything from the internet until rules are added to them.

Where its block is not given, the public subnet takes the first quarter of `cidr_block` and the private one the third, so \
that there is room to grow.

Flow logs need a network watcher, which Azure makes by itself in each region that has a network, and a storage account.";

const EXAMPLE: &str = r"network:
  type: azure:network:SecureNetwork
  properties: { cidr_block: 10.20.0.0/16, location: westeurope }
";

impl Component for SecureNetwork {
    fn component_type(&self) -> &'static str {
        "azure:network:SecureNetwork"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        let block = |about| text(about).format(TextFormat::Ipv4Cidr);
        component(self.component_type(), DESCRIPTION)
            .attribute(
                "name",
                text("What its resources are called. By default the component's own name.").between(1, 60),
            )
            .attribute("resource_group", text(ABOUT_GROUP).between(1, 90))
            .attribute("location", text(ABOUT_LOCATION).at_least(1))
            .attribute("cidr_block", block("The network's IPv4 block.").required())
            .attribute(
                "public_subnet",
                boolean("Whether there is a public subnet.").default(true),
            )
            .attribute(
                "public_subnet_cidr_block",
                block("The block of the public subnet, instead of a computed one."),
            )
            .attribute(
                "private_subnet_cidr_block",
                block("The block of the private subnet, instead of a computed one."),
            )
            .attribute(
                "nat_gateway",
                boolean("Whether the private subnet reaches the internet, through a NAT gateway.")
                    .default(true),
            )
            .attribute(
                "flow_logs",
                nested(
                    [
                        (
                            "network_watcher_id",
                            text("The identifier of the region's network watcher.").required(),
                        ),
                        (
                            "storage_account_id",
                            text("The identifier of the account that the log is written to.").required(),
                        ),
                        (
                            "retention_days",
                            integer("How long it is kept.").between(1, 365).default(30),
                        ),
                    ],
                    "The log of what flows through the network. There is none where this is not given.",
                ),
            )
            .tags()
            .output("network_id", text("The network."))
            .output("public_subnet_id", text("The public subnet."))
            .output("private_subnet_id", text("The private subnet."))
            .output("public_security_group_id", text("What guards the public subnet."))
            .output(
                "private_security_group_id",
                text("What guards the private subnet."),
            )
            .output(
                "nat_public_ip",
                text("The address that the private subnet is seen under."),
            )
            .example("A network in one region", EXAMPLE)
            .build()
    }

    fn construct(&self, request: &ConstructRequest, construction: &mut Construction) -> Result<(), Failure> {
        let names = ["public_subnet", "nat_gateway"];
        let Some([public, nat_gateway]) = switches(request, construction, names) else {
            return Ok(());
        };
        match RegionalSubnets::of(&request.inputs, public) {
            Ok(subnets) => Network::new(request, construction).declare(subnets, nat_gateway),
            Err(wrong) => construction.diagnose(*wrong),
        }
        Ok(())
    }
}

struct Network<'r> {
    request: &'r ConstructRequest,
    construction: &'r mut Construction,
    name: String,
    group: Value,
}

impl<'r> Network<'r> {
    fn new(request: &'r ConstructRequest, construction: &'r mut Construction) -> Self {
        let name = own_name(request);
        let group = resource_group(request, construction, &name);
        Self {
            request,
            construction,
            name,
            group,
        }
    }

    fn in_group(&mut self, sibling: &str, type_name: &str, name: String, rest: &[(&str, Value)]) -> Sibling {
        let mut declared = self
            .construction
            .declare(sibling, type_name)
            .set("name", name)
            .set("resource_group", self.group.clone())
            .set("location", input(self.request, "location"))
            .set("tags", input(self.request, "tags"));
        for (attribute, value) in rest {
            declared = declared.set(attribute, value.clone());
        }
        declared.add()
    }

    fn declare(mut self, subnets: RegionalSubnets, nat_gateway: bool) {
        let name = self.name.clone();
        let network = self.in_group(
            "network",
            "azure:network:VirtualNetwork",
            name.clone(),
            &[(
                "address_prefixes",
                Value::List(vec![input(self.request, "cidr_block")]),
            )],
        );
        let (mut gateway, mut address) = (Value::Null, Value::Null);
        if nat_gateway {
            let ip = self.in_group(
                "nat-address",
                "azure:network:PublicIp",
                format!("{name}-nat"),
                &[],
            );
            let used = Value::List(vec![Value::from([("id", ip.attribute("id"))])]);
            let nat = self.in_group(
                "nat",
                "azure:network:NatGateway",
                name.clone(),
                &[("public_ip_addresses", used)],
            );
            (gateway, address) = (nat.attribute("id"), ip.attribute("ip_address"));
        }
        let public = subnets
            .public
            .map(|block| self.subnet("public", &network, block, Value::Null, None));
        let before = public.as_ref().map(|(subnet, _)| subnet);
        let (private_subnet, private_guard) =
            self.subnet("private", &network, subnets.private, gateway, before);
        self.log(&network);
        let id = |sibling: Option<&Sibling>| sibling.map(|it| it.attribute("id")).unwrap_or_default();
        let outputs = [
            ("network_id", network.attribute("id")),
            ("name", network.attribute("name")),
            ("resource_group", self.group),
            ("public_subnet_id", id(public.as_ref().map(|(subnet, _)| subnet))),
            ("private_subnet_id", private_subnet.attribute("id")),
            (
                "public_security_group_id",
                id(public.as_ref().map(|(_, guard)| guard)),
            ),
            ("private_security_group_id", private_guard.attribute("id")),
            ("nat_public_ip", address),
        ];
        for (output, value) in outputs {
            self.construction.output(output, value);
        }
    }

    fn subnet(
        &mut self,
        kind: &str,
        network: &Sibling,
        block: Value,
        gateway: Value,
        before: Option<&Sibling>,
    ) -> (Sibling, Sibling) {
        let guard = self.in_group(
            &format!("{kind}-guard"),
            "azure:network:NetworkSecurityGroup",
            format!("{}-{kind}", self.name),
            &[],
        );
        let mut subnet = self
            .construction
            .declare(kind, "azure:network:Subnet")
            .set("name", kind)
            .set("virtual_network_id", network.attribute("id"))
            .set("address_prefix", block)
            .set("network_security_group_id", guard.attribute("id"))
            .set("nat_gateway_id", gateway)
            .set("default_outbound_access", false);
        // Azure changes the subnets of a network one after the other, and refuses a second meanwhile.
        if let Some(before) = before {
            subnet = subnet.depends_on(before);
        }
        (subnet.add(), guard)
    }

    fn log(&mut self, network: &Sibling) {
        let logs = input(self.request, "flow_logs");
        if logs.is_null() {
            return;
        }
        let part = |name: &str| logs.attribute(name).cloned().unwrap_or_default();
        let retention = Value::from([("enabled", Value::from(true)), ("days", part("retention_days"))]);
        let properties = Value::from([
            ("targetResourceId", network.attribute("id")),
            ("storageId", part("storage_account_id")),
            ("enabled", true.into()),
            ("retentionPolicy", retention),
        ]);
        self.construction
            .declare("flow-log", "azure:arm:Resource")
            .set("type", "Microsoft.Network/networkWatchers/flowLogs")
            .set("name", self.name.as_str())
            .set("parent_id", part("network_watcher_id"))
            .set("location", input(self.request, "location"))
            .set("tags", input(self.request, "tags"))
            .set("body", Value::from([("properties", properties)]))
            .add();
    }
}
