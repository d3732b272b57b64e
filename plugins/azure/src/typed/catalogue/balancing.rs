//! What spreads traffic over machines. The parts of each refer to each other as `self/probes/web`.

use crate::typed::description::{Description, Parent, may, must, output};

const VERSION: &str = "2025-09-01";

/// A load balancer.
pub static LOAD_BALANCER: Description = Description {
    name: "azure:network:LoadBalancer",
    about: "Spreads connections over machines. Its parts refer to each other by identifiers that begin with its own; write \
            `self` for that: `{ id: self/frontendIPConfigurations/public }`.",
    arm_type: "Microsoft.Network/loadBalancers",
    api_version: VERSION,
    parent: Parent::Group,
    attributes: &[
        must(
            "frontends",
            "properties.frontendIPConfigurations",
            "Where it is reached: each a `name` and `properties` with `publicIPAddress.id` or `subnet.id`.",
        ),
        may(
            "backend_pools",
            "properties.backendAddressPools",
            "The machines: each a `name`; network interfaces say which they belong to.",
        ),
        may(
            "probes",
            "properties.probes",
            "How it is told whether a machine works: each a `name` and `properties` with `protocol` and `port`.",
        ),
        may(
            "rules",
            "properties.loadBalancingRules",
            "What goes where: each a `name` and `properties` with `protocol`, `frontendPort`, `backendPort`, \
             `frontendIPConfiguration`, `backendAddressPool`, `probe`.",
        ),
        may(
            "inbound_nat_rules",
            "properties.inboundNatRules",
            "Ports that lead to one machine.",
        ),
        may(
            "outbound_rules",
            "properties.outboundRules",
            "How machines reach the internet through it.",
        ),
        may("sku", "sku.name", "`Standard` or `Gateway`.").default("\"Standard\""),
        may("tier", "sku.tier", "`Regional` or `Global`.").default("\"Regional\""),
    ],
    joins: &[
        "Microsoft.Network/virtualNetworks/subnets/join/action",
        "Microsoft.Network/publicIPAddresses/join/action",
    ],
    example: "web:\n  type: azure:network:LoadBalancer\n  properties:\n    name: web\n    resource_group: shop\n    location: westeurope\n    frontends:\n      - name: public\n        properties: { publicIPAddress: { id: /subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/shop/providers/Microsoft.Network/publicIPAddresses/web } }\n    backend_pools: [{ name: machines }]\n    probes: [{ name: https, properties: { protocol: Tcp, port: 443 } }]\n    rules:\n      - name: https\n        properties:\n          protocol: Tcp\n          frontendPort: 443\n          backendPort: 443\n          frontendIPConfiguration: { id: self/frontendIPConfigurations/public }\n          backendAddressPool: { id: self/backendAddressPools/machines }\n          probe: { id: self/probes/https }\n",
    ..Description::BLANK
};

