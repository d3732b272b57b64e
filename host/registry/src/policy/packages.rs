//! The packages of policies written in Rego.

use std::collections::{BTreeMap, BTreeSet};

use konductor_model::policy::{PackageSetting, PolicyLevel, PolicySubject, RegoVersion};

use super::reading::Reading;
use super::tree::Node;

/// The keys of a package.
const KNOWN: [&str; 6] = ["name", "directory", "level", "rego", "namespaces", "on"];

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
        let mut required = |key: &str, example: &str| match fields.get(key) {
            Some(node) => self
                .text(node, &format!("`{key}`"))
                .map(|text| (text.to_owned(), *node)),
            None => {
                self.problem(
                    &node.place,
                    format!("a package needs `{key}`, such as `{key}: {example}`"),
                );
                None
            }
        };
        let name = required("name", "encryption");
        let directory = required("directory", "policies/encryption");
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
        let directory = directory.and_then(|(text, node)| {
            let directory = self.base.join(text);
            if directory.is_dir() {
                return Some(directory);
            }
            let problem = format!(
                "there is no folder {}; paths are relative to the file",
                directory.display()
            );
            self.problem(&node.place, problem);
            None
        });
        Some(PackageSetting {
            name: name?,
            directory: directory?,
            level: level?,
            rego: rego?,
            namespaces,
            on: on?,
            place: node.place.to_string(),
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
