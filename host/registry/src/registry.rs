//! Finds plugins in every kind of source: which versions there are, which one fits, and its bytes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::digest::Digest;
use crate::error::RegistryError;
use crate::fetched::FetchedPlugin;
use crate::local;
use crate::mirror::{self, MirrorError, MirrorForm};
use crate::name::check_name;
use crate::network::NetworkSettings;
use crate::oci::client::OciError;
use crate::oci::reference::OciRepository;
use crate::progress::{NoProgress, Progress, ProgressEvent};
use crate::source::{PluginSource, SearchPath};

mod policies;
mod repository;

pub use policies::{BundleRequest, PoliciesError, read_bundle_file};
pub use repository::TransferError;

/// Finds, fetches and publishes plugins.
#[derive(Clone)]
pub struct Registry {
    search: SearchPath,
    network: NetworkSettings,
    downloads: Option<PathBuf>,
    progress: Arc<dyn Progress>,
}

/// What is asked of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchRequest {
    /// The plugin's own name.
    pub plugin: String,
    /// Where to look.
    pub source: PluginSource,
    /// The versions that will do; none means the highest that is no pre-release.
    pub version: Option<semver::VersionReq>,
    /// The exact release that is locked. It is fetched by its digests; tags and `version` have no say then.
    pub locked: Option<LockedRelease>,
    /// Which of its signatures are wanted.
    pub signatures: SignatureLookup,
}

/// Where the signature bundles of a release in an OCI registry come from. Mirrors and files always say what is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SignatureLookup {
    /// From the source, each time: a signature that was added or taken back is seen. Where the source cannot be asked,
    /// or the run is offline, those that it listed last stand for them.
    #[default]
    AtSource,
    /// Those that this source listed when it was last asked; it is asked only when it never was.
    Kept,
}

/// One exact release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedRelease {
    /// Its version.
    pub version: semver::Version,
    /// The sha256 of its bytes.
    pub digest: Digest,
    /// The digest of its OCI manifest, where it was locked from a registry.
    pub manifest_digest: Option<Digest>,
}

impl Registry {
    /// Returns a registry client. Nothing is opened yet.
    ///
    /// `downloads` is the folder of the cache for what came over the network; without one everything is fetched
    /// anew.
    pub fn new(search: SearchPath, network: NetworkSettings, downloads: Option<PathBuf>) -> Self {
        Self {
            search,
            network,
            downloads,
            progress: Arc::new(NoProgress),
        }
    }

    /// Tells `progress` what goes on.
    #[must_use]
    pub fn with_progress(mut self, progress: Arc<dyn Progress>) -> Self {
        self.progress = progress;
        self
    }

    /// Returns the folders in which bundled plugins are looked for.
    pub fn search_path(&self) -> &SearchPath {
        &self.search
    }
}

/// What was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The repository.
    pub repository: OciRepository,
    /// The tag, which is the version of a plugin.
    pub tag: String,
    /// The digest of the OCI manifest.
    pub manifest_digest: Digest,
    /// How many signature bundles were put beside it.
    pub bundles: usize,
}

impl Registry {
    /// Returns the versions a source offers, lowest first. A local plugin without a manifest offers none.
    ///
    /// # Errors
    /// When the source cannot be asked.
    pub async fn versions(
        &self,
        plugin: &str,
        source: &PluginSource,
    ) -> Result<Vec<semver::Version>, RegistryError> {
        check_name(plugin)?;
        self.progress.report(ProgressEvent::Resolving {
            plugin: plugin.to_owned(),
            source: source.to_string(),
        });
        match source {
            PluginSource::Bundled | PluginSource::Path(_) => {
                Ok(self.read_local(plugin, source)?.version.into_iter().collect())
            }
            PluginSource::Mirror(folder) => {
                mirror::versions(&folder.path, plugin).map_err(|error| mirror_error(plugin, error))
            }
            PluginSource::Oci(repository) => {
                let tags = self.tags(plugin, repository).await?;
                Ok(tags.into_iter().map(|(version, _)| version).collect())
            }
        }
    }

    /// Returns the highest version of a source that `wanted` allows; pre-releases only where it names one.
    ///
    /// # Errors
    /// When the source cannot be asked or has none.
    pub async fn resolve(
        &self,
        plugin: &str,
        source: &PluginSource,
        wanted: Option<&semver::VersionReq>,
    ) -> Result<semver::Version, RegistryError> {
        let offered = self.versions(plugin, source).await?;
        highest(offered, wanted).map_err(|offered| no_version(plugin, source, wanted, offered))
    }

    /// Finds a plugin and reads its bytes.
    ///
    /// A local plugin without a manifest is returned without a version, and the caller checks what `describe` says
    /// with [`FetchedPlugin::require_version`]. From mirrors and registries, plugins without one are refused.
    ///
    /// With `locked` nothing is resolved: the release is taken by its digests, from the cache where it is there.
    ///
    /// # Errors
    /// When there is no version that will do, the bytes are not a plugin's, not this plugin's, or not those that are
    /// locked, or the source cannot be read.
    pub async fn fetch(&self, request: &FetchRequest) -> Result<FetchedPlugin, RegistryError> {
        check_name(&request.plugin)?;
        let found = match &request.source {
            PluginSource::Bundled | PluginSource::Path(_) => {
                self.read_local(&request.plugin, &request.source)?
            }
            PluginSource::Mirror(folder) => self.read_mirror(request, &folder.path).await?,
            PluginSource::Oci(repository) => self.read_repository(request, repository).await?,
        };
        if let Some(locked) = &request.locked {
            found.require_digest(&locked.digest)?;
        } else if let Some(version) = &found.version {
            found.require_version(version, request.version.as_ref())?;
        }
        Ok(found)
    }

