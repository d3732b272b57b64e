//! What a registry answers, checked without touching the network: bytes in, a checked description or a reason out.
//!
//! The bytes may be hostile. Nothing here trusts a media type, a size or a digest that it did not check.

use oci_client::manifest::{OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciImageManifest};
use oci_wasm::{WASM_LAYER_MEDIA_TYPE, WASM_MANIFEST_CONFIG_MEDIA_TYPE};

use crate::digest::Digest;
use crate::fetched::BUNDLE_LIMIT;
use crate::local::PLUGIN_LIMIT;

/// How large a manifest or an index may be: what the distribution specification asks registries to take.
pub const MANIFEST_LIMIT: u64 = 4 * 1024 * 1024;
/// How large the configuration of a plugin's artifact may be.
pub const CONFIGURATION_LIMIT: u64 = 1024 * 1024;
/// The type of a signature bundle, as an artifact and as its layer.
pub const BUNDLE_MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// The type of a layer that is a bundle of policies: an archive as OPA builds and loads it.
pub const ARCHIVE_MEDIA_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// The type of a layer that is a file in Rego, as Conftest pushes it.
pub const REGO_MEDIA_TYPE: &str = "application/vnd.cncf.openpolicyagent.policy.layer.v1+rego";
/// The type of a layer that is a file with data, as Conftest pushes it.
pub const DATA_MEDIA_TYPE: &str = "application/vnd.cncf.openpolicyagent.data.layer.v1+json";
/// The type of the configuration of policies, which says nothing.
pub const POLICY_CONFIGURATION_MEDIA_TYPE: &str = "application/vnd.cncf.openpolicyagent.config.v1+json";
/// How large a bundle of policies may be, and all files of one together.
pub const POLICY_LIMIT: u64 = 8 * 1024 * 1024;
/// How many files a bundle may be pushed as.
const LAYER_LIMIT: usize = 1024;
/// The annotation with the name of a plugin or a file.
pub const TITLE_ANNOTATION: &str = "org.opencontainers.image.title";
/// The annotation with the plugin's version.
pub const VERSION_ANNOTATION: &str = "org.opencontainers.image.version";
/// The annotation under which an image layout keeps a name.
pub const REFERENCE_ANNOTATION: &str = "org.opencontainers.image.ref.name";

/// Says why an answer cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// It is larger than it may be.
    #[error("the manifest has {bytes} bytes, more than the limit of {MANIFEST_LIMIT}")]
    TooLarge {
        /// Its size.
        bytes: u64,
    },
    /// It is not the one that was asked for.
    #[error("the manifest has the digest {found}, but {expected} was asked for")]
    WrongDigest {
        /// What was asked for.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// It is no manifest.
    #[error("it is not an OCI manifest: {reason}")]
    Malformed {
        /// What is wrong, and where.
        reason: String,
    },
    /// It is of another kind.
    #[error("its {what} has the type `{}`, but `{expected}` is expected", found.escape_debug())]
    WrongType {
        /// Which part.
        what: &'static str,
        /// The type it has.
        found: String,
        /// The type that is expected.
        expected: &'static str,
    },
    /// It has more layers than one, or none.
    #[error("it has {found} layers, and exactly one is expected")]
    Layers {
        /// How many.
        found: usize,
    },
    /// A part of it is too large, or its size is not one.
    #[error("its {what} has the size {size}, and the limit is {limit} bytes")]
    Size {
        /// Which part.
        what: &'static str,
        /// The size it gives.
        size: i64,
        /// How large it may be.
        limit: u64,
    },
    /// The digest of a part is not one.
    #[error("the digest of its {what} is not a sha256 one")]
    Digest {
        /// Which part.
        what: &'static str,
    },
    /// A signature bundle belongs to something else.
    #[error("it is about another manifest")]
    WrongSubject,
    /// It has neither one archive nor files in Rego.
    #[error(
        "it holds no policies: expected one layer of the type `{ARCHIVE_MEDIA_TYPE}`, or layers of the type \
         `{REGO_MEDIA_TYPE}`, found {}",
        found.escape_debug()
    )]
    NoPolicies {
        /// The types it has.
        found: String,
    },
    /// A layer that is a file does not say its path.
    #[error("one of its layers has no annotation `{TITLE_ANNOTATION}`, which says the path of the file")]
    NoTitle,
    /// It has too many layers.
    #[error("it has {found} layers, more than the limit of {LAYER_LIMIT}")]
    TooManyLayers {
        /// How many.
        found: usize,
    },
}

