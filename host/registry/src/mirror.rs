//! A folder of releases that can be carried to a site without a network.
//!
//! ```text
//! MIRROR/aws/1.2.3/aws.wasm             the plugin
//! MIRROR/aws/1.2.3/aws.sigstore.json    its signature bundle; further ones are aws.sigstore.1.json and so on
//! MIRROR/aws/1.2.3/aws.json             the descriptor: what the files must be
//! ```
//!
//! The files are plain, so `cp`, `rsync` and a memory stick carry them. The descriptor is written last and in one
//! form only, with a checksum, so a half-written or damaged release is refused. It proves nothing about who made the
//! plugin: signatures and the lock file do. A site may put further signature bundles beside it.
//!
//! A folder in OCI image layout, as `skopeo copy` makes it, serves as well: see `layout`.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::fetched::{BUNDLE_COUNT_LIMIT, BUNDLE_LIMIT, FetchedPlugin};
use crate::local::{PLUGIN_LIMIT, bundle_name};
use crate::name::{NameError, check_name};
use crate::oci::artifact::ArtifactError;
use crate::oci::manifest::ManifestError;

mod checksums;
pub mod layout;

/// How large a descriptor may be.
const DESCRIPTOR_LIMIT: u64 = 64 * 1024;
/// How many versions of a plugin are listed.
const VERSION_LIMIT: usize = 10_000;

/// The form in which a mirror is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MirrorForm {
    /// Plain files by name and version.
    #[default]
    Directory,
    /// An OCI image layout.
    OciLayout,
}

/// Says why a mirror cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// It is not there.
    #[error("there is no mirror at {}", path.display())]
    Missing {
        /// The folder.
        path: PathBuf,
    },
    /// Something in it cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Something in it cannot be written.
    #[error("cannot write {}", path.display())]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A link leads out of it.
    #[error("{} leads out of the mirror, to {}: put the file itself there", path.display(), target.display())]
    Outside {
        /// The file.
        path: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// Something is no plain file or folder.
    #[error("{} is not a plain {expected}", path.display())]
    NotPlain {
        /// What it is.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
    },
    /// A file is too large.
    #[error("{} is larger than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit: u64,
    },
    /// A descriptor was changed or damaged.
    #[error("{} is damaged or was changed: {reason}; copy the release from its source again", path.display())]
    Descriptor {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file is not the one that the descriptor or the manifest names.
    #[error(
        "{} has the digest {found}, but {} names {expected}: copy the release from its source again",
        path.display(),
        by.display()
    )]
    WrongDigest {
        /// The file.
        path: PathBuf,
        /// What names the digest.
        by: PathBuf,
        /// The digest that is expected.
        expected: Digest,
        /// The digest of the file.
        found: Digest,
    },
    /// A file of an image layout is not what the layout's checksums say.
    #[error(
        "{} is damaged or was changed: it has the digest {found}, but {} says {expected}; copy the mirror from its source again, or remove {} if another tool was meant to write to this mirror",
        path.display(),
        by.display(),
        by.display()
    )]
    WrongChecksum {
        /// The file.
        path: PathBuf,
        /// The file with the checksums.
        by: PathBuf,
        /// The digest that is expected.
        expected: Digest,
        /// The digest of the file.
        found: Digest,
    },
    /// A manifest in an image layout cannot be used.
    #[error("{} cannot be used; copy the release from its source again", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ManifestError,
    },
    /// There is something else under the same version.
    #[error(
        "{} is in the mirror with the digest {found}, and {added} was to be added: a release never changes; remove the one that is wrong",
        path.display()
    )]
    Conflict {
        /// The release.
        path: PathBuf,
        /// The digest that is there.
        found: Digest,
        /// The digest that was to be added.
        added: Digest,
    },
    /// A name is not one.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A plugin does not say its version.
    #[error("plugin `{plugin}` does not carry its manifest, so it has no version to be kept under")]
    NoVersion {
        /// The plugin.
        plugin: String,
    },
    /// The version is not there.
    #[error("{} has no version {version} of plugin `{plugin}`", path.display())]
    NoRelease {
        /// The mirror.
        path: PathBuf,
        /// The plugin.
        plugin: String,
        /// The version.
        version: semver::Version,
    },
    /// A manifest cannot be made.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
}

/// What a mirror has of one release.
#[derive(Debug)]
pub(crate) struct Release {
    pub(crate) place: PathBuf,
    pub(crate) bytes: Vec<u8>,
    /// The digest of the bytes, which was taken when they were read.
    pub(crate) digest: Digest,
    pub(crate) bundles: Vec<Vec<u8>>,
    pub(crate) manifest_digest: Option<Digest>,
    pub(crate) artifact: Option<crate::oci::artifact::Artifact>,
}

