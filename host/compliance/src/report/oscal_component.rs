//! Component definitions of NIST's Open Security Controls Assessment Language, as JSON: which controls the resources of
//! each type implement.

use std::collections::{BTreeMap, BTreeSet};

use konductor_model::compliance::{CheckOutcome, CheckResult};
use serde_json::{Value as Json, json};

use super::Report;
use super::oscal::{Names, control_id, metadata, property};
use crate::assessment::ControlAssessment;

/// Writes the report.
pub(super) fn render(report: &Report<'_>) -> String {
    format!("{:#}\n", document(report))
}

fn document(report: &Report<'_>) -> Json {
    let names = Names::new(report, "component-definition");
    let mut types: BTreeMap<&str, Vec<&CheckResult>> = BTreeMap::new();
    for result in report
        .framework
        .controls
        .iter()
        .flat_map(|control| report.results(control))
    {
        types.entry(&result.resource_type).or_default().push(result);
    }
    let components: Vec<Json> = types
        .iter()
        .map(|(resource_type, results)| component(report, &names, resource_type, results))
        .collect();
    let mut definition = json!({
        "uuid": names.uuid("document"),
        "metadata": metadata(report),
        "back-matter": { "resources": [{
            "uuid": names.uuid("framework"),
            "title": report.framework.title,
            "description": format!("{}, {}, as Konductor {} knows it.", report.framework.title, report.framework.version, report.version),
        }] },
    });
    // Lists of the language are never empty.
    if let Some(members) = definition.as_object_mut()
        && !components.is_empty()
    {
        members.insert("components".to_owned(), Json::Array(components));
    }
    json!({ "component-definition": definition })
}

fn component(report: &Report<'_>, names: &Names, resource_type: &str, results: &[&CheckResult]) -> Json {
    let resources: BTreeSet<&str> = results.iter().map(|result| result.name.as_str()).collect();
    let resources: Vec<&str> = resources.into_iter().collect();
    let mut component = json!({
        "uuid": names.uuid(&format!("component {resource_type}")),
        "type": "service",
        "title": resource_type,
        "description": format!(
            "Resources of {}/{}: {}.", report.project, report.stack, resources.join(", ")
        ),
        "props": [
            property("resource-type", resource_type),
            property("log-entry", &report.evidence.0.to_string()),
            property("log-digest", &report.evidence.1),
            property("simulated", if report.simulated { "yes" } else { "no" }),
        ],
        "remarks": report.monitoring.to_string(),
    });
    let controls = report.framework.controls.iter();
    let requirements: Vec<Json> = controls
        .filter_map(|control| requirement(report, names, resource_type, control))
        .collect();
    if let Some(members) = component.as_object_mut()
        && !requirements.is_empty()
    {
        members.insert(
            "control-implementations".to_owned(),
            json!([{
                "uuid": names.uuid(&format!("implementation {resource_type}")),
                "source": format!("#{}", names.uuid("framework")),
                "description": "What the checks of Konductor find in the recorded resources. Most controls ask for more than a tool can see.",
                "implemented-requirements": requirements,
            }]),
        );
    }
    component
}

/// Returns what resources of a type do for a control; none where no check of them passes: nothing is claimed then.
fn requirement(
    report: &Report<'_>,
    names: &Names,
    resource_type: &str,
    control: &ControlAssessment,
) -> Option<Json> {
    let results = report.results(control);
    let results: Vec<&CheckResult> = results
        .filter(|result| result.resource_type == resource_type)
        .collect();
    let passed = |result: &&&CheckResult| result.outcome == CheckOutcome::Passed;
    let passing = results.iter().filter(passed).count();
    if passing == 0 {
        return None;
    }
    let status = if passing == results.len() {
        "implemented"
    } else {
        "partial"
    };
    let said: Vec<String> = results
        .iter()
        .map(|result| {
            let word = report.word(control, result);
            format!("{}: {} {word}.", result.name, result.check)
        })
        .collect();
    let checks: BTreeSet<&str> = results.iter().map(|result| result.check.as_str()).collect();
    let checks = checks.into_iter().map(|check| property("check", check));
    let status = json!({ "name": "implementation-status", "value": status });
    Some(json!({
        "uuid": names.uuid(&format!("requirement {resource_type} {}", control.id)),
        "control-id": control_id(&report.framework.id, &control.id),
        "description": said.join(" "),
        "props": std::iter::once(status).chain(checks).collect::<Vec<_>>(),
    }))
}
