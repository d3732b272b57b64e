//! Whether a body is what Azure's own definition of the type allows: everything that is wrong, each with its place.

use konductor_schema_table::{Flags, Kind, Node, Object, Property, Variants};
use konductor_sdk::model::TOKEN_PREFIX;
use konductor_sdk::prelude::*;

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
            if rules.minimum.is_some_and(|minimum| *number < minimum)
                || rules.maximum.is_some_and(|maximum| *number > maximum)
            {
                let limits = limits(rules.minimum, rules.maximum);
                error(
                    "the number is out of range".to_owned(),
                    format!("expected {limits}"),
                );
            }
        }
        (Kind::Text(rules), Value::Text(text)) => {
            let length = text.chars().count() as u64;
            if rules.minimum.is_some_and(|minimum| length < minimum)
                || rules.maximum.is_some_and(|maximum| length > maximum)
            {
                let limits = limits(rules.minimum, rules.maximum);
                error(
                    format!("the text has {length} characters"),
                    format!("expected {limits} characters"),
                );
            } else if let Some(pattern) = rules.pattern.filter(|pattern| mismatches(pattern, text)) {
                let shown = if hidden || rules.sensitive {
                    "the text"
                } else {
                    text
                };
                error(
                    format!("`{shown}` does not have the form it must have"),
                    format!("expected a text that matches `{pattern}`"),
                );
            }
        }
        (Kind::Choice(choices), Value::Text(text)) => {
            let known = choices.values().any(|choice| choice.eq_ignore_ascii_case(text));
            if !known && !choices.open {
                let choices: Vec<String> = choices.values().map(|choice| format!("`{choice}`")).collect();
                error(
                    format!("`{text}` is not allowed"),
                    format!("expected one of {}", choices.join(", ")),
                );
            }
        }
        (Kind::List(list), Value::List(values)) => {
            let length = values.len() as u64;
            if list.minimum.is_some_and(|minimum| length < minimum)
                || list.maximum.is_some_and(|maximum| length > maximum)
            {
                let limits = limits(list.minimum, list.maximum);
                error(
                    format!("the list has {length} elements"),
                    format!("expected {limits} elements"),
                );
            }
            for (index, value) in values.iter().enumerate() {
                check(list.items, value, &at.element(index), diagnostics);
            }
        }
        (Kind::Map(values), Value::Map(map)) => {
            for (key, value) in map {
                check(values, value, &at.child(key), diagnostics);
            }
        }
        (Kind::Object(object), Value::Map(_)) => check_object(&[object], value, at, diagnostics),
        (Kind::Variants(variants), Value::Map(_)) => check_variants(variants, value, at, diagnostics),
        (kind, value) => error(
            format!("expected {}, found {}", describe(&kind), value.kind()),
            "Azure's definition of the type says so".to_owned(),
        ),
    }
}

/// Checks an object that is the union of several definitions.
fn check_object(objects: &[Object<'static>], value: &Value, at: &Path, diagnostics: &mut Diagnostics) {
    let Some(map) = value.as_map() else { return };
    for (name, value) in map {
        let at = at.child(name);
        let Some(property) = objects.iter().find_map(|object| object.property(name)) else {
            match objects.iter().find_map(|object| object.additional()) {
                Some(additional) => check(additional, value, &at, diagnostics),
                None => diagnostics.push(unknown(objects, name).at(at)),
            }
            continue;
        };
        if property.flags().contains(Flags::READ_ONLY) {
            diagnostics.push(
                Diagnostic::error(format!("`{name}` is set by Azure and cannot be given"))
                    .help(format!("remove `{name}`"))
                    .at(at),
            );
        } else {
            if is_sensitive(&property) && is_plain(value) {
                diagnostics.push(
                    Diagnostic::error(format!("`{name}` is never shown, and is given in plain text"))
                        .help("give a secret: `{ secure: \"v1:…\" }`, or a reference to one")
                        .at(at.clone()),
                );
            }
            check(property.node(), value, &at, diagnostics);
        }
    }
    for property in objects.iter().flat_map(|object| object.properties()) {
        let given = map.get(property.name()).is_some_and(|value| !value.is_null());
        if is_needed(&property) && !given {
            diagnostics.push(
                Diagnostic::error(format!("`{}` is missing", property.name()))
                    .detail(format!("expected {}", describe(&property.node().kind())))
                    .help(format!("give `{}`", property.name()))
                    .at(at.child(property.name())),
            );
        }
    }
}

fn check_variants(variants: Variants<'static>, value: &Value, at: &Path, diagnostics: &mut Diagnostics) {
    let mut objects: Vec<Object<'static>> = Vec::new();
    let mut add = |node: Node<'static>| {
        if let Kind::Object(object) = node.kind() {
            objects.push(object);
        }
    };
    add(variants.base());
    let name = variants.discriminator();
    let said = value.attribute(name);
    match said.map(Value::reveal) {
        Some(Value::Unknown | Value::Reference(_)) => return,
        Some(Value::Text(text)) => match variants.variant(text) {
            Some(variant) => add(variant),
            None => {
                let known: Vec<String> = variants.all().map(|(name, _)| format!("`{name}`")).collect();
                diagnostics.push(
                    Diagnostic::error(format!("`{text}` is not allowed"))
                        .detail(format!("expected one of {}", known.join(", ")))
                        .at(at.child(name)),
                );
                return;
            }
        },
        _ => {
            diagnostics.push(
                Diagnostic::error(format!("`{name}` is missing"))
                    .help(format!("give `{name}`: it says which other properties there are"))
                    .at(at.child(name)),
            );
            return;
        }
    }
    check_object(&objects, value, at, diagnostics);
}

