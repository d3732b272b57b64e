//! The manifests that are pushed: of a plugin, of a package of policies, and of a signature bundle beside them.
//!
//! The same bytes always make the same manifest, on every machine and at every time: there is no date in it.

use std::collections::BTreeMap;

use oci_client::client::{Config, ImageLayer};
use oci_client::manifest::{OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciImageManifest};
use oci_wasm::{
    COMPONENT_OS, ToConfig as _, WASM_ARCHITECTURE, WASM_LAYER_MEDIA_TYPE, WASM_MANIFEST_MEDIA_TYPE,
    WasmConfig,
};

use super::manifest::{
    ARCHIVE_MEDIA_TYPE, BUNDLE_MEDIA_TYPE, POLICY_CONFIGURATION_MEDIA_TYPE, TITLE_ANNOTATION,
    VERSION_ANNOTATION,
};
use crate::digest::Digest;
use crate::fetched::FetchedPlugin;

/// The date in every configuration: a date of its own would make every push another one.
const CREATED: &str = "1970-01-01T00:00:00Z";
/// The type of a configuration that says nothing.
const EMPTY_MEDIA_TYPE: &str = "application/vnd.oci.empty.v1+json";
/// The configuration that says nothing.
pub(crate) const EMPTY: &[u8] = b"{}";

/// Says why a manifest could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the OCI manifest cannot be made: {reason}")]
pub struct ArtifactError {
    /// Why.
    pub reason: String,
}

/// What stands for a plugin or a package of policies in a registry, beside its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The manifest.
    pub manifest: Vec<u8>,
    /// The configuration that the manifest names.
    pub configuration: Vec<u8>,
}

impl Artifact {
    /// Returns what stands for a plugin: what came with it from a registry, or else what would be pushed.
    ///
    /// # Errors
    /// When it cannot be put into JSON.
    pub fn of(plugin: &FetchedPlugin) -> Result<Self, ArtifactError> {
        match &plugin.artifact {
            Some(artifact) => Ok(artifact.clone()),
            None => Self::new(plugin),
        }
    }

    fn new(plugin: &FetchedPlugin) -> Result<Self, ArtifactError> {
        // The library's type holds a date of a crate of its own, so the date goes in as text.
        let text = serde_json::json!({
            "created": CREATED,
            "author": null,
            "architecture": WASM_ARCHITECTURE,
            "os": COMPONENT_OS,
            "layerDigests": [plugin.digest],
            "component": { "exports": plugin.exports, "imports": plugin.imports, "target": null },
        });
        let config: Config = WasmConfig::try_from(text.to_string())
            .and_then(|config| config.to_config())
            .map_err(|error| ArtifactError {
                reason: error.to_string(),
            })?;
        let configuration = config.data.to_vec();
        let mut annotations = BTreeMap::from([(TITLE_ANNOTATION.to_owned(), plugin.name.clone())]);
        if let Some(version) = &plugin.version {
            annotations.insert(VERSION_ANNOTATION.to_owned(), version.to_string());
        }
        let layer = ImageLayer::new(plugin.bytes.clone(), WASM_LAYER_MEDIA_TYPE.to_owned(), None);
        let mut manifest = OciImageManifest::build(&[layer], &config, Some(annotations));
        manifest.media_type = Some(WASM_MANIFEST_MEDIA_TYPE.to_owned());
        Ok(Self {
            manifest: json(&manifest)?,
            configuration,
        })
    }

    /// Returns what stands for a package of policies. Its layer has the type by which OPA finds a bundle, too.
    ///
    /// # Errors
    /// When it cannot be put into JSON.
    pub fn of_policies(name: &str, archive: &[u8]) -> Result<Self, ArtifactError> {
        let title = BTreeMap::from([(TITLE_ANNOTATION.to_owned(), format!("{name}.tar.gz"))]);
        let mut layer = descriptor(ARCHIVE_MEDIA_TYPE, archive);
        layer.annotations = Some(title);
        let manifest = OciImageManifest {
            media_type: Some(OCI_IMAGE_MEDIA_TYPE.to_owned()),
            config: descriptor(POLICY_CONFIGURATION_MEDIA_TYPE, EMPTY),
            layers: vec![layer],
            ..OciImageManifest::default()
        };
        Ok(Self {
            manifest: json(&manifest)?,
            configuration: EMPTY.to_vec(),
        })
    }

    /// Returns the digest of the manifest.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.manifest)
    }
}

/// Returns the manifest of a signature bundle that is about the manifest `subject`.
///
/// # Errors
/// When it cannot be put into JSON.
pub fn bundle_manifest(bundle: &[u8], subject: &[u8]) -> Result<Vec<u8>, ArtifactError> {
    let manifest = OciImageManifest {
        media_type: Some(OCI_IMAGE_MEDIA_TYPE.to_owned()),
        artifact_type: Some(BUNDLE_MEDIA_TYPE.to_owned()),
        config: descriptor(EMPTY_MEDIA_TYPE, EMPTY),
        layers: vec![descriptor(BUNDLE_MEDIA_TYPE, bundle)],
        subject: Some(descriptor(OCI_IMAGE_MEDIA_TYPE, subject)),
        ..OciImageManifest::default()
    };
    json(&manifest)
}

fn descriptor(media_type: &str, bytes: &[u8]) -> OciDescriptor {
    OciDescriptor {
        media_type: media_type.to_owned(),
        digest: Digest::of(bytes).to_string(),
        size: size(bytes),
        ..OciDescriptor::default()
    }
}

fn size(bytes: &[u8]) -> i64 {
    i64::try_from(bytes.len()).unwrap_or(i64::MAX)
}

pub(crate) fn json(value: &impl serde::Serialize) -> Result<Vec<u8>, ArtifactError> {
    serde_json::to_vec(value).map_err(|error| ArtifactError {
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::tests::component;
    use crate::source::PluginSource;

    fn plugin() -> FetchedPlugin {
        FetchedPlugin::new(
            "aws",
            PluginSource::Bundled,
            "x".into(),
            component("aws", "1.2.3"),
        )
        .unwrap()
    }

    #[test]
    fn the_same_bytes_make_the_same_manifest() {
        let (once, again) = (Artifact::of(&plugin()).unwrap(), Artifact::of(&plugin()).unwrap());
        assert_eq!(once, again);
        let configuration: serde_json::Value = serde_json::from_slice(&once.configuration).unwrap();
        assert_eq!(configuration["created"], CREATED);
        assert_eq!(configuration["os"], "wasip2");
        assert_eq!(
            configuration["component"]["exports"][0],
            "konductor:plugin/plugin@0.1.0"
        );
        assert_eq!(configuration["layerDigests"][0], plugin().digest.to_string());
    }

    #[test]
    fn what_came_from_a_registry_is_passed_on_unchanged() {
        let foreign = Artifact {
            manifest: b"{}".to_vec(),
            configuration: b"{}".to_vec(),
        };
        let mut plugin = plugin();
        plugin.artifact = Some(foreign.clone());
        assert_eq!(Artifact::of(&plugin).unwrap(), foreign);
    }
}
