//! Checks that are a plugin of their own: the JSON documents of its function `evaluate`.
//!
//! The request has the members `format`, `task`, `package` and `input`, which is the document that packages in Rego are
//! shown, too. The answer has `rules`, those that were asked, and `findings`, what they found. Readers ignore members
//! they do not know.

use serde::{Deserialize, Serialize};

use crate::policy::PolicyFinding;

/// The version of both documents.
pub const FORMAT: u32 = 1;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckTask {
    /// Apply the checks to the input. No other plugin that judges has a task of this name.
    Check,
}

/// What a plugin is asked, but for the member `input`: each side has a type of its own for that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckRequest {
    /// The version: [`FORMAT`].
    pub format: u32,
    /// What is to be done.
    pub task: CheckTask,
    /// The package that names the plugin.
    pub package: String,
}

/// What the checks of a plugin came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckAnswer {
    /// The checks that were asked, whether or not they found something.
    pub rules: Vec<String>,
    /// What they found.
    pub findings: Vec<CheckFinding>,
}

/// Something that a check found. Nothing of it has a default that could hide it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckFinding {
    /// The check.
    pub rule: String,
    /// What is wrong.
    pub message: String,
    /// It only warns, whatever the level of its package is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub warning: bool,
    /// What else is known: the resource, its URN, the attribute.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub details: serde_json::Map<String, serde_json::Value>,
}

impl From<CheckFinding> for PolicyFinding {
    fn from(finding: CheckFinding) -> Self {
        Self {
            rule: finding.rule,
            warning: finding.warning,
            excepted: false,
            message: finding.message,
            details: finding.details,
        }
    }
}
