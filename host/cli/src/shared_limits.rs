//! The rate limits that all processes of a project with workers share.

use std::sync::Arc;

use async_trait::async_trait;
use konductor_broker::{RightsGiven, RightsWanted, SharedLimits};
use konductor_queue::RateLimits;

use crate::environment::Environment;
use crate::error::CommandError;
use crate::project::Project;
use crate::queue_place;

/// Counts in the database of the queue.
struct InDatabase(RateLimits);

#[async_trait]
impl SharedLimits for InDatabase {
    async fn take(&self, wanted: RightsWanted<'_>) -> Result<RightsGiven, String> {
        let RightsWanted {
            limit,
            rate,
            capacity,
            wanted,
            share,
        } = wanted;
        let tokens = self.0.take(limit, rate, capacity, wanted, share).await;
        tokens
            .map(|tokens| RightsGiven {
                count: tokens.count,
                level: tokens.level,
            })
            .map_err(|error| error.to_string())
    }
}

/// Returns where the project's rate limits are counted: with workers, in their database, as far as limits are configured.
/// A database that cannot be used is told now and not in the first call.
pub async fn shared_limits(
    project: &Project,
    environment: &Environment,
) -> Result<Option<Arc<dyn SharedLimits>>, CommandError> {
    let configuration = &project.configuration;
    let limited = configuration
        .plugins()
        .iter()
        .any(|plugin| plugin.rate_limit.is_some());
    let Some(workers) = configuration.workers().filter(|_| limited) else {
        return Ok(None);
    };
    let state = configuration.state().map(|state| &state.backend);
    let settings = queue_place::database(workers, state, environment)?;
    let limits = RateLimits::new(settings)?;
    limits.prepare().await?;
    Ok(Some(Arc::new(InDatabase(limits))))
}
