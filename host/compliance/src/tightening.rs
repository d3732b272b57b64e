//! What is demanded of some resources beyond what holds for all: because of what is said of them, or was found on them.

use std::collections::{BTreeMap, BTreeSet};

use konductor_model::compliance::{Check, CheckOutcome, CheckResult, Control, Framework};
use konductor_model::policy::PolicyLevel;
use serde::Deserialize;

use crate::controls::{ControlKey, ControlRules, Meant};

/// What the checks that rules name are gathered in, so that reports have them: a framework of one control for each.
pub const TIGHTENED: &str = "tightened";

/// What is said of resources: the fields of their metadata, by URN.
pub type ResourceMetadata = BTreeMap<String, BTreeMap<String, String>>;

/// Reads what a document says of its resources.
///
/// # Errors
/// When it is not the document that policies are shown.
pub fn resource_metadata(document: &str) -> Result<ResourceMetadata, serde_json::Error> {
    #[derive(Deserialize)]
    struct Document {
        #[serde(default)]
        resource_changes: Vec<Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        konductor: Option<Own>,
    }
    #[derive(Deserialize)]
    struct Own {
        urn: String,
        #[serde(default)]
        metadata: BTreeMap<String, String>,
    }
    let document: Document = serde_json::from_str(document)?;
    let entries = document.resource_changes.into_iter();
    Ok(entries
        .filter_map(|entry| entry.konductor)
        .map(|own| (own.urn, own.metadata))
        .collect())
}

/// A rule of the section, held against what there is.
#[derive(Debug, Clone)]
pub(crate) struct TighteningRule {
    /// The fields and their values of the resources that it is about.
    pub(crate) metadata: BTreeMap<String, Vec<String>>,
    /// What fails on the resources that it is about; empty: that does not matter.
    pub(crate) findings: Vec<Meant>,
    /// What it demands.
    pub(crate) levels: Vec<(Meant, PolicyLevel)>,
}

impl TighteningRule {
    fn is_about(
        &self,
        metadata: Option<&BTreeMap<String, String>>,
        failed: &[&str],
        rules: &ControlRules,
    ) -> bool {
        let said = |field: &str| metadata.and_then(|metadata| metadata.get(field));
        let mut fields = self.metadata.iter();
        let is_found = |meant: &Meant| failed.iter().any(|check| meant.includes(check, rules));
        fields.all(|(field, values)| said(field).is_some_and(|value| values.contains(value)))
            && (self.findings.is_empty() || self.findings.iter().any(is_found))
    }

    fn level(&self, check: &str, control: &ControlKey) -> Option<PolicyLevel> {
        let covering = self
            .levels
            .iter()
            .filter(|(meant, _)| meant.covers(check, control));
        covering.map(|(_, level)| *level).max()
    }

    /// Returns the checks that it names, or asks about by name.
    pub(crate) fn named_checks(&self) -> impl Iterator<Item = &String> {
        let demanded = self.levels.iter().map(|(meant, _)| meant);
        demanded.chain(&self.findings).flat_map(Meant::checks)
    }
}

/// The rules that hold for each resource.
#[derive(Debug)]
pub(crate) struct Tightened<'r> {
    rules: BTreeMap<String, Vec<&'r TighteningRule>>,
}

impl<'r> Tightened<'r> {
    /// Works out which rules are about which resources. A finding that somebody waives is one.
    pub(crate) fn new(rules: &'r ControlRules, results: &[CheckResult], metadata: &ResourceMetadata) -> Self {
        let mut holding = BTreeMap::new();
        if rules.tightenings.is_empty() {
            return Self { rules: holding };
        }
        let mut failed: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for result in results {
            let of = failed.entry(&result.urn).or_default();
            if result.outcome == CheckOutcome::Failed {
                of.push(&result.check);
            }
        }
        for (urn, failed) in failed {
            let about = |rule: &&TighteningRule| rule.is_about(metadata.get(urn), &failed, rules);
            let about: Vec<_> = rules.tightenings.iter().filter(about).collect();
            if !about.is_empty() {
                holding.insert(urn.to_owned(), about);
            }
        }
        Self { rules: holding }
    }

    /// Returns the strictest level that rules demand of a resource.
    pub(crate) fn level(&self, urn: &str, check: &str, control: &ControlKey) -> Option<PolicyLevel> {
        let holding = self.rules.get(urn).into_iter().flatten();
        holding.filter_map(|rule| rule.level(check, control)).max()
    }

    /// Tells whether a control is demanded of a resource: those of frameworks always are.
    pub(crate) fn demands(&self, urn: &str, check: &str, control: &ControlKey) -> bool {
        control.0 != TIGHTENED || self.level(urn, check, control).is_some()
    }
}

/// Makes the framework of the checks that rules demand by name; none where they name none.
pub(crate) fn framework(tightenings: &[TighteningRule], checks: &[Check]) -> Option<Framework> {
    let levels = tightenings.iter().flat_map(|rule| &rule.levels);
    let named: BTreeSet<&String> = levels.flat_map(|(meant, _)| meant.checks()).collect();
    let known = checks.iter().filter(|check| named.contains(&check.id));
    let controls: Vec<Control> = known
        .map(|check| Control {
            id: check.id.clone(),
            title: check.title.clone(),
            checks: vec![check.id.clone()],
        })
        .collect();
    (!controls.is_empty()).then(|| Framework {
        id: TIGHTENED.to_owned(),
        title: "What the configuration demands of some resources".to_owned(),
        version: "1".to_owned(),
        baseline_of: None,
        controls,
    })
}
