//! `SHA256SUMS` in an image layout: the digests of `oci-layout`, `index.json` and every blob, in the form that
//! `sha256sum --check` reads.
//!
//! Blobs are named by their digests; the two other files are not, so a changed byte in them would otherwise be noticed
//! only where it happens to break something. Layouts of other tools have no such file and are read without it. It
//! proves nothing about who made a plugin, so whoever takes it away gains nothing: signatures and the lock file do that.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::layout::{INDEX_FILE, LAYOUT_FILE};
use super::{MirrorError, read_inside};
use crate::digest::Digest;

/// The name of the file.
pub(super) const CHECKSUM_FILE: &str = "SHA256SUMS";
/// How large it may be: enough for more than a hundred thousand blobs.
const LIMIT: u64 = 16 * 1024 * 1024;
/// Where blobs lie.
const BLOBS: &str = "blobs/sha256/";

/// What the files of a layout must be, by their paths in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checksums(BTreeMap<String, Digest>);

impl Checksums {
    /// Reads the file; `None` when there is none.
    pub(super) fn read(root: &Path) -> Result<Option<Self>, MirrorError> {
        let path = path(root);
        let Some(bytes) = read_inside(root, &path, LIMIT)? else {
            return Ok(None);
        };
        Self::parse(&bytes)
            .map(Some)
            .map_err(|reason| MirrorError::Descriptor { path, reason })
    }

    /// Takes the digests of the files of a layout by name, and those of all blobs that are in it.
    pub(super) fn of(root: &Path, files: &[(&str, &[u8])]) -> Result<Self, MirrorError> {
        let folder = root.join(BLOBS);
        let unreadable = |source| MirrorError::Unreadable {
            path: folder.clone(),
            source,
        };
        let mut found: BTreeMap<String, Digest> = files
            .iter()
            .map(|(name, bytes)| ((*name).to_owned(), Digest::of(bytes)))
            .collect();
        for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
            let name = entry.map_err(unreadable)?.file_name();
            // What is not named like a blob is none, and nobody reads it.
            if let Some(digest) = name.to_str().and_then(|name| Digest::from_hex(name).ok()) {
                found.insert(format!("{BLOBS}{}", digest.hex()), digest);
            }
        }
        Ok(Self(found))
    }

    /// Requires that a file is what stands here.
    pub(super) fn check(&self, root: &Path, name: &str, bytes: &[u8]) -> Result<(), MirrorError> {
        let found = Digest::of(bytes);
        match self.0.get(name) {
            Some(expected) if *expected == found => Ok(()),
            Some(expected) => Err(MirrorError::WrongChecksum {
                path: root.join(name),
                by: path(root),
                expected: *expected,
                found,
            }),
            None => Err(MirrorError::Descriptor {
                path: path(root),
                reason: format!("it does not name {name}"),
            }),
        }
    }

    /// Returns the content of the file.
    pub(super) fn to_text(&self) -> String {
        self.0
            .iter()
            .map(|(name, digest)| format!("{}  {name}\n", digest.hex()))
            .collect()
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
        let mut found = BTreeMap::new();
        for (number, line) in text.lines().enumerate() {
            let wrong = |reason: &str| format!("line {}: {reason}", number + 1);
            let (hex, name) = line
                .split_once("  ")
                .ok_or_else(|| wrong("expected a digest, two spaces and the path of a file"))?;
            let digest = Digest::from_hex(hex).map_err(|error| wrong(&error.to_string()))?;
            // A blob is read by its digest, never through this file, so its line is checked here.
            match name.strip_prefix(BLOBS) {
                Some(blob) if blob == hex => {}
                Some(_) => return Err(wrong("the digest is not the one that the blob is named by")),
                None if name == INDEX_FILE || name == LAYOUT_FILE => {}
                None => return Err(wrong("no such file belongs to an image layout")),
            }
            found.insert(name.to_owned(), digest);
        }
        let checksums = Self(found);
        if checksums.to_text().as_bytes() != bytes {
            return Err("it is not as it was written".to_owned());
        }
        Ok(checksums)
    }
}

/// Returns where the file is.
pub(super) fn path(root: &Path) -> PathBuf {
    root.join(CHECKSUM_FILE)
}

/// Takes the file away, so that what is written next is never compared with what was there before.
pub(super) fn remove(root: &Path) -> Result<(), MirrorError> {
    let path = path(root);
    match std::fs::remove_file(&path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(MirrorError::Unwritable { path, source }),
    }
}
