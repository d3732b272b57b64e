//! Requests that the host makes for itself, to one service at one address: signed like those of plugins, behind a gate
//! that lets nothing else through.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use url::Url;

use crate::broker::{CallLimits, WayOut};
use crate::credential_cache::CredentialCache;
use crate::endpoint::Address;
use crate::http_credential::HttpCredential;
use crate::redaction::Redaction;
use crate::signing;
use crate::transport::{AttemptError, Sending};

/// The time for one answer, with its body.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The largest answer.
const LARGEST_ANSWER: usize = 256 * 1024 * 1024;

/// From here on the difference of two clocks counts: signatures are good for minutes.
const CLOCKS_DIFFER: i64 = 60;

/// Why a request of the host has no answer. The texts hold no header, no body and no credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OwnRequestError {
    /// It may have been sent.
    #[error("{0}")]
    NoAnswer(String),
    /// It was not sent, and sending it again does not help.
    #[error("{0}")]
    NotSent(String),
}

/// What authenticates them.
pub(crate) enum OwnAuthentication {
    /// AWS Signature Version 4.
    Aws(Arc<CredentialCache>),
    /// A header.
    Http(HttpCredential),
}

/// Sends requests to one service at one address.
pub struct OwnRequests {
    way_out: WayOut,
    address: Address,
    authentication: OwnAuthentication,
    limits: CallLimits,
    /// How many seconds the service's clock is ahead of this machine's.
    ahead: AtomicI64,
}

impl std::fmt::Debug for OwnRequests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnRequests")
            .field("origin", &self.address.origin.as_str())
            .finish_non_exhaustive()
    }
}

impl OwnRequests {
    pub(crate) fn new(
        way_out: WayOut,
        address: Address,
        authentication: OwnAuthentication,
        limits: CallLimits,
    ) -> Self {
        Self {
            way_out,
            address,
            authentication,
            limits: CallLimits {
                response_body: LARGEST_ANSWER,
                ..limits
            },
            ahead: AtomicI64::new(0),
        }
    }

    /// Authenticates a request and sends it once.
    ///
    /// # Errors
    /// When there is no complete answer. An answer with an error status is an answer.
    pub async fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, OwnRequestError> {
        let not_sent = |error: &dyn std::fmt::Display| OwnRequestError::NotSent(error.to_string());
        let mut request = request.map(Bytes::from);
        let url = Url::parse(&request.uri().to_string()).map_err(|error| not_sent(&error))?;
        if url.origin() != self.address.origin.origin() {
            return Err(not_sent(&"the request is for another address"));
        }
        self.way_out
            .egress
            .check(&url)
            .map_err(|error| not_sent(&error))?;
        match &self.authentication {
            OwnAuthentication::Aws(credentials) => {
                let credentials = credentials.get().await.map_err(|error| not_sent(&error))?;
                signing::sign(&mut request, &self.address, &credentials, self.time())
                    .map_err(|error| not_sent(&error))?;
            }
            OwnAuthentication::Http(credential) => {
                credential
                    .apply(request.headers_mut())
                    .map_err(|error| not_sent(&error))?;
            }
        }
        let sending = Sending {
            resource: "",
            endpoint: "",
            own_address: None,
            request,
            redaction: &Redaction::default(),
            limits: &self.limits,
            timeout: TIMEOUT,
        };
        let answer = match self.way_out.transport.send(sending).await {
            Ok(answer) => answer,
            Err(
                error @ (AttemptError::Denied(_) | AttemptError::TooLarge(_) | AttemptError::Unrecorded(_)),
            ) => {
                return Err(not_sent(&error));
            }
            Err(error) => return Err(OwnRequestError::NoAnswer(error.to_string())),
        };
        self.compare_clocks(&answer.headers);
        let mut response = http::Response::new(answer.body);
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }

    /// Returns the time that the service will find right.
    fn time(&self) -> SystemTime {
        let ahead = self.ahead.load(Ordering::Relaxed);
        let distance = Duration::from_secs(ahead.unsigned_abs());
        let now = SystemTime::now();
        let there = if ahead < 0 {
            now.checked_sub(distance)
        } else {
            now.checked_add(distance)
        };
        there.unwrap_or(now)
    }

    fn compare_clocks(&self, headers: &http::HeaderMap) {
        let date = headers
            .get(http::header::DATE)
            .and_then(|date| date.to_str().ok())
            .and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        if let Some(date) = date {
            let ahead = date.timestamp().as_second() - jiff::Timestamp::now().as_second();
            let ahead = if ahead.abs() < CLOCKS_DIFFER { 0 } else { ahead };
            self.ahead.store(ahead, Ordering::Relaxed);
        }
    }
}
