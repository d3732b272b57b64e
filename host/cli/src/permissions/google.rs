//! Google Cloud: a custom role of the permissions that the methods called need.

use std::collections::BTreeSet;

use konductor_state::entry::CloudCall;
use serde_json::json;

use super::{Policy, PolicyFormat, told};

/// Collections of Compute Engine whose permissions have another name where they are regional.
const REGIONAL: [&str; 12] = [
    "backendServices",
    "firewallPolicies",
    "healthCheckServices",
    "healthChecks",
    "networkEndpointGroups",
    "notificationEndpoints",
    "securityPolicies",
    "sslCertificates",
    "sslPolicies",
    "targetHttpProxies",
    "targetHttpsProxies",
    "urlMaps",
];
/// Collections of Compute Engine whose permissions have another name where they are global.
const GLOBAL: [&str; 4] = [
    "addresses",
    "forwardingRules",
    "networkEndpointGroups",
    "publicDelegatedPrefixes",
];

/// Tells whether a path is one of the discovery-based APIs'.
pub(super) fn is_google_path(path: &str) -> bool {
    let segments = segments(path);
    matches!(segments.as_slice(), [service, version, "projects", ..]
        if is_version(version) && service.bytes().all(|byte| byte.is_ascii_lowercase()))
}

pub(super) fn policy<'a>(name: &str, calls: impl Iterator<Item = &'a CloudCall>) -> Policy {
    let mut permissions = BTreeSet::new();
    let mut assumed = BTreeSet::new();
    let mut unknown = BTreeSet::new();
    for call in calls {
        let Some(permission) = permission(call) else {
            unknown.insert(told(call));
            continue;
        };
        if changes_a_network(&permission) && !permissions.contains("compute.networks.updatePolicy") {
            assumed.insert(format!(
                "compute.networks.updatePolicy: {permission} changes its network"
            ));
            permissions.insert("compute.networks.updatePolicy".to_owned());
        }
        permissions.insert(permission);
    }
    let policy = json!({
        "title": name,
        "description": format!("What the runs of {name} called, and nothing else"),
        "stage": "GA",
        "includedPermissions": permissions,
    });
    Policy {
        format: PolicyFormat::Google,
        policy,
        assumed,
        unknown,
    }
}

/// Says what the reference of Compute Engine's methods says of these: they need a permission on the network too.
fn changes_a_network(permission: &str) -> bool {
    matches!(
        permission,
        "compute.firewalls.create"
            | "compute.firewalls.update"
            | "compute.firewalls.delete"
            | "compute.routes.create"
            | "compute.routes.delete"
            | "compute.subnetworks.create"
    )
}

fn segments(path: &str) -> Vec<&str> {
    path.split('/').filter(|segment| !segment.is_empty()).collect()
}

fn is_version(segment: &str) -> bool {
    let digits = segment.strip_prefix('v').unwrap_or_default();
    segment == "beta" || segment == "alpha" || digits.starts_with(|c: char| c.is_ascii_digit())
}

/// Returns the permission a call needs: `compute.networks.create`.
fn permission(call: &CloudCall) -> Option<String> {
    let mut segments = segments(&call.path);
    if matches!(segments.first(), Some(&"upload" | &"download" | &"resumable")) {
        segments.remove(0);
    }
    let (service, rest) = match segments.as_slice() {
        [service, version, rest @ ..] if is_version(version) => ((*service).to_owned(), rest),
        // `us-central1-run.googleapis.com` is a regional endpoint of `run`.
        [version, rest @ ..] if is_version(version) => {
            let label = call.host.split('.').next()?;
            (label.rsplit('-').next()?.to_owned(), rest)
        }
        _ => return None,
    };
    match service.as_str() {
        "compute" => compute(&call.method, rest),
        "storage" => storage(&call.method, rest),
        _ => general(&service, &call.method, rest),
    }
}

