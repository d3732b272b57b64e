//! What must hold: policies, sets of them, where they are assigned, and what is let off.

use crate::typed::description::{Description, Names, Parent, may, must, output};

/// The version that policies, sets of them and assignments have.
const VERSION: &str = "2026-07-01";

/// What all of them may be called.
const NAMES: Names = Names::Matching("1 to 64 characters", "[^<>%&:\\\\?/]{0,63}[^<>%&:\\\\?/ ]");

/// A policy.
pub static POLICY_DEFINITION: Description = Description {
    name: "azure:authorization:PolicyDefinition",
    about: "A policy: what must hold of resources, and what becomes of one that it does not hold for. It does nothing before \
            it is assigned.",
    arm_type: "Microsoft.Authorization/policyDefinitions",
    api_version: VERSION,
    parent: Parent::Resource("scope", ""),
    attributes: &[
        must(
            "policy_rule",
            "properties.policyRule",
            "What it is about (`if`), and what becomes of it (`then`).",
        ),
        may(
            "mode",
            "properties.mode",
            "What it looks at: `All`, `Indexed` for what has tags and a location, or what a service names, such as \
             `Microsoft.KeyVault.Data`.",
        )
        .default("\"All\""),
        may(
            "parameters",
            "properties.parameters",
            "What assignments can give: each by its name, with its `type`.",
        ),
        may("display_name", "properties.displayName", "What people call it."),
        may("description", "properties.description", "What it is for."),
        may(
            "metadata",
            "properties.metadata",
            "Whatever else is to be known of it, such as its `category`.",
        ).stamped(),
        may("version", "properties.version", "Its version: `1.0.0`.").computed(),
    ],
    fixed: &[("properties.policyType", "\"Custom\"")],
    names: NAMES,
    example: "tagged:\n  type: azure:authorization:PolicyDefinition\n  properties:\n    name: tagged\n    scope: /subscriptions/00000000-1111-2222-3333-444444444444\n    mode: Indexed\n    display_name: What has tags has an owner\n    policy_rule:\n      if: { field: \"tags['owner']\", exists: \"false\" }\n      then: { effect: audit }\n",
    ..Description::BLANK
};

/// A set of policies.
pub static POLICY_SET_DEFINITION: Description = Description {
    name: "azure:authorization:PolicySetDefinition",
    about: "A set of policies that are assigned together: an initiative.",
    arm_type: "Microsoft.Authorization/policySetDefinitions",
    api_version: VERSION,
    parent: Parent::Resource("scope", ""),
    attributes: &[
        must(
            "policy_definitions",
            "properties.policyDefinitions",
            "The policies: each a `policyDefinitionId`, and where it matters a `policyDefinitionReferenceId`, `parameters` and \
             `groupNames`.",
        ),
        may(
            "policy_definition_groups",
            "properties.policyDefinitionGroups",
            "What they are grouped by, such as the controls of a standard: each with a `name`.",
        ),
        may(
            "parameters",
            "properties.parameters",
            "What assignments can give: each by its name, with its `type`.",
        ),
        may("display_name", "properties.displayName", "What people call it."),
        may("description", "properties.description", "What it is for."),
        may(
            "metadata",
            "properties.metadata",
            "Whatever else is to be known of it, such as its `category`.",
        )
        .stamped(),
        may("version", "properties.version", "Its version: `1.0.0`.").computed(),
    ],
    fixed: &[("properties.policyType", "\"Custom\"")],
    names: NAMES,
    example: "baseline:\n  type: azure:authorization:PolicySetDefinition\n  properties:\n    name: baseline\n    scope: /subscriptions/00000000-1111-2222-3333-444444444444\n    display_name: What holds for everything\n    policy_definitions:\n      - policyDefinitionReferenceId: locations\n        policyDefinitionId: /providers/Microsoft.Authorization/policyDefinitions/e56962a6-4747-49cd-b67b-bf8b01975c4c\n        parameters: { listOfAllowedLocations: { value: [westeurope] } }\n",
    ..Description::BLANK
};

/// An assignment of a policy.
pub static POLICY_ASSIGNMENT: Description = Description {
    name: "azure:authorization:PolicyAssignment",
    about: "Makes a policy hold for a management group, a subscription, a resource group or a resource.",
    arm_type: "Microsoft.Authorization/policyAssignments",
    api_version: VERSION,
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
        )
        .computed(),
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
        )
        .stamped(),
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
        output(
            "principal_id",
            "identity.principalId",
            "Who that identity is for roles, where it is the assignment's own (`SystemAssigned`).",
        ),
        output("assigned_scope", "properties.scope", "What it holds for."),
    ],
    names: NAMES,
    joins: &["Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"],
    example: "locations:\n  type: azure:authorization:PolicyAssignment\n  properties:\n    name: allowed-locations\n    scope: /subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/shop\n    policy_definition_id: /providers/Microsoft.Authorization/policyDefinitions/e56962a6-4747-49cd-b67b-bf8b01975c4c\n    parameters: { listOfAllowedLocations: { value: [westeurope, northeurope] } }\n",
    ..Description::BLANK
};

/// An exemption.
pub static POLICY_EXEMPTION: Description = Description {
    name: "azure:authorization:PolicyExemption",
    about: "Lets a management group, a subscription, a resource group or a resource off an assignment of policies.",
    arm_type: "Microsoft.Authorization/policyExemptions",
    api_version: "2022-07-01-preview",
    parent: Parent::Resource("scope", ""),
    attributes: &[
        must(
            "policy_assignment_id",
            "properties.policyAssignmentId",
            "The assignment.",
        ),
        must(
            "category",
            "properties.exemptionCategory",
            "Why: `Mitigated` where something else does what the policy asks for, `Waiver` where nothing does.",
        ),
        may(
            "policy_definition_reference_ids",
            "properties.policyDefinitionReferenceIds",
            "Which policies of a set; all, where none is given.",
        ),
        may(
            "expires_on",
            "properties.expiresOn",
            "Until when: `2027-01-31T00:00:00Z`. One that has expired stays, and lets nothing off.",
        )
        .pattern("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9.]+(Z|[+-][0-9]{2}:[0-9]{2})"),
        may("display_name", "properties.displayName", "What people call it."),
        may("description", "properties.description", "Why, in words."),
        may(
            "metadata",
            "properties.metadata",
            "Whatever else is to be known of it, such as who has allowed it.",
        )
        .stamped(),
        may(
            "resource_selectors",
            "properties.resourceSelectors",
            "Which resources are let off, by location or type.",
        ),
        may(
            "assignment_scope_validation",
            "properties.assignmentScopeValidation",
            "`DoNotValidate` where the assignment does not hold for the scope yet.",
        )
        .computed(),
    ],
    names: NAMES,
    example: "archive:\n  type: azure:authorization:PolicyExemption\n  properties:\n    name: archive\n    scope: /subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/archive\n    policy_assignment_id: ${locations.id}\n    category: Waiver\n    expires_on: 2027-01-31T00:00:00Z\n    description: moves in January, ticket 4711\n",
    ..Description::BLANK
};
