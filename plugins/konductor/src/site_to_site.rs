//! `konductor:net:SiteToSiteConnection`: a VPC of AWS and a network of another cloud reach each other over tunnels.

use konductor_sdk::component::inputs::own_name;
use konductor_sdk::model::PathStep;
use konductor_sdk::prelude::*;

/// The component type.
pub struct SiteToSiteConnection;

const DESCRIPTION: &str = "A connection of a VPC of AWS with a network of Azure or of Google Cloud: IPsec tunnels, two with \
Azure and four with Google Cloud, over which both ends tell each other their networks by BGP. AWS makes the keys of the \
tunnels; they are secrets, go to the other cloud, and are shown nowhere.

The VPN gateway of the VPC is declared beside it, because a VPC has one for all its connections. Which route tables of the VPC \
learn the routes is set in AWS: `aws` has no type for the propagation of routes yet.

The ranges inside the tunnels are fixed, so a VPN gateway has one connection with Azure and one with Google Cloud.

The gateway of Azure takes half an hour to be made, and the subnet that it stands in is called `GatewaySubnet`.";

const EXAMPLE_AZURE: &str = r"network:
  type: aws:ec2:Vpc
  properties: { cidr_block: 10.1.0.0/16 }
vpn:
  type: aws:ec2:VpnGateway
  properties: { vpc_id: '${network.vpc_id}', amazon_side_asn: 64512 }
group:
  type: azure:resources:ResourceGroup
  properties: { name: shop, location: westeurope }
other-network:
  type: azure:network:VirtualNetwork
  properties: { name: shop, resource_group: '${group.name}', address_prefixes: [10.2.0.0/16] }
gateway-range:
  type: azure:network:Subnet
  properties: { name: GatewaySubnet, virtual_network_id: '${other-network.id}', address_prefix: 10.2.255.0/27 }
to-azure:
  type: konductor:net:SiteToSiteConnection
  properties:
    aws: { vpn_gateway_id: '${vpn.vpn_gateway_id}' }
    azure: { resource_group: '${group.name}', gateway_subnet_id: '${gateway-range.id}' }
";

const EXAMPLE_GOOGLE: &str = r"network:
  type: aws:ec2:Vpc
  properties: { cidr_block: 10.1.0.0/16 }
vpn:
  type: aws:ec2:VpnGateway
  properties: { vpc_id: '${network.vpc_id}', amazon_side_asn: 64512 }
other-network:
  type: gcp:compute:Network
  properties: { name: shop, auto_create_subnetworks: false }
to-google:
  type: konductor:net:SiteToSiteConnection
  properties:
    aws: { vpn_gateway_id: '${vpn.vpn_gateway_id}' }
    gcp: { network: '${other-network.self_link}' }
";

/// The ranges inside the tunnels with Azure, whose gateways take addresses from 169.254.21.0 to 169.254.22.255 alone. The first
/// address is AWS's, the second Azure's.
/// <https://learn.microsoft.com/en-us/azure/vpn-gateway/vpn-gateway-howto-aws-bgp>
const WITH_AZURE: [(&str, &str); 2] = [
    ("169.254.21.0/30", "169.254.21.2"),
    ("169.254.22.0/30", "169.254.22.2"),
];

/// The ranges inside the tunnels with Google Cloud, AWS's address in each and the other end's. Both connections choosing for
/// themselves could choose the same. AWS keeps 169.254.0.0 to 169.254.5.3 and 169.254.169.252/30 for itself.
/// <https://docs.aws.amazon.com/vpn/latest/s2svpn/VPNTunnels.html>
const WITH_GOOGLE: [(&str, &str, &str); 4] = [
    ("169.254.101.0/30", "169.254.101.1", "169.254.101.2/30"),
    ("169.254.102.0/30", "169.254.102.1", "169.254.102.2/30"),
    ("169.254.103.0/30", "169.254.103.1", "169.254.103.2/30"),
    ("169.254.104.0/30", "169.254.104.1", "169.254.104.2/30"),
];

/// What an object of Azure calls the address of its gateway.
const ADDRESS: &str = "main";

