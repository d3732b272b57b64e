//! Tests of the log through its public interface, and of what a stranger can do to its file.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, also in the functions that tests share"
)]

mod archive;
mod damage;
mod death;
mod fixture;
mod fold;
mod lock;
mod opening;
mod outputs;
mod past;
mod reading;
mod secrets;
mod streaming;
mod tampering;
mod usage;
