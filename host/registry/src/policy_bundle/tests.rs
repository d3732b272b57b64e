use std::path::Path;

use konductor_signature::{Attestation, Built, Provenance, SigningKey};

use super::*;
use crate::admission::tests::openssl::Workshop;
use crate::policy::SitePolicy;

const SOURCE: &str = "oci://registry.example.com/policies/encryption:1.2.0";
const PLATFORM: &str =
    "signers: [ { name: platform, keys: [platform.pub], timestamp_authorities: [tsa.chain.pem] } ]";
const ARCHIVE: &[u8] = b"the bytes of an archive";

/// A site with an authority and two keys.
fn site() -> Workshop {
    let workshop = Workshop::new();
    workshop.root("root");
    workshop.timestamp_authority("tsa", "root", "P-256", None);
    workshop.key("platform", "P-256");
    workshop.key("stranger", "P-256");
    workshop
}

fn fetched(signatures: Vec<Vec<u8>>) -> FetchedBundle {
    let source = BundleSource::parse(SOURCE, Path::new("/")).unwrap();
    let content = BundleContent::Archive(ARCHIVE.to_vec());
    FetchedBundle::new(source, content, Some(Digest::of(b"manifest")), signatures)
}

fn signature(workshop: &Workshop, key: &str, built: Built) -> Vec<u8> {
    let provenance = Provenance {
        built,
        builder: "https://ci.example.com".to_owned(),
        invocation: None,
        source: None,
    };
    let key = SigningKey::from_pem(key, &workshop.text(&format!("{key}.key"))).unwrap();
    let signed = Attestation::new(ARCHIVE, &provenance)
        .unwrap()
        .sign(&key)
        .unwrap();
    let response = workshop.stamp("tsa", &signed.timestamp_request());
    signed
        .with_timestamp(&response)
        .unwrap()
        .to_json()
        .unwrap()
        .into_bytes()
}

fn package(name: &str) -> Built {
    Built::Package {
        name: name.to_owned(),
    }
}

fn policies(rules: &str, package: &str, base: &Path) -> Policies {
    let text = format!(
        "version: 1\n{rules}\npackages:\n  - {{ name: encryption, source: \"{SOURCE}\", {package} }}\n"
    );
    Policies(vec![SitePolicy::parse(&text, "policy.yaml", base).unwrap()])
}

fn admitted(
    policies: &Policies,
    fetched: FetchedBundle,
    lock: Option<&LockedPackage>,
) -> Result<AdmittedBundle, String> {
    let named = policies.packages().next().unwrap();
    let required = named.bundle.as_ref().unwrap();
    admit_bundle(fetched, named, required, lock, policies).map_err(|refused| refused.to_string())
}

#[test]
fn a_package_that_satisfies_everything_is_admitted_with_its_signer() {
    let workshop = site();
    let digest = Digest::of(ARCHIVE);
    let policies = policies(
        &format!("bundles: {{ {PLATFORM}, sources: [\"oci://registry.example.com/policies/*\"] }}"),
        &format!("digest: \"{digest}\", {PLATFORM}"),
        workshop.path("").as_path(),
    );
    let signed = fetched(vec![signature(&workshop, "platform", package("encryption"))]);
    let found = admitted(&policies, signed.clone(), None).unwrap();
    assert!(found.signer().unwrap().starts_with("key sha256:"));
    assert_eq!(
        (found.fetched().digest(), found.content()),
        (digest, &BundleContent::Archive(ARCHIVE.to_vec()))
    );
    let lock = LockedPackage::new(&found);
    admitted(&policies, signed, Some(&lock)).unwrap();
}

