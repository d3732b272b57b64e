//! `aws:config`: AWS Config, which records what an account has and judges it by rules.

mod client;
mod config_rule;
mod configuration_recorder;
mod configuration_recorder_status;
mod delivery_channel;
pub mod named;
mod retention_configuration;
mod tags;

use konductor_sdk::ResourceProvider;
use konductor_sdk::typed::Typed;

pub use config_rule::ConfigRule;
pub use configuration_recorder::ConfigurationRecorder;
pub use configuration_recorder_status::ConfigurationRecorderStatus;
pub use delivery_channel::DeliveryChannel;
pub use retention_configuration::RetentionConfiguration;

/// The resource types of the module.
pub const TYPES: &[&dyn ResourceProvider] = &[
    Typed::<ConfigRule>::PROVIDER,
    Typed::<ConfigurationRecorder>::PROVIDER,
    Typed::<ConfigurationRecorderStatus>::PROVIDER,
    Typed::<DeliveryChannel>::PROVIDER,
    Typed::<RetentionConfiguration>::PROVIDER,
];
