//! Bundles that somebody changed: every byte counts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod openssl;

use std::sync::LazyLock;

use konductor_signature::{
    Attestation, BUNDLE_LIMIT, Built, Provenance, PublicKey, Signer, SigningKey, TimestampAuthority,
    VerifiedSignature, verify,
};
use openssl::Workshop;
use proptest::prelude::*;

const PLUGIN: &[u8] = b"\0asm the bytes of a plugin";

struct Case {
    bundle: Vec<u8>,
    signer: Signer,
    verdict: VerifiedSignature,
}

fn case(kind: &str) -> Case {
    let workshop = Workshop::new();
    workshop.root("root");
    workshop.timestamp_authority("tsa", "root", "P-256", None);
    workshop.key("platform", kind);
    let key = SigningKey::from_pem("platform", &workshop.text("platform.key")).unwrap();
    let provenance = Provenance {
        built: Built::Plugin {
            name: "aws".to_owned(),
            version: semver::Version::new(1, 4, 0),
            interface: "konductor:plugin@0.1.0".to_owned(),
        },
        builder: "https://ci.example.com/konductor".to_owned(),
        invocation: None,
        source: None,
    };
    let signed = Attestation::new(PLUGIN, &provenance).unwrap().sign(&key).unwrap();
    let response = workshop.stamp("tsa", &signed.timestamp_request());
    let bundle = signed
        .with_timestamp(&response)
        .unwrap()
        .to_json()
        .unwrap()
        .into_bytes();
    let authority = TimestampAuthority::from_pem("tsa", &workshop.text("tsa.chain.pem")).unwrap();
    let public = PublicKey::from_pem("platform", &workshop.text("platform.pub")).unwrap();
    let signer = Signer::managed("platform", vec![public], vec![authority]).unwrap();
    let verdict = verify(PLUGIN, &bundle, &signer).unwrap();
    Case {
        bundle,
        signer,
        verdict,
    }
}

static P256: LazyLock<Case> = LazyLock::new(|| case("P-256"));
static ED25519: LazyLock<Case> = LazyLock::new(|| case("ed25519"));

/// Flips the bit of every byte and returns where the result was accepted, with what stands around it.
fn accepted_flips(case: &Case, bits: std::ops::Range<u32>) -> Vec<String> {
    let mut accepted = Vec::new();
    for position in 0..case.bundle.len() {
        for bit in bits.clone() {
            let mut changed = case.bundle.clone();
            changed[position] ^= 1 << bit;
            if verify(PLUGIN, &changed, &case.signer).is_ok() {
                let around = &changed[position.saturating_sub(30)..changed.len().min(position + 30)];
                accepted.push(format!(
                    "{position}, bit {bit}: {}",
                    String::from_utf8_lossy(around)
                ));
            }
        }
    }
    accepted
}

#[test]
fn flipping_any_bit_of_a_bundle_is_refused() {
    assert_eq!(accepted_flips(&P256, 0..8), Vec::<String>::new());
    assert_eq!(accepted_flips(&ED25519, 0..8), Vec::<String>::new());
}

#[test]
fn a_bit_flipped_below_the_base64_of_the_timestamp_is_refused() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let bundle: serde_json::Value = serde_json::from_slice(&P256.bundle).unwrap();
    let stamp = &bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"][0];
    let response = STANDARD
        .decode(stamp["signedTimestamp"].as_str().unwrap())
        .unwrap();
    let mut accepted = Vec::new();
    for position in 0..response.len() {
        for bit in 0..8 {
            let mut changed = response.clone();
            changed[position] ^= 1 << bit;
            let mut bundle = bundle.clone();
            bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"][0]["signedTimestamp"] =
                STANDARD.encode(&changed).into();
            if verify(PLUGIN, bundle.to_string().as_bytes(), &P256.signer).is_ok() {
                accepted.push((position, bit));
            }
        }
    }
    assert_eq!(accepted, []);
}

#[test]
fn every_truncated_bundle_is_refused() {
    for length in 0..P256.bundle.len() {
        assert!(
            verify(PLUGIN, &P256.bundle[..length], &P256.signer).is_err(),
            "{length}"
        );
    }
}

#[test]
fn a_bundle_with_anything_more_in_it_is_refused() {
    let text = String::from_utf8(P256.bundle.clone()).unwrap();
    let places = text.match_indices('{').map(|(at, _)| at + 1);
    for at in places {
        for more in [
            "\"more\":1,",
            "\"more\":\"\",",
            "\"more\":null,",
            "\"hint\":\"x\",",
            "\"keyid\":\"x\",",
        ] {
            let changed = format!("{}{more}{}", &text[..at], &text[at..]);
            assert!(
                verify(PLUGIN, changed.as_bytes(), &P256.signer).is_err(),
                "{changed}"
            );
        }
    }
    for changed in [
        format!("{text}{text}"),
        format!("{text}x"),
        format!("[{text}]"),
        format!("\u{feff}{text}"),
    ] {
        assert!(verify(PLUGIN, changed.as_bytes(), &P256.signer).is_err());
    }
}

#[test]
fn nesting_and_length_are_bounded() {
    for deep in [
        "[".repeat(100_000),
        "{\"a\":".repeat(100_000),
        format!("{{\"mediaType\":{}", "[".repeat(5000)),
    ] {
        let error = verify(PLUGIN, deep.as_bytes(), &P256.signer)
            .unwrap_err()
            .to_string();
        assert!(error.len() < 500, "{error}");
    }
    let long = vec![b' '; BUNDLE_LIMIT + 1];
    let error = verify(PLUGIN, &long, &P256.signer).unwrap_err().to_string();
    assert!(error.contains("the limit is"), "{error}");
}

proptest! {
    #[test]
    fn what_is_put_in_or_cut_out_is_refused_or_changes_nothing(
        at in any::<prop::sample::Index>(),
        cut in 0_usize..8,
        put in proptest::collection::vec(any::<u8>(), 0..8),
    ) {
        let mut changed = P256.bundle.clone();
        let start = at.index(changed.len());
        let end = (start + cut).min(changed.len());
        changed.splice(start..end, put.iter().copied());
        if let Ok(verdict) = verify(PLUGIN, &changed, &P256.signer) {
            // Only space between tokens makes no difference.
            prop_assert_eq!(&verdict, &P256.verdict);
            let same: Result<serde_json::Value, _> = serde_json::from_slice(&changed);
            let before: serde_json::Value = serde_json::from_slice(&P256.bundle).unwrap();
            prop_assert_eq!(same.unwrap(), before);
        }
    }

    #[test]
    fn no_bytes_make_verification_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(verify(PLUGIN, &bytes, &P256.signer).is_err());
    }
}
