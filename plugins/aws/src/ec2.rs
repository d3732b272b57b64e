//! `aws:ec2`: networks, instances and volumes.

pub mod lookup;
pub mod tags;
mod vpc;

use konductor_sdk::ResourceProvider;

pub use vpc::Vpc;

/// The resource types of the module.
pub const TYPES: &[&dyn ResourceProvider] = &[&Vpc];
