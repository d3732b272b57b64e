//! A plugin that is here: its bytes and what is known of them before they run.

use konductor_model::manifest::Manifest;

use crate::component::ComponentOutline;
use crate::digest::Digest;
use crate::error::RegistryError;
use crate::name::check_name;
use crate::oci::artifact::Artifact;
use crate::source::PluginSource;

/// How many signature bundles of one plugin are looked at.
pub const BUNDLE_COUNT_LIMIT: usize = 16;
/// How large a signature bundle may be, in bytes.
pub const BUNDLE_LIMIT: u64 = 1024 * 1024;

/// A plugin whose bytes were read.
///
/// They were read once: `digest` was taken from this buffer, and whoever verifies a signature or compiles must do it
/// from this buffer, too. Nothing about them was verified beyond what the source itself promised (a digest in a
/// registry's manifest, in a mirror's descriptor or in the lock file): signatures and policy come after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedPlugin {
    /// The plugin's own name, which is the one in its manifest.
    pub name: String,
    /// Its version by its manifest; none for a local plugin without one, whose version `describe` tells.
    pub version: Option<semver::Version>,
    /// The source it was asked of.
    pub source: PluginSource,
    /// The file or address the bytes came from, for a person.
    pub place: String,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The sha256 of the bytes.
    pub digest: Digest,
    /// The digest of the OCI manifest that stands for it in a registry; none for plugins that were in none.
    pub manifest_digest: Option<Digest>,
    /// The OCI manifest and configuration that came with it, so that it can be passed on unchanged; none for plugins
    /// that were in no registry.
    pub artifact: Option<Artifact>,
    /// Signature bundles that were found beside it. They may belong to other bytes.
    pub bundles: Vec<Vec<u8>>,
    /// The manifest in the bytes; none when it was not packed.
    pub manifest: Option<Manifest>,
    /// The digest of the manifest's text, which is what an approval is given for.
    pub manifest_text_digest: Option<Digest>,
    /// The version of the interface it exports; none when it exports none, and then it will not load.
    pub interface_version: Option<semver::Version>,
    /// The names it imports.
    pub imports: Vec<String>,
    /// The names it exports.
    pub exports: Vec<String>,
}

impl FetchedPlugin {
    /// Takes bytes over, hashes them and reads what they say.
    ///
    /// # Errors
    /// When they are no component, carry a manifest that cannot be read, or are those of another plugin.
    pub fn new(
        name: &str,
        source: PluginSource,
        place: String,
        bytes: Vec<u8>,
    ) -> Result<Self, RegistryError> {
        let digest = Digest::of(&bytes);
        Self::hashed(name, source, place, bytes, digest)
    }

    /// Takes bytes over whose digest was taken from this very buffer: hashing a large plugin takes milliseconds.
    pub(crate) fn hashed(
        name: &str,
        source: PluginSource,
        place: String,
        bytes: Vec<u8>,
        digest: Digest,
    ) -> Result<Self, RegistryError> {
        check_name(name)?;
        let found = Self::read(name, source, place, bytes, digest)?;
        if found.name != name {
            return Err(RegistryError::WrongName {
                plugin: name.to_owned(),
                place: found.place,
                found: found.name,
            });
        }
        Ok(found)
    }

    /// Takes bytes over that name their plugin themselves; `otherwise` is the name of those that do not.
    pub(crate) fn unnamed(
        otherwise: &str,
        source: PluginSource,
        place: String,
        bytes: Vec<u8>,
    ) -> Result<Self, RegistryError> {
        let digest = Digest::of(&bytes);
        Self::read(otherwise, source, place, bytes, digest)
    }

