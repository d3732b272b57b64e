//! What the author of a plugin can type below `konductor plugin`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::ExecutionArguments;

/// The languages that plugins can be started in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// Rust, with cargo.
    Rust,
    /// Python 3.11 or newer, with componentize-py.
    Python,
    /// TypeScript or JavaScript, with Node.js 22.18 or newer.
    #[value(alias = "typescript")]
    Javascript,
}

/// What a plugin can be started as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Template {
    /// A provider with a resource type.
    Provider,
    /// Checks of plans, states and drift, which a package of policies names.
    Checks,
}

/// Arguments of `plugin new`.
#[derive(Debug, Args)]
pub struct NewArguments {
    /// The name, which is the first part of its types' names: small letters, digits and `-`.
    pub name: String,
    /// The language.
    #[arg(short, long, value_enum, default_value_t = Language::Rust)]
    pub language: Language,
    /// What it starts as.
    #[arg(long, value_enum, default_value_t = Template::Provider)]
    pub template: Template,
    /// The folder; without it one of the plugin's name.
    #[arg(long, value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
    /// Take the SDK from this checkout of Konductor; without it from the release of this version. JavaScript needs it:
    /// its SDK is not published.
    #[arg(long, value_name = "FOLDER", env = "KONDUCTOR_SDK")]
    pub sdk: Option<PathBuf>,
}

/// Arguments of `plugin dev`.
#[derive(Debug, Args)]
pub struct DevArguments {
    /// How the example is planned.
    #[command(flatten)]
    pub execution: ExecutionArguments,
}
