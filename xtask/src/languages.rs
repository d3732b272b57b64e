//! Plugins that are not written in Rust: the SDKs' own tests, and an example of each as a component.

mod javascript_plugin;
mod python_plugin;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::folders;

/// Runs the tests of the SDKs and of the plugins made with them, and builds each plugin unless nothing changed.
///
/// # Errors
/// When packages cannot be fetched, a test fails or a component cannot be built.
pub fn prepare() -> Result<()> {
    python_plugin::prepare()?;
    javascript_plugin::prepare()
}

/// What a component was made of, beside it; it is up to date while that is the same.
struct Stamp {
    file: PathBuf,
    sources: String,
}

impl Stamp {
    /// Reads the files of folders, which are named from the top of the checkout, but not of folders in them.
    fn of(component: &Path, folders: &[&str]) -> Result<Self> {
        let mut files: Vec<PathBuf> = Vec::new();
        for folder in folders.iter().map(|folder| folders::root().join(folder)) {
            let entries = fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
            for entry in entries {
                let path = entry
                    .with_context(|| format!("reading {}", folder.display()))?
                    .path();
                if path.is_file() {
                    files.push(path);
                }
            }
        }
        files.sort();
        let sources = files.iter().map(|file| text(file)).collect::<Result<_>>()?;
        Ok(Self {
            file: component.with_extension("sources"),
            sources,
        })
    }

    /// Tells whether a component was made of the same.
    fn holds(&self, component: &Path) -> bool {
        component.is_file() && fs::read_to_string(&self.file).is_ok_and(|built| built == self.sources)
    }

    /// Notes that the component is made of this.
    fn write(&self) -> Result<()> {
        fs::write(&self.file, &self.sources).with_context(|| format!("writing {}", self.file.display()))
    }
}

fn text(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))
}
