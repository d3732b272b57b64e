//! What a site demands of plugins, and of what they may be granted.
//!
//! There may be several policies: the machine's (`/etc/konductor/policy.yaml`), one given on the command line, the
//! organization's, the project's. Every one of them has to allow: the strictest wins, and adding one never allows
//! more. The form of a policy, where everything but `version` may be left out:
//!
//! ```yaml
//! version: 1
//! plugins:
//!   sources: ["oci://registry.example.com/konductor/*", "mirror:/srv/konductor", bundled]   # absent: any
//!   signers:                          # absent: no signature is asked for
//!     - { name: platform, keys: [keys/platform.pem], timestamp_authorities: [keys/tsa.pem], plugins: ["*"] }
//!     - { name: vendor, identity: "https://github.com/acme/plugins/*", issuer: "https://token.example.com",
//!         trust_root: trusted_root.json, plugins: [aws] }
//!   unsigned: deny                    # allow or deny; where signers are named, deny unless said otherwise
//!   unlocked: deny                    # whether a plugin that is not in konductor.lock may run; else allow
//!   local: deny                       # whether a plugin given by its path may run; else allow
//!   minimum_versions: { aws: 1.4.0 }
//!   yanked: [ { plugin: aws, version: "1.5.0", digest: "sha256:…", reason: "leaks tags" } ]
//! grants:
//!   endpoints: [ { service: ec2, regions: ["eu-*"], methods: [GET, POST] } ]   # absent: any; the first that fits
//!   accounts: ["123456789012"]        # absent: any
//!   reveal: deny                      # whether a plugin may see secrets; else allow
//!   token_operations: deny            # whether a plugin may ask the cloud for tokens and keys; else allow
//!   requested: deny                   # whether `grant: requested` may be used; else allow
//! cloud:
//!   fips: required                    # or optional
//! bundles:                            # of packages that come from a registry or a file, as for plugins
//!   sources: ["oci://registry.example.com/policies/*"]
//!   signers: [ { name: platform, keys: [keys/platform.pem], timestamp_authorities: [keys/tsa.pem], packages: ["*"] } ]
//!   unsigned: deny
//! packages:                           # policies in Rego, which judge every plan
//!   - { name: encryption, directory: policies/encryption, level: mandatory, rego: v1, namespaces: [main] }
//!   - { name: network, source: "oci://registry.example.com/policies/network:1.2.0", digest: "sha256:…" }
//! ```
//!
//! Paths are relative to the file. `*` in names stands for any text. A plugin that several signers cover needs the
//! signature of one of them; one that no signer covers counts as unsigned. `bundled` means every folder of the search
//! path, also those that an operator names in the environment: a site that must rule these out asks for signatures.
//! A release is yanked when its version or its digest is the one named.

mod grants;
mod packages;
mod reading;
mod releases;
mod rules;
mod signer_reading;
mod source_pattern;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeSet;
use std::fmt;

pub use packages::{RequiredBundle, SitePackage};
pub use reading::{PolicyErrors, PolicyProblem};
pub use rules::SitePolicy;
pub use tree::Place;

use konductor_model::Retention;
use rules::Rule;

/// Something that a policy does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Where the rule is written.
    pub place: Place,
    /// The rule: `plugins.sources`.
    pub rule: &'static str,
    /// What it refuses and what to do.
    pub reason: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}: `{}`)", self.reason, self.place, self.rule)
    }
}

/// The policies that hold for a run. Without any, everything is allowed.
#[derive(Debug, Clone, Default)]
pub struct Policies(pub Vec<SitePolicy>);

impl Policies {
    /// Returns the rule by which every plugin has to be in the lock file, if there is one. A run is then locked.
    pub fn locked_required(&self) -> Option<Refusal> {
        denied(
            self.0.iter().map(|policy| &policy.unlocked),
            "plugins.unlocked",
            || {
                "plugins that are not locked may not run; run `konductor plugin lock` and have konductor.lock reviewed".to_owned()
            },
        )
    }

    /// Tells whether a policy looks at signatures.
    pub fn look_at_signatures(&self) -> bool {
        self.0.iter().any(|policy| policy.signers.is_some())
    }

    /// Returns the rule by which `grant: requested` may not be used, if there is one.
    pub fn requested_denied(&self) -> Option<Refusal> {
        denied(
            self.0.iter().map(|policy| &policy.requested),
            "grants.requested",
            || {
                "`grant: requested` may not be used; write out what the plugin may do, `konductor plugin inspect` shows it"
                .to_owned()
            },
        )
    }

    /// Returns the rule by which only FIPS endpoints may be called, if there is one.
    pub fn fips_required(&self) -> Option<Refusal> {
        let required = self
            .0
            .iter()
            .filter_map(|policy| policy.fips.as_ref())
            .find(|rule| rule.value);
        required.map(|rule| Refusal {
            place: rule.place.clone(),
            rule: "cloud.fips",
            reason: "only endpoints validated for FIPS 140 may be called".to_owned(),
        })
    }

    /// Returns how long the log is kept at least, with the rule that says so: the longest that a policy demands.
    pub fn least_retention(&self) -> Option<(Retention, Refusal)> {
        let demanded = self.0.iter().filter_map(|policy| policy.retention.as_ref());
        let longest = demanded.max_by_key(|rule| rule.value)?;
        let refusal = Refusal {
            place: longest.place.clone(),
            rule: "audit.retention",
            reason: format!("the log has to be kept for {}", longest.value),
        };
        Some((longest.value, refusal))
    }

    /// Returns the packages of policies that judge every plan, those of the machine first.
    pub fn packages(&self) -> impl Iterator<Item = &SitePackage> {
        self.0.iter().flat_map(|policy| &policy.packages)
    }

    /// Returns the accounts that credentials may belong to; `None` when any may be used, and none at all when the
    /// policies have none in common.
    pub fn allowed_accounts(&self) -> Option<BTreeSet<String>> {
        self.0
            .iter()
            .filter_map(|policy| policy.accounts.as_ref())
            .map(|rule| rule.value.clone())
            .reduce(|one, other| &one & &other)
    }
}

/// Returns the first rule that says no.
fn denied<'a>(
    rules: impl Iterator<Item = &'a Option<Rule<bool>>>,
    name: &'static str,
    reason: impl Fn() -> String,
) -> Option<Refusal> {
    let rule = rules.flatten().find(|rule| !rule.value)?;
    Some(Refusal {
        place: rule.place.clone(),
        rule: name,
        reason: reason(),
    })
}
