//! The hash-chained log of a stack, its projections and its lock.
//!
//! A stack's log is one SQLite file, which may be this machine's copy of a log in a [`backend`]. [`StackLog`] appends [`entries`](entry::Entry) to it and reads them back;
//! [`Snapshot`] is the state they add up to, kept as rows in the same transaction. [`MemoryLog`] is the same
//! without a file. What is built on a log takes a [`Journal`].

pub mod archive;
pub mod backend;
pub mod backup;
mod chain;
pub mod compliance;
mod crash;
pub mod drift;
pub mod entry;
pub mod error;
mod forwarding;
pub mod history;
pub mod journal;
pub mod keys;
pub mod lock;
pub mod memory;
pub mod migration;
pub mod outputs;
pub mod past;
mod place;
mod plugin_used;
pub mod policy;
mod private_bytes;
pub mod projection;
pub mod record;
mod rows;
mod schema;
mod sealing;
pub mod sqlite;
mod streaming;
pub mod usage;
pub mod validation;
pub mod verify;
mod writer;

pub use archive::LogArchived;
pub use backend::remote::BackendTimes;
pub use backend::{Backend, BackendError};
pub use compliance::{ComplianceChecked, ComplianceTold, ControlFinding};
pub use drift::{Difference, DifferenceKind, DriftChecked, DriftSeverity, DriftTold};
pub use entry::Entry;
pub use error::StateError;
pub use forwarding::AuditForwarded;
pub use history::{EntryQuery, LoggedEntry};
pub use journal::Journal;
pub use keys::StackKeys;
pub use lock::{LockOwner, Locked};
pub use memory::MemoryLog;
pub use migration::Migrated;
pub use outputs::{Deployment, Outputs};
pub use past::{Past, Run};
pub use plugin_used::PluginUsed;
pub use policy::PolicyDecision;
pub use projection::{InvalidEntry, apply};
pub use record::{Interrupted, ResourceRecord, Snapshot};
pub use schema::StackIdentity;
pub use sqlite::{LockGuard, OpenOptions, StackLog};
pub use usage::{CallCount, CallKind, RunUsage};
pub use verify::{Problem, Verification};
