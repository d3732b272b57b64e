//! The settings of a module that say where its plugin's endpoints are. No guest sees them.

use std::collections::BTreeMap;

use konductor_broker::EndpointSettings;
use konductor_model::Value;

/// Their names.
pub const PLACE_SETTINGS: [&str; 2] = ["endpoint_url", "endpoints"];

/// Reads `endpoint_url` and `endpoints`, and tells `problem` what is wrong with one.
pub fn places(
    host: &BTreeMap<String, Value>,
    settings: &mut EndpointSettings,
    problem: &mut dyn FnMut(&str, String),
) {
    let mut url = |place: &str, value: &Value| {
        let text = value.as_text()?;
        text.parse()
            .map_err(|error| problem(place, format!("`{text}` is not a URL: {error}")))
            .ok()
    };
    settings.override_url = host
        .get("endpoint_url")
        .and_then(|value| url("endpoint_url", value));
    for (id, value) in host
        .get("endpoints")
        .and_then(Value::as_map)
        .into_iter()
        .flatten()
    {
        if let Some(found) = url(&format!("endpoints.{id}"), value) {
            settings.overrides.insert(id.clone(), found);
        }
    }
}
