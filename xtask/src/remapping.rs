//! Names that stand for folders of this machine in what is built, so that the same source gives the same bytes anywhere.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::{Metadata, MetadataCommand};

use crate::command::{command, output};

/// Folders of this machine, and what stands for them in the result.
pub struct Remapping {
    /// A later one wins where two fit.
    folders: Vec<(PathBuf, &'static str)>,
    /// The compiler's folder, which also holds the licences of its library.
    pub sysroot: PathBuf,
}

impl Remapping {
    /// Learns the folders that a build of the checkout at `root` may name.
    ///
    /// # Errors
    /// When cargo or the compiler does not say where its files are.
    pub fn of(root: &Path) -> Result<Self> {
        let metadata = MetadataCommand::new()
            .manifest_path(root.join("Cargo.toml"))
            .other_options(["--locked".to_owned()])
            .exec()
            .context("asking cargo for the packages")?;
        let cargo_home = cargo_home(&metadata).context("no package comes from a registry")?;
        let sysroot = output(command("rustc").args(["--print", "sysroot"]).current_dir(root))?;
        let sysroot = PathBuf::from(sysroot.trim());
        Ok(Self {
            folders: vec![
                (sysroot.clone(), "/rust"),
                (sysroot.join("lib/rustlib/src/rust"), "/rust/source"),
                (cargo_home, "/cargo"),
                (root.to_owned(), "/konductor"),
            ],
            sysroot,
        })
    }

    /// Returns the flags for the Rust compiler, as `CARGO_ENCODED_RUSTFLAGS` wants them.
    pub fn rust_flags(&self) -> String {
        let flag = |(from, to): &(PathBuf, &str)| format!("--remap-path-prefix={}={to}", from.display());
        let flags: Vec<String> = self.folders.iter().map(flag).collect();
        flags.join("\x1f")
    }

    /// Returns the flags for a C compiler: the cryptography and the database are C, whose assertions name files too.
    pub fn c_flags(&self) -> String {
        let flag = |(from, to): &(PathBuf, &str)| format!("-ffile-prefix-map={}={to}", from.display());
        let flags: Vec<String> = self.folders.iter().map(flag).collect();
        flags.join(" ")
    }
}

/// Returns the folder that holds `registry/src/INDEX/NAME-VERSION/Cargo.toml`.
fn cargo_home(metadata: &Metadata) -> Option<PathBuf> {
    let from_registry = metadata
        .packages
        .iter()
        .find(|package| package.source.is_some())?;
    let home = from_registry.manifest_path.ancestors().nth(5)?;
    Some(home.as_std_path().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folders;

    #[test]
    fn no_folder_of_this_machine_is_left_in_what_the_flags_stand_for() {
        let remapping = Remapping::of(folders::root()).unwrap();
        let flags = remapping.rust_flags();
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        assert!(flags.contains(&format!("--remap-path-prefix={}=/konductor", manifest.display())));
        assert_eq!(flags.split('\x1f').count(), 4);
        assert!(remapping.folders.iter().all(|(folder, _)| folder.is_absolute()));
        assert_eq!(remapping.c_flags().split(' ').count(), 4);
    }
}
