//! Networks, and what guards, reaches and leaves them.

use konductor_sdk::model::schema::TextFormat;

use crate::typed::description::{Description, Parent, may, must, output};

const VERSION: &str = "2025-09-01";

/// A network.
pub static VIRTUAL_NETWORK: Description = Description {
    name: "azure:network:VirtualNetwork",
    about: "A network of its own. Its subnets are resources of their own, `azure:network:Subnet`.",
    arm_type: "Microsoft.Network/virtualNetworks",
    api_version: VERSION,
    parent: Parent::Group,
    attributes: &[
        must(
            "address_prefixes",
            "properties.addressSpace.addressPrefixes",
            "Its blocks of addresses.",
        )
        .format(TextFormat::Cidr),
        may(
            "dns_servers",
            "properties.dhcpOptions.dnsServers",
            "The name servers of its machines, in place of Azure's.",
        ),
        may(
            "flow_timeout_minutes",
            "properties.flowTimeoutInMinutes",
            "How long an idle flow is known.",
        ),
        may(
            "ddos_protection",
            "properties.enableDdosProtection",
            "Whether a plan protects it against floods.",
        )
        .default("false"),
        may(
            "ddos_protection_plan_id",
            "properties.ddosProtectionPlan.id",
            "That plan.",
        ),
        may(
            "encryption",
            "properties.encryption",
            "Whether traffic between machines is encrypted.",
        ),
        output(
            "resource_guid",
            "properties.resourceGuid",
            "What the network is known by inside Azure.",
        ),
    ],
    joins: &["Microsoft.Network/ddosProtectionPlans/join/action"],
    example: "network:\n  type: azure:network:VirtualNetwork\n  properties: { name: shop, resource_group: shop, location: westeurope, address_prefixes: [10.20.0.0/16] }\n",
    ..Description::BLANK
};

/// A subnet.
pub static SUBNET: Description = Description {
    name: "azure:network:Subnet",
    about: "A part of a network.",
    arm_type: "Microsoft.Network/virtualNetworks/subnets",
    api_version: VERSION,
    parent: Parent::Resource("virtual_network_id", ""),
    attributes: &[
        must(
            "address_prefix",
            "properties.addressPrefix",
            "Its block of addresses, in one of the network's.",
        )
        .format(TextFormat::Cidr),
        may(
            "network_security_group_id",
            "properties.networkSecurityGroup.id",
            "What guards it.",
        ),
        may(
            "route_table_id",
            "properties.routeTable.id",
            "How its traffic is routed.",
        ),
        may(
            "nat_gateway_id",
            "properties.natGateway.id",
            "How its traffic leaves.",
        ),
        may(
            "service_endpoints",
            "properties.serviceEndpoints",
            "Services that are reached without the internet.",
        ),
        may(
            "delegations",
            "properties.delegations",
            "The service that it is left to.",
        ),
        may(
            "private_endpoint_network_policies",
            "properties.privateEndpointNetworkPolicies",
            "Whether security groups and routes hold for private endpoints.",
        ),
        may(
            "default_outbound_access",
            "properties.defaultOutboundAccess",
            "Whether its machines reach the internet without a gateway.",
        ),
    ],
    joins: &[
        "Microsoft.Network/networkSecurityGroups/join/action",
        "Microsoft.Network/routeTables/join/action",
        "Microsoft.Network/natGateways/join/action",
    ],
    example: "public:\n  type: azure:network:Subnet\n  properties:\n    name: public\n    virtual_network_id: /subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/shop/providers/Microsoft.Network/virtualNetworks/shop\n    address_prefix: 10.20.1.0/24\n",
    ..Description::BLANK
};

/// A network security group.
pub static NETWORK_SECURITY_GROUP: Description = Description {
    name: "azure:network:NetworkSecurityGroup",
    about: "What lets traffic into subnets and interfaces. Its rules are resources of their own, \
            `azure:network:SecurityRule`.",
    arm_type: "Microsoft.Network/networkSecurityGroups",
    api_version: VERSION,
    parent: Parent::Group,
    attributes: &[
        may(
            "flush_connections",
            "properties.flushConnection",
            "Whether flows end when a rule changes.",
        ),
        output(
            "resource_guid",
            "properties.resourceGuid",
            "What it is known by inside Azure.",
        ),
    ],
    example: "web:\n  type: azure:network:NetworkSecurityGroup\n  properties: { name: web, resource_group: shop, location: westeurope }\n",
    ..Description::BLANK
};

