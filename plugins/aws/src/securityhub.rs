//! `aws:securityhub`: Security Hub, which judges an account by standards and gathers findings.

mod client;
mod finding;
mod hub;
mod standards_subscription;

use konductor_sdk::ResourceProvider;
use konductor_sdk::typed::Typed;

pub use finding::Finding;
pub use hub::Hub;
pub use standards_subscription::StandardsSubscription;

/// The resource types of the module.
pub const TYPES: &[&dyn ResourceProvider] = &[
    Typed::<Finding>::PROVIDER,
    Typed::<Hub>::PROVIDER,
    Typed::<StandardsSubscription>::PROVIDER,
];
