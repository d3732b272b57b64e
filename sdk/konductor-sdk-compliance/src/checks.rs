//! Checks of plans, states and drift, as a plugin: functions that are shown a document and find something in it.
//!
//! ```
//! use konductor_sdk_compliance::checks::{Checks, Document, Finding};
//!
//! fn checks() -> Checks {
//!     Checks::new("acme-checks", env!("CARGO_PKG_VERSION")).check("owner", |document: &Document| {
//!         let without = document.resources().filter(|resource| resource.metadata("owner").is_none());
//!         without.map(|resource| Finding::deny("nobody owns it").resource(resource)).collect()
//!     })
//! }
//! konductor_sdk_compliance::export_checks!(checks);
//! ```

mod document;
mod finding;
mod sample;

use std::collections::BTreeSet;

use konductor_model::checks::{CheckAnswer, CheckFinding, CheckRequest, FORMAT};
use konductor_model::{Disposition, Failure, Manifest};
use konductor_sdk::Definition;
use serde::Deserialize;

pub use document::{Action, Document, DocumentError, Resource};
pub use finding::Finding;
pub use sample::Sample;

/// One check: it is shown the document, and returns what it found.
type Check = Box<dyn Fn(&Document) -> Vec<Finding>>;

/// A plugin of checks: its name and version, and its checks by name.
pub struct Checks {
    definition: Definition,
    checks: Vec<(String, Check)>,
}

#[derive(Deserialize)]
struct Request {
    #[serde(flatten)]
    head: CheckRequest,
    input: serde_json::Value,
}

impl Checks {
    /// Starts a plugin with its name and its semantic version: `env!("CARGO_PKG_VERSION")`.
    pub fn new(name: &'static str, version: &'static str) -> Self {
        Self {
            definition: Definition::new(name, version),
            checks: Vec::new(),
        }
    }

    /// Says what the plugin is, for a person.
    #[must_use]
    pub fn description(mut self, description: &'static str) -> Self {
        self.definition = self.definition.description(description);
        self
    }

    /// Adds a check. Its name is the rule that its findings are told by, and needs to be there once.
    #[must_use]
    pub fn check(mut self, rule: &str, check: impl Fn(&Document) -> Vec<Finding> + 'static) -> Self {
        self.checks.push((rule.to_owned(), Box::new(check)));
        self
    }

    /// Returns the plugin's manifest.
    pub fn manifest(&self) -> Manifest {
        self.definition.manifest()
    }

    /// Applies all checks to a document: for tests, and what the sandbox calls.
    ///
    /// # Errors
    /// When two checks have one name, or there is none.
    pub fn judge(&self, document: &Document) -> Result<CheckAnswer, Failure> {
        let mut rules = Vec::new();
        let mut seen = BTreeSet::new();
        let mut findings = Vec::new();
        for (rule, check) in &self.checks {
            if !seen.insert(rule.as_str()) {
                return Err(mistake(format!(
                    "there are two checks `{rule}`; give one another name"
                )));
            }
            rules.push(rule.clone());
            let found = check(document).into_iter();
            findings.extend(found.map(|finding| finding.of(rule)));
        }
        if rules.is_empty() {
            return Err(mistake(
                "the plugin has no check; add one with `check`".to_owned(),
            ));
        }
        Ok(CheckAnswer { rules, findings })
    }

    /// Applies all checks to the document in a request, and returns the answer: both are JSON.
    ///
    /// # Errors
    /// When the request is for something else, or of a version that is not known, or [`judge`](Self::judge) fails.
    pub fn evaluate(&self, request: &str) -> Result<String, Failure> {
        let invalid = |problem: String| Failure::new(Disposition::Invalid, problem);
        let request: Request = serde_json::from_str(request)
            .map_err(|error| invalid(format!("this plugin checks plans, states and drift: {error}")))?;
        if request.head.format != FORMAT {
            return Err(invalid(format!(
                "the request has format {}, and this plugin reads {FORMAT}; build it with the SDK of this konductor",
                request.head.format
            )));
        }
        let document = Document::new(request.input).map_err(|error| invalid(error.to_string()))?;
        let answer = self.judge(&document)?;
        serde_json::to_string(&answer).map_err(|error| invalid(error.to_string()))
    }

    /// Applies all checks to a document, and returns the messages of what they found: for tests.
    ///
    /// # Errors
    /// As [`judge`](Self::judge).
    pub fn messages(&self, document: &Document) -> Result<Vec<String>, Failure> {
        let found = self.judge(document)?.findings.into_iter();
        Ok(found.map(|CheckFinding { message, .. }| message).collect())
    }
}

fn mistake(problem: String) -> Failure {
    Failure::new(Disposition::Plugin, problem)
}

/// Exports [`Checks`], which a function without arguments returns, as a component of the world `compliance-plugin`.
/// Outside WebAssembly it does nothing, so that the checks can be tested natively.
#[macro_export]
macro_rules! export_checks {
    ($checks:path) => {
        const _: () = {
            #[allow(dead_code, reason = "outside WebAssembly nothing names it")]
            struct ExportedChecks;

            impl $crate::CompliancePlugin for ExportedChecks {
                fn manifest() -> $crate::model::Manifest {
                    $checks().manifest()
                }

                fn frameworks() -> $crate::Json {
                    $crate::Json::Array(Vec::new())
                }

                fn controls_for(_resource_type: &str) -> $crate::Json {
                    $crate::Json::Array(Vec::new())
                }

                fn evaluate(request: $crate::Json) -> Result<$crate::Json, $crate::model::Failure> {
                    let answer = Self::evaluate_text(&request.to_string())?;
                    Ok(answer.parse().unwrap_or_default())
                }

                fn evaluate_text(request: &str) -> Result<String, $crate::model::Failure> {
                    $checks().evaluate(request)
                }
            }

            $crate::export_compliance!(ExportedChecks);
        };
    };
}
