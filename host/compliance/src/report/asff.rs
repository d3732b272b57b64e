//! Findings for Security Hub of AWS, in its AWS Security Finding Format: an array as BatchImportFindings takes it.
//!
//! What is not covered: that call takes 100 findings at once, so a longer array has to be sent in parts.

use std::collections::BTreeMap;

use konductor_model::compliance::{Check, CheckOutcome, CheckResult, CheckSeverity};
use serde_json::{Value as Json, json};

use super::Report;
use crate::assessment::{ControlAssessment, FrameworkAssessment};

/// The version of the format.
const SCHEMA: &str = "2018-10-08";
/// The most requirements that a finding may name.
const REQUIREMENTS: usize = 32;
/// The most characters of each text that the format limits.
const ID: usize = 512;
const TITLE: usize = 256;
const DESCRIPTION: usize = 1024;
const REMEDY: usize = 512;

/// The account that findings are imported into, and what its resources are called there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecurityHubAccount {
    /// The partition: `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: String,
    /// The region.
    pub region: String,
    /// The account's number.
    pub account: String,
    /// The Amazon resource names of resources, by URN; others are called by their URN.
    pub arns: BTreeMap<String, String>,
}

/// Writes the report: a finding for each result that serves a control of the framework.
pub(super) fn render(report: &Report<'_>, account: &SecurityHubAccount) -> String {
    let all = report.assessment.results.iter().enumerate();
    let findings: Vec<Json> = all
        .filter_map(|(index, result)| {
            let mut controls = report.framework.controls.iter();
            let control = controls.find(|control| control.results.contains(&index))?;
            Some(finding(report, account, index, result, control))
        })
        .collect();
    format!("{:#}\n", Json::Array(findings))
}

fn finding(
    report: &Report<'_>,
    account: &SecurityHubAccount,
    index: usize,
    result: &CheckResult,
    control: &ControlAssessment,
) -> Json {
    let check = report.assessment.check(result);
    let SecurityHubAccount {
        partition,
        region,
        account: number,
        arns,
    } = account;
    let said = match result.outcome {
        CheckOutcome::Passed => format!("{} passes the check {}.", result.name, check.id),
        CheckOutcome::Unknown => format!("What {} reads of {} is not known.", check.id, result.name),
        CheckOutcome::Failed => format!("{}: {}", result.name, report.remark(control, result)),
    };
    let fields = BTreeMap::from([
        ("konductor/check", check.id.clone()),
        ("konductor/topic", check.topic.clone()),
        ("konductor/stack", format!("{}/{}", report.project, report.stack)),
        ("konductor/resource", result.name.clone()),
        ("konductor/type", result.resource_type.clone()),
        ("konductor/log-entry", report.evidence.0.to_string()),
        ("konductor/log-digest", report.evidence.1.clone()),
    ]);
    let named = arns.get(&result.urn);
    json!({
        "SchemaVersion": SCHEMA,
        "Id": cut(&format!("{}#{}", result.urn, check.id), ID),
        "ProductArn": format!("arn:{partition}:securityhub:{region}:{number}:product/{number}/default"),
        "GeneratorId": format!("konductor/{}", check.id),
        "AwsAccountId": number,
        "CreatedAt": report.time,
        "UpdatedAt": report.time,
        "Title": cut(&title(&check, result.outcome), TITLE),
        "Description": cut(&said, DESCRIPTION),
        // Where people changed the severity in Security Hub, what they say stays.
        "FindingProviderFields": {
            "Severity": { "Label": severity(&check, result.outcome), "Original": check.severity.word() },
            "Types": [format!(
                "Software and Configuration Checks/Industry and Regulatory Standards/{}",
                report.framework.id
            )],
        },
        "Remediation": { "Recommendation": { "Text": cut(&check.remedy, REMEDY) } },
        "ProductFields": fields,
        "Resources": [{
            "Type": named.map_or("Other", |_| resource_type(&result.resource_type)),
            "Id": cut(named.unwrap_or(&result.urn), ID),
            "Partition": partition,
            "Region": region,
        }],
        "Compliance": {
            "Status": match (result.outcome, report.waiver(control, result)) {
                (CheckOutcome::Passed, _) => "PASSED",
                (CheckOutcome::Unknown, _) => "NOT_AVAILABLE",
                (CheckOutcome::Failed, Some(_)) => "WARNING",
                (CheckOutcome::Failed, None) => "FAILED",
            },
            "RelatedRequirements": requirements(report, index),
        },
        "RecordState": "ACTIVE",
    })
}

/// Returns what the finding is about. A check's own title says what is wrong where it fails.
fn title(check: &Check, outcome: CheckOutcome) -> String {
    match outcome {
        CheckOutcome::Failed => check.title.clone(),
        CheckOutcome::Passed => format!("{} passes", check.id),
        CheckOutcome::Unknown => format!("{} is open", check.id),
    }
}

fn severity(check: &Check, outcome: CheckOutcome) -> &'static str {
    match (outcome, check.severity) {
        (CheckOutcome::Passed | CheckOutcome::Unknown, _) => "INFORMATIONAL",
        (_, CheckSeverity::Low) => "LOW",
        (_, CheckSeverity::Medium) => "MEDIUM",
        (_, CheckSeverity::High) => "HIGH",
        (_, CheckSeverity::Critical) => "CRITICAL",
    }
}

/// Returns the controls that a result serves: those of the report's framework first, then those of the others.
fn requirements(report: &Report<'_>, index: usize) -> Vec<String> {
    let own = std::iter::once(report.framework);
    let all = report.assessment.frameworks.iter();
    let others = all.filter(|framework| framework.id != report.framework.id);
    let served = own.chain(others).flat_map(|framework: &FrameworkAssessment| {
        let controls = framework.controls.iter();
        let served = controls.filter(move |control| control.results.contains(&index));
        served.map(|control| format!("{}:{}", framework.id, control.id))
    });
    served.take(REQUIREMENTS).collect()
}

/// Returns what Security Hub calls a type; `Other` where it has no word for it.
fn resource_type(resource_type: &str) -> &'static str {
    match resource_type {
        "aws:ec2:Instance" => "AwsEc2Instance",
        "aws:ec2:RouteTable" => "AwsEc2RouteTable",
        "aws:ec2:SecurityGroup" => "AwsEc2SecurityGroup",
        "aws:ec2:Subnet" => "AwsEc2Subnet",
        "aws:ec2:Volume" => "AwsEc2Volume",
        "aws:ec2:Vpc" => "AwsEc2Vpc",
        "aws:ec2:VpnConnection" => "AwsEc2VpnConnection",
        "aws:s3:Bucket" => "AwsS3Bucket",
        "aws:s3:Object" => "AwsS3Object",
        _ => "Other",
    }
}

/// Cuts a text to a number of characters.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_where_it_is_too_long_alone() {
        assert_eq!(cut("four", 4), "four");
        assert_eq!(cut("fünfe", 4), "fün…");
    }
}
