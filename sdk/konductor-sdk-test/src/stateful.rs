//! A cloud that is a closure with a state.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use konductor_model::cloud::{Cloud, CloudRequest, CloudResponse, SendError};

type Handler<S> = dyn Fn(&mut S, &CloudRequest) -> CloudResponse + Send + Sync;

/// A cloud whose answers come from a closure, which may change a state.
pub struct StatefulCloud<S> {
    state: Mutex<S>,
    handler: Box<Handler<S>>,
}

impl<S: Send + 'static> StatefulCloud<S> {
    /// Makes a cloud.
    pub fn new(
        state: S,
        handler: impl Fn(&mut S, &CloudRequest) -> CloudResponse + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(state),
            handler: Box::new(handler),
        })
    }

    /// Looks at the state, or changes it behind the plugin's back.
    pub fn with<T>(&self, look: impl FnOnce(&mut S) -> T) -> T {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<S> std::fmt::Debug for StatefulCloud<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StatefulCloud").finish_non_exhaustive()
    }
}

#[async_trait]
impl<S: Send + 'static> Cloud for StatefulCloud<S> {
    async fn send(&self, _: &str, request: CloudRequest) -> Result<CloudResponse, SendError> {
        Ok(self.with(|state| (self.handler)(state, &request)))
    }
}
