//! Findings in files, for code hosts: SARIF 2.1.0.

use konductor_model::compliance::{Check, CheckSeverity};
use serde_json::{Value as Json, json};

use super::Report;
use crate::assessment::Finding;

/// Writes the report.
pub(super) fn render(report: &Report<'_>) -> String {
    let of_framework = |finding: &&Finding| {
        let mut controls = finding.controls.iter();
        controls.any(|control| control.key.0 == report.framework.id)
    };
    let findings: Vec<&Finding> = report.assessment.findings.iter().filter(of_framework).collect();
    let mut checks: Vec<Check> = Vec::new();
    for finding in &findings {
        let check = report.assessment.check(&finding.result);
        if !checks.iter().any(|known| known.id == check.id) {
            checks.push(check);
        }
    }
    let rules: Vec<Json> = checks.iter().map(rule).collect();
    let results: Vec<Json> = findings
        .iter()
        .map(|finding| result(report, &checks, finding))
        .collect();
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "Konductor", "semanticVersion": report.version, "rules": rules } },
            "automationDetails": { "id": format!("{}/{}/{}", report.project, report.stack, report.framework.id) },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{document:#}\n")
}

fn rule(check: &Check) -> Json {
    json!({
        "id": check.id,
        "shortDescription": { "text": check.title },
        "help": { "text": check.remedy },
        "defaultConfiguration": { "level": level(check.severity) },
        "properties": { "tags": ["compliance", check.topic], "security-severity": score(check.severity) },
    })
}

fn result(report: &Report<'_>, checks: &[Check], finding: &Finding) -> Json {
    let check = report.assessment.check(&finding.result);
    let controls: Vec<String> = finding
        .controls
        .iter()
        .map(|control| format!("{}:{}", control.key.0, control.key.1))
        .collect();
    let location = match finding.result.place.as_deref().and_then(place) {
        Some((file, line, column)) => json!({ "physicalLocation": {
            "artifactLocation": { "uri": file },
            "region": { "startLine": line, "startColumn": column },
        }, "logicalLocations": [logical(finding)] }),
        None => json!({ "logicalLocations": [logical(finding)] }),
    };
    let mut result = json!({
        "ruleId": check.id,
        "ruleIndex": checks.iter().position(|known| known.id == check.id),
        "level": level(check.severity),
        "message": { "text": format!("{}: {} {}", finding.result.name, check.title, check.remedy) },
        "locations": [location],
        "partialFingerprints": { "resourceAndCheck/v1": format!("{}#{}", finding.result.urn, check.id) },
        "properties": { "controls": controls },
    });
    if let (Some(waiver), Some(members)) = (finding.waiver(), result.as_object_mut()) {
        let why = format!(
            "{} ({}, until {})",
            waiver.reason, waiver.approver, waiver.expires
        );
        let suppression = json!([{ "kind": "external", "status": "accepted", "justification": why }]);
        members.insert("suppressions".to_owned(), suppression);
    }
    result
}

fn logical(finding: &Finding) -> Json {
    json!({ "name": finding.result.name, "fullyQualifiedName": finding.result.urn, "kind": "resource" })
}

/// Reads `konductor.yaml:12:3`.
fn place(place: &str) -> Option<(&str, u64, u64)> {
    let (rest, column) = place.rsplit_once(':')?;
    let (file, line) = rest.rsplit_once(':')?;
    Some((file, line.parse().ok()?, column.parse().ok()?))
}

fn level(severity: CheckSeverity) -> &'static str {
    match severity {
        CheckSeverity::Low => "note",
        CheckSeverity::Medium => "warning",
        CheckSeverity::High | CheckSeverity::Critical => "error",
    }
}

/// The number by which code hosts order findings.
fn score(severity: CheckSeverity) -> &'static str {
    match severity {
        CheckSeverity::Low => "3.0",
        CheckSeverity::Medium => "5.5",
        CheckSeverity::High => "8.0",
        CheckSeverity::Critical => "9.5",
    }
}
