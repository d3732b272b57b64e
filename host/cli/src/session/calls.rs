//! Where the cloud calls of a session go.

use std::sync::Arc;

use async_trait::async_trait;
use konductor_broker::{Broker, BrokerOptions};
use konductor_model::Path;
use konductor_model::cloud::{Cloud, CloudRequest, CloudResponse, SendError};

use crate::audit::AuditWriter;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::network::Network;
use crate::project::Project;
use crate::shared_limits::shared_limits;

/// Starts the broker as the project's configuration and the environment say.
pub async fn broker(
    project: &Project,
    environment: &Environment,
    audit: Arc<AuditWriter>,
) -> Result<Broker, CommandError> {
    let mut options = broker_options(project, environment)?;
    options.shared_limits = shared_limits(project, environment).await?;
    Ok(Broker::new(options, audit)?)
}

/// Returns what the project's configuration and the environment say about calls.
pub fn broker_options(project: &Project, environment: &Environment) -> Result<BrokerOptions, CommandError> {
    let mut options = BrokerOptions::default();
    Network::of(environment)?.for_calls(&mut options)?;
    let setting = |path: &str| {
        let path: Path = path.parse().ok()?;
        let value = project
            .configuration
            .value(&path, konductor_config::Context::default())
            .ok()??;
        value.as_text().map(str::to_owned)
    };
    if let Some(text) = setting("aws.endpoints.sts").or_else(|| setting("aws.endpoint_url")) {
        options.sts_endpoint = Some(text.parse().map_err(|error| {
            CommandError::message(format!("aws.endpoint_url: `{text}` is not a URL: {error}"))
        })?);
    }
    if setting("aws.endpoint_url").is_some() {
        // An emulator has no account to protect; it says itself when it is too much.
        options.throttle.rate = options.throttle.maximum_rate;
        options.throttle.burst = options.throttle.maximum_rate;
    }
    Ok(options)
}

/// Refuses every call: for commands that only look, and for the simulated cloud.
pub(super) struct NoCloud {
    /// The cloud is simulated.
    pub(super) simulated: bool,
}

#[async_trait]
impl Cloud for NoCloud {
    async fn send(&self, _: &str, _: CloudRequest) -> Result<CloudResponse, SendError> {
        let why = if self.simulated {
            "the cloud is simulated"
        } else {
            "this command calls no cloud"
        };
        Err(SendError::Denied(why.to_owned()))
    }
}
