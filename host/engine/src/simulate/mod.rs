//! The simulated cloud: a rehearsal with the real plugins, the real plan, the real order and the real log.
//!
//! Only the operations are answered here, from the schema of each type. What a real cloud refuses beyond that,
//! such as a quota or a block outside its network, is not simulated.

mod cloud;
mod generate;
mod profile;
mod provider;
mod store;

pub use cloud::{SimulatedCloud, SimulatedObject};
pub use profile::Profile;
pub use provider::SimulatedProvider;
pub use store::StoreError;
