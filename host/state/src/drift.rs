//! What a check for drift found, as the log keeps it and as it is shown.

use std::collections::BTreeMap;
use std::fmt;

use konductor_model::{ChangeKind, Path, Urn, Value};
use serde::{Deserialize, Serialize};

/// What kind of difference there is between what was deployed and what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DifferenceKind {
    /// Somebody else deleted the object.
    DeletedOutside,
    /// Somebody else changed an attribute.
    ChangedOutside,
    /// The object is in the account and nothing in the stack manages it.
    Unmanaged,
    /// The provider writes the value in another way; it is the same value.
    Normalised,
}

impl DifferenceKind {
    /// Tells whether somebody did something: what a provider only spells in another way is no drift.
    pub fn is_drift(self) -> bool {
        self != Self::Normalised
    }
}

impl fmt::Display for DifferenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DeletedOutside => "deleted outside",
            Self::ChangedOutside => "changed outside",
            Self::Unmanaged => "unmanaged",
            Self::Normalised => "normalised by the provider",
        })
    }
}

/// How much a difference matters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DriftSeverity {
    /// What describes the object, and what nobody set: tags, descriptions, computed attributes.
    #[default]
    Low,
    /// How the object works.
    Medium,
    /// What protects it or what is lost with it: encryption, logging, credentials, the object itself.
    High,
    /// Who may reach it and who may do what with it.
    Critical,
}

impl DriftSeverity {
    /// All of them, the least first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

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

impl fmt::Display for DriftSeverity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl std::str::FromStr for DriftSeverity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|severity| severity.word() == text)
            .ok_or_else(|| format!("`{text}` is no severity: expected low, medium, high or critical"))
    }
}

/// One difference: of one attribute, or of a whole object. Secrets carry their marks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Which resource; of an unmanaged object, the name it could have.
    pub urn: Urn,
    /// The identifier in the cloud.
    pub id: String,
    /// What kind of difference.
    pub kind: DifferenceKind,
    /// How much it matters.
    pub severity: DriftSeverity,
    /// Which attribute; none when it is about the whole object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Path>,
    /// What happened to the attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<ChangeKind>,
    /// The value that was deployed, or read last.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub recorded: Value,
    /// The value that is there.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub actual: Value,
    /// The value that the configuration asks for now; none where that is not known or nothing is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired: Option<Value>,
    /// A repair would bring the recorded value, or the object, back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repairable: bool,
    /// Why the provider refuses to bring it back, in its own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<String>,
    /// The repair has to replace the object.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub requires_replacement: bool,
}

/// The stack was compared with what is there. Nothing was changed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DriftChecked {
    /// The run.
    pub run: String,
    /// How many objects were read.
    pub objects: usize,
    /// How many differences of each kind there are.
    pub counts: BTreeMap<DifferenceKind, usize>,
    /// What was found, the worst first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
    /// Tells one state of drift from another; empty when nothing has drifted. Secrets are left out of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub digest: String,
    /// How long it took.
    #[serde(default)]
    pub milliseconds: u64,
}

/// Somebody was told of drift, or could not be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftTold {
    /// The run.
    pub run: String,
    /// Through which alert, by its name in the configuration.
    pub alert: String,
    /// The digest of what was told; empty when it was told that the drift is gone.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub digest: String,
    /// Why it failed; none when it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
