//! Whether a body is what Google's own definition of the type allows: everything that is wrong, each with its place.

use konductor_schema_table::{Flags, Kind, Node, Object};
use konductor_sdk::model::TOKEN_PREFIX;
use konductor_sdk::prelude::*;

/// Texts of these forms are numbers, which may be given as such.
const NUMBER_FORMATS: [&str; 2] = ["int64", "uint64"];

/// Checks a value. Unknown values, references and secrets are allowed everywhere.
pub fn check(node: Node<'static>, value: &Value, at: &Path, diagnostics: &mut Diagnostics) {
    let hidden = matches!(value, Value::Secret(_));
    let value = value.reveal();
    let sealed = matches!(value, Value::Text(text) if text.starts_with(TOKEN_PREFIX));
    if sealed || matches!(value, Value::Unknown | Value::Reference(_) | Value::Null) {
        return;
    }
    let mut error = |summary: String, detail: String| {
        diagnostics.push(Diagnostic::error(summary).detail(detail).at(at.clone()));
    };
    match (node.kind(), value) {
        (Kind::Any, _)
        | (Kind::Boolean, Value::Boolean(_))
        | (Kind::Number, Value::Integer(_) | Value::Number(_)) => {}
        (Kind::Integer(rules), Value::Integer(number)) => {
            let too_small = rules.minimum.is_some_and(|minimum| *number < minimum);
            let too_large = rules.maximum.is_some_and(|maximum| *number > maximum);
            if too_small || too_large {
                let limit =
                    |limit: Option<i64>| limit.map_or_else(|| "any".to_owned(), |limit| limit.to_string());
                let (minimum, maximum) = (limit(rules.minimum), limit(rules.maximum));
                error(
                    "the number is out of range".to_owned(),
                    format!("expected {minimum} to {maximum}"),
                );
            }
        }
        (Kind::Text(rules), Value::Integer(_))
            if rules.format.is_some_and(|form| NUMBER_FORMATS.contains(&form)) => {}
        (Kind::Text(rules), Value::Text(text)) => {
            if let Some(pattern) = rules.pattern.filter(|pattern| mismatches(pattern, text)) {
                let shown = if hidden { "the text" } else { text };
                error(
                    format!("`{shown}` does not have the form it must have"),
                    format!("expected a text that matches `{pattern}`"),
                );
            }
        }
        (Kind::Choice(choices), Value::Text(text)) => {
            if !choices.open && !choices.values().any(|choice| choice == text) {
                let choices: Vec<String> = choices.values().map(|choice| format!("`{choice}`")).collect();
                error(
                    format!("`{text}` is not allowed"),
                    format!("expected one of {}", choices.join(", ")),
                );
            }
        }
        (Kind::List(list), Value::List(values)) => {
            for (index, value) in values.iter().enumerate() {
                check(list.items, value, &at.element(index), diagnostics);
            }
        }
        (Kind::Map(values), Value::Map(map)) => {
            for (key, value) in map {
                check(values, value, &at.child(key), diagnostics);
            }
        }
        (Kind::Object(object), Value::Map(_)) => check_object(object, value, at, diagnostics),
        (kind, value) => error(
            format!("expected {}, found {}", describe(&kind), value.kind()),
            "Google's definition of the type says so".to_owned(),
        ),
    }
}

