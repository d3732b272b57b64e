//! The gate between fetched bytes and the sandbox: what passes here may be compiled and run, and nothing else can.

use std::fmt;

use konductor_signature::VerifiedSignature;

use crate::digest::Digest;
use crate::fetched::FetchedPlugin;
use crate::lock_file::{LockDifference, LockedField, LockedPlugin};
use crate::policy::{Policies, Refusal};
use crate::source::PluginSource;

/// A plugin that may run. Only [`admit`] makes one, and what is in it cannot be changed any more.
#[derive(Debug, Clone)]
pub struct AdmittedPlugin {
    fetched: FetchedPlugin,
    signatures: Vec<VerifiedSignature>,
    lock_differences: Vec<LockDifference>,
}

impl AdmittedPlugin {
    /// Returns the plugin's own name.
    pub fn name(&self) -> &str {
        &self.fetched.name
    }

    /// Returns the bytes that were hashed and whose signatures were verified.
    pub fn bytes(&self) -> &[u8] {
        &self.fetched.bytes
    }

    /// Returns the sha256 of the bytes.
    pub fn digest(&self) -> Digest {
        self.fetched.digest
    }

    /// Returns what was known of the plugin before.
    pub fn fetched(&self) -> &FetchedPlugin {
        &self.fetched
    }

    /// Returns the signatures that policies asked for and that hold; none when no policy asks for any.
    pub fn signatures(&self) -> &[VerifiedSignature] {
        &self.signatures
    }

    /// Returns who signed it, for the lock file: the signer that the first policy asks for.
    pub fn signer(&self) -> Option<&str> {
        self.signatures.first().map(VerifiedSignature::identity)
    }

    /// Returns in what it differs from the lock file; never anything in a locked run.
    pub fn lock_differences(&self) -> &[LockDifference] {
        &self.lock_differences
    }
}

/// One reason why a plugin may not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdmissionProblem {
    /// A policy does not allow it.
    Policy(Refusal),
    /// It is not what is locked, in a locked run.
    Lock(LockDifference),
    /// Another content is locked for the same release of a source that others can write to.
    Replaced(LockDifference),
    /// The bytes are not those that were hashed.
    Digest {
        /// The digest that was taken.
        expected: Digest,
        /// The digest of the bytes.
        found: Digest,
    },
    /// It was signed as something else than it says it is.
    SignedAs {
        /// What: `version`.
        field: &'static str,
        /// What the signature says.
        signed: String,
        /// What the plugin says.
        found: String,
    },
}

impl fmt::Display for AdmissionProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy(refusal) => refusal.fmt(f),
            Self::Lock(difference) => write!(
                f,
                "{difference}; check the change and run `konductor plugin lock`, or restore the locked release"
            ),
            Self::Replaced(difference) => write!(
                f,
                "{difference}: somebody replaced a release that was published; ask the publisher, and lock another \
                 version"
            ),
            Self::Digest { expected, found } => write!(
                f,
                "the bytes are {found}, but {expected} was fetched: they were changed in between; fetch it again"
            ),
            Self::SignedAs { field, signed, found } => write!(
                f,
                "it was signed as {field} {signed}, but says it is {found}; have this release signed anew"
            ),
        }
    }
}

/// Says every reason why a plugin may not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct AdmissionErrors {
    /// The name the plugin is listed under.
    pub plugin: String,
    /// The file or address it came from.
    pub place: String,
    /// The reasons.
    pub problems: Vec<AdmissionProblem>,
}

impl fmt::Display for AdmissionErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "plugin `{}` from {} may not run", self.plugin, self.place)?;
        for problem in &self.problems {
            write!(f, "\n- {problem}")?;
        }
        Ok(())
    }
}

