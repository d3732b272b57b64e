//! The changes of a step as a person reads them: with the old and the new value.

use konductor_model::{AttributeChange, ChangeKind, Path, Value};
use serde::{Deserialize, Serialize};

/// A change of one attribute with its values. Secrets carry their marks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedChange {
    /// Where.
    pub at: Path,
    /// What happens.
    pub kind: ChangeKind,
    /// It is why the object is replaced.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub requires_replacement: bool,
    /// The value it has; null when it is not set.
    #[serde(default)]
    pub old: Value,
    /// The value it gets; unknown when that is not known yet.
    #[serde(default)]
    pub new: Value,
}

impl PlannedChange {
    /// Puts the values to a change.
    pub(crate) fn new(change: AttributeChange, old: &Value, new: &Value) -> Self {
        let value = |of: &Value| {
            of.at(&change.at)
                .map(std::borrow::Cow::into_owned)
                .unwrap_or_default()
        };
        let mut before = value(old);
        let mut after = value(new);
        // A secret that changes stays a secret on both sides.
        if before.has_secret() && !after.is_null() {
            after = after.into_secret();
        }
        if after.has_secret() && !before.is_null() {
            before = before.into_secret();
        }
        Self {
            old: before,
            new: after,
            at: change.at,
            kind: change.kind,
            requires_replacement: change.requires_replacement,
        }
    }
}
