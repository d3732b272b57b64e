//! What an entry is called.

use konductor_state::Entry;

/// All kinds of entries, as the log names them.
pub const KINDS: [&str; 23] = [
    "run-started",
    "begin",
    "progress",
    "end",
    "recorded",
    "forgotten",
    "moved",
    "outputs",
    "cloud-call",
    "secret-revealed",
    "drift-checked",
    "drift-told",
    "control-finding",
    "compliance-checked",
    "compliance-told",
    "policy-decided",
    "run-finished",
    "lock-taken-away",
    "restored",
    "keys-rotated",
    "audit-forwarded",
    "log-archived",
    "run-attested",
];

/// Returns the kind of an entry, as the log names it.
pub fn kind(entry: &Entry) -> &'static str {
    match entry {
        Entry::RunStarted(_) => "run-started",
        Entry::Begin(_) => "begin",
        Entry::Progress(_) => "progress",
        Entry::End(_) => "end",
        Entry::Recorded { .. } => "recorded",
        Entry::Forgotten { .. } => "forgotten",
        Entry::Moved { .. } => "moved",
        Entry::Outputs { .. } => "outputs",
        Entry::CloudCall(_) => "cloud-call",
        Entry::SecretRevealed(_) => "secret-revealed",
        Entry::DriftChecked(_) => "drift-checked",
        Entry::DriftTold(_) => "drift-told",
        Entry::ControlFinding(_) => "control-finding",
        Entry::ComplianceChecked(_) => "compliance-checked",
        Entry::ComplianceTold(_) => "compliance-told",
        Entry::PolicyDecided(_) => "policy-decided",
        Entry::RunFinished(_) => "run-finished",
        Entry::LockTakenAway(_) => "lock-taken-away",
        Entry::Restored(_) => "restored",
        Entry::KeysRotated(_) => "keys-rotated",
        Entry::AuditForwarded(_) => "audit-forwarded",
        Entry::LogArchived(_) => "log-archived",
        Entry::RunAttested(_) => "run-attested",
    }
}
