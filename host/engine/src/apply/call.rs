//! Calls a provider until an operation has ended: retries what may succeed later, polls what goes on.

use std::sync::Arc;
use std::time::Duration;

use crate::apply::places::{Admitted, Places};
use crate::apply::writer::Writer;
use crate::event::{Event, Observer};
use crate::stop::{Stop, StopSignal};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use konductor_model::provider::{
    CreateRequest, DeleteRequest, ObjectState, OperationKind, Outcome, PollRequest, Progress, Provider,
    ProviderResult, UpdateRequest,
};
use konductor_model::{Disposition, Failure, Urn, Value};
use konductor_state::Entry;
use konductor_state::entry::{Action, OperationProgress};

/// The shortest time between two polls, whatever the provider says.
const SHORTEST_POLL: Duration = Duration::from_millis(10);

/// How often and after which time a failed call is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often a call is made in all; at least once.
    pub attempts: u32,
    /// The upper bound of the first wait; it doubles each time.
    pub first_wait: Duration,
    /// The upper bound of every wait.
    pub longest_wait: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 8,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(30),
        }
    }
}

impl RetryPolicy {
    /// Returns how long to wait after a failed attempt, counted from 1: exponential with jitter, never less than
    /// half of the bound, so that a busy object gets time.
    pub(crate) fn wait(&self, attempt: u32) -> Duration {
        let bound = self
            .first_wait
            .saturating_mul(1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX))
            .min(self.longest_wait);
        bound.mul_f64(rand::random_range(0.5..=1.0))
    }
}

/// Makes a call that changes nothing until it succeeds, fails for good or was tried often enough.
pub(crate) async fn retrying<T, F>(retry: RetryPolicy, call: impl Fn() -> F) -> ProviderResult<T>
where
    F: Future<Output = ProviderResult<T>>,
{
    let mut attempt = 1;
    loop {
        match call().await {
            Err(failure) if failure.disposition.is_transient() && attempt < retry.attempts => {
                tokio::time::sleep(retry.wait(attempt)).await;
                attempt += 1;
            }
            ended => return ended,
        }
    }
}

/// What is asked of the provider. Borrowed, because a retry asks again.
#[derive(Clone, Copy)]
pub(crate) enum Request<'a> {
    Create {
        inputs: &'a Value,
        planned: &'a Value,
        private: &'a [u8],
    },
    Update {
        prior: &'a ObjectState,
        prior_inputs: &'a Value,
        inputs: &'a Value,
        planned: &'a Value,
        private: &'a [u8],
    },
    Delete {
        prior: &'a ObjectState,
    },
}

/// An operation that is begun.
#[derive(Clone, Copy)]
pub(crate) struct Begun<'a> {
    pub(crate) operation: &'a str,
    /// The plugin's name in the project.
    pub(crate) plugin: &'a str,
    pub(crate) urn: &'a Urn,
    pub(crate) action: Action,
    pub(crate) token: &'a str,
}

/// How the calls of an operation ended.
#[derive(Debug)]
pub(crate) enum CallEnd {
    /// There is an object.
    Complete(ObjectState),
    /// There is no object any more.
    Deleted,
    /// There is an object that is not what was asked for.
    Partial(ObjectState, Failure),
    /// It failed. `under_way` tells that the cloud had begun and may go on.
    Failed { failure: Failure, under_way: bool },
    /// The run was cancelled before it ended.
    Cancelled,
}

/// Makes calls with a bounded number at a time.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) places: Arc<Places>,
    pub(crate) retry: RetryPolicy,
    pub(crate) stop: StopSignal,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) writer: Writer,
}

