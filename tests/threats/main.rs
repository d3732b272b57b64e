//! The threat table: what a hostile plugin, a hostile cloud or a hostile file system tries, and what comes of it.
//!
//! Rows about a plugin in the sandbox alone stand in `limits.rs`, `output.rs`, `lies.rs` and `guest_memory.rs`, and use
//! `sandbox.rs`; the others go through sandbox and broker together or through the built binary. Every row with a guest
//! in it runs once for each interface version that is archived under `tests/archive/`. What concerns the broker alone
//! stands in `host/broker/tests`. `docs/security.md` lists the guards with their tests, `guards.toml` how each is taken
//! out, and `table.rs` sees that both are true. No row needs a network.
#![allow(
    clippy::disallowed_types,
    reason = "the cloud of these tests is a server of this process"
)]

mod audit;
mod cloud;
mod compiled_code;
mod connections;
mod credentials;
mod destinations;
mod grants;
mod guest;
mod guest_memory;
mod headers;
mod lies;
mod limits;
mod output;
mod responses;
mod sandbox;
mod sealed_secrets;
mod table;
mod terminal;
