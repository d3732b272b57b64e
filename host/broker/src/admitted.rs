//! The way out of one call whose first request was waited for before the call began.

use std::sync::Arc;

use async_trait::async_trait;
use konductor_model::cloud::{Cloud, CloudRequest, CloudResponse, SendError};

use crate::admission::Admission;
use crate::session::Session;

/// A session, for one call.
pub(crate) struct AdmittedSession {
    session: Arc<Session>,
    admission: Admission,
}

impl AdmittedSession {
    pub(crate) fn new(session: Arc<Session>, admission: Admission) -> Self {
        Self { session, admission }
    }
}

#[async_trait]
impl Cloud for AdmittedSession {
    async fn send(&self, resource: &str, request: CloudRequest) -> Result<CloudResponse, SendError> {
        self.session
            .send_after(resource, request, Some(&self.admission))
            .await
    }

    async fn admit(self: Arc<Self>, purpose: &str) -> Option<Arc<dyn Cloud>> {
        Arc::clone(&self.session).admit(purpose).await
    }
}
