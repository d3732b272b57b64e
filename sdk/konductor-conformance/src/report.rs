//! What was found, for people and for machines.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::Serialize;

use crate::catalogue::{CATALOGUE, CheckId};

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// It holds.
    Passed,
    /// It does not hold.
    Failed {
        /// Each thing that was seen.
        findings: Vec<String>,
    },
    /// It could not be judged, or the fixtures say to leave it out.
    Skipped {
        /// Why.
        reason: String,
    },
}

impl Verdict {
    pub(crate) fn of(findings: Vec<String>) -> Self {
        if findings.is_empty() {
            Self::Passed
        } else {
            Self::Failed { findings }
        }
    }

    pub(crate) fn skipped(reason: impl Into<String>) -> Self {
        Self::Skipped {
            reason: reason.into(),
        }
    }
}

/// One check of one type or fixture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckResult {
    /// The check.
    pub check: CheckId,
    /// The type.
    #[serde(rename = "type")]
    pub resource_type: String,
    /// The fixture, where the check used one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixture: Option<String>,
    /// How it ended.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// Everything that was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The plugin's name.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// Every check.
    pub results: Vec<CheckResult>,
    /// What could not be made, or was left behind in the cloud.
    pub trouble: Vec<String>,
}

impl Report {
    /// Tells whether nothing failed and nothing was left behind.
    pub fn is_clean(&self) -> bool {
        self.failed().is_empty() && self.trouble.is_empty()
    }

    /// Returns the checks that failed somewhere.
    pub fn failed(&self) -> BTreeSet<CheckId> {
        self.results
            .iter()
            .filter(|result| matches!(result.verdict, Verdict::Failed { .. }))
            .map(|result| result.check)
            .collect()
    }

    /// Returns how many passed, failed and were skipped.
    pub fn counts(&self) -> (usize, usize, usize) {
        let mut counts = (0, 0, 0);
        for result in &self.results {
            match result.verdict {
                Verdict::Passed => counts.0 += 1,
                Verdict::Failed { .. } => counts.1 += 1,
                Verdict::Skipped { .. } => counts.2 += 1,
            }
        }
        counts
    }

    /// Writes the report for a person: what failed, by check, with what to do; then what was skipped and why.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for check in CATALOGUE {
            if !self.failed().contains(check) {
                continue;
            }
            let description = check.description();
            let _ = writeln!(text, "FAILED {check}: {}", description.asks);
            for result in self.results.iter().filter(|result| result.check == *check) {
                if let Verdict::Failed { findings } = &result.verdict {
                    for finding in findings {
                        let _ = writeln!(text, "  {}: {finding}", place(result));
                    }
                }
            }
            let _ = writeln!(text, "  help: {}\n", description.help);
        }
        for result in &self.results {
            if let Verdict::Skipped { reason } = &result.verdict {
                let _ = writeln!(text, "skipped {} of {}: {reason}", result.check, place(result));
            }
        }
        for trouble in &self.trouble {
            let _ = writeln!(text, "TROUBLE {trouble}");
        }
        let (passed, failed, skipped) = self.counts();
        let _ = writeln!(
            text,
            "{} {}: {passed} passed, {failed} failed, {skipped} skipped",
            self.plugin, self.version
        );
        text
    }
}

fn place(result: &CheckResult) -> String {
    match &result.fixture {
        Some(fixture) => format!("{fixture} ({})", result.resource_type),
        None => result.resource_type.clone(),
    }
}