/// A rule of a network security group.
pub static SECURITY_RULE: Description = Description {
    name: "azure:network:SecurityRule",
    about: "A rule of a network security group.",
    arm_type: "Microsoft.Network/networkSecurityGroups/securityRules",
    api_version: VERSION,
    parent: Parent::Resource("network_security_group_id", ""),
    attributes: &[
        must(
            "priority",
            "properties.priority",
            "The smallest number decides: 100 to 4096.",
        ),
        must("direction", "properties.direction", "`Inbound` or `Outbound`."),
        must("access", "properties.access", "`Allow` or `Deny`."),
        must(
            "protocol",
            "properties.protocol",
            "`Tcp`, `Udp`, `Icmp`, `Esp`, `Ah` or `*`.",
        ),
        may(
            "source_port_range",
            "properties.sourcePortRange",
            "The ports that traffic comes from.",
        )
        .default("\"*\""),
        may(
            "destination_port_range",
            "properties.destinationPortRange",
            "The ports that it goes to.",
        ),
        may(
            "destination_port_ranges",
            "properties.destinationPortRanges",
            "The same, for several.",
        ),
        may(
            "source_address_prefix",
            "properties.sourceAddressPrefix",
            "Where it comes from: a block, a service tag or `*`.",
        ),
        may(
            "source_address_prefixes",
            "properties.sourceAddressPrefixes",
            "The same, for several.",
        ),
        may(
            "destination_address_prefix",
            "properties.destinationAddressPrefix",
            "Where it goes to.",
        ),
        may(
            "destination_address_prefixes",
            "properties.destinationAddressPrefixes",
            "The same, for several.",
        ),
        may("description", "properties.description", "What it is for."),
    ],
    example: "https:\n  type: azure:network:SecurityRule\n  properties:\n    name: https\n    network_security_group_id: /subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/shop/providers/Microsoft.Network/networkSecurityGroups/web\n    priority: 100\n    direction: Inbound\n    access: Allow\n    protocol: Tcp\n    destination_port_range: \"443\"\n    source_address_prefix: Internet\n    destination_address_prefix: \"*\"\n",
    ..Description::BLANK
};

/// A public address.
pub static PUBLIC_IP: Description = Description {
    name: "azure:network:PublicIp",
    about: "A public address.",
    arm_type: "Microsoft.Network/publicIPAddresses",
    api_version: VERSION,
    parent: Parent::Group,
    attributes: &[
        may("sku", "sku.name", "`Standard` or `StandardV2`.").default("\"Standard\""),
        may(
            "allocation",
            "properties.publicIPAllocationMethod",
            "Whether it stays: `Static` or `Dynamic`.",
        )
        .default("\"Static\""),
        may(
            "version",
            "properties.publicIPAddressVersion",
            "`IPv4` or `IPv6`.",
        )
        .default("\"IPv4\""),
        may(
            "domain_name_label",
            "properties.dnsSettings.domainNameLabel",
            "Its name below `cloudapp.azure.com`.",
        ),
        may(
            "idle_timeout_minutes",
            "properties.idleTimeoutInMinutes",
            "How long an idle flow is kept.",
        )
        .default("4"),
        may("zones", "zones", "The zones that it stands in."),
        may(
            "public_ip_prefix_id",
            "properties.publicIPPrefix.id",
            "The block that it is taken from.",
        )
        .replaces(),
        output("ip_address", "properties.ipAddress", "The address.").format(TextFormat::Ipv4Address),
    ],
    joins: &["Microsoft.Network/publicIPPrefixes/join/action"],
    example: "address:\n  type: azure:network:PublicIp\n  properties: { name: web, resource_group: shop, location: westeurope }\n",
    ..Description::BLANK
};

