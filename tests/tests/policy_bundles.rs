//! Packages of policies from a registry and from files: packed, signed, published, and read by a run only when they are what
//! the site says they are.

use std::fs;
use std::path::PathBuf;

use konductor_tests::{
    CERTIFICATES_FILE, Finished, KEY_FILE, KeyKind, OciRegistry, Project, SiteAuthority, SiteKey,
    certificates, root,
};
use serde_json::Value;

const ITEMS: &str = "package main

import rego.v1

deny contains msg if {
    some change in input.resource_changes
    change.change.after.label == \"forbidden\"
    msg := sprintf(\"%s is forbidden\", [change.name])
}
";

const ITEMS_TEST: &str = "package main_test

import rego.v1
import data.main

test_a_forbidden_item_is_denied if {
    change := {\"name\": \"one\", \"change\": {\"after\": {\"label\": \"forbidden\"}}}
    \"one is forbidden\" in main.deny with input as {\"resource_changes\": [change]}
}
";

/// Who signed, as it stands beside a package.
const SIGNERS: &str =
    "signers: [ { name: platform, keys: [platform.pub.pem], timestamp_authorities: [timestamps.pem] } ]";

/// A stack of one object, with a package of policies.
fn stack(package: &str, label: &str) -> String {
    format!(
        "name: items\npolicy:\n  packages:\n    - {{ name: items, {package} }}\nresources:\n  one:\n    type: \
         reference:test:Item\n    properties: {{ label: {label} }}\n"
    )
}

/// A project whose policies are in `policies/items`, a registry, and a site's keys.
struct Workshop {
    project: Project,
    registry: OciRegistry,
    authority: SiteAuthority,
    key: SiteKey,
}

impl Workshop {
    fn open() -> Self {
        let registry = OciRegistry::open();
        let authority = SiteAuthority::create();
        let key = authority.key("platform", KeyKind::P256);
        let project = Project::empty();
        let docker = project.home().join(".docker");
        fs::create_dir(&docker).unwrap();
        registry.write_docker_configuration(&docker);
        let certificate = registry.certificate();
        let project = project.with_environment("SSL_CERT_FILE", certificate.to_str().unwrap());
        project.write("konductor.dev.yaml", "");
        project.write("policies/items/items.rego", ITEMS);
        project.write("policies/items/items_test.rego", ITEMS_TEST);
        project.write(KEY_FILE, &key.public_text());
        project.write(CERTIFICATES_FILE, &certificates(&authority));
        Self {
            project,
            registry,
            authority,
            key,
        }
    }

    fn here(&self, name: &str) -> PathBuf {
        self.project.folder().join(name)
    }

    /// Packs the policies into `items.tar.gz` and returns the digest that is told.
    fn pack(&self) -> String {
        let packed = self
            .project
            .run([
                "policy",
                "pack",
                "policies/items",
                "--output",
                "items.tar.gz",
                "--json",
            ])
            .succeeds();
        event(&packed, "policy-packed")["digest"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Signs `items.tar.gz` as a package of some name, with a timestamp.
    fn sign(&self, key: &SiteKey, name: &str) {
        let key = key.private().to_str().unwrap();
        let sign = |arguments: &[&str]| {
            let all = ["policy", "sign", "items.tar.gz"]
                .into_iter()
                .chain(arguments.iter().copied());
            self.project.run(all).succeeds();
        };
        sign(&[
            "--key",
            key,
            "--name",
            name,
            "--export-timestamp-request",
            "request.tsq",
        ]);
        let response = self
            .authority
            .answer_query(&fs::read(self.here("request.tsq")).unwrap());
        fs::write(self.here("response.tsr"), response).unwrap();
        sign(&["--timestamp-response", "response.tsr"]);
    }

    fn publish(&self, reference: &str) -> Finished {
        self.project
            .run(["policy", "publish", "items.tar.gz", reference, "--json"])
    }

    /// Puts a file beside the policies, so that what is packed is in the cache of no other test and of no earlier run.
    fn make_own(&self, name: &str) {
        let folder = self.project.folder().display().to_string();
        let own: String = folder.chars().filter(char::is_ascii_alphanumeric).collect();
        let text = format!("package note_{name}_{own}\n");
        self.project.write("policies/items/note.rego", &text);
    }

    /// Packs, signs and publishes the package, and returns its source.
    fn published(&self, name: &str) -> String {
        self.make_own(name);
        self.pack();
        self.sign(&self.key, "items");
        let reference = self.registry.source("policies/items:1.0.0");
        self.publish(&reference).succeeds();
        reference
    }

    fn use_package(&self, package: &str, label: &str) {
        self.project.write("konductor.yaml", &stack(package, label));
    }
}

fn event(finished: &Finished, name: &str) -> Value {
    let events = finished.events();
    let found = events.iter().find(|event| event["event"] == name);
    found
        .unwrap_or_else(|| panic!("should tell {name}: {finished}"))
        .clone()
}

fn plan(project: &Project, flags: &[&str]) -> Finished {
    project.run(["plan"].iter().chain(flags).copied())
}

#[test]
fn a_signed_package_judges_a_run_which_records_what_it_was_and_who_signed_it() {
    let mut workshop = Workshop::open();
    workshop.make_own("recorded");
    let digest = workshop.pack();
    assert_eq!(digest, workshop.pack(), "the same files make the same bytes");
    workshop.sign(&workshop.key, "items");
    let reference = workshop.registry.source("policies/items:1.0.0");
    let published = event(&workshop.publish(&reference).succeeds(), "policy-published");
    assert_eq!(
        (&published["digest"], &published["signatures"]),
        (&Value::from(digest.clone()), &1.into())
    );

    let package = format!("source: \"{reference}\", digest: \"{digest}\", {SIGNERS}");
    workshop.use_package(&package, "forbidden");
    plan(&workshop.project, &[]).fails_saying("one is forbidden");
    workshop.use_package(&package, "allowed");
    workshop.project.run(["run", "--yes"]).succeeds();
    let shown = workshop
        .project
        .run(["log", "show", "--all", "--json"])
        .succeeds();
    let decided: Vec<Value> = shown
        .events()
        .into_iter()
        .map(|event| event["content"].clone())
        .filter(|content| content["entry"] == "policy-decided")
        .collect();
    let bundle = &decided.last().unwrap()["packages"][0]["bundle"];
    assert_eq!(
        (&bundle["source"], &bundle["digest"]),
        (&reference.clone().into(), &digest.clone().into())
    );
    let signer = bundle["signer"].as_str().unwrap();
    assert!(signer.starts_with("key sha256:"), "{signer}");

    // What the tag leads to is written down, and then nothing is needed but the cache.
    workshop
        .project
        .run(["policy", "test"])
        .succeeds()
        .says("1 passed");
    workshop.project.run(["policy", "lock"]).succeeds();
    let lock = workshop.project.read("konductor.lock");
    let manifest = published["manifest_digest"].as_str().unwrap();
    assert!(
        lock.contains(manifest) && lock.contains(&digest) && lock.contains(signer),
        "{lock}"
    );
    workshop.registry.stop();
    plan(&workshop.project, &["--offline"]).succeeds();
    workshop
        .project
        .run(["policy", "verify", "items", "--offline"])
        .succeeds()
        .says("signed by key sha256:");
    let cache = root().join("target/test-cache/konductor/downloads/sha256");
    let entry = cache.join(digest.trim_start_matches("sha256:"));
    assert!(entry.exists(), "{}", entry.display());
    fs::write(&entry, b"planted").unwrap();
    plan(&workshop.project, &["--offline"])
        .ends_with(1)
        .says("package `items` from oci://");
}

#[test]
fn a_package_that_is_not_what_the_site_says_stops_the_run_with_its_place_and_what_to_do() {
    let workshop = Workshop::open();
    let unsigned = workshop.registry.source("policies/items:unsigned");
    let digest = workshop.pack();
    workshop.publish(&unsigned).succeeds();
    let stranger = workshop.authority.key("stranger", KeyKind::Ed25519);
    // A registry holds signatures by what is signed, so that each case has bytes of its own.
    let with_bytes_of_their_own = |name: &str, sign: &dyn Fn()| {
        workshop.make_own(name);
        workshop.pack();
        sign();
        let reference = workshop.registry.source(&format!("policies/items:{name}"));
        workshop.publish(&reference).succeeds();
        reference
    };
    let by_stranger = with_bytes_of_their_own("stranger", &|| workshop.sign(&stranger, "items"));
    let as_another = with_bytes_of_their_own("another", &|| workshop.sign(&workshop.key, "harmless"));
    let good = with_bytes_of_their_own("good", &|| workshop.sign(&workshop.key, "items"));
    let other = format!("sha256:{}", "0".repeat(64));
    for (package, expected) in [
        (
            format!("source: \"{unsigned}\", {SIGNERS}"),
            "package `items` has no signature; it needs one of `platform`".to_owned(),
        ),
        (
            format!("source: \"{unsigned}\", digest: \"{other}\""),
            format!("its digest is {digest}, but `digest` asks for {other}"),
        ),
        (
            format!("source: \"{by_stranger}\", {SIGNERS}"),
            "package `items` is not signed by `platform`".to_owned(),
        ),
        (
            format!("source: \"{as_another}\", {SIGNERS}"),
            "it was signed as the package `harmless`, not as the package `items`".to_owned(),
        ),
        (format!("source: \"{good}@{other}\""), "is not there".to_owned()),
        (
            format!("source: \"{}\"", workshop.registry.source("policies/items:none")),
            "is not there".to_owned(),
        ),
    ] {
        workshop.use_package(&package, "allowed");
        plan(&workshop.project, &[])
            .fails_saying("konductor.yaml:4:7: package `items` from oci://")
            .says(&expected);
    }
    // Who signs as another name may say so.
    workshop.use_package(
        &format!("source: \"{as_another}\", package: harmless, {SIGNERS}"),
        "allowed",
    );
    plan(&workshop.project, &[]).succeeds();

    // The site's own file binds what a project names.
    let host = workshop.registry.host();
    workshop.use_package(&format!("source: \"{unsigned}\""), "allowed");
    for (rules, expected) in [
        (SIGNERS.to_owned(), Some("has no signature")),
        (format!("{SIGNERS}\n  unsigned: allow"), None),
        (
            "sources: [\"oci://elsewhere.example/*\"]".to_owned(),
            Some("may not come from"),
        ),
        (format!("sources: [\"oci://{host}/policies/*\"]"), None),
    ] {
        workshop
            .project
            .write("site.yaml", &format!("version: 1\nbundles:\n  {rules}\n"));
        let planned = plan(&workshop.project, &["--policy", "site.yaml"]);
        match expected {
            Some(expected) => planned.fails_saying(expected).says("site.yaml:3:"),
            None => planned.succeeds(),
        };
    }
}

#[test]
fn a_blob_that_was_changed_in_the_registry_is_not_read() {
    let workshop = Workshop::open();
    let reference = workshop.published("changed");
    workshop.use_package(&format!("source: \"{reference}\", {SIGNERS}"), "allowed");
    let packed = fs::read(workshop.here("items.tar.gz")).unwrap();
    let blobs = workshop.registry.blobs();
    let blob = blobs
        .iter()
        .find(|blob| fs::read(blob).unwrap() == packed)
        .unwrap();
    let mut changed = packed.clone();
    changed[20] ^= 1;
    fs::write(blob, &changed).unwrap();
    plan(&workshop.project, &[])
        .ends_with(1)
        .says("package `items` from oci://");
    fs::write(blob, &packed).unwrap();
    plan(&workshop.project, &[]).succeeds();
}

#[test]
fn a_tag_is_held_by_the_lock_and_only_by_that_of_the_project() {
    let workshop = Workshop::open();
    let reference = workshop.published("held");
    workshop.use_package(&format!("source: \"{reference}\""), "allowed");
    workshop.project.run(["plugin", "lock"]).succeeds();
    plan(&workshop.project, &["--locked"])
        .ends_with(1)
        .says("has a tag, which can be moved")
        .says("konductor policy lock");
    workshop
        .project
        .run(["policy", "lock"])
        .succeeds()
        .says("+ items");
    plan(&workshop.project, &["--locked"]).succeeds();
    workshop
        .project
        .run(["plugin", "lock"])
        .succeeds()
        .says("is up to date");

    // Nobody replaces a tag, and another one is not taken without being asked for.
    workshop
        .project
        .write("policies/items/more.rego", "package more\n");
    workshop.pack();
    fs::remove_file(workshop.here("items.sigstore.json")).unwrap();
    workshop
        .publish(&reference)
        .ends_with(1)
        .says("a release never changes");
    let next = workshop.registry.source("policies/items:1.1.0");
    workshop.publish(&next).succeeds();
    workshop.use_package(&format!("source: \"{next}\""), "allowed");
    plan(&workshop.project, &[]).fails_saying("is locked, but");
    workshop
        .project
        .run(["policy", "lock", "--update", "items"])
        .succeeds();
    plan(&workshop.project, &["--locked"]).succeeds();

    // The lock file of a project does not choose what a site demands: a tag there is no release.
    workshop
        .project
        .write("konductor.yaml", &stack("directory: policies/items", "allowed"));
    let site = |source: &str| {
        let text = format!("version: 1\npackages:\n  - {{ name: site, source: \"{source}\" }}\n");
        workshop.project.write("site.yaml", &text);
        plan(&workshop.project, &["--locked", "--policy", "site.yaml"])
    };
    site(&next)
        .fails_saying("site.yaml:3:5: package `site`")
        .says("@sha256:");
    let lock = workshop.project.read("konductor.lock");
    let manifest = lock
        .lines()
        .find_map(|line| line.strip_prefix("manifest_digest = "))
        .unwrap();
    site(&format!("{next}@{}", manifest.trim_matches('"'))).succeeds();
}

#[test]
fn a_package_is_carried_over_as_a_file_with_its_signature() {
    let workshop = Workshop::open();
    let reference = workshop.published("carried");
    workshop.use_package(&format!("source: \"{reference}\", {SIGNERS}"), "allowed");
    workshop
        .project
        .run(["policy", "fetch", "--output", "carried"])
        .succeeds();
    workshop.use_package(&format!("source: carried/items.tar.gz, {SIGNERS}"), "forbidden");
    let planned = workshop.project.run_without_network(["plan", "--offline"]);
    planned.fails_saying("one is forbidden");
    fs::remove_file(workshop.here("carried/items.sigstore.json")).unwrap();
    plan(&workshop.project, &["--offline"]).fails_saying("has no signature");
    let verified = [
        "policy",
        "verify",
        "carried/items.tar.gz",
        "--bundle",
        "items.sigstore.json",
    ];
    let keys = ["--key", KEY_FILE, "--tsa", CERTIFICATES_FILE];
    workshop
        .project
        .run(verified.iter().chain(&keys).copied())
        .succeeds()
        .says("signed as `items`");

    // A document of another tool is judged by it, too, and its tests run.
    workshop.project.write(
        "plan.json",
        "{\"resource_changes\": [{\"name\": \"x\", \"change\": {\"after\": {\"label\": \"forbidden\"}}}]}",
    );
    for source in ["carried/items.tar.gz", &reference] {
        workshop
            .project
            .run(["policy", "check", "--input", "plan.json", "--directory", source])
            .fails_saying("x is forbidden");
        workshop
            .project
            .run(["policy", "test", source])
            .succeeds()
            .says("1 passed");
    }
}
