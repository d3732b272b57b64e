use std::path::Path;

use konductor_signature::{Attestation, Built, Provenance, SigningKey};

use super::*;
use crate::component::tests::{bare_component, component};
use crate::policy::SitePolicy;

#[path = "../../../signature/tests/openssl/mod.rs"]
pub(crate) mod openssl;

use openssl::Workshop;

const SOURCE: &str = "oci://registry.example.com/konductor/aws";

fn fetched(source: &str, bytes: Vec<u8>) -> FetchedPlugin {
    let source = PluginSource::parse("aws", source, Path::new("/project")).unwrap();
    FetchedPlugin::new("aws", source, "the place".to_owned(), bytes).unwrap()
}

fn release(version: &str) -> FetchedPlugin {
    fetched(SOURCE, component("aws", version))
}

fn lock_of(plugin: &FetchedPlugin) -> LockedPlugin {
    LockedPlugin::new("aws", plugin, plugin.version.clone().unwrap(), None)
}

fn policies(texts: &[&str], base: &Path) -> Policies {
    let read = |text: &&str| SitePolicy::parse(&format!("version: 1\n{text}"), "policy.yaml", base).unwrap();
    Policies(texts.iter().map(read).collect())
}

fn here(text: &str) -> Policies {
    policies(&[text], Path::new("/"))
}

/// Why a plugin may not run.
fn reasons(result: Result<AdmittedPlugin, AdmissionErrors>) -> String {
    result.unwrap_err().to_string()
}

/// A site with an authority and two keys.
fn site() -> Workshop {
    let workshop = Workshop::new();
    workshop.root("root");
    workshop.timestamp_authority("tsa", "root", "P-256", None);
    workshop.key("platform", "P-256");
    workshop.key("vendor", "ed25519");
    workshop
}

const PLATFORM: &str = "plugins: { signers: [ { name: platform, keys: [platform.pub], timestamp_authorities: [tsa.chain.pem] } ] }";
const VENDOR: &str =
    "plugins: { signers: [ { name: vendor, keys: [vendor.pub], timestamp_authorities: [tsa.chain.pem] } ] }";

/// Signs a plugin as some version and puts the bundle beside it.
fn signed(workshop: &Workshop, key: &str, mut plugin: FetchedPlugin, version: &str) -> FetchedPlugin {
    let provenance = Provenance {
        built: Built::Plugin {
            name: "aws".to_owned(),
            version: semver::Version::parse(version).unwrap(),
            interface: "konductor:plugin@0.1.0".to_owned(),
        },
        builder: "https://ci.example.com".to_owned(),
        invocation: None,
        source: None,
    };
    let key = SigningKey::from_pem(key, &workshop.text(&format!("{key}.key"))).unwrap();
    let signed = Attestation::new(&plugin.bytes, &provenance)
        .unwrap()
        .sign(&key)
        .unwrap();
    let response = workshop.stamp("tsa", &signed.timestamp_request());
    let bundle = signed.with_timestamp(&response).unwrap().to_json().unwrap();
    plugin.bundles.push(bundle.into_bytes());
    plugin
}

#[test]
fn a_plugin_that_satisfies_everything_is_admitted_with_its_signer_and_digest() {
    let workshop = site();
    let plugin = signed(&workshop, "platform", release("1.4.0"), "1.4.0");
    let policies = policies(
        &[
            PLATFORM,
            "plugins: { sources: [\"oci://registry.example.com/konductor/*\"], unlocked: deny, local: deny, \
             minimum_versions: { aws: 1.4.0 } }",
        ],
        workshop.path("").as_path(),
    );
    let mut lock = lock_of(&plugin);
    let admitted = admit(plugin.clone(), "aws", Some(&lock), &policies, true).unwrap();
    assert_eq!(admitted.digest(), Digest::of(&plugin.bytes));
    assert_eq!(admitted.bytes(), plugin.bytes);
    let signer = admitted.signer().unwrap().to_owned();
    assert!(signer.starts_with("key sha256:"), "{signer}");
    lock.signer = Some(signer);
    admit(plugin, "aws", Some(&lock), &policies, true).unwrap();
}

#[test]
fn every_rule_refuses_by_itself_and_all_of_them_at_once() {
    let plugin = release("1.4.0");
    let rules = [
        ("plugins: { sources: [bundled] }", "plugins.sources"),
        (
            "plugins: { minimum_versions: { aws: 1.5.0 } }",
            "plugins.minimum_versions",
        ),
        (
            "plugins: { yanked: [ { plugin: aws, version: 1.4.0, reason: leaks } ] }",
            "leaks",
        ),
        ("plugins: { unlocked: deny }", "plugins.unlocked"),
        ("plugins: { signers: [] }", "plugins.signers"),
    ];
    for (text, expected) in rules {
        let shown = reasons(admit(plugin.clone(), "aws", None, &here(text), false));
        assert!(
            shown.contains(expected) && shown.contains("policy.yaml:2:"),
            "{text}: {shown}"
        );
    }
    let all = policies(&rules.map(|(text, _)| text), Path::new("/"));
    let errors = admit(plugin, "aws", None, &all, false).unwrap_err();
    assert_eq!(errors.problems.len(), rules.len(), "{errors}");
    let local = fetched("aws.wasm", bare_component());
    let shown = reasons(admit(
        local.clone(),
        "aws",
        None,
        &here("plugins: { local: deny }"),
        false,
    ));
    assert!(shown.contains("plugins.local"), "{shown}");
    admit(local, "aws", None, &Policies::default(), false).unwrap();
}

