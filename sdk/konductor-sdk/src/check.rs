//! Checking inputs against a schema: everything that is wrong, at once, each with its place.

use std::collections::BTreeMap;

use konductor_model::provider::CheckResponse;
use konductor_model::schema::{AttributeKind, AttributeSchema, ResourceSchema};
use konductor_model::{Diagnostic, Diagnostics, Path, TOKEN_PREFIX, Value, suggestion};

use crate::equality::{document, without_nulls};
use crate::format::complaint;

/// Checks inputs and applies defaults. Unknown values and references are allowed everywhere; whole numbers and
/// booleans given for a text become text; null counts as not given.
pub fn check_inputs(schema: &ResourceSchema, inputs: &Value) -> CheckResponse {
    check_attributes(&schema.attributes, inputs)
}

/// Does the same by the attributes alone, which is all that a section of the configuration has.
pub(crate) fn check_attributes(
    attributes: &BTreeMap<String, AttributeSchema>,
    inputs: &Value,
) -> CheckResponse {
    let mut diagnostics = Diagnostics::default();
    let inputs = without_nulls(inputs.clone());
    let checked = match inputs.reveal() {
        Value::Map(map) => check_map(attributes, map, &Path::root(), false, &mut diagnostics),
        Value::Null => check_map(
            attributes,
            &BTreeMap::new(),
            &Path::root(),
            false,
            &mut diagnostics,
        ),
        Value::Unknown | Value::Reference(_) => inputs,
        other => {
            diagnostics.push(Diagnostic::error(format!(
                "expected a map of attributes, found {}",
                other.kind()
            )));
            inputs
        }
    };
    CheckResponse {
        inputs: checked,
        diagnostics,
    }
}

fn check_map(
    attributes: &BTreeMap<String, AttributeSchema>,
    given: &BTreeMap<String, Value>,
    at: &Path,
    hidden: bool,
    diagnostics: &mut Diagnostics,
) -> Value {
    let mut checked = BTreeMap::new();
    for (given_name, value) in given {
        let at = at.child(given_name);
        let name = renamed(attributes, given, given_name, &at, diagnostics);
        match attributes.get(name) {
            None => diagnostics.push(unknown_attribute(attributes, name).at(at)),
            Some(attribute) if attribute.output_only => diagnostics.push(
                Diagnostic::error(format!("`{name}` is set by the provider and cannot be given"))
                    .help(format!("remove `{name}`"))
                    .at(at),
            ),
            Some(attribute) => {
                checked.insert(
                    name.to_owned(),
                    check_value(attribute, value, &at, hidden, diagnostics),
                );
            }
        }
    }
    for (name, attribute) in attributes {
        if checked.contains_key(name) || attribute.output_only || given.contains_key(name) {
            continue;
        }
        if let Some(default) = &attribute.default {
            let default = default.clone();
            checked.insert(
                name.clone(),
                if attribute.sensitive {
                    default.into_secret()
                } else {
                    default
                },
            );
        } else if attribute.required {
            diagnostics.push(
                Diagnostic::error(format!("`{name}` is missing"))
                    .detail(format!("expected {}", attribute.kind.describe()))
                    .help(if attribute.description.is_empty() {
                        format!("give `{name}`")
                    } else {
                        format!("give `{name}`: {}", attribute.description)
                    })
                    .at(at.child(name)),
            );
        }
    }
    Value::Map(checked)
}

/// Returns the name that a given name stands for now.
fn renamed<'n>(
    attributes: &'n BTreeMap<String, AttributeSchema>,
    given: &BTreeMap<String, Value>,
    name: &'n str,
    at: &Path,
    diagnostics: &mut Diagnostics,
) -> &'n str {
    let now = attributes
        .iter()
        .find(|(_, attribute)| attribute.renamed_from.as_deref() == Some(name));
    let Some((now, _)) = now.filter(|_| !attributes.contains_key(name)) else {
        return name;
    };
    let said = if given.contains_key(now) {
        Diagnostic::error(format!(
            "`{name}` is the former name of `{now}`, which is given too"
        ))
        .help(format!("remove `{name}`"))
    } else {
        Diagnostic::warning(format!("`{name}` is called `{now}` now")).help(format!("write `{now}`"))
    };
    diagnostics.push(said.at(at.clone()));
    now
}

