//! `azure:authorization:ComplianceInitiative`: an initiative of Microsoft's own for a framework, and plans of Defender.

use std::collections::BTreeMap;

use konductor_sdk::component::inputs::{configured, input, known, not_known, own_name};
use konductor_sdk::prelude::*;

/// The component type.
pub struct ComplianceInitiative;

/// Microsoft's own initiatives, by the names that frameworks have here. The identifiers are the names of the files' `name` in
/// `built-in-policies/policySetDefinitions` of <https://github.com/Azure/azure-policy>.
const INITIATIVES: [(&str, &str); 9] = [
    ("cis-azure-2.0", "06f19060-9e68-4070-92ca-f15cc126059e"),
    ("fedramp-high", "d5264498-16f4-418a-b659-fa7ef418175f"),
    ("fedramp-moderate", "e95f5a9f-57ad-4d03-bb0b-b1d16db93693"),
    ("hipaa", "a169a624-5599-4385-a696-c8d643089fab"),
    ("iso-27001", "5e4ff661-23bf-42fa-8e3a-309a55091cc7"),
    (
        "microsoft-cloud-security-benchmark",
        "1f3afdf9-d0c9-4c3d-847f-89da613e70a8",
    ),
    ("nist-800-53", "179d1daa-458f-4e47-8086-2a68d0d6c38f"),
    ("pci-dss", "c676748e-3af9-4e22-bc28-50feed564afb"),
    ("soc2", "4054785f-702b-4a98-9215-009cbd58b141"),
];

const DESCRIPTION: &str = "Holds a subscription, or another scope, to a framework with the initiative that Microsoft has made for \
it: Azure Policy then reports what is against it, and Defender for Cloud shows it among the standards. `defender_plans` are \
switched on beside it, for the subscription that the plugin is configured for.

The assignment has an identity of its own, for policies that put something right. It gets no role: give \
`principal_id` those that the policies name, where they are to do it.

`nist-800-53` is revision 5, `iso-27001` the edition of 2022, `pci-dss` 4.0 and `hipaa` HITRUST's reading of it.";

const EXAMPLE: &str = r"nist:
  type: azure:authorization:ComplianceInitiative
  properties:
    initiative: nist-800-53
    scope: /subscriptions/00000000-1111-2222-3333-444444444444
    defender_plans: [CloudPosture, StorageAccounts]
";

impl Component for ComplianceInitiative {
    fn component_type(&self) -> &'static str {
        "azure:authorization:ComplianceInitiative"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        component(self.component_type(), DESCRIPTION)
            .attribute(
                "initiative",
                text("The framework.")
                    .required()
                    .allowed(INITIATIVES.map(|(name, _)| name)),
            )
            .attribute(
                "name",
                text("The assignment's name. By default the component's own.").between(1, 64),
            )
            .attribute(
                "scope",
                text(
                    "What is held to it; the subscription of `azure.subscription_id` where it is not given.",
                )
                .between(1, 1024),
            )
            .attribute(
                "location",
                text("Where its identity is; `azure.location` where it is not given."),
            )
            .attribute(
                "enforcement",
                text("`Default`, or `DoNotEnforce` where only reports are wanted.").default("Default"),
            )
            .attribute("not_scopes", list(text(""), "What of the scope is let off."))
            .attribute(
                "parameters",
                any("What the initiative asks for: each by its name, with a `value`."),
            )
            .attribute(
                "defender_plans",
                list(
                    text("A plan: `VirtualMachines`.").pattern("[A-Za-z]{1,64}"),
                    "Plans of Defender for Cloud that are switched on.",
                ),
            )
            .output("assignment_id", text("The assignment."))
            .output("principal_id", text("Who its identity is, for roles."))
            .output(
                "defender_plan_ids",
                map(text(""), "The plans that are switched on, by their names."),
            )
            .example("NIST SP 800-53 for a subscription", EXAMPLE)
            .build()
    }

    fn construct(&self, request: &ConstructRequest, construction: &mut Construction) -> Result<(), Failure> {
        let initiative = match known(&request.inputs, "initiative") {
            Ok(named) => named.and_then(Value::as_text).unwrap_or_default(),
            Err(wrong) => {
                construction.diagnose(*wrong);
                return Ok(());
            }
        };
        let plans: Option<Vec<String>> = match input(request, "defender_plans") {
            Value::Null => Some(Vec::new()),
            Value::List(plans) => plans
                .iter()
                .map(|plan| plan.as_text().map(str::to_owned))
                .collect(),
            _ => None,
        };
        let Some(plans) = plans else {
            construction.diagnose(not_known("defender_plans"));
            return Ok(());
        };
        let Some(scope) = scope(request) else {
            construction.diagnose(
                Diagnostic::error("nothing says what is held to the framework")
                    .help("give `scope`, or set `azure.subscription_id`")
                    .at(Path::attribute("scope")),
            );
            return Ok(());
        };
        // The schema lets no other through.
        let found = INITIATIVES.iter().find(|(name, _)| *name == initiative);
        let definition =
            found.map(|(_, id)| format!("/providers/Microsoft.Authorization/policySetDefinitions/{id}"));
        let assignment = construction
            .declare("assignment", "azure:authorization:PolicyAssignment")
            .set("name", own_name(request))
            .set("scope", scope)
            .set("location", input(request, "location"))
            .set("policy_definition_id", definition)
            .set("display_name", format!("Held to {initiative}"))
            .set("enforcement", input(request, "enforcement"))
            .set("not_scopes", input(request, "not_scopes"))
            .set("parameters", input(request, "parameters"))
            .set("identity", Value::from([("type", "SystemAssigned")]))
            .add();
        let mut switched = BTreeMap::new();
        for plan in plans {
            let made = construction
                .declare(format!("plan-{}", plan.to_lowercase()), "azure:security:Pricing")
                .set("name", plan.as_str())
                .add();
            switched.insert(plan, made.attribute("id"));
        }
        construction.output("assignment_id", assignment.attribute("id"));
        construction.output("principal_id", assignment.attribute("principal_id"));
        construction.output("defender_plan_ids", Value::Map(switched));
        Ok(())
    }
}

/// Returns what is held to the framework: what is given, else the configured subscription.
fn scope(request: &ConstructRequest) -> Option<Value> {
    let given = input(request, "scope");
    if !given.is_null() {
        return Some(given);
    }
    let subscription = configured(&request.metadata, "azure", &["subscription_id"])?.as_text()?;
    Some(format!("/subscriptions/{subscription}").into())
}
