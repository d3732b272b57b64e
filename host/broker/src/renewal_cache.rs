//! Keeps what expires until shortly before it does; many waiting calls cause one look-up.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use tokio::time::Instant;

use crate::credentials::CredentialError;

/// How long a failure stands, so that a thousand operations without credentials do not ask a thousand times.
pub(crate) const FAILURE_STANDS: Duration = Duration::from_secs(10);

/// Something that gives access for a while.
pub(crate) trait Expiring: Clone + Send + Sync + 'static {
    /// How long before it expires it is renewed.
    const RENEWAL: Duration;

    /// Returns how long it is still valid, zero when it is not; none when it does not expire.
    fn remaining(&self) -> Option<Duration>;

    /// Tells whether another is the same one, and not one got since.
    fn is(&self, other: &Self) -> bool;
}

type Lookup<T> = Shared<BoxFuture<'static, Result<T, CredentialError>>>;

struct State<T> {
    current: Option<T>,
    failed: Option<(Instant, CredentialError)>,
    running: Option<Lookup<T>>,
}

impl<T> Default for State<T> {
    fn default() -> Self {
        Self {
            current: None,
            failed: None,
            running: None,
        }
    }
}

impl<T: Expiring> State<T> {
    fn longer_than(&self, time: Duration) -> Option<T> {
        let current = self.current.as_ref()?;
        let lasts = current.remaining().is_none_or(|remaining| remaining > time);
        lasts.then(|| current.clone())
    }
}

/// What is valid now, by what it is for.
pub(crate) struct RenewalCache<K, T> {
    states: Mutex<HashMap<K, State<T>>>,
}

impl<K, T> Default for RenewalCache<K, T> {
    fn default() -> Self {
        Self {
            states: Mutex::default(),
        }
    }
}

impl<K: Clone + Eq + Hash, T: Expiring> RenewalCache<K, T> {
    /// Returns what is valid for some minutes, looking it up if needed. The look-up runs once, however many wait for it.
    ///
    /// # Errors
    /// When the look-up gives none. A failed renewal is no error while the old one is valid.
    pub(crate) async fn get<F>(&self, key: &K, look_up: impl FnOnce() -> F) -> Result<T, CredentialError>
    where
        F: Future<Output = Result<T, CredentialError>> + Send + 'static,
    {
        let lookup = {
            let mut states = self.states();
            let state = states.entry(key.clone()).or_default();
            if let Some(current) = state.longer_than(T::RENEWAL) {
                return Ok(current);
            }
            if let Some((at, error)) = &state.failed
                && at.elapsed() < FAILURE_STANDS
            {
                return state.longer_than(Duration::ZERO).ok_or_else(|| error.clone());
            }
            match &state.running {
                Some(lookup) => lookup.clone(),
                None => {
                    let lookup = look_up().boxed().shared();
                    state.running = Some(lookup.clone());
                    lookup
                }
            }
        };
        // No lock is held here: whoever waits drives the one look-up.
        let result = lookup.clone().await;
        let mut states = self.states();
        let state = states.entry(key.clone()).or_default();
        if state
            .running
            .as_ref()
            .is_some_and(|running| running.ptr_eq(&lookup))
        {
            state.running = None;
            match &result {
                Ok(found) => {
                    state.current = Some(found.clone());
                    state.failed = None;
                }
                Err(error) => state.failed = Some((Instant::now(), error.clone())),
            }
        }
        result.or_else(|error| state.longer_than(Duration::ZERO).ok_or(error))
    }

    /// Forgets what the cloud refused. Another, got since, stays.
    pub(crate) fn forget(&self, key: &K, refused: &T) {
        if let Some(state) = self.states().get_mut(key)
            && state.current.as_ref().is_some_and(|current| current.is(refused))
        {
            state.current = None;
        }
    }

    fn states(&self) -> MutexGuard<'_, HashMap<K, State<T>>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
