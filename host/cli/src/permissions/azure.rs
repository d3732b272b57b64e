//! Azure: a custom role of the Resource Manager operations called, assignable where they were called.

use std::collections::BTreeSet;

use konductor_state::entry::CloudCall;
use serde_json::json;

use super::{Policy, PolicyFormat, told};

/// The domains of the Resource Manager and the data services, in every Azure cloud.
pub(super) const HOSTS: [&str; 6] = [
    "azure.com",
    "azure.cn",
    "chinacloudapi.cn",
    "usgovcloudapi.net",
    "windows.net",
    "azure.net",
];

/// Tells whether a path is one of the Resource Manager's.
pub(super) fn is_azure_path(path: &str) -> bool {
    let mut segments = segments(path).into_iter();
    match (segments.next(), segments.next()) {
        (Some(first), Some(id)) if first.eq_ignore_ascii_case("subscriptions") => {
            id.len() == 36 && id.bytes().filter(|byte| *byte == b'-').count() == 4
        }
        (Some(first), Some(namespace)) if first.eq_ignore_ascii_case("providers") => {
            namespace.starts_with("Microsoft.")
        }
        _ => false,
    }
}

pub(super) fn policy<'a>(name: &str, calls: impl Iterator<Item = &'a CloudCall>) -> Policy {
    let mut actions = BTreeSet::new();
    let mut scopes = BTreeSet::new();
    let mut unknown = BTreeSet::new();
    for call in calls {
        match action(&call.method, &call.path).filter(|_| is_azure_path(&call.path)) {
            Some(action) => {
                actions.insert(action);
                scopes.extend(scope(call));
            }
            // The data plane has permissions of its own, which the path does not tell.
            None => {
                unknown.insert(told(call));
            }
        }
    }
    // A subscription covers its groups.
    let assignable: Vec<String> = scopes
        .iter()
        .filter(|scope| !scopes.iter().any(|wider| scope.starts_with(&format!("{wider}/"))))
        .cloned()
        .collect();
    let policy = json!({
        "Name": name,
        "IsCustom": true,
        "Description": format!("What the runs of {name} called, and nothing else"),
        "Actions": actions,
        "NotActions": [],
        "DataActions": [],
        "NotDataActions": [],
        "AssignableScopes": assignable,
    });
    Policy {
        format: PolicyFormat::Azure,
        policy,
        assumed: BTreeSet::new(),
        unknown,
    }
}

fn segments(path: &str) -> Vec<&str> {
    path.split('/').filter(|segment| !segment.is_empty()).collect()
}

/// Returns the operation of a call: `Microsoft.Network/virtualNetworks/write`.
fn action(method: &str, path: &str) -> Option<String> {
    let segments = segments(path);
    let provider = segments
        .iter()
        .rposition(|segment| segment.eq_ignore_ascii_case("providers"));
    // Subscriptions and groups belong to a provider that their paths do not name.
    let (namespace, rest) = match provider {
        Some(at) => {
            let (namespace, rest) = segments.get(at + 1..)?.split_first()?;
            ((*namespace).to_owned(), rest)
        }
        None => ("Microsoft.Resources".to_owned(), segments.as_slice()),
    };
    let mut types: Vec<&str> = rest.iter().step_by(2).copied().collect();
    let verb = match method {
        "GET" | "HEAD" => "read",
        "PUT" | "PATCH" => "write",
        "DELETE" => "delete",
        "POST" => "action",
        _ => return None,
    };
    if types.is_empty() {
        // The provider itself is registered and read as such.
        return (verb == "read").then(|| format!("{namespace}/{verb}"));
    }
    if let (Some(first), None) = (types.first_mut(), provider) {
        *first = "subscriptions";
    }
    Some(format!("{namespace}/{}/{verb}", types.join("/")))
}

/// Returns the resource group a call is in, or the subscription when it is about the group or wider.
fn scope(call: &CloudCall) -> Option<String> {
    let segments = segments(&call.path);
    let [_, subscription, rest @ ..] = segments.as_slice() else {
        return None;
    };
    match rest {
        [groups, group, _, ..] if groups.eq_ignore_ascii_case("resourceGroups") => {
            Some(format!("/subscriptions/{subscription}/resourceGroups/{group}"))
        }
        _ => is_azure_path(&call.path).then(|| format!("/subscriptions/{subscription}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{call, policy};
    use super::*;

    const GROUP: &str = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/g";

    fn arm(method: &str, path: &str) -> CloudCall {
        call("management.azure.com", "", method, path, None)
    }

    #[test]
    fn a_role_names_the_operations_and_the_group_they_were_done_in() {
        let network = format!("{GROUP}/providers/Microsoft.Network/virtualNetworks/v");
        let calls = [
            arm("PUT", &network),
            arm("GET", &network),
            arm("PUT", &format!("{network}/subnets/s")),
            arm("DELETE", &network),
            arm(
                "POST",
                &format!("{GROUP}/providers/Microsoft.Compute/virtualMachines/m/start"),
            ),
            call(
                "account.blob.core.windows.net",
                "",
                "PUT",
                "/container/blob",
                None,
            ),
        ];
        insta::assert_json_snapshot!(policy(PolicyFormat::Azure, "shop-dev", &calls));
    }

    #[test]
    fn operations_follow_method_and_path() {
        for (method, path, expected) in [
            ("PUT", GROUP.to_owned(), "Microsoft.Resources/subscriptions/resourceGroups/write"),
            (
                "GET",
                format!("{GROUP}/providers/Microsoft.Network/virtualNetworks"),
                "Microsoft.Network/virtualNetworks/read",
            ),
            (
                "POST",
                format!("{GROUP}/providers/Microsoft.Storage/storageAccounts/a/listKeys"),
                "Microsoft.Storage/storageAccounts/listKeys/action",
            ),
            (
                "PUT",
                format!("{GROUP}/providers/Microsoft.Compute/virtualMachines/m/providers/Microsoft.Insights/diagnosticSettings/d"),
                "Microsoft.Insights/diagnosticSettings/write",
            ),
            (
                "GET",
                "/subscriptions/00000000-0000-0000-0000-000000000001/providers/Microsoft.Network/locations/westus/operations/o".to_owned(),
                "Microsoft.Network/locations/operations/read",
            ),
        ] {
            assert_eq!(action(method, &path).as_deref(), Some(expected), "{method} {path}");
        }
    }

    #[test]
    fn a_group_that_is_made_needs_the_subscription_as_scope() {
        let calls = [
            arm("PUT", GROUP),
            arm(
                "PUT",
                &format!("{GROUP}/providers/Microsoft.Network/virtualNetworks/v"),
            ),
        ];
        let policy = policy(PolicyFormat::Azure, "n", &calls).policy;
        assert_eq!(
            policy["AssignableScopes"],
            json!(["/subscriptions/00000000-0000-0000-0000-000000000001"])
        );
    }
}
