//! What follows from what policies say.

use std::collections::BTreeMap;

use konductor_model::policy::{PackageAnswer, PolicyLevel, PolicyProblem};
use konductor_state::policy::{
    FINDINGS_KEPT, PackageDecision, PackageOutcome, PolicyDecision, RecordedFinding,
};
use sha2::{Digest as _, Sha256};

use crate::package::LoadedPackage;

/// Packages that somebody goes on in spite of, each with the reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides(BTreeMap<String, String>);

/// Says why a package cannot be overridden.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OverrideError {
    /// It has another form.
    #[error("`{0}` is not an override; write the name of a package, `=`, and the reason")]
    Form(String),
    /// Nobody gave a reason.
    #[error("package `{0}` is overridden without a reason; say why after the `=`")]
    NoReason(String),
    /// There is no such package.
    #[error("there is no package `{name}` to override; there are {}", known.join(", "))]
    Unknown {
        /// The name.
        name: String,
        /// The packages there are.
        known: Vec<String>,
    },
    /// It is mandatory.
    #[error(
        "package `{name}` is mandatory and cannot be overridden; who may change {place} can make it `soft-mandatory`"
    )]
    Mandatory {
        /// The package.
        name: String,
        /// Where it is configured.
        place: String,
    },
}

impl Overrides {
    /// Reads overrides as they are given on the command line, `NAME=REASON`, and holds them against the packages.
    ///
    /// # Errors
    /// Everything that is wrong with any of them.
    pub fn read(given: &[String], packages: &[LoadedPackage]) -> Result<Self, Vec<OverrideError>> {
        let mut overrides = BTreeMap::new();
        let mut errors = Vec::new();
        for text in given {
            let Some((name, reason)) = text.split_once('=') else {
                errors.push(OverrideError::Form(text.clone()));
                continue;
            };
            let (name, reason) = (name.trim(), reason.trim());
            let Some(package) = packages.iter().find(|package| package.setting.name == name) else {
                errors.push(OverrideError::Unknown {
                    name: name.to_owned(),
                    known: match packages {
                        [] => vec!["none".to_owned()],
                        some => some.iter().map(|package| package.setting.name.clone()).collect(),
                    },
                });
                continue;
            };
            if package.setting.level == PolicyLevel::Mandatory {
                errors.push(OverrideError::Mandatory {
                    name: name.to_owned(),
                    place: package.setting.place.clone(),
                });
            } else if reason.is_empty() {
                errors.push(OverrideError::NoReason(name.to_owned()));
            } else {
                overrides.insert(name.to_owned(), reason.to_owned());
            }
        }
        if errors.is_empty() {
            Ok(Self(overrides))
        } else {
            Err(errors)
        }
    }
}

/// What was judged, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// As it is recorded.
    pub decision: PolicyDecision,
    /// Everything that was found, in the order of the decision's packages.
    pub answers: Vec<PackageAnswer>,
}

impl Judgement {
    /// Adds what another judge says.
    pub fn add(&mut self, decision: PackageDecision, answer: PackageAnswer) {
        let refuses = matches!(decision.outcome, PackageOutcome::Denied)
            || decision.outcome == PackageOutcome::Unusable && decision.level != PolicyLevel::Advisory;
        self.decision.allowed &= !refuses;
        self.decision.packages.push(decision);
        self.answers.push(answer);
    }
}

/// Decides what follows from the answers about packages. A package that could not be evaluated counts as one that found
/// something.
pub fn decide(
    run: &str,
    operation: &str,
    input: &str,
    packages: &[LoadedPackage],
    answers: Vec<PackageAnswer>,
    overrides: &Overrides,
) -> Judgement {
    let decisions: Vec<PackageDecision> = packages
        .iter()
        .zip(&answers)
        .map(|(package, answer)| decide_one(package, answer, overrides))
        .collect();
    let allowed = decisions.iter().all(|decision| match decision.outcome {
        PackageOutcome::Passed | PackageOutcome::Advised | PackageOutcome::Overridden => true,
        PackageOutcome::Denied => false,
        PackageOutcome::Unusable => decision.level == PolicyLevel::Advisory,
    });
    Judgement {
        decision: PolicyDecision {
            run: run.to_owned(),
            operation: operation.to_owned(),
            input: hex::encode(Sha256::digest(input)),
            allowed,
            milliseconds: 0,
            packages: decisions,
        },
        answers,
    }
}

fn decide_one(package: &LoadedPackage, answer: &PackageAnswer, overrides: &Overrides) -> PackageDecision {
    let level = package.setting.level;
    let denied = count(answer, |finding| !finding.warning && !finding.excepted);
    let reason = overrides
        .0
        .get(&package.setting.name)
        .filter(|_| level == PolicyLevel::SoftMandatory);
    let unusable = !answer.problems.is_empty();
    let outcome = match (unusable, denied, level) {
        (false, 0, _) => PackageOutcome::Passed,
        (_, _, PolicyLevel::SoftMandatory) if reason.is_some() => PackageOutcome::Overridden,
        (true, ..) => PackageOutcome::Unusable,
        (false, _, PolicyLevel::Advisory) => PackageOutcome::Advised,
        (false, ..) => PackageOutcome::Denied,
    };
    let findings = answer.findings.iter().take(FINDINGS_KEPT);
    PackageDecision {
        name: package.setting.name.clone(),
        level,
        place: package.setting.place.clone(),
        digest: package.digest.clone(),
        bundle: package.bundle.clone(),
        outcome,
        rules: answer.rules.len(),
        denied,
        warned: count(answer, |finding| finding.warning && !finding.excepted),
        findings: findings
            .map(|finding| RecordedFinding {
                rule: finding.rule.clone(),
                message: finding.message.clone(),
                warning: finding.warning,
                excepted: finding.excepted,
            })
            .collect(),
        problems: answer.problems.iter().map(placed).collect(),
        override_reason: reason.filter(|_| outcome == PackageOutcome::Overridden).cloned(),
    }
}

fn count(answer: &PackageAnswer, counts: impl Fn(&konductor_model::policy::PolicyFinding) -> bool) -> usize {
    answer.findings.iter().filter(|finding| counts(finding)).count()
}

/// Says what is wrong with a package, and where: `policies/a.rego:3:7: …`.
pub fn placed(problem: &PolicyProblem) -> String {
    match (problem.path.as_str(), problem.line) {
        ("", _) => problem.message.clone(),
        (path, 0) => format!("{path}: {}", problem.message),
        (path, line) => format!("{path}:{line}:{}: {}", problem.column, problem.message),
    }
}
