//! Packages of policies that were packed: where they come from, and the gate between fetched bytes and whoever reads them.

use std::fmt;
use std::path::Path;

use konductor_signature::VerifiedSignature;

use crate::digest::Digest;
use crate::lock_file::LockedPackage;
use crate::oci::reference::{OciReference, ReferenceError};
use crate::policy::{Policies, Refusal, RequiredBundle, SitePackage};
use crate::source::LocalPath;

/// Where a packed package of policies comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BundleSource {
    /// A file, with its signatures beside it.
    File(LocalPath),
    /// A repository in an OCI registry.
    Registry(OciReference),
}

impl BundleSource {
    /// Reads a source. Paths are relative to `base`.
    ///
    /// # Errors
    /// When the text is an address that is not well formed.
    pub fn parse(text: &str, base: &Path) -> Result<Self, ReferenceError> {
        // Whatever has a scheme is an address: a path does not begin like one.
        if text.contains("://") {
            return text.parse().map(Self::Registry);
        }
        Ok(Self::File(LocalPath::new(text, base)))
    }
}

impl fmt::Display for BundleSource {
    /// Writes it as it is written in a policy and in the lock file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.write_str(&path.written),
            Self::Registry(reference) => reference.fmt(f),
        }
    }
}

/// What was packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BundleContent {
    /// An archive.
    Archive(Vec<u8>),
    /// Files with their paths, as Conftest pushes them.
    Files {
        /// The files, each held to its digest in the manifest.
        files: Vec<(String, Vec<u8>)>,
        /// The OCI manifest that lists them: a signature is about it.
        manifest: Vec<u8>,
    },
}

/// A package of policies whose bytes are here. Nothing about them was verified beyond what the source itself promised,
/// and nothing of them was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedBundle {
    source: BundleSource,
    content: BundleContent,
    digest: Digest,
    manifest_digest: Option<Digest>,
    /// Signatures that were found beside it. They may belong to other bytes.
    pub signatures: Vec<Vec<u8>>,
}

impl FetchedBundle {
    pub(crate) fn new(
        source: BundleSource,
        content: BundleContent,
        manifest_digest: Option<Digest>,
        signatures: Vec<Vec<u8>>,
    ) -> Self {
        let digest = Digest::of(signed_bytes(&content));
        Self {
            source,
            content,
            digest,
            manifest_digest,
            signatures,
        }
    }

    /// Returns where it came from.
    pub fn source(&self) -> &BundleSource {
        &self.source
    }

    /// Returns the bytes that a signature is about: the archive, or the manifest that lists the files.
    pub fn signed_bytes(&self) -> &[u8] {
        signed_bytes(&self.content)
    }

    /// Returns the sha256 of those bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the digest of the OCI manifest, where it came from a registry.
    pub fn manifest_digest(&self) -> Option<Digest> {
        self.manifest_digest
    }
}

fn signed_bytes(content: &BundleContent) -> &[u8] {
    match content {
        BundleContent::Archive(bytes) => bytes,
        BundleContent::Files { manifest, .. } => manifest,
    }
}

/// A package of policies that may be read. Only [`admit_bundle`] makes one.
#[derive(Debug, Clone)]
pub struct AdmittedBundle {
    fetched: FetchedBundle,
    signatures: Vec<VerifiedSignature>,
}

impl AdmittedBundle {
    /// Returns what is in it.
    pub fn content(&self) -> &BundleContent {
        &self.fetched.content
    }

    /// Returns what was known of it before.
    pub fn fetched(&self) -> &FetchedBundle {
        &self.fetched
    }

    /// Returns the signatures that were asked for and that hold.
    pub fn signatures(&self) -> &[VerifiedSignature] {
        &self.signatures
    }

    /// Returns who signed it: the signer that the first rule asks for; none where no rule asks.
    pub fn signer(&self) -> Option<&str> {
        self.signatures.first().map(VerifiedSignature::identity)
    }
}

/// One reason why a package may not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BundleProblem {
    /// A rule does not allow it.
    Policy(Refusal),
    /// It is not what its place in the policy says.
    Digest {
        /// The digest that is asked for.
        expected: Digest,
        /// The digest of what came.
        found: Digest,
    },
    /// It is not what is locked.
    Locked {
        /// What differs: `digest`, `signer`.
        field: &'static str,
        /// What is locked.
        locked: String,
        /// What came.
        found: String,
    },
    /// It was signed as something else.
    SignedAs {
        /// What it was signed as.
        signed: String,
        /// What it is used as.
        expected: String,
    },
}

