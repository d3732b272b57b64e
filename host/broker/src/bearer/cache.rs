//! Keeps the tokens of a source, one for each scope, until shortly before they expire; many waiting calls cause one
//! request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use tokio::time::Instant;

use super::token_requests::TokenRequests;
use super::{BearerSource, BearerToken};
use crate::credentials::CredentialError;

/// How long before they expire tokens are renewed. Metadata services give out the same token until five minutes before
/// its end, so asking earlier would ask each time.
const RENEWAL: Duration = Duration::from_secs(225);

/// How long a failure stands, so that a thousand operations without a token do not ask a thousand times.
const FAILURE_STANDS: Duration = Duration::from_secs(10);

type Lookup = Shared<BoxFuture<'static, Result<BearerToken, CredentialError>>>;

#[derive(Default)]
struct State {
    current: Option<BearerToken>,
    failed: Option<(Instant, CredentialError)>,
    running: Option<Lookup>,
}

struct Inner {
    source: BearerSource,
    requests: TokenRequests,
}

/// The tokens of one source.
pub(crate) struct BearerCache {
    inner: Arc<Inner>,
    states: Mutex<HashMap<String, State>>,
}

impl std::fmt::Debug for BearerCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BearerCache")
            .field("source", &self.inner.source)
            .finish_non_exhaustive()
    }
}

impl BearerCache {
    pub(crate) fn new(source: BearerSource, requests: TokenRequests) -> Self {
        Self {
            inner: Arc::new(Inner { source, requests }),
            states: Mutex::default(),
        }
    }

    /// Returns what the tokens come from.
    pub(crate) fn source(&self) -> &BearerSource {
        &self.inner.source
    }

    /// Returns a token that is valid for some minutes, asking its source if needed.
    ///
    /// # Errors
    /// When the source gives none, with what to do. A failed renewal is no error while the old one is valid.
    pub(crate) async fn get(&self, scope: &str) -> Result<BearerToken, CredentialError> {
        let lookup = {
            let mut states = self.states();
            let state = states.entry(scope.to_owned()).or_default();
            if let Some(current) = &state.current
                && current.remaining() > RENEWAL
            {
                return Ok(current.clone());
            }
            if let Some((at, error)) = &state.failed
                && at.elapsed() < FAILURE_STANDS
            {
                return still_valid(state).ok_or_else(|| error.clone());
            }
            match &state.running {
                Some(lookup) => lookup.clone(),
                None => {
                    let lookup = look_up(Arc::clone(&self.inner), scope.to_owned())
                        .boxed()
                        .shared();
                    state.running = Some(lookup.clone());
                    lookup
                }
            }
        };
        // No lock is held here: whoever waits drives the one look-up.
        let result = lookup.clone().await;
        let mut states = self.states();
        let state = states.entry(scope.to_owned()).or_default();
        if state
            .running
            .as_ref()
            .is_some_and(|running| running.ptr_eq(&lookup))
        {
            state.running = None;
            match &result {
                Ok(token) => {
                    state.current = Some(token.clone());
                    state.failed = None;
                }
                Err(error) => state.failed = Some((Instant::now(), error.clone())),
            }
        }
        result.or_else(|error| still_valid(state).ok_or(error))
    }

    /// Forgets a token that the cloud refused. Another, got since, stays.
    pub(crate) fn forget(&self, scope: &str, refused: &BearerToken) {
        if let Some(state) = self.states().get_mut(scope)
            && state
                .current
                .as_ref()
                .is_some_and(|current| current.value == refused.value)
        {
            state.current = None;
        }
    }

    fn states(&self) -> MutexGuard<'_, HashMap<String, State>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn still_valid(state: &State) -> Option<BearerToken> {
    state
        .current
        .clone()
        .filter(|current| !current.remaining().is_zero())
}

async fn look_up(inner: Arc<Inner>, scope: String) -> Result<BearerToken, CredentialError> {
    inner.source.fetch(&inner.requests, &scope).await
}
