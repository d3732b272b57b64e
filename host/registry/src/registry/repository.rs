//! Plugins in OCI repositories: tags, fetching by tag or by digest, the cache, and publishing.

use std::sync::Arc;
use std::time::Duration;

use konductor_model::with_causes;
use oci_client::manifest::OCI_IMAGE_MEDIA_TYPE;

use super::{
    FetchRequest, LockedRelease, Published, Registry, SignatureLookup, highest, no_version, oci_error,
};
use crate::digest::Digest;
use crate::download_cache::{CacheError, DownloadCache};
use crate::error::RegistryError;
use crate::fetched::{BUNDLE_COUNT_LIMIT, FetchedPlugin};
use crate::oci::artifact::Artifact;
use crate::oci::client::{OciClient, OciError};
use crate::oci::manifest::{PluginManifest, read_plugin_manifest};
use crate::oci::reference::OciRepository;
use crate::progress::ProgressEvent;

/// How long a source is waited for that is asked for signatures where there are some from before.
const LOOKUP_LIMIT: Duration = Duration::from_secs(10);

impl Registry {
    pub(super) async fn open(&self, repository: &OciRepository) -> Result<OciClient, OciError> {
        OciClient::new(&self.network, repository, Arc::clone(&self.progress)).await
    }

    pub(super) async fn client(
        &self,
        plugin: &str,
        repository: &OciRepository,
    ) -> Result<OciClient, RegistryError> {
        self.open(repository)
            .await
            .map_err(|error| oci_error(plugin, error))
    }

    /// Returns the cache of downloads, if there is one.
    pub(super) fn cache(&self) -> Option<DownloadCache> {
        let folder = self.downloads.as_deref()?;
        Some(DownloadCache::new(folder, Arc::clone(&self.progress)))
    }

    /// Returns the versions of a repository with their tags, lowest first.
    pub(super) async fn tags(
        &self,
        plugin: &str,
        repository: &OciRepository,
    ) -> Result<Vec<(semver::Version, String)>, RegistryError> {
        let client = self.client(plugin, repository).await?;
        let tags = client.tags().await.map_err(|error| oci_error(plugin, error))?;
        Ok(version_tags(tags))
    }

    pub(super) async fn read_repository(
        &self,
        request: &FetchRequest,
        repository: &OciRepository,
    ) -> Result<FetchedPlugin, RegistryError> {
        let cache = self.cache();
        let cached = match (&request.locked, &cache) {
            (Some(locked), Some(cache)) => self.read_cached(request, cache, locked)?,
            _ => None,
        };
        let (mut found, manifest) = match cached {
            Some(found) => found,
            None => self.download(request, repository, cache.as_ref()).await?,
        };
        let lookup = Lookup {
            name: &request.plugin,
            source: request.source.to_string(),
            repository,
            manifest: &manifest,
            signatures: request.signatures,
        };
        found.bundles = self
            .signatures(&lookup, cache.as_ref())
            .await
            .map_err(|error| match error {
                TransferError::Oci(error) => oci_error(&request.plugin, error),
                TransferError::Cache(error) => cache_error(request, error),
            })?;
        found.manifest_digest = Some(manifest);
        Ok(found)
    }

    /// Fetches a release, without its signatures, and keeps it in the cache. Returns it with its manifest's digest.
    async fn download(
        &self,
        request: &FetchRequest,
        repository: &OciRepository,
        cache: Option<&DownloadCache>,
    ) -> Result<(FetchedPlugin, Digest), RegistryError> {
        let client = self.client(&request.plugin, repository).await?;
        let fail = |error| oci_error(&request.plugin, error);
        let (version, reference, expected) = match &request.locked {
            Some(locked) => match locked.manifest_digest {
                Some(digest) => (locked.version.clone(), digest.to_string(), Some(digest)),
                None => {
                    let wanted = exactly(&locked.version);
                    let (version, tag) = self.find_tag(request, repository, Some(&wanted)).await?;
                    (version, tag, None)
                }
            },
            None => {
                let (version, tag) = self
                    .find_tag(request, repository, request.version.as_ref())
                    .await?;
                (version, tag, None)
            }
        };
        let place = format!("{repository} at {reference}");
        let Some(bytes) = client
            .manifest(&reference, OCI_IMAGE_MEDIA_TYPE)
            .await
            .map_err(fail)?
        else {
            return Err(RegistryError::NoRelease {
                plugin: request.plugin.clone(),
                place,
            });
        };
        let manifest = read_plugin_manifest(&bytes, expected.as_ref()).map_err(|source| {
            fail(OciError::Manifest {
                place: place.clone(),
                source,
            })
        })?;
        let configuration = client
            .blob(&manifest.configuration, "configuration", &|_| ())
            .await
            .map_err(fail)?;
        let plugin = self.plugin_bytes(request, &client, cache, &manifest).await?;
        let mut found = FetchedPlugin::new(&request.plugin, request.source.clone(), place, plugin)?;
        found.require_labels(&version)?;
        let artifact = Artifact {
            manifest: bytes,
            configuration,
        };
        if let Some(cache) = cache {
            // The manifest is written last: it is what a release is found by.
            for part in [&found.bytes, &artifact.configuration, &artifact.manifest] {
                cache.write(part).map_err(|error| cache_error(request, error))?;
            }
        }
        found.artifact = Some(artifact);
        Ok((found, manifest.digest))
    }

