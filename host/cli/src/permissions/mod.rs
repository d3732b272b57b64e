//! The least privilege that recorded calls need, in the words of the cloud that was called.
//!
//! The record has no bodies, so what only a body tells is assumed where the cloud's documentation says it is
//! needed for a call to do what it did, and every assumption is told.

mod aws;
mod aws_s3;
mod azure;
mod google;

use std::collections::BTreeSet;

use konductor_state::entry::CloudCall;

/// A cloud, and with it the form of its policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyFormat {
    /// An AWS IAM policy document.
    Aws,
    /// An Azure custom role.
    Azure,
    /// A Google Cloud custom role.
    Google,
}

/// A policy made from calls.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Policy {
    /// Its form.
    pub format: PolicyFormat,
    /// The document, as the cloud takes it.
    pub policy: serde_json::Value,
    /// Permissions in it that no call names, each with why it is there.
    pub assumed: BTreeSet<String>,
    /// Calls that no permission could be told for: a person must look at them.
    pub unknown: BTreeSet<String>,
}

/// Returns the cloud a call went to: by its host, and behind an emulator's or a private endpoint's host by its form.
pub fn cloud_of(call: &CloudCall) -> Option<PolicyFormat> {
    let host = call.host.split(':').next().unwrap_or_default();
    let is_below = |domains: &[&str]| {
        domains
            .iter()
            .any(|domain| host == *domain || host.ends_with(&format!(".{domain}")))
    };
    if is_below(&["googleapis.com"]) || google::is_google_path(&call.path) {
        Some(PolicyFormat::Google)
    } else if is_below(&azure::HOSTS) || azure::is_azure_path(&call.path) {
        Some(PolicyFormat::Azure)
    } else {
        call.operation.is_some().then_some(PolicyFormat::Aws)
    }
}

/// Makes the policy that allows these calls and nothing else. `name` is what a role is called.
pub fn policy(format: PolicyFormat, name: &str, calls: &[CloudCall]) -> Policy {
    let ours = calls.iter().filter(|call| cloud_of(call) == Some(format));
    let mut policy = match format {
        PolicyFormat::Aws => aws::policy(ours),
        PolicyFormat::Azure => azure::policy(name, ours),
        PolicyFormat::Google => google::policy(name, ours),
    };
    let unclear = calls.iter().filter(|call| cloud_of(call).is_none());
    policy.unknown.extend(unclear.map(told));
    policy
}

/// Names a call for a person.
fn told(call: &CloudCall) -> String {
    match &call.operation {
        Some(operation) => format!("{} {operation}", call.endpoint),
        None => format!("{} {} {}{}", call.endpoint, call.method, call.host, call.path),
    }
}

#[cfg(test)]
pub(crate) fn call(host: &str, region: &str, method: &str, path: &str, operation: Option<&str>) -> CloudCall {
    let call = serde_json::json!({
        "plugin": "p", "resource": "r", "endpoint": host.split('.').next(), "region": region, "method": method,
        "host": host, "path": path, "operation": operation, "status": 200, "attempts": 1, "milliseconds": 1,
    });
    serde_json::from_value(call).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cloud_is_told_by_the_host_and_behind_an_emulator_by_the_form_of_the_call() {
        let subscription = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/g";
        for (host, path, operation, expected) in [
            (
                "ec2.us-west-2.amazonaws.com",
                "/",
                Some("DescribeVpcs"),
                Some(PolicyFormat::Aws),
            ),
            (
                "127.0.0.1:5000",
                "/",
                Some("DescribeVpcs"),
                Some(PolicyFormat::Aws),
            ),
            // A bucket may be called so.
            (
                "127.0.0.1:5000",
                "/subscriptions/a",
                Some("PutObject"),
                Some(PolicyFormat::Aws),
            ),
            (
                "management.azure.com",
                subscription,
                None,
                Some(PolicyFormat::Azure),
            ),
            ("127.0.0.1:5000", subscription, None, Some(PolicyFormat::Azure)),
            (
                "compute.googleapis.com",
                "/compute/v1/projects/p/global/networks",
                None,
                Some(PolicyFormat::Google),
            ),
            (
                "127.0.0.1:5000",
                "/compute/v1/projects/p/global/networks",
                None,
                Some(PolicyFormat::Google),
            ),
            ("googleapis.com.example.org", "/", None, None),
        ] {
            assert_eq!(
                cloud_of(&call(host, "", "GET", path, operation)),
                expected,
                "{host}{path}"
            );
        }
    }

    #[test]
    fn a_call_of_no_known_cloud_is_told_rather_than_left_out_silently() {
        let stranger = call("example.org", "", "GET", "/x", None);
        let policy = policy(PolicyFormat::Aws, "n", &[stranger]);
        assert_eq!(
            policy.unknown,
            BTreeSet::from(["example GET example.org/x".to_owned()])
        );
    }
}
