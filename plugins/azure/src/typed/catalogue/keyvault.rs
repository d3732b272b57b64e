//! Vaults for keys, secrets and certificates, and what is in them.

use crate::typed::description::{Description, Names, Parent, may, must, output};

const VERSION: &str = "2026-02-01";

/// A vault.
pub static KEY_VAULT: Description = Description {
    name: "azure:keyvault:Vault",
    about: "A vault for keys, secrets and certificates. Who may do what is decided by roles, unless access policies are \
            given.",
    arm_type: "Microsoft.KeyVault/vaults",
    api_version: VERSION,
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
    names: Names::Matching(
        "3 to 24 letters, digits and hyphens, a letter first",
        "[a-zA-Z](-?[a-zA-Z0-9]){2,23}",
    ),
    joins: &["Microsoft.Network/virtualNetworks/subnets/joinViaServiceEndpoint/action"],
    example: "secrets:\n  type: azure:keyvault:Vault\n  properties: { name: konductor-secrets, resource_group: shop, location: westeurope, tenant_id: 11111111-2222-3333-4444-555555555555 }\n",
    ..Description::BLANK
};

/// A secret in a vault.
pub static SECRET: Description = Description {
    name: "azure:keyvault:Secret",
    about: "A secret in a vault. Azure Resource Manager writes secrets and never reads them back, and cannot delete one: \
            that takes the vault itself, so give `retain_on_delete: true`.",
    arm_type: "Microsoft.KeyVault/vaults/secrets",
    api_version: VERSION,
    parent: Parent::Resource("vault_id", ""),
    attributes: &[
        must("value", "properties.value", "The secret.").secret(),
        may(
            "content_type",
            "properties.contentType",
            "What it is, for those who read it: `text/plain`.",
        ),
        may(
            "enabled",
            "properties.attributes.enabled",
            "Whether it can be read.",
        )
        .default("true"),
        may(
            "not_before",
            "properties.attributes.nbf",
            "When it can be read from on: seconds since 1970.",
        ),
        may(
            "expires",
            "properties.attributes.exp",
            "Until when it can be read: seconds since 1970.",
        ),
        output(
            "secret_uri",
            "properties.secretUri",
            "Where it is, at its newest version.",
        ),
        output(
            "secret_uri_with_version",
            "properties.secretUriWithVersion",
            "Where it is, at this version.",
        )
        .volatile(),
    ],
    names: Names::Matching("1 to 127 letters, digits and hyphens", "[a-zA-Z0-9-]{1,127}"),
    undeletable: "Azure Resource Manager deletes no secrets",
    example: "password:\n  type: azure:keyvault:Secret\n  retain_on_delete: true\n  properties:\n    name: database-password\n    vault_id: ${secrets.id}\n    value: ${database:password}\nsecrets:\n  type: azure:keyvault:Vault\n  properties: { name: konductor-secrets, resource_group: shop, location: westeurope, tenant_id: 11111111-2222-3333-4444-555555555555 }\n",
    ..Description::BLANK
};
