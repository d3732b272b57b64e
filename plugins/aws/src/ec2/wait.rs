//! Operations that take their time: the host polls, a guest never waits.

use std::time::Duration;

use konductor_sdk::prelude::*;

/// Returns that an operation goes on. `stage` is what the operation waits for, and is given back to `poll`.
pub fn in_progress(id: &str, stage: &str, seconds: u64, message: impl Into<String>) -> Outcome {
    Outcome::InProgress(Progress {
        handle: format!("{stage} {id}").into_bytes(),
        retry_after: Duration::from_secs(seconds),
        id: Some(id.to_owned()),
        message: message.into(),
    })
}

/// Returns the stage and the identifier of a handle made by [`in_progress`].
///
/// # Errors
/// When it is none.
pub fn handle(request: &PollRequest) -> Result<(&str, &str), Failure> {
    std::str::from_utf8(&request.handle)
        .ok()
        .and_then(|handle| handle.split_once(' '))
        .ok_or_else(|| Failure::new(Disposition::Other, "the poll handle was not made by this plugin"))
}

/// Returns the failure of an object that vanished while it was waited for.
pub fn vanished(id: &str) -> Failure {
    Failure::new(
        Disposition::Other,
        format!("`{id}` vanished while it was being made"),
    )
}

/// Returns an operation as done, or as partly done when something failed after the object was there.
pub fn settled(made: Result<ObjectState, Failure>, id: &str, request: &CreateRequest) -> Outcome {
    match made {
        Ok(object) => Outcome::Complete(object),
        Err(failure) => Outcome::Partial(
            object(id)
                .extend(&request.inputs)
                .private(request.idempotency_token.as_bytes())
                .build(),
            failure,
        ),
    }
}
