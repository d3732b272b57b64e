//! Finds plugins in every kind of source: which versions there are, which one fits, and its bytes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::digest::Digest;
use crate::error::RegistryError;
use crate::fetched::FetchedPlugin;
use crate::local;
use crate::name::check_name;
use crate::network::NetworkSettings;
use crate::progress::{NoProgress, Progress};
use crate::source::{PluginSource, SearchPath};

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
        match source {
            PluginSource::Bundled | PluginSource::Path(_) => {
                Ok(self.read_local(plugin, source)?.version.into_iter().collect())
            }
            PluginSource::Mirror(_) | PluginSource::Oci(_) => Err(RegistryError::NotYet),
        }
    }

    /// Finds a plugin and reads its bytes.
    ///
    /// A local plugin without a manifest is returned without a version, and the caller checks what `describe` says
    /// with [`FetchedPlugin::require_version`].
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
            PluginSource::Mirror(_) | PluginSource::Oci(_) => return Err(RegistryError::NotYet),
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
}