/// A network interface.
pub static NETWORK_INTERFACE: Description = Description {
    name: "azure:network:NetworkInterface",
    about: "Where a machine is in a network.",
    arm_type: "Microsoft.Network/networkInterfaces",
    api_version: VERSION,
    parent: Parent::Group,
    attributes: &[
        must(
            "ip_configurations",
            "properties.ipConfigurations",
            "Its addresses: each a `name` and `properties` with `subnet.id`.",
        ),
        may(
            "network_security_group_id",
            "properties.networkSecurityGroup.id",
            "What guards it.",
        ),
        may(
            "dns_servers",
            "properties.dnsSettings.dnsServers",
            "Its name servers, in place of the network's.",
        ),
        may(
            "ip_forwarding",
            "properties.enableIPForwarding",
            "Whether it takes traffic that is not for it.",
        )
        .default("false"),
        may(
            "accelerated_networking",
            "properties.enableAcceleratedNetworking",
            "Whether the machine reaches the hardware.",
        )
        .default("false"),
        output(
            "mac_address",
            "properties.macAddress",
            "Its hardware address, once a machine has it.",
        ),
    ],
    joins: &[
        "Microsoft.Network/virtualNetworks/subnets/join/action",
        "Microsoft.Network/publicIPAddresses/join/action",
        "Microsoft.Network/networkSecurityGroups/join/action",
        "Microsoft.Network/loadBalancers/backendAddressPools/join/action",
    ],
    example: "web:\n  type: azure:network:NetworkInterface\n  properties:\n    name: web\n    resource_group: shop\n    location: westeurope\n    ip_configurations:\n      - name: main\n        properties:\n          subnet: { id: /subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/shop/providers/Microsoft.Network/virtualNetworks/shop/subnets/public }\n",
    ..Description::BLANK
};

/// A route table.
pub static ROUTE_TABLE: Description = Description {
    name: "azure:network:RouteTable",
    about: "How the traffic of subnets is routed. Its routes are resources of their own, `azure:network:Route`.",
    arm_type: "Microsoft.Network/routeTables",
    api_version: VERSION,
    parent: Parent::Group,
    attributes: &[may(
        "disable_gateway_routes",
        "properties.disableBgpRoutePropagation",
        "Whether routes that a gateway has learned are left out.",
    )
    .default("false")],
    example: "routes:\n  type: azure:network:RouteTable\n  properties: { name: shop, resource_group: shop, location: westeurope }\n",
    ..Description::BLANK
};

/// A route.
pub static ROUTE: Description = Description {
    name: "azure:network:Route",
    about: "A route of a route table.",
    arm_type: "Microsoft.Network/routeTables/routes",
    api_version: VERSION,
    parent: Parent::Resource("route_table_id", ""),
    attributes: &[
        must(
            "address_prefix",
            "properties.addressPrefix",
            "Where traffic goes to.",
        ),
        must(
            "next_hop_type",
            "properties.nextHopType",
            "Where it is sent: `VirtualAppliance`, `Internet`, `VnetLocal`, `VirtualNetworkGateway` or `None`.",
        ),
        may(
            "next_hop_ip_address",
            "properties.nextHopIpAddress",
            "The address of the appliance.",
        ),
    ],
    example: "out:\n  type: azure:network:Route\n  properties:\n    name: out\n    route_table_id: /subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/shop/providers/Microsoft.Network/routeTables/shop\n    address_prefix: 0.0.0.0/0\n    next_hop_type: Internet\n",
    ..Description::BLANK
};

/// A NAT gateway.
pub static NAT_GATEWAY: Description = Description {
    name: "azure:network:NatGateway",
    about: "How machines without public addresses reach the internet.",
    arm_type: "Microsoft.Network/natGateways",
    api_version: VERSION,
    parent: Parent::Group,
    attributes: &[
        may("sku", "sku.name", "`Standard` or `StandardV2`.").default("\"Standard\""),
        may(
            "public_ip_addresses",
            "properties.publicIpAddresses",
            "The addresses that it uses, by `id`.",
        ),
        may(
            "public_ip_prefixes",
            "properties.publicIpPrefixes",
            "The blocks of addresses that it uses, by `id`.",
        ),
        may(
            "idle_timeout_minutes",
            "properties.idleTimeoutInMinutes",
            "How long an idle flow is kept.",
        )
        .default("4"),
        may("zones", "zones", "The zone that it stands in."),
    ],
    joins: &[
        "Microsoft.Network/publicIPAddresses/join/action",
        "Microsoft.Network/publicIPPrefixes/join/action",
    ],
    example: "out:\n  type: azure:network:NatGateway\n  properties: { name: shop, resource_group: shop, location: westeurope }\n",
    ..Description::BLANK
};
