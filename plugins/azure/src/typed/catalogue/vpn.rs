//! Gateways of networks, and the connections between them and other sites.

use crate::typed::description::{Description, Parent, Rule, may, must, output};

const VERSION: &str = "2025-09-01";

/// A gateway of a network.
pub static VIRTUAL_NETWORK_GATEWAY: Description = Description {
    name: "azure:network:VirtualNetworkGateway",
    about: "Where a network meets other sites, over VPN or ExpressRoute. It stands in the subnet `GatewaySubnet`, and takes \
            half an hour to make.",
    arm_type: "Microsoft.Network/virtualNetworkGateways",
    api_version: VERSION,
    parent: Parent::Group,
    attributes: &[
        must(
            "ip_configurations",
            "properties.ipConfigurations",
            "Its addresses: each a `name` and `properties` with `subnet.id` and `publicIPAddress.id`; two where it is \
             `active_active`.",
        ),
        may("kind", "properties.gatewayType", "`Vpn` or `ExpressRoute`.").default("\"Vpn\""),
        may("vpn_type", "properties.vpnType", "`RouteBased` or `PolicyBased`.").default("\"RouteBased\""),
        may(
            "sku",
            "properties.sku",
            "How fast it is: `name` and `tier`, which are the same.",
        )
        .default("{\"name\":\"VpnGw1AZ\",\"tier\":\"VpnGw1AZ\"}"),
        may(
            "generation",
            "properties.vpnGatewayGeneration",
            "`Generation1` or `Generation2`.",
        ),
        may(
            "active_active",
            "properties.activeActive",
            "Whether it has two machines that both work.",
        )
        .default("false"),
        may(
            "enable_bgp",
            "properties.enableBgp",
            "Whether it learns and tells routes.",
        )
        .default("false"),
        may(
            "bgp",
            "properties.bgpSettings",
            "How it does: `asn`, and addresses that peers see.",
        )
        .computed(),
        may(
            "private_ip_address",
            "properties.enablePrivateIpAddress",
            "Whether connections may use a private address.",
        ),
        may(
            "custom_routes",
            "properties.customRoutes",
            "Blocks of addresses that clients are told beside.",
        ),
        may(
            "vpn_clients",
            "properties.vpnClientConfiguration",
            "The people who reach the network from where they are.",
        ),
        may(
            "nat_rules",
            "properties.natRules",
            "How addresses are translated.",
        )
        .computed(),
        output(
            "resource_guid",
            "properties.resourceGuid",
            "What it is known by inside Azure.",
        ),
    ],
    joins: &[
        "Microsoft.Network/virtualNetworks/subnets/join/action",
        "Microsoft.Network/publicIPAddresses/join/action",
    ],
    example: "gateway:\n  type: azure:network:VirtualNetworkGateway\n  properties:\n    name: shop\n    resource_group: shop\n    location: westeurope\n    ip_configurations:\n      - name: main\n        properties:\n          subnet: { id: /subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/shop/providers/Microsoft.Network/virtualNetworks/shop/subnets/GatewaySubnet }\n          publicIPAddress: { id: /subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/shop/providers/Microsoft.Network/publicIPAddresses/gateway }\n",
    ..Description::BLANK
};

/// The other end of a connection.
pub static LOCAL_NETWORK_GATEWAY: Description = Description {
    name: "azure:network:LocalNetworkGateway",
    about: "The other end of a connection, as Azure knows it: a site, or a network of another cloud.",
    arm_type: "Microsoft.Network/localNetworkGateways",
    api_version: VERSION,
    parent: Parent::Group,
    attributes: &[
        may(
            "gateway_ip_address",
            "properties.gatewayIpAddress",
            "The public address of its gateway.",
        ),
        may(
            "fqdn",
            "properties.fqdn",
            "The name of its gateway, where the address changes.",
        ),
        may(
            "address_prefixes",
            "properties.localNetworkAddressSpace.addressPrefixes",
            "The blocks of addresses behind it.",
        ),
        may(
            "bgp",
            "properties.bgpSettings",
            "How it tells its routes: `asn`, `bgpPeeringAddress`.",
        ),
    ],
    rules: &[
        Rule::AtLeastOne(&["gateway_ip_address", "fqdn"]),
        Rule::AtMostOne(&["gateway_ip_address", "fqdn"]),
        Rule::AtLeastOne(&["address_prefixes", "bgp"]),
    ],
    example: "office:\n  type: azure:network:LocalNetworkGateway\n  properties: { name: office, resource_group: shop, location: westeurope, gateway_ip_address: 192.0.2.1, address_prefixes: [10.30.0.0/16] }\n",
    ..Description::BLANK
};

