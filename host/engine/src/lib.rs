//! Graph, plan, apply, refresh, import and the simulated cloud.
//!
//! The engine sees plugins through [`konductor_model`]'s traits and the log through
//! [`konductor_state::Journal`]. It sends nothing and prints nothing, and the one file it
//! opens is the simulated cloud's.

pub mod adoption;
pub mod apply;
mod bind;
pub mod default_tags;
pub mod desired;
pub mod difference;
pub mod drift;
pub mod engine;
pub mod error;
pub mod event;
pub mod expand;
pub mod free_names;
pub mod graph;
mod honesty;
mod identifiers;
mod import;
mod instance;
pub mod metadata;
mod node;
mod packed;
pub mod plan;
mod records;
mod recover;
mod refactor;
mod reference;
mod refresh;
mod schema_version;
mod shares;
pub mod simulate;
pub mod stop;
mod subject;
pub mod unmanaged;
mod walk;

pub use apply::{ApplyReport, FailedOperation, RetryPolicy};
pub use desired::{Desired, ModuleDeclaration, Name, Output, PluginSet, Providers};
pub use difference::{Became, Difference, ResourceDifference};
pub use drift::{DriftOptions, DriftReport};
pub use engine::{Engine, Settings};
pub use error::EngineError;
pub use event::{ApplySummary, Event, Observer, PlanSummary, Silent};
pub use free_names::FreeNames;
pub use plan::{Plan, PlanOptions, Step, StepAction, Steps};
pub use refresh::{ReadTimes, Reading};
pub use stop::{Stop, StopHandle, StopSignal};
