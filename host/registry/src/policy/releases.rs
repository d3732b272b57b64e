//! Which releases of plugins may run, and which packages of policies may be read: where they come from, which versions,
//! who signed them.

use konductor_signature::{VerifiedSignature, verify};

use super::packages::RequiredBundle;
use super::rules::{RequiredSigner, Rule};
use super::{Policies, Refusal, denied};
use crate::digest::Digest;
use crate::policy_bundle::BundleSource;
use crate::source::PluginSource;

/// How many reasons why a bundle does not hold are told.
const REASONS_LIMIT: usize = 8;

impl Policies {
    /// Returns every rule that forbids to have a plugin from a source. This needs no bytes, so that nothing is
    /// fetched that may not run.
    pub fn check_source(&self, plugin: &str, source: &PluginSource) -> Vec<Refusal> {
        let mut refusals: Vec<Refusal> = self
            .0
            .iter()
            .filter_map(|policy| policy.sources.as_ref())
            .filter(|rule| !rule.value.iter().any(|pattern| pattern.fits(source)))
            .map(|rule| Refusal {
                place: rule.place.clone(),
                rule: "plugins.sources",
                reason: format!(
                    "plugin `{plugin}` may not come from `{source}`; take it from an allowed source, or have this one \
                     added to the policy"
                ),
            })
            .collect();
        if matches!(source, PluginSource::Path(_)) {
            refusals.extend(denied(
                self.0.iter().map(|policy| &policy.local),
                "plugins.local",
                || {
                    format!(
                        "plugin `{plugin}` may not run from the path `{source}`; publish it to a registry or mirror \
                         and lock that release"
                    )
                },
            ));
        }
        refusals
    }

    /// Returns every rule that forbids a release. `name` is the plugin's own name, `version` the one in its bytes.
    pub fn check_release(
        &self,
        name: &str,
        version: Option<&semver::Version>,
        digest: &Digest,
    ) -> Vec<Refusal> {
        let mut refusals = Vec::new();
        for policy in &self.0 {
            if let Some(Rule {
                place,
                value: minimum,
            }) = policy.minimum_versions.get(name)
            {
                let reason = match version {
                    Some(version) if version >= minimum => None,
                    Some(version) => Some(format!(
                        "plugin `{name}` {version} is older than {minimum}; use a newer release"
                    )),
                    None => Some(format!(
                        "plugin `{name}` does not say its version, and at least {minimum} is asked for; put its \
                         manifest into it with `konductor plugin pack`"
                    )),
                };
                refusals.extend(reason.map(|reason| Refusal {
                    place: place.clone(),
                    rule: "plugins.minimum_versions",
                    reason,
                }));
            }
            for Rule { place, value: yanked } in &policy.yanked {
                let is_version = yanked.version.is_some() && yanked.version.as_ref() == version;
                if yanked.plugin == name && (is_version || yanked.digest.as_ref() == Some(digest)) {
                    let version = version.map_or_else(String::new, |version| format!(" {version}"));
                    refusals.push(Refusal {
                        place: place.clone(),
                        rule: "plugins.yanked",
                        reason: format!(
                            "plugin `{name}`{version} ({digest}) must not run any more: {}; use another release",
                            yanked.reason.escape_debug()
                        ),
                    });
                }
            }
        }
        refusals
    }

    /// Verifies a plugin's signatures. Every policy that names signers needs one that holds; what several policies
    /// ask for is found out anew for each.
    ///
    /// # Errors
    /// With every policy that is not satisfied, and why each bundle does not satisfy it.
    pub fn check_signatures(
        &self,
        name: &str,
        bytes: &[u8],
        bundles: &[Vec<u8>],
    ) -> Result<Vec<VerifiedSignature>, Vec<Refusal>> {
        let demands = self.0.iter().filter_map(|policy| {
            let signers = policy.signers.as_ref()?;
            Some(Demand::of_plugin(signers, policy.unsigned.as_ref()))
        });
        satisfied(demands, name, bytes, bundles)
    }

    /// Returns every rule that forbids to have a package of policies from a source.
    pub fn check_bundle_source(&self, package: &str, source: &BundleSource) -> Vec<Refusal> {
        let place = match source {
            BundleSource::File(path) => PluginSource::Path(path.clone()),
            BundleSource::Registry(reference) => PluginSource::Oci(reference.repository.clone()),
        };
        let rules = self.0.iter().filter_map(|policy| policy.bundles.sources.as_ref());
        rules
            .filter(|rule| !rule.value.iter().any(|pattern| pattern.fits(&place)))
            .map(|rule| Refusal {
                place: rule.place.clone(),
                rule: "bundles.sources",
                reason: format!(
                    "package `{package}` may not come from `{source}`; take it from an allowed source, or have this one \
                     added to the policy"
                ),
            })
            .collect()
    }

