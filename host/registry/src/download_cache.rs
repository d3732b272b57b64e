//! What came over the network, kept by its digest so that it need not come again.
//!
//! ```text
//! FOLDER/sha256/HEX        bytes: plugins, manifests, configurations, bundles
//! FOLDER/signatures/HEX    which bundles one source listed for one manifest, when it was last asked
//! ```
//!
//! Bytes are the same wherever they come from, so they have no source. Which signatures there are is what one source
//! says at one time, so that is kept for each source and replaced whenever it is asked again.
//!
//! Nothing here is trusted. Bytes are hashed again on every reading, a list carries a checksum and says what it is
//! about, and what is damaged is dropped and fetched anew. The folder is its owner's alone.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::fetched::BUNDLE_COUNT_LIMIT;
use crate::local::PLUGIN_LIMIT;
use crate::progress::{Progress, ProgressEvent};

/// How large a list of bundles may be.
const LIST_LIMIT: u64 = 64 * 1024;

/// Says why the cache cannot be written. Reading never fails: what cannot be read is not there.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {} into the cache of downloads", path.display())]
pub struct CacheError {
    /// The file or folder.
    pub path: PathBuf,
    /// Why.
    pub source: std::io::Error,
}

/// The bundles that a source listed for a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptList {
    source: String,
    manifest: Digest,
    bundles: Vec<Digest>,
}

/// The cache of downloads.
#[derive(Clone)]
pub(crate) struct DownloadCache {
    folder: PathBuf,
    progress: Arc<dyn Progress>,
}

impl DownloadCache {
    pub(crate) fn new(folder: &Path, progress: Arc<dyn Progress>) -> Self {
        Self {
            folder: folder.to_owned(),
            progress,
        }
    }

    /// Returns bytes by their digest, if they are here and whole.
    pub(crate) fn read(&self, digest: &Digest) -> Option<Vec<u8>> {
        let path = self.folder.join("sha256").join(digest.hex());
        let bytes = self.read_file(&path, PLUGIN_LIMIT)?;
        let found = Digest::of(&bytes);
        if found == *digest {
            return Some(bytes);
        }
        self.drop_entry(&path, format!("its digest is {found}"));
        None
    }

    /// Keeps bytes, and returns their digest.
    pub(crate) fn write(&self, bytes: &[u8]) -> Result<Digest, CacheError> {
        let digest = Digest::of(bytes);
        self.put("sha256", &digest, bytes)?;
        Ok(digest)
    }

    /// Returns the bundles that a source listed for a manifest when it was last asked; `None` when it never was, or
    /// one of them is not here any more.
    pub(crate) fn bundles(&self, source: &str, manifest: &Digest) -> Option<Vec<Vec<u8>>> {
        let path = self
            .folder
            .join("signatures")
            .join(list_key(source, manifest).hex());
        let bytes = self.read_file(&path, LIST_LIMIT)?;
        let found = bytes
            .iter()
            .position(|byte| *byte == b'\n')
            .and_then(|end| Some((bytes.get(..end)?, bytes.get(end + 1..)?)))
            .filter(|(checksum, body)| Digest::of(body).to_string().as_bytes() == *checksum)
            .and_then(|(_, body)| serde_json::from_slice::<KeptList>(body).ok())
            .filter(|list| list.source == source && list.manifest == *manifest)
            .filter(|list| list.bundles.len() <= BUNDLE_COUNT_LIMIT);
        let Some(list) = found else {
            self.drop_entry(&path, "its checksum does not fit".to_owned());
            return None;
        };
        list.bundles.iter().map(|digest| self.read(digest)).collect()
    }

    /// Keeps the bundles that a source lists for a manifest, in place of those it listed before.
    pub(crate) fn write_bundles(
        &self,
        source: &str,
        manifest: &Digest,
        bundles: &[Vec<u8>],
    ) -> Result<(), CacheError> {
        let list = KeptList {
            source: source.to_owned(),
            manifest: *manifest,
            bundles: bundles
                .iter()
                .take(BUNDLE_COUNT_LIMIT)
                .map(|bundle| self.write(bundle))
                .collect::<Result<_, _>>()?,
        };
        let body = serde_json::to_string(&list).map_err(|error| CacheError {
            path: self.folder.clone(),
            source: error.into(),
        })?;
        let text = format!("{}\n{body}", Digest::of(body.as_bytes()));
        self.put("signatures", &list_key(source, manifest), text.as_bytes())
    }

    fn put(&self, kind: &str, digest: &Digest, bytes: &[u8]) -> Result<(), CacheError> {
        let folder = self.folder.join(kind);
        let path = folder.join(digest.hex());
        let error = |source| CacheError {
            path: path.clone(),
            source,
        };
        make_private_folder(&self.folder).map_err(error)?;
        make_private_folder(&folder).map_err(error)?;
        crate::atomic_file::write(&path, bytes).map_err(error)
    }

