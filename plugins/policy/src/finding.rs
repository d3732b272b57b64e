//! What a rule answers with, as findings. The conventions are those of Conftest.

use konductor_sdk_compliance::model::policy::PolicyFinding;
use regorus::Value;

use crate::engine::Rule;

/// What a rule is for, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `deny`, `violation`, and those that begin with one of them and `_`.
    Deny,
    /// `warn`, and those that begin with it and `_`.
    Warn,
}

/// Tells what a rule is for; none where it is for other rules to use.
pub(crate) fn kind(name: &str) -> Option<Kind> {
    let is = |word: &str| name == word || name.strip_prefix(word).is_some_and(|rest| rest.starts_with('_'));
    if is("deny") || is("violation") {
        Some(Kind::Deny)
    } else if is("warn") {
        Some(Kind::Warn)
    } else {
        None
    }
}

/// Returns the name by which an exception calls a rule: `size` for `deny_size`, the empty text for `deny`.
pub(crate) fn short_name(name: &str) -> &str {
    name.split_once('_').map_or("", |(_, rest)| rest)
}

/// Turns the value of a rule into findings.
pub(crate) fn findings(rule: &Rule, warning: bool, excepted: bool, value: &Value) -> Vec<PolicyFinding> {
    let one = |value: &Value| -> Option<PolicyFinding> {
        let (message, details) = message(rule, value)?;
        Some(PolicyFinding {
            rule: rule.path.clone(),
            warning,
            excepted,
            message,
            details,
        })
    };
    match value {
        Value::Set(elements) => elements.iter().filter_map(one).collect(),
        Value::Array(elements) => elements.iter().filter_map(one).collect(),
        other => one(other).into_iter().collect(),
    }
}

type Details = serde_json::Map<String, serde_json::Value>;

fn message(rule: &Rule, value: &Value) -> Option<(String, Details)> {
    Some(match value {
        Value::Undefined | Value::Null | Value::Bool(false) => return None,
        Value::Bool(true) => (format!("`{}` holds", rule.name), Details::new()),
        Value::String(text) => (text.to_string(), Details::new()),
        other => match serde_json::to_value(other) {
            Ok(serde_json::Value::Object(mut members)) => match members.remove("msg") {
                Some(serde_json::Value::String(message)) => (message, members),
                Some(other) => (other.to_string(), members),
                None => (serde_json::Value::Object(members).to_string(), Details::new()),
            },
            Ok(json) => (json.to_string(), Details::new()),
            Err(error) => (error.to_string(), Details::new()),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_told_by_their_names() {
        assert_eq!(kind("deny"), Some(Kind::Deny));
        assert_eq!(kind("deny_open_buckets"), Some(Kind::Deny));
        assert_eq!(kind("violation"), Some(Kind::Deny));
        assert_eq!(kind("warn_size"), Some(Kind::Warn));
        assert_eq!(kind("denylist"), None);
        assert_eq!(kind("warning"), None);
        assert_eq!(short_name("deny_open_buckets"), "open_buckets");
        assert_eq!(short_name("deny"), "");
    }
}
