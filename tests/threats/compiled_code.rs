//! The cache of compiled code: what stands in it is native code, so nothing in it is trusted for being there.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use konductor_tests::Project;

const PROJECT: &str = "\
name: planted
resources:
  one:
    type: reference:test:Item
    properties:
      label: one
";

struct Cached {
    project: Project,
    folder: PathBuf,
}

impl Cached {
    fn filled() -> Self {
        let project = Project::from_text(PROJECT, "");
        let home = project.home().to_owned();
        let project = project.with_environment("XDG_CACHE_HOME", home.join("cache").to_str().unwrap());
        project.run(["plan"]).succeeds();
        let folder = home.join("cache");
        let cached = Self { project, folder };
        assert!(!cached.entries().is_empty(), "something should be cached");
        cached
    }

    /// Returns what is in the cache: files and their bytes.
    fn entries(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else {
                    found.insert(entry.path(), fs::read(entry.path()).unwrap());
                }
            }
        }
        found
    }

    /// Returns the largest file: compiled code is larger than any key or index.
    fn code(&self) -> (PathBuf, Vec<u8>) {
        self.entries()
            .into_iter()
            .max_by_key(|(_, bytes)| bytes.len())
            .unwrap()
    }
}

fn replace(file: &Path, bytes: &[u8]) {
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(file, bytes).unwrap();
}

#[test]
fn planted_or_damaged_code_is_built_anew_and_never_run() {
    let cached = Cached::filled();
    let (file, good) = cached.code();
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let plants = [
        ("the first byte", flipped(0)),
        ("a byte of the code", flipped(good.len() / 2)),
        ("the last byte", flipped(good.len() - 1)),
        ("half of it", good[..good.len() / 2].to_vec()),
        ("nothing", Vec::new()),
        ("something else", b"\x7fELF planted".to_vec()),
    ];
    for (what, bytes) in plants {
        replace(&file, &bytes);
        cached.project.run(["plan"]).succeeds();
        let now = fs::read(&file).unwrap_or_default();
        assert_ne!(now, bytes, "{what} should not be left");
        assert_eq!(now.len(), good.len(), "{what} should be built anew");
    }
}

#[test]
fn code_of_another_machine_user_or_key_is_built_anew() {
    let (cached, other) = (Cached::filled(), Cached::filled());
    let (file, good) = cached.code();
    let (_, foreign) = other.code();
    assert_ne!(good, foreign, "each cache should have a key of its own");
    replace(&file, &foreign);
    cached.project.run(["plan"]).succeeds();
    assert_ne!(fs::read(&file).unwrap(), foreign);
}

#[test]
fn a_cache_that_others_may_write_to_is_refused_with_what_to_do() {
    let cached = Cached::filled();
    let (file, _) = cached.code();
    let folder = file.parent().unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
    let finished = cached.project.run(["plan"]);
    assert_ne!(finished.code, Some(0), "{finished}");
    finished.says("chmod");
}
