//! Signatures with managed keys: made here or with OpenSSL, stamped by an OpenSSL timestamp authority.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod openssl;

use konductor_signature::{
    Attestation, Built, Provenance, PublicKey, SignedAttestation, Signer, SigningKey, TimestampAuthority,
    VerificationError, verify,
};
use openssl::Workshop;

const PLUGIN: &[u8] = b"\0asm the bytes of a plugin";

fn provenance() -> Provenance {
    Provenance {
        built: Built::Plugin {
            name: "aws".to_owned(),
            version: semver::Version::new(1, 4, 0),
            interface: "konductor:plugin@0.1.0".to_owned(),
        },
        builder: "https://ci.example.com/konductor".to_owned(),
        invocation: None,
        source: None,
    }
}

/// A site with a root, an authority and a key of one kind.
fn site(kind: &str) -> Workshop {
    let workshop = Workshop::new();
    workshop.root("root");
    workshop.timestamp_authority("tsa", "root", "P-256", None);
    workshop.key("platform", kind);
    workshop
}

fn authority(workshop: &Workshop, name: &str) -> TimestampAuthority {
    TimestampAuthority::from_pem(name, &workshop.text(&format!("{name}.chain.pem"))).unwrap()
}

fn signer(workshop: &Workshop, key: &str, tsa: &str) -> Signer {
    let key = PublicKey::from_pem(key, &workshop.text(&format!("{key}.pub"))).unwrap();
    Signer::managed("platform", vec![key], vec![authority(workshop, tsa)]).unwrap()
}

fn sign(workshop: &Workshop, key: &str) -> SignedAttestation {
    let key = SigningKey::from_pem(key, &workshop.text(&format!("{key}.key"))).unwrap();
    Attestation::new(PLUGIN, &provenance())
        .unwrap()
        .sign(&key)
        .unwrap()
}

fn stamped(workshop: &Workshop, signed: SignedAttestation, tsa: &str) -> String {
    let response = workshop.stamp(tsa, &signed.timestamp_request());
    signed.with_timestamp(&response).unwrap().to_json().unwrap()
}

#[test]
fn what_was_signed_and_stamped_is_verified_with_both_kinds_of_keys() {
    for kind in ["P-256", "ed25519"] {
        let workshop = site(kind);
        let bundle = stamped(&workshop, sign(&workshop, "platform"), "tsa");
        let verified = verify(PLUGIN, bundle.as_bytes(), &signer(&workshop, "platform", "tsa")).unwrap();
        assert_eq!(verified.signer(), "platform");
        assert!(verified.identity().starts_with("key sha256:"), "{kind}");
        assert_eq!(verified.facts().version, Some(semver::Version::new(1, 4, 0)));
        assert_eq!(verified.facts().builder, "https://ci.example.com/konductor");
        let age = jiff::Timestamp::now().as_second() - verified.signed_at().as_second();
        assert!((-60..=3600).contains(&age), "{kind}: {age} s");
    }
}

#[test]
fn a_signature_that_openssl_made_over_the_exported_bytes_is_accepted() {
    for kind in ["P-256", "ed25519"] {
        let workshop = site(kind);
        let attestation = Attestation::new(PLUGIN, &provenance()).unwrap();
        let signature = workshop.sign("platform", &attestation.bytes_to_sign());
        let key = PublicKey::from_pem("platform.pub", &workshop.text("platform.pub")).unwrap();
        // The statement is built a second time, as another process would.
        let signed = Attestation::new(PLUGIN, &provenance())
            .unwrap()
            .with_signature(&signature, &key)
            .unwrap();
        let bundle = stamped(&workshop, signed, "tsa");
        verify(PLUGIN, bundle.as_bytes(), &signer(&workshop, "platform", "tsa")).unwrap();
    }
}

#[test]
fn a_security_modules_two_numbers_side_by_side_are_accepted() {
    let workshop = site("P-256");
    let attestation = Attestation::new(PLUGIN, &provenance()).unwrap();
    let der = workshop.sign("platform", &attestation.bytes_to_sign());
    let mut raw = Vec::new();
    let mut rest = &der[2..];
    while let [2, length, tail @ ..] = rest {
        let (number, after) = tail.split_at(usize::from(*length));
        let digits = &number[number.len().saturating_sub(32)..];
        raw.extend(vec![0; 32 - digits.len()]);
        raw.extend(digits);
        rest = after;
    }
    assert_eq!(raw.len(), 64);
    let key = PublicKey::from_pem("platform.pub", &workshop.text("platform.pub")).unwrap();
    let signed = attestation.with_signature(&raw, &key).unwrap();
    verify(
        PLUGIN,
        stamped(&workshop, signed, "tsa").as_bytes(),
        &signer(&workshop, "platform", "tsa"),
    )
    .unwrap();
}