/// Tells whether values of a property must never be shown.
fn is_sensitive(property: &Property<'_>) -> bool {
    let text = matches!(property.node().kind(), Kind::Text(rules) if rules.sensitive);
    text || property.flags().contains(Flags::SENSITIVE)
}

/// Tells whether a value is a text that everybody can read, who reads the configuration or the log. A secret is given to
/// the plugin as a token.
fn is_plain(value: &Value) -> bool {
    matches!(value, Value::Text(text) if !text.starts_with(TOKEN_PREFIX))
}

fn is_needed(property: &Property<'_>) -> bool {
    property.flags().contains(Flags::REQUIRED) && !property.flags().contains(Flags::READ_ONLY)
}

fn unknown(objects: &[Object<'static>], name: &str) -> Diagnostic {
    let diagnostic = Diagnostic::error(format!("there is no property `{name}`"));
    let names: Vec<&str> = objects
        .iter()
        .flat_map(|object| object.properties())
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

/// Tells whether a text does not match a pattern of Azure. A pattern that this dialect does not know is left to Azure.
fn mismatches(pattern: &str, text: &str) -> bool {
    regex_lite::Regex::new(pattern).is_ok_and(|pattern| !pattern.is_match(text))
}

fn limits<N: std::fmt::Display>(minimum: Option<N>, maximum: Option<N>) -> String {
    match (minimum, maximum) {
        (Some(minimum), Some(maximum)) => format!("{minimum} to {maximum}"),
        (Some(minimum), None) => format!("at least {minimum}"),
        (None, Some(maximum)) => format!("at most {maximum}"),
        (None, None) => "anything".to_owned(),
    }
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
    use super::*;
    use crate::types::ArmType;

    fn complaints(type_name: &str, body: Value) -> Vec<String> {
        let node = ArmType::find(type_name, None).unwrap().body.unwrap();
        let mut diagnostics = Diagnostics::default();
        check(node, &body, &Path::root(), &mut diagnostics);
        diagnostics
            .into_iter()
            .map(|d| format!("{}: {}", d.at.unwrap_or_default(), d.summary))
            .collect()
    }

    #[test]
    fn everything_that_the_definition_does_not_allow_is_told_with_its_place() {
        let network = Value::from([
            ("name", Value::from("net")),
            ("location", Value::from("westeurope")),
            (
                "properties",
                Value::from([
                    ("adressSpace", Value::empty_map()),
                    ("resourceGuid", Value::from("0")),
                    ("enableDdosProtection", Value::from("yes")),
                    ("flowTimeoutInMinutes", Value::Unknown),
                    (
                        "subnets",
                        Value::from(vec![Value::from([("nonsense", Value::from(1))])]),
                    ),
                ]),
            ),
        ]);
        assert_eq!(
            complaints("Microsoft.Network/virtualNetworks", network),
            [
                "properties.adressSpace: there is no property `adressSpace`",
                "properties.enableDdosProtection: expected boolean, found text",
                "properties.resourceGuid: `resourceGuid` is set by Azure and cannot be given",
                "properties.subnets[0].nonsense: there is no property `nonsense`",
            ]
        );
    }

    #[test]
    fn what_is_never_shown_must_be_a_secret() {
        let server = |password: Value| {
            let properties = Value::from([("administratorLoginPassword", password)]);
            Value::from([
                ("name", Value::from("shop")),
                ("location", Value::from("westeurope")),
                ("properties", properties),
            ])
        };
        let told = complaints("Microsoft.Sql/servers", server("planted".into()));
        assert_eq!(
            told,
            [
                "properties.administratorLoginPassword: `administratorLoginPassword` is never shown, and is given in plain text"
            ]
        );
        let secret = Value::from("planted").into_secret();
        assert_eq!(complaints("Microsoft.Sql/servers", server(secret)), [""; 0]);
        assert_eq!(
            complaints("Microsoft.Sql/servers", server(Value::Unknown)),
            [""; 0]
        );
    }

    #[test]
    fn what_must_be_given_is_missed() {
        let account = Value::from([
            ("name", Value::from("shop")),
            ("location", Value::from("westeurope")),
        ]);
        assert_eq!(
            complaints("Microsoft.Storage/storageAccounts", account),
            ["kind: `kind` is missing", "sku: `sku` is missing"]
        );
    }
}
