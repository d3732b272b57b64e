//! Frameworks, their controls, and checks of resources: the JSON documents of a compliance plugin.
//!
//! The function `frameworks` answers with a list of [`Framework`], `controls-for` with one of [`ApplicableControl`], and
//! `evaluate` takes a [`ComplianceRequest`] and answers with a [`ComplianceAnswer`]. Readers ignore members they do not
//! know.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::diagnostic::Origin;
use crate::policy::PolicyLevel;
use crate::wildcard::wildcard;

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The version of the request and the answer.
pub const FORMAT: u32 = 1;

/// A catalogue of controls, or a selection of those of another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Framework {
    /// What configuration calls it: `nist-800-53-moderate`.
    pub id: String,
    /// Its name.
    pub title: String,
    /// The edition.
    pub version: String,
    /// The framework that it selects from.
    #[serde(skip_serializing_if = "is_default")]
    pub baseline_of: Option<String>,
    /// Its controls, in its order.
    pub controls: Vec<Control>,
}

/// One control of a framework.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Control {
    /// As the framework numbers it: `sc-28.1`, `A.8.24`.
    pub id: String,
    /// What the framework calls it, where that may be copied.
    #[serde(skip_serializing_if = "is_default")]
    pub title: String,
    /// The checks that serve it.
    #[serde(skip_serializing_if = "is_default")]
    pub checks: Vec<String>,
}

/// A control that applies to a type of resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ApplicableControl {
    /// The framework.
    pub framework: String,
    /// The control.
    pub control: String,
    /// The checks of resources of this type that serve it.
    pub checks: Vec<String>,
}

/// How much it matters that a check fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckSeverity {
    /// It would be better otherwise.
    Low,
    /// It weakens something that protects.
    #[default]
    Medium,
    /// It leaves something unprotected.
    High,
    /// It opens something to everybody.
    Critical,
}

impl CheckSeverity {
    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// Something that is looked at in resources of some types.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Check {
    /// Its identifier: `aws-s3-bucket-public-access-blocked`.
    pub id: String,
    /// What is wrong where it fails.
    pub title: String,
    /// What to do then, in one line.
    pub remedy: String,
    /// How much it matters.
    pub severity: CheckSeverity,
    /// What it is about: `encryption-at-rest`.
    pub topic: String,
    /// The types of resources it looks at, as Konductor calls them; for types of a cloud's own that stand in a generic
    /// resource, the cloud's name: `azure:arm:Resource Microsoft.Sql/servers`.
    pub types: Vec<String>,
}

/// What is wanted of a compliance plugin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ComplianceTask {
    /// Tell the checks there are.
    Checks,
    /// Apply checks to the resources of the input.
    #[default]
    Evaluate,
}

/// A request to a compliance plugin.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ComplianceRequest {
    /// The version of the request.
    pub format: u32,
    /// What is wanted.
    pub task: ComplianceTask,
    /// Only checks that serve one of these frameworks; none: all.
    #[serde(skip_serializing_if = "is_default")]
    pub frameworks: Vec<String>,
    /// The document that policies are shown, of a plan or of what is recorded.
    #[serde(skip_serializing_if = "is_default")]
    pub input: serde_json::Value,
}

/// The answer of a compliance plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ComplianceAnswer {
    /// The checks: all there are, or those that were applied.
    pub checks: Vec<Check>,
    /// What came of each check of each resource that it looks at.
    #[serde(skip_serializing_if = "is_default")]
    pub results: Vec<CheckResult>,
}

/// What came of a check of a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CheckResult {
    /// The check.
    pub check: String,
    /// The resource: its URN.
    pub urn: String,
    /// Its name in the stack.
    pub name: String,
    /// Its type, as Konductor calls it.
    #[serde(rename = "type")]
    pub resource_type: String,
    /// Where it is declared: `konductor.yaml:12:3`.
    #[serde(skip_serializing_if = "is_default")]
    pub place: Option<String>,
    /// What came of it.
    pub outcome: CheckOutcome,
    /// What else there is to say of this resource.
    #[serde(skip_serializing_if = "is_default")]
    pub detail: String,
    /// What would make it pass.
    #[serde(skip_serializing_if = "is_default")]
    pub patch: Vec<AttributePatch>,
}

/// A value that an attribute should have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AttributePatch {
    /// The attribute, as it is declared: `body.properties.supportsHttpsTrafficOnly`.
    pub path: String,
    /// The value.
    pub value: serde_json::Value,
}

/// What came of a check.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckOutcome {
    /// It is as it should be.
    Passed,
    /// It is not.
    Failed,
    /// It depends on something that is known only after the apply.
    #[default]
    Unknown,
}

/// What a site demands of its resources: the section `compliance`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ComplianceSettings {
    /// The frameworks that resources are held to.
    pub frameworks: Vec<PlacedText>,
    /// What follows when a check fails, where nothing else is said of a control that it serves.
    pub level: PolicyLevel,
    /// What follows for some controls.
    pub controls: Vec<ControlLevel>,
    /// What somebody allows for a while.
    pub waivers: Vec<Waiver>,
    /// How long before the end of a waiver somebody is told.
    pub notice: std::time::Duration,
    /// What is demanded of some resources beyond that.
    pub tighten: Vec<Tightening>,
    /// The frameworks, or controls of them, that are written onto the resources to which they apply.
    pub tags: Vec<PlacedText>,
}

/// What is demanded of some resources beyond what holds for all. They are those for which both conditions hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tightening {
    /// Each of these fields of their metadata has one of these values.
    pub metadata: BTreeMap<String, Vec<String>>,
    /// One of these checks fails, or a check that serves one of these controls; empty: that does not matter.
    pub findings: Vec<PlacedText>,
    /// What follows when these fail.
    pub controls: Vec<ControlLevel>,
}

/// A text, and where it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlacedText {
    /// The text.
    pub text: String,
    /// The place.
    pub origin: Option<Origin>,
}

/// What follows when a check fails that serves a control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlLevel {
    /// The control: `nist-800-53-moderate:sc-28`, or `sc-28` in every framework that has it; or a check, or a pattern of
    /// the names of checks, `aws-*-own-key`.
    pub control: PlacedText,
    /// What follows.
    pub level: PolicyLevel,
}

/// A finding that somebody allows for a while.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waiver {
    /// The control or the check: as in [`ControlLevel`].
    pub control: PlacedText,
    /// The resource, by its name; `*` stands for any text.
    pub resource: String,
    /// Why.
    pub reason: String,
    /// Who allows it.
    pub approver: String,
    /// Until when, as it is written.
    pub expires: String,
    /// The first millisecond since 1970 at which it does not hold any more.
    pub ends: i64,
}

impl Waiver {
    /// Tells whether it is about a resource.
    pub fn is_about(&self, resource: &str) -> bool {
        wildcard(&self.resource, resource)
    }
}
