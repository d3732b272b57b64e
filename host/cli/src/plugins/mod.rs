//! The plugins of a run: found, admitted, loaded into the sandbox, granted what they may do, and given their
//! configuration and their way out.

mod approval;
mod aws_settings;
mod azure_settings;
mod configuration;
mod google_settings;
mod grant_decision;
mod grant_use;
mod granted_module;
mod loader;
mod places;
mod policies;
mod run_plugins;

pub use approval::{Granted, approval, ask, grants, locked, question};
pub use configuration::{Configured, PluginConfiguration};
pub use grant_decision::{GrantDecision, decide, written_out};
pub use grant_use::GrantUse;
pub use loader::{LoadedPlugin, PluginLoader, is_offline, registry, requirement};
pub use policies::of_project as site_policies;
pub use run_plugins::{RunPlugins, WayOut, used};
