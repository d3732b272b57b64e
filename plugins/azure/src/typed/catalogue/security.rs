//! Microsoft Defender for Cloud: what it looks at, whom it tells, and what it is told.

use crate::typed::description::{Description, Names, Parent, may, must, output};

/// What the names of assessments are.
const UUID: &str = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}";

/// A plan of Defender for Cloud.
pub static PRICING: Description = Description {
    name: "azure:security:Pricing",
    about: "A plan of Defender for Cloud that is switched on for the subscription. Azure always has all plans: to create one is \
            to switch it on, to delete it to switch it off, and one that somebody has switched off is gone.",
    arm_type: "Microsoft.Security/pricings",
    api_version: "2024-01-01",
    parent: Parent::Subscription,
    attributes: &[
        may(
            "sub_plan",
            "properties.subPlan",
            "Which of several plans: `P1` or `P2` for `VirtualMachines`.",
        )
        .computed(),
        may(
            "enforce",
            "properties.enforce",
            "`True`, where nothing that stands in the subscription may choose otherwise.",
        )
        .computed(),
        may(
            "extensions",
            "properties.extensions",
            "What of the plan is on: each a `name` and `isEnabled: \"True\"`. Those that are not named are left as they are.",
        )
        .shared(),
        output(
            "coverage",
            "properties.resourcesCoverageStatus",
            "Whether everything in the subscription has the plan.",
        ),
    ],
    fixed: &[("properties.pricingTier", "\"Standard\"")],
    names: Names::Matching("a plan, such as `VirtualMachines` or `StorageAccounts`", "[A-Za-z]{1,64}"),
    off: Some(("properties.pricingTier", "\"Free\"")),
    example: "storage:\n  type: azure:security:Pricing\n  properties: { name: StorageAccounts, sub_plan: DefenderForStorageV2 }\n",
    ..Description::BLANK
};

/// Whom Defender for Cloud tells.
pub static CONTACT: Description = Description {
    name: "azure:security:Contact",
    about: "Whom Defender for Cloud tells of alerts. A subscription has one, whose name is `default`.",
    arm_type: "Microsoft.Security/securityContacts",
    api_version: "2023-12-01-preview",
    parent: Parent::Subscription,
    attributes: &[
        may(
            "emails",
            "properties.emails",
            "The addresses, with semicolons between.",
        ),
        may("phone", "properties.phone", "The telephone number."),
        may(
            "enabled",
            "properties.isEnabled",
            "Whether anybody is told anything.",
        )
        .default("true"),
        may(
            "roles",
            "properties.notificationsByRole",
            "Who is told because of a role: `{ state: On, roles: [Owner] }`.",
        ),
        must(
            "sources",
            "properties.notificationsSources",
            "What is told: `{ sourceType: Alert, minimalSeverity: High }`, `{ sourceType: AttackPath, minimalRiskLevel: High }`.",
        ),
    ],
    names: Names::Matching("`default`", "default"),
    example: "contact:\n  type: azure:security:Contact\n  properties:\n    name: default\n    emails: security@example.org\n    roles: { state: \"On\", roles: [Owner] }\n    sources: [{ sourceType: Alert, minimalSeverity: Medium }]\n",
    ..Description::BLANK
};

/// What custom assessments are about.
pub static ASSESSMENT_METADATA: Description = Description {
    name: "azure:security:AssessmentMetadata",
    about: "A recommendation of your own: what assessments of resources are about, and how bad it is where one fails.",
    arm_type: "Microsoft.Security/assessmentMetadata",
    api_version: "2025-05-04",
    parent: Parent::Subscription,
    attributes: &[
        must("display_name", "properties.displayName", "What people call it."),
        must(
            "severity",
            "properties.severity",
            "How bad it is: `Low`, `Medium`, `High`, `Critical`.",
        ),
        may("description", "properties.description", "What it is about."),
        may(
            "remediation",
            "properties.remediationDescription",
            "What to do about it.",
        ),
        may(
            "categories",
            "properties.categories",
            "What it is of: `Compute`, `Networking`, `Data`, ….",
        ),
        may(
            "threats",
            "properties.threats",
            "What may come of it: `dataExfiltration`, ….",
        ),
        may(
            "user_impact",
            "properties.userImpact",
            "What people notice of the correction: `Low`, `Moderate`, `High`.",
        ),
        may(
            "implementation_effort",
            "properties.implementationEffort",
            "What the correction takes: `Low`, `Moderate`, `High`.",
        ),
        may("tactics", "properties.tactics", "Tactics of MITRE ATT&CK."),
        may(
            "techniques",
            "properties.techniques",
            "Techniques of MITRE ATT&CK.",
        ),
    ],
    fixed: &[("properties.assessmentType", "\"CustomerManaged\"")],
    names: Names::Uuid,
    example: "owners:\n  type: azure:security:AssessmentMetadata\n  properties:\n    name: 55555555-6666-7777-8888-999999999999\n    display_name: What has data has an owner\n    severity: Medium\n    categories: [Data]\n    remediation: Write the owner into the tag `owner`.\n",
    ..Description::BLANK
};

