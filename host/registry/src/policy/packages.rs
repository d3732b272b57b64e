//! The packages of policies written in Rego.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use konductor_model::policy::{PackagePlace, PackageSetting, PolicyLevel, PolicySubject, RegoVersion};

use super::reading::Reading;
use super::rules::{RequiredSigner, Rule, SitePolicy};
use super::tree::Node;
use crate::digest::Digest;
use crate::policy_bundle::BundleSource;

/// The keys of a package.
const KNOWN: [&str; 10] = [
    "name",
    "directory",
    "source",
    "package",
    "digest",
    "signers",
    "level",
    "rego",
    "namespaces",
    "on",
];
/// The keys that speak of what comes from elsewhere.
const OF_BUNDLES: [&str; 3] = ["package", "digest", "signers"];

/// A package of policies that a site names.
#[derive(Debug, Clone)]
pub struct SitePackage {
    /// What the site says about it.
    pub setting: PackageSetting,
    /// What it must be, where it is not a folder.
    pub bundle: Option<RequiredBundle>,
}

/// What a package from a registry or a file must be.
#[derive(Debug, Clone)]
pub struct RequiredBundle {
    /// Where it comes from.
    pub source: BundleSource,
    /// The name that it was signed as.
    pub package: String,
    /// The sha256 of what a signature is about.
    pub digest: Option<Digest>,
    pub(super) signers: Option<Rule<Vec<RequiredSigner>>>,
    /// `konductor.lock` says which release it is. It belongs to the project, and so does not bind what others name.
    pub is_locked: bool,
}

impl RequiredBundle {
    /// Returns what a source is that somebody names here and now: anything.
    pub fn any(source: BundleSource, package: String) -> Self {
        Self {
            source,
            package,
            digest: None,
            signers: None,
            is_locked: false,
        }
    }

    /// Tells whether its bytes are fixed where it is named.
    pub fn is_fixed(&self) -> bool {
        match &self.source {
            BundleSource::File(_) => true,
            BundleSource::Registry(reference) => reference.digest.is_some(),
        }
    }
}

impl SitePolicy {
    /// Returns the same policy as one of the project, whose packages `konductor.lock` holds.
    #[must_use]
    pub fn of_project(mut self) -> Self {
        for bundle in self
            .packages
            .iter_mut()
            .filter_map(|package| package.bundle.as_mut())
        {
            bundle.is_locked = true;
        }
        self
    }
}

