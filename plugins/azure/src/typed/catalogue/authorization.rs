//! Who may do what.

use crate::typed::description::{Description, Names, Parent, Rule, may, must};

/// The version that both roles and their assignments have.
const VERSION: &str = "2022-04-01";

/// A role that somebody has.
pub static ROLE_ASSIGNMENT: Description = Description {
    name: "azure:authorization:RoleAssignment",
    about: "Gives somebody a role for a management group, a subscription, a resource group or a resource.",
    arm_type: "Microsoft.Authorization/roleAssignments",
    api_version: VERSION,
    parent: Parent::Resource("scope", ""),
    attributes: &[
        must(
            "role_definition_id",
            "properties.roleDefinitionId",
            "The role: `/subscriptions/…/providers/Microsoft.Authorization/roleDefinitions/…`.",
        ),
        must(
            "principal_id",
            "properties.principalId",
            "Who gets it: the object identifier of a user, a group or a service principal.",
        ),
        may(
            "principal_type",
            "properties.principalType",
            "What that is: `User`, `Group`, `ServicePrincipal`. Say it where the principal is new: Entra ID may not know it \
             everywhere yet.",
        )
        .computed(),
        may("description", "properties.description", "What it is for."),
        may("condition", "properties.condition", "When it holds."),
        may(
            "condition_version",
            "properties.conditionVersion",
            "The version of the language of conditions: `2.0`.",
        ),
        may(
            "delegated_identity_id",
            "properties.delegatedManagedIdentityResourceId",
            "The identity of another tenant that it is for.",
        ),
    ],
    names: Names::Uuid,
    rules: &[
        Rule::Needs("condition", "condition_version"),
        Rule::Needs("condition_version", "condition"),
    ],
    example: "reader:\n  type: azure:authorization:RoleAssignment\n  properties:\n    scope: /subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/shop\n    role_definition_id: /subscriptions/00000000-1111-2222-3333-444444444444/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7\n    principal_id: 33333333-4444-5555-6666-777777777777\n    principal_type: ServicePrincipal\n",
    ..Description::BLANK
};

/// A role.
pub static ROLE_DEFINITION: Description = Description {
    name: "azure:authorization:RoleDefinition",
    about: "A role: what those may do who have it.",
    arm_type: "Microsoft.Authorization/roleDefinitions",
    api_version: VERSION,
    parent: Parent::Resource("scope", ""),
    attributes: &[
        must("role_name", "properties.roleName", "What people call it."),
        may("description", "properties.description", "What it is for."),
        must(
            "permissions",
            "properties.permissions",
            "What may be done: `actions`, `notActions`, `dataActions`, `notDataActions`.",
        ),
        must(
            "assignable_scopes",
            "properties.assignableScopes",
            "What it can be given for.",
        ),
    ],
    fixed: &[("properties.type", "\"CustomRole\"")],
    names: Names::Uuid,
    example: "restarter:\n  type: azure:authorization:RoleDefinition\n  properties:\n    scope: /subscriptions/00000000-1111-2222-3333-444444444444\n    role_name: Restarts machines\n    permissions: [{ actions: [Microsoft.Compute/virtualMachines/restart/action] }]\n    assignable_scopes: [/subscriptions/00000000-1111-2222-3333-444444444444]\n",
    ..Description::BLANK
};
