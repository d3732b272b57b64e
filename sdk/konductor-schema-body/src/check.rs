//! Whether a body is what the cloud's own definition of the type allows: everything that is wrong, each with its place.

use std::fmt::Display;

use konductor_schema_table::{Kind, List, Node, Object, TextRules, Variants};
use konductor_sdk::model::{TOKEN_PREFIX, suggestion};
use konductor_sdk::prelude::*;

use crate::cloud::Cloud;
use crate::place::Place;

/// Checks a value as it was given, before anything of it is marked. Unknown values, references and secrets are allowed
/// everywhere; a text that is never shown has to be one of them.
pub fn check<C: Cloud>(place: Place<C>, value: &Value, at: &Path, diagnostics: &mut Diagnostics) {
    let mut check = Check {
        diagnostics,
        cloud: std::marker::PhantomData::<C>,
    };
    check.value("", place, Protection::None, value, at);
}

/// What is known of how a value is kept, from what it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protection {
    /// It may be read by everybody.
    None,
    /// It must never be shown, and stands in plain text unless it is a secret itself.
    Demanded,
    /// It is a secret, or stands in one.
    Given,
}

struct Check<'d, C> {
    diagnostics: &'d mut Diagnostics,
    cloud: std::marker::PhantomData<C>,
}

impl<C: Cloud> Check<'_, C> {
    fn error(&mut self, at: &Path, summary: impl Into<String>, detail: impl Into<String>) {
        let error = Diagnostic::error(summary.into()).detail(detail.into());
        self.diagnostics.push(error.at(at.clone()));
    }

    /// Checks a value. Where it is protected, no message shows it.
    fn value(&mut self, name: &str, place: Place<C>, around: Protection, value: &Value, at: &Path) {
        let protection = match value {
            Value::Secret(_) => Protection::Given,
            _ if around == Protection::None && place.is_sensitive() => Protection::Demanded,
            _ => around,
        };
        let value = value.reveal();
        // A secret reaches a plugin as a token.
        let sealed = matches!(value, Value::Text(text) if text.starts_with(TOKEN_PREFIX));
        if sealed || matches!(value, Value::Unknown | Value::Reference(_) | Value::Null) {
            return;
        }
        if protection == Protection::Demanded && matches!(value, Value::Text(_)) {
            self.diagnostics.push(
                Diagnostic::error(format!("`{name}` is never shown, and is given in plain text"))
                    .help("give a secret: `{ secure: \"v1:…\" }`, or a reference to one")
                    .at(at.clone()),
            );
        }
        match (place.kind().unwrap_or(Kind::Any), value) {
            (Kind::Any, Value::Map(map)) => {
                for (key, value) in map {
                    self.value(key, Place::default(), protection, value, &at.child(key));
                }
            }
            (Kind::Any, Value::List(list)) => {
                for (index, value) in list.iter().enumerate() {
                    self.value(name, Place::default(), protection, value, &at.element(index));
                }
            }
            (Kind::Any, _)
            | (Kind::Boolean, Value::Boolean(_))
            | (Kind::Number, Value::Integer(_) | Value::Number(_)) => {}
            (Kind::Integer(rules), Value::Integer(number)) => {
                if is_outside(*number, rules.minimum, rules.maximum) {
                    let limits = limits(rules.minimum, rules.maximum);
                    self.error(at, "the number is out of range", format!("expected {limits}"));
                }
            }
            (Kind::Text(rules), Value::Integer(_)) if C::takes_number(&rules) => {}
            (Kind::Text(rules), Value::Text(text)) => self.text(rules, protection, text, at),
            (Kind::Choice(choices), Value::Text(text)) => {
                if !choices.open && !C::has_choice(choices, text) {
                    let known: Vec<String> = choices.values().map(|choice| format!("`{choice}`")).collect();
                    let summary = format!("{} is not allowed", shown(protection, text));
                    self.error(at, summary, format!("expected one of {}", known.join(", ")));
                }
            }
            (Kind::List(list), Value::List(values)) => self.list(name, list, protection, values, at),
            (Kind::Map(values), Value::Map(map)) => {
                for (key, value) in map {
                    self.value(key, Place::of(values), protection, value, &at.child(key));
                }
            }
            (Kind::Object(object), Value::Map(_)) => self.object(&[object], protection, value, at),
            (Kind::Variants(variants), Value::Map(_)) => self.variants(variants, protection, value, at),
            (kind, value) => self.error(
                at,
                format!("expected {}, found {}", describe(&kind), value.kind()),
                format!("{}'s definition of the type says so", C::NAME),
            ),
        }
    }

    fn text(&mut self, rules: TextRules<&str>, protection: Protection, text: &str, at: &Path) {
        let length = text.chars().count() as u64;
        if is_outside(length, rules.minimum, rules.maximum) {
            let limits = limits(rules.minimum, rules.maximum);
            let summary = format!("the text has {length} characters");
            self.error(at, summary, format!("expected {limits} characters"));
        } else if let Some(pattern) = rules.pattern.filter(|pattern| mismatches::<C>(pattern, text)) {
            let summary = format!("{} does not have the form it must have", shown(protection, text));
            self.error(at, summary, format!("expected a text that matches `{pattern}`"));
        }
    }

    fn list(&mut self, name: &str, list: List<'static>, protection: Protection, values: &[Value], at: &Path) {
        let length = values.len() as u64;
        if is_outside(length, list.minimum, list.maximum) {
            let limits = limits(list.minimum, list.maximum);
            let summary = format!("the list has {length} elements");
            self.error(at, summary, format!("expected {limits} elements"));
        }
        for (index, value) in values.iter().enumerate() {
            self.value(name, Place::of(list.items), protection, value, &at.element(index));
        }
    }

    /// Checks an object that is the union of several definitions.
    fn object(&mut self, objects: &[Object<'static>], protection: Protection, value: &Value, at: &Path) {
        let Some(map) = value.as_map() else { return };
        for (name, value) in map {
            let at = at.child(name);
            let Some(property) = objects.iter().find_map(|object| object.property(name)) else {
                match objects.iter().find_map(|object| object.additional()) {
                    Some(additional) => self.value(name, Place::of(additional), protection, value, &at),
                    None => self.diagnostics.push(unknown::<C>(objects, name).at(at)),
                }
                continue;
            };
            let place = Place::<C>::of_property(property);
            if place.is_read_only() {
                self.diagnostics.push(
                    Diagnostic::error(format!("`{name}` is set by {} and cannot be given", C::NAME))
                        .help(format!("remove `{name}`"))
                        .at(at),
                );
            } else {
                self.value(name, place, protection, value, &at);
            }
        }
        for property in objects.iter().flat_map(|object| object.properties()) {
            let name = property.name();
            let given = map.get(name).is_some_and(|value| !value.is_null());
            if Place::<C>::of_property(property).is_needed() && !given {
                self.diagnostics.push(
                    Diagnostic::error(format!("`{name}` is missing"))
                        .detail(format!("expected {}", describe(&property.node().kind())))
                        .help(format!("give `{name}`"))
                        .at(at.child(name)),
                );
            }
        }
    }

    fn variants(&mut self, variants: Variants<'static>, protection: Protection, value: &Value, at: &Path) {
        let object = |node: Node<'static>| match node.kind() {
            Kind::Object(object) => Some(object),
            _ => None,
        };
        let mut objects: Vec<Object<'static>> = object(variants.base()).into_iter().collect();
        let name = variants.discriminator();
        match value.attribute(name).map(Value::reveal) {
            Some(Value::Unknown | Value::Reference(_)) => return,
            Some(Value::Text(text)) => match variants.variant(text) {
                Some(variant) => objects.extend(object(variant)),
                None => {
                    let known: Vec<String> = variants.all().map(|(name, _)| format!("`{name}`")).collect();
                    let summary = format!("{} is not allowed", shown(protection, text));
                    let detail = format!("expected one of {}", known.join(", "));
                    return self.error(&at.child(name), summary, detail);
                }
            },
            _ => {
                self.diagnostics.push(
                    Diagnostic::error(format!("`{name}` is missing"))
                        .help(format!("give `{name}`: it says which other properties there are"))
                        .at(at.child(name)),
                );
                return;
            }
        }
        self.object(&objects, protection, value, at);
    }
}