impl Reading<'_> {
    pub(super) fn packages(&mut self, node: &Node) -> Vec<SitePackage> {
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        let mut packages: Vec<SitePackage> = Vec::new();
        for item in self.list(node, "`packages`") {
            let Some(package) = self.package(item) else {
                continue;
            };
            let setting = &package.setting;
            if let Some(first) = seen.get(&setting.name) {
                let problem = format!(
                    "there are two packages `{}`; the other is at {first}",
                    setting.name
                );
                self.problem(&item.place, problem);
                continue;
            }
            seen.insert(setting.name.clone(), setting.place.clone());
            packages.push(package);
        }
        packages
    }

    fn package(&mut self, node: &Node) -> Option<SitePackage> {
        let fields = self.map(node, "a package", &KNOWN);
        let level = match fields.get("level") {
            None => Some(PolicyLevel::default()),
            Some(node) => self.text(node, "`level`").and_then(|word| {
                let level = PolicyLevel::of_word(word);
                if level.is_none() {
                    let problem = format!(
                        "expected `advisory`, `soft-mandatory` or `mandatory` for `level`, found {}",
                        node.kind()
                    );
                    self.problem(&node.place, problem);
                }
                level
            }),
        };
        let rego = match fields.get("rego") {
            None => Some(RegoVersion::default()),
            Some(node) => match self.text(node, "`rego`") {
                Some("v1") => Some(RegoVersion::V1),
                Some("v0") => Some(RegoVersion::V0),
                Some(_) => {
                    let problem = format!("expected `v1` or `v0` for `rego`, found {}", node.kind());
                    self.problem(&node.place, problem);
                    None
                }
                None => None,
            },
        };
        let namespaces = fields.get("namespaces").map(|node| {
            let namespaces = self.texts(node, "`namespaces`");
            if namespaces.is_empty() {
                self.problem(
                    &node.place,
                    "`namespaces` names none: nothing would be asked; leave it out to ask all",
                );
            }
            namespaces
        });
        let on = match fields.get("on") {
            None => Some(BTreeSet::from([PolicySubject::default()])),
            Some(node) => self.subjects(node),
        };
        let name = match fields.get("name") {
            Some(node) => self.text(node, "`name`").map(|text| (text.to_owned(), *node)),
            None => {
                self.problem(&node.place, "a package needs `name`, such as `name: encryption`");
                None
            }
        };
        let name = name.and_then(|(name, node)| {
            if is_word(&name) {
                return Some(name);
            }
            let problem = format!(
                "`{}` is not the name of a package: expected letters, digits, `_`, `.` and `-`, starting with a letter",
                name.escape_debug()
            );
            self.problem(&node.place, problem);
            None
        });
        let found = match (fields.get("directory"), fields.get("source")) {
            (Some(_), Some(source)) => {
                let problem = "a package has either `directory` or `source`; take one of them out";
                self.problem(&source.place, problem);
                None
            }
            (Some(directory), None) => {
                for key in OF_BUNDLES {
                    if let Some(node) = fields.get(key) {
                        let problem = format!(
                            "`{key}` goes with `source`: what is in a folder is as it is; take it out"
                        );
                        self.problem(&node.place, problem);
                    }
                }
                self.directory(directory)
                    .map(|directory| (PackagePlace::Directory(directory), None))
            }
            (None, Some(source)) => {
                let required = self.bundle(source, &fields, name.as_deref());
                required.map(|required| (PackagePlace::Bundle(required.source.to_string()), Some(required)))
            }
            (None, None) => {
                self.problem(
                    &node.place,
                    "a package needs `directory`, such as `directory: policies/encryption`, or `source`, such as `source: \
                     oci://registry.example.com/policies/encryption:1.0.0`",
                );
                None
            }
        };
        let (found, bundle) = found?;
        Some(SitePackage {
            setting: PackageSetting {
                name: name?,
                found,
                level: level?,
                rego: rego?,
                namespaces,
                on: on?,
                place: node.place.to_string(),
            },
            bundle,
        })
    }

    fn directory(&mut self, node: &Node) -> Option<PathBuf> {
        let directory = self.base.join(self.text(node, "`directory`")?);
        if directory.is_dir() {
            return Some(directory);
        }
        let problem = format!(
            "there is no folder {}; paths are relative to the file",
            directory.display()
        );
        self.problem(&node.place, problem);
        None
    }

    /// Reads what a package from elsewhere must be.
    fn bundle(
        &mut self,
        node: &Node,
        fields: &BTreeMap<&str, &Node>,
        name: Option<&str>,
    ) -> Option<RequiredBundle> {
        let text = self.text(node, "`source`");
        let source = text.and_then(|text| match BundleSource::parse(text, self.base) {
            Ok(BundleSource::File(path)) if !path.path.is_file() => {
                let advice = if path.path.is_dir() {
                    "it is a folder, which goes under `directory`"
                } else {
                    "paths are relative to the file, and an address in a registry begins with `oci://`"
                };
                let problem = format!("there is no file {}; {advice}", path.path.display());
                self.problem(&node.place, problem);
                None
            }
            Ok(source) => Some(source),
            Err(error) => {
                self.problem(&node.place, error.to_string());
                None
            }
        });
        let package = match fields.get("package") {
            Some(node) => self.text(node, "`package`").map(str::to_owned),
            None => name.map(str::to_owned),
        };
        let digest = match fields.get("digest") {
            None => Some(None),
            Some(node) => self.text(node, "`digest`").and_then(|text| match text.parse() {
                Ok(digest) => Some(Some(digest)),
                Err(error) => {
                    self.problem(&node.place, format!("{error}"));
                    None
                }
            }),
        };
        let signers = fields.get("signers").map(|node| {
            let signers = self.signers(node, "packages");
            if signers.value.is_empty() {
                self.problem(
                    &node.place,
                    "`signers` names nobody: nothing would be accepted; name somebody",
                );
            }
            signers
        });
        Some(RequiredBundle {
            source: source?,
            package: package?,
            digest: digest?,
            signers,
            is_locked: false,
        })
    }
}

impl Reading<'_> {
    fn subjects(&mut self, node: &Node) -> Option<BTreeSet<PolicySubject>> {
        let words = self.texts(node, "`on`");
        let subjects: Option<BTreeSet<PolicySubject>> =
            words.iter().map(|word| PolicySubject::of_word(word)).collect();
        let subjects = subjects.filter(|subjects| !subjects.is_empty());
        if subjects.is_none() {
            self.problem(
                &node.place,
                "expected a list of `plan`, `state`, `drift` and `load` for `on`, such as `on: [plan, state]`",
            );
        }
        subjects
    }
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}
