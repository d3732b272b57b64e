//! Cosmos DB.

use crate::typed::description::{Description, Names, Parent, may, must, output};

/// An account.
pub static ACCOUNT: Description = Description {
    name: "azure:cosmos:Account",
    about: "An account of Cosmos DB. Without other words it takes TLS 1.2 alone, and is not reached from the internet.",
    arm_type: "Microsoft.DocumentDB/databaseAccounts",
    api_version: "2026-03-15",
    parent: Parent::Group,
    attributes: &[
        may("kind", "kind", "`GlobalDocumentDB` or `MongoDB`.").default("\"GlobalDocumentDB\""),
        must(
            "locations",
            "properties.locations",
            "Where its data is: each `locationName`, as Azure spells it (`West Europe`), and `failoverPriority`, 0 for where \
             it is written.",
        ),
        may(
            "consistency",
            "properties.consistencyPolicy",
            "What readers are promised.",
        )
        .default("{\"defaultConsistencyLevel\":\"Session\"}"),
        may(
            "capabilities",
            "properties.capabilities",
            "What it does beside: each a `name`, such as `EnableServerless`, `EnableCassandra`, `EnableGremlin`, \
             `EnableTable`.",
        ),
        may(
            "minimum_tls_version",
            "properties.minimalTlsVersion",
            "The oldest TLS that is answered.",
        )
        .default("\"Tls12\""),
        may(
            "public_network_access",
            "properties.publicNetworkAccess",
            "Whether it is reached from the internet.",
        )
        .default("\"Disabled\""),
        may(
            "disable_local_authentication",
            "properties.disableLocalAuth",
            "Whether its keys are not answered, and only Entra ID is.",
        )
        .default("false"),
        may(
            "disable_key_metadata_writes",
            "properties.disableKeyBasedMetadataWriteAccess",
            "Whether those who have its keys cannot make or remove databases.",
        ),
        may(
            "ip_rules",
            "properties.ipRules",
            "The addresses that reach it: each `ipAddressOrRange`.",
        ),
        may(
            "virtual_network_filter",
            "properties.isVirtualNetworkFilterEnabled",
            "Whether only the subnets in `virtual_network_rules` reach it.",
        ),
        may(
            "virtual_network_rules",
            "properties.virtualNetworkRules",
            "Those subnets, by `id`.",
        ),
        may(
            "automatic_failover",
            "properties.enableAutomaticFailover",
            "Whether another location takes over by itself.",
        ),
        may(
            "multiple_write_locations",
            "properties.enableMultipleWriteLocations",
            "Whether it is written everywhere.",
        ),
        may(
            "free_tier",
            "properties.enableFreeTier",
            "Whether it is the one account of the subscription that costs nothing at first.",
        ),
        may(
            "backup",
            "properties.backupPolicy",
            "How it is backed up: `type: Continuous`, or `Periodic` with how often.",
        ),
        may(
            "throughput_limit",
            "properties.capacity.totalThroughputLimit",
            "How much throughput all of it may have; -1 for no limit.",
        ),
        may(
            "mongo_version",
            "properties.apiProperties.serverVersion",
            "The version of MongoDB that it is like.",
        ),
        may(
            "key_uri",
            "properties.keyVaultKeyUri",
            "The key of a vault that its data is encrypted with.",
        ),
        may("identity", "identity", "The identities that it acts with."),
        output("document_endpoint", "properties.documentEndpoint", "Where it is."),
    ],
    fixed: &[("properties.databaseAccountOfferType", "\"Standard\"")],
    names: Names::Matching(
        "3 to 44 small letters, digits and hyphens, which nobody else in Azure has",
        "[a-z0-9](-?[a-z0-9]){2,43}",
    ),
    joins: &[
        "Microsoft.Network/virtualNetworks/subnets/joinViaServiceEndpoint/action",
        "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
    ],
    example: "orders:\n  type: azure:cosmos:Account\n  properties:\n    name: konductor-orders\n    resource_group: shop\n    location: westeurope\n    locations: [{ locationName: West Europe, failoverPriority: 0 }]\n",
    ..Description::BLANK
};
