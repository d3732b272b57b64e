//! The threat table: what a hostile plugin, a hostile cloud or a hostile file system tries, and what comes of it.
//!
//! Rows about a plugin in the sandbox alone stand in `sandbox.rs`; the others go through sandbox and broker together or
//! through the built binary. Every row with a guest in it runs once for each interface version that is archived under
//! `tests/archive/`. What concerns the broker alone stands in `host/broker/tests`. `docs/security.md` lists the guards
//! with their tests, and `table.rs` sees that the list is true. No row needs a network.
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
mod headers;
mod responses;
mod sandbox;
mod sealed_secrets;
mod table;
mod terminal;
