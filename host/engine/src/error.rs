//! Why the engine could not do what it was asked.

use konductor_model::{Diagnostics, Urn};
use konductor_state::StateError;

/// Why the engine could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Something declared, planned or found is wrong; nothing was changed by this call.
    #[error("{0}")]
    Invalid(Diagnostics),
    /// The log could not be read or written.
    #[error("the state of the stack could not be read or written")]
    State(#[from] StateError),
    /// A saved plan does not fit the state any more.
    #[error("the plan was made from state {planned} of the stack, which is now at {now}: make a new plan")]
    StateMoved {
        /// The position of the log that the plan was made from.
        planned: u64,
        /// The position now.
        now: u64,
    },
    /// A saved plan belongs to another stack.
    #[error("the plan is for {planned}, not for {stack}")]
    OtherStack {
        /// What the plan is for, as `PROJECT/STACK`.
        planned: String,
        /// What it was to be applied to.
        stack: String,
    },
    /// The plan was saved by another version.
    #[error("the plan has form {0}, and this version of Konductor reads form {form}: make a new plan", form = crate::plan::Plan::FORMAT)]
    Format(u32),
    /// Operations of an earlier run are open.
    #[error("{} operations of an earlier run are open; they must be settled first", .0.len())]
    Interrupted(Vec<Urn>),
    /// A record or a step could not be kept.
    #[error("a record or a step of the plan could not be kept: {0}")]
    Unpackable(String),
    /// A task of the engine ended without an answer.
    #[error("a task of the engine ended without an answer")]
    Task(#[from] tokio::task::JoinError),
}

impl EngineError {
    pub(crate) fn unpackable(why: impl std::fmt::Display) -> Self {
        Self::Unpackable(why.to_string())
    }

    /// Returns what to tell people, one by one.
    pub fn diagnostics(&self) -> Diagnostics {
        match self {
            Self::Invalid(diagnostics) => diagnostics.clone(),
            other => konductor_model::Diagnostic::error(other.to_string()).into(),
        }
    }
}

impl From<Diagnostics> for EngineError {
    fn from(diagnostics: Diagnostics) -> Self {
        Self::Invalid(diagnostics)
    }
}
