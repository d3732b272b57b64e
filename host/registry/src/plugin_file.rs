//! The bytes of a plugin. Their digest is the sandbox's to take, from the very buffer it compiles.

use std::io::Read as _;
use std::path::PathBuf;

use crate::error::RegistryError;
use crate::source::{PluginSource, SearchPath};

/// How large a plugin may be: 256 MiB. The largest known, a Python one, has 18.
const LIMIT: u64 = 256 * 1024 * 1024;

/// A plugin that was read.
#[derive(Debug, Clone)]
pub struct PluginFile {
    /// The name it was asked for by.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl PluginFile {
    /// Finds and reads a plugin.
    ///
    /// # Errors
    /// When there is no such file, it cannot be read or it is too large.
    pub fn read(name: &str, source: &PluginSource, search: &SearchPath) -> Result<Self, RegistryError> {
        let file_name = format!("{name}.wasm");
        let candidates: Vec<PathBuf> = match source {
            PluginSource::Bundled => search.0.iter().map(|folder| folder.join(&file_name)).collect(),
            PluginSource::Path(path) if path.is_dir() => vec![path.join(&file_name)],
            PluginSource::Path(path) => vec![path.clone()],
        };
        let Some(path) = candidates.iter().find(|path| path.is_file()) else {
            return Err(RegistryError::NotFound {
                plugin: name.to_owned(),
                tried: candidates,
            });
        };
        let unreadable = |source| RegistryError::Unreadable {
            plugin: name.to_owned(),
            path: path.clone(),
            source,
        };
        let file = std::fs::File::open(path).map_err(unreadable)?;
        let mut bytes = Vec::new();
        file.take(LIMIT + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        let size = bytes.len() as u64;
        if size > LIMIT {
            return Err(RegistryError::TooLarge {
                plugin: name.to_owned(),
                path: path.clone(),
                bytes: size,
                limit: LIMIT,
            });
        }
        tracing::debug!(plugin = name, path = %path.display(), bytes = size, "plugin read");
        Ok(Self {
            name: name.to_owned(),
            path: path.clone(),
            bytes,
        })
    }

    /// Checks the version the plugin says it has against the versions asked for.
    ///
    /// # Errors
    /// When it is none of them.
    pub fn require_version(
        &self,
        found: &semver::Version,
        wanted: Option<&semver::VersionReq>,
    ) -> Result<(), RegistryError> {
        match wanted {
            Some(wanted) if !wanted.matches(found) => Err(RegistryError::WrongVersion {
                plugin: self.name.clone(),
                path: self.path.clone(),
                found: found.clone(),
                wanted: wanted.clone(),
            }),
            _ => Ok(()),
        }
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
        let file = PluginFile::read("aws", &PluginSource::Bundled, &search).unwrap();
        assert_eq!(file.path, second.path().join("aws.wasm"));
        assert_eq!(file.bytes, b"abc");
        assert_eq!(search.names(), ["aws"]);
    }

    #[test]
    fn a_missing_plugin_names_every_place_looked_at() {
        let search = SearchPath(vec!["/nowhere/a".into(), "/nowhere/b".into()]);
        let error = PluginFile::read("aws", &PluginSource::Bundled, &search)
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "plugin `aws` was not found; looked for /nowhere/a/aws.wasm, /nowhere/b/aws.wasm"
        );
    }

    #[test]
    fn a_source_may_be_a_file_or_the_folder_that_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("aws.wasm"), b"abc").unwrap();
        for text in [".", "aws.wasm"] {
            let source = PluginSource::parse("aws", text, folder.path()).unwrap();
            assert!(
                PluginFile::read("aws", &source, &SearchPath::default()).is_ok(),
                "{text}"
            );
        }
        let unknown = PluginSource::parse("aws", "ftp://x/y", folder.path()).unwrap_err();
        assert!(unknown.to_string().contains("`ftp://x/y`"));
    }

    #[test]
    fn a_version_outside_the_requirement_is_refused_with_both_named() {
        let file = PluginFile {
            name: "aws".into(),
            path: "aws.wasm".into(),
            bytes: vec![],
        };
        let wanted = semver::VersionReq::parse("^2").unwrap();
        let error = file
            .require_version(&semver::Version::new(1, 2, 3), Some(&wanted))
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "plugin `aws` in aws.wasm has version 1.2.3, but `^2` is required"
        );
        assert!(
            file.require_version(&semver::Version::new(2, 0, 1), Some(&wanted))
                .is_ok()
        );
    }
}
