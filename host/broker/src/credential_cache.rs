//! Keeps resolved credentials until shortly before they expire; many waiting calls cause one look-up.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::credentials::{CredentialError, CredentialSource, ProviderContext, Providers};
use crate::redaction::Redaction;
use crate::transport::causes;

/// How long before they expire credentials are renewed.
const RENEWAL: Duration = Duration::from_secs(5 * 60);

/// How long a failure stands, so that a thousand operations without credentials do not ask a thousand times.
const FAILURE_STANDS: Duration = Duration::from_secs(10);

type Lookup = Shared<BoxFuture<'static, Result<Credentials, CredentialError>>>;

#[derive(Default)]
struct State {
    current: Option<Credentials>,
    failed: Option<(Instant, CredentialError)>,
    running: Option<Lookup>,
}

struct Inner {
    source: CredentialSource,
    context: ProviderContext,
    providers: OnceCell<Providers>,
}

/// The credentials of one source.
pub(crate) struct CredentialCache {
    inner: Arc<Inner>,
    state: Mutex<State>,
    account: tokio::sync::Mutex<Option<KnownAccount>>,
}

/// Whose some credentials are, or why that is not known.
struct KnownAccount {
    access_key_id: String,
    answer: Result<String, String>,
    since: Instant,
}

impl std::fmt::Debug for CredentialCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CredentialCache")
            .field("source", &self.inner.source)
            .finish_non_exhaustive()
    }
}

impl CredentialCache {
    pub(crate) fn new(source: CredentialSource, context: ProviderContext) -> Self {
        let inner = Inner {
            source,
            context,
            providers: OnceCell::new(),
        };
        Self {
            inner: Arc::new(inner),
            state: Mutex::default(),
            account: tokio::sync::Mutex::default(),
        }
    }

    /// Returns what the credentials come from.
    pub(crate) fn source(&self) -> &CredentialSource {
        &self.inner.source
    }

    /// Returns credentials that are valid for some minutes, asking their source if needed.
    ///
    /// # Errors
    /// When the source has none, with what to do. A failed renewal is no error while the old ones are valid.
    pub(crate) async fn get(&self) -> Result<Credentials, CredentialError> {
        let lookup = {
            let mut state = self.state();
            if let Some(current) = &state.current
                && remaining(current).is_none_or(|remaining| remaining > RENEWAL)
            {
                return Ok(current.clone());
            }
            if let Some((at, error)) = &state.failed
                && at.elapsed() < FAILURE_STANDS
            {
                return still_valid(&state).ok_or_else(|| error.clone());
            }
            match &state.running {
                Some(lookup) => lookup.clone(),
                None => {
                    let lookup = look_up(Arc::clone(&self.inner)).boxed().shared();
                    state.running = Some(lookup.clone());
                    lookup
                }
            }
        };
        // No lock is held here: whoever waits drives the one look-up.
        let result = lookup.clone().await;
        let mut state = self.state();
        if state
            .running
            .as_ref()
            .is_some_and(|running| running.ptr_eq(&lookup))
        {
            state.running = None;
            match &result {
                Ok(credentials) => {
                    state.current = Some(credentials.clone());
                    state.failed = None;
                }
                Err(error) => state.failed = Some((Instant::now(), error.clone())),
            }
        }
        result.or_else(|error| still_valid(&state).ok_or(error))
    }

    /// Returns the account that credentials of this cache belong to. `ask` is polled only when that is not known;
    /// others wait for its answer.
    pub(crate) async fn account(
        &self,
        credentials: &Credentials,
        ask: impl Future<Output = Result<String, String>>,
    ) -> Result<String, String> {
        let mut known = self.account.lock().await;
        if let Some(known) = known.as_ref()
            && known.access_key_id == credentials.access_key_id()
            && (known.answer.is_ok() || known.since.elapsed() < FAILURE_STANDS)
        {
            return known.answer.clone();
        }
        let answer = ask.await;
        *known = Some(KnownAccount {
            access_key_id: credentials.access_key_id().to_owned(),
            answer: answer.clone(),
            since: Instant::now(),
        });
        answer
    }

    /// Forgets credentials that the cloud called expired. Others, got since, stay.
    pub(crate) fn forget(&self, expired: &Credentials) {
        let mut state = self.state();
        if state.current.as_ref().is_some_and(|current| {
            current.access_key_id() == expired.access_key_id()
                && current.session_token() == expired.session_token()
        }) {
            state.current = None;
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn remaining(credentials: &Credentials) -> Option<Duration> {
    credentials
        .expiry()
        .map(|expiry| expiry.duration_since(SystemTime::now()).unwrap_or(Duration::ZERO))
}

fn still_valid(state: &State) -> Option<Credentials> {
    state
        .current
        .clone()
        .filter(|current| remaining(current).is_none_or(|remaining| remaining > Duration::ZERO))
}

async fn look_up(inner: Arc<Inner>) -> Result<Credentials, CredentialError> {
    let providers = inner
        .providers
        .get_or_init(|| inner.source.providers(&inner.context))
        .await;
    let error = match providers.signing.provide_credentials().await {
        Ok(credentials) => return Ok(credentials),
        Err(error) => error,
    };
    let mut text = causes(&error);
    // The token service may repeat what it was asked with.
    if let Some(base) = &providers.role_base
        && let Ok(used) = base.provide_credentials().await
    {
        text = Redaction::new(&used, None).text(&text);
    }
    Err(CredentialError {
        reason: format!("{} gave none: {text}", inner.source.describe()),
        advice: inner.source.advice(),
    })
}
