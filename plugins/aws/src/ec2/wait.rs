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

/// Returns the failure of an object that the cloud does not show: not yet, or no longer.
pub fn not_shown(id: &str) -> Failure {
    Failure::new(
        Disposition::Unavailable,
        format!("`{id}` was made, but the cloud does not show it"),
    )
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

/// How often a create whose effect is not known is looked for before it is given up.
const LOOKS: u32 = 3;
/// How long the cloud may take to show what it made, in seconds.
const UNTIL_SHOWN: u64 = 10;
/// The stage of a create whose effect is not known.
const UNSURE: &str = "unsure";

/// Ends a create that got no answer. It may have had its effect, and the cloud may take a moment to show it: trying
/// again at once could make a second object, so the host is asked to come back.
pub fn unsure(failure: Failure, token: &str, looks: u32) -> Result<Outcome, Failure> {
    if failure.disposition != Disposition::Unavailable || failure.http_status.is_some() || looks >= LOOKS {
        return Err(failure);
    }
    Ok(Outcome::InProgress(Progress {
        handle: format!("{UNSURE}-{looks} {token}").into_bytes(),
        retry_after: Duration::from_secs(UNTIL_SHOWN),
        id: None,
        message: format!("there was no answer, so it is looked for: {}", failure.message),
    }))
}

/// Returns the create to take up again, and how often it was looked for, when a handle is one of [`unsure`].
pub fn unsure_create(request: &PollRequest) -> Option<(CreateRequest, u32)> {
    let (stage, token) = handle(request).ok()?;
    let looks = stage
        .strip_prefix(UNSURE)?
        .strip_prefix('-')?
        .parse::<u32>()
        .ok()?;
    // What is not known yet is what the cloud sets, so the rest is what was given.
    let mut inputs = request.planned.clone();
    if let Some(attributes) = inputs.as_map_mut() {
        attributes.retain(|_, value| !value.is_unknown());
    }
    let create = CreateRequest {
        resource_type: request.resource_type.clone(),
        name: request.name.clone(),
        inputs,
        planned: request.planned.clone(),
        private: Vec::new(),
        idempotency_token: token.to_owned(),
    };
    Some((create, looks + 1))
}

/// Writes `create` and `poll` of a [`Described`](super::lookup::Described) type whose create has no client token.
macro_rules! creates {
    () => {
        fn create(&self, context: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
            $crate::ec2::lookup::Described::make(self, context, request)
                .or_else(|failure| $crate::ec2::wait::unsure(failure, &request.idempotency_token, 0))
        }

        fn poll(&self, context: &Context, request: &PollRequest) -> Result<Outcome, Failure> {
            use $crate::ec2::{lookup::Described, wait};
            if let Some((create, looks)) = wait::unsure_create(request) {
                return Described::make(self, context, &create)
                    .or_else(|failure| wait::unsure(failure, &create.idempotency_token, looks));
            }
            let (_, id) = wait::handle(request)?;
            Described::settle(self, context, id, &request.planned)
        }
    };
}
pub(crate) use creates;
