//! What a check demands of a resource: small rules over its attributes, with a third answer for what is not known yet.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;

use crate::attributes::{Found, find};
use crate::exposure;
use crate::policy_document;
use crate::subject::Subject;

/// Whether a rule holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Truth {
    /// It holds.
    Yes,
    /// It does not.
    No,
    /// It depends on something that is not known yet.
    Unknown,
}

impl Truth {
    fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
        }
    }

    fn all(truths: impl Iterator<Item = Self>) -> Self {
        let mut together = Self::Yes;
        for truth in truths {
            match truth {
                Self::No => return Self::No,
                Self::Unknown => together = Self::Unknown,
                Self::Yes => {}
            }
        }
        together
    }

    fn any(truths: impl Iterator<Item = Self>) -> Self {
        Self::all(truths.map(Self::not)).not()
    }
}

/// A rule. Members of paths have dots between them; texts are the same in upper and lower case.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Rule {
    /// Each of these attributes is there and has this value.
    Is(BTreeMap<String, Json>),
    /// Each of these attributes has another value, or is not there.
    IsNot(BTreeMap<String, Json>),
    /// Each of these attributes is there and has one of these values.
    In(BTreeMap<String, Vec<Json>>),
    /// Each of these attributes has none of these values, or is not there.
    NotIn(BTreeMap<String, Vec<Json>>),
    /// Each of these attributes is there and a number not below this. `7776000s` is a number, too.
    AtLeast(BTreeMap<String, f64>),
    /// Each of these attributes is there and a number not above this.
    AtMost(BTreeMap<String, f64>),
    /// This attribute is there, and is not empty.
    Present(String),
    /// This attribute is not there, or is empty.
    Absent(String),
    /// This text has that one in it.
    Contains(BTreeMap<String, String>),
    /// All of these hold.
    All(Vec<Rule>),
    /// One of these holds.
    Any(Vec<Rule>),
    /// This does not hold.
    Not(Box<Rule>),
    /// Every element of this list obeys the rule; one that is not there does, too.
    Each(BTreeMap<String, Rule>),
    /// An element of this list obeys the rule.
    Some(BTreeMap<String, Rule>),
    /// Another resource of a type belongs to this one, and obeys the rule.
    Companion(Companion),
    /// It does not let the internet reach one of these ports.
    Closed(Vec<u16>),
    /// It does not let the internet reach every port.
    NotWideOpen,
    /// The policy in this attribute, in AWS's language, refuses requests without TLS.
    RefusesPlainHttp(String),
    /// The policy in this attribute, in AWS's language, allows nothing to everybody without a condition.
    AllowsNobodyInPublic(String),
}

/// A resource that belongs to another.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Companion {
    /// Its type.
    #[serde(rename = "type")]
    kind: String,
    /// The attribute of it that names the other.
    by: String,
    /// The attributes of the other that it may name.
    names: Vec<String>,
    /// What it has to obey; nothing where it is enough that it is there.
    #[serde(default)]
    rule: Option<Box<Rule>>,
}

impl Rule {
    /// Tells whether a resource obeys it, among all resources.
    pub(crate) fn holds(&self, subject: &Subject, all: &[Subject]) -> Truth {
        self.holds_in(&subject.attributes, subject, all)
    }

