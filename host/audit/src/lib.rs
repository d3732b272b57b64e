//! The log of a stack as evidence: what happened, who did it and what came of it, as records that can be filtered and
//! exported, and their delivery to receivers of a site. Nothing here prints, and no record holds a value of a resource, so none holds a secret.

pub mod archives;
pub mod attestation;
pub mod cef;
mod description;
pub mod ecs;
mod filter;
pub mod forward;
mod kind;
mod reader;
mod record;

pub use description::{describe, differences};
pub use filter::{Filter, NamePattern};
pub use kind::{KINDS, kind};
pub use reader::AuditReader;
pub use record::{AuditRecord, CloudCallMade, FindingMade, Outcome, Subject};
