//! What a plugin's bytes say about it before anything of it is compiled or run: its manifest, which
//! `konductor plugin pack` puts into a custom section, and the interfaces it imports and exports.
//!
//! The bytes may be hostile. Only the outermost level is read, nested modules are stepped over, and every count
//! and length has a limit. That the component is well formed all through is the compiler's to find out.

use konductor_model::manifest::Manifest;
use wasm_encoder::ComponentSection as _;
use wasmparser::{Chunk, Encoding, Parser, Payload};

use crate::digest::Digest;

/// The name of the custom section that holds the manifest, as the JSON that `describe` answers with.
pub const MANIFEST_SECTION: &str = "konductor:manifest";
/// The package that defines the interface.
const PACKAGE: &str = "konductor:plugin";
/// How large the manifest may be.
const MANIFEST_LIMIT: usize = 1024 * 1024;
/// How many sections are read. A plugin of thousands of functions has a few hundred.
const SECTION_LIMIT: usize = 100_000;
/// How many names may be imported, and how many exported.
const NAME_LIMIT: usize = 4096;
/// How long such a name may be.
const NAME_LENGTH_LIMIT: usize = 1024;

/// Says why the bytes are not those of a plugin.
#[derive(Debug, thiserror::Error)]
pub enum ComponentError {
    /// The bytes are no WebAssembly component.
    #[error("it is not a WebAssembly component: {reason}")]
    Malformed {
        /// What is wrong, and where.
        reason: String,
    },
    /// It is a module, which is what a component is made of.
    #[error(
        "it is a WebAssembly module, not a component: build it for the target wasm32-wasip2, or make a component of it with `wasm-tools component new`"
    )]
    Module,
    /// It is too large in some way.
    #[error("it has {what}, more than the limit of {limit}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much there may be.
        limit: usize,
    },
    /// There are several manifests.
    #[error(
        "it has more than one section `{MANIFEST_SECTION}`, so what it says about itself is ambiguous: pack it again"
    )]
    SeveralManifests,
    /// The manifest cannot be read.
    #[error("its section `{MANIFEST_SECTION}` is not a manifest")]
    Manifest {
        /// Why.
        source: serde_json::Error,
    },
}

/// What the bytes of a plugin say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentOutline {
    /// The names it imports, in its order.
    pub imports: Vec<String>,
    /// The names it exports, in its order.
    pub exports: Vec<String>,
    /// The version of `konductor:plugin` it exports `plugin` from; none when it does not.
    pub interface_version: Option<semver::Version>,
    /// The manifest and the digest of its text; none when it was not packed.
    pub manifest: Option<(Manifest, Digest)>,
}

impl ComponentOutline {
    /// Reads the outline of a component.
    ///
    /// # Errors
    /// When the bytes are no component, something in it exceeds a limit, or its manifest cannot be read or is there
    /// more than once.
    pub fn read(bytes: &[u8]) -> Result<Self, ComponentError> {
        let mut outline = Self {
            imports: Vec::new(),
            exports: Vec::new(),
            interface_version: None,
            manifest: None,
        };
        let mut manifest: Option<&[u8]> = None;
        each_section(bytes, |payload, _| {
            match payload {
                Payload::ComponentImportSection(reader) => {
                    for import in reader.clone() {
                        add_name(&mut outline.imports, import.map_err(malformed)?.name.name)?;
                    }
                }
                Payload::ComponentExportSection(reader) => {
                    for export in reader.clone() {
                        add_name(&mut outline.exports, export.map_err(malformed)?.name.name)?;
                    }
                }
                Payload::CustomSection(section) if section.name() == MANIFEST_SECTION => {
                    if section.data().len() > MANIFEST_LIMIT {
                        return Err(ComponentError::TooLarge {
                            what: "a larger manifest",
                            limit: MANIFEST_LIMIT,
                        });
                    }
                    if manifest.replace(section.data()).is_some() {
                        return Err(ComponentError::SeveralManifests);
                    }
                }
                _ => {}
            }
            Ok(())
        })?;
        if let Some(text) = manifest {
            let parsed =
                serde_json::from_slice(text).map_err(|source| ComponentError::Manifest { source })?;
            outline.manifest = Some((parsed, Digest::of(text)));
        }
        outline.interface_version = outline.exports.iter().find_map(|name| {
            let (path, version) = name.split_once('@')?;
            let interface = path.strip_prefix(PACKAGE)?.strip_prefix('/')?;
            (interface == "plugin").then(|| version.parse().ok())?
        });
        Ok(outline)
    }
}