impl Caller {
    /// Calls until the operation has ended. Waits hold no place. The first call is the one that was admitted, if one
    /// was.
    pub(crate) async fn call(
        &self,
        provider: &dyn Provider,
        mut admitted: Option<Admitted>,
        begun: Begun<'_>,
        request: Request<'_>,
        mut handle: Option<Vec<u8>>,
    ) -> CallEnd {
        let mut attempt = 1;
        loop {
            let admitted = admitted.take();
            let result = tokio::select! {
                biased;
                () = self.stop.reached(Stop::Cancel) => return CallEnd::Cancelled,
                result = self.once(provider, admitted, begun, request, handle.as_deref()) => result,
            };
            let wait = match result {
                Ok(Outcome::Complete(object)) => return CallEnd::Complete(object),
                Ok(Outcome::Deleted) => return CallEnd::Deleted,
                Ok(Outcome::Partial(object, failure)) => return CallEnd::Partial(object, failure),
                Ok(Outcome::InProgress(progress)) => {
                    attempt = 1;
                    let wait = progress.retry_after.max(SHORTEST_POLL);
                    self.progress(begun, &progress);
                    handle = Some(progress.handle);
                    wait
                }
                Err(failure)
                    if matches!(request, Request::Delete { .. })
                        && failure.disposition == Disposition::NotFound =>
                {
                    return CallEnd::Deleted;
                }
                Err(failure) if failure.disposition.is_transient() && attempt < self.retry.attempts => {
                    let wait = self.retry.wait(attempt);
                    self.observer.event(Event::OperationRetried {
                        urn: begun.urn.clone(),
                        action: begun.action,
                        attempt,
                        milliseconds: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                        failure,
                    });
                    attempt += 1;
                    wait
                }
                Err(failure) => {
                    return CallEnd::Failed {
                        failure,
                        under_way: handle.is_some(),
                    };
                }
            };
            tokio::select! {
                biased;
                () = self.stop.reached(Stop::Cancel) => return CallEnd::Cancelled,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn once(
        &self,
        provider: &dyn Provider,
        admitted: Option<Admitted>,
        begun: Begun<'_>,
        request: Request<'_>,
        handle: Option<&[u8]>,
    ) -> ProviderResult<Outcome> {
        let resource_type = begun.urn.resource_type().clone();
        let admitted = match admitted {
            Some(admitted) => Some(admitted),
            None => self.places.admit(begun.plugin, provider, &resource_type).await,
        };
        let (limited, _place) = match admitted {
            Some(Admitted { provider, place }) => (Some(provider), place),
            None => {
                let place = self.places.take(begun.plugin).await;
                let ended = || Failure::new(Disposition::Cancelled, "the run has ended");
                (None, place.ok_or_else(ended)?)
            }
        };
        let provider = limited.as_deref().unwrap_or(provider);
        let name = begun.urn.name().clone();
        let idempotency_token = begun.token.to_owned();
        if let Some(handle) = handle {
            let (operation, planned) = match request {
                Request::Create { planned, .. } => (OperationKind::Create, planned),
                Request::Update { planned, .. } => (OperationKind::Update, planned),
                Request::Delete { prior } => (OperationKind::Delete, &prior.attributes),
            };
            let request = PollRequest {
                resource_type,
                name,
                operation,
                handle: handle.to_vec(),
                planned: planned.clone(),
            };
            return provider.poll(request).await;
        }
        match request {
            Request::Create {
                inputs,
                planned,
                private,
            } => {
                let request = CreateRequest {
                    resource_type,
                    name,
                    inputs: inputs.clone(),
                    planned: planned.clone(),
                    private: private.to_vec(),
                    idempotency_token,
                };
                provider.create(request).await
            }
            Request::Update {
                prior,
                prior_inputs,
                inputs,
                planned,
                private,
            } => {
                let request = UpdateRequest {
                    resource_type,
                    name,
                    prior: prior.clone(),
                    prior_inputs: prior_inputs.clone(),
                    inputs: inputs.clone(),
                    planned: planned.clone(),
                    private: private.to_vec(),
                    idempotency_token,
                };
                provider.update(request).await
            }
            Request::Delete { prior } => {
                let request = DeleteRequest {
                    resource_type,
                    name,
                    prior: prior.clone(),
                    idempotency_token,
                };
                provider.delete(request).await
            }
        }
    }

    fn progress(&self, begun: Begun<'_>, progress: &Progress) {
        let entry = Entry::Progress(OperationProgress {
            operation: begun.operation.to_owned(),
            handle: STANDARD.encode(&progress.handle),
            id: progress.id.clone(),
        });
        self.writer.hand_over(
            vec![entry],
            Some(Event::OperationProgress {
                urn: begun.urn.clone(),
                action: begun.action,
                message: progress.message.clone(),
            }),
        );
    }
}