fn compute(method: &str, rest: &[&str]) -> Option<String> {
    let (scope, rest) = match rest {
        ["projects", _] => return Some("compute.projects.get".to_owned()),
        ["projects", _, verb] if !matches!(*verb, "regions" | "zones") => {
            return Some(format!("compute.projects.{verb}"));
        }
        ["projects", _, "global", rest @ ..] => ("global", rest),
        ["projects", _, "aggregated", rest @ ..] => ("aggregated", rest),
        ["projects", _, "regions", _, rest @ ..] if !rest.is_empty() => ("region", rest),
        ["projects", _, "zones", _, rest @ ..] if !rest.is_empty() => ("zone", rest),
        ["projects", _, rest @ ..] => ("", rest),
        _ => return None,
    };
    let (collection, rest) = rest.split_first()?;
    let renamed = match (scope, *collection) {
        ("global" | "region" | "zone", "operations") => Some(scope),
        ("region", name) if REGIONAL.contains(&name) => Some(scope),
        ("global", name) if GLOBAL.contains(&name) => Some(scope),
        _ => None,
    };
    let collection = match renamed {
        Some(scope) => format!("{scope}{}", capitalised(collection)),
        None => (*collection).to_owned(),
    };
    let verb = match rest {
        [] => on_collection(method)?,
        [_] => on_item(method)?,
        // Waiting for an operation is reading it.
        [_, "wait"] => "get",
        [_, verb, ..] => verb,
    };
    Some(format!("compute.{collection}.{verb}"))
}

fn storage(method: &str, rest: &[&str]) -> Option<String> {
    let (collection, rest) = match rest {
        ["b", _, "o", rest @ ..] => ("objects", rest),
        ["b", rest @ ..] => ("buckets", rest),
        _ => return None,
    };
    let verb = match (rest, method) {
        ([], _) => on_collection(method)?,
        ([_, "iam"], "GET") => "getIamPolicy",
        ([_, "iam"], "PUT") => "setIamPolicy",
        // An object's name may hold slashes.
        ([_], _) => on_item(method)?,
        (_, _) if collection == "objects" => on_item(method)?,
        _ => return None,
    };
    Some(format!("storage.{collection}.{verb}"))
}

/// Permissions that are called otherwise than the methods of their API.
const OTHERWISE: [(&str, &str); 3] = [
    ("orgpolicy.policies.get", "orgpolicy.policy.get"),
    ("securitycenter.findings.create", "securitycenter.findings.update"),
    ("securitycenter.sources.create", "securitycenter.sources.update"),
];
/// Collections that permissions call otherwise.
const RENAMED: [(&str, &str); 2] = [
    ("muteConfigs", "muteconfigs"),
    ("notificationConfigs", "notificationconfig"),
];

/// The APIs whose paths are collections and names in turn, with custom verbs after a colon.
fn general(service: &str, method: &str, rest: &[&str]) -> Option<String> {
    let prefix = match service {
        "cloudresourcemanager" => "resourcemanager",
        "sqladmin" => "cloudsql",
        other => other,
    };
    let mut rest = rest.to_vec();
    let last = rest.pop()?;
    let (last, custom) = match last.split_once(':') {
        Some((last, custom)) => (last, Some(custom)),
        None => (last, None),
    };
    rest.push(last);
    let is_item = rest.len().is_multiple_of(2);
    let collection = rest.iter().step_by(2).next_back()?;
    let verb = match custom {
        Some(custom) => custom,
        // Pub/Sub creates by name.
        None if method == "PUT" && service == "pubsub" => "create",
        None if is_item => on_item(method)?,
        None => on_collection(method)?,
    };
    let renamed = RENAMED
        .iter()
        .find(|(known, _)| service == "securitycenter" && known == collection);
    let collection = renamed.map_or(*collection, |(_, renamed)| *renamed);
    let permission = format!("{prefix}.{collection}.{verb}");
    let other = OTHERWISE.iter().find(|(known, _)| *known == permission);
    Some(other.map_or(permission, |(_, other)| (*other).to_owned()))
}

fn on_collection(method: &str) -> Option<&'static str> {
    match method {
        "GET" => Some("list"),
        "POST" | "PUT" => Some("create"),
        _ => None,
    }
}