/// Decides whether a fetched plugin may run, and takes it over if so.
///
/// `listed_as` is its name in `konductor.yaml`, `lock` its entry in the lock file. In a locked run (`locked`, or where
/// a policy demands it) every difference from that entry is a refusal; otherwise differences are only reported, save
/// for one: a release from a mirror or registry that has other bytes under the same version. Who signed it is compared
/// with the lock where a policy asks for signatures; without one nobody can tell.
///
/// # Errors
/// With every reason at once.
pub fn admit(
    fetched: FetchedPlugin,
    listed_as: &str,
    lock: Option<&LockedPlugin>,
    policies: &Policies,
    locked: bool,
) -> Result<AdmittedPlugin, AdmissionErrors> {
    let mut problems = Vec::new();
    // The fields are open to whoever had it in between; only what is hashed here counts.
    let found = Digest::of(&fetched.bytes);
    if found != fetched.digest {
        problems.push(AdmissionProblem::Digest {
            expected: fetched.digest,
            found,
        });
    }
    let mut lock_differences = compare(&fetched, listed_as, lock, policies, locked, &mut problems);

    let version = fetched.version.as_ref();
    let refusals = policies
        .check_source(&fetched.name, &fetched.source)
        .into_iter()
        .chain(policies.check_release(&fetched.name, version, &found));
    problems.extend(refusals.map(AdmissionProblem::Policy));
    let signatures = match policies.check_signatures(&fetched.name, &fetched.bytes, &fetched.bundles) {
        Ok(signatures) => signatures,
        Err(refusals) => {
            problems.extend(refusals.into_iter().map(AdmissionProblem::Policy));
            Vec::new()
        }
    };
    problems.extend(
        signatures
            .iter()
            .flat_map(|signature| signed_as(signature, &fetched)),
    );
    let other_signer = other_signer(&signatures, &fetched, listed_as, lock);
    if locked || policies.locked_required().is_some() {
        problems.extend(other_signer.map(AdmissionProblem::Lock));
    } else {
        lock_differences.extend(other_signer);
    }

    if problems.is_empty() {
        Ok(AdmittedPlugin {
            fetched,
            signatures,
            lock_differences,
        })
    } else {
        Err(AdmissionErrors {
            plugin: listed_as.to_owned(),
            place: fetched.place,
            problems,
        })
    }
}

/// Compares a plugin with its entry in the lock file and returns the differences that are no problem.
fn compare(
    fetched: &FetchedPlugin,
    listed_as: &str,
    lock: Option<&LockedPlugin>,
    policies: &Policies,
    locked: bool,
    problems: &mut Vec<AdmissionProblem>,
) -> Vec<LockDifference> {
    let required = policies.locked_required();
    let Some(lock) = lock else {
        let missing = LockDifference::not_locked(listed_as, fetched);
        return match required {
            Some(refusal) => {
                problems.push(AdmissionProblem::Policy(refusal));
                Vec::new()
            }
            None if locked => {
                problems.push(AdmissionProblem::Lock(missing));
                Vec::new()
            }
            None => vec![missing],
        };
    };
    let differences = lock.compare(listed_as, fetched);
    if locked || required.is_some() {
        problems.extend(differences.into_iter().map(AdmissionProblem::Lock));
        return Vec::new();
    }
    let is_published = matches!(fetched.source, PluginSource::Oci(_) | PluginSource::Mirror(_));
    let is_same_release = differences.iter().all(|difference| {
        matches!(
            difference.field,
            LockedField::Digest | LockedField::ManifestDigest | LockedField::Interface
        )
    });
    let (replaced, other): (Vec<_>, Vec<_>) = differences
        .into_iter()
        .partition(|difference| is_published && is_same_release && difference.field == LockedField::Digest);
    problems.extend(replaced.into_iter().map(AdmissionProblem::Replaced));
    other
}

/// Compares what a signature says with what the plugin says.
fn signed_as(signature: &VerifiedSignature, fetched: &FetchedPlugin) -> Vec<AdmissionProblem> {
    let facts = signature.facts();
    let versions = facts.version.as_ref().zip(fetched.version.as_ref());
    let pairs = [
        (
            "version",
            versions.map(|(signed, found)| (signed.to_string(), found.to_string())),
        ),
        (
            "plugin",
            facts.plugin.clone().map(|signed| (signed, fetched.name.clone())),
        ),
    ];
    pairs
        .into_iter()
        .filter_map(|(field, pair)| {
            let (signed, found) = pair.filter(|(signed, found)| signed != found)?;
            Some(AdmissionProblem::SignedAs { field, signed, found })
        })
        .collect()
}

/// Returns the difference in who signed the plugin, where the lock names somebody and signatures were verified.
fn other_signer(
    signatures: &[VerifiedSignature],
    fetched: &FetchedPlugin,
    listed_as: &str,
    lock: Option<&LockedPlugin>,
) -> Option<LockDifference> {
    let lock = lock.filter(|lock| lock.signer.is_some())?;
    let first = signatures.first()?;
    let is_same = |signature: &VerifiedSignature| lock.signer.as_deref() == Some(signature.identity());
    if signatures.iter().any(is_same) {
        return None;
    }
    lock.compare_signer(listed_as, fetched, Some(first.identity()))
}

#[cfg(test)]
pub(crate) mod tests;
