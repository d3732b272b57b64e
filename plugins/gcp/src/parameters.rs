//! What the link of an object says of the parameters that it was made with: for an import, which knows the link alone, and
//! for plans after it.

use std::collections::BTreeMap;

use konductor_sdk::prelude::*;

use crate::link::{matched, parameters, segments};
use crate::types::RestType;

/// Parameters that the configuration has a value for.
const CONFIGURED: [&str; 3] = ["project", "region", "zone"];

/// Returns the parameters of the request that creates, as far as an object's link says them.
fn said(rest: RestType, link: &str) -> BTreeMap<String, String> {
    let (Some(get), Some(create)) = (rest.method("get"), rest.method("create")) else {
        return BTreeMap::new();
    };
    // `PUT v1/{+name}`: the name stands in the body.
    let found = segments(rest.service(), link).and_then(|found| matched(get.path, &found));
    let Some(found) = found.filter(|_| create.verb != "PUT") else {
        return BTreeMap::new();
    };
    // `v1/{+name}` leads to the object; where it stands is that without the last two segments.
    let whole = parameters(get.path)
        .find(|(_, whole)| *whole)
        .and_then(|(name, _)| found.get(name));
    let parent = whole.and_then(|name| {
        let steps: Vec<&str> = name.split('/').collect();
        Some(steps.get(..steps.len().checked_sub(2)?)?.join("/"))
    });
    parameters(create.path)
        .filter_map(|(name, whole)| {
            let value = if whole {
                parent.clone()
            } else {
                found.get(name).cloned()
            };
            Some((name.to_owned(), value?))
        })
        .collect()
}

/// Returns the parameters that an imported object would have to be given: those that its link says, but for what the
/// configuration has.
pub fn imported(rest: RestType, link: &str) -> BTreeMap<String, String> {
    let steps = rest.name().rsplit('/').next().unwrap_or_default();
    // The parent of what stands in a project, or in a location of one, follows from the configuration.
    let follows = matches!(
        steps.split('.').collect::<Vec<_>>().as_slice(),
        ["projects", _] | ["projects", "locations", _]
    );
    let mut said = said(rest, link);
    said.retain(|name, _| !(CONFIGURED.contains(&name.as_str()) || follows && is_parent(name)));
    said
}

fn is_parent(name: &str) -> bool {
    ["parent", "name"].contains(&name)
}

/// Takes a change of parameters out of a plan that leads to the same object: those that are new are what its link says.
pub fn forgive(rest: RestType, prior: &ObjectState, plan: &mut PlanResponse) {
    let is_theirs =
        |change: &konductor_sdk::model::AttributeChange| change.at.first_attribute() == Some("parameters");
    let given = |attributes: &Value| match attributes.attribute("parameters").map(Value::reveal) {
        Some(Value::Map(map)) => map.clone(),
        _ => BTreeMap::new(),
    };
    if !plan.changes.iter().any(is_theirs) {
        return;
    }
    let (old, new) = (given(&prior.attributes), given(&plan.planned));
    let said = said(rest, &prior.id);
    let is_same = |(name, value): (&String, &Value)| {
        old.get(name) == Some(value)
            || value.as_text().is_some_and(|value| match said.get(name) {
                Some(said) => said == value,
                None => !old.contains_key(name) && name.ends_with("Id") && names(&prior.id, value),
            })
    };
    if !new.iter().all(is_same) || old.keys().any(|name| !new.contains_key(name)) {
        return;
    }
    plan.changes.retain(|change| !is_theirs(change));
    let kept = prior.attributes.attribute("self_link").cloned();
    if let (Some(planned), Some(link)) = (plan.planned.as_map_mut(), kept) {
        planned.insert("self_link".to_owned(), link);
    }
}

/// Tells whether a link ends with a name, or with an address that begins with it.
fn names(link: &str, name: &str) -> bool {
    let last = link.rsplit('/').next().unwrap_or_default();
    last == name || last.strip_prefix(name).is_some_and(|rest| rest.starts_with('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str =
        "https://iam.googleapis.com/v1/projects/p/serviceAccounts/robot@p.iam.gserviceaccount.com";
    const RECORD: &str =
        "https://dns.googleapis.com/dns/v1/projects/p/managedZones/z/rrsets/www.example.org./A";
    const GATEWAY: &str = "https://compute.googleapis.com/compute/v1/projects/p/regions/r/vpnGateways/g";

    fn rest(name: &str) -> RestType {
        RestType::find(name).unwrap()
    }

    #[test]
    fn an_imported_object_has_the_parameters_that_no_configuration_has() {
        for (name, link, expected) in [
            ("iam/v1/projects.serviceAccounts", ACCOUNT, vec![]),
            ("dns/v1/resourceRecordSets", RECORD, vec![("managedZone", "z")]),
            ("compute/v1/vpnGateways", GATEWAY, vec![]),
            (
                "pubsub/v1/projects.topics",
                "https://pubsub.googleapis.com/v1/projects/p/topics/t",
                vec![],
            ),
            (
                "cloudkms/v1/projects.locations.keyRings.cryptoKeys",
                "https://cloudkms.googleapis.com/v1/projects/p/locations/l/keyRings/r/cryptoKeys/k",
                vec![("parent", "projects/p/locations/l/keyRings/r")],
            ),
        ] {
            let found = imported(rest(name), link);
            let found: Vec<(&str, &str)> = found
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn parameters_that_say_what_the_link_says_are_no_change() {
        let map = |pairs: &[(&str, &str)]| {
            Value::Map(
                pairs
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), Value::from(*value)))
                    .collect(),
            )
        };
        let is_forgiven = |name: &str, link: &str, old: &[(&str, &str)], new: &[(&str, &str)]| {
            let state =
                |parameters| Value::from([("parameters", parameters), ("self_link", Value::from(link))]);
            let prior = object(link).extend(&state(map(old))).build();
            let mut plan = PlanResponse {
                planned: Value::from([("parameters", map(new)), ("self_link", Value::Unknown)]),
                changes: vec![konductor_sdk::model::AttributeChange {
                    at: Path::attribute("parameters"),
                    kind: konductor_sdk::model::ChangeKind::Update,
                    requires_replacement: true,
                }],
                ..PlanResponse::default()
            };
            forgive(rest(name), &prior, &mut plan);
            assert_eq!(
                plan.changes.is_empty(),
                plan.planned.attribute("self_link").unwrap().as_text() == Some(link)
            );
            plan.changes.is_empty()
        };
        let (gateway, account) = ("compute/v1/vpnGateways", "iam/v1/projects.serviceAccounts");
        assert!(is_forgiven(
            gateway,
            GATEWAY,
            &[],
            &[("region", "r"), ("project", "p")]
        ));
        assert!(!is_forgiven(gateway, GATEWAY, &[], &[("region", "other")]));
        assert!(!is_forgiven(gateway, GATEWAY, &[("region", "r")], &[]));
        assert!(is_forgiven(account, ACCOUNT, &[], &[("accountId", "robot")]));
        assert!(!is_forgiven(account, ACCOUNT, &[], &[("accountId", "rob")]));
        assert!(!is_forgiven(
            account,
            ACCOUNT,
            &[("accountId", "other")],
            &[("accountId", "robot")]
        ));
        assert!(!is_forgiven(account, ACCOUNT, &[], &[("keyAlgorithm", "robot")]));
    }
}
