//! Why the queue did not do what was asked.

use konductor_state::backend::BackendError;

/// Why the queue did not do what was asked. No text holds a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueueError {
    /// There was no answer, or one that says to come again. What was asked may have been done.
    #[error("the queue at {place} cannot be reached: {reason}")]
    Unavailable {
        /// The database.
        place: String,
        /// What happened.
        reason: String,
    },
    /// The answer was no, and asking again does not help.
    #[error("the queue at {place} cannot be used: {reason}; {advice}")]
    Refused {
        /// The database.
        place: String,
        /// What happened.
        reason: String,
        /// What to do.
        advice: String,
    },
    /// What came back is not what was stored.
    #[error("the queue at {place} is damaged: {what}")]
    Damaged {
        /// The database.
        place: String,
        /// What is wrong, and where.
        what: String,
    },
    /// The settings cannot be used.
    #[error("{0}")]
    Settings(String),
}

impl QueueError {
    /// Tells whether asking again may help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

impl From<BackendError> for QueueError {
    fn from(error: BackendError) -> Self {
        match error {
            BackendError::Unavailable { place, reason } => Self::Unavailable {
                place: place.to_string(),
                reason,
            },
            BackendError::Refused {
                place,
                reason,
                advice,
            } => Self::Refused {
                place: place.to_string(),
                reason,
                advice: advice.replace("KONDUCTOR_STATE_URL", "KONDUCTOR_WORKERS_URL"),
            },
            BackendError::Damaged { place, what } => Self::Damaged {
                place: place.to_string(),
                what,
            },
            other => Self::Settings(other.to_string()),
        }
    }
}
