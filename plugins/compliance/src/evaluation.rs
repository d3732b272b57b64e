//! Checks, applied to the resources of a document.

use konductor_sdk_compliance::model::compliance::{
    AttributePatch, CheckOutcome, CheckResult, ComplianceAnswer, ComplianceRequest,
};

use crate::check::{self, WrittenCheck};
use crate::rule::Truth;
use crate::subject::Subject;

/// Applies the checks that a request asks for to all resources of its input.
pub(crate) fn evaluate(request: &ComplianceRequest) -> ComplianceAnswer {
    let checks: Vec<&WrittenCheck> = check::all()
        .iter()
        .filter(|check| serves(check, &request.frameworks))
        .collect();
    let subjects = Subject::all(&request.input);
    let mut results = Vec::new();
    for subject in &subjects {
        for check in &checks {
            if check.is_about(&subject.kind) {
                results.extend(judge(check, subject, &subjects));
            }
        }
    }
    ComplianceAnswer {
        checks: checks.iter().map(|check| check.description()).collect(),
        results,
    }
}

fn serves(check: &WrittenCheck, frameworks: &[String]) -> bool {
    frameworks.is_empty() || {
        let served = check.requirements();
        frameworks.iter().any(|framework| served.contains_key(framework.as_str()))
    }
}

/// Judges one resource; none where the check does not apply to it.
pub(crate) fn judge(check: &WrittenCheck, subject: &Subject, all: &[Subject]) -> Option<CheckResult> {
    let applies = check.applies.as_ref().map_or(Truth::Yes, |rule| rule.holds(subject, all));
    let outcome = match (applies, check.rule.holds(subject, all)) {
        (Truth::No, _) => return None,
        (_, Truth::Yes) => CheckOutcome::Passed,
        (Truth::Unknown, _) | (_, Truth::Unknown) => CheckOutcome::Unknown,
        (Truth::Yes, Truth::No) => CheckOutcome::Failed,
    };
    let patch = if outcome == CheckOutcome::Failed {
        patch(check, subject)
    } else {
        Vec::new()
    };
    Some(CheckResult {
        check: check.id.clone(),
        urn: subject.urn.clone(),
        name: subject.name.clone(),
        resource_type: subject.resource_type.clone(),
        place: subject.place.clone(),
        outcome,
        detail: String::new(),
        patch,
    })
}

fn patch(check: &WrittenCheck, subject: &Subject) -> Vec<AttributePatch> {
    let values = check.rule.values().into_iter();
    let each: Option<Vec<AttributePatch>> = values
        .map(|(path, value)| {
            Some(AttributePatch {
                path: subject.declared(path)?,
                value: value.clone(),
            })
        })
        .collect();
    each.unwrap_or_default()
}
