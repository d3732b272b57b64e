//! Operations that take their time: the host polls, a guest never waits.

use std::time::Duration;

use konductor_sdk::typed::prelude::*;

/// How often a create whose effect is not known is looked for before it is given up.
const LOOKS: u32 = 3;
/// How long the cloud may take to show what it made, in seconds.
const UNTIL_SHOWN: u64 = 10;
/// How the stage of a create whose effect is not known begins; how often it was looked for follows.
pub const UNSURE: &str = "unsure-";

/// Returns that an operation goes on. `stage` is what the operation waits for, and is given back to `poll`.
pub fn in_progress(id: &str, stage: &str, seconds: u64, message: impl Into<String>) -> Progress {
    Progress {
        handle: format!("{stage} {id}").into_bytes(),
        retry_after: Duration::from_secs(seconds),
        id: Some(id.to_owned()),
        message: message.into(),
    }
}

/// Returns the stage and the identifier, or the token, of a handle made here.
///
/// # Errors
/// When it is none.
pub fn handle(handle: &[u8]) -> Result<(&str, &str), Failure> {
    std::str::from_utf8(handle)
        .ok()
        .and_then(|handle| handle.split_once(' '))
        .ok_or_else(|| Failure::new(Disposition::Other, "the poll handle was not made by this plugin"))
}

/// Returns the failure of an object that the cloud does not show: not yet, or no longer.
pub fn not_shown(id: &str) -> Failure {
    Failure::new(
        Disposition::Unavailable,
        format!("`{id}` was made, but the cloud does not show it"),
    )
}

/// Ends a create that got no answer. It may have had its effect, and the cloud may take a moment to show it: trying
/// again at once could make a second object, so the host is asked to come back.
///
/// # Errors
/// With the failure itself, when the effect is known or was looked for often enough.
pub fn unsure(failure: Failure, token: &str, looks: u32) -> Result<Progress, Failure> {
    if failure.disposition != Disposition::Unavailable || failure.http_status.is_some() || looks >= LOOKS {
        return Err(failure);
    }
    Ok(Progress {
        id: None,
        ..in_progress(
            token,
            &format!("{UNSURE}{looks}"),
            UNTIL_SHOWN,
            format!("there was no answer, so it is looked for: {}", failure.message),
        )
    })
}