/// Returns a component with a manifest at its end, in place of any it had.
///
/// # Errors
/// When the bytes are no component or the manifest is too large.
pub fn with_manifest(bytes: &[u8], manifest: &[u8]) -> Result<Vec<u8>, ComponentError> {
    if manifest.len() > MANIFEST_LIMIT {
        return Err(ComponentError::TooLarge {
            what: "a larger manifest",
            limit: MANIFEST_LIMIT,
        });
    }
    let mut old = Vec::new();
    each_section(bytes, |payload, range| {
        if matches!(payload, Payload::CustomSection(section) if section.name() == MANIFEST_SECTION) {
            old.push(range);
        }
        Ok(())
    })?;
    let mut packed = Vec::with_capacity(bytes.len() + manifest.len() + 64);
    let mut start = 0;
    for range in old {
        packed.extend_from_slice(bytes.get(start..range.start).unwrap_or_default());
        start = range.end;
    }
    packed.extend_from_slice(bytes.get(start..).unwrap_or_default());
    wasm_encoder::CustomSection {
        name: MANIFEST_SECTION.into(),
        data: manifest.into(),
    }
    .append_to_component(&mut packed);
    Ok(packed)
}

/// Calls `visit` with every section of the outermost component and the bytes it takes up.
fn each_section<'a>(
    bytes: &'a [u8],
    mut visit: impl FnMut(&Payload<'a>, std::ops::Range<usize>) -> Result<(), ComponentError>,
) -> Result<(), ComponentError> {
    let mut parser = Parser::new(0);
    let mut position = 0;
    for _ in 0..SECTION_LIMIT {
        let rest = bytes.get(position..).unwrap_or_default();
        let (payload, consumed) = match parser.parse(rest, true).map_err(malformed)? {
            Chunk::Parsed { consumed, payload } => (payload, consumed),
            Chunk::NeedMoreData(_) => {
                return Err(ComponentError::Malformed {
                    reason: "it ends in the middle of a section".to_owned(),
                });
            }
        };
        let start = position;
        position += consumed;
        match &payload {
            Payload::Version {
                encoding: Encoding::Module,
                ..
            } => return Err(ComponentError::Module),
            // What is nested is stepped over: the range was not checked against the end of the bytes.
            Payload::ModuleSection { unchecked_range, .. }
            | Payload::ComponentSection { unchecked_range, .. } => {
                if unchecked_range.end > bytes.len() {
                    return Err(ComponentError::Malformed {
                        reason: format!("a section at byte {start} is longer than what follows"),
                    });
                }
                position = unchecked_range.end;
            }
            Payload::UnknownSection { id, .. } => {
                return Err(ComponentError::Malformed {
                    reason: format!("the section at byte {start} is of the unknown kind {id}"),
                });
            }
            Payload::End(_) => return Ok(()),
            _ => {}
        }
        visit(&payload, start..position)?;
    }
    Err(ComponentError::TooLarge {
        what: "more sections",
        limit: SECTION_LIMIT,
    })
}

fn add_name(names: &mut Vec<String>, name: &str) -> Result<(), ComponentError> {
    if name.len() > NAME_LENGTH_LIMIT {
        return Err(ComponentError::TooLarge {
            what: "a longer name of an import or export",
            limit: NAME_LENGTH_LIMIT,
        });
    }
    if names.len() >= NAME_LIMIT {
        return Err(ComponentError::TooLarge {
            what: "more imports or exports",
            limit: NAME_LIMIT,
        });
    }
    names.push(name.to_owned());
    Ok(())
}