    /// Tells whether anything asks who signed a package of policies.
    pub fn look_at_bundle_signatures(&self, required: &RequiredBundle) -> bool {
        required.signers.is_some() || self.0.iter().any(|policy| policy.bundles.signers.is_some())
    }

    /// Verifies the signatures of a package of policies: by the signers that stand beside its name, and by those of every
    /// policy.
    ///
    /// # Errors
    /// With every rule that is not satisfied, and why each signature does not satisfy it.
    pub fn check_bundle_signatures(
        &self,
        required: &RequiredBundle,
        bytes: &[u8],
        signatures: &[Vec<u8>],
    ) -> Result<Vec<VerifiedSignature>, Vec<Refusal>> {
        let own = required.signers.as_ref();
        let own = own.map(|signers| Demand::of_package(signers, None, "packages.signers"));
        let demands = self.0.iter().filter_map(|policy| {
            let signers = policy.bundles.signers.as_ref()?;
            let unsigned = policy.bundles.unsigned.as_ref();
            Some(Demand::of_package(signers, unsigned, "bundles.signers"))
        });
        satisfied(
            own.into_iter().chain(demands),
            &required.package,
            bytes,
            signatures,
        )
    }
}

/// Verifies signatures for every demand.
fn satisfied<'a>(
    demands: impl Iterator<Item = Demand<'a>>,
    name: &str,
    bytes: &[u8],
    bundles: &[Vec<u8>],
) -> Result<Vec<VerifiedSignature>, Vec<Refusal>> {
    let mut verified: Vec<VerifiedSignature> = Vec::new();
    let mut refusals = Vec::new();
    for demand in demands {
        match demand.check(name, bytes, bundles) {
            Ok(Some(signature)) if !verified.contains(&signature) => verified.push(signature),
            Ok(_) => {}
            Err(refusal) => refusals.push(refusal),
        }
    }
    if refusals.is_empty() {
        Ok(verified)
    } else {
        Err(refusals)
    }
}

/// One rule about who must have signed.
struct Demand<'a> {
    /// What is signed: `plugin`.
    what: &'static str,
    rule: &'static str,
    signers: &'a Rule<Vec<RequiredSigner>>,
    allows_unsigned: bool,
    /// Where a signature is looked for, and what brings one that was added since.
    where_found: &'static str,
}

impl<'a> Demand<'a> {
    fn of_plugin(signers: &'a Rule<Vec<RequiredSigner>>, unsigned: Option<&Rule<bool>>) -> Self {
        Self {
            what: "plugin",
            rule: "plugins.signers",
            signers,
            allows_unsigned: unsigned.is_some_and(|rule| rule.value),
            where_found: "as `NAME.sigstore.json` beside the file, or as a referrer in the registry; `konductor plugin fetch` \
                          asks a registry for one that was added since",
        }
    }

    fn of_package(
        signers: &'a Rule<Vec<RequiredSigner>>,
        unsigned: Option<&Rule<bool>>,
        rule: &'static str,
    ) -> Self {
        Self {
            what: "package",
            rule,
            signers,
            allows_unsigned: unsigned.is_some_and(|rule| rule.value),
            where_found: "as `NAME.sigstore.json` beside the file, or as a referrer in the registry; `konductor policy fetch` \
                          asks a registry for one that was added since",
        }
    }

    fn check(
        &self,
        name: &str,
        bytes: &[u8],
        bundles: &[Vec<u8>],
    ) -> Result<Option<VerifiedSignature>, Refusal> {
        let (what, signers) = (self.what, self.signers);
        let covering: Vec<_> = signers
            .value
            .iter()
            .filter(|signer| signer.covers(name))
            .collect();
        if self.allows_unsigned && (covering.is_empty() || bundles.is_empty()) {
            return Ok(None);
        }
        let refused = |reason: String| Refusal {
            place: signers.place.clone(),
            rule: self.rule,
            reason,
        };
        if covering.is_empty() {
            return Err(refused(format!(
                "nobody is trusted to sign {what} `{name}`; have a signer for it added to the policy"
            )));
        }
        let names: Vec<String> = covering
            .iter()
            .map(|required| format!("`{}`", required.signer.name()))
            .collect();
        let names = names.join(" or ");
        if bundles.is_empty() {
            return Err(refused(format!(
                "{what} `{name}` has no signature; it needs one of {names} ({})",
                self.where_found
            )));
        }
        let mut reasons = Vec::new();
        for (index, bundle) in bundles.iter().enumerate() {
            for required in &covering {
                match verify(bytes, bundle, &required.signer) {
                    Ok(signature) => return Ok(Some(signature)),
                    Err(error) => reasons.push(format!("bundle {}: {error}", index + 1)),
                }
            }
        }
        let more = reasons.len().saturating_sub(REASONS_LIMIT);
        reasons.truncate(REASONS_LIMIT);
        if more > 0 {
            reasons.push(format!("and {more} more"));
        }
        Err(refused(format!(
            "{what} `{name}` is not signed by {names}: {}",
            reasons.join("; ")
        )))
    }
}