#[test]
fn a_signature_over_other_bytes_or_with_another_key_is_not_imported() {
    let workshop = site("P-256");
    workshop.key("other", "P-256");
    let attestation = Attestation::new(PLUGIN, &provenance()).unwrap();
    let key = PublicKey::from_pem("platform.pub", &workshop.text("platform.pub")).unwrap();
    for (signer, message) in [
        ("other", attestation.bytes_to_sign()),
        ("platform", PLUGIN.to_vec()),
    ] {
        let signature = workshop.sign(signer, &message);
        let error = attestation.clone().with_signature(&signature, &key).unwrap_err();
        assert!(error.to_string().contains(&key.fingerprint()), "{error}");
    }
}

#[test]
fn a_key_that_the_policy_does_not_name_is_refused_also_when_the_hint_is_forged() {
    let workshop = site("P-256");
    workshop.key("other", "P-256");
    let bundle = stamped(&workshop, sign(&workshop, "other"), "tsa");
    let policy = signer(&workshop, "platform", "tsa");
    let error = verify(PLUGIN, bundle.as_bytes(), &policy).unwrap_err();
    assert!(matches!(error, VerificationError::OtherKey { .. }), "{error}");

    let mut forged: serde_json::Value = serde_json::from_str(&bundle).unwrap();
    let good = stamped(&workshop, sign(&workshop, "platform"), "tsa");
    let good: serde_json::Value = serde_json::from_str(&good).unwrap();
    forged["verificationMaterial"]["publicKey"] = good["verificationMaterial"]["publicKey"].clone();
    let error = verify(PLUGIN, forged.to_string().as_bytes(), &policy).unwrap_err();
    assert!(matches!(error, VerificationError::Refused { .. }), "{error}");
}

#[test]
fn other_bytes_are_refused_with_both_digests() {
    let workshop = site("ed25519");
    let bundle = stamped(&workshop, sign(&workshop, "platform"), "tsa");
    let policy = signer(&workshop, "platform", "tsa");
    let digest = |bytes: &[u8]| {
        use sha2::Digest as _;
        hex::encode(sha2::Sha256::digest(bytes))
    };
    for position in 0..PLUGIN.len() {
        let mut other = PLUGIN.to_vec();
        other[position] ^= 1;
        let error = verify(&other, bundle.as_bytes(), &policy)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(&digest(PLUGIN)) && error.contains(&digest(&other)),
            "{error}"
        );
    }
}

#[test]
fn a_bundle_without_a_timestamp_is_refused() {
    let workshop = site("P-256");
    let bundle = sign(&workshop, "platform").to_json().unwrap();
    let error = verify(PLUGIN, bundle.as_bytes(), &signer(&workshop, "platform", "tsa")).unwrap_err();
    assert!(matches!(error, VerificationError::NoTimestamp { .. }), "{error}");
    // It can be read again, and stamped then.
    let again = SignedAttestation::from_json(bundle.as_bytes()).unwrap();
    let bundle = stamped(&workshop, again, "tsa");
    verify(PLUGIN, bundle.as_bytes(), &signer(&workshop, "platform", "tsa")).unwrap();
}

#[test]
fn an_authority_that_the_policy_does_not_name_is_refused() {
    let workshop = site("P-256");
    workshop.root("elsewhere");
    workshop.timestamp_authority("stranger", "elsewhere", "P-256", None);
    workshop.timestamp_authority("sister", "root", "P-256", None);
    for tsa in ["stranger", "sister"] {
        let bundle = stamped(&workshop, sign(&workshop, "platform"), tsa);
        let error = verify(PLUGIN, bundle.as_bytes(), &signer(&workshop, "platform", "tsa")).unwrap_err();
        assert!(error.to_string().contains("timestamp authorities tsa"), "{error}");
    }
}

#[test]
fn an_authoritys_certificate_is_judged_at_the_time_of_the_stamp() {
    let workshop = site("P-256");
    for (name, validity) in [
        ("expired", ["20200101000000Z", "20210101000000Z"]),
        ("early", ["20900101000000Z", "20910101000000Z"]),
    ] {
        workshop.timestamp_authority(name, "root", "P-384", Some(validity));
        let bundle = stamped(&workshop, sign(&workshop, "platform"), name);
        let error = verify(PLUGIN, bundle.as_bytes(), &signer(&workshop, "platform", name)).unwrap_err();
        assert!(error.to_string().contains("timestamp"), "{name}: {error}");
    }
}

