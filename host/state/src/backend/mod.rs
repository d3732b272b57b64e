//! Places other than this machine that keep the logs of stacks, for a team to share.
//!
//! A backend stores what is hash-chained and nothing else: *segments*, each the entries of one transaction, and a
//! *lease*, which is the lock of a stack. What readers look at is a replica on this machine (`replica`), which is the
//! same SQLite file that a stack without a backend has. What follows is what a backend has to promise; the tests in
//! `tests/backends` hold every implementation to it.
//!
//! - A segment is stored whole or not at all, and is durable when [`Backend::append`] says [`Appended::Stored`].
//! - Of all that append at the same serial one gets `Stored`, and nobody ever gets it for a serial that is taken.
//! - A segment never changes once it is stored.
//! - A lease has a number that grows with every change of hands. Time is the server's: no client's clock is asked.

pub mod database;
pub mod error;
pub(crate) mod lease;
pub mod network;
pub mod postgresql;
pub(crate) mod remote;
pub(crate) mod renewal;
pub(crate) mod replica;
pub mod s3;
pub(crate) mod segment;
pub(crate) mod verification;
pub(crate) mod writing;

use std::time::Duration;

use async_trait::async_trait;

pub use database::{Database, PostgreSqlSettings, Tables};
pub use error::BackendError;
pub use network::NetworkSettings;
pub use postgresql::PostgreSql;
pub use remote::stacks;
pub use s3::{ObjectRequestError, ObjectRequests, S3, S3Settings};

use crate::schema::StackIdentity;

/// The entries of one transaction, as they are stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Segment {
    /// The serial of the first entry.
    pub first: u64,
    /// The serial of the last entry.
    pub last: u64,
    /// The entries: opaque to a backend.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Segment({}..={}, {} bytes)",
            self.first,
            self.last,
            self.body.len()
        )
    }
}

/// A segment as it is read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSegment {
    /// The serial of the first entry.
    pub first: u64,
    /// The entries: opaque to a backend.
    pub body: Vec<u8>,
}

/// What became of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is stored, and durable.
    Stored,
    /// It is not stored by this call: the log does not end before its first serial. Where an earlier answer was lost
    /// it may be this very segment that stands there.
    HeadMoved,
    /// It is not stored by this call: the lease has changed hands.
    Fenced,
}

/// The lease of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lease {
    /// How often it has changed hands; 0 when nobody ever had it.
    pub number: u64,
    /// Who has it; none when it is free.
    pub holder: Option<Holder>,
}

/// Who has a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Tells holders apart.
    pub token: String,
    /// Who it is: opaque to a backend.
    pub owner: String,
    /// It was not renewed in time, by the server's clock.
    pub expired: bool,
}

/// What a lease is taken with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Tells holders apart; a fresh one for every attempt.
    pub token: String,
    /// Who it is: opaque to a backend.
    pub owner: String,
    /// How long it holds without being renewed.
    pub duration: Duration,
}

/// A place that keeps the logs of many stacks.
///
/// Every method may fail with [`BackendError::Unavailable`] after it has had its effect: the answer was lost. The
/// callers settle that; an implementation does not send a request again by itself.
#[async_trait]
pub trait Backend: Send + Sync + std::fmt::Debug {
    /// Returns the place as it may be shown: never with a credential.
    fn title(&self) -> &str;

    /// Returns the stacks of a project that have a log here, in order.
    async fn stacks(&self, project: &str) -> Result<Vec<String>, BackendError>;

    /// Returns at most so many segments whose first serial is `from` or later, in order, with all that was stored
    /// before the call.
    async fn read(
        &self,
        stack: &StackIdentity,
        from: u64,
        most: usize,
    ) -> Result<Vec<StoredSegment>, BackendError>;

    /// Appends a segment if the log ends just before it and, where a lease is named, if the lease still has that
    /// number as far as this place can tell. A place that cannot tell is fenced by the log: whoever takes a lease away
    /// appends an entry that says so before anything else.
    async fn append(
        &self,
        stack: &StackIdentity,
        segment: &Segment,
        lease: Option<u64>,
    ) -> Result<Appended, BackendError>;

    /// Reads the lease.
    async fn lease(&self, stack: &StackIdentity) -> Result<Lease, BackendError>;

    /// Gives the lease the number after `seen`, to a holder or, with no claim, to nobody. Tells whether it did: not
    /// when the number is another one by now.
    async fn take(
        &self,
        stack: &StackIdentity,
        seen: u64,
        claim: Option<&Claim>,
    ) -> Result<bool, BackendError>;

    /// Lets a lease hold on from now. Tells whether it did: not when it has changed hands.
    async fn renew(&self, stack: &StackIdentity, number: u64, claim: &Claim) -> Result<bool, BackendError>;

    /// Gives a lease back. One that has changed hands stays as it is.
    async fn release(&self, stack: &StackIdentity, number: u64, claim: &Claim) -> Result<(), BackendError>;

    /// Returns where the stack's log was moved to.
    async fn moved(&self, stack: &StackIdentity) -> Result<Option<String>, BackendError>;

    /// Says where the stack's log was moved to, or that it is here.
    async fn set_moved(&self, stack: &StackIdentity, to: Option<&str>) -> Result<(), BackendError>;
}
