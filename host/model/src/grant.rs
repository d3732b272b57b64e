//! What a plugin was granted: the vocabulary that configuration, the lock file and the broker share.
//!
//! A plugin's manifest says what it wants, an operator says what it may have; what runs is the intersection.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::manifest::Manifest;

/// What one plugin may do. The default is nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PluginGrant {
    /// The endpoints it may call, by their identifiers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub endpoints: BTreeMap<String, EndpointAllowance>,
    /// The modules whose credentials may sign its requests.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub credentials: BTreeSet<String>,
    /// Secret inputs it sees as they are: `aws:ec2:Instance.user_data`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub reveal: BTreeSet<String>,
    /// Fields of the run's metadata it sees.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub metadata: BTreeSet<String>,
    /// The configuration namespaces it reads.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub configuration: BTreeSet<String>,
    /// The other plugins whose types its modules and components may declare.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub declares: BTreeSet<String>,
}

/// How one endpoint may be called.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EndpointAllowance {
    /// Regions beyond the configured one; `*` is every region.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub regions: BTreeSet<String>,
    /// The methods; none stands for all that the broker knows.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub methods: BTreeSet<String>,
    /// The accounts the credentials may belong to; none stands for any.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub accounts: BTreeSet<String>,
    /// Prefixes that a request's first path segment must start with, such as the start of bucket names; none
    /// stands for any.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub resource_prefixes: BTreeSet<String>,
    /// Operations that answer with tokens or keys and are allowed all the same: `AssumeRole`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub token_operations: BTreeSet<String>,
}

/// One difference between two grants, for a person who approves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GrantDifference {
    /// Whether it is there now and was not before.
    pub added: bool,
    /// The place below `plugins.NAME.grant`: `endpoints.ec2.regions`.
    pub place: String,
    /// What stands there: `eu-west-1`. Empty for an endpoint as such.
    pub item: String,
}

impl fmt::Display for GrantDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.added { '+' } else { '-' };
        if self.item.is_empty() {
            write!(f, "{sign} {}", self.place)
        } else {
            write!(f, "{sign} {}: {}", self.place, self.item)
        }
    }
}

impl PluginGrant {
    /// Returns everything a manifest asks for. Operations that answer with tokens are part of it.
    pub fn requested_by(manifest: &Manifest) -> Self {
        let endpoints = manifest.endpoints.iter().map(|endpoint| {
            let allowance = EndpointAllowance {
                regions: endpoint.regions.iter().cloned().collect(),
                methods: endpoint.methods.iter().cloned().collect(),
                token_operations: endpoint.token_operations.iter().cloned().collect(),
                ..EndpointAllowance::default()
            };
            (endpoint.id.clone(), allowance)
        });
        let credentials = manifest.endpoints.iter().map(|endpoint| {
            endpoint
                .credentials
                .clone()
                .unwrap_or_else(|| manifest.name.clone())
        });
        Self {
            endpoints: endpoints.collect(),
            credentials: credentials.collect(),
            reveal: manifest
                .reveals
                .iter()
                .map(|reveal| format!("{}.{}", reveal.resource_type, reveal.attribute))
                .collect(),
            metadata: manifest.metadata.iter().cloned().collect(),
            configuration: manifest.modules.iter().cloned().collect(),
            declares: manifest.declares.iter().cloned().collect(),
        }
    }

    /// Returns what both grants allow.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let endpoints = self.endpoints.iter().filter_map(|(id, allowance)| {
            let both = allowance.intersection(other.endpoints.get(id)?)?;
            Some((id.clone(), both))
        });
        Self {
            endpoints: endpoints.collect(),
            credentials: &self.credentials & &other.credentials,
            reveal: &self.reveal & &other.reveal,
            metadata: &self.metadata & &other.metadata,
            configuration: &self.configuration & &other.configuration,
            declares: &self.declares & &other.declares,
        }
    }

    /// Returns what is in this grant and not in `before`, and the other way round, in a stable order.
    pub fn differences(&self, before: &Self) -> Vec<GrantDifference> {
        let (now, then) = (self.lines(), before.lines());
        let line = |added, (place, item): &(String, String)| GrantDifference {
            added,
            place: place.clone(),
            item: item.clone(),
        };
        let gone = then.difference(&now).map(|entry| line(false, entry));
        let come = now.difference(&then).map(|entry| line(true, entry));
        gone.chain(come).collect()
    }

    /// Returns the grant as lines of place and item. An empty set that stands for "all" is the item `*`, so that
    /// widening to everything is seen.
    fn lines(&self) -> BTreeSet<(String, String)> {
        let mut lines = BTreeSet::new();
        for (id, allowance) in &self.endpoints {
            let place = format!("endpoints.{id}");
            lines.insert((place.clone(), String::new()));
            let mut add = |name: &str, items: &BTreeSet<String>, empty_is_all: bool| {
                if items.is_empty() && empty_is_all {
                    lines.insert((format!("{place}.{name}"), "*".to_owned()));
                }
                lines.extend(items.iter().map(|item| (format!("{place}.{name}"), item.clone())));
            };
            add("regions", &allowance.regions, false);
            add("methods", &allowance.methods, true);
            add("accounts", &allowance.accounts, true);
            add("resource_prefixes", &allowance.resource_prefixes, true);
            add("token_operations", &allowance.token_operations, false);
        }
        for (name, items) in [
            ("credentials", &self.credentials),
            ("reveal", &self.reveal),
            ("metadata", &self.metadata),
            ("configuration", &self.configuration),
            ("declares", &self.declares),
        ] {
            lines.extend(items.iter().map(|item| (name.to_owned(), item.clone())));
        }
        lines
    }
}

