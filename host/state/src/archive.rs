//! What of a log is kept elsewhere, and for how long.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Entries of the log are in an archive that was read back and found whole. The hash is that of the last of them, and so is
/// about all before it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogArchived {
    /// The archive, as it may be shown.
    pub place: String,
    /// The first of the entries.
    pub first: u64,
    /// The last of them.
    pub last: u64,
    /// Its hash.
    pub hash: String,
    /// When the first was written.
    pub oldest: Timestamp,
    /// When the last was written.
    pub newest: Timestamp,
    /// How long they are kept at least: `7y`.
    pub keep: String,
    /// Until when that is for the last of them.
    pub until: Timestamp,
}