    /// Returns the signature bundles of a release: those its source lists now, or those it listed when it was last
    /// asked, by [`SignatureLookup`].
    pub(super) async fn signatures(
        &self,
        lookup: &Lookup<'_>,
        cache: Option<&DownloadCache>,
    ) -> Result<Vec<Vec<u8>>, TransferError> {
        let kept = cache.and_then(|cache| cache.bundles(&lookup.source, lookup.manifest));
        let asking = async { self.open(lookup.repository).await?.bundles(lookup.manifest).await };
        let bundles = match kept {
            None => asking.await?,
            Some(kept) if self.network.offline || lookup.signatures == SignatureLookup::Kept => {
                return Ok(kept);
            }
            // Whoever keeps the source from answering could as well answer with no signatures, so what was listed
            // before may stand for them: it is verified as it was then.
            Some(kept) => {
                let reason = match tokio::time::timeout(LOOKUP_LIMIT, asking).await {
                    Ok(Ok(bundles)) => return keep(lookup, cache, bundles),
                    Ok(Err(error)) => with_causes(&error),
                    Err(_) => format!("there was no answer within {} s", LOOKUP_LIMIT.as_secs()),
                };
                self.progress.report(ProgressEvent::SignaturesNotLookedUp {
                    plugin: lookup.name.to_owned(),
                    source: lookup.source.clone(),
                    reason,
                });
                return Ok(kept);
            }
        };
        keep(lookup, cache, bundles)
    }

    async fn find_tag(
        &self,
        request: &FetchRequest,
        repository: &OciRepository,
        wanted: Option<&semver::VersionReq>,
    ) -> Result<(semver::Version, String), RegistryError> {
        let mut tags = self.tags(&request.plugin, repository).await?;
        let offered = tags.iter().map(|(version, _)| version.clone()).collect();
        let version = highest(offered, wanted)
            .map_err(|offered| no_version(&request.plugin, &request.source, wanted, offered))?;
        let position = tags.iter().position(|(found, _)| *found == version);
        let tag = position.map_or_else(|| version.to_string(), |position| tags.swap_remove(position).1);
        Ok((version, tag))
    }

    /// Returns the plugin's bytes, from the cache where they are there.
    async fn plugin_bytes(
        &self,
        request: &FetchRequest,
        client: &OciClient,
        cache: Option<&DownloadCache>,
        manifest: &PluginManifest,
    ) -> Result<Vec<u8>, RegistryError> {
        if let Some(bytes) = cache.and_then(|cache| cache.read(&manifest.plugin.digest)) {
            self.progress.report(ProgressEvent::FoundInCache {
                plugin: request.plugin.clone(),
                digest: manifest.plugin.digest,
            });
            return Ok(bytes);
        }
        let on_chunk = |bytes| {
            self.progress.report(ProgressEvent::Downloading {
                plugin: request.plugin.clone(),
                bytes,
                total: manifest.plugin.size,
            });
        };
        on_chunk(0);
        client
            .blob(&manifest.plugin, "plugin", &on_chunk)
            .await
            .map_err(|error| oci_error(&request.plugin, error))
    }

    /// Returns a locked release from the cache, without its signatures, and its manifest's digest; `None` when a part
    /// of it is not there or is damaged.
    fn read_cached(
        &self,
        request: &FetchRequest,
        cache: &DownloadCache,
        locked: &LockedRelease,
    ) -> Result<Option<(FetchedPlugin, Digest)>, RegistryError> {
        let Some(digest) = locked.manifest_digest else {
            return Ok(None);
        };
        let parts = || {
            let manifest = cache.read(&digest)?;
            let read = read_plugin_manifest(&manifest, Some(&digest)).ok()?;
            let artifact = Artifact {
                configuration: cache.read(&read.configuration.digest)?,
                manifest,
            };
            Some((cache.read(&read.plugin.digest)?, artifact))
        };
        let Some((bytes, artifact)) = parts() else {
            return Ok(None);
        };
        let place = format!("the cache of downloads, from {}", request.source);
        let mut found = FetchedPlugin::new(&request.plugin, request.source.clone(), place, bytes)?;
        found.require_labels(&locked.version)?;
        self.progress.report(ProgressEvent::FoundInCache {
            plugin: request.plugin.clone(),
            digest: found.digest,
        });
        found.artifact = Some(artifact);
        Ok(Some((found, digest)))
    }
}

