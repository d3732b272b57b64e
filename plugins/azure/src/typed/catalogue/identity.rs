//! Identities, and vaults for keys and secrets.

use crate::typed::description::{Description, Parent, may, must, output};

/// A vault.
pub static KEY_VAULT: Description = Description {
    name: "azure:keyvault:Vault",
    about: "A vault for keys, secrets and certificates. Who may do what is decided by roles, unless access policies are \
            given.",
    arm_type: "Microsoft.KeyVault/vaults",
    api_version: "2026-02-01",
    parent: Parent::Group,
    attributes: &[
        must(
            "tenant_id",
            "properties.tenantId",
            "The tenant whose identities may use it.",
        )
        .pattern("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
        may(
            "sku",
            "properties.sku.name",
            "`standard`, or `premium` with keys in hardware.",
        )
        .default("\"standard\""),
        may(
            "role_authorization",
            "properties.enableRbacAuthorization",
            "Whether roles decide, and not access policies.",
        )
        .default("true"),
        may(
            "access_policies",
            "properties.accessPolicies",
            "Who may do what, where roles do not decide.",
        ),
        may(
            "soft_delete_days",
            "properties.softDeleteRetentionInDays",
            "How long what was deleted can be had back.",
        )
        .default("90")
        .replaces(),
        may(
            "purge_protection",
            "properties.enablePurgeProtection",
            "Whether what was deleted cannot be removed for good. It cannot be taken back.",
        ),
        may(
            "public_network_access",
            "properties.publicNetworkAccess",
            "Whether it is reached from the internet.",
        ),
        may(
            "network_rules",
            "properties.networkAcls",
            "Who reaches it, by network.",
        ),
        output("vault_uri", "properties.vaultUri", "Where it is."),
    ],
    fixed: &[
        ("properties.sku.family", "\"A\""),
        ("properties.accessPolicies", "[]"),
    ],
    example: "secrets:\n  type: azure:keyvault:Vault\n  properties: { name: konductor-secrets, resource_group: shop, location: westeurope, tenant_id: 11111111-2222-3333-4444-555555555555 }\n",
};

/// An identity that resources act with.
pub static USER_ASSIGNED_IDENTITY: Description = Description {
    name: "azure:identity:UserAssignedIdentity",
    about: "An identity that resources act with.",
    arm_type: "Microsoft.ManagedIdentity/userAssignedIdentities",
    api_version: "2024-11-30",
    parent: Parent::Group,
    attributes: &[
        may(
            "isolation_scope",
            "properties.isolationScope",
            "Whether it serves its own region only: `Regional`.",
        ),
        output(
            "principal_id",
            "properties.principalId",
            "What roles are given to.",
        ),
        output(
            "client_id",
            "properties.clientId",
            "What a program names to act with it.",
        ),
        output(
            "tenant_id",
            "properties.tenantId",
            "The tenant that it belongs to.",
        ),
    ],
    fixed: &[],
    example: "web:\n  type: azure:identity:UserAssignedIdentity\n  properties: { name: web, resource_group: shop, location: westeurope }\n",
};