fn malformed(error: wasmparser::Error) -> ComponentError {
    ComponentError::Malformed {
        reason: error.to_string(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;
    use wasm_encoder::{
        Component, ComponentExportKind, ComponentExportSection, ComponentTypeSection, CustomSection,
        InstanceType, ModuleSection,
    };

    /// A component of a few hundred bytes that exports `konductor:plugin/plugin`. It cannot run.
    pub(crate) fn component(name: &str, version: &str) -> Vec<u8> {
        let manifest = format!(r#"{{"name":"{name}","version":"{version}"}}"#);
        with_manifest(&bare_component(), manifest.as_bytes()).unwrap()
    }

    /// The same without a manifest.
    pub(crate) fn bare_component() -> Vec<u8> {
        let mut component = Component::new();
        component.section(&ModuleSection(&wasm_encoder::Module::new()));
        let mut types = ComponentTypeSection::new();
        types.instance(&InstanceType::new());
        component.section(&types);
        let mut imports = wasm_encoder::ComponentImportSection::new();
        imports.import(
            "konductor:plugin/log@0.1.0",
            wasm_encoder::ComponentTypeRef::Instance(0),
        );
        component.section(&imports);
        let mut exports = ComponentExportSection::new();
        exports.export(
            "konductor:plugin/plugin@0.1.0",
            ComponentExportKind::Instance,
            0,
            None,
        );
        component.section(&exports);
        component.finish()
    }

    #[test]
    fn the_outline_is_read_without_compiling() {
        let bytes = component("aws", "1.2.3");
        let outline = ComponentOutline::read(&bytes).unwrap();
        let (manifest, digest) = outline.manifest.unwrap();
        assert_eq!(
            (manifest.name.as_str(), manifest.version.to_string()),
            ("aws", "1.2.3".to_owned())
        );
        assert_eq!(digest, Digest::of(br#"{"name":"aws","version":"1.2.3"}"#));
        assert_eq!(outline.imports, ["konductor:plugin/log@0.1.0"]);
        assert_eq!(outline.exports, ["konductor:plugin/plugin@0.1.0"]);
        assert_eq!(outline.interface_version, Some(semver::Version::new(0, 1, 0)));
    }

    #[test]
    fn packing_twice_leaves_one_manifest_and_the_same_bytes() {
        let once = component("aws", "1.2.3");
        let again = with_manifest(&once, br#"{"name":"aws","version":"1.2.3"}"#).unwrap();
        assert_eq!(once, again);
        let changed = with_manifest(&once, br#"{"name":"aws","version":"2.0.0"}"#).unwrap();
        let outline = ComponentOutline::read(&changed).unwrap();
        assert_eq!(outline.manifest.unwrap().0.version, semver::Version::new(2, 0, 0));
    }

    #[test]
    fn two_manifests_are_refused() {
        let mut bytes = component("aws", "1.2.3");
        CustomSection {
            name: MANIFEST_SECTION.into(),
            data: br#"{"name":"aws","version":"9.9.9"}"#.into(),
        }
        .append_to_component(&mut bytes);
        assert!(matches!(
            ComponentOutline::read(&bytes),
            Err(ComponentError::SeveralManifests)
        ));
    }

    #[test]
    fn a_manifest_inside_a_nested_module_does_not_count() {
        let mut module = wasm_encoder::Module::new();
        module.section(&CustomSection {
            name: MANIFEST_SECTION.into(),
            data: br#"{"name":"evil","version":"9.9.9"}"#.into(),
        });
        let mut component = Component::new();
        component.section(&ModuleSection(&module));
        let outline = ComponentOutline::read(&component.finish()).unwrap();
        assert_eq!(outline.manifest, None);
    }

    #[test]
    fn what_is_no_component_is_told_apart() {
        assert!(matches!(
            ComponentOutline::read(&wasm_encoder::Module::new().finish()),
            Err(ComponentError::Module)
        ));
        for bytes in [&b""[..], b"\0asm", b"#!/bin/sh\n", &[0xff; 40]] {
            assert!(matches!(
                ComponentOutline::read(bytes),
                Err(ComponentError::Malformed { .. })
            ));
        }
    }

    #[test]
    fn a_manifest_or_a_name_beyond_its_limit_is_refused() {
        let huge = vec![b' '; MANIFEST_LIMIT + 1];
        assert!(matches!(
            with_manifest(&bare_component(), &huge),
            Err(ComponentError::TooLarge { .. })
        ));
        let mut bytes = bare_component();
        CustomSection {
            name: MANIFEST_SECTION.into(),
            data: huge.into(),
        }
        .append_to_component(&mut bytes);
        assert!(matches!(
            ComponentOutline::read(&bytes),
            Err(ComponentError::TooLarge { .. })
        ));
        assert!(add_name(&mut Vec::new(), &"x".repeat(NAME_LENGTH_LIMIT + 1)).is_err());
        assert!(add_name(&mut vec![String::new(); NAME_LIMIT], "x").is_err());
    }

    #[test]
    fn a_section_that_is_longer_than_the_file_is_refused_at_every_cut() {
        let bytes = component("aws", "1.2.3");
        let sections_end: Vec<usize> = {
            let mut ends = vec![8, bytes.len()];
            each_section(&bytes, |_, range| {
                ends.push(range.end);
                Ok(())
            })
            .unwrap();
            ends
        };
        for cut in 0..bytes.len() {
            let whole_sections = sections_end.contains(&cut);
            assert_eq!(
                ComponentOutline::read(&bytes[..cut]).is_ok(),
                whole_sections,
                "{cut}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(tail in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = bare_component();
            bytes.extend(&tail);
            let _ = ComponentOutline::read(&bytes);
            let _ = with_manifest(&bytes, b"{}");
            let _ = ComponentOutline::read(&tail);
        }
    }
}