impl Component for SiteToSiteConnection {
    fn component_type(&self) -> &'static str {
        "konductor:net:SiteToSiteConnection"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        let number = |about, default: i64| integer(about).between(1, 4_294_967_294).default(default);
        component(self.component_type(), DESCRIPTION)
            .attribute(
                "name",
                text("What the objects at the other end are called. By default the component's own name.")
                    .pattern("[a-z]([-a-z0-9]{0,40}[a-z0-9])?"),
            )
            .attribute(
                "aws",
                nested(
                    [
                        ("vpn_gateway_id", text("The VPN gateway of the VPC.").required()),
                        ("asn", number("Its `amazon_side_asn`.", 64_512)),
                    ],
                    "The end in AWS.",
                )
                .required(),
            )
            .attribute(
                "azure",
                nested(
                    [
                        (
                            "resource_group",
                            text("The name of the resource group that its objects stand in.").required(),
                        ),
                        (
                            "gateway_subnet_id",
                            text("The subnet `GatewaySubnet` of the virtual network.").required(),
                        ),
                        ("asn", number("The number of its autonomous system.", 65_010)),
                        ("sku", text("How fast the gateway is.").default("VpnGw1AZ")),
                    ],
                    "The end in Azure. Either this or `gcp` is given.",
                ),
            )
            .attribute(
                "gcp",
                nested(
                    [
                        ("network", text("The self link of the network.").required()),
                        ("asn", number("The number of its autonomous system.", 64_514)),
                    ],
                    "The end in Google Cloud, in the region `gcp.region` of the configuration. Either this or `azure` is given.",
                ),
            )
            .tags()
            .output("vpn_connection_ids", list(text(""), "The connections, as AWS knows them."))
            .output("addresses", list(text(""), "The public addresses of the other end's gateway."))
            .output("gateway", text("The other end's gateway: its identifier in Azure, its self link in Google Cloud."))
            .output("router", text("The self link of the router in Google Cloud."))
            .example("AWS and Azure", EXAMPLE_AZURE)
            .example("AWS and Google Cloud", EXAMPLE_GOOGLE)
            .build()
    }

    fn check(&self, inputs: &Value, diagnostics: &mut Diagnostics) {
        let given = |name: &str| inputs.attribute(name).is_some_and(|value| !value.is_null());
        if given("azure") == given("gcp") {
            diagnostics.push(
                Diagnostic::error(
                    "the other end is in Azure or in Google Cloud: give one of `azure` and `gcp`",
                )
                .help("declare two components to connect the VPC with both")
                .at(Path::attribute(if given("azure") { "gcp" } else { "azure" })),
            );
        }
    }

    fn construct(&self, request: &ConstructRequest, construction: &mut Construction) -> Result<(), Failure> {
        let ends = Ends::new(request, construction);
        match (ends.part("azure"), ends.part("gcp")) {
            (Some(azure), _) => ends.with_azure(&azure),
            (None, Some(google)) => ends.with_google(&google),
            (None, None) => {}
        }
        Ok(())
    }
}

/// The connection as it is being declared.
struct Ends<'r> {
    inputs: &'r Value,
    name: String,
    construction: &'r mut Construction,
}

/// Returns a member of an input.
fn member(part: &Value, name: &str) -> Value {
    part.attribute(name).cloned().unwrap_or_default()
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::from(members)
}

impl<'r> Ends<'r> {
    fn new(request: &'r ConstructRequest, construction: &'r mut Construction) -> Self {
        Self {
            inputs: &request.inputs,
            name: own_name(request),
            construction,
        }
    }

    fn part(&self, name: &str) -> Option<Value> {
        self.inputs
            .attribute(name)
            .filter(|value| !value.is_null())
            .cloned()
    }

    fn aws(&self, name: &str) -> Value {
        self.inputs
            .attribute("aws")
            .map(|aws| member(aws, name))
            .unwrap_or_default()
    }

    fn tags(&self) -> Value {
        self.part("tags").unwrap_or_default()
    }

    /// Declares AWS's end of a connection with an address.
    fn aws_end<const N: usize>(
        &mut self,
        suffix: &str,
        address: Value,
        asn: Value,
        more: [(&str, Value); N],
    ) -> Sibling {
        let tags = self.tags();
        let customer = self
            .construction
            .declare(format!("aws-peer{suffix}"), "aws:ec2:CustomerGateway")
            .set("ip_address", address)
            .set("bgp_asn", asn)
            .set("tags", tags.clone())
            .add();
        let mut connection = self
            .construction
            .declare(format!("aws-connection{suffix}"), "aws:ec2:VpnConnection");
        for (name, value) in more {
            connection = connection.set(name, value);
        }
        let connection = connection.set("customer_gateway_id", customer.attribute("customer_gateway_id"));
        let gateway = self
            .inputs
            .attribute("aws")
            .map(|aws| member(aws, "vpn_gateway_id"))
            .unwrap_or_default();
        connection.set("vpn_gateway_id", gateway).set("tags", tags).add()
    }

