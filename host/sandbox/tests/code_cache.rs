//! Compiled code is run only when this user's host wrote it.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    missing_docs,
    reason = "test code"
)]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use konductor_sandbox::{CacheError, Limits, LoadError, LoadOptions, Sandbox, SandboxError, SandboxOptions};
use tempfile::TempDir;

/// A component that compiles in no time. It has the names of a plugin and none of its functions, which is found
/// out after it has been compiled.
fn tiny(constant: u32) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(component (core module $m (func (export "f") (result i32) i32.const {constant}))
            (core instance $i (instantiate $m))
            (func (export "f") (result u32) (canon lift (core func $i "f")))
            (instance $empty)
            (export "konductor:plugin/plugin@0.1.0" (instance $empty))
            (export "konductor:plugin/compliance@0.1.0" (instance $empty)))"#
    ))
    .unwrap()
}

struct Cache {
    directory: TempDir,
    sandbox: Sandbox,
}

fn open(path: &Path) -> Result<Sandbox, SandboxError> {
    Sandbox::new(SandboxOptions {
        limits: Limits {
            instances: 4,
            ..Limits::default()
        },
        cache_directory: Some(path.to_owned()),
    })
}

impl Cache {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let sandbox = open(&directory.path().join("code")).unwrap();
        Self { directory, sandbox }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("code")
    }

    /// Loads a component, opening the cache anew as another run would.
    async fn load_again(&self, bytes: &[u8]) {
        load(&open(&self.path()).unwrap(), bytes).await;
    }

    fn entries(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.path())
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let mut entries: Vec<_> = files.filter(|path| !path.ends_with("key")).collect();
        entries.sort();
        entries
    }

    fn entry(&self) -> PathBuf {
        let entries = self.entries();
        assert_eq!(entries.len(), 1, "{entries:?}");
        entries[0].clone()
    }
}

async fn load(sandbox: &Sandbox, bytes: &[u8]) {
    match sandbox.load(bytes, LoadOptions::from_origin("tiny")).await {
        Err(LoadError::Interface { .. }) => {}
        other => panic!("{other:?}"),
    }
}

/// Loads once, changes the entry, loads again, and tells whether the entry was written anew.
async fn is_rebuilt_after(change: impl FnOnce(&Cache, &Path)) -> bool {
    let cache = Cache::new();
    load(&cache.sandbox, &tiny(1)).await;
    let entry = cache.entry();
    let whole = fs::read(&entry).unwrap();
    change(&cache, &entry);
    let before = fs::symlink_metadata(&entry).unwrap().ino();
    cache.load_again(&tiny(1)).await;
    let after = fs::symlink_metadata(cache.entry()).unwrap();
    if after.ino() != before {
        assert!(after.is_file());
        assert_eq!(after.mode() & 0o777, 0o600);
        assert_eq!(fs::read(&entry).unwrap().len(), whole.len());
    }
    after.ino() != before
}