    /// Reads the plugin in a file, whatever it is called: its name is the one in its manifest, or the file's.
    ///
    /// # Errors
    /// When the file cannot be read or is no plugin.
    pub fn fetch_file(&self, path: &Path) -> Result<FetchedPlugin, RegistryError> {
        let stem = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let (path, bytes) = local::read_path(&stem, path)?;
        let bundles = local::read_bundles_beside(&stem, &path)?;
        let place = path.display().to_string();
        let mut found = FetchedPlugin::unnamed(&stem, PluginSource::path(&path), place, bytes)?;
        found.bundles = bundles;
        Ok(found)
    }

    /// Pushes a plugin and the signature bundles that lie beside it to a repository; its version is the tag.
    ///
    /// Pushing the same plugin again adds bundles that are not there yet and changes nothing else.
    ///
    /// # Errors
    /// When the plugin does not carry its manifest, the version is taken by another, or the registry refuses.
    pub async fn publish(
        &self,
        plugin: &FetchedPlugin,
        repository: &OciRepository,
    ) -> Result<Published, RegistryError> {
        let Some(version) = &plugin.version else {
            return Err(RegistryError::NoManifest {
                plugin: plugin.name.clone(),
                place: plugin.place.clone(),
            });
        };
        let client = self.client(&plugin.name, repository).await?;
        client
            .publish(plugin, version)
            .await
            .map_err(|error| oci_error(&plugin.name, error))
    }

    /// Puts a plugin, with its signature bundles, into a mirror, and returns the files that were written. Call it once
    /// for each plugin, after its signature was verified.
    ///
    /// # Errors
    /// When the plugin does not carry its manifest, another is there under its version, or a file cannot be written.
    pub fn mirror(
        &self,
        plugin: &FetchedPlugin,
        folder: &Path,
        form: MirrorForm,
    ) -> Result<Vec<PathBuf>, RegistryError> {
        let written = match form {
            MirrorForm::Directory if mirror::is_layout(folder) => mirror::layout::write(folder, plugin),
            MirrorForm::Directory => mirror::write(folder, plugin),
            MirrorForm::OciLayout => mirror::layout::write(folder, plugin),
        }
        .map_err(|error| mirror_error(&plugin.name, error))?;
        for path in &written {
            self.progress
                .report(ProgressEvent::Written { path: path.clone() });
        }
        Ok(written)
    }

    fn read_local(&self, plugin: &str, source: &PluginSource) -> Result<FetchedPlugin, RegistryError> {
        let (path, bytes) = match source {
            PluginSource::Path(local_path) => local::read_path(plugin, &local_path.path)?,
            _ => local::read_bundled(plugin, &self.search)?,
        };
        let bundles = local::read_bundles_beside(plugin, &path)?;
        let mut found = FetchedPlugin::new(plugin, source.clone(), path.display().to_string(), bytes)?;
        found.bundles = bundles;
        Ok(found)
    }

    async fn read_mirror(&self, request: &FetchRequest, root: &Path) -> Result<FetchedPlugin, RegistryError> {
        let version = self.wanted_version(request).await?;
        let release = mirror::read(root, &request.plugin, &version)
            .map_err(|error| mirror_error(&request.plugin, error))?;
        let place = release.place.display().to_string();
        let source = request.source.clone();
        let mut found = FetchedPlugin::hashed(&request.plugin, source, place, release.bytes, release.digest)?;
        found.require_labels(&version)?;
        found.bundles = release.bundles;
        found.manifest_digest = release.manifest_digest;
        found.artifact = release.artifact;
        Ok(found)
    }

    async fn wanted_version(&self, request: &FetchRequest) -> Result<semver::Version, RegistryError> {
        match &request.locked {
            Some(locked) => Ok(locked.version.clone()),
            None => {
                self.resolve(&request.plugin, &request.source, request.version.as_ref())
                    .await
            }
        }
    }
}

/// Returns the highest version that will do, or all of them.
fn highest(
    offered: Vec<semver::Version>,
    wanted: Option<&semver::VersionReq>,
) -> Result<semver::Version, Vec<semver::Version>> {
    // `*` matches no pre-release, and nothing said means the same.
    let any = semver::VersionReq::STAR;
    let wanted = wanted.unwrap_or(&any);
    match offered
        .iter()
        .filter(|version| wanted.matches(version))
        .max()
        .cloned()
    {
        Some(version) => Ok(version),
        None => Err(offered),
    }
}

fn no_version(
    plugin: &str,
    source: &PluginSource,
    wanted: Option<&semver::VersionReq>,
    offered: Vec<semver::Version>,
) -> RegistryError {
    RegistryError::NoVersion {
        plugin: plugin.to_owned(),
        source_text: source.to_string(),
        wanted: wanted.cloned().unwrap_or(semver::VersionReq::STAR),
        offered,
    }
}

fn mirror_error(plugin: &str, source: MirrorError) -> RegistryError {
    RegistryError::Mirror {
        plugin: plugin.to_owned(),
        source: Box::new(source),
    }
}

pub(super) fn oci_error(plugin: &str, source: OciError) -> RegistryError {
    RegistryError::Oci {
        plugin: plugin.to_owned(),
        source: Box::new(source),
    }
}

#[cfg(test)]
mod tests;