fn unknown_attribute(attributes: &BTreeMap<String, AttributeSchema>, name: &str) -> Diagnostic {
    let diagnostic = Diagnostic::error(format!("there is no attribute `{name}`"));
    let inputs = || {
        attributes
            .iter()
            .filter(|(_, a)| !a.output_only)
            .map(|(known, _)| known)
    };
    match suggestion::nearest(name, inputs().map(String::as_str)) {
        Some(known) => diagnostic.help(format!("did you mean `{known}`?")),
        None => {
            let known: Vec<String> = inputs().map(|known| format!("`{known}`")).collect();
            diagnostic.detail(if known.is_empty() {
                "nothing can be given here".to_owned()
            } else {
                format!("expected one of {}", known.join(", "))
            })
        }
    }
}

/// Returns a value as a message may show it.
fn shown(value: &Value, hidden: bool) -> String {
    if hidden {
        return format!("the secret {} given", value.kind());
    }
    match value {
        Value::Text(text) if text.chars().count() > 80 => {
            format!("`{}…`", text.chars().take(80).collect::<String>())
        }
        Value::Text(text) => format!("`{text}`"),
        Value::Boolean(_) | Value::Integer(_) | Value::Number(_) => format!("`{value:?}`"),
        other => format!("the {} given", other.kind()),
    }
}

fn check_value(
    attribute: &AttributeSchema,
    value: &Value,
    at: &Path,
    hidden: bool,
    diagnostics: &mut Diagnostics,
) -> Value {
    let secret = attribute.sensitive || matches!(value, Value::Secret(_));
    let hidden = hidden || secret;
    let value = value.reveal();
    let checked = match value {
        Value::Unknown | Value::Reference(_) => value.clone(),
        value if hidden && is_sealed(value) => {
            if let Some(problem) = sealed_problem(&attribute.kind) {
                diagnostics.push(problem.at(at.clone()));
            }
            value.clone()
        }
        value => check_known(attribute, value, at, hidden, diagnostics),
    };
    if let Some(why) = &attribute.deprecated {
        diagnostics.push(
            Diagnostic::warning("this attribute is deprecated")
                .detail(why)
                .at(at.clone()),
        );
    }
    if secret { checked.into_secret() } else { checked }
}

/// Tells whether a value is the token that stands for a secret. What it stands for is not to be seen here, so that
/// neither its form nor its length can be checked.
fn is_sealed(value: &Value) -> bool {
    matches!(value, Value::Text(text) if text.starts_with(TOKEN_PREFIX))
}

/// Says why a secret cannot be given for an attribute. A token is a text: what a provider does with a number, a
/// boolean or bytes it cannot do with a token.
fn sealed_problem(kind: &AttributeKind) -> Option<Diagnostic> {
    let usable = matches!(
        kind,
        AttributeKind::Text { .. } | AttributeKind::Json | AttributeKind::Any
    );
    (!usable).then(|| {
        Diagnostic::error(format!("a secret is given where {} is expected", kind.describe()))
            .detail("the plugin does not see what is secret, and only texts can be passed on unseen")
            .help("give a value that is not secret, or grant the plugin to see it with `reveal`")
    })
}

