//! Policies over plans.
//!
//! A site keeps [packages](package) of policies in folders. Each plan becomes a [document](plan_document) that they are
//! shown, an [evaluator](evaluation::PolicyEvaluator) applies them to it, and a [decision] says what follows.
//! Nothing here knows how Rego is evaluated, nor the sandbox in which it is.

pub mod decision;
pub mod evaluation;
pub mod package;
pub mod plan_document;
mod shown_value;

pub use decision::{Judgement, OverrideError, Overrides, decide};
pub use evaluation::PolicyEvaluator;
pub use package::{LoadedPackage, PackageError};
pub use plan_document::{PlanDocument, PlannedResource, ResourceAction};