fn on_item(method: &str) -> Option<&'static str> {
    match method {
        "GET" | "HEAD" => Some("get"),
        "PUT" | "PATCH" | "POST" => Some("update"),
        "DELETE" => Some("delete"),
        _ => None,
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_ascii_uppercase().to_string() + characters.as_str(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{call, policy};
    use super::*;

    #[test]
    fn a_role_names_the_permissions_of_the_methods_called() {
        let google = |method, path| call("compute.googleapis.com", "", method, path, None);
        let calls = [
            google("POST", "/compute/v1/projects/p/global/networks"),
            google("GET", "/compute/v1/projects/p/global/networks/n"),
            google("POST", "/compute/v1/projects/p/global/firewalls"),
            google("GET", "/compute/v1/projects/p/global/operations/o"),
            google("DELETE", "/nothing"),
        ];
        insta::assert_json_snapshot!(policy(PolicyFormat::Google, "shop-dev", &calls));
    }

    #[test]
    fn permissions_follow_method_and_path() {
        for (host, method, path, expected) in [
            (
                "compute",
                "GET",
                "/compute/v1/projects/p/aggregated/instances",
                "compute.instances.list",
            ),
            (
                "compute",
                "POST",
                "/compute/v1/projects/p/zones/z/instances/i/start",
                "compute.instances.start",
            ),
            (
                "compute",
                "POST",
                "/compute/v1/projects/p/zones/z/operations/o/wait",
                "compute.zoneOperations.get",
            ),
            (
                "compute",
                "POST",
                "/compute/v1/projects/p/global/addresses",
                "compute.globalAddresses.create",
            ),
            (
                "compute",
                "POST",
                "/compute/v1/projects/p/regions/r/addresses",
                "compute.addresses.create",
            ),
            (
                "compute",
                "GET",
                "/compute/v1/projects/p/regions/r/healthChecks/h",
                "compute.regionHealthChecks.get",
            ),
            (
                "compute",
                "GET",
                "/compute/v1/projects/p/regions",
                "compute.regions.list",
            ),
            (
                "compute",
                "GET",
                "/compute/v1/projects/p/regions/r",
                "compute.regions.get",
            ),
            ("compute", "GET", "/compute/v1/projects/p", "compute.projects.get"),
            ("storage", "POST", "/storage/v1/b", "storage.buckets.create"),
            ("storage", "PATCH", "/storage/v1/b/x", "storage.buckets.update"),
            (
                "storage",
                "PUT",
                "/storage/v1/b/x/iam",
                "storage.buckets.setIamPolicy",
            ),
            (
                "storage",
                "POST",
                "/upload/storage/v1/b/x/o",
                "storage.objects.create",
            ),
            (
                "storage",
                "DELETE",
                "/storage/v1/b/x/o/a",
                "storage.objects.delete",
            ),
            ("pubsub", "PUT", "/v1/projects/p/topics/t", "pubsub.topics.create"),
            (
                "iam",
                "POST",
                "/v1/projects/p/serviceAccounts",
                "iam.serviceAccounts.create",
            ),
            (
                "iam",
                "POST",
                "/v1/projects/p/serviceAccounts/a:setIamPolicy",
                "iam.serviceAccounts.setIamPolicy",
            ),
            (
                "orgpolicy",
                "GET",
                "/v2/projects/p/policies/sql.restrictPublicIp",
                "orgpolicy.policy.get",
            ),
            (
                "orgpolicy",
                "PATCH",
                "/v2/folders/1/policies/sql.restrictPublicIp",
                "orgpolicy.policies.update",
            ),
            (
                "securitycenter",
                "POST",
                "/v1/organizations/1/sources/2/findings",
                "securitycenter.findings.update",
            ),
            (
                "securitycenter",
                "POST",
                "/v1/organizations/1/sources/2/findings/f:setState",
                "securitycenter.findings.setState",
            ),
            (
                "securitycenter",
                "DELETE",
                "/v1/organizations/1/notificationConfigs/n",
                "securitycenter.notificationconfig.delete",
            ),
            (
                "us-central1-run",
                "GET",
                "/v2/projects/p/locations/l/services/s",
                "run.services.get",
            ),
            (
                "cloudresourcemanager",
                "GET",
                "/v3/projects/p",
                "resourcemanager.projects.get",
            ),
        ] {
            let call = call(&format!("{host}.googleapis.com"), "", method, path, None);
            assert_eq!(permission(&call).as_deref(), Some(expected), "{method} {path}");
        }
    }
}
