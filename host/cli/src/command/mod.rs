//! The commands, one file each.

pub mod catalog;
pub mod config;
pub mod deploy;
pub mod graph;
pub mod init;
pub mod log;
pub mod output;
pub mod plugin;
pub mod state;