/// Returns a text as a message may show it.
fn shown(protection: Protection, text: &str) -> String {
    match protection {
        Protection::None => format!("`{text}`"),
        Protection::Demanded | Protection::Given => "the text".to_owned(),
    }
}

fn unknown<C: Cloud>(objects: &[Object<'static>], name: &str) -> Diagnostic {
    let diagnostic = Diagnostic::error(format!("there is no property `{name}`"));
    let names: Vec<&str> = objects
        .iter()
        .flat_map(|object| object.properties())
        .filter(|property| !Place::<C>::of_property(*property).is_read_only())
        .map(|property| property.name())
        .collect();
    match suggestion::nearest(name, names.iter().copied()) {
        Some(known) => diagnostic.help(format!("did you mean `{known}`?")),
        None if names.is_empty() => diagnostic.detail("nothing can be given here"),
        None => diagnostic.detail(format!("expected one of `{}`", names.join("`, `"))),
    }
}

/// Tells whether a text does not match a published pattern. A pattern that this dialect does not know is left to the cloud.
fn mismatches<C: Cloud>(pattern: &str, text: &str) -> bool {
    regex_lite::Regex::new(&C::pattern(pattern)).is_ok_and(|pattern| !pattern.is_match(text))
}

fn is_outside<N: PartialOrd>(number: N, minimum: Option<N>, maximum: Option<N>) -> bool {
    minimum.is_some_and(|minimum| number < minimum) || maximum.is_some_and(|maximum| number > maximum)
}

fn limits<N: Display>(minimum: Option<N>, maximum: Option<N>) -> String {
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
