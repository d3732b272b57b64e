//! Indexes: lists of manifests. One lists the signature bundles of a plugin, another what an image layout holds.
//!
//! The library's type leaves out `artifactType`, by which bundles are told apart, so this one stands in.

use std::collections::BTreeMap;

use oci_client::manifest::{OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE};
use serde::{Deserialize, Serialize};

use super::artifact::{ArtifactError, json};
use super::manifest::{BUNDLE_MEDIA_TYPE, MANIFEST_LIMIT, ManifestError, Part};
use crate::digest::Digest;

/// A list of manifests. What it holds beside the members here is kept when it is written again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    schema_version: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    /// The manifests.
    pub manifests: Vec<IndexEntry>,
    #[serde(flatten)]
    other: BTreeMap<String, serde_json::Value>,
}

/// One manifest in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IndexEntry {
    /// The type of the manifest.
    pub media_type: String,
    /// Its digest, as written.
    pub digest: String,
    /// Its size, as written.
    pub size: i64,
    /// What the manifest is of: [`BUNDLE_MEDIA_TYPE`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Names and other remarks.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    #[serde(flatten)]
    other: BTreeMap<String, serde_json::Value>,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            schema_version: 2,
            media_type: Some(OCI_IMAGE_INDEX_MEDIA_TYPE.to_owned()),
            manifests: Vec::new(),
            other: BTreeMap::new(),
        }
    }
}

impl IndexEntry {
    /// Lists a manifest.
    pub fn new(manifest: &[u8], artifact_type: Option<&str>, annotations: BTreeMap<String, String>) -> Self {
        Self {
            media_type: OCI_IMAGE_MEDIA_TYPE.to_owned(),
            digest: Digest::of(manifest).to_string(),
            size: i64::try_from(manifest.len()).unwrap_or(i64::MAX),
            artifact_type: artifact_type.map(str::to_owned),
            annotations,
            other: BTreeMap::new(),
        }
    }

    /// Returns where the manifest is; `None` when its type, digest or size is not one of an image manifest.
    pub fn part(&self) -> Option<Part> {
        let size = u64::try_from(self.size)
            .ok()
            .filter(|size| *size <= MANIFEST_LIMIT)?;
        let digest = self.digest.parse().ok()?;
        (self.media_type == OCI_IMAGE_MEDIA_TYPE).then_some(Part { digest, size })
    }
}

impl Index {
    /// Reads an index.
    ///
    /// # Errors
    /// When the bytes are too many or no index.
    pub fn read(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() as u64 > MANIFEST_LIMIT {
            return Err(ManifestError::TooLarge {
                bytes: bytes.len() as u64,
            });
        }
        let malformed = |reason: String| ManifestError::Malformed { reason };
        let index: Self = serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
        if index.schema_version != 2 {
            return Err(malformed(format!(
                "schemaVersion is {}, not 2",
                index.schema_version
            )));
        }
        match index.media_type.as_deref() {
            None | Some(OCI_IMAGE_INDEX_MEDIA_TYPE) => Ok(index),
            Some(found) => Err(ManifestError::WrongType {
                what: "index",
                found: found.chars().take(128).collect(),
                expected: OCI_IMAGE_INDEX_MEDIA_TYPE,
            }),
        }
    }

    /// Returns the manifests of signature bundles. How many of them are looked at is for the caller to bound.
    pub fn bundles(&self) -> Vec<Part> {
        self.manifests
            .iter()
            .filter(|entry| entry.artifact_type.as_deref() == Some(BUNDLE_MEDIA_TYPE))
            .filter_map(IndexEntry::part)
            .collect()
    }

    /// Returns the index as it is stored.
    ///
    /// # Errors
    /// When it cannot be put into JSON.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ArtifactError> {
        json(self)
    }

    /// Adds an entry, unless its manifest is listed already. Tells whether it was added.
    pub fn add(&mut self, entry: IndexEntry) -> bool {
        let is_new = self.manifests.iter().all(|listed| listed.digest != entry.digest);
        if is_new {
            self.manifests.push(entry);
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entry(kind: &str, number: usize) -> IndexEntry {
        IndexEntry::new(format!("{kind}{number}").as_bytes(), Some(kind), BTreeMap::new())
    }

    #[test]
    fn only_bundles_are_taken_from_an_index() {
        let mut index = Index::default();
        index.add(entry("application/spdx+json", 0));
        for number in 0..3 {
            assert!(index.add(entry(BUNDLE_MEDIA_TYPE, number)));
        }
        let bytes = serde_json::to_vec(&index).unwrap();
        let found = Index::read(&bytes).unwrap().bundles();
        assert_eq!(found.len(), 3);
        assert_eq!(
            found[0].digest,
            Digest::of(format!("{BUNDLE_MEDIA_TYPE}0").as_bytes())
        );
    }

    #[test]
    fn a_manifest_is_listed_once() {
        let mut index = Index::default();
        assert!(index.add(entry(BUNDLE_MEDIA_TYPE, 1)));
        assert!(!index.add(entry(BUNDLE_MEDIA_TYPE, 1)));
        assert_eq!(index.manifests.len(), 1);
    }

    #[test]
    fn what_others_wrote_into_an_index_is_kept() {
        let text = json!({
            "schemaVersion": 2, "mediaType": OCI_IMAGE_INDEX_MEDIA_TYPE, "annotations": {"a": "b"},
            "manifests": [{"mediaType": OCI_IMAGE_MEDIA_TYPE, "digest": Digest::of(b"x"), "size": 1,
                           "platform": {"os": "wasip2", "architecture": "wasm"}}],
        });
        let index = Index::read(text.to_string().as_bytes()).unwrap();
        assert_eq!(serde_json::to_value(&index).unwrap(), text);
    }

    #[test]
    fn what_is_no_index_is_refused() {
        for text in [
            "{}",
            r#"{"schemaVersion":1,"manifests":[]}"#,
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifests":[]}"#,
        ] {
            assert!(Index::read(text.as_bytes()).is_err(), "{text}");
        }
        let huge = vec![b' '; usize::try_from(MANIFEST_LIMIT).unwrap() + 1];
        assert!(matches!(Index::read(&huge), Err(ManifestError::TooLarge { .. })));
    }
}
