//! `konductor:net:Network`: a network with public and private subnets.

use konductor_sdk::prelude::*;

use crate::cloud::Cloud;
use crate::expansion::{Expansion, common};

/// The component type.
pub struct Network;

const DESCRIPTION: &str = "A network with public and private subnets, whose private ones reach the internet and are never \
reached from it.

In AWS it becomes an `aws:vpc:SecureVpc`, in Azure an `azure:network:SecureNetwork`, in Google Cloud a \
`gcp:compute:SecureNetwork`. Subnets are in one zone each in AWS and span the region in the other two, so the lists of \
subnets have one element there.";

const EXAMPLE: &str = r"network:
  type: konductor:net:Network
  properties:
    cloud: gcp
    cidr_block: 10.20.0.0/16
";

impl Component for Network {
    fn component_type(&self) -> &'static str {
        "konductor:net:Network"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        let ids = |about| list(text(""), about);
        let carries = [
            "the `aws:vpc:SecureVpc`",
            "the `azure:network:SecureNetwork`",
            "the `gcp:compute:SecureNetwork`",
        ];
        common(component(self.component_type(), DESCRIPTION), carries)
            .attribute("name", text("What it is called. By default the component's own name.").between(1, 50))
            .attribute(
                "cidr_block",
                text("Its IPv4 block, /16 to /26.").format(TextFormat::Ipv4Cidr).required(),
            )
            .attribute(
                "zones",
                integer("How many zones there are subnets in, where subnets are in one zone.").between(1, 6),
            )
            .attribute("public_subnets", boolean("Whether there are public subnets.").default(true))
            .attribute(
                "internet_access",
                text(
                    "How private subnets reach the internet: not at all, through one gateway, or through one in each zone. By \
                     default `shared`.",
                )
                .allowed(["none", "shared", "per_zone"]),
            )
            .attribute("flow_logs", boolean("Whether it is logged what flows through the network."))
            .output("id", text("The network."))
            .output("public_subnet_ids", ids("The public subnets."))
            .output("private_subnet_ids", ids("The private subnets."))
            .output("egress_ips", ids("The addresses that the private subnets are seen under."))
            .example("A network", EXAMPLE)
            .build()
    }

    fn construct(&self, request: &ConstructRequest, construction: &mut Construction) -> Result<(), Failure> {
        Expansion::run(request, construction, expand);
        Ok(())
    }
}

fn expand(expansion: &mut Expansion<'_>) -> Option<()> {
    let has_public = expansion.switch("public_subnets")?.unwrap_or(true);
    let flow_logs = expansion.switch("flow_logs")?;
    let access = expansion.known("internet_access")?;
    let access = access.as_text().unwrap_or("shared");
    expansion.output("name", expansion.name());
    expansion.output("cidr_block", expansion.input("cidr_block"));
    match expansion.cloud {
        Cloud::Aws => aws(expansion, has_public, access, flow_logs),
        Cloud::Azure | Cloud::Google => regional(expansion, has_public, access, flow_logs),
    }
    Some(())
}

fn aws(expansion: &mut Expansion<'_>, has_public: bool, access: &str, flow_logs: Option<bool>) {
    if flow_logs == Some(true) {
        expansion.lose("flow_logs", "an `aws:vpc:SecureVpc` has no flow logs");
    }
    if !has_public && access != "none" {
        expansion.lose(
            "internet_access",
            "a NAT gateway of AWS stands in a public subnet, and there is none: private subnets do not reach the internet",
        );
    }
    let gateways = match access {
        _ if !has_public => "none",
        "shared" => "single",
        other => other,
    };
    let network = expansion.carry(
        "aws:vpc:SecureVpc",
        [
            ("name", expansion.name().into()),
            ("cidr_block", expansion.input("cidr_block")),
            ("zone_count", expansion.input("zones")),
            ("public_subnets", has_public.into()),
            ("nat_gateways", gateways.into()),
            ("tags", expansion.input("tags")),
        ],
    );
    expansion.output("id", network.attribute("vpc_id"));
    expansion.output("public_subnet_ids", network.attribute("public_subnet_ids"));
    expansion.output("private_subnet_ids", network.attribute("private_subnet_ids"));
    expansion.output("egress_ips", network.attribute("nat_public_ips"));
}

/// In Azure and in Google Cloud subnets, and the gateways before them, span a region.
fn regional(expansion: &mut Expansion<'_>, has_public: bool, access: &str, flow_logs: Option<bool>) {
    if expansion.has("zones") {
        expansion.lose(
            "zones",
            "a subnet spans all zones of its region, and there is one of each kind",
        );
    }
    if access == "per_zone" {
        expansion.lose("internet_access", "one gateway serves the whole region");
    }
    let gateway = access != "none";
    let own = [
        ("name", expansion.name().into()),
        ("cidr_block", expansion.input("cidr_block")),
        ("public_subnet", has_public.into()),
        ("nat_gateway", gateway.into()),
    ];
    let [name, block, public, nat] = own;
    let network = if expansion.cloud == Cloud::Azure {
        if flow_logs == Some(true) && expansion.over("flow_logs").is_none() {
            expansion.lose(
                "flow_logs",
                "Azure writes them to a storage account, by a network watcher: say which under `azure.flow_logs`",
            );
        }
        let tags = ("tags", expansion.input("tags"));
        expansion.carry("azure:network:SecureNetwork", [name, block, public, nat, tags])
    } else {
        if expansion.has("tags") {
            expansion.lose("tags", "networks of Google Cloud have no labels");
        }
        let logs = ("flow_logs", flow_logs.into());
        expansion.carry("gcp:compute:SecureNetwork", [name, block, public, nat, logs])
    };
    let one = |is_there: bool, output: &str| {
        let output = network.attribute(output);
        Value::List(if is_there { vec![output] } else { Vec::new() })
    };
    expansion.output("id", network.attribute("network_id"));
    expansion.output("public_subnet_ids", one(has_public, "public_subnet_id"));
    expansion.output("private_subnet_ids", one(true, "private_subnet_id"));
    expansion.output("egress_ips", one(gateway, "nat_public_ip"));
}
