//! Keeps the tokens of a source, one for each scope.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::token_requests::TokenRequests;
use super::{BearerSource, BearerToken};
use crate::credentials::CredentialError;
use crate::renewal_cache::{Expiring, RenewalCache};

struct Inner {
    source: BearerSource,
    requests: TokenRequests,
}

/// The tokens of one source.
pub(crate) struct BearerCache {
    inner: Arc<Inner>,
    tokens: RenewalCache<String, BearerToken>,
}

impl Expiring for BearerToken {
    /// Metadata services give out the same token until five minutes before its end, so asking earlier would ask each
    /// time.
    const RENEWAL: Duration = Duration::from_secs(225);

    fn remaining(&self) -> Option<Duration> {
        let remaining = self.expires.duration_since(SystemTime::now());
        Some(remaining.unwrap_or(Duration::ZERO))
    }

    fn is(&self, other: &Self) -> bool {
        self.value == other.value
    }
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
            tokens: RenewalCache::default(),
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
        let scope = scope.to_owned();
        let look_up = || {
            let (inner, scope) = (Arc::clone(&self.inner), scope.clone());
            async move { inner.source.fetch(&inner.requests, &scope).await }
        };
        self.tokens.get(&scope, look_up).await
    }

    /// Forgets a token that the cloud refused. Another, got since, stays.
    pub(crate) fn forget(&self, scope: &str, refused: &BearerToken) {
        self.tokens.forget(&scope.to_owned(), refused);
    }
}