    fn with_azure(mut self, azure: &Value) {
        let (group, asn) = (member(azure, "resource_group"), member(azure, "asn"));
        let tags = self.tags();
        let address = self
            .construction
            .declare("azure-address", "azure:network:PublicIp")
            .set("name", self.name.as_str())
            .set("resource_group", group.clone())
            .set("tags", tags.clone())
            .add();
        let own = format!("self/ipConfigurations/{ADDRESS}");
        let inside = WITH_AZURE.map(|(_, address)| Value::from(address));
        let sku = member(azure, "sku");
        let gateway = self
            .construction
            .declare("azure-gateway", "azure:network:VirtualNetworkGateway")
            .set("name", self.name.as_str())
            .set("resource_group", group.clone())
            .set("sku", object([("name", sku.clone()), ("tier", sku)]))
            .set("enable_bgp", true)
            .set(
                "bgp",
                object([
                    ("asn", asn.clone()),
                    (
                        "bgpPeeringAddresses",
                        Value::List(vec![object([
                            ("ipconfigurationId", own.into()),
                            ("customBgpIpAddresses", Value::List(inside.into())),
                        ])]),
                    ),
                ]),
            )
            .set(
                "ip_configurations",
                Value::List(vec![object([
                    ("name", ADDRESS.into()),
                    (
                        "properties",
                        object([
                            ("subnet", object([("id", member(azure, "gateway_subnet_id"))])),
                            ("publicIPAddress", object([("id", address.attribute("id"))])),
                        ]),
                    ),
                ])]),
            )
            .set("tags", tags.clone())
            .add();
        let ranges = WITH_AZURE.map(|(range, _)| Value::from(range));
        let [first, second] = ranges;
        let connection = self.aws_end(
            "",
            address.attribute("ip_address"),
            asn,
            [("tunnel1_inside_cidr", first), ("tunnel2_inside_cidr", second)],
        );
        for tunnel in 1..=2 {
            let said = |what: &str| connection.attribute(&format!("tunnel{tunnel}_{what}"));
            let name = format!("{}-{tunnel}", self.name);
            let bgp = object([
                ("asn", self.aws("asn")),
                ("bgpPeeringAddress", said("vpn_gateway_inside_address")),
            ]);
            let peer = self
                .construction
                .declare(
                    format!("azure-peer-{tunnel}"),
                    "azure:network:LocalNetworkGateway",
                )
                .set("name", name.as_str())
                .set("resource_group", group.clone())
                .set("gateway_ip_address", said("address"))
                .set("bgp", bgp)
                .set("tags", tags.clone())
                .add();
            self.construction
                .declare(format!("azure-connection-{tunnel}"), "azure:network:Connection")
                .set("name", name.as_str())
                .set("resource_group", group.clone())
                .set("virtual_network_gateway_id", gateway.attribute("id"))
                .set("local_network_gateway_id", peer.attribute("id"))
                .set("enable_bgp", true)
                .set("shared_key", said("preshared_key"))
                .set("tags", tags.clone())
                .add();
        }
        let ids = vec![connection.attribute("vpn_connection_id")];
        self.construction.output("vpn_connection_ids", Value::List(ids));
        let addresses = vec![address.attribute("ip_address")];
        self.construction.output("addresses", Value::List(addresses));
        self.construction.output("gateway", gateway.attribute("id"));
        self.construction.output("router", Value::Null);
    }

