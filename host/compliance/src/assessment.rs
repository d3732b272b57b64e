//! What the results of checks come to: findings, and for each control whether it is satisfied.

use std::collections::BTreeMap;

use konductor_model::compliance::{Check, CheckOutcome, CheckResult, ComplianceAnswer, Waiver};
use konductor_model::policy::{PackageAnswer, PolicyFinding, PolicyLevel};
use konductor_state::policy::{FINDINGS_KEPT, PackageDecision, PackageOutcome, RecordedFinding};
use serde::Serialize;

use crate::controls::{ControlKey, ControlRules};
use crate::tightening::{ResourceMetadata, TIGHTENED, Tightened};

/// What the judgement of compliance is called among those of packages of policies.
pub const JUDGE: &str = "compliance";

/// What the checks of all resources came to.
#[derive(Debug, Clone, Default)]
pub struct Assessment {
    /// The checks that were applied, by their identifiers.
    pub checks: BTreeMap<String, Check>,
    /// What failed.
    pub findings: Vec<Finding>,
    /// Each framework, control by control.
    pub frameworks: Vec<FrameworkAssessment>,
    /// All results, in the order of resources.
    pub results: Vec<CheckResult>,
    /// The waivers that do not hold any more.
    pub expired: Vec<Waiver>,
}

/// A check that failed.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The check and the resource.
    pub result: CheckResult,
    /// The controls it serves, each with what follows and who allows it.
    pub controls: Vec<FindingControl>,
}

/// A control that a check serves which failed.
#[derive(Debug, Clone)]
pub struct FindingControl {
    /// Which.
    pub key: ControlKey,
    /// What follows.
    pub level: PolicyLevel,
    /// Who allows it all the same.
    pub waiver: Option<Waiver>,
}

impl Finding {
    /// Returns what follows: the strictest of what its controls say that nobody waives. None where all are waived.
    pub fn level(&self) -> Option<PolicyLevel> {
        let open = self.controls.iter().filter(|control| control.waiver.is_none());
        open.map(|control| control.level).max()
    }

    /// Returns the waiver, where every control is waived.
    pub fn waiver(&self) -> Option<&Waiver> {
        match self.level() {
            None => self.controls.first().and_then(|control| control.waiver.as_ref()),
            Some(_) => None,
        }
    }
}

/// A framework, control by control.
#[derive(Debug, Clone, Default)]
pub struct FrameworkAssessment {
    /// What configuration calls it.
    pub id: String,
    /// Its name.
    pub title: String,
    /// The edition.
    pub version: String,
    /// Its controls.
    pub controls: Vec<ControlAssessment>,
}

/// A control.
#[derive(Debug, Clone, Default)]
pub struct ControlAssessment {
    /// As the framework numbers it.
    pub id: String,
    /// What the framework calls it.
    pub title: String,
    /// Whether it is satisfied.
    pub status: ControlStatus,
    /// The checks that serve it.
    pub checks: Vec<String>,
    /// What came of them, as positions in the results of the assessment.
    pub results: Vec<usize>,
    /// What failed, as positions in its findings.
    pub findings: Vec<usize>,
}

/// Whether a control is satisfied, as far as checks can tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ControlStatus {
    /// A check fails.
    NotSatisfied,
    /// Checks fail, and somebody allows it.
    Waived,
    /// Every check passes.
    Satisfied,
    /// What the checks look at is not known yet.
    Open,
    /// Nothing that its checks look at is in the stack.
    NotApplicable,
    /// No check serves it: a person has to look.
    #[default]
    NotChecked,
}

impl ControlStatus {
    /// All of them, the worst first.
    pub const ALL: [Self; 6] = [
        Self::NotSatisfied,
        Self::Waived,
        Self::Satisfied,
        Self::Open,
        Self::NotApplicable,
        Self::NotChecked,
    ];

    /// Returns the words for it.
    pub fn words(self) -> &'static str {
        match self {
            Self::NotSatisfied => "not satisfied",
            Self::Waived => "waived",
            Self::Satisfied => "satisfied",
            Self::Open => "open",
            Self::NotApplicable => "not applicable",
            Self::NotChecked => "not checked",
        }
    }
}

