//! Carries the requests of state in an object storage: the broker signs and sends them, as it does for plugins.

use std::sync::Arc;

use async_trait::async_trait;
use konductor_broker::{
    AuditPermit, AuditSink, AuditUnavailable, Broker, BrokerOptions, CredentialSource, OwnRequestError,
    OwnRequests,
};
use konductor_state::backend::{ObjectRequestError, ObjectRequests};

use crate::error::CommandError;

/// Requests to one bucket.
pub struct BucketRequests {
    requests: OwnRequests,
    // Its credentials are looked up over connections of its own.
    _broker: Broker,
}

impl BucketRequests {
    /// Makes a way to a bucket, with credentials of the standard chain of AWS.
    ///
    /// # Errors
    /// When the address is one that nothing may be sent to.
    pub fn new(options: BrokerOptions, address: &url::Url, region: &str) -> Result<Self, CommandError> {
        let broker = Broker::new(options, Arc::new(NoPlugins))?;
        let mut origin = address.clone();
        origin.set_path("/");
        let requests = broker.own_requests(&origin, "s3", region, CredentialSource::default())?;
        Ok(Self {
            requests,
            _broker: broker,
        })
    }
}

#[async_trait]
impl ObjectRequests for BucketRequests {
    async fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, ObjectRequestError> {
        self.requests.send(request).await.map_err(|error| match error {
            OwnRequestError::NoAnswer(reason) => ObjectRequestError::NoAnswer(reason),
            other => ObjectRequestError::NotSent(other.to_string()),
        })
    }
}

/// No plugin is behind this broker: nothing it could record would be a plugin's.
pub struct NoPlugins;

#[async_trait]
impl AuditSink for NoPlugins {
    async fn reserve(&self) -> Result<AuditPermit, AuditUnavailable> {
        Err(AuditUnavailable {
            reason: "no plugin may send anything here".to_owned(),
        })
    }
}
