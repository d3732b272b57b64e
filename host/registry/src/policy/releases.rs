//! Which releases of plugins may run: where they come from, which versions, who signed them.

use konductor_signature::{VerifiedSignature, verify};

use super::rules::{Rule, SitePolicy};
use super::{Policies, Refusal, denied};
use crate::digest::Digest;
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
        let mut verified: Vec<VerifiedSignature> = Vec::new();
        let mut refusals = Vec::new();
        for policy in &self.0 {
            match policy.check_signatures(name, bytes, bundles) {
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
}

impl SitePolicy {
    fn check_signatures(
        &self,
        name: &str,
        bytes: &[u8],
        bundles: &[Vec<u8>],
    ) -> Result<Option<VerifiedSignature>, Refusal> {
        let Some(signers) = &self.signers else {
            return Ok(None);
        };
        let allows_unsigned = self.unsigned.as_ref().is_some_and(|rule| rule.value);
        let covering: Vec<_> = signers
            .value
            .iter()
            .filter(|signer| signer.covers(name))
            .collect();
        if allows_unsigned && (covering.is_empty() || bundles.is_empty()) {
            return Ok(None);
        }
        let refused = |reason: String| Refusal {
            place: signers.place.clone(),
            rule: "plugins.signers",
            reason,
        };
        if covering.is_empty() {
            return Err(refused(format!(
                "nobody is trusted to sign plugin `{name}`; have a signer for it added to the policy"
            )));
        }
        let names: Vec<String> = covering
            .iter()
            .map(|required| format!("`{}`", required.signer.name()))
            .collect();
        let names = names.join(" or ");
        if bundles.is_empty() {
            return Err(refused(format!(
                "plugin `{name}` has no signature; it needs one of {names} (as `NAME.sigstore.json` beside the file, or \
                 as a referrer in the registry; `konductor plugin fetch` asks a registry for one that was added since)"
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
            "plugin `{name}` is not signed by {names}: {}",
            reasons.join("; ")
        )))
    }
}
