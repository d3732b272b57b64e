//! The rules of one policy.

use std::collections::{BTreeMap, BTreeSet};

use konductor_model::Retention;
use konductor_model::wildcard::wildcard;
use konductor_signature::Signer;

use super::packages::SitePackage;
use super::source_pattern::SourcePattern;
use super::tree::Place;
use crate::digest::Digest;

/// A rule, and where it is written.
#[derive(Debug, Clone)]
pub(super) struct Rule<T> {
    pub(super) place: Place,
    pub(super) value: T,
}

/// What one file, or one part of the configuration, demands. What it does not mention it allows.
#[derive(Debug, Clone, Default)]
pub struct SitePolicy {
    pub(super) sources: Option<Rule<Vec<SourcePattern>>>,
    pub(super) signers: Option<Rule<Vec<RequiredSigner>>>,
    /// Whether a plugin without a signature may run. Where signers are named it may not unless this says so.
    pub(super) unsigned: Option<Rule<bool>>,
    pub(super) unlocked: Option<Rule<bool>>,
    pub(super) local: Option<Rule<bool>>,
    pub(super) minimum_versions: BTreeMap<String, Rule<semver::Version>>,
    pub(super) yanked: Vec<Rule<Yanked>>,
    pub(super) endpoints: Option<Rule<Vec<Rule<AllowedEndpoint>>>>,
    pub(super) accounts: Option<Rule<BTreeSet<String>>>,
    pub(super) reveal: Option<Rule<bool>>,
    pub(super) token_operations: Option<Rule<bool>>,
    pub(super) requested: Option<Rule<bool>>,
    pub(super) fips: Option<Rule<bool>>,
    pub(super) retention: Option<Rule<Retention>>,
    pub(super) bundles: BundleRules,
    pub(super) packages: Vec<SitePackage>,
}

/// What is demanded of packages of policies that come from a registry or a file.
#[derive(Debug, Clone, Default)]
pub(super) struct BundleRules {
    pub(super) sources: Option<Rule<Vec<SourcePattern>>>,
    pub(super) signers: Option<Rule<Vec<RequiredSigner>>>,
    /// Whether one without a signature may be read. Where signers are named it may not unless this says so.
    pub(super) unsigned: Option<Rule<bool>>,
}

/// Someone whose signature is accepted for some plugins or packages.
#[derive(Debug, Clone)]
pub(super) struct RequiredSigner {
    pub(super) signer: Signer,
    /// The names of plugins or packages, with `*` for any text.
    pub(super) names: Vec<String>,
}

impl RequiredSigner {
    pub(super) fn covers(&self, name: &str) -> bool {
        self.names.iter().any(|pattern| wildcard(pattern, name))
    }
}

/// A release that must not run any more.
#[derive(Debug, Clone)]
pub(super) struct Yanked {
    pub(super) plugin: String,
    pub(super) version: Option<semver::Version>,
    pub(super) digest: Option<Digest>,
    pub(super) reason: String,
}

/// How endpoints of one service may be called at most.
#[derive(Debug, Clone)]
pub(super) struct AllowedEndpoint {
    /// The cloud's name of the service, with `*` for any text.
    pub(super) service: String,
    /// Regions, with `*` for any text; `None` is any.
    pub(super) regions: Option<Vec<String>>,
    /// Methods; `None` is any.
    pub(super) methods: Option<BTreeSet<String>>,
}

impl SitePolicy {
    /// Returns the rule for a service: the first that fits. `None` when endpoints are not restricted.
    pub(super) fn endpoint(&self, service: &str) -> Option<Option<&Rule<AllowedEndpoint>>> {
        let rules = self.endpoints.as_ref()?;
        Some(
            rules
                .value
                .iter()
                .find(|rule| wildcard(&rule.value.service, service)),
        )
    }
}

impl AllowedEndpoint {
    pub(super) fn allows_region(&self, region: &str) -> bool {
        self.regions
            .as_ref()
            .is_none_or(|patterns| patterns.iter().any(|pattern| wildcard(pattern, region)))
    }
}
