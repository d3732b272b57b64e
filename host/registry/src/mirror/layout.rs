//! Mirrors in OCI image layout: `oci-layout`, `index.json` and `blobs/sha256/HEX`. `skopeo copy` and `oras` carry
//! them from and to registries without changing a digest. Those written here have a `SHA256SUMS`, too.
//!
//! A plugin is found by the annotations of its manifest (`org.opencontainers.image.title` and `.version`), or by a
//! name `NAME:VERSION` in the index. Signature bundles are manifests in the index whose `subject` is the plugin's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::checksums::{self, CHECKSUM_FILE, Checksums};
use super::{MirrorError, Release, make_folder, read_checked, read_inside};
use crate::digest::Digest;
use crate::fetched::{BUNDLE_COUNT_LIMIT, BUNDLE_LIMIT, FetchedPlugin};
use crate::local::PLUGIN_LIMIT;
use crate::oci::artifact::{Artifact, EMPTY, bundle_manifest};
use crate::oci::index::{Index, IndexEntry};
use crate::oci::manifest::{
    BUNDLE_MEDIA_TYPE, CONFIGURATION_LIMIT, MANIFEST_LIMIT, ManifestError, Part, PluginManifest,
    REFERENCE_ANNOTATION, read_bundle_manifest, read_plugin_manifest,
};

/// The file that says what the folder is.
pub(crate) const LAYOUT_FILE: &str = "oci-layout";
const LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
const LAYOUT_VERSION: &str = "1.0.0";
/// The file that lists the manifests.
pub(super) const INDEX_FILE: &str = "index.json";

/// What `oci-layout` says.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layout {
    image_layout_version: String,
}

/// A plugin's manifest in the index.
struct Listed {
    bytes: Vec<u8>,
    manifest: PluginManifest,
    version: semver::Version,
}

pub(super) fn versions(root: &Path, plugin: &str) -> Result<Vec<semver::Version>, MirrorError> {
    let mut found: Vec<semver::Version> = listed(root, plugin, &read_index(root)?)?
        .into_iter()
        .map(|entry| entry.version)
        .collect();
    found.sort();
    found.dedup();
    Ok(found)
}

pub(super) fn read(root: &Path, plugin: &str, version: &semver::Version) -> Result<Release, MirrorError> {
    let index = read_index(root)?;
    let entry = listed(root, plugin, &index)?
        .into_iter()
        .find(|entry| entry.version == *version)
        .ok_or_else(|| MirrorError::NoRelease {
            path: root.to_owned(),
            plugin: plugin.to_owned(),
            version: version.clone(),
        })?;
    let by = blob_path(root, &entry.manifest.digest);
    let blob =
        |part: &Part, limit| read_checked(root, &blob_path(root, &part.digest), limit, &part.digest, &by);
    let mut bundles = Vec::new();
    // The layout may hold other releases with bundles of their own, so the limit is for those of this one.
    for part in index.bundles() {
        if bundles.len() == BUNDLE_COUNT_LIMIT {
            break;
        }
        let bytes = read_manifest(root, &part)?;
        match read_bundle_manifest(&bytes, &part.digest, &entry.manifest.digest) {
            Ok(found) => {
                // It says nothing, and is a file of the release all the same.
                read_checked(
                    root,
                    &blob_path(root, &found.configuration.digest),
                    CONFIGURATION_LIMIT,
                    &found.configuration.digest,
                    &blob_path(root, &part.digest),
                )?;
                bundles.push(read_checked(
                    root,
                    &blob_path(root, &found.bundle.digest),
                    BUNDLE_LIMIT,
                    &found.bundle.digest,
                    &blob_path(root, &part.digest),
                )?);
            }
            Err(ManifestError::WrongSubject) => {}
            Err(source) => {
                return Err(MirrorError::Manifest {
                    path: blob_path(root, &part.digest),
                    source,
                });
            }
        }
    }
    Ok(Release {
        place: blob_path(root, &entry.manifest.plugin.digest),
        bytes: blob(&entry.manifest.plugin, PLUGIN_LIMIT)?,
        digest: entry.manifest.plugin.digest,
        bundles,
        manifest_digest: Some(entry.manifest.digest),
        artifact: Some(Artifact {
            configuration: blob(&entry.manifest.configuration, CONFIGURATION_LIMIT)?,
            manifest: entry.bytes,
        }),
    })
}

