//! Runs of the engine against a scripted cloud in memory.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::result_large_err
)]

mod backpressure;
mod cloud;
mod cloud_module;
mod components;
mod drift;
mod failures;
mod identifiers;
mod instances;
mod metadata;
mod options;
mod planner;
mod recovery;
mod refreshing;
mod repeated;
mod replacement;
mod rollback;
mod runs;
mod schema_versions;
mod secrets;
mod simulated;
mod world;
