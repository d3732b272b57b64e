//! Runs plugins: the only crate that knows wasmtime.
//!
//! A [`Sandbox`] loads components into [`Plugin`]s, which are [`konductor_model::provider::Provider`] and
//! [`konductor_model::module::Module`]. Every call runs in an instance of its own, under limits of memory,
//! processor time, time on the clock and data; whatever a guest does, the host answers with a
//! [`konductor_model::Failure`] that names plugin, function, resource and cause, and goes on.
//!
//! A guest can reach what the interface offers and nothing else: no files, no sockets, no environment. The
//! limits do not cover side channels such as timing, and pure calls are repeatable, not constant-time.

#![allow(
    clippy::result_large_err,
    reason = "the model's traits return a `Failure` by value, at most once a call"
)]

mod answer;
mod cache;
mod call;
mod compliance;
mod engine;
mod guest;
mod host_functions;
mod interface;
mod limits;
mod module;
mod outline;
mod plugin;
mod provider;
mod repeat;
mod request;
mod sandbox;
mod sealing;
mod store;
mod text;
mod trap;
mod v0_1;
mod vetting;
mod wasi;

pub use cache::CacheError;
pub use engine::EngineError;
pub use limits::Limits;
pub use plugin::{ManifestError, Plugin};
pub use repeat::Repeat;
pub use sandbox::{LoadError, LoadOptions, Sandbox, SandboxError, SandboxOptions};
pub use sealing::{Reveal, RevealRecorder, RevealUnrecorded};
