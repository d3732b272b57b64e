//! Identities that resources act with.

use crate::typed::description::{Description, Parent, may, output};

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
    example: "web:\n  type: azure:identity:UserAssignedIdentity\n  properties: { name: web, resource_group: shop, location: westeurope }\n",
    ..Description::BLANK
};