/// What a custom assessment has found.
pub static ASSESSMENT: Description = Description {
    name: "azure:security:Assessment",
    about: "What an assessment of your own has found of a resource. Defender for Cloud shows it among its recommendations.",
    arm_type: "Microsoft.Security/assessments",
    api_version: "2025-05-04",
    parent: Parent::Resource("resource_id", ""),
    attributes: &[
        must(
            "status",
            "properties.status.code",
            "What was found: `Healthy`, `Unhealthy`, `NotApplicable`.",
        ),
        may("cause", "properties.status.cause", "Why, as a word."),
        may("description", "properties.status.description", "Why, in words."),
        may(
            "additional_data",
            "properties.additionalData",
            "Whatever else is to be known of it, as texts.",
        ),
        output(
            "display_name",
            "properties.displayName",
            "What its metadata calls it.",
        ),
    ],
    fixed: &[("properties.resourceDetails", "{\"source\": \"Azure\"}")],
    names: Names::Matching("that of its `azure:security:AssessmentMetadata`, a UUID", UUID),
    example: "orders:\n  type: azure:security:Assessment\n  properties:\n    name: ${owners.name}\n    resource_id: ${storage.id}\n    status: Unhealthy\n    cause: NoOwner\n    description: nobody owns it\n",
    ..Description::BLANK
};

/// The version of standards and what they are assigned with.
const STANDARDS: &str = "2024-08-01";

/// A standard of Defender for Cloud.
pub static STANDARD: Description = Description {
    name: "azure:security:Standard",
    about: "A standard that Defender for Cloud holds resources to: a list of recommendations. It does nothing before it is \
            assigned.",
    arm_type: "Microsoft.Security/securityStandards",
    api_version: STANDARDS,
    parent: Parent::Resource("scope", ""),
    attributes: &[
        must("display_name", "properties.displayName", "What people call it."),
        may("description", "properties.description", "What it is for."),
        must(
            "cloud_providers",
            "properties.cloudProviders",
            "The clouds whose resources it is about: `Azure`, `AWS`, `GCP`.",
        ),
        may(
            "assessments",
            "properties.assessments",
            "The recommendations: each an `assessmentKey`, which is the name of its metadata.",
        ),
        may(
            "policy_set_definition_id",
            "properties.policySetDefinitionId",
            "A set of policies whose results it shows.",
        ),
        output(
            "standard_type",
            "properties.standardType",
            "Whose it is: `Custom`, `Default`, `Compliance`.",
        ),
    ],
    names: Names::Uuid,
    example: "ours:\n  type: azure:security:Standard\n  properties:\n    name: 66666666-7777-8888-9999-000000000000\n    scope: /subscriptions/00000000-1111-2222-3333-444444444444\n    display_name: What we promise\n    cloud_providers: [Azure]\n    assessments: [{ assessmentKey: 55555555-6666-7777-8888-999999999999 }]\n",
    ..Description::BLANK
};

/// What a standard holds for.
pub static STANDARD_ASSIGNMENT: Description = Description {
    name: "azure:security:StandardAssignment",
    about: "Holds a management group, a subscription or what stands in one to a standard of Defender for Cloud, or lets it off.",
    arm_type: "Microsoft.Security/standardAssignments",
    api_version: STANDARDS,
    parent: Parent::Resource("scope", ""),
    attributes: &[
        must(
            "standard_id",
            "properties.assignedStandard.id",
            "The standard: of your own, or `/providers/Microsoft.Security/securityStandards/…` for one of Microsoft's.",
        )
        .replaces(),
        may("display_name", "properties.displayName", "What people call it."),
        may("description", "properties.description", "What it is for."),
        may(
            "effect",
            "properties.effect",
            "`Audit`, or `Exempt` and `Attest` for one recommendation.",
        )
        .default("\"Audit\""),
        may(
            "excluded_scopes",
            "properties.excludedScopes",
            "What of the scope it does not hold for.",
        ),
        may("expires_on", "properties.expiresOn", "Until when an exemption or an attestation holds."),
        may(
            "exemption",
            "properties.exemptionData",
            "What is let off: `exemptionCategory` and `assignedAssessment`.",
        ),
        may(
            "attestation",
            "properties.attestationData",
            "What somebody vouches for: `complianceState`, `assignedAssessment` and `evidence`.",
        ),
    ],
    names: Names::Uuid,
    example: "ours:\n  type: azure:security:StandardAssignment\n  properties:\n    scope: /subscriptions/00000000-1111-2222-3333-444444444444\n    standard_id: ${ours.id}\n    display_name: What we promise\n",
    ..Description::BLANK
};
