//! Plugins in OCI registries.
//!
//! `reference` names repositories, `manifest` checks what registries answer without touching the network,
//! `artifact` makes what is pushed, `client` speaks the distribution protocol with `authentication`, and
//! `referrers` finds and stores signature bundles beside a plugin.

pub mod reference;
