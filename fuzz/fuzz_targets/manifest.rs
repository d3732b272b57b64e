//! What a plugin says about itself: the document, and what is asked for in it.
#![no_main]

use konductor_model::grant::PluginGrant;
use konductor_model::manifest::Manifest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(manifest) = serde_json::from_slice::<Manifest>(data) else {
        return;
    };
    let written = serde_json::to_vec(&manifest).expect("a manifest is written as JSON");
    let again: Manifest = serde_json::from_slice(&written).expect("what was written is read");
    assert_eq!(again, manifest, "a manifest changes on its way through JSON");

    let wanted = PluginGrant::requested_by(&manifest);
    let nothing = PluginGrant::default();
    assert_eq!(
        wanted.intersection(&nothing),
        nothing,
        "something is granted by nobody"
    );
    let granted = wanted.intersection(&wanted);
    assert_eq!(granted.intersection(&wanted), granted, "a grant grows");
    assert!(wanted.differences(&wanted).is_empty());
    assert_eq!(
        wanted.differences(&nothing).is_empty(),
        wanted == nothing,
        "a request is not shown"
    );
});
