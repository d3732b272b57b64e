//! What authenticates a session's requests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use konductor_model::cloud::SendError;
use konductor_model::manifest::EndpointProtocol;

use crate::account;
use crate::bearer::cache::BearerCache;
use crate::bearer::{self, BearerToken};
use crate::broker::ThrottleKey;
use crate::credential_cache::CredentialCache;
use crate::endpoint::{self, Address};
use crate::grant::EndpointGrant;
use crate::http_credential::HttpCredential;
use crate::redaction::Redaction;
use crate::signing;

/// Names the project whose quota a request counts against. Only the host sets it.
const QUOTA_PROJECT: HeaderName = HeaderName::from_static("x-goog-user-project");

/// Credentials that sign a session's requests, and their number in the run, which separates rate limits.
#[derive(Clone)]
pub(crate) struct Signer {
    pub(crate) number: usize,
    pub(crate) cache: Arc<CredentialCache>,
}

/// Tokens that a session's requests carry, and the number of their source in the run.
#[derive(Clone)]
pub(crate) struct Bearer {
    pub(crate) number: usize,
    pub(crate) cache: Arc<BearerCache>,
}

/// Everything that authenticates a session's requests, by the name that endpoints refer to.
pub(crate) struct Authenticators {
    pub(crate) signers: BTreeMap<String, Signer>,
    pub(crate) bearers: BTreeMap<String, Bearer>,
    pub(crate) http: BTreeMap<String, HttpCredential>,
}

impl Authenticators {
    /// Returns what authenticates an endpoint's requests with the credentials of a name.
    pub(crate) fn of(&self, endpoint: &EndpointGrant, name: &str) -> Option<Authentication> {
        match endpoint.protocol {
            EndpointProtocol::Aws => self.signers.get(name).cloned().map(Authentication::Aws),
            EndpointProtocol::Azure | EndpointProtocol::Google => {
                let bearer = self.bearers.get(name).cloned()?;
                Some(Authentication::Bearer(bearer, bearer::scope(endpoint)))
            }
            EndpointProtocol::Http => self.http.get(name).cloned().map(Authentication::Http),
        }
    }
}

/// What authenticates a request.
pub(crate) enum Authentication {
    /// AWS Signature Version 4.
    Aws(Signer),
    /// A token for a scope.
    Bearer(Bearer, String),
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
            // The kind of the number stands in the region's place: clouds with tokens have none there.
            Self::Bearer(bearer, _) => (
                bearer.number,
                address.signing_service.clone(),
                "bearer".to_owned(),
            ),
            Self::Http(_) => (usize::MAX, endpoint::host_of(&address.origin), String::new()),
        }
    }

    /// Says whether an answer with status 401 means that a token has to be renewed.
    pub(crate) fn is_bearer(&self) -> bool {
        matches!(self, Self::Bearer(..))
    }
}

/// A request that carries what authenticates it.
pub(crate) struct Authenticated {
    pub(crate) request: http::Request<Bytes>,
    pub(crate) redaction: Redaction,
    /// What may have to be renewed.
    pub(crate) used: Used,
}

/// What a request was authenticated with.
pub(crate) enum Used {
    /// A configured credential: it does not expire in a way that asking again would mend.
    Lasting,
    /// Keys for signing.
    Keys(Arc<CredentialCache>, Credentials),
    /// A token for a scope.
    Token(Arc<BearerCache>, String, BearerToken),
}

impl Used {
    /// Forgets what the cloud called expired, and says whether asking again can give something else.
    pub(crate) fn forget(&self) -> bool {
        match self {
            Self::Lasting => false,
            Self::Keys(cache, credentials) => {
                cache.forget(credentials);
                true
            }
            Self::Token(cache, scope, token) => {
                cache.forget(scope, token);
                true
            }
        }
    }
}

/// Puts a configured credential into a request.
pub(crate) fn with_credential(
    mut request: http::Request<Bytes>,
    credential: &HttpCredential,
) -> Result<Authenticated, SendError> {
    let redaction = credential
        .apply(request.headers_mut())
        .map_err(|reason| SendError::NoCredentials(reason.to_owned()))?;
    Ok(Authenticated {
        request,
        redaction,
        used: Used::Lasting,
    })
}

/// Puts a token into a request.
pub(crate) fn with_token(
    mut request: http::Request<Bytes>,
    cache: &Arc<BearerCache>,
    scope: &str,
    token: BearerToken,
) -> Result<Authenticated, SendError> {
    let unusable = |what: &str| {
        SendError::NoCredentials(format!("the {what} holds a character that no header may hold"))
    };
    let mut value =
        HeaderValue::from_str(&format!("Bearer {}", token.value.reveal())).map_err(|_| unusable("token"))?;
    value.set_sensitive(true);
    let headers = request.headers_mut();
    headers.insert(header::AUTHORIZATION, value);
    if let Some(project) = &token.quota_project {
        let project = HeaderValue::from_str(project).map_err(|_| unusable("quota project"))?;
        headers.insert(QUOTA_PROJECT, project);
    }
    Ok(Authenticated {
        request,
        redaction: Redaction::of_configured(&[token.value.reveal().to_owned()]),
        used: Used::Token(Arc::clone(cache), scope.to_owned(), token),
    })
}

/// Signs a request for AWS; with an account, so that it has no effect on another's.
pub(crate) fn with_signature(
    mut request: http::Request<Bytes>,
    address: &Address,
    cache: &Arc<CredentialCache>,
    credentials: Credentials,
    account: Option<&str>,
) -> Result<Authenticated, SendError> {
    if let Some(account) = account.filter(|_| address.signing_service == "s3") {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        account::bind(request.headers_mut(), &method, &uri, account);
    }
    let signature = signing::sign(&mut request, address, &credentials, SystemTime::now())
        .map_err(|error| SendError::Other(error.to_string()))?;
    Ok(Authenticated {
        request,
        redaction: Redaction::new(&credentials, Some(&signature)),
        used: Used::Keys(Arc::clone(cache), credentials),
    })
}