fn flip(path: &Path, at: impl FnOnce(usize) -> usize) {
    let mut bytes = fs::read(path).unwrap();
    let at = at(bytes.len());
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn an_entry_as_it_was_written_is_used() {
    assert!(!is_rebuilt_after(|_, _| {}).await);
}

#[tokio::test]
async fn an_entry_with_one_bit_changed_anywhere_is_built_again() {
    assert!(is_rebuilt_after(|_, entry| flip(entry, |_| 0)).await);
    assert!(is_rebuilt_after(|_, entry| flip(entry, |_| 20)).await);
    assert!(is_rebuilt_after(|_, entry| flip(entry, |length| length / 2)).await);
    assert!(is_rebuilt_after(|_, entry| flip(entry, |length| length - 1)).await);
}

#[tokio::test]
async fn an_entry_that_was_cut_or_added_to_is_built_again() {
    let cut = |length: usize| {
        move |_: &Cache, entry: &Path| {
            let bytes = fs::read(entry).unwrap();
            fs::write(entry, &bytes[..length]).unwrap();
        }
    };
    assert!(is_rebuilt_after(cut(0)).await);
    assert!(is_rebuilt_after(cut(30)).await);
    assert!(is_rebuilt_after(cut(1_000)).await);
    let added = |_: &Cache, entry: &Path| {
        let mut bytes = fs::read(entry).unwrap();
        bytes.push(0);
        fs::write(entry, bytes).unwrap();
    };
    assert!(is_rebuilt_after(added).await);
}

#[tokio::test]
async fn an_entry_under_another_key_is_built_again() {
    let foreign = Cache::new();
    load(&foreign.sandbox, &tiny(1)).await;
    let foreign = fs::read(foreign.entry()).unwrap();
    assert!(is_rebuilt_after(|_, entry| fs::write(entry, foreign).unwrap()).await);
}

#[tokio::test]
async fn an_entry_of_another_plugin_under_this_name_is_built_again() {
    let cache = Cache::new();
    load(&cache.sandbox, &tiny(1)).await;
    let first = cache.entry();
    load(&cache.sandbox, &tiny(2)).await;
    let second = cache.entries().into_iter().find(|path| *path != first).unwrap();
    fs::copy(&second, &first).unwrap();
    let before = fs::metadata(&first).unwrap().ino();
    cache.load_again(&tiny(1)).await;
    assert_ne!(fs::metadata(&first).unwrap().ino(), before);
}

#[tokio::test]
async fn an_entry_others_may_read_or_write_is_built_again() {
    let mode = |mode| {
        move |_: &Cache, entry: &Path| fs::set_permissions(entry, fs::Permissions::from_mode(mode)).unwrap()
    };
    assert!(is_rebuilt_after(mode(0o666)).await);
    assert!(is_rebuilt_after(mode(0o660)).await);
    assert!(is_rebuilt_after(mode(0o644)).await);
}

#[tokio::test]
async fn a_link_in_place_of_an_entry_is_not_followed() {
    let link = |cache: &Cache, entry: &Path| {
        let elsewhere = cache.directory.path().join("elsewhere");
        fs::rename(entry, &elsewhere).unwrap();
        symlink(elsewhere, entry).unwrap();
    };
    assert!(is_rebuilt_after(link).await);
}

#[tokio::test]
async fn a_key_others_could_have_read_is_replaced_and_its_entries_with_it() {
    let open_key = |cache: &Cache, _: &Path| {
        let key = cache.path().join("key");
        fs::set_permissions(key, fs::Permissions::from_mode(0o644)).unwrap();
    };
    assert!(is_rebuilt_after(open_key).await);
    assert!(is_rebuilt_after(|cache, _| fs::write(cache.path().join("key"), "short").unwrap()).await);
    assert!(is_rebuilt_after(|cache, _| fs::remove_file(cache.path().join("key")).unwrap()).await);
}

#[test]
fn a_directory_others_may_enter_is_refused_with_what_to_do() {
    for mode in [0o777, 0o770, 0o755, 0o1777] {
        let cache = Cache::new();
        fs::set_permissions(cache.path(), fs::Permissions::from_mode(mode)).unwrap();
        let error = open(&cache.path()).unwrap_err();
        assert!(
            matches!(&error, SandboxError::Cache(CacheError::NotPrivate { .. })),
            "{error}"
        );
        assert!(error.to_string().contains("chmod 700"), "{error}");
    }
}

#[test]
fn a_link_in_place_of_the_directory_is_refused() {
    let cache = Cache::new();
    let link = cache.directory.path().join("link");
    symlink(cache.path(), &link).unwrap();
    assert!(open(&link).is_err());
}

#[tokio::test]
async fn directory_key_and_entries_are_the_users_alone_and_nothing_is_left_over() {
    let cache = Cache::new();
    load(&cache.sandbox, &tiny(1)).await;
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
    assert_eq!(mode(&cache.path()), 0o700);
    assert_eq!(mode(&cache.path().join("key")), 0o600);
    assert_eq!(mode(&cache.entry()), 0o600);
}

#[tokio::test]
async fn code_of_another_engine_for_the_same_plugin_goes() {
    let cache = Cache::new();
    load(&cache.sandbox, &tiny(1)).await;
    let entry = cache.entry();
    let name = entry.file_name().unwrap().to_str().unwrap();
    let (digest, _) = name.split_once('-').unwrap();
    let old = cache.path().join(format!("{digest}-0123456789abcdef"));
    fs::write(&old, "old").unwrap();
    fs::remove_file(&entry).unwrap();
    cache.load_again(&tiny(1)).await;
    assert!(entry.exists() && !old.exists());
}
