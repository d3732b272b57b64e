//! What can be typed below `konductor plugin`.

use clap::Subcommand;

/// Commands below `plugin`.
#[derive(Debug, Subcommand)]
pub enum PluginCommand {
    /// List the plugins that can be loaded.
    List,
    /// Show what a plugin is, offers and wants.
    Inspect {
        /// The name, or the path of a `.wasm` file.
        plugin: String,
    },
}
