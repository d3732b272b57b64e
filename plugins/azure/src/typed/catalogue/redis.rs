//! Caches: Azure Managed Redis, which has taken the place of Azure Cache for Redis.

use crate::typed::description::{Description, Names, Parent, may, output};

const VERSION: &str = "2025-07-01";

/// A cache.
pub static CACHE: Description = Description {
    name: "azure:redis:Cache",
    about: "A cache of Azure Managed Redis; what it holds is its database, `azure:redis:Database`. Without other words it \
            takes TLS 1.2 alone, and is not reached from the internet.",
    arm_type: "Microsoft.Cache/redisEnterprise",
    api_version: VERSION,
    parent: Parent::Group,
    attributes: &[
        may("sku", "sku.name", "How large and how fast it is.").default("\"Balanced_B0\""),
        may(
            "high_availability",
            "properties.highAvailability",
            "Whether it is replicated: `Enabled` or `Disabled`.",
        )
        .default("\"Enabled\""),
        may(
            "minimum_tls_version",
            "properties.minimumTlsVersion",
            "The oldest TLS that is answered.",
        )
        .default("\"1.2\""),
        may(
            "public_network_access",
            "properties.publicNetworkAccess",
            "Whether it is reached from the internet.",
        )
        .default("\"Disabled\""),
        may(
            "encryption",
            "properties.encryption",
            "The key of a vault that its data is encrypted with.",
        ),
        may("identity", "identity", "The identities that it acts with."),
        may("zones", "zones", "The zones that it stands in."),
        output("host_name", "properties.hostName", "Where it is."),
        output(
            "redis_version",
            "properties.redisVersion",
            "The version of Redis that it runs.",
        )
        .volatile(),
    ],
    names: Names::Matching(
        "1 to 60 letters, digits and single hyphens",
        "[A-Za-z0-9](-?[A-Za-z0-9]){0,59}",
    ),
    joins: &["Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"],
    example: "sessions:\n  type: azure:redis:Cache\n  properties: { name: konductor-sessions, resource_group: shop, location: westeurope }\n",
    ..Description::BLANK
};

/// What a cache holds.
pub static DATABASE: Description = Description {
    name: "azure:redis:Database",
    about: "What a cache holds; a cache has one, called `default`. Without other words it takes TLS and Entra ID alone.",
    arm_type: "Microsoft.Cache/redisEnterprise/databases",
    api_version: VERSION,
    parent: Parent::Resource("cache_id", ""),
    attributes: &[
        may(
            "access_keys",
            "properties.accessKeysAuthentication",
            "Whether its keys are answered, beside Entra ID: `Enabled` or `Disabled`.",
        )
        .default("\"Disabled\""),
        may(
            "client_protocol",
            "properties.clientProtocol",
            "`Encrypted` for TLS, or `Plaintext`.",
        )
        .default("\"Encrypted\""),
        may("port", "properties.port", "Its port.").computed(),
        may(
            "clustering",
            "properties.clusteringPolicy",
            "How clients see its parts: `OSSCluster`, `EnterpriseCluster`, `NoCluster`.",
        )
        .default("\"OSSCluster\""),
        may(
            "eviction",
            "properties.evictionPolicy",
            "What goes when it is full.",
        )
        .default("\"VolatileLRU\""),
        may(
            "modules",
            "properties.modules",
            "What it does beside: each a `name`, such as `RedisJSON`, `RediSearch`.",
        ),
        may(
            "persistence",
            "properties.persistence",
            "Whether and how often it is written to disks.",
        ),
        may(
            "geo_replication",
            "properties.geoReplication",
            "The databases that it is one with.",
        ),
        output(
            "redis_version",
            "properties.redisVersion",
            "The version of Redis that it runs.",
        )
        .volatile(),
    ],
    example: "data:\n  type: azure:redis:Database\n  properties:\n    name: default\n    cache_id: /subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/shop/providers/Microsoft.Cache/redisEnterprise/konductor-sessions\n",
    ..Description::BLANK
};