    fn holds_in(&self, here: &Json, subject: &Subject, all: &[Subject]) -> Truth {
        let each = |wanted: &BTreeMap<String, Json>, test: fn(Found<'_>, &Json) -> Truth| {
            Truth::all(wanted.iter().map(|(path, value)| test(find(here, path), value)))
        };
        let numbers = |wanted: &BTreeMap<String, f64>, test: fn(f64, f64) -> bool| {
            Truth::all(wanted.iter().map(|(path, limit)| match find(here, path) {
                Found::Unknown => Truth::Unknown,
                Found::Value(value) => Truth::of(number(value).is_some_and(|number| test(number, *limit))),
                Found::Nothing => Truth::No,
            }))
        };
        match self {
            Self::Is(wanted) => each(wanted, equal),
            Self::IsNot(wanted) => each(wanted, |found, value| equal(found, value).not()),
            Self::In(wanted) => {
                Truth::all(wanted.iter().map(|(path, values)| {
                    Truth::any(values.iter().map(|value| equal(find(here, path), value)))
                }))
            }
            Self::NotIn(wanted) => Truth::all(wanted.iter().map(|(path, values)| {
                Truth::any(values.iter().map(|value| equal(find(here, path), value))).not()
            })),
            Self::AtLeast(wanted) => numbers(wanted, |number, limit| number >= limit),
            Self::AtMost(wanted) => numbers(wanted, |number, limit| number <= limit),
            Self::Present(path) => present(find(here, path)),
            Self::Absent(path) => present(find(here, path)).not(),
            Self::Contains(wanted) => Truth::all(wanted.iter().map(|(path, part)| match find(here, path) {
                Found::Unknown => Truth::Unknown,
                Found::Value(value) => {
                    Truth::of(value.as_str().is_some_and(|text| text.contains(part.as_str())))
                }
                Found::Nothing => Truth::No,
            })),
            Self::All(rules) => Truth::all(rules.iter().map(|rule| rule.holds_in(here, subject, all))),
            Self::Any(rules) => Truth::any(rules.iter().map(|rule| rule.holds_in(here, subject, all))),
            Self::Not(rule) => rule.holds_in(here, subject, all).not(),
            Self::Each(lists) => Truth::all(lists.iter().map(|(path, rule)| {
                match elements(find(here, path)) {
                    Some(elements) => Truth::all(
                        elements
                            .iter()
                            .map(|element| rule.holds_in(element, subject, all)),
                    ),
                    None => Truth::Unknown,
                }
            })),
            Self::Some(lists) => Truth::all(lists.iter().map(|(path, rule)| {
                match elements(find(here, path)) {
                    Some(elements) => Truth::any(
                        elements
                            .iter()
                            .map(|element| rule.holds_in(element, subject, all)),
                    ),
                    None => Truth::Unknown,
                }
            })),
            Self::Companion(companion) => companion.holds(subject, all),
            Self::Closed(ports) => exposure::closed(subject, ports),
            Self::NotWideOpen => exposure::not_wide_open(subject),
            Self::RefusesPlainHttp(path) => policy_document::refuses_plain_http(find(here, path)),
            Self::AllowsNobodyInPublic(path) => policy_document::allows_nobody_in_public(find(here, path)),
        }
    }

    /// Returns the values that would make it hold of some attributes: nothing where it holds, none where it does not
    /// say which.
    pub(crate) fn repair(&self, subject: &Subject, all: &[Subject]) -> Option<Vec<(&str, Json)>> {
        if self.holds(subject, all) == Truth::Yes {
            return Some(Vec::new());
        }
        let here = &subject.attributes;
        // What is right already is left as it stands.
        let is_wrong = |path: &str, value: &Json| equal(find(here, path), value) != Truth::Yes;
        match self {
            Self::Is(wanted) => {
                let wanted = wanted.iter().filter(|(path, value)| is_wrong(path, value));
                Some(
                    wanted
                        .map(|(path, value)| (path.as_str(), value.clone()))
                        .collect(),
                )
            }
            Self::IsNot(unwanted) => {
                let unwanted = unwanted.iter().filter(|(path, value)| !is_wrong(path, value));
                // What else it may be is plain only of yes and no.
                unwanted
                    .map(|(path, value)| Some((path.as_str(), Json::Bool(!value.as_bool()?))))
                    .collect()
            }
            Self::In(wanted) => {
                let wanted = wanted
                    .iter()
                    .filter(|(path, values)| values.iter().all(|value| is_wrong(path, value)));
                wanted
                    .map(|(path, values)| Some((path.as_str(), values.first()?.clone())))
                    .collect()
            }
            Self::AtLeast(wanted) | Self::AtMost(wanted) => wanted
                .iter()
                .map(|(path, limit)| Some((path.as_str(), whole(*limit)?)))
                .collect(),
            Self::All(rules) => {
                let each: Option<Vec<_>> = rules.iter().map(|rule| rule.repair(subject, all)).collect();
                Some(each?.concat())
            }
            Self::Any(rules) => rules.iter().find_map(|rule| rule.repair(subject, all)),
            _ => None,
        }
    }

