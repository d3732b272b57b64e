//! Tests a plugin natively: the provider as ordinary Rust against a scripted cloud, without WebAssembly.
//!
//! [`NativeProvider`] is a plugin's [`Definition`](konductor_sdk::Definition) as a
//! [`Provider`](konductor_model::provider::Provider). Its cloud is a [`ScriptedCloud`], which expects requests in order or
//! in any order, or a [`StatefulCloud`], which is a closure with a state. [`lifecycle()`] takes one object through its
//! life, and the [`conformance`] kit tries what authors forget.
//!
//! What a native test does not show: limits of the sandbox, signing, and sealed secrets, which only stand in the host.
#![allow(
    clippy::panic,
    clippy::result_large_err,
    reason = "a test fails by panicking, and a failure carries everything a person needs"
)]

pub mod components;
pub mod lifecycle;
pub mod provider;
pub mod scripted;
pub mod stateful;

pub use components::Components;
pub use konductor_conformance as conformance;
pub use konductor_sdk::block_on;
pub use lifecycle::{Lifecycle, lifecycle};
pub use provider::NativeProvider;
pub use scripted::{Expectation, ScriptedCloud, delete, get, patch, post, put, respond};
pub use stateful::StatefulCloud;

/// The examples of the guides: they compile and run as they stand there.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/writing-resources.md")]
mod writing_resources {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/testing-plugins.md")]
mod testing_plugins {}
