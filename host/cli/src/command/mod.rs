//! The commands, one file each.

pub mod adopt;
pub mod backup;
pub mod catalog;
pub mod config;
pub mod deploy;
pub mod drift;
pub mod every_stack;
pub mod execution;
pub mod graph;
pub mod hand_over;
pub mod history;
pub mod init;
pub mod keys;
pub mod log;
pub mod manual;
pub mod migrate;
pub mod output;
pub mod permissions;
pub mod plugin;
pub mod queue;
pub mod restore;
pub mod rollback;
pub mod state;
pub mod state_transfer;
pub mod watch;
pub mod worker;
