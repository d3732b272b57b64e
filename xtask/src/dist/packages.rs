//! Which packages a release is made of, as cargo resolves them.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata, Package};
use serde::Deserialize;

use crate::command::{cargo, output};

/// A package by name and version. What is shipped never holds two of both from different places.
pub type Key = (String, String);

/// The packages that shipped artifacts are made of.
pub struct Dependencies {
    /// The packages, also the project's own.
    pub packages: BTreeMap<Key, Dependency>,
    /// The version of the release: that of the host.
    pub version: String,
}

/// One package of a release.
pub struct Dependency {
    /// What its manifest says.
    pub package: Package,
    /// The SHA-256 of its archive in the registry; none for the project's own packages.
    pub checksum: Option<String>,
    /// The artifacts it is part of: `konductor`, `aws`.
    pub used_in: BTreeSet<String>,
    /// The packages it needs when it runs.
    pub needs: BTreeSet<Key>,
}

impl Dependency {
    /// Tells whether the package is the project's own.
    pub fn is_own(&self) -> bool {
        self.package.source.is_none()
    }
}

/// What is built: the artifact's name, its package, its target, and the folder of the workspace it is in.
pub struct Artifact<'a> {
    pub name: &'a str,
    pub package: String,
    pub target: &'a str,
    pub workspace: String,
}

#[derive(Deserialize)]
struct LockFile {
    package: Vec<LockedPackage>,
}

#[derive(Deserialize)]
struct LockedPackage {
    name: String,
    version: String,
    checksum: Option<String>,
}

impl Dependencies {
    /// Asks cargo what the artifacts of a checkout are made of. Packages that only build scripts and tests use are
    /// not part of it; procedural macros are, because they write code that is shipped.
    ///
    /// # Errors
    /// When the lock file is not up to date, or a package is not where cargo puts them.
    pub fn read(root: &Path, artifacts: &[Artifact<'_>]) -> Result<Self> {
        let mut packages: BTreeMap<Key, Dependency> = BTreeMap::new();
        let folders: BTreeSet<&str> = artifacts
            .iter()
            .map(|artifact| artifact.workspace.as_str())
            .collect();
        for folder in folders {
            let of_it: Vec<&Artifact<'_>> = artifacts
                .iter()
                .filter(|artifact| artifact.workspace == folder)
                .collect();
            for (key, found) in read_workspace(&root.join(folder), &of_it)? {
                match packages.entry(key) {
                    Entry::Occupied(mut known) => {
                        let known = known.get_mut();
                        known.used_in.extend(found.used_in);
                        known.needs.extend(found.needs);
                    }
                    Entry::Vacant(new) => {
                        new.insert(found);
                    }
                }
            }
        }
        let host = packages
            .values()
            .find(|found| found.package.name.as_str() == "konductor");
        let version = host
            .context("there is no package `konductor`")?
            .package
            .version
            .to_string();
        Ok(Self { packages, version })
    }
}

/// Asks cargo what the artifacts of one workspace are made of.
fn read_workspace(root: &Path, artifacts: &[&Artifact<'_>]) -> Result<BTreeMap<Key, Dependency>> {
    let targets: BTreeSet<&str> = artifacts.iter().map(|artifact| artifact.target).collect();
    let text = output(
        cargo()
            .current_dir(root)
            .args(["metadata", "--locked", "--format-version", "1"])
            // Packages of other systems are not shipped, and need not be downloaded.
            .args(targets.iter().flat_map(|target| ["--filter-platform", target])),
    )?;
    let metadata: Metadata = serde_json::from_str(&text).context("reading what `cargo metadata` says")?;
    let lock_path = root.join("Cargo.lock");
    let lock =
        std::fs::read_to_string(&lock_path).with_context(|| format!("reading {}", lock_path.display()))?;
    let lock: LockFile = toml::from_str(&lock).with_context(|| format!("reading {}", lock_path.display()))?;
    let mut used: BTreeMap<Key, BTreeSet<String>> = BTreeMap::new();
    for artifact in artifacts {
        let tree = output(
            cargo()
                .current_dir(root)
                .args([
                    "tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}",
                ])
                .args(["--package", &artifact.package, "--target", artifact.target]),
        )?;
        for key in tree.lines().filter_map(tree_line) {
            used.entry(key).or_default().insert(artifact.name.to_owned());
        }
    }
    let checksums: BTreeMap<Key, String> = lock
        .package
        .into_iter()
        .filter_map(|package| Some(((package.name, package.version), package.checksum?)))
        .collect();
    let mut needs = needs(&metadata)?;
    let mut packages = BTreeMap::new();
    for package in &metadata.packages {
        let key = key(package);
        let Some(used_in) = used.get(&key) else { continue };
        let needs = needs.remove(&key).unwrap_or_default();
        packages.insert(
            key.clone(),
            Dependency {
                package: package.clone(),
                checksum: checksums.get(&key).cloned(),
                used_in: used_in.clone(),
                needs: needs.into_iter().filter(|key| used.contains_key(key)).collect(),
            },
        );
    }
    Ok(packages)
}

fn key(package: &Package) -> Key {
    (package.name.to_string(), package.version.to_string())
}

/// Reads a line such as `serde v1.0.0 (proc-macro) (*)`.
fn tree_line(line: &str) -> Option<Key> {
    let mut words = line.split_whitespace();
    let name = words.next()?;
    let version = words.next()?.strip_prefix('v')?;
    Some((name.to_owned(), version.to_owned()))
}

/// Returns what every package needs when it runs, over all features and targets.
fn needs(metadata: &Metadata) -> Result<BTreeMap<Key, BTreeSet<Key>>> {
    let by_id: BTreeMap<_, _> = metadata
        .packages
        .iter()
        .map(|package| (&package.id, key(package)))
        .collect();
    let resolve = metadata
        .resolve
        .as_ref()
        .context("`cargo metadata` resolved nothing")?;
    let nodes = resolve.nodes.iter().filter_map(|node| {
        let normal = node.deps.iter().filter(|dependency| {
            dependency
                .dep_kinds
                .iter()
                .any(|kind| kind.kind == DependencyKind::Normal)
        });
        let needs = normal.filter_map(|dependency| by_id.get(&dependency.pkg).cloned());
        Some((by_id.get(&node.id)?.clone(), needs.collect()))
    });
    Ok(nodes.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_tree_is_a_name_and_a_version() {
        let wanted = Some(("serde_derive".to_owned(), "1.0.2+x".to_owned()));
        for line in ["serde_derive v1.0.2+x", "serde_derive v1.0.2+x (proc-macro) (*)"] {
            assert_eq!(tree_line(line), wanted);
        }
        assert_eq!(tree_line(""), None);
    }
}
