use super::*;
use crate::component::tests::component;
use crate::source::PluginSource;
use konductor_model::grant::EndpointAllowance;
use proptest::prelude::*;

fn digest(seed: &str) -> Digest {
    Digest::of(seed.as_bytes())
}

fn example() -> LockFile {
    let endpoint = EndpointAllowance {
        regions: ["eu-west-1".to_owned()].into(),
        methods: ["GET".to_owned(), "POST".to_owned()].into(),
        ..EndpointAllowance::default()
    };
    let aws = LockedPlugin {
        plugin: None,
        version: semver::Version::new(1, 2, 3),
        source: "oci://registry.example/konductor/aws".into(),
        digest: digest("aws"),
        manifest_digest: Some(digest("manifest")),
        interface: Some(semver::Version::new(0, 1, 0)),
        signer: Some("key sha256:ab (release team)".into()),
        approval: Some(Approval {
            digest: digest("aws"),
            manifest: digest("text"),
            grant: PluginGrant {
                endpoints: [("ec2".to_owned(), endpoint)].into(),
                credentials: ["aws".to_owned()].into(),
                ..PluginGrant::default()
            },
        }),
    };
    let old = LockedPlugin {
        plugin: Some("aws".into()),
        version: semver::Version::new(0, 9, 0),
        source: "mirror:mirror".into(),
        approval: None,
        ..aws.clone()
    };
    LockFile {
        plugins: [("aws".to_owned(), aws), ("aws_old".to_owned(), old)].into(),
        packages: BTreeMap::new(),
    }
}

fn parse(text: &str) -> Result<LockFile, LockError> {
    LockFile::parse(text.as_bytes(), Path::new("konductor.lock"))
}

#[test]
fn the_file_is_written_in_one_form() {
    insta::assert_snapshot!(example().to_text().unwrap());
}

#[test]
fn packages_of_policies_are_locked_beside_the_plugins_and_a_change_of_any_byte_is_refused() {
    let mut lock = example();
    let package = LockedPackage {
        source: "oci://registry.example.com/policies/encryption:1.2.0".to_owned(),
        digest: Digest::of(b"archive"),
        manifest_digest: Some(Digest::of(b"manifest")),
        signer: Some("key sha256:00".to_owned()),
    };
    lock.packages.insert("encryption".to_owned(), package);
    let text = lock.to_text().unwrap();
    assert!(
        text.contains("[packages.encryption]\nsource = \"oci://"),
        "{text}"
    );
    assert_eq!(parse(&text).unwrap(), lock);
    let bytes = text.into_bytes();
    let start = bytes.len() - 400;
    for position in start..bytes.len() {
        let mut changed = bytes.clone();
        changed[position] ^= 1;
        assert!(
            LockFile::parse(&changed, Path::new("konductor.lock")).is_err(),
            "byte {position}"
        );
    }
}

#[test]
fn a_file_is_read_back_and_an_absent_one_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(LOCK_FILE);
    assert_eq!(LockFile::read(&path).unwrap(), None);
    example().write(&path).unwrap();
    assert_eq!(LockFile::read(&path).unwrap(), Some(example()));
}

#[test]
fn a_change_of_any_byte_is_refused_with_the_file_and_what_to_do() {
    let text = example().to_text().unwrap().into_bytes();
    let refused = |content: &[u8], what: &str| {
        let result = LockFile::parse(content, Path::new("konductor.lock"));
        let error = result.expect_err(what).to_string();
        assert!(error.contains("konductor.lock"), "{what}: {error}");
        assert!(
            error.contains("restore it from version control") || error.contains("use a newer konductor"),
            "{what}: {error}"
        );
    };
    for position in 0..text.len() {
        for change in [0x01, 0x20, 0x80] {
            let mut changed = text.clone();
            changed[position] ^= change;
            refused(&changed, &format!("byte {position} changed by {change:#x}"));
        }
        let mut shorter = text.clone();
        shorter.remove(position);
        refused(&shorter, &format!("byte {position} removed"));
    }
}

#[test]
fn a_changed_grant_is_told_with_its_line_and_what_to_do() {
    let text = example().to_text().unwrap().replace("eu-west-1", "eu-west-2");
    let line = text.lines().position(|line| line.contains("eu-west-2")).unwrap() + 1;
    let error = parse(&text).unwrap_err();
    // The content as such is well formed, so it is the checksum that differs.
    assert!(matches!(error, LockError::Changed { .. }), "{error}");
    let error = error.to_string();
    assert!(
        error.contains("konductor plugin lock") && error.contains("version control"),
        "{error}"
    );
    let spaced = example().to_text().unwrap().replace("regions = ", "regions  = ");
    let error = parse(&spaced).unwrap_err().to_string();
    assert!(error.starts_with(&format!("konductor.lock:{line}:")), "{error}");
}

#[test]
fn line_ends_of_another_system_are_no_change() {
    let text = example().to_text().unwrap().replace('\n', "\r\n");
    assert_eq!(parse(&text).unwrap(), example());
}