/// A part that a manifest names, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The digest of its bytes.
    pub digest: Digest,
    /// Its size in bytes, within the limit of its kind.
    pub size: u64,
}

/// The checked manifest of a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginManifest {
    /// The digest of the manifest itself, over its bytes as they came.
    pub digest: Digest,
    /// The configuration.
    pub configuration: Part,
    /// The plugin.
    pub plugin: Part,
    /// The name of the plugin, where the annotations say it. The plugin itself has the last word.
    pub title: Option<String>,
    /// The version of the plugin, where the annotations say it. The plugin itself has the last word.
    pub version: Option<String>,
}

/// Reads the manifest of a plugin.
///
/// # Errors
/// When the bytes are not those asked for, are no manifest, or are the manifest of something other than one
/// WebAssembly component.
pub fn read_plugin_manifest(
    bytes: &[u8],
    expected: Option<&Digest>,
) -> Result<PluginManifest, ManifestError> {
    let digest = check_bytes(bytes, expected)?;
    let manifest = read_image_manifest(bytes)?;
    check_type(
        "configuration",
        &manifest.config.media_type,
        WASM_MANIFEST_CONFIG_MEDIA_TYPE,
    )?;
    let [layer] = manifest.layers.as_slice() else {
        return Err(ManifestError::Layers {
            found: manifest.layers.len(),
        });
    };
    check_type("layer", &layer.media_type, WASM_LAYER_MEDIA_TYPE)?;
    let annotation = |name: &str| manifest.annotations.as_ref()?.get(name).cloned();
    Ok(PluginManifest {
        digest,
        configuration: part("configuration", &manifest.config, CONFIGURATION_LIMIT)?,
        plugin: part("layer", layer, PLUGIN_LIMIT)?,
        title: annotation(TITLE_ANNOTATION),
        version: annotation(VERSION_ANNOTATION),
    })
}

/// The checked manifest of a package of policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoliciesManifest {
    /// The digest of the manifest itself, over its bytes as they came.
    pub digest: Digest,
    /// What it names.
    pub content: PoliciesContent,
}

/// The forms in which policies are pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoliciesContent {
    /// One archive, as OPA loads it.
    Archive(Part),
    /// Each file for itself with its path, as Conftest pushes them.
    Files(Vec<(String, Part)>),
}

/// Reads the manifest of a package of policies. Its configuration is not asked for: it says nothing.
///
/// # Errors
/// When the bytes are not those asked for, are no manifest, or hold neither one archive nor files in Rego.
pub fn read_policies_manifest(
    bytes: &[u8],
    expected: Option<&Digest>,
) -> Result<PoliciesManifest, ManifestError> {
    let digest = check_bytes(bytes, expected)?;
    let layers = read_image_manifest(bytes)?.layers;
    if layers.len() > LAYER_LIMIT {
        return Err(ManifestError::TooManyLayers { found: layers.len() });
    }
    let is_file =
        |layer: &OciDescriptor| [REGO_MEDIA_TYPE, DATA_MEDIA_TYPE].contains(&layer.media_type.as_str());
    let content = match layers.as_slice() {
        [layer] if layer.media_type == ARCHIVE_MEDIA_TYPE => {
            PoliciesContent::Archive(part("layer", layer, POLICY_LIMIT)?)
        }
        [_, ..] if layers.iter().all(is_file) => PoliciesContent::Files(
            layers
                .iter()
                .map(|layer| {
                    let annotations = layer.annotations.as_ref();
                    let title = annotations.and_then(|annotations| annotations.get(TITLE_ANNOTATION));
                    let title = title.ok_or(ManifestError::NoTitle)?;
                    Ok((title.clone(), part("layer", layer, POLICY_LIMIT)?))
                })
                .collect::<Result<_, _>>()?,
        ),
        _ => {
            let types: Vec<&str> = layers
                .iter()
                .map(|layer| layer.media_type.as_str())
                .take(4)
                .collect();
            let found: String = types.join(", ").chars().take(256).collect();
            return Err(ManifestError::NoPolicies {
                found: if found.is_empty() {
                    "no layer".to_owned()
                } else {
                    found
                },
            });
        }
    };
    Ok(PoliciesManifest { digest, content })
}

