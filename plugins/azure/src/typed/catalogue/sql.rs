//! SQL servers and their databases.

use konductor_sdk::model::schema::TextFormat;

use crate::typed::description::{Description, Names, Parent, Rule, may, must, output};

const VERSION: &str = "2025-01-01";

/// A SQL server.
pub static SERVER: Description = Description {
    name: "azure:sql:Server",
    about: "A SQL server, which databases stand in. Without other words it takes TLS 1.2 alone, and is not reached from \
            the internet.",
    arm_type: "Microsoft.Sql/servers",
    api_version: VERSION,
    parent: Parent::Group,
    attributes: &[
        may(
            "administrator_login",
            "properties.administratorLogin",
            "Who may do everything, with a password.",
        ),
        may(
            "administrator_password",
            "properties.administratorLoginPassword",
            "The password.",
        ),
        may(
            "entra_administrator",
            "properties.administrators",
            "Who of Entra ID may do everything: `administratorType: ActiveDirectory`, `login`, `sid`, `tenantId`, and \
             `azureADOnlyAuthentication: true` where passwords are not to be taken.",
        ),
        may("version", "properties.version", "The version of its protocol.").default("\"12.0\""),
        may(
            "minimum_tls_version",
            "properties.minimalTlsVersion",
            "The oldest TLS that is answered.",
        )
        .default("\"1.2\""),
        may(
            "public_network_access",
            "properties.publicNetworkAccess",
            "Whether it is reached from the internet, by those that firewall rules let in.",
        )
        .default("\"Disabled\""),
        may(
            "restrict_outbound_network_access",
            "properties.restrictOutboundNetworkAccess",
            "Whether it reaches only what is allowed.",
        ),
        may("identity", "identity", "The identities that it acts with."),
        may(
            "primary_identity_id",
            "properties.primaryUserAssignedIdentityId",
            "The one of them that it uses by itself.",
        ),
        may(
            "key_id",
            "properties.keyId",
            "The key of a vault that its data is encrypted with.",
        ),
        output(
            "fully_qualified_domain_name",
            "properties.fullyQualifiedDomainName",
            "Where it is.",
        ),
    ],
    names: Names::Matching(
        "1 to 63 small letters, digits and hyphens, which nobody else in Azure has",
        "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?",
    ),
    rules: &[
        Rule::AtLeastOne(&["administrator_login", "entra_administrator"]),
        Rule::Needs("administrator_login", "administrator_password"),
        Rule::Needs("administrator_password", "administrator_login"),
    ],
    joins: &["Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"],
    example: "shop:\n  type: azure:sql:Server\n  properties:\n    name: konductor-shop\n    resource_group: shop\n    location: westeurope\n    entra_administrator:\n      administratorType: ActiveDirectory\n      azureADOnlyAuthentication: true\n      login: database-administrators\n      sid: 22222222-3333-4444-5555-666666666666\n      tenantId: 11111111-2222-3333-4444-555555555555\n",
    ..Description::BLANK
};

/// A database.
pub static DATABASE: Description = Description {
    name: "azure:sql:Database",
    about: "A database of a SQL server.",
    arm_type: "Microsoft.Sql/servers/databases",
    api_version: VERSION,
    parent: Parent::Resource("server_id", ""),
    attributes: &[
        may(
            "sku",
            "sku.name",
            "What it may use: `GP_S_Gen5_2`, `S0`. Azure chooses where it is not given.",
        )
        .computed(),
        may(
            "capacity",
            "sku.capacity",
            "How much of it, where the SKU is of several sizes.",
        ),
        may(
            "tier",
            "sku.tier",
            "The tier, where the SKU does not tell: `GeneralPurpose`.",
        ),
        may(
            "family",
            "sku.family",
            "The hardware, where the SKU does not tell: `Gen5`.",
        ),
        may(
            "collation",
            "properties.collation",
            "How texts are compared, such as `SQL_Latin1_General_CP1_CI_AS`.",
        )
        .computed(),
        may(
            "max_size_bytes",
            "properties.maxSizeBytes",
            "How much it holds at most.",
        )
        .computed(),
        may(
            "zone_redundant",
            "properties.zoneRedundant",
            "Whether it stands in several zones.",
        )
        .default("false"),
        may(
            "backup_redundancy",
            "properties.requestedBackupStorageRedundancy",
            "How its backups are replicated: `Local`, `Zone`, `Geo`, `GeoZone`.",
        )
        .default("\"Geo\""),
        may(
            "auto_pause_minutes",
            "properties.autoPauseDelay",
            "After how long without use it pauses, where the SKU is serverless; -1 never.",
        ),
        may(
            "elastic_pool_id",
            "properties.elasticPoolId",
            "The pool that it shares with others.",
        ),
        may(
            "license",
            "properties.licenseType",
            "`LicenseIncluded`, or `BasePrice` for those who have a licence.",
        ),
        may(
            "read_scale",
            "properties.readScale",
            "Whether readers get a replica.",
        ),
        may(
            "ledger",
            "properties.isLedgerOn",
            "Whether all its tables can prove what was in them.",
        ),
        may(
            "create_mode",
            "properties.createMode",
            "What it begins as, where it does not begin empty: `Copy`, `Secondary`, `PointInTimeRestore`.",
        )
        .kept(),
        may(
            "source_database_id",
            "properties.sourceDatabaseId",
            "The database that it begins as.",
        )
        .kept(),
        may("identity", "identity", "The identities that it acts with."),
        output(
            "database_id",
            "properties.databaseId",
            "What it is known by inside Azure.",
        ),
    ],
    rules: &[
        Rule::Needs("capacity", "sku"),
        Rule::Needs("tier", "sku"),
        Rule::Needs("family", "sku"),
        Rule::Needs("source_database_id", "create_mode"),
    ],
    joins: &["Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"],
    example: "orders:\n  type: azure:sql:Database\n  properties:\n    name: orders\n    server_id: /subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/shop/providers/Microsoft.Sql/servers/konductor-shop\n    location: westeurope\n    sku: S0\n",
    ..Description::BLANK
};

/// A rule of a SQL server's firewall.
pub static FIREWALL_RULE: Description = Description {
    name: "azure:sql:FirewallRule",
    about: "Lets addresses of the internet reach a SQL server. From 0.0.0.0 to 0.0.0.0 lets in all of Azure.",
    arm_type: "Microsoft.Sql/servers/firewallRules",
    api_version: VERSION,
    parent: Parent::Resource("server_id", ""),
    attributes: &[
        must(
            "start_ip_address",
            "properties.startIpAddress",
            "The first of them.",
        )
        .format(TextFormat::Ipv4Address),
        must("end_ip_address", "properties.endIpAddress", "The last of them.")
            .format(TextFormat::Ipv4Address),
    ],
    example: "office:\n  type: azure:sql:FirewallRule\n  properties:\n    name: office\n    server_id: /subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/shop/providers/Microsoft.Sql/servers/konductor-shop\n    start_ip_address: 192.0.2.1\n    end_ip_address: 192.0.2.9\n",
    ..Description::BLANK
};
