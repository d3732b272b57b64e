//! Operations of types without a struct that take their time.

use konductor_sdk::prelude::*;

use super::progress;

/// Returns that an operation goes on, see [`progress::in_progress`].
pub fn in_progress(id: &str, stage: &str, seconds: u64, message: impl Into<String>) -> Outcome {
    Outcome::InProgress(progress::in_progress(id, stage, seconds, message))
}

/// Ends a create whose object is there. From here on nothing may be created again, so what may pass is polled
/// instead of tried again, and what will not pass leaves a partial object that is known.
pub fn settled(made: Result<Outcome, Failure>, id: &str, request: &CreateRequest) -> Outcome {
    match made {
        Ok(outcome) => outcome,
        Err(failure) if failure.disposition.is_transient() => {
            in_progress(id, "settled", 1, failure.to_string())
        }
        Err(failure) => Outcome::Partial(
            object(id)
                .extend(&request.inputs)
                .private(request.idempotency_token.as_bytes())
                .build(),
            failure,
        ),
    }
}
