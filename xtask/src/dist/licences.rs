//! The licences of everything in a release: a summary, and every text once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::packages::{Dependencies, Dependency};

/// What the files of licences begin with, in lower case.
const NAMES: [&str; 7] = [
    "license",
    "licence",
    "copying",
    "copyright",
    "notice",
    "unlicense",
    "licenses",
];

/// The licence texts of a release.
#[derive(Default)]
pub struct Licences {
    /// A line for every package: name, version, expression, where it is used.
    packages: BTreeSet<[String; 4]>,
    /// Every text with the packages that carry it.
    texts: BTreeMap<String, BTreeSet<String>>,
}

impl Licences {
    /// Collects the licences of all packages that are not the project's own. `standard` holds texts by their SPDX
    /// identifiers, for packages that name a licence and do not carry its text.
    ///
    /// # Errors
    /// All packages that name no licence, or one whose text is nowhere.
    pub fn collect(dependencies: &Dependencies, standard: &BTreeMap<&str, String>) -> Result<Self> {
        let mut licences = Self::default();
        let mut missing = Vec::new();
        for dependency in dependencies.packages.values().filter(|found| !found.is_own()) {
            if let Err(error) = licences.add_package(dependency, standard) {
                missing.push(format!("{error:#}"));
            }
        }
        if !missing.is_empty() {
            bail!("licences are missing:\n{}", missing.join("\n"));
        }
        Ok(licences)
    }

    fn add_package(&mut self, dependency: &Dependency, standard: &BTreeMap<&str, String>) -> Result<()> {
        let package = &dependency.package;
        let folder = package
            .manifest_path
            .parent()
            .context("a manifest without folder")?;
        let title = format!("{} {}", package.name, package.version);
        let named = package.license_file.as_ref().map(|file| folder.join(file));
        let mut texts = texts_in(folder.as_std_path())?;
        if let Some(path) = named {
            texts.push(fs::read_to_string(&path).with_context(|| format!("{title}: reading {path}"))?);
        }
        let expression = match &package.license {
            Some(expression) => expression.replace('/', " OR "),
            None if !texts.is_empty() => "see its text".to_owned(),
            None => bail!("{title} names no licence"),
        };
        if texts.is_empty() {
            let text = choices(&expression).iter().find_map(|id| standard.get(id));
            let text = text.with_context(|| {
                format!("{title} is under `{expression}`, whose text is neither with it nor with this tool")
            })?;
            texts.push(text.clone());
        }
        for text in texts {
            self.add_text(&title, &text);
        }
        self.packages.insert([
            package.name.to_string(),
            package.version.to_string(),
            expression,
            dependency.used_in.iter().cloned().collect::<Vec<_>>().join(", "),
        ]);
        Ok(())
    }

    /// Adds what cargo does not know of, such as the standard library.
    pub fn add(&mut self, name: &str, version: &str, expression: &str, used_in: &str, texts: &[String]) {
        for text in texts {
            self.add_text(&format!("{name} {version}"), text);
        }
        self.packages
            .insert([name, version, expression, used_in].map(str::to_owned));
    }

    fn add_text(&mut self, title: &str, text: &str) {
        // Texts that differ in the ends of lines alone are the same text.
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        let text = lines.join("\n").trim_matches('\n').to_owned();
        self.texts.entry(text).or_default().insert(title.to_owned());
    }

    /// Writes the summary, one line a package.
    pub fn summary(&self) -> String {
        let mut page =
            "# Licences of what is in this release\n\nThe texts are in THIRD-PARTY-LICENSES.txt.\n\n\
                        | package | version | licence | used in |\n|---|---|---|---|\n"
                .to_owned();
        for [name, version, expression, used_in] in &self.packages {
            let _ = writeln!(page, "| {name} | {version} | {expression} | {used_in} |");
        }
        page
    }

    /// Writes every text once, below the packages that carry it.
    pub fn texts(&self) -> String {
        let line = "=".repeat(80);
        let mut sorted: Vec<_> = self.texts.iter().collect();
        sorted.sort_by(|one, other| (one.1, one.0).cmp(&(other.1, other.0)));
        let mut page = String::new();
        for (text, packages) in sorted {
            let _ = writeln!(page, "{line}");
            for package in packages {
                let _ = writeln!(page, "{package}");
            }
            let _ = writeln!(page, "{line}\n\n{text}\n");
        }
        page
    }
}

/// Reads the texts in a package's folder, and in a folder `LICENSES` there.
fn texts_in(folder: &Path) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .to_lowercase();
        if !NAMES.iter().any(|start| name.starts_with(start)) || name.ends_with(".rs") {
            continue;
        }
        if path.is_dir() {
            for inner in fs::read_dir(&path).with_context(|| format!("reading {}", path.display()))? {
                paths.push(inner?.path());
            }
        } else {
            paths.push(path);
        }
    }
    paths.sort();
    paths
        .iter()
        .filter(|path| path.is_file())
        .map(|path| {
            let bytes = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        })
        .collect()
}

/// Returns the licences of which one is enough, each with its exception; none when several apply together.
fn choices(expression: &str) -> Vec<&str> {
    if expression.split_whitespace().any(|word| word == "AND") {
        return Vec::new();
    }
    expression
        .split(" OR ")
        .map(|choice| choice.trim_matches(|c: char| c.is_whitespace() || matches!(c, '(' | ')')))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_several_licences_is_enough_unless_they_apply_together() {
        assert_eq!(choices("MIT OR Apache-2.0"), ["MIT", "Apache-2.0"]);
        assert_eq!(choices("(MIT OR ISC)"), ["MIT", "ISC"]);
        assert!(choices("MIT AND Apache-2.0").is_empty());
        assert_eq!(
            choices("Apache-2.0 WITH LLVM-exception OR MIT"),
            ["Apache-2.0 WITH LLVM-exception", "MIT"]
        );
    }

    #[test]
    fn a_text_stands_once_below_all_who_carry_it() {
        let mut licences = Licences::default();
        licences.add(
            "b",
            "1.0.0",
            "MIT",
            "konductor",
            &["Permission\nis granted\n".to_owned()],
        );
        licences.add(
            "a",
            "2.0.0",
            "MIT",
            "aws",
            &["\nPermission\r\nis granted  \n".to_owned()],
        );
        let page = licences.texts();
        assert_eq!(page.matches("Permission\nis granted\n").count(), 1);
        assert!(page.find("a 2.0.0\nb 1.0.0\n").is_some(), "{page}");
        let summary = licences.summary();
        assert!(
            summary.ends_with("| a | 2.0.0 | MIT | aws |\n| b | 1.0.0 | MIT | konductor |\n"),
            "{summary}"
        );
    }

    #[test]
    fn texts_are_found_whatever_their_case_and_one_folder_down() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("LICENSES")).unwrap();
        for (name, text) in [
            ("License-MIT.txt", "one"),
            ("NOTICE", "two"),
            ("LICENSES/ISC.txt", "three"),
            ("license.rs", "no"),
            ("README.md", "no"),
        ] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let mut texts = texts_in(folder.path()).unwrap();
        texts.sort();
        assert_eq!(texts, ["one", "three", "two"]);
    }
}
