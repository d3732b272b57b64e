//! The packages of policies: folders with files in Rego, and plugins whose checks they are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use konductor_model::policy::{
    CheckPlugin, PackageRules, PackageSetting, PolicyLevel, PolicySubject, RegoVersion,
};

use super::reading::Reading;
use super::tree::Node;
use crate::digest::Digest;

/// The keys of a package.
const KNOWN: [&str; 8] = [
    "name",
    "directory",
    "plugin",
    "digest",
    "level",
    "rego",
    "namespaces",
    "on",
];
/// The keys that say something about files in Rego.
const OF_REGO: [&str; 2] = ["rego", "namespaces"];
/// The names of the plugins that judge already, each by what is not a check of its own.
const JUDGES: [(&str, &str); 2] = [
    ("policy", "it evaluates packages in Rego: name their `directory`"),
    ("compliance", "the section `compliance` of a project asks it"),
];

impl Reading<'_> {
    pub(super) fn packages(&mut self, node: &Node) -> Vec<PackageSetting> {
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        let mut packages = Vec::new();
        for item in self.list(node, "`packages`") {
            let Some(package) = self.package(item) else {
                continue;
            };
            if let Some(first) = seen.get(&package.name) {
                let problem = format!(
                    "there are two packages `{}`; the other is at {first}",
                    package.name
                );
                self.problem(&item.place, problem);
                continue;
            }
            seen.insert(package.name.clone(), package.place.clone());
            packages.push(package);
        }
        packages
    }

    fn package(&mut self, node: &Node) -> Option<PackageSetting> {
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
        let rules = self.rules(node, &fields);
        if let (Some(PackageRules::Plugin(_)), Some(on), Some(at)) = (&rules, &on, fields.get("on"))
            && on.contains(&PolicySubject::Load)
        {
            self.problem(
                &at.place,
                "checks that are a plugin judge `plan`, `state` and `drift`: what judges on loading is in Rego, in a \
                 `directory`",
            );
        }
        Some(PackageSetting {
            name: name?,
            rules: rules?,
            level: level?,
            rego: rego?,
            namespaces,
            on: on?,
            place: node.place.to_string(),
        })
    }
}

impl Reading<'_> {
    /// Reads where the rules are: exactly one of a folder and a plugin.
    fn rules(&mut self, node: &Node, fields: &BTreeMap<&str, &Node>) -> Option<PackageRules> {
        match (fields.get("directory"), fields.get("plugin")) {
            (Some(directory), None) => {
                if let Some(digest) = fields.get("digest") {
                    self.problem(&digest.place, "`digest` is that of a `plugin`, and there is none");
                }
                self.directory(directory).map(PackageRules::Directory)
            }
            (None, Some(plugin)) => {
                for key in OF_REGO {
                    if let Some(node) = fields.get(key) {
                        let problem = format!("`{key}` is about files in Rego, and a plugin has none");
                        self.problem(&node.place, problem);
                    }
                }
                self.check_plugin(plugin, fields.get("digest").copied())
                    .map(PackageRules::Plugin)
            }
            (Some(_), Some(plugin)) => {
                self.problem(
                    &plugin.place,
                    "a package has a `directory` or a `plugin`; take one of them out, or make two packages",
                );
                None
            }
            (None, None) => {
                self.problem(
                    &node.place,
                    "a package needs `directory`, such as `directory: policies/encryption`, or `plugin`, such as \
                     `plugin: acme-checks`",
                );
                None
            }
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