/// A connection of two gateways.
pub static CONNECTION: Description = Description {
    name: "azure:network:Connection",
    about: "A connection of a network's gateway with another end, over VPN or ExpressRoute.",
    arm_type: "Microsoft.Network/connections",
    api_version: VERSION,
    parent: Parent::Group,
    attributes: &[
        must(
            "virtual_network_gateway_id",
            "properties.virtualNetworkGateway1.id",
            "The network's gateway.",
        )
        .beside(&[("properties.virtualNetworkGateway1.properties", "{}")]),
        may(
            "local_network_gateway_id",
            "properties.localNetworkGateway2.id",
            "The other end, where it is a site.",
        )
        .beside(&[("properties.localNetworkGateway2.properties", "{}")]),
        may(
            "peer_gateway_id",
            "properties.virtualNetworkGateway2.id",
            "The other end, where it is a network of Azure.",
        )
        .beside(&[("properties.virtualNetworkGateway2.properties", "{}")]),
        may(
            "express_route_circuit_id",
            "properties.peer.id",
            "The other end, where it is a circuit of ExpressRoute.",
        ),
        may(
            "kind",
            "properties.connectionType",
            "`IPsec` to a site, `Vnet2Vnet` to a network, or `ExpressRoute`.",
        )
        .default("\"IPsec\""),
        may("shared_key", "properties.sharedKey", "What both ends know.").secret(),
        may("protocol", "properties.connectionProtocol", "`IKEv2` or `IKEv1`.").default("\"IKEv2\""),
        may(
            "mode",
            "properties.connectionMode",
            "Who begins: `Default`, `InitiatorOnly`, `ResponderOnly`.",
        ),
        may(
            "enable_bgp",
            "properties.enableBgp",
            "Whether the ends tell each other routes.",
        )
        .default("false"),
        may(
            "ipsec_policies",
            "properties.ipsecPolicies",
            "The ciphers that are taken, in place of Azure's choice.",
        ),
        may(
            "policy_based_traffic_selectors",
            "properties.usePolicyBasedTrafficSelectors",
            "Whether the other end decides by policies, and not by routes.",
        ),
        may(
            "dead_peer_seconds",
            "properties.dpdTimeoutSeconds",
            "After how long without an answer the other end is gone.",
        ),
        may(
            "routing_weight",
            "properties.routingWeight",
            "Which of several connections is taken.",
        ),
        output(
            "status",
            "properties.connectionStatus",
            "Whether the other end was reached.",
        )
        .volatile(),
    ],
    rules: &[
        Rule::AtLeastOne(&[
            "local_network_gateway_id",
            "peer_gateway_id",
            "express_route_circuit_id",
        ]),
        Rule::AtMostOne(&[
            "local_network_gateway_id",
            "peer_gateway_id",
            "express_route_circuit_id",
        ]),
        Rule::Needs("local_network_gateway_id", "shared_key"),
    ],
    example: "office:\n  type: azure:network:Connection\n  properties:\n    name: office\n    resource_group: shop\n    location: westeurope\n    virtual_network_gateway_id: /subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/shop/providers/Microsoft.Network/virtualNetworkGateways/shop\n    local_network_gateway_id: /subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/shop/providers/Microsoft.Network/localNetworkGateways/office\n    shared_key: ${vpn:shared_key}\n",
    ..Description::BLANK
};
