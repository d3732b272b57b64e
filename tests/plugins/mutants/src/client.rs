//! Calls of the widget service.

use konductor_sdk::model::cloud::CloudRequest;
use konductor_sdk::prelude::*;
use serde_json::Value as Json;

/// The endpoint, and the service's name.
pub(crate) const ENDPOINT: &str = "widgets";

/// Calls one action of the service. `quoting` puts the whole answer into a failure.
pub(crate) fn call(context: &Context, action: &str, body: &Json, quoting: bool) -> Result<Json, Failure> {
    let request = CloudRequest {
        endpoint: ENDPOINT.to_owned(),
        region: None,
        method: "POST".to_owned(),
        path: "/".to_owned(),
        query: Vec::new(),
        headers: vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("x-amz-target".to_owned(), format!("Widgets.{action}")),
        ],
        body: body.to_string().into_bytes(),
        idempotent: !action.starts_with("Create"),
    };
    let answer = context
        .send(request)
        .map_err(|error| Failure::new(Disposition::Unavailable, error.to_string()))?;
    let json: Json = serde_json::from_slice(&answer.body).unwrap_or_default();
    if answer.status == 200 {
        return Ok(json);
    }
    let code = json.get("code").and_then(Json::as_str).unwrap_or_default();
    let disposition = match (answer.status, code) {
        (404, _) => Disposition::NotFound,
        (_, "ThrottlingException") | (429, _) => Disposition::Throttled,
        (500.., _) => Disposition::Unavailable,
        _ => Disposition::Invalid,
    };
    let message = if quoting {
        // The SDK would take out a secret that stands here as it is.
        answer.body.iter().map(|byte| format!("{byte:02x}")).collect()
    } else {
        format!("{action} failed")
    };
    Err(Failure::new(disposition, message).code(code))
}
