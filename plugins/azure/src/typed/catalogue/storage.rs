//! Storage accounts and what stands in them.

use crate::typed::description::{Description, Names, Parent, may, output};

const VERSION: &str = "2026-04-01";

/// A storage account.
pub static STORAGE_ACCOUNT: Description = Description {
    name: "azure:storage:StorageAccount",
    about: "A storage account. Without other words it takes TLS 1.2 and HTTPS alone, and no anonymous reading.",
    arm_type: "Microsoft.Storage/storageAccounts",
    api_version: VERSION,
    parent: Parent::Group,
    attributes: &[
        may("kind", "kind", "What it can hold.")
            .default("\"StorageV2\"")
            .replaces(),
        may("sku", "sku.name", "How it is replicated.").default("\"Standard_LRS\""),
        may(
            "access_tier",
            "properties.accessTier",
            "How often its blobs are read: `Hot`, `Cool`.",
        )
        .computed(),
        may(
            "https_only",
            "properties.supportsHttpsTrafficOnly",
            "Whether only HTTPS is answered.",
        )
        .default("true"),
        may(
            "minimum_tls_version",
            "properties.minimumTlsVersion",
            "The oldest TLS that is answered.",
        )
        .default("\"TLS1_2\""),
        may(
            "allow_blob_public_access",
            "properties.allowBlobPublicAccess",
            "Whether containers may be opened to anybody.",
        )
        .default("false"),
        may(
            "allow_shared_key_access",
            "properties.allowSharedKeyAccess",
            "Whether its keys are answered, beside Entra ID.",
        ),
        may(
            "public_network_access",
            "properties.publicNetworkAccess",
            "Whether it is reached from the internet.",
        ),
        may(
            "hierarchical_namespace",
            "properties.isHnsEnabled",
            "Whether it has folders, for Data Lake Storage.",
        ),
        may(
            "network_rules",
            "properties.networkAcls",
            "Who reaches it, by network.",
        ),
        may(
            "encryption",
            "properties.encryption",
            "How it is encrypted at rest.",
        ),
        may("identity", "identity", "The identities that it acts with."),
        output(
            "primary_endpoints",
            "properties.primaryEndpoints",
            "Where its services are.",
        )
        .simulated(r#"{"blob":"https://{attribute:name}.blob.core.windows.net/"}"#),
    ],
    names: Names::Matching(
        "3 to 24 small letters and digits, which nobody else in Azure has",
        "[a-z0-9]{3,24}",
    ),
    joins: &[
        "Microsoft.Network/virtualNetworks/subnets/joinViaServiceEndpoint/action",
        "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
    ],
    example: "files:\n  type: azure:storage:StorageAccount\n  properties: { name: konductorfiles, resource_group: shop, location: westeurope }\n",
    ..Description::BLANK
};

/// A container of blobs.
pub static BLOB_CONTAINER: Description = Description {
    name: "azure:storage:BlobContainer",
    about: "A container of blobs.",
    arm_type: "Microsoft.Storage/storageAccounts/blobServices/containers",
    api_version: VERSION,
    parent: Parent::Resource("storage_account_id", "/blobServices/default"),
    attributes: &[
        may(
            "public_access",
            "properties.publicAccess",
            "What anybody may read: `None`, `Blob`, `Container`.",
        )
        .default("\"None\""),
        may("metadata", "properties.metadata", "Texts by name."),
        may(
            "default_encryption_scope",
            "properties.defaultEncryptionScope",
            "The encryption scope of blobs that name none.",
        )
        .replaces(),
    ],
    example: "images:\n  type: azure:storage:BlobContainer\n  properties:\n    name: images\n    storage_account_id: /subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/shop/providers/Microsoft.Storage/storageAccounts/konductorfiles\n",
    ..Description::BLANK
};

/// A file share.
pub static FILE_SHARE: Description = Description {
    name: "azure:storage:FileShare",
    about: "A file share, which machines mount.",
    arm_type: "Microsoft.Storage/storageAccounts/fileServices/shares",
    api_version: VERSION,
    parent: Parent::Resource("storage_account_id", "/fileServices/default"),
    attributes: &[
        may("quota_gib", "properties.shareQuota", "How much it holds at most.").computed(),
        may(
            "protocol",
            "properties.enabledProtocols",
            "How it is mounted: `SMB` or `NFS`.",
        )
        .default("\"SMB\""),
        may(
            "access_tier",
            "properties.accessTier",
            "How often it is used: `TransactionOptimized`, `Hot`, `Cool`, `Premium`.",
        )
        .computed(),
        may(
            "root_squash",
            "properties.rootSquash",
            "Whose rights root has, with NFS.",
        ),
        may("metadata", "properties.metadata", "Texts by name."),
        may(
            "signed_identifiers",
            "properties.signedIdentifiers",
            "Policies that signatures refer to.",
        ),
    ],
    names: Names::Matching(
        "3 to 63 small letters, digits and hyphens",
        "[a-z0-9](-?[a-z0-9]){2,62}",
    ),
    example: "files:\n  type: azure:storage:FileShare\n  properties:\n    name: files\n    storage_account_id: /subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/shop/providers/Microsoft.Storage/storageAccounts/konductorfiles\n    quota_gib: 100\n",
    ..Description::BLANK
};