    /// Calls something with every path that it reads in the resource itself, those in elements of lists with `[]`.
    #[cfg(test)]
    pub(crate) fn paths(&self, below: &str, found: &mut Vec<String>) {
        let mut add = |path: &String| found.push(format!("{below}{path}"));
        match self {
            Self::Is(wanted) | Self::IsNot(wanted) => wanted.keys().for_each(add),
            Self::In(wanted) | Self::NotIn(wanted) => wanted.keys().for_each(add),
            Self::AtLeast(wanted) | Self::AtMost(wanted) => wanted.keys().for_each(add),
            Self::Contains(wanted) => wanted.keys().for_each(add),
            Self::Present(path)
            | Self::Absent(path)
            | Self::RefusesPlainHttp(path)
            | Self::AllowsNobodyInPublic(path) => add(path),
            Self::All(rules) | Self::Any(rules) => {
                for rule in rules {
                    rule.paths(below, found);
                }
            }
            Self::Not(rule) => rule.paths(below, found),
            Self::Each(lists) | Self::Some(lists) => {
                for (path, rule) in lists {
                    rule.paths(&format!("{below}{path}[]."), found);
                }
            }
            Self::Companion(companion) => companion.names.iter().for_each(add),
            Self::Closed(_) | Self::NotWideOpen => {}
        }
    }
}

impl Companion {
    fn holds(&self, subject: &Subject, all: &[Subject]) -> Truth {
        let of_kind = all
            .iter()
            .filter(|other| other.kind.eq_ignore_ascii_case(&self.kind));
        Truth::any(of_kind.map(|other| {
            let belongs = match find(&other.attributes, &self.by) {
                // What it will name is not known before the apply; what it depends on is.
                Found::Unknown => Truth::of(other.dependencies.contains(&subject.name)),
                named @ Found::Value(_) => {
                    Truth::any(
                        self.names
                            .iter()
                            .map(|name| match find(&subject.attributes, name) {
                                Found::Value(value) => equal(named, value),
                                Found::Unknown => Truth::of(other.dependencies.contains(&subject.name)),
                                Found::Nothing => Truth::No,
                            }),
                    )
                }
                Found::Nothing => Truth::No,
            };
            match (&self.rule, belongs) {
                (Some(rule), Truth::Yes) => rule.holds(other, all),
                (_, belongs) => belongs,
            }
        }))
    }
}

fn equal(found: Found<'_>, wanted: &Json) -> Truth {
    match found {
        Found::Unknown => Truth::Unknown,
        Found::Nothing => Truth::No,
        Found::Value(value) => Truth::of(match (value, wanted) {
            (Json::String(one), Json::String(other)) => one.eq_ignore_ascii_case(other),
            // Some clouds write numbers and words as texts.
            (Json::String(text), other) | (other, Json::String(text)) => {
                text.parse::<Json>().is_ok_and(|written| written == *other)
            }
            (one, other) => one == other || number(one).is_some() && number(one) == number(other),
        }),
    }
}

fn present(found: Found<'_>) -> Truth {
    match found {
        Found::Unknown => Truth::Unknown,
        Found::Nothing => Truth::No,
        Found::Value(value) => Truth::of(match value {
            Json::String(text) => !text.is_empty(),
            Json::Array(elements) => !elements.is_empty(),
            Json::Object(members) => !members.is_empty(),
            Json::Null => false,
            Json::Bool(_) | Json::Number(_) => true,
        }),
    }
}

fn elements(found: Found<'_>) -> Option<&[Json]> {
    match found {
        Found::Unknown => None,
        Found::Value(Json::Array(elements)) => Some(elements),
        Found::Value(_) | Found::Nothing => Some(&[]),
    }
}

/// Returns a limit as a value to write; none where it is no whole number.
fn whole(limit: f64) -> Option<Json> {
    let text = limit.to_string();
    text.parse::<i64>().ok().map(Json::from)
}

/// Returns a number, also from a text such as `90` or `7776000s`.
fn number(value: &Json) -> Option<f64> {
    match value {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => text.strip_suffix('s').unwrap_or(text).parse().ok(),
        _ => None,
    }
}
