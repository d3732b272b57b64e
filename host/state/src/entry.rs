//! What stands in the log.
//!
//! Nothing starts before its `begin` is durable and nothing is finished before its `end` is. Unknown members of
//! an entry are kept out of the hash's way: the hash is over the bytes as written.

use std::collections::BTreeMap;

use konductor_model::provider::ObjectState;
use konductor_model::{Failure, Urn, Value};
use serde::{Deserialize, Serialize};

use crate::archive::LogArchived;
use crate::compliance::{ComplianceChecked, ComplianceTold, ControlFinding};
use crate::drift::{DriftChecked, DriftTold};
use crate::error::StateError;
use crate::forwarding::AuditForwarded;
use crate::keys::KeysRotated;
use crate::lock::LockOwner;
use crate::plugin_used::PluginUsed;
use crate::policy::PolicyDecision;
use crate::record::ResourceRecord;

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "kebab-case")]
pub enum Entry {
    /// A command that changes state began.
    RunStarted(RunStarted),
    /// An operation is about to be done.
    Begin(Begin),
    /// A long operation goes on.
    Progress(OperationProgress),
    /// An operation was done.
    End(End),
    /// The record of a resource was written without an operation: a component, a refresh, a change of options alone.
    Recorded {
        /// The record as it is now.
        record: Box<ResourceRecord>,
        /// Why: `component`, `refresh`, `options`, `import`.
        reason: String,
    },
    /// A resource was forgotten without being deleted.
    Forgotten {
        /// Which.
        urn: Urn,
        /// Why: `state remove`, `retain on delete`, `gone`.
        reason: String,
    },
    /// A resource got another name.
    Moved {
        /// The old name.
        from: Urn,
        /// The new name.
        to: Urn,
    },
    /// The stack's outputs were written.
    Outputs {
        /// All of them.
        outputs: BTreeMap<String, Value>,
    },
    /// A request left the machine, or was refused.
    CloudCall(CloudCall),
    /// A plugin saw a secret as it is.
    SecretRevealed(RevealedSecret),
    /// The stack was compared with what is there.
    DriftChecked(DriftChecked),
    /// Somebody was told of drift.
    DriftTold(DriftTold),
    /// A check of a resource fails, or fails no more.
    ControlFinding(ControlFinding),
    /// The stack was held to its frameworks.
    ComplianceChecked(ComplianceChecked),
    /// Somebody was told of that.
    ComplianceTold(ComplianceTold),
    /// The policies judged a plan.
    PolicyDecided(PolicyDecision),
    /// The command ended.
    RunFinished(RunFinished),
    /// The lock was taken away from a run that had not given it back.
    LockTakenAway(LockTakenAway),
    /// The log was brought back from a backup.
    Restored(Restored),
    /// The stack got a new data key.
    KeysRotated(KeysRotated),
    /// Events were forwarded.
    AuditForwarded(AuditForwarded),
    /// Entries were archived.
    LogArchived(LogArchived),
    /// A statement about a run was signed.
    RunAttested(RunAttested),
}

/// A command that changes state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunStarted {
    /// The run.
    pub run: String,
    /// The command: `run`, `apply`, `destroy`, `refresh`, `import`, `state move`.
    pub command: String,
    /// Who: user and host.
    pub actor: String,
    /// Konductor's version.
    pub konductor: String,
    /// The plugins, each with what it was granted.
    pub plugins: Vec<PluginUsed>,
    /// The simulated cloud answered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub simulated: bool,
    /// What was said of the run: owner, commit, and so on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Makes a new object.
    Create,
    /// Makes a new object; the one that is recorded becomes deposed.
    CreateReplacement,
    /// Changes an object.
    Update,
    /// Deletes an object and its record.
    Delete,
    /// Deletes an object that a new one will follow; the record stays without object.
    DeleteReplaced,
    /// Deletes a deposed object.
    DeleteDeposed,
    /// Takes over an existing object.
    Import,
}

/// An operation is about to be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Begin {
    /// The operation; unique in the log.
    pub operation: String,
    /// The run.
    pub run: String,
    /// On what.
    pub urn: Urn,
    /// What.
    pub action: Action,
    /// Given to the provider; the same when the operation is taken up again.
    pub idempotency_token: String,
    /// What the record will be when it succeeds, without the new object: inputs, options, dependencies.
    pub record: Box<ResourceRecord>,
    /// The planned attributes, for create and update.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub planned: Value,
    /// The provider's private bytes from the plan, base64.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub private: String,
    /// The version of the schema that `planned` follows, for create and update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_version: Option<u32>,
    /// The key of the deposed object, for `DeleteDeposed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposed: Option<String>,
}