/// The descriptor of a release, `NAME.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Descriptor {
    name: String,
    version: semver::Version,
    digest: Digest,
    size: u64,
    /// Where the release was copied from.
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest_digest: Option<Digest>,
    /// The digests of the signature bundles, in their order.
    bundles: Vec<Digest>,
    /// The digest of this descriptor as it is written without this member.
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum: Option<Digest>,
}

impl Descriptor {
    fn to_text(&self) -> Result<String, ArtifactError> {
        let json = |descriptor: &Self| {
            serde_json::to_string_pretty(descriptor).map_err(|error| ArtifactError {
                reason: error.to_string(),
            })
        };
        let bare = Self {
            checksum: None,
            ..self.clone()
        };
        let checksum = Some(Digest::of(json(&bare)?.as_bytes()));
        Ok(json(&Self { checksum, ..bare })? + "\n")
    }
}

/// Tells whether a folder is an OCI image layout.
pub(crate) fn is_layout(root: &Path) -> bool {
    root.join(layout::LAYOUT_FILE).is_file() || checksums::path(root).is_file()
}

/// Returns the versions of a plugin, lowest first. Folders that are no versions are passed over.
pub(crate) fn versions(root: &Path, plugin: &str) -> Result<Vec<semver::Version>, MirrorError> {
    check_name(plugin)?;
    require_root(root)?;
    if is_layout(root) {
        return layout::versions(root, plugin);
    }
    let folder = root.join(plugin);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(MirrorError::Unreadable { path: folder, source }),
    };
    let mut found: Vec<semver::Version> = entries
        .take(VERSION_LIMIT)
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        // Without a descriptor it is not there yet.
        .filter(|version: &semver::Version| descriptor_path(root, plugin, version).is_file())
        .collect();
    found.sort();
    Ok(found)
}

/// Reads a release, with everything in it checked against its descriptor.
pub(crate) fn read(root: &Path, plugin: &str, version: &semver::Version) -> Result<Release, MirrorError> {
    check_name(plugin)?;
    require_root(root)?;
    if is_layout(root) {
        return layout::read(root, plugin, version);
    }
    let folder = release_folder(root, plugin, version);
    let path = descriptor_path(root, plugin, version);
    let Some(bytes) = read_inside(root, &path, DESCRIPTOR_LIMIT)? else {
        return Err(MirrorError::NoRelease {
            path: root.to_owned(),
            plugin: plugin.to_owned(),
            version: version.clone(),
        });
    };
    let descriptor = read_descriptor(&path, &bytes, plugin, version)?;
    let file = folder.join(format!("{plugin}.wasm"));
    let bytes = read_checked(root, &file, PLUGIN_LIMIT, &descriptor.digest, &path)?;
    let mut bundles = Vec::new();
    for number in 0..BUNDLE_COUNT_LIMIT {
        let file = folder.join(bundle_name(plugin, number));
        match descriptor.bundles.get(number) {
            Some(digest) => bundles.push(read_checked(root, &file, BUNDLE_LIMIT, digest, &path)?),
            // Bundles beyond the listed ones were added by the site; who signed them is looked at like all others.
            None => match read_inside(root, &file, BUNDLE_LIMIT)? {
                Some(bundle) => bundles.push(bundle),
                None => break,
            },
        }
    }
    Ok(Release {
        place: file,
        bytes,
        digest: descriptor.digest,
        bundles,
        manifest_digest: descriptor.manifest_digest,
        artifact: None,
    })
}

/// Adds a plugin, and returns the files that were written: none when all of it was there.
pub(crate) fn write(root: &Path, plugin: &FetchedPlugin) -> Result<Vec<PathBuf>, MirrorError> {
    check_name(&plugin.name)?;
    let version = plugin.version.as_ref().ok_or_else(|| MirrorError::NoVersion {
        plugin: plugin.name.clone(),
    })?;
    let folder = release_folder(root, &plugin.name, version);
    make_folder(root)?;
    make_folder(&root.join(&plugin.name))?;
    make_folder(&folder)?;
    let path = descriptor_path(root, &plugin.name, version);
    let mut bundles = plugin.bundles.clone();
    if let Some(bytes) = read_inside(root, &path, DESCRIPTOR_LIMIT)? {
        let found = read_descriptor(&path, &bytes, &plugin.name, version)?;
        if found.digest != plugin.digest {
            return Err(MirrorError::Conflict {
                path: folder,
                found: found.digest,
                added: plugin.digest,
            });
        }
        // What is there stays where it is, and only what is new goes behind it.
        let there = read(root, &plugin.name, version)?.bundles;
        let new = bundles.into_iter().filter(|bundle| !there.contains(bundle));
        bundles = there.iter().cloned().chain(new).collect();
    }
    bundles.truncate(BUNDLE_COUNT_LIMIT);
    let descriptor = Descriptor {
        name: plugin.name.clone(),
        version: version.clone(),
        digest: plugin.digest,
        size: plugin.bytes.len() as u64,
        source: plugin.source.to_string(),
        manifest_digest: plugin.manifest_digest,
        bundles: bundles.iter().map(|bundle| Digest::of(bundle)).collect(),
        checksum: None,
    };
    let mut written = Vec::new();
    let mut put = |path: PathBuf, bytes: &[u8]| {
        if std::fs::symlink_metadata(&path).is_ok_and(|found| found.is_file())
            && std::fs::read(&path).is_ok_and(|found| found == bytes)
        {
            return Ok(());
        }
        crate::atomic_file::write(&path, bytes).map_err(|source| MirrorError::Unwritable {
            path: path.clone(),
            source,
        })?;
        written.push(path);
        Ok::<_, MirrorError>(())
    };
    put(folder.join(format!("{}.wasm", plugin.name)), &plugin.bytes)?;
    for (number, bundle) in bundles.iter().enumerate() {
        put(folder.join(bundle_name(&plugin.name, number)), bundle)?;
    }
    put(path, descriptor.to_text()?.as_bytes())?;
    Ok(written)
}

