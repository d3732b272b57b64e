//! Signature bundles beside a plugin: as referrers where the registry knows them, and else in an index under the tag
//! `sha256-HEX`, by the fallback of the distribution specification 1.1.

use oci_client::manifest::{OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE};
use reqwest::header::{ACCEPT, HeaderName};
use reqwest::{Method, StatusCode};

use super::artifact::{EMPTY, bundle_manifest};
use super::authentication::Access;
use super::client::{OciClient, OciError};
use super::index::{Index, IndexEntry};
use super::manifest::{BUNDLE_MEDIA_TYPE, MANIFEST_LIMIT, Part, read_bundle_manifest};
use crate::digest::Digest;
use crate::fetched::BUNDLE_COUNT_LIMIT;
use crate::network::{ReadLimits, Request, shown};

/// The header with which a registry says that it keeps referrers itself.
const SUBJECT_HEADER: HeaderName = HeaderName::from_static("oci-subject");

impl OciClient {
    /// Returns the signature bundles of a manifest. Who made them is not checked.
    ///
    /// One that cannot be read is an error, and not passed over: a plugin must not look unsigned because a registry
    /// lost a part.
    pub(crate) async fn bundles(&self, subject: &Digest) -> Result<Vec<Vec<u8>>, OciError> {
        let mut listed = self.referrers(subject).await?.unwrap_or_default();
        // A registry may have learnt of referrers after the fallback was written.
        if let Some(index) = self.fallback_index(subject).await? {
            let more = index
                .bundles()
                .into_iter()
                .take(BUNDLE_COUNT_LIMIT)
                .filter(|part| !listed.contains(part));
            listed = listed.iter().copied().chain(more).collect();
        }
        let mut bundles = Vec::new();
        for entry in listed.iter().take(BUNDLE_COUNT_LIMIT) {
            let reference = entry.digest.to_string();
            let place = shown(&self.url(&format!("manifests/{reference}"))?);
            let Some(bytes) = self.manifest(&reference, OCI_IMAGE_MEDIA_TYPE).await? else {
                return Err(OciError::Protocol {
                    place,
                    reason: "a signature bundle is listed and not there".to_owned(),
                });
            };
            let found = read_bundle_manifest(&bytes, &entry.digest, subject)
                .map_err(|source| OciError::Manifest { place, source })?;
            bundles.push(self.blob(&found.bundle, "signature bundle", &|_| ()).await?);
        }
        Ok(bundles)
    }

    /// Returns the manifests of bundles that the registry itself lists; `None` when it keeps no such lists.
    async fn referrers(&self, subject: &Digest) -> Result<Option<Vec<Part>>, OciError> {
        let url = self.url(&format!("referrers/{subject}"))?;
        let request = Request::new(Method::GET, url.clone()).with_header(ACCEPT, OCI_IMAGE_INDEX_MEDIA_TYPE);
        let answer = self
            .send(request, Access::Pull, ReadLimits::short(MANIFEST_LIMIT))
            .await?;
        match answer.status {
            StatusCode::OK => {}
            // What registries without the interface answer is not settled.
            StatusCode::NOT_FOUND
            | StatusCode::BAD_REQUEST
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::NOT_ACCEPTABLE
            | StatusCode::NOT_IMPLEMENTED => return Ok(None),
            _ => return Err(self.refuse(&url, Access::Pull, &answer)),
        }
        let index = Index::read(&answer.body).map_err(|source| OciError::Manifest {
            place: shown(&url),
            source,
        })?;
        Ok(Some(
            index.bundles().into_iter().take(BUNDLE_COUNT_LIMIT).collect(),
        ))
    }

    async fn fallback_index(&self, subject: &Digest) -> Result<Option<Index>, OciError> {
        let tag = fallback_tag(subject);
        let Some(bytes) = self.manifest(&tag, OCI_IMAGE_INDEX_MEDIA_TYPE).await? else {
            return Ok(None);
        };
        let place = shown(&self.url(&format!("manifests/{tag}"))?);
        Index::read(&bytes)
            .map(Some)
            .map_err(|source| OciError::Manifest { place, source })
    }

    /// Stores a signature bundle beside the manifest it is about.
    pub(crate) async fn push_bundle(&self, bundle: &[u8], subject: &[u8]) -> Result<(), OciError> {
        let manifest = bundle_manifest(bundle, subject)?;
        self.push_blob(EMPTY, "configuration").await?;
        self.push_blob(bundle, "bundle").await?;
        let reference = Digest::of(&manifest).to_string();
        let headers = self
            .push_manifest(&reference, &manifest, OCI_IMAGE_MEDIA_TYPE)
            .await?;
        if headers.contains_key(SUBJECT_HEADER) {
            return Ok(());
        }
        let subject = Digest::of(subject);
        let mut index = self.fallback_index(&subject).await?.unwrap_or_default();
        let entry = IndexEntry::new(&manifest, Some(BUNDLE_MEDIA_TYPE), Default::default());
        if !index.add(entry) {
            return Ok(());
        }
        let bytes = index.to_bytes()?;
        self.push_manifest(&fallback_tag(&subject), &bytes, OCI_IMAGE_INDEX_MEDIA_TYPE)
            .await?;
        Ok(())
    }
}

/// Returns the tag under which the referrers of a manifest are listed.
fn fallback_tag(subject: &Digest) -> String {
    format!("sha256-{}", subject.hex())
}
