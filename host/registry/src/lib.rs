//! Finds and identifies plugins.