/// Adds a plugin, and returns the files that were written.
pub(crate) fn write(root: &Path, plugin: &FetchedPlugin) -> Result<Vec<PathBuf>, MirrorError> {
    let version = plugin.version.as_ref().ok_or_else(|| MirrorError::NoVersion {
        plugin: plugin.name.clone(),
    })?;
    for folder in [
        root.to_owned(),
        root.join("blobs"),
        root.join("blobs").join("sha256"),
    ] {
        make_folder(&folder)?;
    }
    let before = read_inside(root, &root.join(INDEX_FILE), MANIFEST_LIMIT)?;
    let mut index = match &before {
        Some(_) if super::is_layout(root) => read_index(root)?,
        Some(bytes) => parse_index(root, bytes)?,
        None => Index::default(),
    };
    let artifact = Artifact::of(plugin)?;
    if let Some(there) = listed(root, &plugin.name, &index)?
        .into_iter()
        .find(|entry| entry.version == *version && entry.manifest.digest != artifact.digest())
    {
        return Err(MirrorError::Conflict {
            path: blob_path(root, &there.manifest.digest),
            found: there.manifest.plugin.digest,
            added: plugin.digest,
        });
    }
    let mut written = Vec::new();
    let mut put_blob = |bytes: &[u8]| put(&blob_path(root, &Digest::of(bytes)), bytes, &mut written);
    put_blob(&plugin.bytes)?;
    put_blob(&artifact.configuration)?;
    put_blob(&artifact.manifest)?;
    let name = format!("{}:{version}", plugin.name);
    index.add(IndexEntry::new(
        &artifact.manifest,
        None,
        BTreeMap::from([(REFERENCE_ANNOTATION.to_owned(), name)]),
    ));
    for bundle in &plugin.bundles {
        let manifest = bundle_manifest(bundle, &artifact.manifest)?;
        put_blob(EMPTY)?;
        put_blob(bundle)?;
        put_blob(&manifest)?;
        index.add(IndexEntry::new(
            &manifest,
            Some(BUNDLE_MEDIA_TYPE),
            BTreeMap::new(),
        ));
    }
    let index = index.to_bytes()?;
    if before.as_deref() != Some(index.as_slice()) {
        // Left half written, it is a layout without checksums rather than one with wrong ones.
        checksums::remove(root)?;
    }
    put(&root.join(INDEX_FILE), &index, &mut written)?;
    put(&root.join(LAYOUT_FILE), LAYOUT, &mut written)?;
    let sums = Checksums::of(root, &[(INDEX_FILE, &index), (LAYOUT_FILE, LAYOUT)])?;
    put(&root.join(CHECKSUM_FILE), sums.to_text().as_bytes(), &mut written)?;
    Ok(written)
}

fn put(path: &Path, bytes: &[u8], written: &mut Vec<PathBuf>) -> Result<(), MirrorError> {
    let is_there = std::fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
        && std::fs::read(path).is_ok_and(|found| found == bytes);
    if is_there {
        return Ok(());
    }
    crate::atomic_file::write(path, bytes).map_err(|source| MirrorError::Unwritable {
        path: path.to_owned(),
        source,
    })?;
    written.push(path.to_owned());
    Ok(())
}

fn blob_path(root: &Path, digest: &Digest) -> PathBuf {
    root.join("blobs").join("sha256").join(digest.hex())
}

/// Reads the index, with what says that this is a layout and what it must be checked first.
fn read_index(root: &Path) -> Result<Index, MirrorError> {
    let sums = Checksums::read(root)?;
    let file = |name: &str| {
        let path = root.join(name);
        let bytes = read_inside(root, &path, MANIFEST_LIMIT)?.ok_or(MirrorError::Unreadable {
            path,
            source: std::io::ErrorKind::NotFound.into(),
        })?;
        if let Some(sums) = &sums {
            sums.check(root, name, &bytes)?;
        }
        Ok::<_, MirrorError>(bytes)
    };
    let layout = file(LAYOUT_FILE)?;
    let version = serde_json::from_slice(&layout).map(|layout: Layout| layout.image_layout_version);
    if version.as_deref().ok() != Some(LAYOUT_VERSION) {
        return Err(MirrorError::Descriptor {
            path: root.join(LAYOUT_FILE),
            reason: format!("expected the `imageLayoutVersion` {LAYOUT_VERSION}"),
        });
    }
    parse_index(root, &file(INDEX_FILE)?)
}

fn parse_index(root: &Path, bytes: &[u8]) -> Result<Index, MirrorError> {
    Index::read(bytes).map_err(|source| MirrorError::Manifest {
        path: root.join(INDEX_FILE),
        source,
    })
}

fn read_manifest(root: &Path, part: &Part) -> Result<Vec<u8>, MirrorError> {
    read_checked(
        root,
        &blob_path(root, &part.digest),
        MANIFEST_LIMIT,
        &part.digest,
        &root.join(INDEX_FILE),
    )
}

/// Returns the releases of a plugin in an index. What is no plugin (an image, a bundle) is passed over.
fn listed(root: &Path, plugin: &str, index: &Index) -> Result<Vec<Listed>, MirrorError> {
    let mut found = Vec::new();
    for entry in &index.manifests {
        let Some(part) = entry.part().filter(|_| entry.artifact_type.is_none()) else {
            continue;
        };
        let bytes = read_manifest(root, &part)?;
        let Ok(manifest) = read_plugin_manifest(&bytes, Some(&part.digest)) else {
            continue;
        };
        let reference = entry.annotations.get(REFERENCE_ANNOTATION);
        let named = reference.and_then(|name| name.split_once(':'));
        let (title, version) = match (&manifest.title, &manifest.version, named) {
            (Some(title), Some(version), _) => (title.as_str(), version.as_str()),
            (_, _, Some(named)) => named,
            _ => continue,
        };
        if let Ok(version) = version.parse()
            && title == plugin
        {
            found.push(Listed {
                bytes,
                manifest,
                version,
            });
        }
    }
    Ok(found)
}