    /// Google's gateway has two addresses, and each connection of AWS two tunnels.
    /// <https://cloud.google.com/network-connectivity/docs/vpn/tutorials/create-ha-vpn-connections-google-cloud-aws>
    fn with_google(mut self, google: &Value) {
        let (network, asn) = (member(google, "network"), member(google, "asn"));
        let gateway = self
            .construction
            .declare("gcp-gateway", "gcp:compute:VpnGateway")
            .set("name", self.name.as_str())
            .set("network", network.clone())
            .add();
        let router = self
            .construction
            .declare("gcp-router", "gcp:compute:Router")
            .set("name", self.name.as_str())
            .set("network", network)
            .set("bgp", object([("asn", asn.clone())]))
            .add();
        let address = |index: u32| {
            gateway.at(Path::from(vec![
                PathStep::Attribute("vpn_interfaces".to_owned()),
                PathStep::Index(index as usize),
                PathStep::Attribute("ip_address".to_owned()),
            ]))
        };
        let addresses = [0, 1].map(address);
        let [first, second, third, fourth] = WITH_GOOGLE.map(|(range, ..)| range);
        let connections =
            [(0, first, second), (1, third, fourth)].map(|(index, one, two): (u32, &str, &str)| {
                let ranges = [
                    ("tunnel1_inside_cidr", one.into()),
                    ("tunnel2_inside_cidr", two.into()),
                ];
                self.aws_end(&format!("-{index}"), address(index), asn.clone(), ranges)
            });
        let said = |index: u32, what: &str| {
            let [first, second] = &connections;
            let connection = if index < 2 { first } else { second };
            connection.attribute(&format!("tunnel{}_{what}", index % 2 + 1))
        };
        let interfaces = (0..4).map(|index| {
            object([
                ("id", i64::from(index).into()),
                ("ip_address", said(index, "address")),
            ])
        });
        let peer = self
            .construction
            .declare("gcp-peer", "gcp:compute:ExternalVpnGateway")
            .set("name", self.name.as_str())
            .set("redundancy_type", "FOUR_IPS_REDUNDANCY")
            .set("interfaces", Value::List(interfaces.collect()))
            .add();
        let mut peers = Vec::new();
        for (index, (_, inside, own)) in (0..4).zip(WITH_GOOGLE) {
            let name = format!("{}-{index}", self.name);
            let tunnel = self
                .construction
                .declare(format!("gcp-tunnel-{index}"), "gcp:compute:VpnTunnel")
                .set("name", name.as_str())
                .set("vpn_gateway", gateway.attribute("self_link"))
                .set("vpn_gateway_interface", i64::from(index / 2))
                .set("peer_external_gateway", peer.attribute("self_link"))
                .set("peer_external_gateway_interface", i64::from(index))
                .set("router", router.attribute("self_link"))
                .set("ike_version", 2)
                .set("shared_secret", said(index, "preshared_key"))
                .add();
            peers.push(object([
                ("name", name.into()),
                ("vpn_tunnel", tunnel.attribute("self_link")),
                ("ip_range", own.into()),
                ("peer_ip_address", inside.into()),
                ("peer_asn", self.aws("asn")),
            ]));
        }
        self.construction
            .declare("gcp-peers", "gcp:compute:RouterPeers")
            .set("router", router.attribute("self_link"))
            .set("peers", Value::List(peers))
            .add();
        let ids = connections
            .iter()
            .map(|connection| connection.attribute("vpn_connection_id"));
        self.construction
            .output("vpn_connection_ids", Value::List(ids.collect()));
        self.construction
            .output("addresses", Value::List(addresses.into()));
        self.construction
            .output("gateway", gateway.attribute("self_link"));
        self.construction.output("router", router.attribute("self_link"));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use konductor_sdk_test::Components;
    use konductor_sdk_test::components::{messages, shown};
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::Vocabulary;

    fn construct(inputs: Json) -> ConstructResponse {
        Components::new(Vocabulary::definition()).construct(
            "konductor:net:SiteToSiteConnection",
            "offices/main",
            inputs,
            json!({}),
        )
    }

    /// The plugin of a cloud takes what is declared in it.
    fn assert_taken(response: &ConstructResponse, definition: Definition, cloud: &str) {
        let mut own = response.clone();
        own.declarations
            .retain(|declared| declared.resource_type.provider() == cloud);
        Components::new(definition).assert_types_take(&own);
    }

    #[test]
    fn aws_and_azure_are_connected_by_two_tunnels_whose_keys_aws_makes() {
        let inputs = json!({
            "aws": { "vpn_gateway_id": "vgw-1" }, "azure": { "resource_group": "shop", "gateway_subnet_id": "/subnets/s" },
            "tags": { "team": "shop" },
        });
        let response = construct(inputs);
        assert_taken(&response, konductor_plugin_azure::Azure::definition(), "azure");
        insta::assert_json_snapshot!(shown(&response));
    }

    #[test]
    fn aws_and_google_are_connected_by_four_tunnels_between_two_addresses_each() {
        let inputs = json!({
            "name": "to-aws", "aws": { "vpn_gateway_id": "vgw-1", "asn": 64_620 }, "gcp": { "network": "global/networks/shop" },
        });
        let response = construct(inputs);
        assert_taken(&response, konductor_plugin_gcp::Gcp::definition(), "gcp");
        insta::assert_json_snapshot!(shown(&response));
    }

    #[test]
    fn one_other_end_is_given_and_not_two() {
        let aws = json!({ "vpn_gateway_id": "vgw-1" });
        let (azure, google) = (
            json!({ "resource_group": "shop", "gateway_subnet_id": "s" }),
            json!({ "network": "n" }),
        );
        for inputs in [
            json!({ "aws": aws }),
            json!({ "aws": aws, "azure": azure, "gcp": google }),
        ] {
            let [said] = messages(&construct(inputs)).try_into().unwrap();
            assert!(said.contains("give one of `azure` and `gcp`"), "{said}");
        }
    }
}
