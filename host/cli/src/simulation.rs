//! The simulated cloud of `--simulate`, kept beside the state.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use konductor_engine::simulate::{Profile, SimulatedCloud, SimulatedProvider};
use konductor_model::provider::Provider;
use konductor_model::with_causes;

use crate::arguments::{ExecutionArguments, SimulationProfile};
use crate::error::CommandError;

/// The simulated cloud of one stack.
pub struct Simulation(Arc<SimulatedCloud>);

impl Simulation {
    /// Opens the simulated cloud in a file; the next run finds there what this one made.
    pub fn open(file: &Path, arguments: &ExecutionArguments, region: &str) -> Result<Self, CommandError> {
        let profile = match arguments.simulate_profile {
            SimulationProfile::Instant => Profile::None,
            SimulationProfile::Realistic => Profile::Realistic,
            SimulationProfile::Flaky => Profile::Flaky,
        };
        let cloud = SimulatedCloud::open(file, profile, arguments.simulate_seed, region)
            .map_err(|error| CommandError::message(with_causes(&error)))?;
        let cloud = match arguments.simulate_latency {
            Some(milliseconds) => cloud.with_latency(Duration::from_millis(milliseconds)),
            None => cloud,
        };
        Ok(Self(Arc::new(cloud)))
    }

    /// Puts the simulated cloud behind a provider: its pure functions stay the plugin's.
    pub fn wrap(&self, provider: Arc<dyn Provider>) -> Arc<dyn Provider> {
        Arc::new(SimulatedProvider::new(provider, self.0.clone()))
    }
}
