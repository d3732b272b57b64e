//! OAuth 2.0 bearer tokens for clouds that ask for them: fetched, kept and renewed here, never seen by a guest.
//!
//! A source says who asks; each endpoint says for what (its [`scope`]), so a token that was fetched for one service is
//! not sent to another. Tokens are kept for a run, in memory only.
//!
//! What is not covered: a token that a cloud gives for less than what was asked for works as far as it goes; and where
//! a source cannot be asked for less (an instance's metadata service, a user's own login), the token is good for all
//! that the source is good for.

mod assertion;
pub(crate) mod cache;
pub(crate) mod entra;
mod entra_section;
pub(crate) mod google;
mod google_file;
mod google_section;
pub(crate) mod token_requests;

use std::time::{Duration, SystemTime};

use konductor_model::SecretText;
use konductor_model::manifest::EndpointProtocol;

use self::entra::EntraSource;
use self::google::GoogleSource;
use self::token_requests::TokenRequests;
use crate::credentials::CredentialError;
use crate::grant::EndpointGrant;

/// Methods that change nothing.
const READING: [&str; 3] = ["GET", "HEAD", "OPTIONS"];

/// How long a configured token is taken to be good; the cloud says when it is not.
const LASTING: Duration = Duration::from_secs(24 * 60 * 60);

/// Where the bearer tokens of a session come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BearerSource {
    /// Google Cloud.
    Google(Box<GoogleSource>),
    /// Azure, by Entra ID.
    Entra(Box<EntraSource>),
    /// A token that the operator has got already. It is used for every scope and cannot be renewed.
    Fixed(SecretText),
}

/// A token, and until when it is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BearerToken {
    pub(crate) value: SecretText,
    pub(crate) expires: SystemTime,
    /// Whose quota its requests count against, where the source says so.
    pub(crate) quota_project: Option<String>,
}

impl BearerToken {
    pub(crate) fn new(value: String, lifetime: Duration) -> Self {
        let now = SystemTime::now();
        Self {
            value: SecretText::new(value),
            expires: now.checked_add(lifetime).unwrap_or(now),
            quota_project: None,
        }
    }
}

impl BearerSource {
    /// Says in words what is used, without a secret.
    pub fn describe(&self) -> String {
        match self {
            Self::Google(source) => source.describe(),
            Self::Entra(source) => source.describe(),
            Self::Fixed(_) => "the configured token".to_owned(),
        }
    }

    fn advice(&self) -> &'static str {
        match self {
            Self::Google(source) => source.advice(),
            Self::Entra(source) => source.advice(),
            Self::Fixed(_) => "get another token, or configure credentials that can be renewed",
        }
    }

    /// Returns whether requests to an endpoint can be authenticated by it.
    pub(crate) fn serves(&self, protocol: EndpointProtocol) -> bool {
        match self {
            Self::Google(_) => protocol == EndpointProtocol::Google,
            Self::Entra(_) => protocol == EndpointProtocol::Azure,
            Self::Fixed(_) => protocol != EndpointProtocol::Aws && protocol != EndpointProtocol::Http,
        }
    }

    async fn fetch(&self, requests: &TokenRequests, scope: &str) -> Result<BearerToken, CredentialError> {
        let result = match self {
            Self::Google(source) => source.fetch(requests, scope).await,
            Self::Entra(source) => source.fetch(requests, scope).await,
            Self::Fixed(token) => Ok(BearerToken::new(token.reveal().to_owned(), LASTING)),
        };
        result.map_err(|reason| CredentialError {
            reason: format!("{} gave no token: {reason}", self.describe()),
            advice: self.advice(),
        })
    }
}

/// Returns what a token for an endpoint is asked for: no more than its service, and where only reading methods are
/// granted, no more than reading it.
pub(crate) fn scope(endpoint: &EndpointGrant) -> String {
    // Entra ID knows no narrower scope than a service; the source knows what that is called in its cloud.
    if endpoint.protocol == EndpointProtocol::Azure {
        return endpoint.service.clone();
    }
    let only_reads = endpoint
        .methods
        .as_ref()
        .is_some_and(|methods| methods.iter().all(|method| READING.contains(&method.as_str())));
    google::scope(&endpoint.service, only_reads)
}
