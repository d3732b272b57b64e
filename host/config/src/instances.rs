//! `count:` and `for_each:` of a resource, and whether what its text says of an instance has a meaning.

use std::collections::BTreeMap;

use konductor_model::interpolation::join_parts;
use konductor_model::repetition::{self, MAX_INSTANCES};
use konductor_model::{Diagnostic, Diagnostics, Origin, Reference, Repetition, ResourceName, Value};

use crate::located::{Entries, Located, Node, described_kind};
use crate::resolve::Resolver;

/// How often a resource is there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Written {
    /// Neither `count` nor `for_each` stands there.
    Once,
    /// One of the two does.
    Repeated(Repetition),
}

/// Reads `count` or `for_each`; none when what stands there is wrong, which is reported.
pub(crate) fn read(
    name: &str,
    map: &Entries,
    resolver: &mut Resolver<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Written> {
    let given = |key: &str| map.get(key).filter(|written| !written.is_removed());
    match (given("count"), given("for_each")) {
        (None, None) => Some(Written::Once),
        (Some(count), Some(each)) => {
            diagnostics.push(
                Diagnostic::error("a resource has either `count` or `for_each`, not both")
                    .help("take one of them away")
                    .resource(name)
                    .origin(Some(each.key_or_value_origin().clone()))
                    .related(count.key_or_value_origin().clone(), "the other one is here"),
            );
            None
        }
        (Some(written), None) => count(name, written, resolver, diagnostics).map(Written::Repeated),
        (None, Some(written)) => each(name, written, resolver, diagnostics).map(Written::Repeated),
    }
}

/// Resolves what decides on instances: it must be known before anything is planned.
fn known(
    name: &str,
    key: &str,
    written: &Located,
    resolver: &mut Resolver<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Value> {
    let errors = resolver.errors();
    let value = resolver.resolve(written, None);
    let reason = match &value {
        Value::Reference(reference) => {
            format!("`{}` is known only after apply", repetition::written(reference))
        }
        value if join_parts(value).is_some() => "its text refers to another resource".to_owned(),
        Value::Unknown if resolver.errors() > errors => return None,
        // What another stack puts out is not read by everybody who looks at a configuration.
        Value::Unknown if !resolver.reads_stacks() => return Some(Value::Null),
        Value::Unknown => "what it refers to is not known".to_owned(),
        Value::Secret(_) => {
            "a secret cannot decide which resources there are: their names are shown".to_owned()
        }
        _ => return Some(value),
    };
    diagnostics.push(
        Diagnostic::error(format!("`{key}` must be known before the plan"))
            .detail(reason)
            .help("use values that are written here or in the configuration, `${project:…}`; a value under a key may refer to other resources")
            .resource(name)
            .origin(Some(written.origin.clone())),
    );
    None
}

fn count(
    name: &str,
    written: &Located,
    resolver: &mut Resolver<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Repetition> {
    let value = known(name, "count", written, resolver, diagnostics)?;
    let found = match &value {
        Value::Null => return Some(Repetition::Count(0)),
        Value::Integer(count) => match usize::try_from(*count) {
            Ok(count) if count <= MAX_INSTANCES => return Some(Repetition::Count(count)),
            _ => count.to_string(),
        },
        other => described_kind(other).to_owned(),
    };
    diagnostics.push(
        Diagnostic::error(format!(
            "`count` is a whole number from 0 to {MAX_INSTANCES}, found {found}"
        ))
        .resource(name)
        .origin(Some(written.origin.clone())),
    );
    None
}

fn each(
    name: &str,
    written: &Located,
    resolver: &mut Resolver<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Repetition> {
    let value = known(name, "for_each", written, resolver, diagnostics)?;
    // An element has a place of its own where the list stands here, and not in a setting this refers to.
    let place_of = |position: usize, key: &str| -> &Origin {
        match &written.node {
            Node::List(list) => list.get(position).map_or(&written.origin, |found| &found.origin),
            Node::Map(map) => map
                .get(key)
                .map_or(&written.origin, |found| found.key_or_value_origin()),
            _ => &written.origin,
        }
    };
    let mut wrong = |summary: String, help: &str, origin: &Origin| {
        diagnostics.push(
            Diagnostic::error(summary)
                .help(help)
                .resource(name)
                .origin(Some(origin.clone())),
        );
    };
    let mut entries: BTreeMap<String, Value> = BTreeMap::new();
    let mut good = true;
    let pairs: Vec<(String, Value)> = match value {
        Value::Null => Vec::new(),
        Value::Map(map) => map.into_iter().collect(),
        Value::List(list) => {
            let mut pairs = Vec::with_capacity(list.len());
            for (position, element) in list.into_iter().enumerate() {
                match &element {
                    Value::Text(key) => pairs.push((key.clone(), element)),
                    Value::Integer(key) => pairs.push((key.to_string(), element)),
                    other => {
                        good = false;
                        let summary = match other {
                            Value::Reference(reference) => format!(
                                "a key of `for_each` must be known before the plan, and `{}` is known only after apply",
                                repetition::written(reference)
                            ),
                            Value::Unknown => "a key of `for_each` must be known before the plan".to_owned(),
                            Value::Secret(_) => "a secret cannot be a key: keys are in the names of resources".to_owned(),
                            other if join_parts(other).is_some() => {
                                "a key of `for_each` must be known before the plan, and this text refers to another resource"
                                    .to_owned()
                            }
                            other => format!("a key of `for_each` is text, found {}", described_kind(other)),
                        };
                        let help = "write a map, with a key you choose for each value";
                        wrong(summary, help, place_of(position, ""));
                    }
                }
            }
            pairs
        }
        other => {
            let summary = format!(
                "`for_each` is a list of texts or a map, found {}",
                described_kind(&other)
            );
            wrong(
                summary,
                "write for example `for_each: [a, b]`, or use `count`",
                &written.origin,
            );
            return None;
        }
    };
    for (position, (key, value)) in pairs.into_iter().enumerate() {
        let place = place_of(position, &key);
        let named = !key.contains('/')
            && name
                .parse::<ResourceName>()
                .is_ok_and(|base| base.child(&key).is_ok());
        if !named && name.parse::<ResourceName>().is_ok() {
            good = false;
            wrong(
                format!("`{key}` cannot be a key of `for_each`"),
                "a key is part of a name: letters, digits, `_` and `-`, starting with a letter or digit; use a map, with such keys and any values",
                place,
            );
        }
        if entries.insert(key.clone(), value).is_some() {
            good = false;
            wrong(
                format!("`{key}` is in `for_each` twice"),
                "each key names one instance: remove one of them",
                place,
            );
        }
    }
    if entries.len() > MAX_INSTANCES {
        let summary = format!(
            "`for_each` has {} entries; at most {MAX_INSTANCES}",
            entries.len()
        );
        wrong(summary, "declare several resources", &written.origin);
        return None;
    }
    good.then(|| Repetition::each(entries))
}

/// Tells whether a value refers to what an instance knows of itself.
pub(crate) fn refers_to_instance(value: &Value) -> bool {
    value
        .references()
        .iter()
        .any(|(_, reference)| own_references(reference).next().is_some())
}

/// Returns the references to `each` and `count` in a reference: itself, or those that choose an instance.
fn own_references(reference: &Reference) -> impl Iterator<Item = Reference> {
    let itself = repetition::is_own(&reference.resource).then(|| reference.clone());
    itself
        .into_iter()
        .chain(reference.path.steps().iter().filter_map(repetition::inner))
}

/// A resource whose text may refer to what its instances know of themselves.
pub(crate) struct Own<'n> {
    pub(crate) name: &'n str,
    /// None when `count` or `for_each` is wrong: then nothing that refers to it is.
    pub(crate) repetition: Option<Written>,
}

impl Own<'_> {
    /// Reports what is said of an instance and has no meaning.
    pub(crate) fn check(&self, located: &Located, value: &Value, diagnostics: &mut Diagnostics) {
        match (&located.node, value) {
            (Node::List(list), Value::List(values)) => {
                for (located, value) in list.iter().zip(values) {
                    self.check(located, value, diagnostics);
                }
            }
            (Node::Map(map), Value::Map(values)) if join_parts(value).is_none() => {
                for (name, value) in values {
                    if let Some(located) = map.get(name) {
                        self.check(located, value, diagnostics);
                    }
                }
            }
            _ => {
                for (_, reference) in value.references() {
                    for own in own_references(reference) {
                        if let Some((summary, help)) = self.problem(&own) {
                            diagnostics.push(
                                Diagnostic::error(summary)
                                    .help(help)
                                    .resource(self.name)
                                    .origin(Some(located.origin.clone())),
                            );
                        }
                    }
                }
            }
        }
    }

    fn problem(&self, own: &Reference) -> Option<(String, String)> {
        let said = repetition::written(own);
        let repetition = match self.repetition.as_ref()? {
            Written::Once => {
                let key = if own.resource == repetition::EACH {
                    "for_each"
                } else {
                    "count"
                };
                return Some((
                    format!("`{said}` has a meaning only in a resource with `{key}`"),
                    format!("add `{key}:` beside `type:`"),
                ));
            }
            Written::Repeated(repetition) => repetition,
        };
        if repetition.is_empty() {
            return None;
        }
        // Every instance has a number or a key; values differ.
        let places = match repetition {
            Repetition::Count(_) => 1,
            Repetition::Each(entries) if own.path.first_attribute() == Some("value") => entries.len(),
            Repetition::Each(_) => 1,
        };
        let missing = (0..places).find(|position| repetition.own(*position, own).is_none())?;
        Some(match repetition {
            Repetition::Count(_) => (
                format!("`{said}` is nothing that an instance with `count` knows of itself"),
                "it knows its number, from 0: `${count.index}`".to_owned(),
            ),
            Repetition::Each(_) if places == 1 && own.path.first_attribute() != Some("value") => (
                format!("`{said}` is nothing that an instance with `for_each` knows of itself"),
                "it knows its key and its value: `${each.key}`, `${each.value}`".to_owned(),
            ),
            Repetition::Each(_) => (
                format!(
                    "`{said}` is not there for the key `{}`",
                    repetition.key(missing).unwrap_or_default()
                ),
                "give every entry of `for_each` the same shape".to_owned(),
            ),
        })
    }
}
