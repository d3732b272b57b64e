//! Packages of policies: where a site keeps them, and the JSON documents of a policy plugin's function `evaluate`.
//!
//! The request is an object with the members `format`, `task`, `packages` and `input`; the answer has the member
//! `packages`. Readers ignore members they do not know. Checks that are a plugin of their own have documents of their
//! own: [`crate::checks`].

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The version of both documents.
pub const FORMAT: u32 = 1;

/// What is to be done with the packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyTask {
    /// Apply their rules to the input.
    Evaluate,
    /// Run their tests; there is no input.
    Test,
}

/// The version of the language that a package is written in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegoVersion {
    /// Rego v1, in which rules have `if` and `contains`.
    #[default]
    #[serde(rename = "v1")]
    V1,
    /// Rego as it was before.
    #[serde(rename = "v0")]
    V0,
}

/// What follows when a package of policies finds something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyLevel {
    /// It is told.
    Advisory,
    /// Nothing is applied, unless somebody gives a reason to do it all the same.
    SoftMandatory,
    /// Nothing is applied.
    #[default]
    Mandatory,
}

impl PolicyLevel {
    /// Returns the level of a word, as it is written in a policy.
    pub fn of_word(word: &str) -> Option<Self> {
        Some(match word {
            "advisory" => Self::Advisory,
            "soft-mandatory" => Self::SoftMandatory,
            "mandatory" => Self::Mandatory,
            _ => return None,
        })
    }

    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Advisory => "advisory",
            Self::SoftMandatory => "soft-mandatory",
            Self::Mandatory => "mandatory",
        }
    }
}

/// What a package of policies judges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicySubject {
    /// Each plan, before it is carried out.
    #[default]
    Plan,
    /// What is recorded of a stack.
    State,
    /// What was changed and deleted outside.
    Drift,
    /// Each plugin, before it is loaded.
    Load,
}

impl PolicySubject {
    /// Returns the subject of a word, as it is written in a policy.
    pub fn of_word(word: &str) -> Option<Self> {
        Some(match word {
            "plan" => Self::Plan,
            "state" => Self::State,
            "drift" => Self::Drift,
            "load" => Self::Load,
            _ => return None,
        })
    }

    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::State => "state",
            Self::Drift => "drift",
            Self::Load => "load",
        }
    }
}

/// Where the rules of a package are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackagePlace {
    /// Files in Rego, in a folder.
    Directory(PathBuf),
    /// Files in Rego, in a registry or a packed file, as it was written.
    Bundle(String),
    /// Checks that are a plugin.
    Plugin(CheckPlugin),
}

/// A plugin whose checks are a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckPlugin {
    /// The name it has in the project.
    pub name: String,
    /// The SHA-256 that it must have, in hexadecimal; none: any that the lock file and the policies let through.
    pub digest: Option<String>,
}

/// What a site says about a package of policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageSetting {
    /// Its name.
    pub name: String,
    /// Where its rules are.
    pub found: PackagePlace,
    /// What follows when it finds something.
    pub level: PolicyLevel,
    /// The version of the language.
    pub rego: RegoVersion,
    /// The Rego packages whose rules count; none: all.
    pub namespaces: Option<Vec<String>>,
    /// What it judges.
    pub on: BTreeSet<PolicySubject>,
    /// Where all this is written: `konductor.yaml:12:7`.
    pub place: String,
}

impl PackageSetting {
    /// Returns the plugin whose checks it is, where its rules are not files in Rego.
    pub fn plugin(&self) -> Option<&CheckPlugin> {
        match &self.found {
            PackagePlace::Plugin(plugin) => Some(plugin),
            PackagePlace::Directory(_) | PackagePlace::Bundle(_) => None,
        }
    }
}

/// A package of policies: the files of one folder, with an engine of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyPackage {
    /// Its name.
    pub name: String,
    /// The version of the language.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rego: RegoVersion,
    /// The Rego packages whose rules count, without `data.`; none: all.
    #[serde(default, skip_serializing_if = "is_default")]
    pub namespaces: Option<Vec<String>>,
    /// Its files.
    pub files: Vec<PolicyFile>,
    /// What its rules find below `data`: an object.
    #[serde(default, skip_serializing_if = "is_default")]
    pub data: serde_json::Value,
}

/// A file in Rego.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyFile {
    /// What messages call it.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// What a package came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PackageAnswer {
    /// The package.
    pub name: String,
    /// Why it could not be evaluated. With any of these, nothing it found can be relied on.
    #[serde(skip_serializing_if = "is_default")]
    pub problems: Vec<PolicyProblem>,
    /// The rules that were asked: `data.main.deny`.
    #[serde(skip_serializing_if = "is_default")]
    pub rules: Vec<String>,
    /// What they found.
    #[serde(skip_serializing_if = "is_default")]
    pub findings: Vec<PolicyFinding>,
    /// How its tests went.
    #[serde(skip_serializing_if = "is_default")]
    pub tests: Vec<PolicyTest>,
    /// Which lines the tests reached.
    #[serde(skip_serializing_if = "is_default")]
    pub coverage: Vec<FileCoverage>,
}

/// Something that keeps a package from being evaluated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyProblem {
    /// What is wrong.
    pub message: String,
    /// The file; empty where no place is known.
    #[serde(skip_serializing_if = "is_default")]
    pub path: String,
    /// The line, from 1.
    #[serde(skip_serializing_if = "is_default")]
    pub line: u32,
    /// The column, from 1.
    #[serde(skip_serializing_if = "is_default")]
    pub column: u32,
}

/// Something that a rule found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyFinding {
    /// The rule: `data.main.deny`.
    pub rule: String,
    /// It only warns, whatever the level of its package is.
    #[serde(skip_serializing_if = "is_default")]
    pub warning: bool,
    /// An exception of the package says that it does not count.
    #[serde(skip_serializing_if = "is_default")]
    pub excepted: bool,
    /// What the rule says.
    pub message: String,
    /// What else it says: the members beside `msg`.
    #[serde(skip_serializing_if = "is_default")]
    pub details: serde_json::Map<String, serde_json::Value>,
}

/// How a test went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyTest {
    /// Its name: `data.main_test.test_open_bucket`.
    pub name: String,
    /// The file it stands in.
    pub path: String,
    /// The line of its head, from 1.
    pub line: u32,
    /// How it went.
    pub result: TestResult,
    /// Why it could not be run.
    #[serde(skip_serializing_if = "is_default")]
    pub error: String,
    /// What it printed.
    #[serde(skip_serializing_if = "is_default")]
    pub prints: Vec<String>,
    /// The lines that it reached, file by file.
    #[serde(skip_serializing_if = "is_default")]
    pub reached: Vec<FileCoverage>,
}

/// How a test went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TestResult {
    /// It holds.
    Passed,
    /// It does not hold.
    #[default]
    Failed,
    /// It could not be run.
    Error,
    /// Its name begins with `todo_`.
    Skipped,
}

/// Which lines of a file were reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileCoverage {
    /// The file.
    pub path: String,
    /// The lines that were, from 1.
    pub covered: Vec<u32>,
    /// The lines that could have been.
    pub not_covered: Vec<u32>,
}
