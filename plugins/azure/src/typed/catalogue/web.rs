//! Function apps, and the plans that they run on.

use crate::typed::description::{Description, Names, Parent, may, must, output};

const VERSION: &str = "2025-03-01";

/// A plan.
pub static SERVICE_PLAN: Description = Description {
    name: "azure:web:ServicePlan",
    about: "What apps run on: how many machines of which kind.",
    arm_type: "Microsoft.Web/serverfarms",
    api_version: VERSION,
    parent: Parent::Group,
    attributes: &[
        must(
            "sku",
            "sku.name",
            "`Y1` for functions paid by use, `FC1` for Flex Consumption, `EP1`, `B1`, `P1v3`.",
        ),
        may(
            "tier",
            "sku.tier",
            "The tier, where the SKU does not tell: `FlexConsumption`.",
        ),
        may("capacity", "sku.capacity", "How many machines."),
        may("kind", "kind", "`linux`, `functionapp`, `elastic`.")
            .computed()
            .replaces(),
        may("linux", "properties.reserved", "Whether they run Linux.").default("true"),
        may(
            "zone_redundant",
            "properties.zoneRedundant",
            "Whether they stand in several zones.",
        )
        .default("false"),
        may(
            "per_site_scaling",
            "properties.perSiteScaling",
            "Whether each app grows by itself.",
        ),
        may(
            "maximum_elastic_workers",
            "properties.maximumElasticWorkerCount",
            "How many machines it grows to, where it grows by itself.",
        ),
    ],
    names: Names::Matching("1 to 60 letters, digits and hyphens", "[A-Za-z0-9-]{1,60}"),
    example: "plan:\n  type: azure:web:ServicePlan\n  properties: { name: shop, resource_group: shop, location: westeurope, sku: Y1 }\n",
    ..Description::BLANK
};

/// A function app.
pub static FUNCTION_APP: Description = Description {
    name: "azure:web:FunctionApp",
    about: "A function app. Without other words it takes TLS 1.2 and HTTPS alone, and no FTP. Azure does not give back how \
            a site is set up, so what others change there is not seen.",
    arm_type: "Microsoft.Web/sites",
    api_version: VERSION,
    parent: Parent::Group,
    attributes: &[
        must(
            "service_plan_id",
            "properties.serverFarmId",
            "The plan that it runs on.",
        ),
        may(
            "kind",
            "kind",
            "`functionapp,linux`, or `functionapp` for Windows.",
        )
        .default("\"functionapp,linux\"")
        .replaces(),
        may("linux", "properties.reserved", "Whether it runs on Linux.").default("true"),
        may(
            "https_only",
            "properties.httpsOnly",
            "Whether HTTP is sent on to HTTPS.",
        )
        .default("true"),
        may(
            "public_network_access",
            "properties.publicNetworkAccess",
            "Whether it is reached from the internet: `Enabled` or `Disabled`.",
        ),
        may(
            "minimum_tls_version",
            "properties.siteConfig.minTlsVersion",
            "The oldest TLS that is answered.",
        )
        .default("\"1.2\"")
        .kept(),
        may(
            "deployment_minimum_tls_version",
            "properties.siteConfig.scmMinTlsVersion",
            "The same, where code is brought to it.",
        )
        .default("\"1.2\"")
        .kept(),
        may(
            "ftps_state",
            "properties.siteConfig.ftpsState",
            "Whether files are brought with FTP: `Disabled`, `FtpsOnly`, `AllAllowed`.",
        )
        .default("\"Disabled\"")
        .kept(),
        may(
            "runtime",
            "properties.siteConfig.linuxFxVersion",
            "What runs its functions, on Linux: `Python|3.13`, `DOTNET-ISOLATED|10.0`.",
        )
        .kept(),
        may(
            "app_settings",
            "properties.siteConfig.appSettings",
            "Its settings: each `name` and `value`. A value that is secret is given as one.",
        )
        .kept(),
        may(
            "always_on",
            "properties.siteConfig.alwaysOn",
            "Whether it runs also when nobody calls.",
        )
        .kept(),
        may(
            "http2",
            "properties.siteConfig.http20Enabled",
            "Whether HTTP/2 is answered.",
        )
        .default("true")
        .kept(),
        may(
            "cors",
            "properties.siteConfig.cors",
            "The sites whose pages may call it.",
        )
        .kept(),
        may(
            "ip_restrictions",
            "properties.siteConfig.ipSecurityRestrictions",
            "The addresses that reach it.",
        )
        .kept(),
        may(
            "maximum_instances",
            "properties.siteConfig.functionAppScaleLimit",
            "How far it grows.",
        )
        .kept(),
        may(
            "flex",
            "properties.functionAppConfig",
            "How it is deployed, run and grown, on Flex Consumption.",
        ),
        may(
            "client_certificates",
            "properties.clientCertEnabled",
            "Whether callers show certificates.",
        )
        .default("false"),
        may(
            "client_certificate_mode",
            "properties.clientCertMode",
            "Whether they must: `Required`, `Optional`.",
        ),
        may(
            "subnet_id",
            "properties.virtualNetworkSubnetId",
            "The subnet that it reaches a network through.",
        ),
        may("identity", "identity", "The identities that it acts with."),
        may(
            "key_vault_identity_id",
            "properties.keyVaultReferenceIdentity",
            "The one of them that reads the secrets which its settings refer to.",
        ),
        output("default_host_name", "properties.defaultHostName", "Where it is."),
        output(
            "outbound_ip_addresses",
            "properties.outboundIpAddresses",
            "The addresses that it calls from.",
        )
        .volatile(),
    ],
    names: Names::Matching(
        "2 to 60 letters, digits and hyphens, which nobody else in Azure has",
        "[A-Za-z0-9][A-Za-z0-9-]{0,58}[A-Za-z0-9]",
    ),
    joins: &[
        "Microsoft.Web/serverfarms/join/action",
        "Microsoft.Network/virtualNetworks/subnets/join/action",
        "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
    ],
    example: "orders:\n  type: azure:web:FunctionApp\n  properties:\n    name: konductor-orders\n    resource_group: shop\n    location: westeurope\n    service_plan_id: /subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/shop/providers/Microsoft.Web/serverfarms/shop\n    runtime: Python|3.13\n    app_settings:\n      - { name: FUNCTIONS_EXTENSION_VERSION, value: ~4 }\n      - { name: FUNCTIONS_WORKER_RUNTIME, value: python }\n",
    ..Description::BLANK
};
