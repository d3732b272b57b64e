//! A plugin's way to a site without the internet: built, signed with a key that OpenSSL keeps, stamped, pushed to a
//! registry, locked, mirrored, carried over, and run where there is no network.

use std::fs;
use std::path::{Path, PathBuf};

use konductor_tests::{
    CERTIFICATES_FILE, Finished, KEY_FILE, KeyKind, OciRegistry, Project, SiteAuthority, SiteKey,
    certificates, guest, sign_in_two_steps, site_policy,
};

const REPOSITORY: &str = "konductor/reference";

/// A stack of one object of the reference plugin, from a source.
fn stack(source: &str) -> String {
    format!(
        "\
name: site
plugins:
  reference:
    source: \"{source}\"
    version: \">=0.1\"
    grant: requested
resources:
  one:
    type: reference:test:Item
    properties:
      label: carried over
"
    )
}

/// The developer's side, which has a network.
struct Workshop {
    project: Project,
    registry: OciRegistry,
    authority: SiteAuthority,
    key: SiteKey,
}

impl Workshop {
    /// Builds the plugin and signs it in two steps, as with a security module.
    fn with_signed_plugin(kind: KeyKind) -> Self {
        let registry = OciRegistry::open();
        let authority = SiteAuthority::create();
        let key = authority.key("platform", kind);
        let project = Project::empty();
        let docker = project.home().join(".docker");
        fs::create_dir(&docker).unwrap();
        registry.write_docker_configuration(&docker);
        let certificate = registry.certificate();
        let project = project
            .with_environment("SSL_CERT_FILE", certificate.to_str().unwrap())
            .with_environment("KONDUCTOR_PLUGIN_PATH", "");
        fs::copy(guest("reference"), project.folder().join("reference.wasm")).unwrap();
        sign_in_two_steps(&project, "reference.wasm", &key, &authority);
        Self {
            project,
            registry,
            authority,
            key,
        }
    }

    fn publish(&self) {
        let repository = self.registry.source(REPOSITORY);
        self.project
            .run(["plugin", "publish", "reference.wasm", &repository])
            .succeeds();
    }

    /// Locks the published plugin and fills a mirror of a form with it.
    fn mirror(&self, form: &str) -> PathBuf {
        self.project
            .write("konductor.yaml", &stack(&self.registry.source(REPOSITORY)));
        self.project.write("konductor.dev.yaml", "");
        self.project.run(["plugin", "lock"]).succeeds();
        self.project
            .run(["plugin", "mirror", form, "--format", form])
            .succeeds();
        self.project.folder().join(form)
    }

    /// Carries the mirror over to a closed site, with the lock and the site's own policy.
    fn carried_over(&self) -> ClosedSite {
        self.carried_over_as("directory")
    }

    fn carried_over_as(&self, form: &str) -> ClosedSite {
        let mirror = self.mirror(form);
        let project = Project::empty();
        let there = project.folder().join("mirror");
        copy(&mirror, &there);
        project.write("konductor.yaml", &stack(&format!("mirror:{}", there.display())));
        project.write("konductor.dev.yaml", "");
        project.write("konductor.lock", &self.project.read("konductor.lock"));
        project.write("policy.yaml", &site_policy(&there));
        project.write(KEY_FILE, &self.key.public_text());
        project.write(CERTIFICATES_FILE, &certificates(&self.authority));
        // Nothing of the developer's machine is there: no cache and no plugins beside the project.
        let cache = project.home().join("cache");
        ClosedSite {
            project: project
                .with_environment("XDG_CACHE_HOME", cache.to_str().unwrap())
                .with_environment("KONDUCTOR_PLUGIN_PATH", ""),
        }
    }
}

/// The closed site.
struct ClosedSite {
    project: Project,
}

impl ClosedSite {
    fn run(&self, command: &[&str]) -> Finished {
        let flags = ["--offline", "--locked", "--policy", "policy.yaml"];
        self.project
            .run_without_network(command.iter().chain(&flags).copied())
    }

