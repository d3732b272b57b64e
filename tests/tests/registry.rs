//! Plugins in a real OCI registry: over TLS with a private authority and a password, without the referrers interface.

use std::path::Path;
use std::sync::{Arc, Mutex};

use konductor_registry::component::with_manifest;
use konductor_registry::{
    Digest, FetchRequest, FetchedPlugin, LockedRelease, MirrorForm, NetworkSettings, PluginSource, Progress,
    ProgressEvent, Registry, RegistryError, SearchPath, SignatureLookup,
};
use konductor_tests::{OciRegistry, write_docker_configuration};

/// Keeps what it hears.
#[derive(Default)]
struct Heard(Mutex<Vec<ProgressEvent>>);

impl Progress for Heard {
    fn report(&self, event: ProgressEvent) {
        self.0.lock().unwrap().push(event);
    }
}

impl Heard {
    fn take(&self) -> Vec<ProgressEvent> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    fn has_downloaded(&self) -> bool {
        self.take()
            .iter()
            .any(|event| matches!(event, ProgressEvent::Downloading { .. }))
    }
}

/// A component that says who it is and holds nothing else: enough for everything that does not run it.
fn component(version: &str) -> Vec<u8> {
    let manifest = format!(r#"{{"name":"demo","version":"{version}"}}"#);
    with_manifest(b"\0asm\x0d\0\x01\0", manifest.as_bytes()).unwrap()
}

fn plugin(version: &str, bundles: &[&str]) -> FetchedPlugin {
    let place = "demo.wasm".to_owned();
    let mut plugin = FetchedPlugin::new("demo", PluginSource::Bundled, place, component(version)).unwrap();
    plugin.bundles = bundles.iter().map(|text| text.as_bytes().to_vec()).collect();
    plugin
}

fn settings(server: &OciRegistry, folder: &Path) -> NetworkSettings {
    NetworkSettings {
        certificate_files: vec![server.certificate()],
        docker_configuration: Some(server.write_docker_configuration(folder).join("config.json")),
        ..NetworkSettings::default()
    }
}

fn client(settings: NetworkSettings, folder: &Path) -> (Registry, Arc<Heard>) {
    let heard = Arc::new(Heard::default());
    let downloads = folder.join("downloads");
    let registry =
        Registry::new(SearchPath::default(), settings, Some(downloads)).with_progress(heard.clone());
    (registry, heard)
}

fn request(source: &str, version: Option<&str>) -> FetchRequest {
    FetchRequest {
        plugin: "demo".to_owned(),
        source: PluginSource::parse("demo", source, Path::new("/")).unwrap(),
        version: version.map(|text| text.parse().unwrap()),
        locked: None,
        signatures: SignatureLookup::AtSource,
    }
}

fn lock(found: &FetchedPlugin) -> Option<LockedRelease> {
    Some(LockedRelease {
        version: found.version.clone().unwrap(),
        digest: found.digest,
        manifest_digest: found.manifest_digest,
    })
}

#[track_caller]
fn message(error: &RegistryError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

#[tokio::test]
async fn a_plugin_and_its_bundles_come_back_from_a_registry_as_they_were_pushed() {
    let server = OciRegistry::open();
    let folder = tempfile::tempdir().unwrap();
    let (registry, heard) = client(settings(&server, folder.path()), folder.path());
    let repository = server.source("team/demo").parse().unwrap();
    for version in ["1.2.0", "1.10.0", "2.0.0-rc.1"] {
        let published = registry
            .publish(&plugin(version, &["one", "two"]), &repository)
            .await
            .unwrap();
        assert_eq!((published.tag.as_str(), published.bundles), (version, 2));
    }
    // Pushing again adds the bundle that is new, and nothing else changes.
    let again = registry
        .publish(&plugin("1.10.0", &["one", "three"]), &repository)
        .await
        .unwrap();

    let source = server.source("team/demo");
    let parsed = PluginSource::parse("demo", &source, Path::new("/")).unwrap();
    let versions = registry.versions("demo", &parsed).await.unwrap();
    let shown: Vec<String> = versions.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["1.2.0", "1.10.0", "2.0.0-rc.1"]);

    heard.take();
    let found = registry.fetch(&request(&source, None)).await.unwrap();
    assert_eq!(found.bytes, component("1.10.0"));
    assert_eq!(found.manifest_digest, Some(again.manifest_digest));
    assert_eq!(
        found.bundles,
        [b"one".to_vec(), b"two".to_vec(), b"three".to_vec()]
    );
    assert!(heard.has_downloaded());

    // What any other client sees: the media types that wasm tools agree on, and the index of the fallback.
    let image = "application/vnd.oci.image.manifest.v1+json";
    let manifest = server.get("/v2/team/demo/manifests/1.10.0", image).json();
    assert_eq!(
        manifest["config"]["mediaType"],
        "application/vnd.wasm.config.v0+json"
    );
    assert_eq!(manifest["layers"][0]["mediaType"], "application/wasm");
    assert_eq!(manifest["layers"][0]["digest"], found.digest.to_string());
    let tag = again.manifest_digest.to_string().replace(':', "-");
    let index = "application/vnd.oci.image.index.v1+json";
    let listed = server
        .get(&format!("/v2/team/demo/manifests/{tag}"), index)
        .json();
    assert_eq!(listed["manifests"].as_array().unwrap().len(), 3);

    let manifest = br#"{"name":"demo","version":"1.2.0","description":"another"}"#;
    let bytes = with_manifest(&component("1.2.0"), manifest).unwrap();
    let other = FetchedPlugin::new("demo", PluginSource::Bundled, "x".into(), bytes).unwrap();
    let error = message(&registry.publish(&other, &repository).await.unwrap_err());
    assert!(error.contains("a release never changes"), "{error}");
}

#[tokio::test]
async fn a_locked_plugin_comes_from_the_cache_with_the_registry_gone() {
    let mut server = OciRegistry::open();
    let folder = tempfile::tempdir().unwrap();
    let (registry, heard) = client(settings(&server, folder.path()), folder.path());
    let source = server.source("demo");
    registry
        .publish(&plugin("1.0.0", &["one"]), &source.parse().unwrap())
        .await
        .unwrap();
    let found = registry.fetch(&request(&source, None)).await.unwrap();
    let mut locked = request(&source, None);
    locked.locked = lock(&found);
    server.stop();

    heard.take();
    let again = registry.fetch(&locked).await.unwrap();
    assert_eq!((&again.bytes, &again.bundles), (&found.bytes, &found.bundles));
    assert!(!heard.has_downloaded());

    let error = message(&registry.fetch(&request(&source, None)).await.unwrap_err());
    assert!(
        error.contains("does not answer") && error.contains(&server.host()),
        "{error}"
    );

    // A damaged entry is no entry: without the registry there is nothing else to take.
    let entry = folder.path().join("downloads/sha256").join(found.digest.hex());
    std::fs::write(&entry, b"planted").unwrap();
    let error = message(&registry.fetch(&locked).await.unwrap_err());
    assert!(error.contains("does not answer"), "{error}");
    assert!(!entry.exists());

    // A mirror that was filled before serves without the registry, in both forms.
    for (name, form) in [
        ("plain", MirrorForm::Directory),
        ("layout", MirrorForm::OciLayout),
    ] {
        let mirror = folder.path().join(name);
        registry.mirror(&found, &mirror, form).unwrap();
        let offline = NetworkSettings {
            offline: true,
            ..NetworkSettings::default()
        };
        let (unplugged, _) = client(offline, folder.path());
        let mirrored = unplugged
            .fetch(&request(&format!("mirror:{}", mirror.display()), None))
            .await
            .unwrap();
        assert_eq!(
            (&mirrored.bytes, &mirrored.bundles),
            (&found.bytes, &found.bundles)
        );
        assert_eq!(mirrored.manifest_digest, found.manifest_digest, "{name}");
    }
}

#[tokio::test]
async fn a_signature_that_is_added_later_is_seen_where_the_registry_may_be_asked() {
    let mut server = OciRegistry::open();
    let folder = tempfile::tempdir().unwrap();
    let (registry, heard) = client(settings(&server, folder.path()), folder.path());
    let source = server.source("demo");
    let repository = source.parse().unwrap();
    registry
        .publish(&plugin("1.0.0", &["one"]), &repository)
        .await
        .unwrap();
    let found = registry.fetch(&request(&source, None)).await.unwrap();
    let mut locked = request(&source, None);
    locked.locked = lock(&found);
    registry
        .publish(&plugin("1.0.0", &["two"]), &repository)
        .await
        .unwrap();

    let one = vec![b"one".to_vec()];
    let both = vec![b"one".to_vec(), b"two".to_vec()];
    let mut kept = locked.clone();
    kept.signatures = SignatureLookup::Kept;
    assert_eq!(registry.fetch(&kept).await.unwrap().bundles, one);
    let offline = NetworkSettings {
        offline: true,
        ..settings(&server, folder.path())
    };
    let (unplugged, told) = client(offline, folder.path());
    assert_eq!(unplugged.fetch(&locked).await.unwrap().bundles, one);
    // It was told to be offline: that is nothing to be warned of.
    let is_warning = |event: &ProgressEvent| matches!(event, ProgressEvent::SignaturesNotLookedUp { .. });
    assert!(!told.take().iter().any(is_warning));

    heard.take();
    let fresh = registry.fetch(&locked).await.unwrap();
    assert_eq!((&fresh.bundles, &fresh.bytes), (&both, &found.bytes));
    assert!(!heard.has_downloaded(), "only the signatures are asked for");
    assert_eq!(unplugged.fetch(&locked).await.unwrap().bundles, both);

    // With the registry gone, what it listed last is used, and that is said.
    server.stop();
    heard.take();
    assert_eq!(registry.fetch(&locked).await.unwrap().bundles, both);
    let said = heard.take();
    let reason = said.iter().find_map(|event| match event {
        ProgressEvent::SignaturesNotLookedUp { source, reason, .. } => Some((source, reason)),
        _ => None,
    });
    let (about, reason) = reason.unwrap();
    assert!(
        *about == source && reason.contains("does not answer"),
        "{about}: {reason}"
    );
}

#[tokio::test]
async fn two_registries_with_the_same_bytes_have_signatures_of_their_own() {
    let servers = [OciRegistry::open(), OciRegistry::open()];
    let folder = tempfile::tempdir().unwrap();
    let mut locked = Vec::new();
    for (number, server) in servers.iter().enumerate() {
        let own = tempfile::tempdir().unwrap();
        let settings = settings(server, own.path());
        // The cache is the same for both.
        let (registry, heard) = client(settings, folder.path());
        let source = server.source("demo");
        let bundle = format!("of number {number}");
        registry
            .publish(&plugin("1.0.0", &[&bundle]), &source.parse().unwrap())
            .await
            .unwrap();
        let found = registry.fetch(&request(&source, None)).await.unwrap();
        assert_eq!(found.bundles, [bundle.clone().into_bytes()]);
        assert_eq!(heard.has_downloaded(), number == 0, "the bytes are the same");
        let mut request = request(&source, None);
        request.locked = lock(&found);
        request.signatures = SignatureLookup::Kept;
        locked.push((request, bundle));
    }
    let offline = NetworkSettings {
        offline: true,
        ..NetworkSettings::default()
    };
    let (unplugged, _) = client(offline, folder.path());
    for (request, bundle) in &locked {
        let found = unplugged.fetch(request).await.unwrap();
        assert_eq!(found.bundles, [bundle.clone().into_bytes()]);
    }
    // A third one that nobody asked yet has none that are known, and offline it cannot be asked.
    let mut third = locked[0].0.clone();
    let source = "oci://third.example/demo";
    third.source = PluginSource::parse("demo", source, Path::new("/")).unwrap();
    let error = message(&unplugged.fetch(&third).await.unwrap_err());
    assert!(
        error.contains("third.example") && error.contains("offline"),
        "{error}"
    );
}

#[tokio::test]
async fn whoever_cannot_log_in_or_does_not_know_the_authority_is_told_so() {
    let server = OciRegistry::open();
    let folder = tempfile::tempdir().unwrap();
    let good = settings(&server, folder.path());
    let source = server.source("demo");
    let asked = request(&source, None);

    let anonymous = NetworkSettings {
        docker_configuration: None,
        ..good.clone()
    };
    let error = message(
        &client(anonymous, folder.path())
            .0
            .fetch(&asked)
            .await
            .unwrap_err(),
    );
    assert!(error.contains("401") && error.contains("docker login"), "{error}");

    let others = tempfile::tempdir().unwrap();
    write_docker_configuration(others.path(), &server.host(), server.user(), "wrong-password");
    let wrong = NetworkSettings {
        docker_configuration: Some(others.path().join("config.json")),
        ..good.clone()
    };
    let error = message(&client(wrong, folder.path()).0.fetch(&asked).await.unwrap_err());
    assert!(
        error.contains("401") && !error.contains("wrong-password"),
        "{error}"
    );

    let strange = NetworkSettings {
        certificate_files: Vec::new(),
        ..good.clone()
    };
    let error = message(&client(strange, folder.path()).0.fetch(&asked).await.unwrap_err());
    assert!(error.to_lowercase().contains("certificate"), "{error}");

    let error = message(&client(good, folder.path()).0.fetch(&asked).await.unwrap_err());
    assert!(error.contains("it has none at all"), "{error}");
}

#[tokio::test]
async fn a_change_of_any_byte_that_a_registry_holds_is_refused() {
    let server = OciRegistry::open();
    let folder = tempfile::tempdir().unwrap();
    // Without a cache, so that every byte comes from the registry.
    let registry = Registry::new(SearchPath::default(), settings(&server, folder.path()), None);
    let source = server.source("demo");
    registry
        .publish(&plugin("1.0.0", &["a bundle"]), &source.parse().unwrap())
        .await
        .unwrap();
    let found = registry.fetch(&request(&source, None)).await.unwrap();
    let mut locked = request(&source, None);
    locked.locked = lock(&found);
    let fallback = format!("sha256-{}", found.manifest_digest.unwrap().hex());
    let image = "application/vnd.oci.image.index.v1+json";
    let index = server.get(&format!("/v2/demo/manifests/{fallback}"), image).body;
    for blob in server.blobs() {
        let content = std::fs::read(&blob).unwrap();
        // The empty configuration of bundles is never read, and the index has no digest that anybody knows.
        if content == b"{}" || content == index {
            continue;
        }
        for position in (0..content.len()).step_by(7).chain([content.len() - 1]) {
            let mut changed = content.clone();
            changed[position] ^= 1;
            std::fs::write(&blob, &changed).unwrap();
            let result = registry.fetch(&locked).await;
            assert!(result.is_err(), "{} byte {position}", blob.display());
        }
        std::fs::write(&blob, &content).unwrap();
    }
    assert_eq!(
        registry.fetch(&locked).await.unwrap().digest,
        Digest::of(&component("1.0.0"))
    );
}
