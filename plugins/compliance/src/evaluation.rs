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
        frameworks
            .iter()
            .any(|framework| served.contains_key(framework.as_str()))
    }
}

/// Judges one resource; none where the check does not apply to it.
pub(crate) fn judge(check: &WrittenCheck, subject: &Subject, all: &[Subject]) -> Option<CheckResult> {
    let applies = check
        .applies
        .as_ref()
        .map_or(Truth::Yes, |rule| rule.holds(subject, all));
    let outcome = match (applies, check.rule.holds(subject, all)) {
        (Truth::No, _) => return None,
        (_, Truth::Yes) => CheckOutcome::Passed,
        (Truth::Unknown, _) | (_, Truth::Unknown) => CheckOutcome::Unknown,
        (Truth::Yes, Truth::No) => CheckOutcome::Failed,
    };
    let patch = if outcome == CheckOutcome::Failed {
        patch(check, subject, all)
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

/// Returns the values that would make a check pass; nothing where they are a person's choice, or it takes something else.
fn patch(check: &WrittenCheck, subject: &Subject, all: &[Subject]) -> Vec<AttributePatch> {
    let values: Option<Vec<(&str, serde_json::Value)>> = match &check.patch {
        Some(values) => {
            let values = values.iter();
            Some(
                values
                    .map(|(path, value)| (path.as_str(), value.clone()))
                    .collect(),
            )
        }
        None => check.rule.repair(subject, all),
    };
    let each: Option<Vec<AttributePatch>> = values
        .into_iter()
        .flatten()
        .map(|(path, value)| {
            Some(AttributePatch {
                path: subject.declared(path)?,
                value,
            })
        })
        .collect();
    each.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn results(changes: Json, frameworks: &[&str]) -> Vec<CheckResult> {
        let request = ComplianceRequest {
            frameworks: frameworks.iter().map(|id| (*id).to_owned()).collect(),
            input: json!({ "resource_changes": changes }),
            ..ComplianceRequest::default()
        };
        evaluate(&request).results
    }

    fn change(name: &str, resource_type: &str, after: Json) -> Json {
        json!({
            "change": { "after": after },
            "konductor": { "urn": name, "name": name, "type": resource_type, "place": "konductor.yaml:3:5" },
        })
    }

    fn outcome(results: &[CheckResult], check: &str) -> Option<CheckOutcome> {
        let found = results.iter().find(|result| result.check == check);
        found.map(|result| result.outcome)
    }

    #[test]
    fn a_resource_is_judged_alike_in_every_form_that_it_is_declared_in() {
        let typed = change(
            "a",
            "azure:storage:StorageAccount",
            json!({ "name": "a", "https_only": false }),
        );
        let body = json!({ "properties": { "supportsHttpsTrafficOnly": false } });
        let generic = change(
            "a",
            "azure:arm:Resource",
            json!({ "type": "microsoft.storage/STORAGEACCOUNTS", "name": "a", "body": body }),
        );
        let check = "azure-storage-https-only";
        let patches: Vec<_> = [typed, generic]
            .into_iter()
            .map(|change| {
                let found = results(json!([change]), &[]);
                let found = found.iter().find(|result| result.check == check).unwrap();
                assert_eq!(found.outcome, CheckOutcome::Failed);
                assert_eq!(found.place.as_deref(), Some("konductor.yaml:3:5"));
                (found.patch[0].path.clone(), found.patch[0].value.clone())
            })
            .collect();
        assert_eq!(patches[0], ("https_only".to_owned(), json!(true)));
        assert_eq!(
            patches[1],
            ("body.properties.supportsHttpsTrafficOnly".to_owned(), json!(true))
        );
    }

    #[test]
    fn what_is_deleted_superseded_or_of_another_framework_is_not_judged() {
        let open = json!({ "bucket": "b", "force_destroy": true });
        let mut superseded = change("old", "aws:s3:Bucket", open.clone());
        superseded["deposed"] = json!("1");
        let deleted = change("gone", "aws:s3:Bucket", Json::Null);
        assert!(results(json!([superseded, deleted]), &[]).is_empty());
        let bucket = json!([change("b", "aws:s3:Bucket", open)]);
        let all = results(bucket.clone(), &[]);
        assert_eq!(
            outcome(&all, "aws-s3-bucket-kept-with-objects"),
            Some(CheckOutcome::Failed)
        );
        let of_google = results(bucket, &["cis-gcp"]);
        assert!(of_google.is_empty(), "{of_google:?}");
    }

    #[test]
    fn a_setting_that_will_name_its_bucket_belongs_to_the_one_that_it_depends_on() {
        let mut block = change(
            "block",
            "aws:s3:BucketPublicAccessBlock",
            json!({
                "block_public_acls": true, "block_public_policy": true, "ignore_public_acls": true,
                "restrict_public_buckets": true,
            }),
        );
        block["change"]["after_unknown"] = json!({ "bucket": true });
        block["konductor"]["depends_on"] = json!(["logs"]);
        let changes = |name: &str| json!([change(name, "aws:s3:Bucket", json!({ "bucket": "x" })), block]);
        let check = "aws-s3-bucket-public-access-blocked";
        assert_eq!(
            outcome(&results(changes("logs"), &[]), check),
            Some(CheckOutcome::Passed)
        );
        assert_eq!(
            outcome(&results(changes("other"), &[]), check),
            Some(CheckOutcome::Failed)
        );
    }
}
