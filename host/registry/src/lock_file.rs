//! `konductor.lock`: for every plugin of a project the exact release, who signed it, and what it was granted; for every
//! package of policies from elsewhere what it is and who signed it.
//!
//! The file is written in one form only, with a checksum over its content. A damaged file, one that a merge put
//! together and one that was edited by hand are all refused: `konductor plugin lock` writes it anew. The checksum
//! is no protection against somebody who may write the file and means harm, since they can compute it, too; review
//! of changes to the file, signatures and the site's policy are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use konductor_model::PluginGrant;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::fetched::FetchedPlugin;
use crate::name::{NameError, check_name};
use crate::policy_bundle::AdmittedBundle;
use crate::registry::LockedRelease;

mod difference;

pub use difference::{LockDifference, LockedField};

/// The name of the file, beside `konductor.yaml`.
pub const LOCK_FILE: &str = "konductor.lock";
/// The version of the form.
const VERSION: u32 = 1;
/// How large the file may be.
const LIMIT: u64 = 8 * 1024 * 1024;
/// What stands at its top.
const HEADER: &str = "# Written by `konductor plugin lock`. Keep it in version control; do not edit it: a checksum guards it.\n";

/// The plugins of a project, as they were locked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LockFile {
    /// The plugins, by their names under `plugins` in `konductor.yaml`.
    pub plugins: BTreeMap<String, LockedPlugin>,
    /// The packages of policies from registries and files, by their names in `konductor.yaml`.
    pub packages: BTreeMap<String, LockedPackage>,
}

/// One locked package of policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPackage {
    /// The source, as written in `konductor.yaml`.
    pub source: String,
    /// The sha256 of what a signature is about: the archive, or the manifest that lists the files.
    pub digest: Digest,
    /// The digest of the OCI manifest, where it came from a registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest_digest: Option<Digest>,
    /// Who signed it, as the verification put it; none when nobody was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
}

/// One locked plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPlugin {
    /// The plugin's own name, where it is not the one it is listed under: two versions of one plugin can be
    /// listed as `aws` and `aws_old`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// The exact version.
    pub version: semver::Version,
    /// The source, as written in `konductor.yaml`.
    pub source: String,
    /// The sha256 of the bytes, which is the same on every platform.
    pub digest: Digest,
    /// The digest of the OCI manifest, where it came from a registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest_digest: Option<Digest>,
    /// The version of the interface it was built against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<semver::Version>,
    /// Who signed it, as the verification put it; none when nobody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// What was approved for it; none when nothing was yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
}

/// What a person approved for a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The digest of the bytes it was given for. It stays when others are locked, so that a person is shown what they
    /// want beyond it; until somebody approves those, it allows them nothing.
    pub digest: Digest,
    /// The digest of the manifest's text that was shown.
    pub manifest: Digest,
    /// What was granted.
    pub grant: PluginGrant,
}

/// The file as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    checksum: Digest,
    #[serde(default)]
    plugins: BTreeMap<String, LockedPlugin>,
    #[serde(default)]
    packages: BTreeMap<String, LockedPackage>,
}

/// Only what tells the form of the file.
#[derive(Deserialize)]
struct Head {
    version: u32,
}

#[derive(Serialize)]
struct Body<'a> {
    plugins: &'a BTreeMap<String, LockedPlugin>,
    // A project without packages has the file it always had.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    packages: &'a BTreeMap<String, LockedPackage>,
}