/// A long operation goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OperationProgress {
    /// The operation.
    pub operation: String,
    /// Given back to the provider's `poll`, base64.
    pub handle: String,
    /// The identifier, as soon as there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// An operation was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// The operation.
    pub operation: String,
    /// On what.
    pub urn: Urn,
    /// The record as it is now; none when the resource is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Box<ResourceRecord>>,
    /// Why it failed; none when it succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// How long it took.
    #[serde(default)]
    pub milliseconds: u64,
}

impl Entry {
    /// Reads an entry as it is stored, with every secret as the text `(secret)`. For tools that have bytes and no log;
    /// nothing is known of the chain.
    ///
    /// # Errors
    /// When the bytes are not the JSON of an entry.
    pub fn from_stored(bytes: &[u8]) -> Result<Self, StateError> {
        crate::sealing::read_masked(bytes)
    }
}

impl End {
    /// Returns the object that exists now.
    pub fn object(&self) -> Option<&ObjectState> {
        self.record.as_ref().and_then(|record| record.object.as_ref())
    }
}

/// A request left the machine, or was refused. Never a credential, never a body.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloudCall {
    /// The plugin.
    pub plugin: String,
    /// What it was made for.
    pub resource: String,
    /// The endpoint identifier.
    pub endpoint: String,
    /// The cloud's name of the service; empty when it was refused before that was known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub service: String,
    /// The region it was signed for.
    pub region: String,
    /// The method.
    pub method: String,
    /// The host it went to.
    pub host: String,
    /// The path, without the query.
    pub path: String,
    /// The API operation, where it can be told (`DescribeVpcs`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The status; none when there was no answer.
    pub status: Option<u16>,
    /// The cloud's request identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// How often it was sent.
    pub attempts: u32,
    /// How long all attempts took.
    pub milliseconds: u64,
    /// Why it was refused or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The account whose credentials signed it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The module whose credentials signed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<String>,
    /// How many sealed secrets the broker put into it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub secrets: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A secret that a plugin saw as it is, because it was granted that. Never the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevealedSecret {
    /// The plugin, by its name in the project.
    pub plugin: String,
    /// The resource, by its name.
    pub resource: String,
    /// The attribute, as the grant names it: `aws:ec2:Instance.user_data`.
    pub attribute: String,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFinished {
    /// The run.
    pub run: String,
    /// `succeeded`, `failed`, `cancelled`.
    pub result: String,
    /// How many operations succeeded, by action.
    pub operations: BTreeMap<String, usize>,
}

/// A signed statement about a run and the log up to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunAttested {
    /// The run.
    pub run: String,
    /// The envelope (DSSE) with the statement (in-toto), as one line of JSON.
    pub envelope: String,
}

/// The lock was taken away. Where the log is in a backend, this entry also keeps the former owner from appending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockTakenAway {
    /// The number of the lease that holds no more, and none before it; 0 where the log is a file.
    #[serde(default)]
    pub lease: u64,
    /// Who held it, where that can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<LockOwner>,
    /// Who took it away.
    pub by: LockOwner,
    /// Why.
    pub because: TakenBecause,
}

/// The log was brought back from a backup. The entries before this one are those of the backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// The place of the backup.
    pub from: String,
    /// The last entry of the backup.
    pub serial: u64,
    /// Its hash.
    pub head: String,
    /// What was given up for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up: Option<GivenUp>,
}

/// A log that was put aside for one from a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenUp {
    /// Its first entry that the backup had not; none where it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<u64>,
    /// Its last entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<u64>,
    /// The file that it is in.
    pub kept: String,
}

/// Why a lock was taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TakenBecause {
    /// Somebody said so, with `konductor state unlock`.
    Unlocked,
    /// It was not renewed in time.
    Expired,
    /// Its process had ended.
    Ended,
}

impl std::fmt::Display for TakenBecause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unlocked => "with `konductor state unlock`",
            Self::Expired => "because it was not renewed in time",
            Self::Ended => "because its process had ended",
        })
    }
}