/// An application gateway.
pub static APPLICATION_GATEWAY: Description = Description {
    name: "azure:network:ApplicationGateway",
    about: "Spreads requests of HTTP over machines. Its parts refer to each other by identifiers that begin with its own; \
            write `self` for that: `{ id: self/httpListeners/https }`. Without other words it takes TLS 1.2 alone, with \
            Azure's policy of 2022.",
    arm_type: "Microsoft.Network/applicationGateways",
    api_version: VERSION,
    parent: Parent::Group,
    attributes: &[
        must(
            "ip_configurations",
            "properties.gatewayIPConfigurations",
            "The subnet that is its own: a `name` and `properties` with `subnet.id`.",
        ),
        must(
            "frontends",
            "properties.frontendIPConfigurations",
            "Where it is reached: each a `name` and `properties` with `publicIPAddress.id` or `subnet.id`.",
        ),
        must(
            "ports",
            "properties.frontendPorts",
            "Its ports: each a `name` and `properties.port`.",
        ),
        must(
            "backend_pools",
            "properties.backendAddressPools",
            "The machines: each a `name` and `properties.backendAddresses`.",
        ),
        must(
            "backend_settings",
            "properties.backendHttpSettingsCollection",
            "How they are called: each a `name` and `properties` with `port` and `protocol`.",
        ),
        must(
            "listeners",
            "properties.httpListeners",
            "What is listened to: each a `name` and `properties` with `frontendIPConfiguration`, `frontendPort`, \
             `protocol`, and `sslCertificate` for HTTPS.",
        ),
        must(
            "rules",
            "properties.requestRoutingRules",
            "What goes where: each a `name` and `properties` with `ruleType`, `priority`, `httpListener`, \
             `backendAddressPool`, `backendHttpSettings`.",
        ),
        may(
            "sku",
            "properties.sku",
            "What it is and how large: `name`, `tier`, `capacity`.",
        )
        .default("{\"name\":\"Standard_v2\",\"tier\":\"Standard_v2\"}"),
        may(
            "scaling",
            "properties.autoscaleConfiguration",
            "How it grows, where `sku` says no `capacity`: `minCapacity`, `maxCapacity`.",
        ),
        may("tls_policy", "properties.sslPolicy", "The TLS that is taken.")
            .default("{\"policyType\":\"Predefined\",\"policyName\":\"AppGwSslPolicy20220101\"}"),
        may(
            "certificates",
            "properties.sslCertificates",
            "Its certificates: each a `name` and `properties.keyVaultSecretId`.",
        ),
        may(
            "trusted_root_certificates",
            "properties.trustedRootCertificates",
            "Who vouches for the machines.",
        ),
        may(
            "probes",
            "properties.probes",
            "How it is told whether a machine works.",
        ),
        may(
            "url_path_maps",
            "properties.urlPathMaps",
            "What goes where, by path.",
        ),
        may(
            "redirects",
            "properties.redirectConfigurations",
            "What callers are sent on to.",
        ),
        may(
            "rewrites",
            "properties.rewriteRuleSets",
            "How requests and answers are changed.",
        ),
        may(
            "firewall_policy_id",
            "properties.firewallPolicy.id",
            "The policy of its firewall, where the SKU is `WAF_v2`.",
        ),
        may("http2", "properties.enableHttp2", "Whether HTTP/2 is answered.").default("true"),
        may("zones", "zones", "The zones that it stands in."),
        may(
            "identity",
            "identity",
            "The identity that reads its certificates.",
        ),
        output(
            "operational_state",
            "properties.operationalState",
            "Whether it runs.",
        )
        .volatile(),
    ],
    joins: &[
        "Microsoft.Network/virtualNetworks/subnets/join/action",
        "Microsoft.Network/publicIPAddresses/join/action",
        "Microsoft.Network/ApplicationGatewayWebApplicationFirewallPolicies/join/action",
        "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
    ],
    example: "web:\n  type: azure:network:ApplicationGateway\n  properties:\n    name: web\n    resource_group: shop\n    location: westeurope\n    sku: { name: Standard_v2, tier: Standard_v2, capacity: 2 }\n    ip_configurations:\n      - name: main\n        properties: { subnet: { id: /subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/shop/providers/Microsoft.Network/virtualNetworks/shop/subnets/gateway } }\n    frontends:\n      - name: public\n        properties: { publicIPAddress: { id: /subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/shop/providers/Microsoft.Network/publicIPAddresses/web } }\n    ports: [{ name: http, properties: { port: 80 } }]\n    backend_pools: [{ name: machines, properties: { backendAddresses: [{ ipAddress: 10.20.1.4 }] } }]\n    backend_settings: [{ name: http, properties: { port: 80, protocol: Http } }]\n    listeners:\n      - name: http\n        properties:\n          protocol: Http\n          frontendIPConfiguration: { id: self/frontendIPConfigurations/public }\n          frontendPort: { id: self/frontendPorts/http }\n    rules:\n      - name: http\n        properties:\n          ruleType: Basic\n          priority: 100\n          httpListener: { id: self/httpListeners/http }\n          backendAddressPool: { id: self/backendAddressPools/machines }\n          backendHttpSettings: { id: self/backendHttpSettingsCollection/http }\n",
    ..Description::BLANK
};