#[test]
fn other_bytes_than_those_asked_for_or_locked_are_refused_with_both_digests_and_the_place() {
    let other = Digest::of(b"other");
    let asked = policies("", &format!("digest: \"{other}\""), Path::new("/"));
    let error = admitted(&asked, fetched(Vec::new()), None).unwrap_err();
    let here = Digest::of(ARCHIVE);
    assert!(
        error.starts_with("policy.yaml:4:5: package `encryption` from oci://"),
        "{error}"
    );
    assert!(
        error.contains(&format!("its digest is {here}, but `digest` asks for {other}")),
        "{error}"
    );
    let lock = LockedPackage {
        source: SOURCE.to_owned(),
        digest: other,
        manifest_digest: None,
        signer: None,
    };
    let any = policies("", "level: advisory", Path::new("/"));
    let error = admitted(&any, fetched(Vec::new()), Some(&lock)).unwrap_err();
    assert!(
        error.contains(&format!("the digest {other} is locked, but this one has {here}")),
        "{error}"
    );
    admitted(&any, fetched(Vec::new()), None).unwrap();
}

#[test]
fn a_package_without_a_signature_of_a_signer_is_refused_by_its_own_rule_and_by_the_sites() {
    let workshop = site();
    let base = workshop.path("");
    let own = policies("", PLATFORM, &base);
    let sites = policies(&format!("bundles: {{ {PLATFORM} }}"), "level: advisory", &base);
    let by_stranger = || fetched(vec![signature(&workshop, "stranger", package("encryption"))]);
    for (policies, rule) in [(&own, "packages.signers"), (&sites, "bundles.signers")] {
        let unsigned = admitted(policies, fetched(Vec::new()), None).unwrap_err();
        assert!(
            unsigned.contains("has no signature") && unsigned.contains(rule),
            "{unsigned}"
        );
        let stranger = admitted(policies, by_stranger(), None).unwrap_err();
        assert!(
            stranger.contains("is not signed by `platform`") && stranger.contains(rule),
            "{stranger}"
        );
    }
    let allowed = policies_with_unsigned(&base);
    admitted(&allowed, fetched(Vec::new()), None).unwrap();
    // One that is there must hold all the same.
    assert!(admitted(&allowed, by_stranger(), None).is_err());
}

fn policies_with_unsigned(base: &Path) -> Policies {
    policies(
        &format!("bundles: {{ {PLATFORM}, unsigned: allow }}"),
        "level: advisory",
        base,
    )
}

#[test]
fn what_was_signed_as_another_package_or_as_a_plugin_is_refused() {
    let workshop = site();
    let base = workshop.path("");
    let own = policies("", PLATFORM, &base);
    let plugin = Built::Plugin {
        name: "encryption".to_owned(),
        version: semver::Version::new(1, 0, 0),
        interface: "konductor:plugin@0.1.0".to_owned(),
    };
    for (built, expected) in [
        (
            package("harmless"),
            "signed as the package `harmless`, not as the package `encryption`",
        ),
        (plugin, "signed as the plugin `encryption`"),
    ] {
        let signed = fetched(vec![signature(&workshop, "platform", built)]);
        let error = admitted(&own, signed, None).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    let renamed = policies("", &format!("package: harmless, {PLATFORM}"), &base);
    let signed = fetched(vec![signature(&workshop, "platform", package("harmless"))]);
    admitted(&renamed, signed, None).unwrap();
}

#[test]
fn another_signer_than_the_locked_one_is_refused() {
    let workshop = site();
    let both = "signers: [ { name: both, keys: [platform.pub, stranger.pub], timestamp_authorities: [tsa.chain.pem] } ]";
    let own = policies("", both, workshop.path("").as_path());
    let by = |key: &str| fetched(vec![signature(&workshop, key, package("encryption"))]);
    let lock = LockedPackage::new(&admitted(&own, by("platform"), None).unwrap());
    admitted(&own, by("platform"), Some(&lock)).unwrap();
    let error = admitted(&own, by("stranger"), Some(&lock)).unwrap_err();
    assert!(
        error.contains("the signer key sha256:") && error.contains("is locked"),
        "{error}"
    );
}

#[test]
fn a_source_that_no_rule_names_is_refused() {
    let elsewhere = policies(
        "bundles: { sources: [\"oci://elsewhere.example.com/*\"] }",
        "level: advisory",
        Path::new("/"),
    );
    let error = admitted(&elsewhere, fetched(Vec::new()), None).unwrap_err();
    assert!(
        error.contains("may not come from") && error.contains("bundles.sources"),
        "{error}"
    );
}