#[test]
fn bytes_that_were_changed_after_they_were_hashed_are_refused_with_both_digests() {
    let mut plugin = release("1.4.0");
    let before = plugin.digest;
    for position in 0..plugin.bytes.len() {
        plugin.bytes[position] ^= 1;
        let shown = reasons(admit(plugin.clone(), "aws", None, &Policies::default(), false));
        let after = Digest::of(&plugin.bytes);
        assert!(
            shown.contains(&before.to_string()) && shown.contains(&after.to_string()),
            "{shown}"
        );
        plugin.bytes[position] ^= 1;
    }
}

#[test]
fn a_locked_run_refuses_every_difference_from_the_lock() {
    let plugin = release("1.4.0");
    let lock = lock_of(&plugin);
    let open = Policies::default();
    admit(plugin.clone(), "aws", Some(&lock), &open, true).unwrap();
    let shown = reasons(admit(plugin.clone(), "aws", None, &open, true));
    assert!(shown.contains("not in the lock file"), "{shown}");

    let other = Digest::of(b"other");
    type Change = fn(&mut LockedPlugin, Digest);
    let changes: [(&str, Change); 4] = [
        ("digest", |lock, other| lock.digest = other),
        ("version", |lock, _| lock.version = semver::Version::new(1, 3, 0)),
        ("source", |lock, _| lock.source = "bundled".to_owned()),
        ("name", |lock, _| lock.plugin = Some("azure".to_owned())),
    ];
    for (what, change) in changes {
        let mut lock = lock.clone();
        change(&mut lock, other);
        for (policies, locked) in [(&open, true), (&here("plugins: { unlocked: deny }"), false)] {
            let shown = reasons(admit(plugin.clone(), "aws", Some(&lock), policies, locked));
            assert!(shown.contains(what), "{what}: {shown}");
        }
    }
    let mut mine = plugin.clone();
    mine.manifest_digest = Some(Digest::of(b"one"));
    let mut lock = lock;
    lock.manifest_digest = Some(other);
    let shown = reasons(admit(mine, "aws", Some(&lock), &open, true));
    assert!(shown.contains("OCI manifest digest"), "{shown}");
}

#[test]
fn an_open_run_reports_differences_and_still_refuses_a_release_that_was_replaced() {
    let (old, new) = (release("1.4.0"), release("1.5.0"));
    let open = Policies::default();
    let admitted = admit(new, "aws", Some(&lock_of(&old)), &open, false).unwrap();
    assert!(!admitted.lock_differences().is_empty());

    let mut lock = lock_of(&old);
    lock.digest = Digest::of(b"what was published first");
    let shown = reasons(admit(old.clone(), "aws", Some(&lock), &open, false));
    assert!(shown.contains("somebody replaced a release"), "{shown}");
    // What is built on this machine is replaced all day.
    let local = FetchedPlugin {
        source: PluginSource::Bundled,
        ..old
    };
    lock.source = "bundled".to_owned();
    admit(local, "aws", Some(&lock), &open, false).unwrap();
}

#[test]
fn every_policy_wants_its_own_signer() {
    let workshop = site();
    let folder = workshop.path("");
    let both = policies(&[PLATFORM, VENDOR], &folder);
    let one = signed(&workshop, "platform", release("1.4.0"), "1.4.0");
    let shown = reasons(admit(one.clone(), "aws", None, &both, false));
    assert!(
        shown.contains("`vendor`") && !shown.contains("not signed by `platform`"),
        "{shown}"
    );
    let two = signed(&workshop, "vendor", one, "1.4.0");
    assert_eq!(
        admit(two, "aws", None, &both, false).unwrap().signatures().len(),
        2
    );
    let none = release("1.4.0");
    let shown = reasons(admit(none.clone(), "aws", None, &both, false));
    assert!(shown.contains("has no signature"), "{shown}");
    let lenient = PLATFORM.replace(" } ] }", " } ], unsigned: allow }");
    let lenient = policies(&[&lenient], &folder);
    admit(none, "aws", None, &lenient, false).unwrap();
    // A signature that is there has to hold all the same.
    let foreign = signed(&workshop, "vendor", release("1.4.0"), "1.4.0");
    assert!(admit(foreign, "aws", None, &lenient, false).is_err());
}

#[test]
fn a_signature_for_another_release_does_not_admit_this_one() {
    let workshop = site();
    let policies = policies(&[PLATFORM], &workshop.path(""));
    let other = signed(&workshop, "platform", release("1.3.0"), "1.3.0");
    let mut plugin = release("1.4.0");
    plugin.bundles = other.bundles;
    let shown = reasons(admit(plugin.clone(), "aws", None, &policies, false));
    let (old, new) = (Digest::of(&other.bytes).to_string(), plugin.digest.to_string());
    assert!(shown.contains(&old) && shown.contains(&new), "{shown}");

    let mislabelled = signed(&workshop, "platform", release("1.4.0"), "1.3.0");
    let shown = reasons(admit(mislabelled, "aws", None, &policies, false));
    assert!(
        shown.contains("signed as version 1.3.0") && shown.contains("1.4.0"),
        "{shown}"
    );
}

#[test]
fn another_signer_than_the_locked_one_is_refused_in_a_locked_run_and_reported_in_an_open_one() {
    let workshop = site();
    let policies = policies(&[PLATFORM], &workshop.path(""));
    let plugin = signed(&workshop, "platform", release("1.4.0"), "1.4.0");
    let mut lock = lock_of(&plugin);
    lock.signer = Some("key sha256:somebody else".to_owned());
    let shown = reasons(admit(plugin.clone(), "aws", Some(&lock), &policies, true));
    assert!(shown.contains("signer key sha256:somebody else"), "{shown}");
    let admitted = admit(plugin, "aws", Some(&lock), &policies, false).unwrap();
    assert_eq!(admitted.lock_differences()[0].field, LockedField::Signer);
}
