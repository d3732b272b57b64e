//! A copy of the checkout in which guards are taken out, with a target folder of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::list::Edit;
use crate::command::{command, output};
use crate::folders;

/// What is built elsewhere and only read by tests, below the target folder.
const SHARED: [&str; 3] = ["plugins", "venv", "registry"];

/// The copy.
pub struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    /// Makes the copy, or brings it up to date: what did not change keeps its time, so that cargo builds little.
    pub fn prepare() -> Result<Self> {
        let folder = folders::target().join("guards/checkout");
        let scratch = Self { folder };
        // With what is not committed yet, without what git ignores.
        let listed = output(command("git").args(["ls-files", "-z", "-c", "-o", "--exclude-standard"]))?;
        let files: BTreeSet<PathBuf> = listed
            .split('\0')
            .filter(|name| !name.is_empty() && folders::root().join(name).is_file())
            .map(PathBuf::from)
            .collect();
        for file in &files {
            scratch.copy(file)?;
        }
        scratch.remove_others(Path::new(""), &files)?;
        let target = scratch.target();
        fs::create_dir_all(target.join("debug")).with_context(|| format!("making {}", target.display()))?;
        for name in SHARED {
            link(&folders::target().join(name), &target.join(name))?;
        }
        link(&folders::target().join("plugins"), &target.join("debug/plugins"))?;
        Ok(scratch)
    }

    /// Returns the copy's top folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the folder that the copy is built in.
    pub fn target(&self) -> PathBuf {
        self.folder.join("target")
    }

    /// Makes the edits of a removal. Returns the files as they were, for [`restore`](Self::restore): the checkout
    /// itself may change meanwhile.
    pub fn apply(&self, edits: &[Edit]) -> Result<BTreeMap<String, String>> {
        let mut originals = BTreeMap::new();
        let mut changed = BTreeMap::new();
        for edit in edits {
            let text = match changed.remove(&edit.file) {
                Some(text) => text,
                None => {
                    let text = fs::read_to_string(self.folder.join(&edit.file))
                        .with_context(|| format!("reading {}", edit.file))?;
                    originals.insert(edit.file.clone(), text.clone());
                    text
                }
            };
            let found = text.matches(&edit.find).count();
            ensure!(
                found == 1,
                "{} has the text to take out {found} times, not once: {}",
                edit.file,
                edit.find
            );
            changed.insert(edit.file.clone(), text.replacen(&edit.find, &edit.replace, 1));
        }
        self.write(&changed)?;
        Ok(originals)
    }

    /// Puts back what a removal changed.
    pub fn restore(&self, originals: &BTreeMap<String, String>) -> Result<()> {
        self.write(originals)
    }

    fn write(&self, files: &BTreeMap<String, String>) -> Result<()> {
        files.iter().try_for_each(|(file, text)| {
            fs::write(self.folder.join(file), text).with_context(|| format!("writing {file}"))
        })
    }

    fn copy(&self, file: &Path) -> Result<()> {
        let (from, to) = (folders::root().join(file), self.folder.join(file));
        let wanted = fs::read(&from).with_context(|| format!("reading {}", from.display()))?;
        if fs::read(&to).is_ok_and(|there| there == wanted) {
            return Ok(());
        }
        let parent = to.parent().unwrap_or(&self.folder);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&to, wanted))
            .and_then(|()| fs::set_permissions(&to, fs::metadata(&from)?.permissions()))
            .with_context(|| format!("writing {}", to.display()))
    }

    /// Removes what is not in the checkout any more.
    fn remove_others(&self, below: &Path, files: &BTreeSet<PathBuf>) -> Result<()> {
        let folder = self.folder.join(below);
        for entry in fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))? {
            let entry = entry?;
            let name = below.join(entry.file_name());
            if name == Path::new("target") {
                continue;
            }
            if entry.file_type()?.is_dir() {
                self.remove_others(&name, files)?;
            } else if !files.contains(&name) {
                fs::remove_file(entry.path()).with_context(|| format!("removing {}", name.display()))?;
            }
        }
        Ok(())
    }
}

/// Lets a name of the copy lead to what the checkout has there.
fn link(to: &Path, at: &Path) -> Result<()> {
    ensure!(
        to.is_dir(),
        "{} is missing: run `cargo xtask test` once, it builds what tests need",
        to.display()
    );
    if fs::symlink_metadata(at).is_ok() {
        return Ok(());
    }
    std::os::unix::fs::symlink(to, at).with_context(|| format!("linking {}", at.display()))
}
