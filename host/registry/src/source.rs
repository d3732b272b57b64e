//! Where a plugin comes from, as configuration says it.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::RegistryError;
use crate::oci::reference::OciRepository;

/// Where a plugin comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum PluginSource {
    /// `bundled`: the folders of the search path, beside the binary and those the operator names.
    #[default]
    Bundled,
    /// A file, or a folder that holds `NAME.wasm`.
    Path(LocalPath),
    /// `mirror:PATH`: a directory mirror, or a folder in OCI image layout.
    Mirror(LocalPath),
    /// `oci://HOST/PATH`: a repository in an OCI registry.
    Oci(OciRepository),
}

/// A path as it was written, and where it leads from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalPath {
    /// The path as written; this is what the lock file records, so that it holds on every machine.
    pub written: String,
    /// The path to open.
    pub path: PathBuf,
}

impl LocalPath {
    /// Takes a path that is relative to `base`.
    pub fn new(written: &str, base: &Path) -> Self {
        Self {
            written: written.to_owned(),
            path: base.join(written),
        }
    }
}

impl PluginSource {
    /// Reads a source. Paths are relative to `base`, the project's folder.
    ///
    /// # Errors
    /// When the text has a scheme that is not known, or is no address of a repository.
    pub fn parse(plugin: &str, text: &str, base: &Path) -> Result<Self, RegistryError> {
        let unknown = || RegistryError::UnknownSource {
            plugin: plugin.to_owned(),
            text: text.to_owned(),
        };
        match text {
            "bundled" => Ok(Self::Bundled),
            "" | "mirror:" => Err(unknown()),
            _ if text.starts_with("oci://") => {
                text.parse()
                    .map(Self::Oci)
                    .map_err(|source| RegistryError::Reference {
                        plugin: plugin.to_owned(),
                        source,
                    })
            }
            _ if text.contains("://") => Err(unknown()),
            _ => match text.strip_prefix("mirror:") {
                Some(path) => Ok(Self::Mirror(LocalPath::new(path, base))),
                None => Ok(Self::Path(LocalPath::new(text, base))),
            },
        }
    }

    /// Returns the source of a file or folder.
    pub fn path(path: &Path) -> Self {
        Self::Path(LocalPath {
            written: path.display().to_string(),
            path: path.to_owned(),
        })
    }

    /// Tells whether reading it needs the network.
    pub fn is_remote(&self) -> bool {
        matches!(self, Self::Oci(_))
    }
}

impl fmt::Display for PluginSource {
    /// Writes it as it is written in configuration and in the lock file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundled => f.write_str("bundled"),
            Self::Path(path) => f.write_str(&path.written),
            Self::Mirror(path) => write!(f, "mirror:{}", path.written),
            Self::Oci(repository) => repository.fmt(f),
        }
    }
}

/// The folders in which plugins without a path of their own are looked for, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchPath(pub Vec<PathBuf>);

impl SearchPath {
    /// Returns the folders: those the operator names first, then the ones shipped with the binary at `executable`
    /// (`plugins` beside it, and `../share/konductor/plugins`).
    pub fn new(named: impl IntoIterator<Item = PathBuf>, executable: Option<&Path>) -> Self {
        let mut folders: Vec<PathBuf> = named.into_iter().collect();
        if let Some(folder) = executable.and_then(Path::parent) {
            folders.push(folder.join("plugins"));
            if let Some(prefix) = folder.parent() {
                folders.push(prefix.join("share").join("konductor").join("plugins"));
            }
        }
        Self(folders)
    }

    /// Returns the names of all plugins in the folders, sorted, each once.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .0
            .iter()
            .filter_map(|folder| std::fs::read_dir(folder).ok())
            .flat_map(|entries| entries.filter_map(Result::ok))
            .filter_map(|entry| {
                let path = entry.path();
                let is_plugin = path.extension().is_some_and(|extension| extension == "wasm");
                path.file_stem()
                    .and_then(|stem| stem.to_str())
                    .filter(|_| is_plugin)
                    .map(str::to_owned)
            })
            .collect();
        names.sort();
        names.dedup();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_is_written_as_it_was_read() {
        for text in [
            "bundled",
            "plugins/aws.wasm",
            "../shared",
            "mirror:/srv/konductor/mirror",
            "oci://registry.example/konductor/aws",
            "oci://127.0.0.1:5000/aws",
        ] {
            let source = PluginSource::parse("aws", text, Path::new("/project")).unwrap();
            assert_eq!(source.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_source_is_refused_with_the_forms_there_are() {
        for text in ["", "mirror:", "ftp://x/y", "https://registry.example/aws"] {
            let error = PluginSource::parse("aws", text, Path::new("."))
                .unwrap_err()
                .to_string();
            assert!(
                error.contains("`mirror:PATH`") && error.contains("`oci://HOST/PATH`"),
                "{error}"
            );
        }
        assert!(PluginSource::parse("aws", "oci://registry.example/aws:1.2.3", Path::new(".")).is_err());
    }
}
