//! The one way out of the sandbox, as the sandbox sees it.

use std::sync::Arc;

use async_trait::async_trait;

/// An unsigned request of a guest.
#[derive(Clone, PartialEq, Eq)]
pub struct CloudRequest {
    /// An endpoint identifier from the plugin's manifest.
    pub endpoint: String,
    /// The region, where it is not the configured one.
    pub region: Option<String>,
    /// The method.
    pub method: String,
    /// An absolute path, percent-encoded.
    pub path: String,
    /// Query parameters, not encoded.
    pub query: Vec<(String, String)>,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Sending it twice has the effect of sending it once.
    pub idempotent: bool,
}

impl std::fmt::Debug for CloudRequest {
    /// Shows no header value, query value or body: any of them may hold a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CloudRequest")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("method", &self.method)
            .field("path", &self.path)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// The cloud's answer.
#[derive(Clone, PartialEq, Eq)]
pub struct CloudResponse {
    /// The status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The grant, a host rule or the kind of call does not allow it.
    #[error("denied: {0}")]
    Denied(String),
    /// The host has no usable credentials.
    #[error("no credentials: {0}")]
    NoCredentials(String),
    /// No complete answer in time; the effect is not known.
    #[error("timed out: {0}")]
    Timeout(String),
    /// The connection failed.
    #[error("connection failed: {0}")]
    Connection(String),
    /// The request or the answer is too large.
    #[error("too large: {0}")]
    TooLarge(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// Sends requests for one plugin under the grant it was made with.
#[async_trait]
pub trait Cloud: Send + Sync {
    /// Checks, signs, sends and records one request. `resource` is what the call is made for, for the record.
    async fn send(&self, resource: &str, request: CloudRequest) -> Result<CloudResponse, SendError>;

    /// Waits until the rate limit has room for the first request of a call, and returns a way out whose first request
    /// does not wait. `purpose` is what calls have in common that begin with a request to the same service: the
    /// resource type. Dropping the future, or the way out before it was used, gives the room up.
    ///
    /// None where there is no limit.
    async fn admit(self: Arc<Self>, _purpose: &str) -> Option<Arc<dyn Cloud>> {
        None
    }
}