impl FrameworkAssessment {
    /// Returns how many controls have a status.
    pub fn count(&self, status: ControlStatus) -> usize {
        self.controls
            .iter()
            .filter(|control| control.status == status)
            .count()
    }
}

/// Works out what the results of checks come to, with what is said of the resources, at a time in milliseconds since
/// 1970.
pub fn assess(
    answer: ComplianceAnswer,
    rules: &ControlRules,
    metadata: &ResourceMetadata,
    now: i64,
) -> Assessment {
    let tightened = Tightened::new(rules, &answer.results, metadata);
    let mut findings = Vec::new();
    let mut finding_of: BTreeMap<usize, usize> = BTreeMap::new();
    let mut results_of: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, result) in answer.results.iter().enumerate() {
        results_of.entry(&result.check).or_default().push(index);
        if result.outcome != CheckOutcome::Failed {
            continue;
        }
        let (urn, check) = (&result.urn, &result.check);
        let demanded = rules.controls_of(check).iter();
        let demanded = demanded.filter(|key| tightened.demands(urn, check, key));
        let controls: Vec<FindingControl> = demanded
            .map(|key| FindingControl {
                key: key.clone(),
                level: match tightened.level(urn, check, key) {
                    None => rules.level(check, key),
                    Some(level) if key.0 == TIGHTENED => level,
                    Some(level) => level.max(rules.level(check, key)),
                },
                waiver: rules.waiver(check, key, &result.name, now).cloned(),
            })
            .collect();
        if !controls.is_empty() {
            finding_of.insert(index, findings.len());
            findings.push(Finding {
                result: result.clone(),
                controls,
            });
        }
    }
    let frameworks = rules
        .frameworks
        .iter()
        .map(|framework| FrameworkAssessment {
            id: framework.id.clone(),
            title: framework.title.clone(),
            version: framework.version.clone(),
            controls: framework
                .controls
                .iter()
                .map(|control| {
                    let key = (framework.id.clone(), control.id.clone());
                    let is_demanded = |index: &usize| {
                        let result = answer.results.get(*index);
                        result.is_some_and(|result| tightened.demands(&result.urn, &result.check, &key))
                    };
                    let served = control.checks.iter();
                    let of = |check: &String| results_of.get(check.as_str()).cloned().unwrap_or_default();
                    let mut results: Vec<usize> = served.flat_map(of).filter(is_demanded).collect();
                    results.sort_unstable();
                    let failed: Vec<usize> = results
                        .iter()
                        .filter_map(|index| finding_of.get(index))
                        .copied()
                        .collect();
                    ControlAssessment {
                        id: control.id.clone(),
                        title: control.title.clone(),
                        status: status(
                            &control.checks,
                            &results,
                            &failed,
                            &answer.results,
                            &findings,
                            &key,
                        ),
                        checks: control.checks.clone(),
                        results,
                        findings: failed,
                    }
                })
                .collect(),
        })
        .collect();
    Assessment {
        checks: answer
            .checks
            .into_iter()
            .map(|check| (check.id.clone(), check))
            .collect(),
        findings,
        frameworks,
        results: answer.results,
        expired: rules.expired(now).into_iter().cloned().collect(),
    }
}

fn status(
    checks: &[String],
    results: &[usize],
    failed: &[usize],
    all: &[CheckResult],
    findings: &[Finding],
    key: &ControlKey,
) -> ControlStatus {
    let is_waived = |index: &usize| {
        let controls = findings.get(*index).map(|finding| &finding.controls);
        let control = controls.and_then(|controls| controls.iter().find(|control| control.key == *key));
        control.is_some_and(|control| control.waiver.is_some())
    };
    let is_unknown = |index: &usize| {
        all.get(*index)
            .is_some_and(|result| result.outcome == CheckOutcome::Unknown)
    };
    if checks.is_empty() {
        ControlStatus::NotChecked
    } else if results.is_empty() {
        ControlStatus::NotApplicable
    } else if failed.iter().any(|index| !is_waived(index)) {
        ControlStatus::NotSatisfied
    } else if !failed.is_empty() {
        ControlStatus::Waived
    } else if results.iter().any(is_unknown) {
        ControlStatus::Open
    } else {
        ControlStatus::Satisfied
    }
}

