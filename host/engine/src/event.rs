//! What happens during a run, for the live view and for `--json`.
//!
//! No event carries a value of a resource: values may be secret, and the plan shows them with their marks.

use konductor_model::{Failure, Urn};
use konductor_state::entry::Action;
use serde::{Deserialize, Serialize};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// Reading of the recorded objects began.
    RefreshStarted {
        /// How many objects will be read.
        objects: usize,
    },
    /// Some more objects were read.
    RefreshProgress {
        /// How many were read so far.
        read: usize,
        /// How many will be read.
        objects: usize,
    },
    /// An object is not as it was recorded.
    DriftFound {
        /// Which.
        urn: Urn,
        /// It was deleted by somebody else.
        gone: bool,
        /// The attributes that differ.
        attributes: Vec<String>,
    },
    /// Planning began.
    PlanStarted {
        /// How many resources and components are declared.
        declared: usize,
    },
    /// Planning ended.
    PlanFinished {
        /// How many steps of each kind there are.
        summary: PlanSummary,
    },
    /// An operation that an earlier run left open is taken up.
    RecoveryStarted {
        /// On what.
        urn: Urn,
        /// What it was.
        action: Action,
    },
    /// An operation that an earlier run left open is settled.
    RecoveryFinished {
        /// On what.
        urn: Urn,
        /// What it was.
        action: Action,
        /// What was found, for a person.
        result: String,
    },
    /// Applying began.
    ApplyStarted {
        /// How many operations there are to do.
        operations: usize,
    },
    /// An operation began.
    OperationStarted {
        /// On what.
        urn: Urn,
        /// What.
        action: Action,
    },
    /// A long operation goes on.
    OperationProgress {
        /// On what.
        urn: Urn,
        /// What.
        action: Action,
        /// What the provider says.
        message: String,
    },
    /// An operation failed for now and will be tried again.
    OperationRetried {
        /// On what.
        urn: Urn,
        /// What.
        action: Action,
        /// Which attempt failed, from 1.
        attempt: u32,
        /// How long it waits.
        milliseconds: u64,
        /// Why.
        failure: Failure,
    },
    /// An operation was done and its end is durable.
    OperationFinished {
        /// On what.
        urn: Urn,
        /// What.
        action: Action,
        /// The identifier of the object there is now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// How long it took.
        milliseconds: u64,
    },
    /// An operation failed.
    OperationFailed {
        /// On what.
        urn: Urn,
        /// What.
        action: Action,
        /// Why.
        failure: Failure,
        /// How long it took.
        milliseconds: u64,
    },
    /// An operation was not begun.
    OperationSkipped {
        /// On what.
        urn: Urn,
        /// Why, for a person.
        reason: String,
    },
    /// Applying ended.
    ApplyFinished {
        /// What was done.
        summary: ApplySummary,
    },
}

/// How many steps of each kind a plan has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlanSummary {
    /// Objects to create.
    pub create: usize,
    /// Objects to change in place.
    pub update: usize,
    /// Objects to replace.
    pub replace: usize,
    /// Objects to delete, superseded ones included.
    pub delete: usize,
    /// Objects to take over.
    pub import: usize,
    /// Records to forget.
    pub forget: usize,
    /// Records that get another name.
    pub moved: usize,
    /// Resources without change.
    pub unchanged: usize,
    /// Outputs that change.
    pub outputs: usize,
}

impl PlanSummary {
    /// Tells whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        Self {
            unchanged: 0,
            ..*self
        } == Self::default()
    }
}

/// What an apply did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ApplySummary {
    /// Objects created.
    pub created: usize,
    /// Objects changed in place.
    pub updated: usize,
    /// Objects created in place of another.
    pub replaced: usize,
    /// Objects deleted.
    pub deleted: usize,
    /// Objects taken over.
    pub imported: usize,
    /// Operations that failed.
    pub failed: usize,
    /// Operations that were not begun.
    pub skipped: usize,
    /// Operations whose outcome is not known; the next run settles them.
    pub open: usize,
}

/// Is told what happens. Called from many tasks; it must not block.
pub trait Observer: Send + Sync {
    /// Takes an event.
    fn event(&self, event: Event);
}

/// Takes events and does nothing with them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _: Event) {}
}

impl Observer for tokio::sync::mpsc::UnboundedSender<Event> {
    /// Sends the event; when nobody listens any more it is dropped.
    fn event(&self, event: Event) {
        let _ = self.send(event);
    }
}
