//! Why a backend did not do what was asked.

use std::sync::Arc;

/// Why a backend did not do what was asked. No text holds a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BackendError {
    /// There was no answer, or one that says to come again. What was asked may have been done.
    #[error("the state at {place} cannot be reached: {reason}")]
    Unavailable {
        /// The backend.
        place: Arc<str>,
        /// What happened.
        reason: String,
    },
    /// The answer was no, and asking again does not help.
    #[error("the state at {place} cannot be used: {reason}; {advice}")]
    Refused {
        /// The backend.
        place: Arc<str>,
        /// What happened.
        reason: String,
        /// What to do.
        advice: String,
    },
    /// What came back is not what was stored.
    #[error("the state at {place} is damaged: {what}")]
    Damaged {
        /// The backend.
        place: Arc<str>,
        /// What is wrong, and where.
        what: String,
    },
    /// The settings cannot be used.
    #[error("{what}; {advice}")]
    Settings {
        /// What is wrong.
        what: String,
        /// What to do.
        advice: String,
    },
}

impl BackendError {
    pub(crate) fn unavailable(place: &Arc<str>, reason: impl Into<String>) -> Self {
        Self::Unavailable {
            place: Arc::clone(place),
            reason: reason.into(),
        }
    }

    pub(crate) fn refused(place: &Arc<str>, reason: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Refused {
            place: Arc::clone(place),
            reason: reason.into(),
            advice: advice.into(),
        }
    }

    pub(crate) fn settings(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Settings {
            what: what.into(),
            advice: advice.into(),
        }
    }

    /// Tells whether asking again may help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
