//! What can go wrong when a plugin is looked for.

use std::path::PathBuf;

use crate::component::ComponentError;
use crate::digest::Digest;
use crate::download_cache::CacheError;
use crate::mirror::MirrorError;
use crate::name::NameError;
use crate::oci::client::OciError;
use crate::oci::reference::ReferenceError;

/// Says why a plugin could not be had.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// A source is written in a form that is not known.
    #[error(
        "the source `{text}` of plugin `{plugin}` is not known: expected `bundled`, the path of a file or folder, `mirror:PATH` or `oci://HOST/PATH`"
    )]
    UnknownSource {
        /// The plugin.
        plugin: String,
        /// The source as written.
        text: String,
    },
    /// A source in a registry is not well formed.
    #[error("the source of plugin `{plugin}` is not one")]
    Reference {
        /// The plugin.
        plugin: String,
        /// Why.
        source: ReferenceError,
    },
    /// A name is not one.
    #[error(transparent)]
    Name(#[from] NameError),
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
    /// The bytes are not those of a plugin.
    #[error("plugin `{plugin}`: {place} cannot be used")]
    Component {
        /// The plugin.
        plugin: String,
        /// Where the bytes are.
        place: String,
        /// Why.
        source: ComponentError,
    },
    /// A plugin that travels has no manifest in it.
    #[error("plugin `{plugin}`: {place} does not carry its manifest, so its name and version are not known")]
    NoManifest {
        /// The plugin.
        plugin: String,
        /// Where the bytes are.
        place: String,
    },
    /// The bytes are those of another plugin.
    #[error("plugin `{plugin}`: {place} holds the plugin `{found}`")]
    WrongName {
        /// The plugin.
        plugin: String,
        /// Where the bytes are.
        place: String,
        /// The name in the bytes.
        found: String,
    },
    /// The plugin's version is not one that was asked for.
    #[error("plugin `{plugin}` in {place} has version {found}, but `{wanted}` is required")]
    WrongVersion {
        /// The plugin.
        plugin: String,
        /// Where the bytes are.
        place: String,
        /// The version it says it has.
        found: semver::Version,
        /// The versions asked for.
        wanted: semver::VersionReq,
    },
    /// The plugin says it has another version than the place it was found under.
    #[error("plugin `{plugin}`: {place} stands for version {expected}, but the plugin in it says {found}")]
    MislabelledVersion {
        /// The plugin.
        plugin: String,
        /// Where the bytes are.
        place: String,
        /// The version of the tag or folder.
        expected: String,
        /// The version in the bytes.
        found: String,
    },
    /// A source has no version that will do.
    #[error(
        "plugin `{plugin}`: {source_text} has no version that `{wanted}` allows; it has {}",
        versions(offered)
    )]
    NoVersion {
        /// The plugin.
        plugin: String,
        /// The source as written.
        source_text: String,
        /// The versions asked for.
        wanted: semver::VersionReq,
        /// The versions there are, lowest first.
        offered: Vec<semver::Version>,
    },
    /// A mirror cannot be used.
    #[error("plugin `{plugin}`")]
    Mirror {
        /// The plugin.
        plugin: String,
        /// Why.
        source: Box<MirrorError>,
    },
    /// A registry cannot be used.
    #[error("plugin `{plugin}`")]
    Oci {
        /// The plugin.
        plugin: String,
        /// Why.
        source: Box<OciError>,
    },
    /// A registry has no manifest for what was asked.
    #[error("plugin `{plugin}`: {place} is not there")]
    NoRelease {
        /// The plugin.
        plugin: String,
        /// The address.
        place: String,
    },
    /// The cache of downloads cannot be written.
    #[error("plugin `{plugin}`")]
    Cache {
        /// The plugin.
        plugin: String,
        /// Why.
        source: CacheError,
    },
    /// The bytes are not the ones that are locked.
    #[error("plugin `{plugin}`: {place} has the digest {found}, but {expected} is locked")]
    WrongDigest {
        /// The plugin.
        plugin: String,
        /// Where the bytes are.
        place: String,
        /// The digest that is expected.
        expected: Digest,
        /// The digest of the bytes.
        found: Digest,
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

fn versions(versions: &[semver::Version]) -> String {
    /// How many versions an error names.
    const SHOWN: usize = 8;
    if versions.is_empty() {
        return "none at all".to_owned();
    }
    let shown: Vec<String> = versions
        .iter()
        .rev()
        .take(SHOWN)
        .map(ToString::to_string)
        .collect();
    let more = versions.len().saturating_sub(SHOWN);
    let rest = if more > 0 {
        format!(" and {more} older ones")
    } else {
        String::new()
    };
    format!("{}{rest}", shown.join(", "))
}