fn check_known(
    attribute: &AttributeSchema,
    value: &Value,
    at: &Path,
    hidden: bool,
    diagnostics: &mut Diagnostics,
) -> Value {
    let value = as_text_where_wanted(&attribute.kind, value);
    let error = |summary: String| Diagnostic::error(summary).at(at.clone());
    if !attribute.allowed.is_empty() && !attribute.allowed.iter().any(|allowed| allowed.same_as(&value)) {
        let allowed: Vec<String> = attribute.allowed.iter().map(|v| shown(v, false)).collect();
        diagnostics.push(
            error(format!("{} is not allowed", shown(&value, hidden)))
                .detail(format!("expected one of {}", allowed.join(", "))),
        );
        return value;
    }
    match (&attribute.kind, &value) {
        (AttributeKind::Any, _)
        | (AttributeKind::Boolean, Value::Boolean(_))
        | (AttributeKind::Number, Value::Integer(_) | Value::Number(_))
        | (AttributeKind::Bytes, Value::Bytes(_)) => {}
        (AttributeKind::Integer { minimum, maximum }, Value::Integer(number)) => {
            if let Some(expected) = outside(*number, *minimum, *maximum) {
                diagnostics.push(
                    error(format!("{} is out of range", shown(&value, hidden)))
                        .detail(format!("expected {expected}")),
                );
            }
        }
        (
            AttributeKind::Text {
                format,
                minimum_length,
                maximum_length,
            },
            Value::Text(text),
        ) => {
            if let Some(complaint) = complaint(*format, text) {
                diagnostics.push(
                    error(format!(
                        "{} is not a valid {}",
                        shown(&value, hidden),
                        format.describe()
                    ))
                    .detail(complaint),
                );
            }
            if let Some(pattern) = attribute
                .pattern
                .as_deref()
                .filter(|pattern| !matches(pattern, text))
            {
                diagnostics.push(
                    error(format!(
                        "{} does not have the form it must have",
                        shown(&value, hidden)
                    ))
                    .detail(format!("expected a text that matches `{pattern}`")),
                );
            }
            let length = text.chars().count();
            if let Some(expected) = outside(length, *minimum_length, *maximum_length) {
                diagnostics.push(
                    error(format!("the text has {length} characters"))
                        .detail(format!("expected {expected} characters")),
                );
            }
        }
        (
            AttributeKind::List {
                items,
                minimum_items,
                maximum_items,
                ..
            },
            Value::List(list),
        ) => {
            if let Some(expected) = outside(list.len(), *minimum_items, *maximum_items) {
                diagnostics.push(
                    error(format!("the list has {} elements", list.len()))
                        .detail(format!("expected {expected} elements")),
                );
            }
            return Value::List(
                list.iter()
                    .enumerate()
                    .map(|(index, v)| check_value(items, v, &at.element(index), hidden, diagnostics))
                    .collect(),
            );
        }
        (AttributeKind::Map { values }, Value::Map(map)) => {
            return Value::Map(
                map.iter()
                    .map(|(key, v)| {
                        (
                            key.clone(),
                            check_value(values, v, &at.child(key), hidden, diagnostics),
                        )
                    })
                    .collect(),
            );
        }
        (AttributeKind::Object { attributes }, Value::Map(map)) => {
            return check_map(attributes, map, at, hidden, diagnostics);
        }
        (AttributeKind::Json, Value::Text(_)) => {
            if document(&value).is_none() {
                diagnostics.push(
                    error("the text is not a JSON document".to_owned())
                        .help("give JSON, or write the document as YAML"),
                );
            }
        }
        (AttributeKind::Json, Value::Map(_) | Value::List(_)) => {}
        (kind, value) => diagnostics.push(error(format!(
            "expected {}, found {}",
            kind.describe(),
            value.kind()
        ))),
    }
    value
}

/// Tells whether a whole text matches a pattern. A pattern that is none was refused with its schema.
fn matches(pattern: &str, text: &str) -> bool {
    regex_lite::Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|pattern| pattern.is_match(text))
}

/// YAML reads `1` and `true` as numbers and booleans where people mean text, in tags above all.
fn as_text_where_wanted(kind: &AttributeKind, value: &Value) -> Value {
    match (kind, value) {
        (AttributeKind::Text { .. }, Value::Integer(_) | Value::Number(_) | Value::Boolean(_)) => {
            Value::Text(format!("{value:?}"))
        }
        _ => value.clone(),
    }
}

/// Returns what was expected when a number is outside its limits.
fn outside<N: PartialOrd + std::fmt::Display + Copy>(
    number: N,
    minimum: Option<N>,
    maximum: Option<N>,
) -> Option<String> {
    let too_small = minimum.is_some_and(|minimum| number < minimum);
    let too_large = maximum.is_some_and(|maximum| number > maximum);
    (too_small || too_large).then(|| match (minimum, maximum) {
        (Some(minimum), Some(maximum)) => format!("{minimum} to {maximum}"),
        (Some(minimum), None) => format!("at least {minimum}"),
        (None, Some(maximum)) => format!("at most {maximum}"),
        (None, None) => String::new(),
    })
}
