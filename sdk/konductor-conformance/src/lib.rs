//! Checks that a provider keeps the promises of the interface.
//!
//! The kit knows a provider by the model's [`Provider`](konductor_model::provider::Provider) alone, so it runs on plain
//! Rust in a test and on a component in the sandbox alike. Everything the provider sends goes through a [`Probe`], which
//! counts, records and spoils calls. What the objects look like is in a [`Fixtures`] file.
//!
//! What it does not cover: an object that the cloud changes later by itself, behaviour that only shows with many objects,
//! and attributes that no fixture sets.
#![allow(
    clippy::result_large_err,
    reason = "a failure is rare and carries everything a person needs"
)]

mod case;
pub mod catalogue;
mod declared;
mod faults;
pub mod fixture;
mod lifecycle;
pub mod probe;
mod pure;
pub mod report;
pub mod runner;
mod secrets;

pub use catalogue::{CATALOGUE, CheckDescription, CheckId};
pub use fixture::{FixtureError, Fixtures};
pub use probe::{Call, Fault, Probe};
pub use report::{CheckResult, Report, Verdict};
pub use runner::{Options, Pause, Scope, run};
