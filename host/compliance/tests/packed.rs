//! Packages that were packed are read as if they were folders, and whatever else comes is refused.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, also in the functions that tests share"
)]

use std::collections::BTreeMap;
use std::path::Path;

use konductor_archive::Archive;
use konductor_compliance::LoadedPackage;
use konductor_compliance::package::{Packed, PackedContent, load, pack};
use konductor_model::policy::{PackagePlace, PackageSetting, PolicyLevel, PolicySubject, RegoVersion};
use konductor_state::policy::BundleUsed;
use proptest::prelude::*;

fn setting(found: PackagePlace) -> PackageSetting {
    PackageSetting {
        name: "storage".to_owned(),
        found,
        level: PolicyLevel::Mandatory,
        rego: RegoVersion::V1,
        namespaces: None,
        on: [PolicySubject::Plan].into(),
        place: "konductor.yaml:4:7".to_owned(),
    }
}

fn folder(files: &BTreeMap<String, String>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    folder
}

fn of(files: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    files.iter().map(owned).collect()
}

fn in_folder(path: &Path) -> PackageSetting {
    setting(PackagePlace::Directory(path.to_owned()))
}

fn loaded(content: PackedContent, with_tests: bool) -> Result<LoadedPackage, String> {
    let source = "oci://registry.example/policies/storage:1";
    let packed = Packed {
        bundle: BundleUsed {
            source: source.to_owned(),
            digest: "sha256:00".to_owned(),
            signer: Some("key sha256:11".to_owned()),
        },
        content,
    };
    let setting = setting(PackagePlace::Bundle(source.to_owned()));
    match load([(setting, Some(packed))], with_tests, &BTreeMap::new()) {
        Ok(mut packages) => Ok(packages.remove(0)),
        Err(errors) => Err(errors
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")),
    }
}

fn archived(files: &[(&str, &str)]) -> PackedContent {
    let mut archive = Archive::default();
    for (path, text) in files {
        archive.add(*path, *text).unwrap();
    }
    PackedContent::Archive(archive.write("", 0).unwrap())
}

fn listed(files: &[(&str, &[u8])]) -> PackedContent {
    let owned = |(name, text): &(&str, &[u8])| ((*name).to_owned(), (*text).to_vec());
    PackedContent::Files(files.iter().map(owned).collect())
}

/// What a package is, wherever it came from: its texts by their paths, its data and its digest.
fn known(package: &LoadedPackage, top: &str) -> (BTreeMap<String, String>, serde_json::Value, String) {
    let files = package.package.files.iter().map(|file| {
        let path = file.path.strip_prefix(top).unwrap().trim_start_matches('/');
        (path.to_owned(), file.text.clone())
    });
    (
        files.collect(),
        package.package.data.clone(),
        package.digest.clone(),
    )
}

#[test]
fn a_packed_package_is_the_folder_it_was_packed_from() {
    let folder = folder(&of(&[
        ("buckets.rego", "package main\n"),
        ("deep/more.rego", "package more\n"),
        ("buckets_test.rego", "package main_test\n"),
        ("deep/data.json", "{\"regions\": [1]}"),
        ("README.md", "not a part"),
        ("secret.pem", "not a part either"),
    ]));
    let packed = pack(&in_folder(folder.path())).unwrap();
    assert_eq!(packed, pack(&in_folder(folder.path())).unwrap());
    let files = konductor_archive::read(
        &packed,
        konductor_archive::Limits {
            bytes: 1 << 20,
            entries: 99,
        },
    );
    let paths: Vec<String> = files.unwrap().into_keys().collect();
    assert_eq!(
        paths,
        [
            "buckets.rego",
            "buckets_test.rego",
            "deep/data.json",
            "deep/more.rego"
        ]
    );
    for with_tests in [false, true] {
        let here = load([(in_folder(folder.path()), None)], with_tests, &BTreeMap::new())
            .unwrap()
            .remove(0);
        let there = loaded(PackedContent::Archive(packed.clone()), with_tests).unwrap();
        let top = folder.path().to_str().unwrap();
        assert_eq!(known(&here, top), known(&there, "storage"));
        assert_eq!(here.bundle, None);
        assert_eq!(there.bundle.unwrap().signer.as_deref(), Some("key sha256:11"));
    }
}

#[test]
fn what_opa_builds_and_conftest_pushes_is_read() {
    // `opa build` begins paths with a slash and adds files that are no policies.
    let built = archived(&[
        (
            ".manifest",
            "{\"revision\":\"\",\"roots\":[\"\"],\"rego_version\":1}",
        ),
        (".signatures.json", "{\"signatures\":[\"x\"]}"),
        ("data.json", "{}"),
        ("policies/a.rego", "package a\n"),
        ("policy.wasm", "\0asm"),
    ]);
    let package = loaded(built, false).unwrap();
    assert_eq!(package.package.files[0].path, "storage/policies/a.rego");
    assert_eq!(package.package.files.len(), 1);
    let pushed = listed(&[
        ("policy/a.rego", b"package a\n"),
        ("/policy/b/data.yaml", b"x: 1\n"),
    ]);
    let package = loaded(pushed, false).unwrap();
    assert_eq!(
        package.package.data,
        serde_json::json!({"policy": {"b": {"x": 1}}})
    );
}

#[test]
fn whatever_is_no_package_is_refused_with_its_place_and_its_source() {
    let good: (&str, &[u8]) = ("a.rego", b"package a\n");
    let big = "#".repeat(9 * 1024 * 1024);
    for (content, part) in [
        (
            PackedContent::Archive(b"nothing of the kind".to_vec()),
            "not a whole tar archive",
        ),
        (
            archived(&[("patch.json", "{}"), ("a.rego", "package a\n")]),
            "a change to another bundle",
        ),
        (
            archived(&[("a.rego", &big)]),
            "more than 8388608 bytes of policies",
        ),
        (
            archived(&[("policy.wasm", "\0asm")]),
            "there is no policy in oci://",
        ),
        (archived(&[]), "there is no policy in oci://"),
        (
            archived(&[("a.rego", "package a\n"), ("data.json", "{")]),
            "storage/data.json:1:1: not JSON",
        ),
        (
            listed(&[good, ("../b.rego", b"x")]),
            "parts that are empty, `.` or `..`",
        ),
        (listed(&[good, ("", b"x")]), "parts that are empty"),
        (listed(&[good, ("/a.rego", b"x")]), "it has `a.rego` twice"),
        (
            listed(&[good, ("b.rego", b"\xff\xfe")]),
            "its file `b.rego` is not UTF-8",
        ),
    ] {
        let error = loaded(content, false).unwrap_err();
        assert!(error.contains(part), "{part}: {error}");
        assert!(
            error.contains("konductor.yaml:4:7: package `storage`") || part.contains("storage/"),
            "{error}"
        );
    }
}

proptest! {
    #[test]
    fn unpacking_gives_what_was_packed(files in proptest::collection::btree_map(
        "[a-z]{1,8}(/[a-zé]{1,40}){0,3}\\.rego", "[ -~é\n]{0,400}", 1..8,
    )) {
        let folder = folder(&files);
        let packed = pack(&in_folder(folder.path())).unwrap();
        let package = loaded(PackedContent::Archive(packed), true).unwrap();
        prop_assert_eq!(known(&package, "storage").0, files);
    }
}