    /// Reads a plain file; a link is not followed.
    fn read_file(&self, path: &Path, limit: u64) -> Option<Vec<u8>> {
        let found = std::fs::symlink_metadata(path).ok()?;
        if !found.is_file() || found.len() > limit {
            self.drop_entry(path, "it is no file of this cache".to_owned());
            return None;
        }
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).ok()?;
        file.take(limit + 1).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    fn drop_entry(&self, path: &Path, reason: String) {
        // One that cannot be removed is refused again next time.
        let _ = std::fs::remove_file(path);
        tracing::warn!(path = %path.display(), %reason, "entry of the cache of downloads dropped");
        self.progress.report(ProgressEvent::CacheEntryDropped {
            path: path.to_owned(),
            reason,
        });
    }
}

/// Returns the name of the list of a source and a manifest. No source has a line break in it.
fn list_key(source: &str, manifest: &Digest) -> Digest {
    Digest::of(format!("{source}\n{manifest}").as_bytes())
}

/// Makes a folder that only its owner can look into; one that is there is made so.
fn make_private_folder(path: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::NoProgress;

    fn cache(folder: &Path) -> DownloadCache {
        DownloadCache::new(&folder.join("downloads"), Arc::new(NoProgress))
    }

    #[test]
    fn a_change_of_any_byte_drops_the_entry() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        let bytes = b"the plugin";
        let digest = Digest::of(bytes);
        let path = folder.path().join("downloads/sha256").join(digest.hex());
        for position in 0..bytes.len() {
            assert_eq!(cache.write(bytes).unwrap(), digest);
            assert_eq!(cache.read(&digest).unwrap(), bytes);
            let mut changed = bytes.to_vec();
            changed[position] ^= 1;
            std::fs::write(&path, &changed).unwrap();
            assert_eq!(cache.read(&digest), None, "{position}");
            assert!(!path.exists(), "{position}");
        }
    }

    const SOURCE: &str = "oci://registry.example/aws";

    #[test]
    fn a_change_of_any_byte_of_a_list_or_of_a_bundle_in_it_drops_it() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        let manifest = Digest::of(b"manifest");
        let bundles = [b"bundle".to_vec()];
        let downloads = folder.path().join("downloads");
        let list = downloads
            .join("signatures")
            .join(list_key(SOURCE, &manifest).hex());
        let bundle = downloads.join("sha256").join(Digest::of(b"bundle").hex());
        cache.write_bundles(SOURCE, &manifest, &bundles).unwrap();
        for path in [list, bundle] {
            let content = std::fs::read(&path).unwrap();
            for position in 0..content.len() {
                assert_eq!(cache.bundles(SOURCE, &manifest).as_deref(), Some(&bundles[..]));
                let mut changed = content.clone();
                changed[position] ^= 1;
                std::fs::write(&path, &changed).unwrap();
                assert_eq!(cache.bundles(SOURCE, &manifest), None, "{position}");
                assert!(!path.exists(), "{position}");
                cache.write_bundles(SOURCE, &manifest, &bundles).unwrap();
            }
        }
    }

    #[test]
    fn bundles_are_those_of_one_source_and_one_manifest_and_the_last_ones_listed() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        let (manifest, other) = (Digest::of(b"manifest"), Digest::of(b"other"));
        let kept = |source: &str, manifest| cache.bundles(source, manifest);
        cache
            .write_bundles(SOURCE, &manifest, &[b"one".to_vec(), b"two".to_vec()])
            .unwrap();
        assert_eq!(kept("oci://elsewhere.example/aws", &manifest), None);
        assert_eq!(kept(SOURCE, &other), None);
        cache
            .write_bundles(SOURCE, &manifest, &[b"three".to_vec()])
            .unwrap();
        assert_eq!(kept(SOURCE, &manifest), Some(vec![b"three".to_vec()]));
        // A whole list in the place of another is not that one.
        let signatures = folder.path().join("downloads/signatures");
        let place = |source: &str, manifest| signatures.join(list_key(source, manifest).hex());
        std::fs::copy(place(SOURCE, &manifest), place(SOURCE, &other)).unwrap();
        assert_eq!(kept(SOURCE, &other), None);
        assert_eq!(kept(SOURCE, &manifest), Some(vec![b"three".to_vec()]));
        // None is an answer, too.
        cache.write_bundles(SOURCE, &manifest, &[]).unwrap();
        assert_eq!(kept(SOURCE, &manifest), Some(Vec::new()));
    }

    #[cfg(unix)]
    #[test]
    fn the_folder_is_its_owners_alone_and_a_planted_link_is_not_followed() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        let digest = cache.write(b"the plugin").unwrap();
        let downloads = folder.path().join("downloads");
        for path in [&downloads, &downloads.join("sha256")] {
            assert_eq!(
                std::fs::metadata(path).unwrap().permissions().mode() & 0o777,
                0o700
            );
        }
        let entry = downloads.join("sha256").join(digest.hex());
        std::fs::rename(&entry, folder.path().join("elsewhere")).unwrap();
        symlink(folder.path().join("elsewhere"), &entry).unwrap();
        assert_eq!(cache.read(&digest), None);
        assert!(folder.path().join("elsewhere").exists());
    }
}