impl fmt::Display for BundleProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy(refusal) => refusal.fmt(f),
            Self::Digest { expected, found } => write!(
                f,
                "its digest is {found}, but `digest` asks for {expected}; look at what changed before you write the new one"
            ),
            Self::Locked { field, locked, found } => write!(
                f,
                "the {field} {locked} is locked, but this one has {found}; look at what changed and run `konductor policy \
                 lock`, or restore what is locked"
            ),
            Self::SignedAs { signed, expected } => write!(
                f,
                "it was signed as {signed}, not as the package `{expected}`; name the package that is meant, with `package: \
                 NAME` where it has another name here"
            ),
        }
    }
}

/// Says every reason why a package may not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct BundleRefused {
    /// Where the package is named.
    pub place: String,
    /// Its name.
    pub name: String,
    /// Where it came from.
    pub source_text: String,
    /// The reasons.
    pub problems: Vec<BundleProblem>,
}

impl fmt::Display for BundleRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            place,
            name,
            source_text,
            ..
        } = self;
        write!(f, "{place}: package `{name}` from {source_text} is not accepted")?;
        for problem in &self.problems {
            write!(f, "\n- {problem}")?;
        }
        Ok(())
    }
}

/// Decides whether a fetched package may be read: by the digest and the signers that its place names, by what is locked,
/// and by the rules of every policy on bundles.
///
/// # Errors
/// With every reason at once.
pub fn admit_bundle(
    fetched: FetchedBundle,
    package: &SitePackage,
    required: &RequiredBundle,
    lock: Option<&LockedPackage>,
    policies: &Policies,
) -> Result<AdmittedBundle, BundleRefused> {
    let mut problems = Vec::new();
    let found = fetched.digest;
    if let Some(expected) = required.digest.filter(|expected| *expected != found) {
        problems.push(BundleProblem::Digest { expected, found });
    }
    if let Some(lock) = lock.filter(|lock| lock.digest != found) {
        problems.push(BundleProblem::Locked {
            field: "digest",
            locked: lock.digest.to_string(),
            found: found.to_string(),
        });
    }
    let refusals = policies.check_bundle_source(&package.setting.name, &fetched.source);
    problems.extend(refusals.into_iter().map(BundleProblem::Policy));
    let checked = policies.check_bundle_signatures(required, fetched.signed_bytes(), &fetched.signatures);
    let signatures = checked.unwrap_or_else(|refusals| {
        problems.extend(refusals.into_iter().map(BundleProblem::Policy));
        Vec::new()
    });
    problems.extend(
        signatures
            .iter()
            .filter_map(|signature| signed_as(signature, &required.package)),
    );
    let locked_signer = lock.and_then(|lock| lock.signer.as_deref());
    if let (Some(locked), Some(first)) = (locked_signer, signatures.first())
        && signatures.iter().all(|signature| signature.identity() != locked)
    {
        problems.push(BundleProblem::Locked {
            field: "signer",
            locked: locked.to_owned(),
            found: first.identity().to_owned(),
        });
    }
    if problems.is_empty() {
        return Ok(AdmittedBundle { fetched, signatures });
    }
    Err(BundleRefused {
        place: package.setting.place.clone(),
        name: package.setting.name.clone(),
        source_text: fetched.source.to_string(),
        problems,
    })
}

/// Compares what a signature says with what the package is used as. Whoever may write to a registry could otherwise hand
/// out another package that the same people signed.
fn signed_as(signature: &VerifiedSignature, expected: &str) -> Option<BundleProblem> {
    let facts = signature.facts();
    let signed = match (&facts.package, &facts.plugin) {
        (Some(package), _) if package == expected => return None,
        (Some(package), _) => format!("the package `{package}`"),
        (None, Some(plugin)) => format!("the plugin `{plugin}`"),
        // Another tool's statement names no package; who signed it is then all there is.
        (None, None) => return None,
    };
    Some(BundleProblem::SignedAs {
        signed,
        expected: expected.to_owned(),
    })
}

#[cfg(test)]
mod tests;
