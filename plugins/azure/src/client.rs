//! Requests to Azure Resource Manager, and what its answers mean.

use std::time::Duration;

use konductor_sdk::cloud::{Answer, Api, Explanation, Request};
use konductor_sdk::prelude::*;
use percent_encoding::percent_decode_str;

/// The endpoint of the manifest.
pub const ENDPOINT: &str = "arm";

/// How long to wait before asking again where Azure does not say.
const SHORT_WAIT: Duration = Duration::from_secs(5);

/// Returns the API; every request names the version of the type it is about.
pub fn api(context: &Context) -> Api<'_> {
    Api::new(context, ENDPOINT).explain(explain)
}

/// Returns the subscription that the configuration names.
///
/// # Errors
/// When it names none.
pub fn subscription(context: &Context) -> Result<String, Failure> {
    context
        .config()
        .attribute("subscription_id")
        .and_then(Value::as_text)
        .map(str::to_owned)
        .ok_or_else(|| {
            Failure::new(
                Disposition::Invalid,
                "the configuration names no subscription; set `azure.subscription_id`, or give `parent_id`",
            )
        })
}

/// Returns the location that the configuration names.
pub fn default_location(context: &Context) -> Option<&str> {
    context.config().attribute("location").and_then(Value::as_text)
}

/// Codes of failures whose status says too little, by how they begin, and what should be done about them.
const CODES: [(&str, Disposition); 23] = [
    ("AnotherOperationInProgress", Disposition::Conflict),
    ("RetryableError", Disposition::Conflict),
    ("ResourceGroupBeingDeleted", Disposition::Conflict),
    ("ReferencedResourceNotProvisioned", Disposition::Conflict),
    ("InUse", Disposition::Conflict),
    ("NicInUse", Disposition::Conflict),
    ("PublicIPAddressCannotBeDeleted", Disposition::Conflict),
    // A policy, or a set of them, that something still refers to.
    ("InvalidDeletePolicy", Disposition::Conflict),
    ("NetworkSecurityGroupCannotBeDeleted", Disposition::Conflict),
    ("ParentResourceNotFound", Disposition::Invalid),
    ("ResourceGroupNotFound", Disposition::NotFound),
    ("InvalidResourceReference", Disposition::Invalid),
    ("QuotaExceeded", Disposition::Quota),
    ("OperationNotAllowed", Disposition::Quota),
    ("SkuNotAvailable", Disposition::Quota),
    ("PublicIPCountLimitReached", Disposition::Quota),
    ("MissingSubscriptionRegistration", Disposition::Invalid),
    ("InvalidResourceLocation", Disposition::Invalid),
    ("StorageAccountAlreadyTaken", Disposition::Invalid),
    ("VaultAlreadyExists", Disposition::Invalid),
    ("PropertyChangeNotAllowed", Disposition::Invalid),
    ("TooManyRequests", Disposition::Throttled),
    ("OperationPreempted", Disposition::Conflict),
];

/// Returns what an error of Azure means: `{"error": {"code": …, "message": …, "details": […]}}`.
pub fn explain(answer: &Answer) -> Option<Explanation> {
    let body: serde_json::Value = answer.json().ok()?;
    explained(body.get("error").unwrap_or(&body))
}

/// Reads an error as it stands in an answer or in the status of a long operation.
pub fn explained(error: &serde_json::Value) -> Option<Explanation> {
    let text = |value: &serde_json::Value, name: &str| {
        value
            .get(name)
            .and_then(|value| value.as_str())
            .unwrap_or_default()
            .to_owned()
    };
    let (mut code, mut message) = (text(error, "code"), text(error, "message"));
    let details: Vec<String> = error
        .get("details")
        .and_then(|details| details.as_array())
        .into_iter()
        .flatten()
        .map(|detail| {
            if code.is_empty() {
                code = text(detail, "code");
            }
            text(detail, "message")
        })
        .filter(|detail| !detail.is_empty() && !message.contains(detail.as_str()))
        .collect();
    if !details.is_empty() {
        message = format!("{message} ({})", details.join("; "));
    }
    if code.is_empty() && message.is_empty() {
        return None;
    }
    if code == "MissingSubscriptionRegistration" {
        message
            .push_str("; register the resource provider once: `az provider register --namespace NAMESPACE`");
    }
    let disposition = CODES
        .iter()
        .find(|(begin, _)| code.starts_with(begin))
        .map(|(_, disposition)| *disposition);
    Some(Explanation {
        code,
        message,
        disposition,
    })
}

/// Returns the failure of an operation that ended badly.
pub fn failure_of_operation(error: Option<&serde_json::Value>, status: &str) -> Failure {
    let explanation = error.and_then(explained).unwrap_or_default();
    let message = if explanation.message.is_empty() {
        format!("the operation ended as `{status}`")
    } else {
        explanation.message
    };
    Failure::new(explanation.disposition.unwrap_or(Disposition::Other), message).code(explanation.code)
}

/// Returns when to ask again.
pub fn wait(answer: &Answer) -> Duration {
    answer.retry_after().unwrap_or(SHORT_WAIT)
}

/// Starts a GET of a place that an answer named: a URL of this very API. Its host is left out, for the host of the
/// endpoint is the operator's to choose.
///
/// # Errors
/// When it is no URL with a path.
pub fn get_url<'a, 'c>(api: &'a Api<'c>, url: &str) -> Result<Request<'a, 'c>, Failure> {
    let (path, query) = path_and_query(url).ok_or_else(|| {
        Failure::new(
            Disposition::Other,
            "Azure answered with a place to ask that is no URL",
        )
    })?;
    let request = api.get(path);
    Ok(query
        .into_iter()
        .fold(request, |request, (name, value)| request.query(&name, value)))
}

type Query = Vec<(String, String)>;

fn path_and_query(url: &str) -> Option<(Vec<String>, Query)> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (_, path) = rest.split_once('/')?;
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let segments = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(decoded)
        .collect();
    let query = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(&value.replace('+', " ")))
        })
        .collect();
    Some((segments, query))
}

#[cfg(test)]
mod tests {
    use konductor_sdk::model::cloud::CloudResponse;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_error_is_read_with_its_details_and_by_its_code() {
        let of = |status, body: serde_json::Value| {
            explain(&Answer::new(CloudResponse {
                status,
                headers: Vec::new(),
                body: body.to_string().into_bytes(),
            }))
        };
        let in_use = of(
            400,
            json!({"error": {"code": "InUseSubnetCannotBeDeleted", "message": "Subnet a is in use.", "details": [{"message": "by b"}]}}),
        )
        .unwrap();
        assert_eq!(in_use.disposition, Some(Disposition::Conflict));
        assert_eq!(in_use.message, "Subnet a is in use. (by b)");
        assert_eq!(
            of(404, json!({"code": "NotFound", "message": "x"}))
                .unwrap()
                .disposition,
            None
        );
        assert_eq!(of(500, json!({})), None);
    }

    #[test]
    fn a_place_to_ask_is_taken_apart_without_its_host() {
        let (path, query) =
            path_and_query("https://management.azure.com/subscriptions/0/a%20b?api-version=1&t=x%2By")
                .unwrap();
        assert_eq!(path, ["subscriptions", "0", "a b"]);
        assert_eq!(
            query,
            [
                ("api-version".to_owned(), "1".to_owned()),
                ("t".to_owned(), "x+y".to_owned())
            ]
        );
        assert_eq!(path_and_query("nonsense"), None);
    }
}
