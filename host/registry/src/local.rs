//! Plugins in files and folders: those shipped with the binary, and those a project names by their path.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::error::RegistryError;
use crate::source::SearchPath;

/// How large a plugin may be: 256 MiB. The largest known, a Python one, has 18.
pub const PLUGIN_LIMIT: u64 = 256 * 1024 * 1024;

/// Reads a plugin from the first folder of the search path that has it.
pub(crate) fn read_bundled(plugin: &str, search: &SearchPath) -> Result<(PathBuf, Vec<u8>), RegistryError> {
    let file_name = format!("{plugin}.wasm");
    read_first(
        plugin,
        search.0.iter().map(|folder| folder.join(&file_name)).collect(),
    )
}

/// Reads a plugin from a file, or from the folder that holds `NAME.wasm`.
pub(crate) fn read_path(plugin: &str, path: &Path) -> Result<(PathBuf, Vec<u8>), RegistryError> {
    let path = if path.is_dir() {
        path.join(format!("{plugin}.wasm"))
    } else {
        path.to_owned()
    };
    read_first(plugin, vec![path])
}

fn read_first(plugin: &str, candidates: Vec<PathBuf>) -> Result<(PathBuf, Vec<u8>), RegistryError> {
    let Some(path) = candidates.iter().find(|path| path.is_file()).cloned() else {
        return Err(RegistryError::NotFound {
            plugin: plugin.to_owned(),
            tried: candidates,
        });
    };
    let unreadable = |source| RegistryError::Unreadable {
        plugin: plugin.to_owned(),
        path: path.clone(),
        source,
    };
    let file = std::fs::File::open(&path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(PLUGIN_LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    let size = bytes.len() as u64;
    if size > PLUGIN_LIMIT {
        return Err(RegistryError::TooLarge {
            plugin: plugin.to_owned(),
            path,
            bytes: size,
            limit: PLUGIN_LIMIT,
        });
    }
    tracing::debug!(plugin, path = %path.display(), bytes = size, "plugin read");
    Ok((path, bytes))
}

/// Reads the signature bundles that lie beside a plugin's file: `NAME.sigstore.json`, `NAME.sigstore.1.json` and so
/// on, up to the first number that is missing.
pub(crate) fn read_bundles_beside(plugin: &str, file: &Path) -> Result<Vec<Vec<u8>>, RegistryError> {
    let mut bundles = Vec::new();
    for number in 0..crate::fetched::BUNDLE_COUNT_LIMIT {
        let path = bundle_path(file, number);
        let unreadable = |source| RegistryError::Unreadable {
            plugin: plugin.to_owned(),
            path: path.clone(),
            source,
        };
        let opened = match std::fs::File::open(&path) {
            Ok(opened) => opened,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => break,
            Err(error) => return Err(unreadable(error)),
        };
        let mut bytes = Vec::new();
        opened
            .take(crate::fetched::BUNDLE_LIMIT + 1)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        if bytes.len() as u64 > crate::fetched::BUNDLE_LIMIT {
            return Err(RegistryError::TooLarge {
                plugin: plugin.to_owned(),
                path,
                bytes: bytes.len() as u64,
                limit: crate::fetched::BUNDLE_LIMIT,
            });
        }
        bundles.push(bytes);
    }
    Ok(bundles)
}

/// Returns where the signature bundle with a number lies beside a plugin's file.
pub fn bundle_path(file: &Path, number: usize) -> PathBuf {
    file.with_file_name(bundle_name(&own_name(file), number))
}

/// Returns the name of what is in a file: the file's own without what tells its kind, `.wasm` or `.tar.gz`.
pub fn own_name(file: &Path) -> String {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    stem.strip_suffix(".tar").unwrap_or(&stem).to_owned()
}

/// Returns the name of a signature bundle's file.
pub(crate) fn bundle_name(plugin: &str, number: usize) -> String {
    match number {
        0 => format!("{plugin}.sigstore.json"),
        number => format!("{plugin}.sigstore.{number}.json"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_is_found_in_the_first_folder_that_has_it() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(second.path().join("aws.wasm"), b"abc").unwrap();
        let search = SearchPath(vec![first.path().into(), second.path().into()]);
        let (path, bytes) = read_bundled("aws", &search).unwrap();
        assert_eq!(path, second.path().join("aws.wasm"));
        assert_eq!(bytes, b"abc");
        assert_eq!(search.names(), ["aws"]);
    }

    #[test]
    fn a_missing_plugin_names_every_place_looked_at() {
        let search = SearchPath(vec!["/nowhere/a".into(), "/nowhere/b".into()]);
        let error = read_bundled("aws", &search).unwrap_err().to_string();
        assert_eq!(
            error,
            "plugin `aws` was not found; looked for /nowhere/a/aws.wasm, /nowhere/b/aws.wasm"
        );
    }

    #[test]
    fn a_source_may_be_a_file_or_the_folder_that_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("aws.wasm"), b"abc").unwrap();
        for path in [folder.path().to_owned(), folder.path().join("aws.wasm")] {
            assert!(read_path("aws", &path).is_ok(), "{}", path.display());
        }
    }

    #[test]
    fn bundles_beside_a_file_are_read_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("aws.wasm");
        assert!(read_bundles_beside("aws", &file).unwrap().is_empty());
        std::fs::write(folder.path().join("aws.sigstore.json"), b"one").unwrap();
        std::fs::write(folder.path().join("aws.sigstore.1.json"), b"two").unwrap();
        assert_eq!(read_bundles_beside("aws", &file).unwrap(), [b"one", b"two"]);
    }
}
