//! Packages of policies on their way to the evaluator: found or fetched, held against what names them, the lock file and
//! the policies, and only then read.

use std::collections::BTreeMap;

use konductor_compliance::package::{self, Packed, PackedContent};
use konductor_compliance::{LoadedPackage, PackageError};
use konductor_model::{Diagnostic, Diagnostics, with_causes};
use konductor_registry::policy::{RequiredBundle, SitePackage};
use konductor_registry::policy_bundle::BundleProblem;
use konductor_registry::{
    AdmittedBundle, BundleContent, BundleRefused, BundleRequest, BundleSource, LockedPackage,
    SignatureLookup, admit_bundle,
};
use konductor_state::policy::BundleUsed;

use super::PluginLoader;
use crate::error::CommandError;

impl PluginLoader {
    /// Reads packages, from their folders and from where else they are; with tests where they are wanted. Everything that
    /// is wrong with any of them is said at once. `plugins` has the digests of those whose checks are packages.
    pub async fn read_packages(
        &mut self,
        packages: Vec<SitePackage>,
        with_tests: bool,
        plugins: &BTreeMap<String, String>,
    ) -> Result<Vec<LoadedPackage>, CommandError> {
        let mut problems = Diagnostics::default();
        let mut found = Vec::new();
        for package in packages {
            let packed = match &package.bundle {
                None => None,
                Some(required) => match self.admitted_once(&package, required).await {
                    Ok(admitted) => Some(packed(&admitted)),
                    Err(error) => {
                        problems.extend(error.diagnostics);
                        continue;
                    }
                },
            };
            found.push((package.setting, packed));
        }
        let read = package::load(found, with_tests, plugins);
        if let Err(errors) = &read {
            let told = |error: &PackageError| Diagnostic::error(with_causes(error));
            problems.extend(Diagnostics(errors.iter().map(told).collect()));
        }
        match read {
            Ok(read) if problems.is_empty() => Ok(read),
            _ => Err(problems.into()),
        }
    }

    /// Admits a package once: all that is read in one run is of the same bytes.
    async fn admitted_once(
        &mut self,
        package: &SitePackage,
        required: &RequiredBundle,
    ) -> Result<AdmittedBundle, CommandError> {
        let key = (package.setting.place.clone(), required.source.to_string());
        if let Some(admitted) = self.bundles.get(&key) {
            return Ok(admitted.clone());
        }
        let admitted = self.admit_package(package, required, true).await?;
        self.bundles.insert(key, admitted.clone());
        Ok(admitted)
    }

    /// Finds or fetches a package, and lets the rules on it judge it before anything of it is read. With `keep` the lock
    /// file decides which release it is.
    pub async fn admit_package(
        &self,
        package: &SitePackage,
        required: &RequiredBundle,
        keep: bool,
    ) -> Result<AdmittedBundle, CommandError> {
        let name = &package.setting.name;
        let refused = |problems: Vec<BundleProblem>| BundleRefused {
            place: package.setting.place.clone(),
            name: name.clone(),
            source_text: required.source.to_string(),
            problems,
        };
        // Nothing is asked of a source that is not allowed.
        let refusals = self.policies.check_bundle_source(name, &required.source);
        if !refusals.is_empty() {
            return Err(refused(refusals.into_iter().map(BundleProblem::Policy).collect()).into());
        }
        let entry = self.locked_package(name).filter(|_| keep && required.is_locked);
        if let Some(entry) = entry {
            check_source(package, required, entry)?;
        } else if keep && self.locked && !required.is_fixed() {
            return Err(not_fixed(package, required));
        }
        let looks = self.policies.look_at_bundle_signatures(required);
        let signatures = if self.asks_for_signatures || looks && !self.locked {
            SignatureLookup::AtSource
        } else {
            SignatureLookup::Kept
        };
        let request = BundleRequest {
            name: name.clone(),
            source: required.source.clone(),
            locked: entry.and_then(|entry| entry.manifest_digest),
            signatures,
        };
        let fetched = self.registry.fetch_policies(&request).await.map_err(|error| {
            CommandError::message(format!(
                "{}: package `{name}` from {} cannot be had: {}",
                package.setting.place,
                required.source,
                with_causes(&error)
            ))
        })?;
        Ok(admit_bundle(fetched, package, required, entry, &self.policies)?)
    }

    /// Returns what is locked for one package.
    pub fn locked_package(&self, name: &str) -> Option<&LockedPackage> {
        self.lock.as_ref()?.packages.get(name)
    }
}

/// Checks that what is locked came from where the package is to come from. A file carries what was locked elsewhere, and
/// is held to its digest.
fn check_source(
    package: &SitePackage,
    required: &RequiredBundle,
    entry: &LockedPackage,
) -> Result<(), CommandError> {
    let (name, wanted) = (&package.setting.name, required.source.to_string());
    if entry.source == wanted || matches!(required.source, BundleSource::File(_)) {
        return Ok(());
    }
    Err(CommandError::message(format!(
        "{}: package `{name}`: the source {} is locked, but {wanted} is asked for",
        package.setting.place, entry.source
    ))
    .help(format!(
        "run `konductor policy lock --update {name}`, or change the source back"
    )))
}

fn not_fixed(package: &SitePackage, required: &RequiredBundle) -> CommandError {
    let error = CommandError::message(format!(
        "{}: package `{}` from {} has a tag, which can be moved, and nothing else may be fetched here",
        package.setting.place, package.setting.name, required.source
    ));
    if required.is_locked {
        error.help("run `konductor policy lock` where the project is developed, and commit konductor.lock")
    } else {
        error.help(
            "write the digest behind it, `oci://HOST/PATH:TAG@sha256:…`: konductor.lock belongs to the project and does not \
             choose what others demand",
        )
    }
}

/// Returns a package as it is read.
fn packed(admitted: &AdmittedBundle) -> Packed {
    let fetched = admitted.fetched();
    Packed {
        bundle: BundleUsed {
            source: fetched.source().to_string(),
            digest: fetched.digest().to_string(),
            signer: admitted.signer().map(str::to_owned),
        },
        content: match admitted.content() {
            BundleContent::Archive(bytes) => PackedContent::Archive(bytes.clone()),
            BundleContent::Files { files, .. } => PackedContent::Files(files.clone()),
        },
    }
}
