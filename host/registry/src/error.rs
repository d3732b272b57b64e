//! What can go wrong when a plugin is looked for.

use std::path::PathBuf;

/// Says why a plugin could not be had.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// A source is written in a form that is not known.
    #[error(
        "the source `{text}` of plugin `{plugin}` is not known: expected `bundled` or the path of a file or folder"
    )]
    UnknownSource {
        /// The plugin.
        plugin: String,
        /// The source as written.
        text: String,
    },
    /// No file was found.
    #[error("plugin `{plugin}` was not found; looked for {}", list(tried))]
    NotFound {
        /// The plugin.
        plugin: String,
        /// Every place that was looked at.
        tried: Vec<PathBuf>,
    },
    /// A file could not be read.
    #[error("plugin `{plugin}`: cannot read {}", path.display())]
    Unreadable {
        /// The plugin.
        plugin: String,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is larger than a plugin may be.
    #[error("plugin `{plugin}`: {} has {bytes} bytes, more than the limit of {limit}", path.display())]
    TooLarge {
        /// The plugin.
        plugin: String,
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// How large it may be.
        limit: u64,
    },
    /// The plugin's version is not one that was asked for.
    #[error("plugin `{plugin}` in {} has version {found}, but `{wanted}` is required", path.display())]
    WrongVersion {
        /// The plugin.
        plugin: String,
        /// The file.
        path: PathBuf,
        /// The version it says it has.
        found: semver::Version,
        /// The versions asked for.
        wanted: semver::VersionReq,
    },
}

fn list(paths: &[PathBuf]) -> String {
    if paths.is_empty() {
        return "it in no folder (none is configured)".to_owned();
    }
    paths
        .iter()
        .map(|path| path.display().to_string())
        .collect::<Vec<_>>()
        .join(", ")
}
