//! What a registry or an image layout answers: a plugin's manifest, that of policies, a bundle's manifest, a list of manifests, and the
//! name of a repository or of something in it.
#![no_main]

use konductor_registry::oci::index::{Index, IndexEntry};
use konductor_registry::oci::manifest::{
    MANIFEST_LIMIT, read_bundle_manifest, read_plugin_manifest, read_policies_manifest,
};
use konductor_registry::{Digest, OciReference, OciRepository};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let digest = Digest::of(data);
    let plain = read_plugin_manifest(data, None);
    assert_eq!(
        plain,
        read_plugin_manifest(data, Some(&digest)),
        "knowing the digest changes what is read"
    );
    let other = Digest::of(b"something else");
    assert!(read_plugin_manifest(data, Some(&other)).is_err());
    if let Ok(manifest) = &plain {
        assert_eq!(manifest.digest, digest);
    }
    let policies = read_policies_manifest(data, None);
    assert_eq!(policies, read_policies_manifest(data, Some(&digest)));
    assert!(read_policies_manifest(data, Some(&other)).is_err());
    assert!(
        plain.is_err() || policies.is_err(),
        "a manifest is of a plugin and of policies"
    );
    // A bundle is about one manifest, so it cannot be about two.
    let about = |subject: &Digest| read_bundle_manifest(data, &digest, subject).is_ok();
    assert!(!about(&digest), "a manifest holds its own digest");
    assert!(!(about(&other) && about(&Digest::of(b""))));
    if let Ok(mut index) = Index::read(data) {
        for part in index.bundles() {
            assert!(part.size <= MANIFEST_LIMIT);
        }
        let written = index.to_bytes().expect("an index is written");
        assert_eq!(
            Index::read(&written).as_ref(),
            Ok(&index),
            "an index changes on its way through JSON"
        );
        let entry = IndexEntry::new(data, None, Default::default());
        index.add(entry.clone());
        assert!(!index.add(entry), "a manifest is listed twice");
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(reference) = text.parse::<OciReference>()
    {
        assert_eq!(
            reference.to_string(),
            text,
            "a reference changes on its way through text"
        );
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(repository) = text.parse::<OciRepository>()
    {
        let written = repository.to_string();
        assert_eq!(
            written.parse().as_ref(),
            Ok(&repository),
            "a repository changes on its way through text"
        );
    }
});
