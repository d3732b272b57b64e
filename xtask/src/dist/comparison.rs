//! Whether two builds gave the same bytes, and if not, where they differ first.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use konductor_archive::{File, Limits, read};

/// A release is as large as we make it; the limits are against a damaged one.
const LIMITS: Limits = Limits {
    bytes: 4 << 30,
    entries: 100_000,
};

/// Compares two folders of release files. Returns what differs first, the content of archives before the archives.
///
/// # Errors
/// When a file cannot be read.
pub fn first_difference(one: &Path, other: &Path) -> Result<Option<String>> {
    let (one, other) = (folder(one)?, folder(other)?);
    if let Some(difference) = content(&one, &other) {
        return Ok(Some(difference));
    }
    Ok(differing(&one, &other))
}

/// Compares what is in the archives, since that says more than that the archives differ.
fn content(one: &BTreeMap<String, Vec<u8>>, other: &BTreeMap<String, Vec<u8>>) -> Option<String> {
    one.iter()
        .filter(|(name, _)| name.ends_with(".tar.gz"))
        .find_map(|(name, bytes)| {
            let files = |bytes| {
                let files = read(bytes, LIMITS).ok()?;
                let content = |(path, file): (String, File)| (path, (file.bytes, file.executable));
                Some(files.into_iter().map(content).collect::<BTreeMap<_, _>>())
            };
            let difference = differing(&files(bytes)?, &files(other.get(name)?)?)?;
            Some(format!("in {name}: {difference}"))
        })
}

fn differing<T: Differs>(one: &BTreeMap<String, T>, other: &BTreeMap<String, T>) -> Option<String> {
    let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    names
        .into_iter()
        .find_map(|name| match (one.get(name), other.get(name)) {
            (Some(_), None) => Some(format!("{name} is only in the first build")),
            (None, Some(_)) => Some(format!("{name} is only in the second build")),
            (Some(one), Some(other)) => one.difference(other).map(|how| format!("{name} {how}")),
            (None, None) => None,
        })
}

trait Differs {
    /// Says how it differs from another; nothing when it does not.
    fn difference(&self, other: &Self) -> Option<String>;
}

impl Differs for Vec<u8> {
    fn difference(&self, other: &Self) -> Option<String> {
        if self == other {
            return None;
        }
        let at = self.iter().zip(other).position(|(a, b)| a != b);
        let at = at.unwrap_or_else(|| self.len().min(other.len()));
        Some(format!(
            "differs from byte {at} on ({} and {} bytes)",
            self.len(),
            other.len()
        ))
    }
}

impl Differs for (Vec<u8>, bool) {
    fn difference(&self, other: &Self) -> Option<String> {
        let mode = (self.1 != other.1).then(|| "can be run in one build and not in the other".to_owned());
        self.0.difference(&other.0).or(mode)
    }
}

fn folder(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let bytes = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        files.insert(name, bytes);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use konductor_archive::Archive;

    fn release(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = Archive::default();
        for (path, text) in files {
            archive.add(*path, *text).unwrap();
        }
        fs::write(folder.path().join("a.tar.gz"), archive.write("top", 1).unwrap()).unwrap();
        fs::write(folder.path().join("SHA256SUMS"), "sums").unwrap();
        folder
    }

    fn compared(one: &[(&str, &str)], other: &[(&str, &str)]) -> Option<String> {
        first_difference(release(one).path(), release(other).path()).unwrap()
    }

    #[test]
    fn equal_releases_do_not_differ() {
        assert_eq!(
            compared(&[("a", "x"), ("b", "y")], &[("b", "y"), ("a", "x")]),
            None
        );
    }

    #[test]
    fn the_first_file_that_differs_is_named_with_the_place_in_it() {
        assert_eq!(
            compared(
                &[("a", "x"), ("b", "same"), ("c", "x")],
                &[("a", "x"), ("b", "sand"), ("c", "y")]
            )
            .unwrap(),
            "in a.tar.gz: top/b differs from byte 2 on (4 and 4 bytes)"
        );
        assert_eq!(
            compared(&[("a", "x")], &[("a", "x"), ("b", "y")]).unwrap(),
            "in a.tar.gz: top/b is only in the second build"
        );
        assert_eq!(
            compared(&[("a", "xy")], &[("a", "x")]).unwrap(),
            "in a.tar.gz: top/a differs from byte 1 on (2 and 1 bytes)"
        );
    }

    #[test]
    fn files_beside_the_archive_count_too() {
        let (one, other) = (release(&[("a", "x")]), release(&[("a", "x")]));
        fs::write(other.path().join("SHA256SUMS"), "sUms").unwrap();
        assert_eq!(
            first_difference(one.path(), other.path()).unwrap().unwrap(),
            "SHA256SUMS differs from byte 1 on (4 and 4 bytes)"
        );
    }
}
