//! What the policies of a site said about a plan.

use konductor_model::policy::PolicyLevel;
use serde::{Deserialize, Serialize};

/// How many findings of a package are kept in the log; the number of all of them is kept beside.
pub const FINDINGS_KEPT: usize = 100;

/// What all packages of policies said about one plan, and what follows. Never a secret: no policy is shown one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyDecision {
    /// The run.
    pub run: String,
    /// What was judged: `apply`, `destroy`, `rollback`.
    pub operation: String,
    /// The SHA-256 of the document that was judged, in hexadecimal.
    pub input: String,
    /// The plan may be applied.
    pub allowed: bool,
    /// How long all packages took together.
    #[serde(default)]
    pub milliseconds: u64,
    /// What each package said.
    pub packages: Vec<PackageDecision>,
}

/// What one package said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageDecision {
    /// Its name.
    pub name: String,
    /// What follows when it finds something.
    pub level: PolicyLevel,
    /// Where the site says so.
    pub place: String,
    /// The SHA-256 of its files, in hexadecimal.
    pub digest: String,
    /// What it was packed in; none for a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<BundleUsed>,
    /// What came of it.
    pub outcome: PackageOutcome,
    /// How many rules were asked.
    pub rules: usize,
    /// How many findings there were that count.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub denied: usize,
    /// How many findings only warn.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub warned: usize,
    /// The first findings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<RecordedFinding>,
    /// Why it could not be evaluated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// Why somebody went on all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub override_reason: Option<String>,
}

/// A bundle that a package of policies came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleUsed {
    /// Where it came from, as it was written.
    pub source: String,
    /// The digest of what a signature is about: `sha256:…`.
    pub digest: String,
    /// Who signed it, where a rule asks for a signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
}

/// What came of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PackageOutcome {
    /// It found nothing that counts.
    Passed,
    /// It found something, and nothing follows: it is advisory.
    Advised,
    /// It found something, or could not be evaluated, and somebody gave a reason to go on.
    Overridden,
    /// It found something.
    Denied,
    /// It could not be evaluated, which counts as if it had found something.
    Unusable,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedFinding {
    /// The rule: `data.main.deny`.
    pub rule: String,
    /// What it said.
    pub message: String,
    /// It only warns.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub warning: bool,
    /// An exception of the package says that it does not count.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub excepted: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}
