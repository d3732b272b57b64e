//! Keeps the credentials of a source, and whose they are.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::credentials::{CredentialError, CredentialSource, ProviderContext, Providers};
use crate::redaction::Redaction;
use crate::renewal_cache::{Expiring, FAILURE_STANDS, RenewalCache};
use crate::transport::causes;

struct Inner {
    source: CredentialSource,
    context: ProviderContext,
    providers: OnceCell<Providers>,
}

/// The credentials of one source.
pub(crate) struct CredentialCache {
    inner: Arc<Inner>,
    resolved: RenewalCache<(), Credentials>,
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
            resolved: RenewalCache::default(),
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
        self.resolved.get(&(), || look_up(Arc::clone(&self.inner))).await
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
        self.resolved.forget(&(), expired);
    }
}

impl Expiring for Credentials {
    const RENEWAL: Duration = Duration::from_secs(5 * 60);

    fn remaining(&self) -> Option<Duration> {
        let expiry = self.expiry()?;
        Some(expiry.duration_since(SystemTime::now()).unwrap_or(Duration::ZERO))
    }

    fn is(&self, other: &Self) -> bool {
        self.access_key_id() == other.access_key_id() && self.session_token() == other.session_token()
    }
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