    fn read(
        otherwise: &str,
        source: PluginSource,
        place: String,
        bytes: Vec<u8>,
        digest: Digest,
    ) -> Result<Self, RegistryError> {
        let outline = ComponentOutline::read(&bytes).map_err(|source| RegistryError::Component {
            plugin: otherwise.to_owned(),
            place: place.clone(),
            source,
        })?;
        let (manifest, manifest_text_digest) = outline.manifest.unzip();
        let name = manifest
            .as_ref()
            .map_or(otherwise, |manifest| manifest.name.as_str());
        check_name(name)?;
        Ok(Self {
            name: name.to_owned(),
            version: manifest.as_ref().map(|manifest| manifest.version.clone()),
            source,
            place,
            digest,
            bytes,
            manifest_digest: None,
            artifact: None,
            bundles: Vec::new(),
            manifest,
            manifest_text_digest,
            interface_version: outline.interface_version,
            imports: outline.imports,
            exports: outline.exports,
        })
    }

    /// Checks a version against those asked for: the one in the manifest, or the one `describe` told.
    ///
    /// # Errors
    /// When it is none of them.
    pub fn require_version(
        &self,
        found: &semver::Version,
        wanted: Option<&semver::VersionReq>,
    ) -> Result<(), RegistryError> {
        match wanted {
            Some(wanted) if !wanted.matches(found) => Err(RegistryError::WrongVersion {
                plugin: self.name.clone(),
                place: self.place.clone(),
                found: found.clone(),
                wanted: wanted.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// Checks that the plugin carries its manifest, and the version that its tag or folder promised. Whoever may
    /// write tags could otherwise hand out an old release, with its valid signature, under a new number.
    pub(crate) fn require_labels(&self, promised: &semver::Version) -> Result<(), RegistryError> {
        match &self.version {
            None => Err(RegistryError::NoManifest {
                plugin: self.name.clone(),
                place: self.place.clone(),
            }),
            Some(found) if found != promised => Err(RegistryError::MislabelledVersion {
                plugin: self.name.clone(),
                place: self.place.clone(),
                expected: promised.to_string(),
                found: found.to_string(),
            }),
            Some(_) => Ok(()),
        }
    }

    /// Checks the digest against one that is locked.
    pub(crate) fn require_digest(&self, expected: &Digest) -> Result<(), RegistryError> {
        if self.digest == *expected {
            return Ok(());
        }
        Err(RegistryError::WrongDigest {
            plugin: self.name.clone(),
            place: self.place.clone(),
            expected: *expected,
            found: self.digest,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::tests::{bare_component, component};

    fn fetched(bytes: Vec<u8>) -> FetchedPlugin {
        FetchedPlugin::new("aws", PluginSource::Bundled, "aws.wasm".into(), bytes).unwrap()
    }

    #[test]
    fn a_version_outside_the_requirement_is_refused_with_both_named() {
        let plugin = fetched(component("aws", "1.2.3"));
        let wanted = semver::VersionReq::parse("^2").unwrap();
        let found = plugin.version.clone().unwrap();
        let error = plugin
            .require_version(&found, Some(&wanted))
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "plugin `aws` in aws.wasm has version 1.2.3, but `^2` is required"
        );
        assert!(plugin.require_version(&found, None).is_ok());
    }

    #[test]
    fn a_plugin_under_another_name_or_number_than_its_own_is_refused() {
        let bytes = component("azure", "1.2.3");
        let error = FetchedPlugin::new("aws", PluginSource::Bundled, "x".into(), bytes).unwrap_err();
        assert!(matches!(error, RegistryError::WrongName { found, .. } if found == "azure"));
        let plugin = fetched(component("aws", "1.2.3"));
        assert!(plugin.require_labels(&semver::Version::new(1, 2, 3)).is_ok());
        assert!(matches!(
            plugin.require_labels(&semver::Version::new(2, 0, 0)),
            Err(RegistryError::MislabelledVersion { .. })
        ));
        assert!(matches!(
            fetched(bare_component()).require_labels(&semver::Version::new(1, 2, 3)),
            Err(RegistryError::NoManifest { .. })
        ));
    }

    #[test]
    fn other_bytes_than_those_locked_are_refused_with_both_digests() {
        let plugin = fetched(component("aws", "1.2.3"));
        let other = Digest::of(b"other");
        let error = plugin.require_digest(&other).unwrap_err().to_string();
        assert!(
            error.contains(&other.to_string()) && error.contains(&plugin.digest.to_string()),
            "{error}"
        );
    }
}