impl EndpointAllowance {
    /// Returns what both allow; nothing when one of the sets would be empty where empty stands for all.
    fn intersection(&self, other: &Self) -> Option<Self> {
        Some(Self {
            regions: wildcard(&self.regions, &other.regions),
            methods: restricted(&self.methods, &other.methods)?,
            accounts: restricted(&self.accounts, &other.accounts)?,
            resource_prefixes: prefixes(&self.resource_prefixes, &other.resource_prefixes)?,
            token_operations: &self.token_operations & &other.token_operations,
        })
    }
}

/// Intersects sets in which `*` stands for everything.
fn wildcard(one: &BTreeSet<String>, other: &BTreeSet<String>) -> BTreeSet<String> {
    match (one.contains("*"), other.contains("*")) {
        (true, true) => BTreeSet::from(["*".to_owned()]),
        (true, false) => other.clone(),
        (false, true) => one.clone(),
        (false, false) => one & other,
    }
}

/// Intersects sets of which an empty one stands for everything; `None` when nothing is left.
fn restricted(one: &BTreeSet<String>, other: &BTreeSet<String>) -> Option<BTreeSet<String>> {
    match (one.is_empty(), other.is_empty()) {
        (true, _) => Some(other.clone()),
        (_, true) => Some(one.clone()),
        _ => Some(one & other).filter(|both| !both.is_empty()),
    }
}

/// Intersects sets of prefixes: of two that begin alike the longer one is left.
fn prefixes(one: &BTreeSet<String>, other: &BTreeSet<String>) -> Option<BTreeSet<String>> {
    let both: BTreeSet<String> = if one.is_empty() || other.is_empty() {
        one | other
    } else {
        let longer = one.iter().flat_map(|a| {
            other.iter().filter_map(move |b| {
                let wider = if a.len() < b.len() { (a, b) } else { (b, a) };
                wider.1.starts_with(wider.0.as_str()).then(|| wider.1.clone())
            })
        });
        let both: BTreeSet<String> = longer.collect();
        if both.is_empty() {
            return None;
        }
        both
    };
    // One that a shorter one covers says nothing.
    let covered = |item: &&String| {
        both.iter()
            .any(|shorter| shorter != *item && item.starts_with(shorter.as_str()))
    };
    Some(both.iter().filter(|item| !covered(item)).cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set(items: &[&str]) -> BTreeSet<String> {
        items.iter().map(|item| (*item).to_owned()).collect()
    }

    fn with_endpoint(allowance: EndpointAllowance) -> PluginGrant {
        PluginGrant {
            endpoints: BTreeMap::from([("ec2".to_owned(), allowance)]),
            ..PluginGrant::default()
        }
    }

    #[test]
    fn disjoint_methods_leave_no_endpoint_rather_than_all_methods() {
        let get = with_endpoint(EndpointAllowance {
            methods: set(&["GET"]),
            ..EndpointAllowance::default()
        });
        let post = with_endpoint(EndpointAllowance {
            methods: set(&["POST"]),
            ..EndpointAllowance::default()
        });
        assert!(get.intersection(&post).endpoints.is_empty());
    }

    #[test]
    fn of_two_prefixes_the_longer_one_is_left_and_strangers_leave_nothing() {
        assert_eq!(
            prefixes(&set(&["corp-", "x"]), &set(&["corp-logs-"])),
            Some(set(&["corp-logs-"]))
        );
        assert_eq!(prefixes(&set(&["corp-"]), &set(&["evil-"])), None);
    }

    #[test]
    fn widening_to_all_methods_is_a_difference() {
        let narrow = with_endpoint(EndpointAllowance {
            methods: set(&["GET"]),
            ..EndpointAllowance::default()
        });
        let wide = with_endpoint(EndpointAllowance::default());
        let lines: Vec<String> = wide
            .differences(&narrow)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            lines,
            ["- endpoints.ec2.methods: GET", "+ endpoints.ec2.methods: *"]
        );
    }

    fn some_set() -> impl Strategy<Value = BTreeSet<String>> {
        proptest::collection::btree_set("[a-c*]{1,2}", 0..4)
    }

    fn some_grant() -> impl Strategy<Value = PluginGrant> {
        let allowance = (some_set(), some_set(), some_set(), some_set(), some_set()).prop_map(
            |(regions, methods, accounts, resource_prefixes, token_operations)| EndpointAllowance {
                regions,
                methods,
                accounts,
                resource_prefixes,
                token_operations,
            },
        );
        let endpoints = proptest::collection::btree_map("[ab]", allowance, 0..3);
        let sets = (some_set(), some_set(), some_set());
        (endpoints, sets).prop_map(|(endpoints, (credentials, reveal, declares))| PluginGrant {
            endpoints,
            credentials,
            reveal,
            declares,
            ..PluginGrant::default()
        })
    }

    proptest! {
        #[test]
        fn an_intersection_is_the_same_both_ways_and_once_more_changes_nothing(a in some_grant(), b in some_grant()) {
            let both = a.intersection(&b);
            prop_assert_eq!(&both, &b.intersection(&a));
            prop_assert_eq!(&both, &both.intersection(&a));
            prop_assert_eq!(&both, &both.intersection(&b));
        }

        #[test]
        fn a_grant_differs_from_itself_in_nothing_and_from_another_in_something(a in some_grant(), b in some_grant()) {
            prop_assert!(a.differences(&a).is_empty());
            prop_assert_eq!(a == b, a.differences(&b).is_empty());
        }
    }
}