/// The checked manifest of a signature bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BundleManifest {
    /// The configuration, which says nothing.
    pub configuration: Part,
    /// The bundle.
    pub bundle: Part,
}

/// Reads the manifest of a signature bundle that is about `subject`.
///
/// # Errors
/// When the bytes are not those asked for, are no manifest of a bundle, or the bundle is about something else.
pub fn read_bundle_manifest(
    bytes: &[u8],
    expected: &Digest,
    subject: &Digest,
) -> Result<BundleManifest, ManifestError> {
    check_bytes(bytes, Some(expected))?;
    let manifest = read_image_manifest(bytes)?;
    let [layer] = manifest.layers.as_slice() else {
        return Err(ManifestError::Layers {
            found: manifest.layers.len(),
        });
    };
    check_type("layer", &layer.media_type, BUNDLE_MEDIA_TYPE)?;
    match &manifest.subject {
        Some(about) if about.digest == subject.to_string() => {}
        _ => return Err(ManifestError::WrongSubject),
    }
    Ok(BundleManifest {
        configuration: part("configuration", &manifest.config, CONFIGURATION_LIMIT)?,
        bundle: part("bundle", layer, BUNDLE_LIMIT)?,
    })
}

/// Checks the bytes of a manifest: how many they are and, where it is known, their digest. Returns the digest.
fn check_bytes(bytes: &[u8], expected: Option<&Digest>) -> Result<Digest, ManifestError> {
    if bytes.len() as u64 > MANIFEST_LIMIT {
        return Err(ManifestError::TooLarge {
            bytes: bytes.len() as u64,
        });
    }
    let found = Digest::of(bytes);
    match expected {
        Some(expected) if *expected != found => Err(ManifestError::WrongDigest {
            expected: *expected,
            found,
        }),
        _ => Ok(found),
    }
}

fn read_image_manifest(bytes: &[u8]) -> Result<OciImageManifest, ManifestError> {
    let manifest: OciImageManifest = serde_json::from_slice(bytes).map_err(malformed)?;
    if manifest.schema_version != 2 {
        return Err(ManifestError::Malformed {
            reason: format!("schemaVersion is {}, not 2", manifest.schema_version),
        });
    }
    check_type(
        "manifest",
        manifest.media_type.as_deref().unwrap_or(OCI_IMAGE_MEDIA_TYPE),
        OCI_IMAGE_MEDIA_TYPE,
    )?;
    Ok(manifest)
}

fn malformed(error: serde_json::Error) -> ManifestError {
    ManifestError::Malformed {
        reason: error.to_string(),
    }
}

fn check_type(what: &'static str, found: &str, expected: &'static str) -> Result<(), ManifestError> {
    if found == expected {
        return Ok(());
    }
    Err(ManifestError::WrongType {
        what,
        found: found.chars().take(128).collect(),
        expected,
    })
}

