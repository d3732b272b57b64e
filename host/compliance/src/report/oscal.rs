//! Assessment results of NIST's Open Security Controls Assessment Language, as JSON.

use std::collections::{BTreeMap, BTreeSet};

use konductor_model::compliance::{CheckOutcome, CheckResult};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::Report;
use crate::assessment::{ControlAssessment, ControlStatus};

/// The version of the language.
pub const OSCAL_VERSION: &str = "1.2.1";

/// Writes the report.
pub(super) fn render(report: &Report<'_>) -> String {
    format!("{:#}\n", document(report))
}

fn document(report: &Report<'_>) -> Json {
    let names = Names::new(report, "");
    let title = report.title();
    let judged: Vec<&ControlAssessment> = report
        .framework
        .controls
        .iter()
        .filter(|control| !control.results.is_empty())
        .collect();
    let shown: BTreeSet<usize> = judged
        .iter()
        .flat_map(|control| control.results.iter().copied())
        .collect();
    let mut result = json!({
        "uuid": names.uuid("result"),
        "title": title,
        "description": format!(
            "What the checks of Konductor {} say of the resources that are recorded up to entry {} of the log.",
            report.version, report.evidence.0
        ),
        "start": report.time,
        "end": report.time,
        "props": [
            property("log-entry", &report.evidence.0.to_string()),
            property("log-digest", &report.evidence.1),
            property("simulated", if report.simulated { "yes" } else { "no" }),
        ],
        "reviewed-controls": reviewed(report, &judged),
        "remarks": report.monitoring.to_string(),
    });
    if let Some(members) = result.as_object_mut() {
        let mut add = |name: &str, list: Vec<Json>| {
            // Lists of the language are never empty.
            if !list.is_empty() {
                members.insert(name.to_owned(), Json::Array(list));
            }
        };
        add("observations", observations(report, &names, &shown));
        add("risks", risks(report, &names, &judged));
        add(
            "findings",
            judged
                .iter()
                .map(|control| finding(report, &names, control))
                .collect(),
        );
        let items = items(report, &names, &shown);
        if !items.is_empty() {
            members.insert(
                "local-definitions".to_owned(),
                json!({ "inventory-items": items }),
            );
        }
    }
    json!({ "assessment-results": {
        "uuid": names.uuid("document"),
        "metadata": metadata(report),
        "import-ap": { "href": format!("#{}", names.uuid("plan")) },
        "results": [result],
        "back-matter": { "resources": [{
            "uuid": names.uuid("plan"),
            "title": "The checks of Konductor",
            "description": format!(
                "Every resource that a stack records is judged by the checks of the compliance plugin that serve a control of {}.",
                report.framework.title
            ),
        }] },
    } })
}

/// Returns what every document of the language says of itself.
pub(super) fn metadata(report: &Report<'_>) -> Json {
    let version = format!("{}-{}", report.framework.version, report.evidence.0);
    json!({
        "title": report.title(),
        "last-modified": report.time,
        "version": version.trim_start_matches('-').replace(' ', "-"),
        "oscal-version": OSCAL_VERSION,
    })
}

fn reviewed(report: &Report<'_>, judged: &[&ControlAssessment]) -> Json {
    if judged.is_empty() {
        return json!({ "control-selections": [{
            "description": "No check looks at anything that is in the stack.",
            "include-controls": [{ "control-id": control_id(&report.framework.id, "none") }],
        }] });
    }
    let include: Vec<Json> = judged
        .iter()
        .map(|control| json!({ "control-id": control_id(&report.framework.id, &control.id) }))
        .collect();
    json!({ "control-selections": [{ "include-controls": include }] })
}

fn items(report: &Report<'_>, names: &Names, shown: &BTreeSet<usize>) -> Vec<Json> {
    let mut seen: BTreeMap<&str, &CheckResult> = BTreeMap::new();
    for index in shown {
        if let Some(result) = report.assessment.results.get(*index) {
            seen.entry(&result.urn).or_insert(result);
        }
    }
    let item = |result: &CheckResult| {
        json!({
            "uuid": names.uuid(&format!("item {}", result.urn)),
            "description": format!("{} ({})", result.name, result.resource_type),
            "props": [property("asset-id", &result.urn), property("resource-type", &result.resource_type)],
        })
    };
    seen.into_values().map(item).collect()
}

fn observations(report: &Report<'_>, names: &Names, shown: &BTreeSet<usize>) -> Vec<Json> {
    let each = shown
        .iter()
        .filter_map(|index| Some((index, report.assessment.results.get(*index)?)));
    let observation = |(index, result): (&usize, &CheckResult)| {
        let check = report.assessment.check(result);
        let said = match result.outcome {
            CheckOutcome::Passed => format!("{} passes {}.", result.name, check.id),
            CheckOutcome::Failed => format!("{}: {} {}", result.name, check.title, check.remedy),
            CheckOutcome::Unknown => format!("{}: {} cannot be told yet.", result.name, check.id),
        };
        json!({
            "uuid": names.uuid(&format!("observation {index}")),
            "title": check.id,
            "description": said,
            "methods": ["TEST"],
            "props": [
                property("outcome", match result.outcome {
                    CheckOutcome::Passed => "pass",
                    CheckOutcome::Failed => "fail",
                    CheckOutcome::Unknown => "unknown",
                }),
                property("severity", check.severity.word()),
            ],
            "subjects": [{
                "subject-uuid": names.uuid(&format!("item {}", result.urn)),
                "type": "inventory-item",
                "title": result.name,
            }],
            "collected": report.time,
        })
    };
    each.map(observation).collect()
}

