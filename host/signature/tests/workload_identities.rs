//! Signatures of workloads that a certificate authority knows, against a trust root that the site keeps.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod openssl;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use konductor_signature::{
    Attestation, Built, IdentityPattern, Provenance, PublicKey, Signer, TimestampAuthority, TrustRoot,
    VerificationError, verify,
};
use openssl::Workshop;
use serde_json::{Value, json};

const PLUGIN: &[u8] = b"\0asm the bytes of a plugin";
const IDENTITY: &str = "https://git.example.com/acme/plugins/.workflows/release.yml@refs/tags/v1.4.0";
const ISSUER: &str = "https://token.git.example.com";

/// A site with a certificate authority of its own, a timestamp authority and a workload's key.
fn site() -> Workshop {
    let workshop = Workshop::new();
    workshop.root("root");
    workshop.timestamp_authority("tsa", "root", "P-256", None);
    workshop.root("fulcio");
    workshop.key("workload", "P-256");
    certificate(&workshop, "workload", "codeSigning", "-days 1");
    workshop
}

fn certificate(workshop: &Workshop, name: &str, usage: &str, validity: &str) {
    let extensions = format!(
        "[workload]\nkeyUsage = critical,digitalSignature\nextendedKeyUsage = {usage}\n\
         subjectAltName = critical,URI:{IDENTITY}\n1.3.6.1.4.1.57264.1.8 = ASN1:UTF8String:{ISSUER}\n"
    );
    workshop.write("workload.ext", extensions.as_bytes());
    workshop.openssl("req -new -key workload.key -subj /CN=workload -out workload.csr -config openssl.cnf");
    workshop.openssl(&format!(
        "ca -batch -notext -config openssl.cnf -extfile workload.ext -extensions workload -cert fulcio.pem \
         -keyfile fulcio.key -in workload.csr -out {name}.pem {validity}"
    ));
    workshop.openssl(&format!("x509 -in {name}.pem -outform DER -out {name}.der"));
}

fn der(workshop: &Workshop, name: &str) -> Value {
    workshop.openssl(&format!("x509 -in {name}.pem -outform DER -out out.der"));
    json!({ "rawBytes": STANDARD.encode(workshop.bytes("out.der")) })
}

fn trusted_root(workshop: &Workshop, authority: &str) -> Value {
    json!({
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "certificateAuthorities": [{
            "uri": "https://fulcio.example.com",
            "certChain": { "certificates": [der(workshop, authority)] },
        }],
        "timestampAuthorities": [{
            "certChain": { "certificates": [der(workshop, "tsa"), der(workshop, "root")] },
        }],
    })
}

fn signer(root: &Value, identity: &str, issuer: &str) -> Signer {
    let root = TrustRoot::from_json("trusted_root.json", &root.to_string()).unwrap();
    Signer::keyless("vendor", IdentityPattern::new(identity).unwrap(), issuer, root).unwrap()
}

/// Signs with the workload's key and puts a certificate where the key's hint was.
fn bundle(workshop: &Workshop, certificate: &str) -> Value {
    let provenance = Provenance {
        built: Built::Plugin {
            name: "aws".to_owned(),
            version: semver::Version::new(1, 4, 0),
            interface: "konductor:plugin@0.1.0".to_owned(),
        },
        builder: "https://git.example.com/acme".to_owned(),
        invocation: None,
        source: None,
    };
    let attestation = Attestation::new(PLUGIN, &provenance).unwrap();
    let signature = workshop.sign("workload", &attestation.bytes_to_sign());
    let key = PublicKey::from_pem("workload", &workshop.text("workload.pub")).unwrap();
    let signed = attestation.with_signature(&signature, &key).unwrap();
    let response = workshop.stamp("tsa", &signed.timestamp_request());
    let text = signed.with_timestamp(&response).unwrap().to_json().unwrap();
    let mut bundle: Value = serde_json::from_str(&text).unwrap();
    let material = bundle["verificationMaterial"].as_object_mut().unwrap();
    material.remove("publicKey");
    material.insert("certificate".to_owned(), der(workshop, certificate));
    bundle
}

fn refusal(bundle: &Value, signer: &Signer) -> VerificationError {
    verify(PLUGIN, bundle.to_string().as_bytes(), signer).unwrap_err()
}

#[test]
fn a_workload_with_the_right_identity_and_issuer_is_accepted_exactly_and_by_pattern() {
    let workshop = site();
    let (root, bundle) = (trusted_root(&workshop, "fulcio"), bundle(&workshop, "workload"));
    for identity in [IDENTITY, "https://git.example.com/acme/plugins/*@refs/tags/*"] {
        let verified = verify(
            PLUGIN,
            bundle.to_string().as_bytes(),
            &signer(&root, identity, ISSUER),
        )
        .unwrap();
        assert_eq!(verified.identity(), format!("{IDENTITY} (issuer {ISSUER})"));
    }
}

