//! The checks there are: `checks/*.json`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use konductor_sdk_compliance::model::compliance::{Check, CheckSeverity};
use serde::Deserialize;

use crate::framework::{Topics, tables};
use crate::rule::Rule;
use crate::subject::{may_be, resource_types};

const SOURCES: [(&str, &str); 3] = [
    ("aws", include_str!("../checks/aws.json")),
    ("azure", include_str!("../checks/azure.json")),
    ("gcp", include_str!("../checks/gcp.json")),
];

/// A check as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenCheck {
    /// Its identifier.
    pub(crate) id: String,
    /// The types it looks at, as the clouds call them.
    pub(crate) kinds: Vec<String>,
    /// What is wrong where it fails.
    title: String,
    /// What to do then.
    remedy: String,
    /// How much it matters.
    #[serde(default)]
    severity: CheckSeverity,
    /// What it is about.
    pub(crate) topic: String,
    /// Checks of the community that look at the same, by whose names the tables say which requirements they serve.
    #[serde(default)]
    pub(crate) equals: Vec<String>,
    /// Only resources that obey this are looked at.
    #[serde(default)]
    pub(crate) applies: Option<Rule>,
    /// What is demanded.
    pub(crate) rule: Rule,
    /// What to set where it fails, in place of what the rule says; empty where a person has to choose.
    #[serde(default)]
    pub(crate) patch: Option<BTreeMap<String, serde_json::Value>>,
    /// The cloud.
    #[serde(skip)]
    pub(crate) provider: String,
    /// The requirements it serves, by framework.
    #[serde(skip)]
    served: BTreeMap<&'static str, Vec<&'static str>>,
}

impl WrittenCheck {
    /// Tells whether it looks at resources of a kind.
    pub(crate) fn is_about(&self, kind: &str) -> bool {
        self.kinds.iter().any(|known| known.eq_ignore_ascii_case(kind))
    }

    /// Tells whether it may look at a resource of a type.
    pub(crate) fn may_be_about(&self, resource_type: &str) -> bool {
        self.kinds.iter().any(|kind| may_be(resource_type, kind))
    }

    /// Returns the requirements it serves, by framework.
    pub(crate) fn requirements(&self) -> &BTreeMap<&'static str, Vec<&'static str>> {
        &self.served
    }

    fn find_requirements(&mut self) {
        for framework in tables() {
            let said = self.equals.iter();
            let said = said.flat_map(|name| framework.served_by(&self.provider, name));
            let found = said.chain(Topics::all().of(&self.topic, framework));
            let found = framework.in_order(found);
            if !found.is_empty() {
                self.served.insert(framework.id, found);
            }
        }
    }

    /// Returns what is told of it.
    pub(crate) fn description(&self) -> Check {
        Check {
            id: self.id.clone(),
            title: self.title.clone(),
            remedy: self.remedy.clone(),
            severity: self.severity,
            topic: self.topic.clone(),
            types: self.kinds.iter().flat_map(|kind| resource_types(kind)).collect(),
        }
    }
}

/// Returns all checks. A file that cannot be read has none, which a test rules out.
pub(crate) fn all() -> &'static [WrittenCheck] {
    static CHECKS: OnceLock<Vec<WrittenCheck>> = OnceLock::new();
    CHECKS.get_or_init(|| {
        let mut all = Vec::new();
        for (provider, source) in SOURCES {
            let read: Vec<WrittenCheck> = serde_json::from_str(source).unwrap_or_default();
            for mut check in read {
                provider.clone_into(&mut check.provider);
                check.find_requirements();
                all.push(check);
            }
        }
        all
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_file_of_checks_can_be_read_and_every_check_has_a_name_of_its_own() {
        let mut seen = BTreeSet::new();
        for (provider, source) in SOURCES {
            let read: Vec<WrittenCheck> = serde_json::from_str(source).unwrap();
            assert!(!read.is_empty(), "{provider}");
            for check in read {
                assert!(check.id.starts_with(&format!("{provider}-")), "{}", check.id);
                assert!(
                    seen.insert(check.id.clone()),
                    "two checks are called {}",
                    check.id
                );
                assert!(!check.kinds.is_empty(), "{}", check.id);
                assert!(
                    !check.remedy.is_empty() && !check.remedy.contains('\n'),
                    "{}",
                    check.id
                );
            }
        }
    }

    #[test]
    fn every_check_serves_controls_and_what_it_equals_is_known() {
        for check in all() {
            let served = check.requirements();
            assert!(served.contains_key("nist-800-53"), "{} serves nothing", check.id);
            for name in &check.equals {
                let known = tables()
                    .iter()
                    .any(|framework| !framework.served_by(&check.provider, name).is_empty());
                assert!(known, "{} equals {name}, which serves nothing", check.id);
            }
        }
    }
}