#[test]
fn a_timestamp_of_another_signature_is_neither_attached_nor_accepted() {
    let workshop = site("P-256");
    let one = sign(&workshop, "platform");
    let other = sign(&workshop, "platform");
    let response = workshop.stamp("tsa", &other.timestamp_request());
    let error = one.clone().with_timestamp(&response).unwrap_err().to_string();
    assert!(error.contains("another signature"), "{error}");

    let mut mixed: serde_json::Value = serde_json::from_str(&stamped(&workshop, one, "tsa")).unwrap();
    let other: serde_json::Value = serde_json::from_str(&stamped(&workshop, other, "tsa")).unwrap();
    mixed["verificationMaterial"]["timestampVerificationData"] =
        other["verificationMaterial"]["timestampVerificationData"].clone();
    let error = verify(
        PLUGIN,
        mixed.to_string().as_bytes(),
        &signer(&workshop, "platform", "tsa"),
    )
    .unwrap_err();
    assert!(matches!(error, VerificationError::Refused { .. }), "{error}");
}

#[test]
fn an_rsa_authority_and_a_chain_out_of_order_are_refused_when_the_policy_is_read() {
    let workshop = site("P-256");
    workshop.openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.key");
    workshop.openssl("req -x509 -new -key rsa.key -subj /CN=rsa -days 30 -config openssl.cnf -extensions stamping -out rsa.pem");
    let error = TimestampAuthority::from_pem("rsa.pem", &workshop.text("rsa.pem"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("rsa.pem") && error.contains("P-384"), "{error}");
    let reversed = workshop.text("root.pem") + &workshop.text("tsa.pem");
    let error = TimestampAuthority::from_pem("tsa.pem", &reversed)
        .unwrap_err()
        .to_string();
    assert!(error.contains("was issued by"), "{error}");
}

#[test]
fn a_signature_over_another_kind_of_statement_is_refused() {
    let workshop = site("P-256");
    let policy = signer(&workshop, "platform", "tsa");
    let bundle = stamped(&workshop, sign(&workshop, "platform"), "tsa");
    let bundle: serde_json::Value = serde_json::from_str(&bundle).unwrap();
    let payload = decode(bundle["dsseEnvelope"]["payload"].as_str().unwrap());
    let payload = String::from_utf8(payload).unwrap();
    for (from, to, place) in [
        (
            "https://slsa.dev/provenance/v1",
            "https://slsa.dev/provenance/v0.2",
            "predicateType",
        ),
        (
            "https://slsa.dev/provenance/v1",
            "https://spdx.dev/Document",
            "predicateType",
        ),
        (
            "https://in-toto.io/Statement/v1",
            "https://in-toto.io/Statement/v0.1",
            "_type",
        ),
        ("\"sha256\"", "\"sha512\"", "in-toto statement"),
    ] {
        let changed = payload.replace(from, to);
        assert_ne!(changed, payload);
        // Signed anew: only the statement is wrong.
        let signature = workshop.sign("platform", &envelope_bytes(&changed));
        let request = {
            use sha2::Digest as _;
            let mut request = SignedAttestation::from_json(bundle.to_string().as_bytes())
                .unwrap()
                .timestamp_request();
            let start = request.len() - 32;
            request.splice(start.., sha2::Sha256::digest(&signature));
            request
        };
        let response = workshop.stamp("tsa", &request);
        let mut other = bundle.clone();
        other["dsseEnvelope"]["payload"] = encode(changed.as_bytes()).into();
        other["dsseEnvelope"]["signatures"][0]["sig"] = encode(&signature).into();
        let other = SignedAttestation::from_json(other.to_string().as_bytes()).unwrap();
        let other = other.with_timestamp(&response).unwrap().to_json().unwrap();
        let error = verify(PLUGIN, other.as_bytes(), &policy).unwrap_err().to_string();
        assert!(error.contains(place), "{to}: {error}");
    }
}

fn envelope_bytes(payload: &str) -> Vec<u8> {
    format!(
        "DSSEv1 28 application/vnd.in-toto+json {} {payload}",
        payload.len()
    )
    .into_bytes()
}

fn decode(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

fn encode(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
