//! Packages are read from folders, with everything that is wrong said at once.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, also in the functions that tests share"
)]

use std::collections::BTreeMap;
use std::path::Path;

use konductor_compliance::package::{add_data_of, load};
use konductor_model::policy::{PackagePlace, PackageSetting, PolicyLevel, PolicySubject, RegoVersion};
use serde_json::json;

fn setting(name: &str, directory: &Path) -> PackageSetting {
    PackageSetting {
        name: name.to_owned(),
        found: PackagePlace::Directory(directory.to_owned()),
        level: PolicyLevel::Mandatory,
        rego: RegoVersion::V1,
        namespaces: None,
        on: [PolicySubject::Plan].into(),
        place: format!("konductor.yaml:{}:1", name.len()),
    }
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    folder
}

#[test]
fn a_package_is_its_policies_and_its_data_and_tests_only_where_they_are_wanted() {
    let folder = folder(&[
        ("b/rules.rego", "package b\n"),
        ("a.rego", "package a\n"),
        ("a_test.rego", "package a_test\n"),
        ("data.json", "{\"top\": 1}"),
        ("network/data.yaml", "regions: [eu-west-1]\n"),
        ("README.md", "not a policy"),
    ]);
    let names = |with_tests: bool| -> Vec<String> {
        let loaded = load(
            [(setting("p", folder.path()), None)],
            with_tests,
            &BTreeMap::new(),
        )
        .unwrap();
        let files = loaded[0].package.files.iter();
        files
            .map(|file| {
                let path = Path::new(&file.path).strip_prefix(folder.path()).unwrap();
                path.display().to_string()
            })
            .collect()
    };
    assert_eq!(names(false), ["a.rego", "b/rules.rego"]);
    assert_eq!(names(true), ["a.rego", "a_test.rego", "b/rules.rego"]);
    let loaded = load([(setting("p", folder.path()), None)], false, &BTreeMap::new()).unwrap();
    assert_eq!(
        loaded[0].package.data,
        json!({"top": 1, "network": {"regions": ["eu-west-1"]}})
    );
}

#[test]
fn the_digest_follows_rules_and_data_and_not_the_tests() {
    let folder = folder(&[
        ("a.rego", "package a\n"),
        ("a_test.rego", "package a_test\n"),
        ("data.json", "{}"),
    ]);
    let digest = || {
        load([(setting("p", folder.path()), None)], true, &BTreeMap::new()).unwrap()[0]
            .digest
            .clone()
    };
    let first = digest();
    std::fs::write(folder.path().join("a_test.rego"), "package a_test\n\nx := 1\n").unwrap();
    assert_eq!(digest(), first);
    std::fs::write(folder.path().join("data.json"), "{\"a\": 1}").unwrap();
    let second = digest();
    assert_ne!(second, first);
    std::fs::rename(folder.path().join("a.rego"), folder.path().join("b.rego")).unwrap();
    assert_ne!(digest(), second);
}

#[test]
fn everything_wrong_with_any_package_is_said_at_once() {
    let empty = folder(&[("notes.txt", "")]);
    let data = folder(&[
        ("a.rego", "package a\n"),
        ("data.json", "{\n  \"a\": ]\n}"),
        ("x/data.yaml", "a: [1\n"),
    ]);
    let twice = folder(&[
        ("a.rego", "package a\n"),
        ("data.json", "{\"x\": {\"a\": 1}}"),
        ("x/data.json", "{\"a\": 2}"),
        ("y/data.json", "[]"),
        ("z/data.json", "[1]"),
    ]);
    let fine = folder(&[("a.rego", "package a\n")]);
    let errors = load(
        [
            setting("empty", empty.path()),
            setting("data", data.path()),
            setting("twice", twice.path()),
            setting("same", fine.path()),
            setting("same", fine.path()),
            setting("gone", Path::new("/no/such/folder")),
        ]
        .map(|setting| (setting, None)),
        false,
        &BTreeMap::new(),
    )
    .unwrap_err();
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let all = told.join("\n");
    for expected in [
        "konductor.yaml:5:1: package `empty`: there is no policy in".to_owned(),
        format!("{}/data.json:2:8: not JSON", data.path().display()),
        format!("{}/x/data.yaml:", data.path().display()),
        "`data.x.a` is set by another file, too".to_owned(),
        "konductor.yaml:4:1: there is a package `same` already, at konductor.yaml:4:1".to_owned(),
        "konductor.yaml:4:1: package `gone`: cannot read /no/such/folder".to_owned(),
    ] {
        assert!(all.contains(&expected), "{expected}\nin\n{all}");
    }
}

#[test]
fn a_package_that_is_too_large_is_refused() {
    let big = "#".repeat(5 * 1024 * 1024);
    let folder = folder(&[("a.rego", &big), ("b.rego", &big)]);
    let errors = load([(setting("big", folder.path()), None)], false, &BTreeMap::new()).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert!(
        errors[0].to_string().contains("more than 8388608 bytes"),
        "{}",
        errors[0]
    );
}

#[test]
fn data_for_tests_comes_from_files_of_any_name_and_from_folders() {
    let folder = folder(&[
        ("a.rego", "package a\n"),
        ("plans/mock.json", "{\"mock\": {\"bad\": 1}} {\"behind\": 2}"),
        ("plans/deep/more.yml", "mock: {good: 2}\n"),
        ("plans/deep/notes.txt", "not data"),
        ("single.json", "{\"single\": true}"),
    ]);
    let mut loaded = load([(setting("p", folder.path()), None)], true, &BTreeMap::new()).unwrap();
    let paths = ["plans", "single.json"].map(|path| folder.path().join(path));
    add_data_of(&mut loaded[0], &paths).unwrap();
    assert_eq!(
        loaded[0].package.data,
        json!({ "mock": { "bad": 1 }, "deep": { "mock": { "good": 2 } }, "single": true })
    );

    let twice = add_data_of(&mut loaded[0], &[folder.path().join("single.json")]).unwrap_err();
    assert!(
        twice[0]
            .to_string()
            .contains("`data.single` is set by another file"),
        "{twice:?}"
    );
    let missing = add_data_of(&mut loaded[0], &[folder.path().join("missing.json")]).unwrap_err();
    assert!(missing[0].to_string().contains("missing.json"), "{missing:?}");
}
