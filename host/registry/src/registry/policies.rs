//! Packages of policies from files and OCI registries, and their way there.

use std::path::PathBuf;

use oci_client::manifest::OCI_IMAGE_MEDIA_TYPE;

use super::repository::{Lookup, TransferError};
use super::{Published, Registry, SignatureLookup};
use crate::digest::Digest;
use crate::download_cache::DownloadCache;
use crate::error::RegistryError;
use crate::local;
use crate::oci::artifact::Artifact;
use crate::oci::client::{OciClient, OciError};
use crate::oci::manifest::{
    ManifestError, POLICY_LIMIT, Part, PoliciesContent, PoliciesManifest, read_policies_manifest,
};
use crate::oci::reference::OciReference;
use crate::policy_bundle::{BundleContent, BundleSource, FetchedBundle};
use crate::progress::ProgressEvent;
use crate::source::LocalPath;

/// What is asked of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleRequest {
    /// What messages call the package.
    pub name: String,
    /// Where to look.
    pub source: BundleSource,
    /// The digest of the manifest that is locked; the tag has no say then.
    pub locked: Option<Digest>,
    /// Which of its signatures are wanted.
    pub signatures: SignatureLookup,
}

/// Says why a package of policies cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PoliciesError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is larger than it may be.
    #[error("{} has more than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// How many it may have.
        limit: u64,
    },
    /// The signatures beside a file cannot be read.
    #[error(transparent)]
    Signatures(#[from] RegistryError),
    /// Nothing is there.
    #[error("{place} is not there")]
    Missing {
        /// The address.
        place: String,
    },
    /// There is something else.
    #[error("{place} cannot be used")]
    Manifest {
        /// The address.
        place: String,
        /// Why.
        source: ManifestError,
    },
    /// What was fetched is more than may be.
    #[error("{place} has more than {POLICY_LIMIT} bytes in all its files")]
    TooMuch {
        /// The address.
        place: String,
    },
    /// It did not come.
    #[error(transparent)]
    Transfer(#[from] TransferError),
}

impl From<OciError> for PoliciesError {
    fn from(error: OciError) -> Self {
        Self::Transfer(error.into())
    }
}

impl Registry {
    /// Finds a package of policies and reads its bytes, with the signatures beside it. Nothing of them is looked into.
    ///
    /// What has a digest, by its source or by the lock, comes from the cache of downloads where it is there.
    ///
    /// # Errors
    /// When it is not there, is not what its digest says, or is too large.
    pub async fn fetch_policies(&self, request: &BundleRequest) -> Result<FetchedBundle, PoliciesError> {
        match &request.source {
            BundleSource::File(path) => read_bundle_file(&request.name, path),
            BundleSource::Registry(reference) => self.fetch_from_registry(request, reference).await,
        }
    }

    async fn fetch_from_registry(
        &self,
        request: &BundleRequest,
        reference: &OciReference,
    ) -> Result<FetchedBundle, PoliciesError> {
        let repository = &reference.repository;
        let cache = self.cache();
        let expected = reference.digest.or(request.locked);
        let cached = expected
            .zip(cache.as_ref())
            .and_then(|(digest, cache)| cached(cache, &digest));
        let (manifest, content) = match cached {
            Some(found) => {
                self.progress.report(ProgressEvent::FoundInCache {
                    plugin: request.name.clone(),
                    digest: found.0,
                });
                found
            }
            None => {
                let asked = match (&expected, &reference.tag) {
                    (Some(digest), _) => digest.to_string(),
                    (None, Some(tag)) => tag.clone(),
                    (None, None) => return Err(missing(reference)),
                };
                let client = self.open(repository).await?;
                self.download_policies(request, &client, &asked, expected.as_ref(), cache.as_ref())
                    .await?
            }
        };
        let lookup = Lookup {
            name: &request.name,
            // Which signatures there are does not depend on the tag that leads to a manifest.
            source: repository.to_string(),
            repository,
            manifest: &manifest,
            signatures: request.signatures,
        };
        let signatures = self.signatures(&lookup, cache.as_ref()).await?;
        Ok(FetchedBundle::new(
            request.source.clone(),
            content,
            Some(manifest),
            signatures,
        ))
    }

    async fn download_policies(
        &self,
        request: &BundleRequest,
        client: &OciClient,
        asked: &str,
        expected: Option<&Digest>,
        cache: Option<&DownloadCache>,
    ) -> Result<(Digest, BundleContent), PoliciesError> {
        let place = format!("{} at {asked}", client.repository());
        let bytes = client.manifest(asked, OCI_IMAGE_MEDIA_TYPE).await?;
        let bytes = bytes.ok_or_else(|| PoliciesError::Missing { place: place.clone() })?;
        let manifest =
            read_policies_manifest(&bytes, expected).map_err(|source| PoliciesError::Manifest {
                place: place.clone(),
                source,
            })?;
        let parts = parts(&manifest);
        let total: u64 = parts.iter().map(|part| part.size).sum();
        if total > POLICY_LIMIT {
            return Err(PoliciesError::TooMuch { place });
        }
        let mut blobs = Vec::new();
        let mut before = 0;
        for part in parts {
            let on_chunk = |bytes| {
                self.progress.report(ProgressEvent::Downloading {
                    plugin: request.name.clone(),
                    bytes: before + bytes,
                    total,
                });
            };
            let blob = match cache.and_then(|cache| cache.read(&part.digest)) {
                Some(blob) => blob,
                None => client.blob(&part, "policies", &on_chunk).await?,
            };
            before += part.size;
            blobs.push(blob);
        }
        if let Some(cache) = cache {
            // The manifest is written last: it is what the rest is found by.
            for part in blobs.iter().chain([&bytes]) {
                cache.write(part).map_err(TransferError::from)?;
            }
        }
        let digest = manifest.digest;
        Ok((digest, content(manifest, bytes, blobs)))
    }

    /// Pushes a bundle of policies and its signatures to a repository, under the tag of the reference.
    ///
    /// Pushing the same bundle again adds signatures that are not there yet and changes nothing else.
    ///
    /// # Errors
    /// When the tag is taken by another, or the registry refuses.
    pub async fn publish_policies(
        &self,
        name: &str,
        archive: &[u8],
        signatures: &[Vec<u8>],
        reference: &OciReference,
    ) -> Result<Published, PoliciesError> {
        let Some(tag) = reference.tag.clone() else {
            return Err(missing(reference));
        };
        let artifact = Artifact::of_policies(name, archive).map_err(OciError::from)?;
        let client = self.open(&reference.repository).await?;
        let published = client.push_release(tag, &artifact, (archive, "policies"), signatures);
        Ok(published.await?)
    }
}

/// Reads a bundle of policies from a file, with the signatures beside it.
///
/// # Errors
/// When it cannot be read or is too large.
pub fn read_bundle_file(name: &str, path: &LocalPath) -> Result<FetchedBundle, PoliciesError> {
    use std::io::Read as _;
    let unreadable = |source| PoliciesError::Unreadable {
        path: path.path.clone(),
        source,
    };
    let file = std::fs::File::open(&path.path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(POLICY_LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > POLICY_LIMIT {
        return Err(PoliciesError::TooLarge {
            path: path.path.clone(),
            limit: POLICY_LIMIT,
        });
    }
    let signatures = local::read_bundles_beside(name, &path.path)?;
    let source = BundleSource::File(path.clone());
    Ok(FetchedBundle::new(
        source,
        BundleContent::Archive(bytes),
        None,
        signatures,
    ))
}

fn missing(reference: &OciReference) -> PoliciesError {
    PoliciesError::Missing {
        place: format!("{reference}, which has no tag,"),
    }
}

fn parts(manifest: &PoliciesManifest) -> Vec<Part> {
    match &manifest.content {
        PoliciesContent::Archive(part) => vec![*part],
        PoliciesContent::Files(files) => files.iter().map(|(_, part)| *part).collect(),
    }
}

/// Puts together what a manifest names; the blobs are in the order of its parts.
fn content(manifest: PoliciesManifest, bytes: Vec<u8>, mut blobs: Vec<Vec<u8>>) -> BundleContent {
    match manifest.content {
        PoliciesContent::Archive(_) => BundleContent::Archive(blobs.pop().unwrap_or_default()),
        PoliciesContent::Files(files) => BundleContent::Files {
            files: files.into_iter().map(|(path, _)| path).zip(blobs).collect(),
            manifest: bytes,
        },
    }
}

/// Returns what the cache has under the digest of a manifest; none where a part of it is not there or is damaged.
fn cached(cache: &DownloadCache, digest: &Digest) -> Option<(Digest, BundleContent)> {
    let bytes = cache.read(digest)?;
    let manifest = read_policies_manifest(&bytes, Some(digest)).ok()?;
    let blobs: Option<Vec<Vec<u8>>> = parts(&manifest)
        .iter()
        .map(|part| cache.read(&part.digest))
        .collect();
    Some((*digest, content(manifest, bytes, blobs?)))
}
