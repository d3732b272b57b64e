//! Where a plugin comes from, as configuration says it.

use std::path::{Path, PathBuf};

use crate::error::RegistryError;

/// Where a plugin comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum PluginSource {
    /// The folders of the search path: beside the binary, and those the operator names.
    #[default]
    Bundled,
    /// A file, or a folder that holds `NAME.wasm`.
    Path(PathBuf),
}

impl PluginSource {
    /// Reads a source. Paths are relative to `base`, the project's folder.
    ///
    /// # Errors
    /// When the text has a scheme that is not known.
    pub fn parse(plugin: &str, text: &str, base: &Path) -> Result<Self, RegistryError> {
        match text {
            "bundled" => Ok(Self::Bundled),
            _ if text.is_empty() || text.contains("://") => Err(RegistryError::UnknownSource {
                plugin: plugin.to_owned(),
                text: text.to_owned(),
            }),
            path => Ok(Self::Path(base.join(path))),
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
