//! Who may do what, and what must hold.

use crate::typed::description::{Description, Names, Parent, Rule, may, must, output};

/// An assignment of a policy.
pub static POLICY_ASSIGNMENT: Description = Description {
    name: "azure:authorization:PolicyAssignment",
    about: "Makes a policy hold for a management group, a subscription, a resource group or a resource.",
    arm_type: "Microsoft.Authorization/policyAssignments",
    api_version: "2026-07-01",
    parent: Parent::Resource("scope", ""),
    attributes: &[
        must(
            "policy_definition_id",
            "properties.policyDefinitionId",
            "The policy, or the set of policies.",
        ),
        may(
            "definition_version",
            "properties.definitionVersion",
            "The version of the policy: `1.*.*`.",
        ),
        may("display_name", "properties.displayName", "What people call it."),
        may("description", "properties.description", "What it is for."),
        may(
            "parameters",
            "properties.parameters",
            "What the policy asks for: each by its name, with a `value`.",
        ),
        may(
            "enforcement",
            "properties.enforcementMode",
            "`Default`, or `DoNotEnforce` where only reports are wanted.",
        )
        .default("\"Default\""),
        may(
            "not_scopes",
            "properties.notScopes",
            "What of the scope it does not hold for.",
        ),
        may(
            "non_compliance_messages",
            "properties.nonComplianceMessages",
            "What those are told who are refused: each a `message`.",
        ),
        may(
            "metadata",
            "properties.metadata",
            "Whatever else is to be known of it.",
        ),
        may(
            "overrides",
            "properties.overrides",
            "What it does otherwise than the policy says.",
        ),
        may(
            "resource_selectors",
            "properties.resourceSelectors",
            "Which resources it holds for, by location or type.",
        ),
        may(
            "identity",
            "identity",
            "The identity that puts right what is not as it must be.",
        ),
        output("assigned_scope", "properties.scope", "What it holds for."),
    ],
    names: Names::Matching("1 to 64 characters", "[^<>%&:\\\\?/]{0,63}[^<>%&:\\\\?/ ]"),
    joins: &["Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"],
    example: "locations:\n  type: azure:authorization:PolicyAssignment\n  properties:\n    name: allowed-locations\n    scope: /subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/shop\n    policy_definition_id: /providers/Microsoft.Authorization/policyDefinitions/e56962a6-4747-49cd-b67b-bf8b01975c4c\n    parameters: { listOfAllowedLocations: { value: [westeurope, northeurope] } }\n",
    ..Description::BLANK
};

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
