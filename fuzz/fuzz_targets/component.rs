//! The bytes of a plugin that nobody has approved yet: what it imports and exports and the manifest in it are read
//! without compiling it.
#![no_main]

use konductor_registry::Digest;
use konductor_registry::component::{ComponentError, ComponentOutline, with_manifest};
use libfuzzer_sys::fuzz_target;

const MANIFEST: &[u8] = br#"{"name":"packed","version":"1.2.3"}"#;

fuzz_target!(|data: &[u8]| {
    let outline = ComponentOutline::read(data);
    let packed = match with_manifest(data, MANIFEST) {
        Ok(packed) => packed,
        // What has no whole list of sections has no outline either.
        Err(error) => return assert!(outline.is_err(), "{error}"),
    };
    let again = match ComponentOutline::read(&packed) {
        Ok(again) => again,
        // The section that was added may be one too many.
        Err(ComponentError::TooLarge { .. }) => return,
        Err(error) => return assert!(outline.is_err(), "what was packed is not read: {error}"),
    };
    let (manifest, digest) = again.manifest.as_ref().expect("the manifest that was packed");
    assert_eq!(
        (manifest.name.as_str(), *digest),
        ("packed", Digest::of(MANIFEST))
    );
    if let Ok(outline) = &outline {
        assert_eq!(
            (&outline.imports, &outline.exports),
            (&again.imports, &again.exports)
        );
        assert_eq!(outline.interface_version, again.interface_version);
    }
    let twice = with_manifest(&packed, MANIFEST).expect("a packed plugin is packed again");
    assert_eq!(twice, packed, "packing again changes the plugin");
});
