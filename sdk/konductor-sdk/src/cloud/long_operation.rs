//! Operations that take longer than a call: the host waits and polls, a guest never does.

use std::time::Duration;

use konductor_model::provider::Progress;
use konductor_model::{Disposition, Failure};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Says that an operation goes on. `handle` is what [`Poll`](crate::typed::Poll) needs to ask for it, and holds no
/// secret: it is kept in the log.
///
/// # Errors
/// When the handle cannot be written.
pub fn in_progress(
    handle: &impl Serialize,
    id: Option<&str>,
    retry_after: Duration,
    message: impl Into<String>,
) -> Result<Progress, Failure> {
    let handle = serde_json::to_vec(handle).map_err(|error| {
        Failure::new(
            Disposition::Other,
            format!("the handle of the operation cannot be written: {error}"),
        )
    })?;
    Ok(Progress {
        handle,
        retry_after,
        id: id.map(str::to_owned),
        message: message.into(),
    })
}

/// Returns the handle that [`in_progress`] was given.
///
/// # Errors
/// When it is not one of this plugin, or of an older version with another form.
pub fn handle_of<T: DeserializeOwned>(handle: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(handle).map_err(|error| {
        Failure::new(
            Disposition::Other,
            format!("the handle of the operation was not made by this plugin: {error}"),
        )
    })
}

/// Says of an operation that failed in the end, and of which nothing is there, that it is over, so that the next run begins
/// another one instead of asking for this one again. Call it only after looking.
pub fn left_nothing(failure: Failure) -> Failure {
    Failure {
        disposition: match failure.disposition {
            Disposition::Other => Disposition::Invalid,
            known => known,
        },
        ..failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_and_left_nothing_is_a_refusal_and_what_may_pass_stays_so() {
        let of = |disposition| left_nothing(Failure::new(disposition, "x")).disposition;
        assert!(of(Disposition::Other).is_refusal());
        assert_eq!(of(Disposition::Unavailable), Disposition::Unavailable);
        assert_eq!(of(Disposition::Quota), Disposition::Quota);
    }
}