fn check_object(object: Object<'static>, value: &Value, at: &Path, diagnostics: &mut Diagnostics) {
    let Some(map) = value.as_map() else { return };
    for (name, value) in map {
        let at = at.child(name);
        let Some(property) = object.property(name) else {
            match object.additional() {
                Some(additional) => check(additional, value, &at, diagnostics),
                None => diagnostics.push(unknown(object, name).at(at)),
            }
            continue;
        };
        if property.flags().contains(Flags::READ_ONLY) {
            diagnostics.push(
                Diagnostic::error(format!("`{name}` is set by Google and cannot be given"))
                    .help(format!("remove `{name}`"))
                    .at(at),
            );
        } else {
            check(property.node(), value, &at, diagnostics);
        }
    }
    for property in object.properties() {
        let given = map.get(property.name()).is_some_and(|value| !value.is_null());
        let is_needed =
            property.flags().contains(Flags::REQUIRED) && !property.flags().contains(Flags::READ_ONLY);
        if is_needed && !given {
            diagnostics.push(
                Diagnostic::error(format!("`{}` is missing", property.name()))
                    .detail(format!("expected {}", describe(&property.node().kind())))
                    .help(format!("give `{}`", property.name()))
                    .at(at.child(property.name())),
            );
        }
    }
}

fn unknown(object: Object<'static>, name: &str) -> Diagnostic {
    let diagnostic = Diagnostic::error(format!("there is no property `{name}`"));
    let names: Vec<&str> = object
        .properties()
        .filter(|property| !property.flags().contains(Flags::READ_ONLY))
        .map(|property| property.name())
        .collect();
    let nearest = names
        .iter()
        .map(|known| (strsim::damerau_levenshtein(name, known), *known))
        .filter(|(distance, known)| *distance <= 1 + known.len() / 4)
        .min();
    match nearest {
        Some((_, known)) => diagnostic.help(format!("did you mean `{known}`?")),
        None if names.is_empty() => diagnostic.detail("nothing can be given here"),
        None => diagnostic.detail(format!("expected one of `{}`", names.join("`, `"))),
    }
}

/// Tells whether a text does not match a pattern of Google, which means the whole text. A pattern that this dialect does
/// not know is left to Google.
fn mismatches(pattern: &str, text: &str) -> bool {
    regex_lite::Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|pattern| !pattern.is_match(text))
}

/// Returns what a value should be, as people say it.
fn describe(kind: &Kind<'_>) -> &'static str {
    match kind {
        Kind::Any => "anything",
        Kind::Boolean => "boolean",
        Kind::Integer(_) => "integer",
        Kind::Number => "number",
        Kind::Text(_) | Kind::Choice(_) => "text",
        Kind::List(_) => "list",
        Kind::Map(_) | Kind::Object(_) | Kind::Variants(_) => "map",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::body::from_wire;
    use crate::types::RestType;

    #[test]
    fn everything_that_the_definition_does_not_allow_is_told_with_its_place() {
        let mut diagnostics = Diagnostics::default();
        let body = from_wire(json!({
            "name": "Upper", "selfLink": "x", "autoCreateSubnetwork": false, "mtu": "large",
            "routingConfig": {"routingMode": "SOMEWHERE"},
        }));
        let node = RestType::find("compute/v1/networks").unwrap().body();
        check(node, &body, &Path::attribute("body"), &mut diagnostics);
        let said: Vec<String> = diagnostics
            .into_iter()
            .map(|d| format!("{}: {}", d.at.unwrap_or_default(), d.summary))
            .collect();
        assert_eq!(
            said,
            [
                "body.autoCreateSubnetwork: there is no property `autoCreateSubnetwork`",
                "body.mtu: expected integer, found text",
                "body.name: `Upper` does not have the form it must have",
                "body.routingConfig.routingMode: `SOMEWHERE` is not allowed",
                "body.selfLink: `selfLink` is set by Google and cannot be given",
            ]
        );
    }

    #[test]
    fn what_must_be_given_is_missed_and_numbers_of_64_bits_may_be_numbers() {
        let mut diagnostics = Diagnostics::default();
        let node = RestType::find("compute/v1/disks").unwrap().body();
        check(
            node,
            &from_wire(json!({"sizeGb": 10})),
            &Path::root(),
            &mut diagnostics,
        );
        let said: Vec<String> = diagnostics.into_iter().map(|d| d.summary).collect();
        assert_eq!(said, ["`name` is missing"]);
    }
}
