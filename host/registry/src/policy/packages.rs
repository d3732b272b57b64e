//! The packages of policies: folders with files in Rego, and plugins whose checks they are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use konductor_model::policy::{
    CheckPlugin, PackagePlace, PackageSetting, PolicyLevel, PolicySubject, RegoVersion,
};

use super::reading::Reading;
use super::rules::{RequiredSigner, Rule, SitePolicy};
use super::tree::Node;
use crate::digest::Digest;
use crate::policy_bundle::BundleSource;

/// The keys of a package.
const KNOWN: [&str; 11] = [
    "name",
    "directory",
    "source",
    "plugin",
    "package",
    "digest",
    "signers",
    "level",
    "rego",
    "namespaces",
    "on",
];
/// Where rules can be, each with the keys that say nothing of what is there.
const PLACES: [(&str, &[&str]); 3] = [
    ("directory", &["package", "digest", "signers"]),
    ("source", &[]),
    ("plugin", &["package", "signers", "rego", "namespaces"]),
];
/// The names of the plugins that judge already, each by what is not a check of its own.
const JUDGES: [(&str, &str); 2] = [
    ("policy", "it evaluates packages in Rego: name their `directory`"),
    ("compliance", "the section `compliance` of a project asks it"),
];

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
            Some(node) => self
                .text(node, "`name`")
                .and_then(|name| self.word_of(node, name)),
            None => {
                self.problem(&node.place, "a package needs `name`, such as `name: encryption`");
                None
            }
        };
        let place = self.place(node, &fields, name.as_deref());
        if let (Some((PackagePlace::Plugin(_), _)), Some(on), Some(at)) = (&place, &on, fields.get("on"))
            && on.contains(&PolicySubject::Load)
        {
            self.problem(
                &at.place,
                "checks that are a plugin judge `plan`, `state` and `drift`: what judges on loading is in Rego, in a \
                 `directory` or from a `source`",
            );
        }
        let (found, bundle) = place?;
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

    /// Reads where the rules are: in exactly one place.
    fn place(
        &mut self,
        node: &Node,
        fields: &BTreeMap<&str, &Node>,
        name: Option<&str>,
    ) -> Option<(PackagePlace, Option<RequiredBundle>)> {
        let mut given = PLACES
            .iter()
            .filter_map(|(place, unfit)| Some((*place, *unfit, *fields.get(place)?)));
        let Some((place, unfit, at)) = given.next() else {
            self.problem(
                &node.place,
                "a package needs `directory`, such as `directory: policies/encryption`, `source`, such as `source: \
                 oci://registry.example.com/policies/encryption:1.0.0`, or `plugin`, such as `plugin: acme-checks`",
            );
            return None;
        };
        if let Some((.., other)) = given.next() {
            let problem = "a package has one of `directory`, `source` and `plugin`; take the others out, or make several packages";
            self.problem(&other.place, problem);
            return None;
        }
        for key in unfit {
            if let Some(node) = fields.get(key) {
                let problem = format!("`{key}` says nothing of a package with `{place}`; take it out");
                self.problem(&node.place, problem);
            }
        }
        match place {
            "directory" => self
                .directory(at)
                .map(|directory| (PackagePlace::Directory(directory), None)),
            "source" => {
                let required = self.bundle(at, fields, name)?;
                Some((PackagePlace::Bundle(required.source.to_string()), Some(required)))
            }
            _ => self
                .check_plugin(at, fields.get("digest").copied())
                .map(|plugin| (PackagePlace::Plugin(plugin), None)),
        }
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
    fn check_plugin(&mut self, node: &Node, digest: Option<&Node>) -> Option<CheckPlugin> {
        let digest = match digest {
            None => None,
            Some(node) => match self.text(node, "`digest`")?.parse::<Digest>() {
                Ok(digest) => Some(digest.hex()),
                Err(error) => {
                    self.problem(&node.place, error.to_string());
                    return None;
                }
            },
        };
        let name = self.text(node, "`plugin`")?.to_owned();
        if let Some((_, what)) = JUDGES.iter().find(|(judge, _)| *judge == name) {
            self.problem(
                &node.place,
                format!("the plugin `{name}` has no checks of its own; {what}"),
            );
            return None;
        }
        if name.contains(['/', '\\', '.']) {
            let problem = format!(
                "expected the name of a plugin, found `{}`; where it comes from stands below `plugins` in konductor.yaml",
                name.escape_debug()
            );
            self.problem(&node.place, problem);
            return None;
        }
        Some(CheckPlugin { name, digest })
    }

    /// Takes what can be the name of a package.
    fn word_of(&mut self, node: &Node, name: &str) -> Option<String> {
        if is_word(name) {
            return Some(name.to_owned());
        }
        let problem = format!(
            "`{}` is not the name of a package: expected letters, digits, `_`, `.` and `-`, starting with a letter",
            name.escape_debug()
        );
        self.problem(&node.place, problem);
        None
    }

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
