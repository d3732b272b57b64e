//! One suite over every place that a log can be in: a file, a PostgreSQL database, a bucket.
//!
//! The servers are real, each of one test. A *machine* is a folder with a copy of the log; two machines share nothing
//! but the backend.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    dead_code,
    reason = "a test fails by panicking, also in the functions that tests share; the fixture is shared with other tests"
)]

#[path = "../log/fixture.rs"]
mod fixture;

mod backups;
mod contract;
mod copies;
mod crashes;
mod keys;
mod locks;
mod moving;
mod network;
mod sharing;
mod team;
