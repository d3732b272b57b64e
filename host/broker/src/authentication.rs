//! What authenticates a session's requests.

use std::sync::Arc;

use crate::broker::ThrottleKey;
use crate::credential_cache::CredentialCache;
use crate::endpoint::{self, Address};
use crate::http_credential::HttpCredential;

/// Credentials that sign a session's requests, and their number in the run, which separates rate limits.
#[derive(Clone)]
pub(crate) struct Signer {
    pub(crate) number: usize,
    pub(crate) cache: Arc<CredentialCache>,
}

/// What authenticates a request.
pub(crate) enum Authentication {
    /// AWS Signature Version 4.
    Aws(Signer),
    /// A header, or nothing.
    Http(HttpCredential),
}

impl Authentication {
    /// Returns what separates rate limits. An HTTP API's limit is its own, whoever calls it.
    pub(crate) fn throttle_key(&self, address: &Address) -> ThrottleKey {
        match self {
            Self::Aws(signer) => (
                signer.number,
                address.signing_service.clone(),
                address.signing_region.clone(),
            ),
            Self::Http(_) => (usize::MAX, endpoint::host_of(&address.origin), String::new()),
        }
    }
}