fn part(what: &'static str, descriptor: &OciDescriptor, limit: u64) -> Result<Part, ManifestError> {
    let size = u64::try_from(descriptor.size)
        .ok()
        .filter(|size| *size <= limit)
        .ok_or(ManifestError::Size {
            what,
            size: descriptor.size,
            limit,
        })?;
    let digest = descriptor
        .digest
        .parse()
        .map_err(|_| ManifestError::Digest { what })?;
    Ok(Part { digest, size })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::tests::component;
    use crate::fetched::FetchedPlugin;
    use crate::oci::artifact::{Artifact, bundle_manifest};
    use crate::source::PluginSource;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn manifest() -> Vec<u8> {
        let plugin = FetchedPlugin::new(
            "aws",
            PluginSource::Bundled,
            "x".into(),
            component("aws", "1.2.3"),
        )
        .unwrap();
        Artifact::of(&plugin).unwrap().manifest
    }

    fn changed(change: impl Fn(&mut Value)) -> Vec<u8> {
        let mut value: Value = serde_json::from_slice(&manifest()).unwrap();
        change(&mut value);
        serde_json::to_vec(&value).unwrap()
    }

    #[test]
    fn the_manifest_that_is_pushed_is_one_that_is_accepted() {
        let bytes = manifest();
        let read = read_plugin_manifest(&bytes, Some(&Digest::of(&bytes))).unwrap();
        assert_eq!(read.plugin.digest, Digest::of(&component("aws", "1.2.3")));
        assert_eq!(
            (read.title.as_deref(), read.version.as_deref()),
            (Some("aws"), Some("1.2.3"))
        );
    }

    fn policies(layers: Value) -> Vec<u8> {
        let empty = Digest::of(b"{}");
        let text = json!({
            "schemaVersion": 2, "mediaType": OCI_IMAGE_MEDIA_TYPE, "layers": layers,
            "config": {"mediaType": POLICY_CONFIGURATION_MEDIA_TYPE, "digest": empty, "size": 2},
        });
        text.to_string().into_bytes()
    }

    fn layer(kind: &str, title: Option<&str>, size: u64) -> Value {
        let mut layer = json!({"mediaType": kind, "digest": Digest::of(b"x"), "size": size});
        if let Some(title) = title {
            layer["annotations"] = json!({ TITLE_ANNOTATION: title });
        }
        layer
    }

    #[test]
    fn policies_are_one_archive_or_files_with_their_paths() {
        let bytes = Artifact::of_policies("encryption", b"archive").unwrap().manifest;
        let read = read_policies_manifest(&bytes, Some(&Digest::of(&bytes))).unwrap();
        let archive = Part {
            digest: Digest::of(b"archive"),
            size: 7,
        };
        assert_eq!(read.content, PoliciesContent::Archive(archive));
        assert!(read_policies_manifest(&bytes, Some(&Digest::of(b"other"))).is_err());

        let part = Part {
            digest: Digest::of(b"x"),
            size: 1,
        };
        let pushed = policies(json!([
            layer(REGO_MEDIA_TYPE, Some("policy/a.rego"), 1),
            layer(DATA_MEDIA_TYPE, Some("policy/data.json"), 1),
        ]));
        let read = read_policies_manifest(&pushed, None).unwrap();
        let files = ["policy/a.rego", "policy/data.json"].map(|path| (path.to_owned(), part));
        assert_eq!(read.content, PoliciesContent::Files(files.into()));
    }

    #[test]
    fn a_manifest_without_policies_or_with_too_much_is_refused() {
        let many: Vec<Value> = (0..=LAYER_LIMIT)
            .map(|number| layer(REGO_MEDIA_TYPE, Some(&number.to_string()), 1))
            .collect();
        for (layers, part) in [
            (json!([]), "found no layer"),
            (
                json!([layer("application/wasm", None, 1)]),
                "found application/wasm",
            ),
            (
                json!([
                    layer(ARCHIVE_MEDIA_TYPE, None, 1),
                    layer(ARCHIVE_MEDIA_TYPE, None, 1)
                ]),
                "no policies",
            ),
            (
                json!([
                    layer(REGO_MEDIA_TYPE, Some("a"), 1),
                    layer(ARCHIVE_MEDIA_TYPE, None, 1)
                ]),
                "no policies",
            ),
            (
                json!([layer(ARCHIVE_MEDIA_TYPE, None, POLICY_LIMIT + 1)]),
                "the limit is 8388608 bytes",
            ),
            (json!([layer(REGO_MEDIA_TYPE, None, 1)]), "no annotation"),
            (json!(many), "more than the limit of 1024"),
        ] {
            let error = read_policies_manifest(&policies(layers), None)
                .unwrap_err()
                .to_string();
            assert!(error.contains(part), "{part}: {error}");
        }
    }

    #[test]
    fn a_change_of_any_byte_is_refused_when_the_digest_is_known() {
        let bytes = manifest();
        let digest = Digest::of(&bytes);
        for position in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[position] ^= 1;
            assert!(matches!(
                read_plugin_manifest(&flipped, Some(&digest)),
                Err(ManifestError::WrongDigest { .. })
            ));
        }
    }

    #[test]
    fn what_is_no_plugin_is_refused() {
        let refused = |change: &dyn Fn(&mut Value)| read_plugin_manifest(&changed(change), None).unwrap_err();
        let image = "application/vnd.oci.image.config.v1+json";
        assert!(matches!(
            refused(&|m| m["config"]["mediaType"] = json!(image)),
            ManifestError::WrongType {
                what: "configuration",
                ..
            }
        ));
        assert!(matches!(
            refused(&|m| m["layers"][0]["mediaType"] = json!("application/vnd.oci.image.layer.v1.tar")),
            ManifestError::WrongType { what: "layer", .. }
        ));
        assert!(matches!(
            refused(&|m| m["mediaType"] = json!("application/vnd.docker.distribution.manifest.v2+json")),
            ManifestError::WrongType { what: "manifest", .. }
        ));
        assert!(matches!(
            refused(&|m| m["layers"] = json!([])),
            ManifestError::Layers { found: 0 }
        ));
        assert!(matches!(
            refused(&|m| {
                let layer = m["layers"][0].clone();
                m["layers"] = json!([layer, layer]);
            }),
            ManifestError::Layers { found: 2 }
        ));
        assert!(matches!(
            refused(&|m| m["schemaVersion"] = json!(1)),
            ManifestError::Malformed { .. }
        ));
    }

    #[test]
    fn a_size_that_is_negative_or_beyond_the_limit_is_refused() {
        for size in [-1, i64::MIN, i64::MAX, i64::try_from(PLUGIN_LIMIT).unwrap() + 1] {
            let bytes = changed(|m| m["layers"][0]["size"] = json!(size));
            assert!(
                matches!(
                    read_plugin_manifest(&bytes, None),
                    Err(ManifestError::Size { .. })
                ),
                "{size}"
            );
        }
    }

    #[test]
    fn a_digest_of_another_algorithm_and_a_manifest_beyond_the_limit_are_refused() {
        let bytes = changed(|m| m["layers"][0]["digest"] = json!("sha512:00"));
        assert!(matches!(
            read_plugin_manifest(&bytes, None),
            Err(ManifestError::Digest { .. })
        ));
        let huge = vec![b' '; usize::try_from(MANIFEST_LIMIT).unwrap() + 1];
        assert!(matches!(
            read_plugin_manifest(&huge, None),
            Err(ManifestError::TooLarge { .. })
        ));
    }

    #[test]
    fn a_bundle_about_another_plugin_is_refused() {
        let (subject, other) = (manifest(), changed(|m| m["annotations"]["x"] = json!("y")));
        let bundle = bundle_manifest(b"{}", &subject).unwrap();
        let digest = Digest::of(&bundle);
        assert_eq!(
            read_bundle_manifest(&bundle, &digest, &Digest::of(&subject))
                .unwrap()
                .bundle
                .digest,
            Digest::of(b"{}")
        );
        assert_eq!(
            read_bundle_manifest(&bundle, &digest, &Digest::of(&other)),
            Err(ManifestError::WrongSubject)
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_readers_panic(position in 0usize..400, bytes in proptest::collection::vec(any::<u8>(), 0..8)) {
            let mut text = manifest();
            let at = position.min(text.len());
            text.splice(at..at, bytes);
            let digest = Digest::of(&text);
            let _ = read_plugin_manifest(&text, None);
            let _ = super::super::index::Index::read(&text);
            let _ = read_bundle_manifest(&text, &digest, &digest);
        }
    }
}