    /// Returns the files of the mirror.
    fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.project.folder().join("mirror")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else {
                    found.push(entry.path());
                }
            }
        }
        found.sort();
        found
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_signed_plugin_goes_through_registry_and_mirror_to_a_site_without_a_network() {
    for kind in [KeyKind::P256, KeyKind::Ed25519] {
        let mut workshop = Workshop::with_signed_plugin(kind);
        workshop.publish();
        let site = workshop.carried_over();
        // The namespace holds: the registry is there, and cannot be reached from inside.
        workshop
            .project
            .run_without_network(["plugin", "lock", "--update", "reference"])
            .ends_with(1);
        workshop.registry.stop();

        site.run(&["plugin", "verify", "reference"])
            .succeeds()
            .says("signed by key sha256:");
        site.run(&["run", "--yes"]).succeeds();
        site.run(&["plan", "--detailed-exitcode"]).ends_with(0);
    }
}

#[test]
fn a_signature_that_is_published_after_the_plugin_is_seen_without_emptying_the_cache() {
    // Who asks the registry again: a run under a policy, and `fetch` for the locked runs after it.
    for (asking, then) in [
        (&["plan"][..], &["plan", "--locked"][..]),
        (&["plugin", "fetch", "--locked"], &["plan", "--locked"]),
    ] {
        let workshop = Workshop::with_signed_plugin(KeyKind::P256);
        let project = &workshop.project;
        let here = |name: &str| project.folder().join(name);
        fs::rename(here("reference.sigstore.json"), here("later")).unwrap();
        workshop.publish();
        project.write("konductor.yaml", &stack(&workshop.registry.source(REPOSITORY)));
        project.write("konductor.dev.yaml", "");
        project.run(["plugin", "lock"]).succeeds();
        project.run(["plan"]).succeeds();

        fs::rename(here("later"), here("reference.sigstore.json")).unwrap();
        workshop.publish();
        project.write(CERTIFICATES_FILE, &certificates(&workshop.authority));
        let signer = "{ name: platform, keys: [platform.pub.pem], timestamp_authorities: [timestamps.pem] }";
        project.write(
            "policy.yaml",
            &format!("version: 1\nplugins:\n  signers:\n    - {signer}\n"),
        );
        let run = |command: &[&str]| project.run(command.iter().chain(&["--policy", "policy.yaml"]).copied());
        run(&["plan", "--locked"]).ends_with(1).says("has no signature");
        // The first to look at signatures writes down who signed.
        run(asking).succeeds();
        run(&["plugin", "lock", "--offline"]).succeeds();
        run(then).succeeds();
    }
}

