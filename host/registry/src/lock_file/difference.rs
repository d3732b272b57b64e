//! In what a plugin differs from the lock file.

use std::fmt;

use super::LockedPlugin;
use crate::fetched::FetchedPlugin;
use crate::source::PluginSource;

/// One difference between what is locked and what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockDifference {
    /// The name the plugin is listed under.
    pub plugin: String,
    /// What differs.
    pub field: LockedField,
    /// What is locked; empty when the plugin is not in the file.
    pub locked: String,
    /// What was found.
    pub found: String,
    /// Where it was found.
    pub place: String,
}

/// What of a plugin is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockedField {
    /// The plugin as a whole: it is not in the lock file.
    Entry,
    /// Its own name.
    Name,
    /// Its version.
    Version,
    /// Its source.
    Source,
    /// The digest of its bytes.
    Digest,
    /// The digest of its OCI manifest.
    ManifestDigest,
    /// The version of its interface.
    Interface,
    /// Who signed it.
    Signer,
}

impl fmt::Display for LockedField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Entry => "entry",
            Self::Name => "name",
            Self::Version => "version",
            Self::Source => "source",
            Self::Digest => "digest",
            Self::ManifestDigest => "OCI manifest digest",
            Self::Interface => "interface version",
            Self::Signer => "signer",
        })
    }
}

impl fmt::Display for LockDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field {
            LockedField::Entry => write!(
                f,
                "plugin `{}` is not in the lock file; found {} in {}",
                self.plugin, self.found, self.place
            ),
            field => write!(
                f,
                "plugin `{}`: the {field} {} is locked, but {} has {}",
                self.plugin, self.locked, self.place, self.found
            ),
        }
    }
}

impl LockDifference {
    /// Says that a plugin is not in the lock file.
    pub(crate) fn not_locked(name: &str, found: &FetchedPlugin) -> Self {
        Self {
            plugin: name.to_owned(),
            field: LockedField::Entry,
            locked: String::new(),
            found: found.digest.to_string(),
            place: found.place.clone(),
        }
    }
}

impl LockedPlugin {
    /// Returns everything in which a plugin differs from this entry, which is listed as `name`.
    ///
    /// A version or interface that the bytes do not tell is not compared: their digest is. Nor is the source of what
    /// comes from a mirror, so that a site without a network keeps the lock file of those who developed the project.
    pub fn compare(&self, name: &str, found: &FetchedPlugin) -> Vec<LockDifference> {
        let both = |locked: &Option<_>, found: &Option<_>| Some((locked.clone()?, found.clone()?));
        let manifests = self.manifest_digest.zip(found.manifest_digest);
        let interfaces = both(&self.interface, &found.interface_version);
        let version = found.version.as_ref().unwrap_or(&self.version);
        let text = |value: &dyn ToString| value.to_string();
        let pairs = [
            (
                LockedField::Name,
                Some((self.own_name(name).to_owned(), found.name.clone())),
            ),
            (LockedField::Version, Some((text(&self.version), text(version)))),
            (
                LockedField::Source,
                // A mirror carries what was locked elsewhere; digest and version say that it is the same.
                (!matches!(found.source, PluginSource::Mirror(_)))
                    .then(|| (self.source.clone(), text(&found.source))),
            ),
            (
                LockedField::Digest,
                Some((text(&self.digest), text(&found.digest))),
            ),
            (
                LockedField::ManifestDigest,
                manifests.map(|(a, b)| (text(&a), text(&b))),
            ),
            (
                LockedField::Interface,
                interfaces.map(|(a, b)| (text(&a), text(&b))),
            ),
        ];
        pairs
            .into_iter()
            .filter_map(|(field, pair)| {
                let (locked, found_text) = pair?;
                (locked != found_text).then(|| LockDifference {
                    plugin: name.to_owned(),
                    field,
                    locked,
                    found: found_text,
                    place: found.place.clone(),
                })
            })
            .collect()
    }

    /// Returns the difference in who signed the plugin, if there is one.
    pub fn compare_signer(
        &self,
        name: &str,
        found: &FetchedPlugin,
        signer: Option<&str>,
    ) -> Option<LockDifference> {
        let shown = |signer: Option<&str>| signer.unwrap_or("nobody").to_owned();
        (self.signer.as_deref() != signer).then(|| LockDifference {
            plugin: name.to_owned(),
            field: LockedField::Signer,
            locked: shown(self.signer.as_deref()),
            found: shown(signer),
            place: found.place.clone(),
        })
    }
}
