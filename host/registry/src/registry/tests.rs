use super::*;
use crate::component::tests::{bare_component, component};

fn version(text: &str) -> semver::Version {
    text.parse().unwrap()
}

fn wanted(text: &str) -> semver::VersionReq {
    text.parse().unwrap()
}

fn registry(network: NetworkSettings) -> Registry {
    Registry::new(SearchPath::default(), network, None)
}

fn request(source: &str, base: &Path, version: Option<&str>) -> FetchRequest {
    FetchRequest {
        plugin: "aws".into(),
        source: PluginSource::parse("aws", source, base).unwrap(),
        version: version.map(wanted),
        locked: None,
        signatures: SignatureLookup::AtSource,
    }
}

#[test]
fn the_highest_version_that_will_do_is_taken_and_a_pre_release_only_when_asked_for() {
    let offered = || {
        ["1.2.0", "1.10.0", "2.0.0-rc.1", "2.0.0-rc.2"]
            .map(version)
            .to_vec()
    };
    let pick = |text: &str| highest(offered(), Some(&wanted(text))).map(|version| version.to_string());
    assert_eq!(highest(offered(), None).unwrap(), version("1.10.0"));
    assert_eq!(pick("^1").unwrap(), "1.10.0");
    assert_eq!(pick("<1.10").unwrap(), "1.2.0");
    assert_eq!(pick("*").unwrap(), "1.10.0");
    assert_eq!(pick(">=2.0.0-rc.1").unwrap(), "2.0.0-rc.2");
    assert_eq!(pick("^2").unwrap_err(), offered());
}

#[tokio::test]
async fn a_plugin_goes_from_a_file_into_a_mirror_and_out_again() {
    let folder = tempfile::tempdir().unwrap();
    let registry = registry(NetworkSettings {
        offline: true,
        ..NetworkSettings::default()
    });
    for (text, form) in [("1.2.3", MirrorForm::Directory), ("1.3.0", MirrorForm::Directory)] {
        std::fs::write(folder.path().join("aws.wasm"), component("aws", text)).unwrap();
        let plugin = registry
            .fetch(&request("aws.wasm", folder.path(), None))
            .await
            .unwrap();
        registry
            .mirror(&plugin, &folder.path().join("mirror"), form)
            .unwrap();
    }
    let found = registry
        .fetch(&request("mirror:mirror", folder.path(), None))
        .await
        .unwrap();
    assert_eq!(found.version, Some(version("1.3.0")));
    assert_eq!(found.source.to_string(), "mirror:mirror");
    let older = registry
        .fetch(&request("mirror:mirror", folder.path(), Some("~1.2")))
        .await
        .unwrap();
    assert_eq!(older.digest, Digest::of(&component("aws", "1.2.3")));
    let error = registry
        .fetch(&request("mirror:mirror", folder.path(), Some("^2")))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "plugin `aws`: mirror:mirror has no version that `^2` allows; it has 1.3.0, 1.2.3"
    );
}

#[tokio::test]
async fn a_locked_release_is_taken_by_its_digest_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let registry = registry(NetworkSettings::default());
    let path = folder.path().join("aws.wasm");
    std::fs::write(&path, component("aws", "1.2.3")).unwrap();
    let mut request = request("aws.wasm", folder.path(), Some("^9"));
    let mut locked = LockedRelease {
        version: version("1.2.3"),
        digest: Digest::of(&component("aws", "1.2.3")),
        manifest_digest: None,
    };
    request.locked = Some(locked.clone());
    assert!(registry.fetch(&request).await.is_ok());
    locked.digest = Digest::of(b"other");
    request.locked = Some(locked);
    assert!(matches!(
        registry.fetch(&request).await,
        Err(RegistryError::WrongDigest { .. })
    ));
}

#[tokio::test]
async fn an_offline_run_asks_no_registry() {
    let registry = registry(NetworkSettings {
        offline: true,
        ..NetworkSettings::default()
    });
    let request = request("oci://registry.example/aws", Path::new("."), None);
    let RegistryError::Oci { source, .. } = registry.fetch(&request).await.unwrap_err() else {
        panic!("another error")
    };
    assert!(source.to_string().contains("offline"), "{source}");
}

#[tokio::test]
async fn a_plugin_without_a_manifest_runs_from_a_file_and_is_neither_mirrored_nor_published() {
    let folder = tempfile::tempdir().unwrap();
    let registry = registry(NetworkSettings::default());
    std::fs::write(folder.path().join("aws.wasm"), bare_component()).unwrap();
    let plugin = registry
        .fetch(&request("aws.wasm", folder.path(), Some("^9")))
        .await
        .unwrap();
    assert_eq!(plugin.version, None);
    assert!(
        registry
            .mirror(&plugin, &folder.path().join("m"), MirrorForm::Directory)
            .is_err()
    );
    let repository = "oci://127.0.0.1:1/aws".parse().unwrap();
    assert!(matches!(
        registry.publish(&plugin, &repository).await,
        Err(RegistryError::NoManifest { .. })
    ));
}

#[test]
fn a_file_under_another_name_is_known_by_its_manifest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("build-output.wasm");
    std::fs::write(&path, component("aws", "1.2.3")).unwrap();
    let found = registry(NetworkSettings::default()).fetch_file(&path).unwrap();
    assert_eq!(found.name, "aws");
}
