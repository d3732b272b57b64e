//! An instance of a plugin during one call, and the ways a call can fail.

use konductor_model::{Failure, node_table};
use wasmtime::Store;
use wasmtime::component::Instance;

use crate::store::CallState;

/// A live instance. It serves one call and is thrown away.
pub(crate) struct Session {
    pub(crate) store: Store<CallState>,
    pub(crate) instance: Instance,
}

impl Session {
    /// Returns how large a value may be.
    pub(crate) fn value_limits(&self) -> node_table::Limits {
        self.store.data().limits.values
    }
}

/// Why a guest gave no answer.
pub(crate) enum GuestError {
    /// It stopped.
    Trap(wasmtime::Error),
    /// It answered something that is not an answer.
    Malformed(String),
    /// It answered that it failed.
    Failed(Failure),
}

impl From<wasmtime::Error> for GuestError {
    fn from(error: wasmtime::Error) -> Self {
        Self::Trap(error)
    }
}

/// The answer of a guest.
pub(crate) type Answered<T> = Result<T, GuestError>;