#[test]
fn what_is_pushed_has_the_standard_media_types_and_the_very_bytes() {
    let workshop = Workshop::with_signed_plugin(KeyKind::P256);
    workshop.publish();
    let registry = &workshop.registry;
    let tags = registry.get(&format!("/v2/{REPOSITORY}/tags/list"), "*/*").json();
    let tags: Vec<&str> = tags["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| tag.as_str().unwrap())
        .collect();
    let version = tags.iter().find(|tag| !tag.starts_with("sha256-")).unwrap();
    let accept = "application/vnd.oci.image.manifest.v1+json";
    let answer = registry.get(&format!("/v2/{REPOSITORY}/manifests/{version}"), accept);
    assert_eq!(answer.headers["content-type"], accept);
    let manifest = answer.json();
    assert_eq!(manifest["mediaType"], accept);
    assert_eq!(
        manifest["config"]["mediaType"],
        "application/vnd.wasm.config.v0+json"
    );
    let layers = manifest["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 1, "{manifest}");
    assert_eq!(layers[0]["mediaType"], "application/wasm");
    let digest = layers[0]["digest"].as_str().unwrap();
    let blob = registry.get(&format!("/v2/{REPOSITORY}/blobs/{digest}"), "*/*");
    let packed = fs::read(workshop.project.folder().join("reference.wasm")).unwrap();
    assert!(blob.body == packed, "the registry should hold the packed file");

    // This registry knows no referrers, so the bundle stands under the tag that takes their place.
    let own = answer.headers["docker-content-digest"]
        .as_str()
        .unwrap()
        .replace(':', "-");
    assert!(tags.contains(&own.as_str()), "{tags:?} should hold {own}");
    let index = registry.get(
        &format!("/v2/{REPOSITORY}/manifests/{own}"),
        "application/vnd.oci.image.index.v1+json",
    );
    let referrer = &index.json()["manifests"][0];
    assert_eq!(
        referrer["artifactType"], "application/vnd.dev.sigstore.bundle.v0.3+json",
        "{referrer}"
    );
}

/// Flips bytes of a file, both its ends and places in between, and requires of each plan that it is refused with the
/// file and with what to do. The libraries' own tests go through every byte.
fn flips_are_refused(site: &ClosedSite, file: &Path, between: usize) {
    let good = fs::read(file).unwrap();
    let name = file.file_name().unwrap().to_str().unwrap();
    let last = good.len() - 1;
    for at in [0, last]
        .into_iter()
        .chain((1..=between).map(|part| last * part / (between + 1)))
    {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(file, &bad).unwrap();
        let finished = site.run(&["plan"]);
        assert_eq!(finished.code, Some(1), "{name}, byte {at}: {finished}");
        // Wrapped to the width of the terminal, names of files in the middle of a word.
        let said: String = finished
            .stderr
            .split_whitespace()
            .filter(|word| *word != "│")
            .collect();
        assert!(
            said.contains(name),
            "{name}, byte {at}: should be named: {finished}"
        );
        let advice = [
            "fromitssourceagain",
            "restoreitfromversioncontrol",
            "useanewerkonductor",
        ];
        assert!(
            advice.iter().any(|words| said.contains(words)),
            "{name}, byte {at}: should say what to do: {finished}"
        );
    }
    fs::write(file, &good).unwrap();
}

#[test]
fn a_byte_flipped_in_mirror_signature_or_lock_is_refused_with_the_file_and_what_to_do() {
    let workshop = Workshop::with_signed_plugin(KeyKind::P256);
    workshop.publish();
    for (form, count, between) in [("directory", 3, 6), ("oci", 9, 1)] {
        let site = workshop.carried_over_as(form);
        site.run(&["plan"]).succeeds();
        let files = site.files();
        assert_eq!(files.len(), count, "{files:?}");
        for file in files {
            flips_are_refused(&site, &file, between);
        }
        flips_are_refused(&site, &site.project.folder().join("konductor.lock"), between);
        site.run(&["plan"]).succeeds();
    }
}

#[test]
fn the_policy_of_the_site_stops_what_is_unsigned_local_unlocked_or_signed_by_a_stranger() {
    let workshop = Workshop::with_signed_plugin(KeyKind::P256);
    workshop.publish();
    let site = workshop.carried_over();
    let project = &site.project;
    let refused = |why: &str| site.run(&["plan"]).ends_with(1).says(why);
    site.run(&["plan"]).succeeds();

    // Unsigned: the bundle is gone.
    let bundle = site
        .files()
        .into_iter()
        .find(|file| file.to_string_lossy().contains("sigstore"))
        .unwrap();
    let signed = fs::read(&bundle).unwrap();
    fs::remove_file(&bundle).unwrap();
    // Wrapped to the width of the terminal, so the name alone.
    refused("reference.sigstore.json");
    fs::write(&bundle, signed).unwrap();

    // Signed by somebody whom the policy does not name.
    let stranger = workshop.authority.key("stranger", KeyKind::P256);
    project.write(KEY_FILE, &stranger.public_text());
    refused("platform");
    project.write(KEY_FILE, &workshop.key.public_text());

    // Local: the lock names another source, before any policy is asked.
    let folder = project.folder().to_owned();
    fs::copy(
        workshop.project.folder().join("reference.wasm"),
        folder.join("reference.wasm"),
    )
    .unwrap();
    let from_mirror = project.read("konductor.yaml");
    project.write("konductor.yaml", &stack("./reference.wasm"));
    refused("konductor.yaml asks for ./reference.wasm");
    project.write("konductor.yaml", &from_mirror);

    // Not locked.
    let lock = project.read("konductor.lock");
    fs::remove_file(folder.join("konductor.lock")).unwrap();
    refused("konductor.lock");
    project.write("konductor.lock", &lock);
    site.run(&["plan"]).succeeds();
}
