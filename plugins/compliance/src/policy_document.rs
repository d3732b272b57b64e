//! Policies in AWS's language, as buckets have them.

use serde_json::Value as Json;

use crate::attributes::{Found, UNKNOWN};
use crate::rule::Truth;

/// Tells whether a policy refuses requests that come without TLS, for everybody.
pub(crate) fn refuses_plain_http(policy: Found<'_>) -> Truth {
    judge(policy, |statements| {
        statements.iter().any(|statement| {
            effect(statement, "Deny") && is_for_everybody(statement) && {
                let secure = statement.pointer("/Condition/Bool/aws:SecureTransport");
                secure.is_some_and(is_false)
            }
        })
    })
}

/// Tells whether no statement of a policy allows something to everybody without a condition.
pub(crate) fn allows_nobody_in_public(policy: Found<'_>) -> Truth {
    judge(policy, |statements| {
        !statements.iter().any(|statement| {
            effect(statement, "Allow") && is_for_everybody(statement) && statement.get("Condition").is_none()
        })
    })
}

fn judge(policy: Found<'_>, holds: impl Fn(&[Json]) -> bool) -> Truth {
    let value = match policy {
        Found::Unknown => return Truth::Unknown,
        Found::Nothing => return Truth::No,
        Found::Value(value) => value,
    };
    let read: Json = match value {
        Json::String(text) => serde_json::from_str(text).unwrap_or(Json::Null),
        other => other.clone(),
    };
    if read.to_string().contains(UNKNOWN.trim_start_matches('\u{0}')) && read.to_string().contains("\\u0000")
    {
        return Truth::Unknown;
    }
    let statements = match read.get("Statement") {
        Some(Json::Array(statements)) => statements.clone(),
        Some(statement @ Json::Object(_)) => vec![statement.clone()],
        _ => Vec::new(),
    };
    if holds(&statements) { Truth::Yes } else { Truth::No }
}

fn effect(statement: &Json, wanted: &str) -> bool {
    statement.get("Effect").and_then(Json::as_str) == Some(wanted)
}

fn is_for_everybody(statement: &Json) -> bool {
    let everybody = |value: &Json| match value {
        Json::String(text) => text == "*",
        Json::Array(each) => each.iter().any(|one| one == "*"),
        _ => false,
    };
    match statement.get("Principal") {
        Some(Json::Object(kinds)) => kinds.values().any(everybody),
        Some(value) => everybody(value),
        None => false,
    }
}

fn is_false(value: &Json) -> bool {
    match value {
        Json::String(text) => text == "false",
        Json::Bool(truth) => !truth,
        _ => false,
    }
}