/// Whose signatures are looked up.
pub(super) struct Lookup<'a> {
    /// What messages call it.
    pub name: &'a str,
    /// Its source, as written.
    pub source: String,
    pub repository: &'a OciRepository,
    /// The manifest that was signed for.
    pub manifest: &'a Digest,
    pub signatures: SignatureLookup,
}

/// Says why something did not come from a registry.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The registry cannot be used.
    #[error(transparent)]
    Oci(#[from] OciError),
    /// The cache of downloads cannot be written.
    #[error(transparent)]
    Cache(#[from] CacheError),
}

fn keep(
    lookup: &Lookup<'_>,
    cache: Option<&DownloadCache>,
    bundles: Vec<Vec<u8>>,
) -> Result<Vec<Vec<u8>>, TransferError> {
    if let Some(cache) = cache {
        cache.write_bundles(&lookup.source, lookup.manifest, &bundles)?;
    }
    Ok(bundles)
}

fn cache_error(request: &FetchRequest, source: CacheError) -> RegistryError {
    RegistryError::Cache {
        plugin: request.plugin.clone(),
        source,
    }
}

/// Returns the tags that are versions, lowest first. `v1.2.3` is one, too, where there is no `1.2.3`.
fn version_tags(mut tags: Vec<String>) -> Vec<(semver::Version, String)> {
    tags.sort_by_key(|tag| tag.starts_with('v'));
    let mut found: Vec<(semver::Version, String)> = tags
        .into_iter()
        .filter_map(|tag| {
            let version = tag.strip_prefix('v').unwrap_or(&tag).parse().ok()?;
            Some((version, tag))
        })
        .collect();
    // The sort is stable, so of two tags for one version the plain one comes first and stays.
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found.dedup_by(|later, earlier| later.0 == earlier.0);
    found
}

fn exactly(version: &semver::Version) -> semver::VersionReq {
    semver::VersionReq {
        comparators: vec![semver::Comparator {
            op: semver::Op::Exact,
            major: version.major,
            minor: Some(version.minor),
            patch: Some(version.patch),
            pre: version.pre.clone(),
        }],
    }
}

impl OciClient {
    /// Pushes a plugin under its version, and its signature bundles beside it.
    pub(super) async fn publish(
        &self,
        plugin: &FetchedPlugin,
        version: &semver::Version,
    ) -> Result<Published, OciError> {
        if !version.build.is_empty() {
            return Err(OciError::Tag {
                version: version.clone(),
            });
        }
        let tag = version.to_string();
        let artifact = Artifact::of(plugin)?;
        self.push_release(tag, &artifact, (&plugin.bytes, "plugin"), &plugin.bundles)
            .await
    }

    /// Pushes a release under a tag that no other has, and its signature bundles beside it.
    pub(super) async fn push_release(
        &self,
        tag: String,
        artifact: &Artifact,
        (content, what): (&[u8], &'static str),
        bundles: &[Vec<u8>],
    ) -> Result<Published, OciError> {
        if let Some(there) = self.manifest(&tag, OCI_IMAGE_MEDIA_TYPE).await? {
            let found = Digest::of(&there);
            if found != artifact.digest() {
                return Err(OciError::Published {
                    place: format!("{} {tag}", self.repository()),
                    found,
                    published: artifact.digest(),
                });
            }
        } else {
            self.push_blob(content, what).await?;
            self.push_blob(&artifact.configuration, "configuration").await?;
            self.push_manifest(&tag, &artifact.manifest, OCI_IMAGE_MEDIA_TYPE)
                .await?;
        }
        for bundle in bundles.iter().take(BUNDLE_COUNT_LIMIT) {
            self.push_bundle(bundle, &artifact.manifest).await?;
        }
        Ok(Published {
            repository: self.repository().clone(),
            tag,
            manifest_digest: artifact.digest(),
            bundles: bundles.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_that_are_versions_are_found_with_and_without_their_prefix() {
        let tags = [
            "v1.0.0",
            "latest",
            "1.10.0",
            "1.2.0",
            "v1.2.0",
            "2.0.0-rc.1",
            "sha256-00",
            "1.2",
        ];
        let found = version_tags(tags.map(str::to_owned).to_vec());
        let shown: Vec<String> = found
            .iter()
            .map(|(version, tag)| format!("{version}={tag}"))
            .collect();
        assert_eq!(
            shown,
            [
                "1.0.0=v1.0.0",
                "1.2.0=1.2.0",
                "1.10.0=1.10.0",
                "2.0.0-rc.1=2.0.0-rc.1"
            ]
        );
    }

    #[test]
    fn exactly_one_version_is_meant_by_a_locked_one() {
        let version = |text: &str| text.parse::<semver::Version>().unwrap();
        assert!(exactly(&version("1.2.3")).matches(&version("1.2.3")));
        assert!(!exactly(&version("1.2.3")).matches(&version("1.2.4")));
        assert!(!exactly(&version("1.2.3")).matches(&version("1.2.3-rc.1")));
        assert!(exactly(&version("1.2.3-rc.1")).matches(&version("1.2.3-rc.1")));
    }
}