/// Says why a lock file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is too large.
    #[error("{} is larger than {LIMIT} bytes, which no lock file is: restore it from version control, or remove it and run `konductor plugin lock`", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// It is not written as a lock file is.
    #[error(
        "{}:{line}:{column}: {reason}: restore it from version control, or remove it and run `konductor plugin lock`",
        path.display()
    )]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The character in the line, from 1.
        column: usize,
        /// What is wrong.
        reason: String,
    },
    /// It is of a later form.
    #[error(
        "{} has version {found} of the lock file, and this konductor knows version {VERSION}: use a newer konductor",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// The version.
        found: u32,
    },
    /// It was changed after it was written.
    #[error(
        "{}:{line}: the lock file was changed after it was written (its checksum is {found}, and {expected} stands in it): restore it from version control, or remove it and run `konductor plugin lock`",
        path.display()
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// The first line that is not as it would be written, where that is known; else 1.
        line: usize,
        /// The checksum in the file.
        expected: Digest,
        /// The checksum of what is there.
        found: Digest,
    },
    /// A name in it is not one.
    #[error(
        "{}: restore it from version control, or remove it and run `konductor plugin lock`",
        path.display()
    )]
    Name {
        /// The file.
        path: PathBuf,
        /// Why.
        source: NameError,
    },
    /// It cannot be put into text.
    #[error("the lock file cannot be put into TOML")]
    Encode(#[from] toml::ser::Error),
    /// It cannot be written.
    #[error("cannot write {}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl LockFile {
    /// Reads a lock file; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read, is not well formed, or was changed after it was written.
    pub fn read(path: &Path) -> Result<Option<Self>, LockError> {
        use std::io::Read as _;
        let unreadable = |source| LockError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let file = match std::fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error)),
        };
        let mut bytes = Vec::new();
        file.take(LIMIT + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        Self::parse(&bytes, path).map(Some)
    }

    /// Reads the content of a lock file. `path` is for messages.
    ///
    /// # Errors
    /// When it is not well formed, or was changed after it was written.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, LockError> {
        if bytes.len() as u64 > LIMIT {
            return Err(LockError::TooLarge {
                path: path.to_owned(),
            });
        }
        let at = |offset: usize, reason: String| {
            let before = String::from_utf8_lossy(bytes.get(..offset).unwrap_or(bytes)).into_owned();
            LockError::Syntax {
                path: path.to_owned(),
                line: before.matches('\n').count() + 1,
                column: before.rsplit('\n').next().unwrap_or("").chars().count() + 1,
                reason,
            }
        };
        let text = std::str::from_utf8(bytes)
            .map_err(|error| at(error.valid_up_to(), "this is not UTF-8".to_owned()))?;
        let syntax = |error: toml::de::Error| {
            let reason = error.message().lines().collect::<Vec<_>>().join(", ");
            at(error.span().map_or(0, |span| span.start), reason)
        };
        let head: Head = toml::from_str(text).map_err(syntax)?;
        if head.version != VERSION {
            return Err(LockError::Version {
                path: path.to_owned(),
                found: head.version,
            });
        }
        let document: Document = toml::from_str(text).map_err(syntax)?;
        let lock = Self {
            plugins: document.plugins,
            packages: document.packages,
        };
        for (name, plugin) in &lock.plugins {
            for name in [Some(name), plugin.plugin.as_ref()].into_iter().flatten() {
                check_name(name).map_err(|source| LockError::Name {
                    path: path.to_owned(),
                    source,
                })?;
            }
        }
        // Version control may write line ends its own way.
        let text = text.replace("\r\n", "\n");
        let written = lock.to_text()?;
        if text != written {
            let line = text
                .lines()
                .zip(written.lines())
                .position(|(found, expected)| found != expected && !expected.starts_with("checksum"));
            return Err(LockError::Changed {
                path: path.to_owned(),
                line: line.unwrap_or(0) + 1,
                expected: document.checksum,
                found: Digest::of(lock.body()?.as_bytes()),
            });
        }
        Ok(lock)
    }

    /// Returns the content as it is written.
    ///
    /// # Errors
    /// When it cannot be put into TOML, which no value that was read or locked brings about.
    pub fn to_text(&self) -> Result<String, LockError> {
        let body = self.body()?;
        let checksum = Digest::of(body.as_bytes());
        Ok(format!(
            "{HEADER}version = {VERSION}\nchecksum = \"{checksum}\"\n\n{body}"
        ))
    }

    fn body(&self) -> Result<String, LockError> {
        Ok(toml::to_string(&Body {
            plugins: &self.plugins,
            packages: &self.packages,
        })?)
    }

    /// Writes the file: whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), LockError> {
        let text = self.to_text()?;
        let unwritable = |source| LockError::Unwritable {
            path: path.to_owned(),
            source,
        };
        crate::atomic_file::write(path, text.as_bytes()).map_err(unwritable)
    }

    /// Returns everything in which a plugin differs from what is locked under `name`.
    pub fn compare(&self, name: &str, found: &FetchedPlugin) -> Vec<LockDifference> {
        match self.plugins.get(name) {
            Some(locked) => locked.compare(name, found),
            None => vec![LockDifference::not_locked(name, found)],
        }
    }
}

impl LockedPackage {
    /// Locks a package that was admitted.
    pub fn new(admitted: &AdmittedBundle) -> Self {
        let fetched = admitted.fetched();
        Self {
            source: fetched.source().to_string(),
            digest: fetched.digest(),
            manifest_digest: fetched.manifest_digest(),
            signer: admitted.signer().map(str::to_owned),
        }
    }
}

impl LockedPlugin {
    /// Locks a plugin that is here. `version` is the one in its manifest, or the one `describe` told.
    pub fn new(
        listed_as: &str,
        found: &FetchedPlugin,
        version: semver::Version,
        signer: Option<String>,
    ) -> Self {
        Self {
            plugin: (found.name != listed_as).then(|| found.name.clone()),
            version,
            source: found.source.to_string(),
            digest: found.digest,
            manifest_digest: found.manifest_digest,
            interface: found.interface_version.clone(),
            signer,
            approval: None,
        }
    }

    /// Returns the plugin's own name.
    pub fn own_name<'a>(&'a self, listed_as: &'a str) -> &'a str {
        self.plugin.as_deref().unwrap_or(listed_as)
    }

    /// Returns the exact release, to fetch it.
    pub fn release(&self) -> LockedRelease {
        LockedRelease {
            version: self.version.clone(),
            digest: self.digest,
            manifest_digest: self.manifest_digest,
        }
    }
}

#[cfg(test)]
mod tests;
