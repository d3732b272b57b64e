//! The components and the module of the AWS plugin.
//!
//! They are pure: configuration in, declarations out. They stand in a crate of their own, which does not need
//! the AWS SDK, so that their tests are built in seconds.

mod inputs;
pub mod module;
pub mod monitoring;
pub mod region;
pub mod secure_bucket;
mod secure_bucket_policy;
pub mod secure_vpc;
mod secure_vpc_plan;
pub mod subnet_layout;

use konductor_sdk::prelude::{Component, Module};

/// The component types.
pub static COMPONENTS: [&dyn Component; 3] = [
    &secure_vpc::SecureVpc,
    &secure_bucket::SecureBucket,
    &monitoring::Monitoring,
];

/// The configuration modules.
pub static MODULES: [&dyn Module; 1] = [&module::Aws];

#[cfg(test)]
mod test_plugin;
