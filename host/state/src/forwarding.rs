//! How far the events of a log were forwarded.

use serde::{Deserialize, Serialize};

/// The events of a log were delivered to a target up to an entry. Whoever forwards next, on whatever machine, goes on
/// after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditForwarded {
    /// The target, by its name in the configuration.
    pub target: String,
    /// The last entry that was delivered.
    pub serial: u64,
    /// Its hash.
    pub hash: String,
}
