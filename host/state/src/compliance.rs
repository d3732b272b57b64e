//! What `konductor watch` found of the controls of a stack, as the log keeps it: what differs from the assessment before.
//! All such entries together are how the stack stands.

use std::collections::BTreeMap;

use jiff::Timestamp;
use konductor_model::compliance::CheckSeverity;
use konductor_model::policy::PolicyLevel;
use serde::{Deserialize, Serialize};

/// A check of a resource fails, fails otherwise than before, or fails no more. Never a value of the resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlFinding {
    /// The run.
    pub run: String,
    /// The check.
    pub check: String,
    /// The resource: its URN.
    pub urn: String,
    /// How much it matters that the check fails.
    pub severity: CheckSeverity,
    /// How it stands.
    pub state: FindingState,
    /// The controls that the check serves; none when it fails no more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub controls: Vec<ServedControl>,
    /// When it was found first.
    pub since: Timestamp,
}

impl ControlFinding {
    /// Returns what follows; none when it is waived or gone.
    pub fn level(&self) -> Option<PolicyLevel> {
        match self.state {
            FindingState::Open { level } => Some(level),
            FindingState::Waived { .. } | FindingState::Gone => None,
        }
    }

    /// Returns the name of the resource in the stack.
    pub fn name(&self) -> &str {
        self.urn.rsplit("::").next().unwrap_or(&self.urn)
    }

    /// Returns how much it matters: what is mandatory is at least high.
    pub fn weight(&self) -> CheckSeverity {
        match self.level() {
            Some(PolicyLevel::Mandatory) => self.severity.max(CheckSeverity::High),
            _ => self.severity,
        }
    }
}

/// How a finding stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum FindingState {
    /// It counts.
    Open {
        /// What follows.
        level: PolicyLevel,
    },
    /// Somebody allows it for a while.
    Waived {
        /// Who.
        approver: String,
        /// Until when, as it is written.
        expires: String,
    },
    /// The check fails no more, or nobody asks for it any more.
    Gone,
}

impl FindingState {
    /// Returns the word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open",
            Self::Waived { .. } => "waived",
            Self::Gone => "gone",
        }
    }
}

/// A control that a check serves.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ServedControl {
    /// The framework.
    pub framework: String,
    /// The control.
    pub control: String,
    /// What follows when it is not satisfied.
    pub level: PolicyLevel,
    /// Somebody allows it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waived: bool,
}

/// The resources of a stack, as they are, were held to the controls of its frameworks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComplianceChecked {
    /// The run.
    pub run: String,
    /// The SHA-256 of the compliance plugin; empty where the stack names no framework any more.
    pub plugin: String,
    /// Frameworks that are others than at the check before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frameworks: Vec<FrameworkChange>,
    /// Waivers that stand otherwise than at the check before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<WaiverStanding>,
    /// How many findings each framework has.
    pub counts: BTreeMap<String, FindingCounts>,
    /// How many findings came, or stand otherwise: each has an entry of its own before this one.
    #[serde(default)]
    pub found: usize,
    /// How many findings went.
    #[serde(default)]
    pub gone: usize,
    /// Tells how the stack stands from how it stood.
    pub digest: String,
    /// How long it took.
    #[serde(default)]
    pub milliseconds: u64,
}

/// The edition of a framework.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameworkEdition {
    /// As its publisher, or the site, numbers it.
    pub version: String,
    /// The SHA-256 of its controls and of what serves them: a file can change without another number.
    pub digest: String,
}

/// A framework is another one than it was.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameworkChange {
    /// Which.
    pub framework: String,
    /// What it was; none where the stack was not held to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<FrameworkEdition>,
    /// What it is; none where the stack is not held to it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<FrameworkEdition>,
    /// The controls that are new.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<String>,
    /// The controls that are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
}

/// How a waiver stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaiverStanding {
    /// The control or check, as it is written.
    pub control: String,
    /// The resource, as it is written.
    pub resource: String,
    /// Until when, as it is written.
    pub expires: String,
    /// Who allows it.
    pub approver: String,
    /// How it stands.
    pub state: WaiverState,
}

/// Whether a waiver holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaiverState {
    /// It does, for longer than the site wants notice of its end.
    Holds,
    /// It does, and not for long any more.
    Expiring,
    /// It does not any more: its findings count again.
    Expired,
    /// It is not written any more.
    Removed,
}

impl WaiverState {
    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Expiring => "expiring",
            Self::Expired => "expired",
            Self::Removed => "removed",
        }
    }
}

/// How many findings a framework has, each counted once for its strictest control there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingCounts {
    /// That refuse a plan.
    pub mandatory: usize,
    /// That only warn.
    pub advisory: usize,
    /// That somebody allows for a while.
    pub waived: usize,
}

/// Somebody was told of the controls of a stack, or could not be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComplianceTold {
    /// The run.
    pub run: String,
    /// Through which alert, by its name in the configuration.
    pub alert: String,
    /// The digest of how the stack stood when it was told.
    pub digest: String,
    /// Why it failed; none when it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
