//! A signature bundle from anybody, held against a managed key and against a workload's identity.
//!
//! The keys that signed the seeds exist no more, so whatever is accepted must say what the seeds say.
#![no_main]

use std::sync::LazyLock;

use konductor_signature::{
    IdentityPattern, PublicKey, Signer, TimestampAuthority, TrustRoot, VerifiedSignature, verify,
};
use libfuzzer_sys::fuzz_target;

const PLUGIN: &[u8] = b"\0asm the bytes of a plugin";

/// A signer, and what the seed that it signed says.
struct Case {
    signer: Signer,
    verdict: VerifiedSignature,
}

impl Case {
    fn new(signer: Signer, seed: &[u8]) -> Self {
        let verdict = verify(PLUGIN, seed, &signer).expect("the seed is accepted");
        Self { signer, verdict }
    }
}

static CASES: LazyLock<[Case; 2]> = LazyLock::new(|| {
    let key = PublicKey::from_pem("platform", include_str!("../signers/platform.pub.pem")).expect("a key");
    let authority = TimestampAuthority::from_pem("tsa", include_str!("../signers/timestamps.pem"))
        .expect("certificates of a timestamp authority");
    let root = TrustRoot::from_json("root", include_str!("../signers/trusted_root.json")).expect("a root");
    let identity = IdentityPattern::new("https://git.example.com/acme/plugins/*").expect("a pattern");
    let managed = Signer::managed("platform", vec![key], vec![authority]).expect("a signer");
    let keyless =
        Signer::keyless("vendor", identity, "https://token.git.example.com", root).expect("a signer");
    [
        Case::new(managed, include_bytes!("../seeds/signature_bundle/managed")),
        Case::new(keyless, include_bytes!("../seeds/signature_bundle/keyless")),
    ]
});

fuzz_target!(|data: &[u8]| {
    for case in CASES.iter() {
        match verify(PLUGIN, data, &case.signer) {
            Ok(verdict) => assert_eq!(verdict, case.verdict, "somebody else's signature"),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
});