#[test]
fn an_error_names_line_and_column() {
    let text = example().to_text().unwrap();
    let unknown = text.replacen("signer = ", "signature = ", 1);
    let line = unknown
        .lines()
        .position(|line| line.starts_with("signature"))
        .unwrap()
        + 1;
    let error = parse(&unknown).unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("konductor.lock:{line}:1: ")),
        "{error}"
    );
    assert!(error.contains("signature") && error.contains("signer"), "{error}");
    let error = parse("version = \n").unwrap_err().to_string();
    assert!(error.starts_with("konductor.lock:1:"), "{error}");
    let error = parse("version = 2\nnovelty = true\n").unwrap_err().to_string();
    assert!(error.contains("newer konductor"), "{error}");
}

#[test]
fn a_name_that_could_lead_out_of_a_folder_is_refused() {
    let mut lock = example();
    let entry = lock.plugins["aws"].clone();
    lock.plugins.insert("../aws".to_owned(), entry);
    let text = lock.to_text().unwrap();
    assert!(matches!(parse(&text), Err(LockError::Name { .. })));
}

#[test]
fn every_difference_is_told_with_both_sides() {
    let found = FetchedPlugin::new(
        "aws",
        PluginSource::Bundled,
        "/lib/aws.wasm".into(),
        component("aws", "2.0.0"),
    )
    .unwrap();
    let lock = example();
    let lines: Vec<String> = lock
        .compare("aws", &found)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        lines,
        [
            "plugin `aws`: the version 1.2.3 is locked, but /lib/aws.wasm has 2.0.0".to_owned(),
            "plugin `aws`: the source oci://registry.example/konductor/aws is locked, but /lib/aws.wasm has bundled"
                .to_owned(),
            format!("plugin `aws`: the digest {} is locked, but /lib/aws.wasm has {}", digest("aws"), found.digest),
        ]
    );
    let locked = LockedPlugin::new("aws", &found, semver::Version::new(2, 0, 0), None);
    assert_eq!(locked.compare("aws", &found), []);
    assert_eq!(locked.compare_signer("aws", &found, None), None);
    assert!(locked.compare_signer("aws", &found, Some("key x")).is_some());
    assert_eq!(lock.compare("azure", &found)[0].field, LockedField::Entry);
}

#[test]
fn a_mirror_may_stand_for_the_locked_source_as_long_as_the_bytes_are_the_locked_ones() {
    let fetched = |source: PluginSource, version: &str| {
        FetchedPlugin::new("aws", source, "x".into(), component("aws", version)).unwrap()
    };
    let mirror = || PluginSource::parse("aws", "mirror:/srv/mirror", Path::new("/")).unwrap();
    let first = fetched(PluginSource::Bundled, "2.0.0");
    let locked = LockedPlugin::new("aws", &first, semver::Version::new(2, 0, 0), None);
    assert_eq!(locked.compare("aws", &fetched(mirror(), "2.0.0")), []);
    let fields: Vec<LockedField> = locked
        .compare("aws", &fetched(mirror(), "2.0.1"))
        .iter()
        .map(|difference| difference.field)
        .collect();
    assert_eq!(fields, [LockedField::Version, LockedField::Digest]);
}

#[test]
fn two_versions_of_one_plugin_stand_under_two_names() {
    let found = FetchedPlugin::new(
        "aws",
        PluginSource::Bundled,
        "x".into(),
        component("aws", "2.0.0"),
    )
    .unwrap();
    let old = LockedPlugin::new("aws_old", &found, semver::Version::new(2, 0, 0), None);
    assert_eq!(old.plugin.as_deref(), Some("aws"));
    assert_eq!(old.compare("aws_old", &found), []);
}

fn some_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z.*-]{0,8}",
        "\\PC{0,12}",
        Just("\"\"\"\n\\".to_owned()),
        Just("'''\r\t".to_owned())
    ]
}

fn some_lock() -> impl Strategy<Value = LockFile> {
    let set = || proptest::collection::btree_set(some_text(), 0..3);
    let allowance = (set(), set(), set()).prop_map(|(regions, methods, accounts)| EndpointAllowance {
        regions,
        methods,
        accounts,
        ..EndpointAllowance::default()
    });
    let grant = (
        proptest::collection::btree_map(some_text(), allowance, 0..3),
        set(),
        set(),
    )
        .prop_map(|(endpoints, credentials, reveal)| PluginGrant {
            endpoints,
            credentials,
            reveal,
            ..PluginGrant::default()
        });
    let approval = proptest::option::of(grant.prop_map(|grant| Approval {
        digest: digest("bytes"),
        manifest: digest("text"),
        grant,
    }));
    let plugin = (
        some_text(),
        proptest::option::of(some_text()),
        any::<u64>(),
        approval,
        any::<bool>(),
    )
        .prop_map(|(source, signer, minor, approval, renamed)| LockedPlugin {
            plugin: renamed.then(|| "aws".to_owned()),
            version: semver::Version::new(1, minor, 0),
            digest: digest(&source),
            manifest_digest: signer.as_deref().map(digest),
            interface: Some(semver::Version::new(0, 1, 0)),
            source,
            signer,
            approval,
        });
    proptest::collection::btree_map("[a-z][a-z0-9_-]{0,8}", plugin, 0..4).prop_map(|plugins| LockFile {
        plugins,
        packages: BTreeMap::new(),
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(lock in some_lock()) {
        let text = lock.to_text().unwrap();
        prop_assert_eq!(parse(&text).unwrap(), lock);
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = LockFile::parse(&bytes, Path::new("konductor.lock"));
    }
}