fn release_folder(root: &Path, plugin: &str, version: &semver::Version) -> PathBuf {
    root.join(plugin).join(version.to_string())
}

fn descriptor_path(root: &Path, plugin: &str, version: &semver::Version) -> PathBuf {
    release_folder(root, plugin, version).join(format!("{plugin}.json"))
}

fn read_descriptor(
    path: &Path,
    bytes: &[u8],
    plugin: &str,
    version: &semver::Version,
) -> Result<Descriptor, MirrorError> {
    let damaged = |reason: String| MirrorError::Descriptor {
        path: path.to_owned(),
        reason,
    };
    let descriptor: Descriptor = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
    if descriptor.to_text()?.as_bytes() != bytes {
        return Err(damaged("it is not as it was written".to_owned()));
    }
    if descriptor.name != plugin || descriptor.version != *version {
        return Err(damaged(format!(
            "it describes {} {}, and lies under {plugin} {version}",
            descriptor.name, descriptor.version
        )));
    }
    Ok(descriptor)
}

fn require_root(root: &Path) -> Result<(), MirrorError> {
    if root.is_dir() {
        return Ok(());
    }
    Err(MirrorError::Missing {
        path: root.to_owned(),
    })
}

/// Makes a folder unless it is there. A link in its place is refused: files would be written elsewhere.
pub(crate) fn make_folder(path: &Path) -> Result<(), MirrorError> {
    let unwritable = |source| MirrorError::Unwritable {
        path: path.to_owned(),
        source,
    };
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(MirrorError::NotPlain {
            path: path.to_owned(),
            expected: "folder",
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            std::fs::create_dir_all(path).map_err(unwritable)
        }
        Err(error) => Err(unwritable(error)),
    }
}

/// Reads a file of the mirror; `None` when it is not there. Links may lead to other places of the mirror only.
///
/// Whoever can swap a file for a link between the look and the reading can write into the mirror anyway; what is
/// read is checked by its digest all the same.
pub(crate) fn read_inside(root: &Path, path: &Path, limit: u64) -> Result<Option<Vec<u8>>, MirrorError> {
    let unreadable = |source| MirrorError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let target = match path.canonicalize() {
        Ok(target) => target,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    if !target.starts_with(root.canonicalize().map_err(unreadable)?) {
        return Err(MirrorError::Outside {
            path: path.to_owned(),
            target,
        });
    }
    // A pipe or a device would be waited for.
    if !std::fs::metadata(&target).map_err(unreadable)?.is_file() {
        return Err(MirrorError::NotPlain {
            path: path.to_owned(),
            expected: "file",
        });
    }
    let file = std::fs::File::open(&target).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > limit {
        return Err(MirrorError::TooLarge {
            path: path.to_owned(),
            limit,
        });
    }
    Ok(Some(bytes))
}

/// Reads a file of the mirror that must be there and have a digest, which `by` names.
pub(crate) fn read_checked(
    root: &Path,
    path: &Path,
    limit: u64,
    expected: &Digest,
    by: &Path,
) -> Result<Vec<u8>, MirrorError> {
    let bytes = read_inside(root, path, limit)?.ok_or_else(|| MirrorError::Unreadable {
        path: path.to_owned(),
        source: std::io::ErrorKind::NotFound.into(),
    })?;
    let found = Digest::of(&bytes);
    if found != *expected {
        return Err(MirrorError::WrongDigest {
            path: path.to_owned(),
            by: by.to_owned(),
            expected: *expected,
            found,
        });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