impl Assessment {
    /// Returns the check of a result.
    pub fn check(&self, result: &CheckResult) -> Check {
        self.checks.get(&result.check).cloned().unwrap_or_default()
    }

    /// Says what was found as a package of policies would: what is advisory only warns, what is waived is excepted.
    /// `digest` is that of the plugin, `place` is where the section is written.
    pub fn judgement(
        &self,
        level: PolicyLevel,
        place: &str,
        digest: &str,
    ) -> (PackageDecision, PackageAnswer) {
        let mut answer = PackageAnswer {
            name: JUDGE.to_owned(),
            rules: self.checks.keys().cloned().collect(),
            ..PackageAnswer::default()
        };
        let (mut denied, mut warned) = (0, 0);
        let mut found: Vec<(&Finding, PolicyFinding)> = Vec::new();
        for finding in &self.findings {
            let level = finding.level();
            denied += usize::from(level == Some(PolicyLevel::Mandatory));
            warned += usize::from(level == Some(PolicyLevel::Advisory));
            found.push((finding, self.told(finding)));
        }
        // What refuses the plan is told first.
        found.sort_by_key(|(finding, _)| std::cmp::Reverse(finding.level()));
        answer.findings = found.into_iter().map(|(_, told)| told).collect();
        let recorded = answer
            .findings
            .iter()
            .take(FINDINGS_KEPT)
            .map(|finding| RecordedFinding {
                rule: finding.rule.clone(),
                message: finding.message.clone(),
                warning: finding.warning,
                excepted: finding.excepted,
            });
        let decision = PackageDecision {
            name: JUDGE.to_owned(),
            level: if denied > 0 { PolicyLevel::Mandatory } else { level },
            place: place.to_owned(),
            digest: digest.to_owned(),
            bundle: None,
            outcome: match (denied, warned) {
                (0, 0) => PackageOutcome::Passed,
                (0, _) => PackageOutcome::Advised,
                _ => PackageOutcome::Denied,
            },
            rules: answer.rules.len(),
            denied,
            warned,
            findings: recorded.collect(),
            problems: Vec::new(),
            override_reason: None,
        };
        (decision, answer)
    }

    fn told(&self, finding: &Finding) -> PolicyFinding {
        let check = self.check(&finding.result);
        let message = match finding.waiver() {
            Some(waiver) => format!(
                "{}: {} Waived by {} until {}: {}",
                finding.result.name, check.title, waiver.approver, waiver.expires, waiver.reason
            ),
            None => format!("{}: {} {}", finding.result.name, check.title, check.remedy),
        };
        let controls = finding.controls.iter().map(|control| {
            serde_json::json!({
                "framework": control.key.0, "control": control.key.1, "level": control.level,
                "waived": control.waiver.is_some(),
            })
        });
        let mut details = serde_json::Map::new();
        details.insert("resource".to_owned(), finding.result.name.clone().into());
        details.insert("type".to_owned(), finding.result.resource_type.clone().into());
        details.insert("place".to_owned(), finding.result.place.clone().into());
        details.insert("severity".to_owned(), check.severity.word().into());
        details.insert("remedy".to_owned(), check.remedy.clone().into());
        details.insert("controls".to_owned(), controls.collect());
        if !finding.result.patch.is_empty()
            && let Ok(patch) = serde_json::to_value(&finding.result.patch)
        {
            details.insert("patch".to_owned(), patch);
        }
        PolicyFinding {
            rule: finding.result.check.clone(),
            warning: finding.level() == Some(PolicyLevel::Advisory),
            excepted: finding.level().is_none(),
            message,
            details,
        }
    }
}