#[test]
fn another_identity_another_issuer_and_another_root_are_refused() {
    let workshop = site();
    let (root, bundle) = (trusted_root(&workshop, "fulcio"), bundle(&workshop, "workload"));
    for (identity, issuer) in [
        ("https://git.example.com/evil/*", ISSUER),
        (IDENTITY, "https://token.evil.example.com"),
    ] {
        let error = refusal(&bundle, &signer(&root, identity, issuer));
        assert!(
            matches!(error, VerificationError::OtherIdentity { .. }),
            "{error}"
        );
        assert!(
            error.to_string().contains(IDENTITY) && error.to_string().contains(issuer),
            "{error}"
        );
    }
    workshop.root("stranger");
    let stranger = signer(&trusted_root(&workshop, "stranger"), IDENTITY, ISSUER);
    let error = refusal(&bundle, &stranger);
    assert!(matches!(error, VerificationError::Refused { .. }), "{error}");
}

#[test]
fn a_certificate_that_was_not_valid_at_the_time_or_is_for_something_else_is_refused() {
    let workshop = site();
    let policy = signer(&trusted_root(&workshop, "fulcio"), IDENTITY, ISSUER);
    certificate(
        &workshop,
        "old",
        "codeSigning",
        "-startdate 20200101000000Z -enddate 20200102000000Z",
    );
    certificate(&workshop, "server", "serverAuth", "-days 1");
    for name in ["old", "server"] {
        let error = refusal(&bundle(&workshop, name), &policy);
        assert!(
            matches!(error, VerificationError::Refused { .. }),
            "{name}: {error}"
        );
    }
}

#[test]
fn a_root_with_logs_wants_to_see_the_entries() {
    let workshop = site();
    let bundle = bundle(&workshop, "workload");
    let key = PublicKey::from_pem("workload", &workshop.text("workload.pub")).unwrap();
    let raw: String = key
        .to_pem()
        .lines()
        .filter(|line| !line.contains("-----"))
        .collect();
    let log = json!([{
        "baseUrl": "https://log.example.com",
        "hashAlgorithm": "SHA2_256",
        "publicKey": { "rawBytes": raw, "keyDetails": "PKIX_ECDSA_P256_SHA_256" },
        "logId": { "keyId": STANDARD.encode([7; 32]) },
    }]);
    for (kind, expected) in [("tlogs", "signing time"), ("ctlogs", "certificate timestamp")] {
        let mut root = trusted_root(&workshop, "fulcio");
        root[kind] = log.clone();
        let error = refusal(&bundle, &signer(&root, IDENTITY, ISSUER)).to_string();
        assert!(
            error.contains(expected) || error.contains("inclusion"),
            "{kind}: {error}"
        );
    }
}

#[test]
fn a_key_where_a_workload_is_expected_is_refused_and_the_other_way_round() {
    let workshop = site();
    let keyless = bundle(&workshop, "workload");
    let key = PublicKey::from_pem("workload", &workshop.text("workload.pub")).unwrap();
    let authority = TimestampAuthority::from_pem("tsa", &workshop.text("tsa.chain.pem")).unwrap();
    let managed = Signer::managed("platform", vec![key], vec![authority]).unwrap();
    let error = refusal(&keyless, &managed);
    assert!(
        matches!(error, VerificationError::OtherMaterial { .. }),
        "{error}"
    );
    let mut with_key = keyless.clone();
    let material = with_key["verificationMaterial"].as_object_mut().unwrap();
    material.remove("certificate");
    material.insert("publicKey".to_owned(), json!({ "hint": "x" }));
    let error = refusal(
        &with_key,
        &signer(&trusted_root(&workshop, "fulcio"), IDENTITY, ISSUER),
    );
    assert!(
        matches!(error, VerificationError::OtherMaterial { .. }),
        "{error}"
    );
}

#[test]
fn flipping_any_byte_of_a_workloads_bundle_is_refused() {
    let workshop = site();
    let policy = signer(&trusted_root(&workshop, "fulcio"), IDENTITY, ISSUER);
    let bundle = bundle(&workshop, "workload").to_string().into_bytes();
    verify(PLUGIN, &bundle, &policy).unwrap();
    for position in 0..bundle.len() {
        let mut changed = bundle.clone();
        changed[position] ^= 1;
        assert!(verify(PLUGIN, &changed, &policy).is_err(), "{position}");
    }
}

/// A real bundle, with a log entry and a certificate timestamp: all of it holds, and what it attests is no build.
#[test]
fn a_bundle_of_the_public_instance_holds_up_to_the_kind_of_its_statement() {
    let root = TrustRoot::from_json(
        "trusted_root.json",
        sigstore_trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT,
    )
    .unwrap();
    let bundle = include_bytes!("fixtures/conda-attestation.sigstore.json");
    let artifact = include_bytes!("fixtures/signed-package-2.1.0-hb0f4dca_0.conda");
    let issuer = "https://token.actions.githubusercontent.com";
    let identity = |pattern: &str| {
        Signer::keyless(
            "vendor",
            IdentityPattern::new(pattern).unwrap(),
            issuer,
            root.clone(),
        )
        .unwrap()
    };
    let error = verify(artifact, bundle, &identity("https://github.com/prefix-dev/*"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("predicateType") && error.contains("schemas.conda.org"),
        "{error}"
    );
    let error = verify(artifact, bundle, &identity("https://github.com/somebody/*"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("prefix-dev"), "{error}");
    let error = verify(b"others", bundle, &identity("https://github.com/prefix-dev/*"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("54303491a8418fbed24344b513546182c29b43bf282ceb433af65e2299f9271f"),
        "{error}"
    );
}