fn finding(report: &Report<'_>, names: &Names, control: &ControlAssessment) -> Json {
    let related: Vec<Json> = control
        .results
        .iter()
        .map(|index| json!({ "observation-uuid": names.uuid(&format!("observation {index}")) }))
        .collect();
    let (state, reason) = match control.status {
        ControlStatus::Satisfied => ("satisfied", "pass"),
        // Nothing says that it is satisfied.
        ControlStatus::Waived | ControlStatus::Open => ("not-satisfied", "other"),
        ControlStatus::NotSatisfied | ControlStatus::NotApplicable | ControlStatus::NotChecked => {
            ("not-satisfied", "fail")
        }
    };
    let mut finding = json!({
        "uuid": names.uuid(&format!("finding {}", control.id)),
        "title": format!("{} {}", control.id, control.title).trim(),
        "description": format!("{}: {}", control.id, control.status.words()),
        "target": {
            "type": "objective-id",
            "target-id": control_id(&report.framework.id, &control.id),
            "status": { "state": state, "reason": reason },
        },
        "related-observations": related,
    });
    let waived: Vec<Json> = waived(report, control)
        .map(|index| json!({ "risk-uuid": names.uuid(&format!("risk {} {index}", control.id)) }))
        .collect();
    if let Some(members) = finding.as_object_mut()
        && !waived.is_empty()
    {
        members.insert("related-risks".to_owned(), Json::Array(waived));
    }
    finding
}

/// Returns the results of a control that somebody allows, as positions.
fn waived<'r>(report: &'r Report<'_>, control: &'r ControlAssessment) -> impl Iterator<Item = usize> + 'r {
    control.results.iter().copied().filter(|index| {
        let result = report.assessment.results.get(*index);
        result.is_some_and(|result| report.waiver(control, result).is_some())
    })
}

/// What somebody allows for a while is a risk that was accepted.
fn risks(report: &Report<'_>, names: &Names, judged: &[&ControlAssessment]) -> Vec<Json> {
    let mut risks = Vec::new();
    for control in judged {
        for index in waived(report, control) {
            let Some(result) = report.assessment.results.get(index) else {
                continue;
            };
            let Some(waiver) = report.waiver(control, result) else {
                continue;
            };
            let check = report.assessment.check(result);
            risks.push(json!({
                "uuid": names.uuid(&format!("risk {} {index}", control.id)),
                "title": format!("{}: {}", result.name, check.title),
                "description": check.title,
                "statement": format!("{} Allowed by {} until {}.", waiver.reason, waiver.approver, waiver.expires),
                "status": "deviation-approved",
                "deadline": time(waiver.ends),
                "related-observations": [{ "observation-uuid": names.uuid(&format!("observation {index}")) }],
            }));
        }
    }
    risks
}

fn time(milliseconds: i64) -> String {
    jiff::Timestamp::from_millisecond(milliseconds).map_or_else(|_| String::new(), |time| time.to_string())
}

pub(super) fn property(name: &str, value: &str) -> Json {
    json!({ "name": name, "ns": "https://github.com/konductor/konductor/ns/oscal", "value": value })
}

/// Writes a control's identifier as the language does: a word that begins with a letter.
pub(super) fn control_id(framework: &str, control: &str) -> String {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let word: String = control
        .chars()
        .map(|c| if is_fine(c) { c } else { '-' })
        .collect();
    let word = word.replace("--", "-");
    let word = word.trim_end_matches('-');
    if word.starts_with(|c: char| c.is_ascii_alphabetic()) {
        word.to_owned()
    } else {
        format!("{framework}_{word}")
    }
}

/// Identifiers that follow from what they stand for, so that two reports about the same say the same.
pub(super) struct Names(String);

impl Names {
    /// Begins the names of a document about a report; `kind` tells documents about the same apart.
    pub(super) fn new(report: &Report<'_>, kind: &str) -> Self {
        Self(format!(
            "{}/{}/{}/{}/{}{kind}",
            report.project, report.stack, report.framework.id, report.evidence.0, report.evidence.1
        ))
    }

    pub(super) fn uuid(&self, of: &str) -> String {
        Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{}#{of}", self.0).as_bytes()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_of_controls_are_words() {
        assert_eq!(control_id("nist-800-53", "sc-28.1"), "sc-28.1");
        assert_eq!(control_id("pci-dss", "1.2.5"), "pci-dss_1.2.5");
        assert_eq!(control_id("hipaa", "164.312(a)(2)(iv)"), "hipaa_164.312-a-2-iv");
    }
}
