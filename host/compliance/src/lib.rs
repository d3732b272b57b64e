//! Policies over plans, and controls over resources.
//!
//! A site keeps [packages](package) of policies in folders, or names [plugins](plugin_checks) whose checks they are. Each
//! plan becomes a [document](plan_document) that they are shown, an [evaluator](evaluation::PolicyEvaluator) applies
//! them to it, and a [decision] says what follows. Nothing here knows how Rego is evaluated, nor the sandbox in which it
//! is.
//!
//! The same document is shown to the checks of the compliance plugin. What they say is [assessed](assessment) by the
//! [controls] of the frameworks that a site names, joins the decision about a plan, and is written as a [report].

pub mod assessment;
pub mod control_tags;
pub mod controls;
pub mod decision;
pub mod evaluation;
pub mod oscal_catalogue;
pub mod package;
pub mod plan_document;
pub mod plugin_checks;
pub mod report;
mod shown_value;
pub mod site_framework;
pub mod standing;
pub mod tightening;

pub use assessment::{Assessment, assess};
pub use controls::{ControlCatalogue, ControlError, ControlRules};
pub use decision::{Judgement, OverrideError, Overrides, decide};
pub use evaluation::PolicyEvaluator;
pub use package::{LoadedPackage, PackageError};
pub use plan_document::{PlanDocument, PlannedResource, ResourceAction};
pub use plugin_checks::{CheckPlugins, ask_plugins};
pub use report::{Report, ReportFormat, SecurityHubAccount};
pub use site_framework::{SiteFramework, SiteFrameworkError};
pub use standing::{News, Standing};
