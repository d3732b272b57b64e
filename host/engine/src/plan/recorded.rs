//! What should exist, read from a state of another time: what a rollback plans.
//!
//! A record holds values where the configuration had references. An object that has to be made anew gets another
//! identifier, so values that came from an object become references to it again: where an input of a resource holds the
//! identifier, or an attribute that only the provider can have set, of something it directly depends on.

use std::collections::{BTreeMap, HashMap};

use konductor_model::interpolation::join;
use konductor_model::provider::ObjectState;
use konductor_model::schema::TypeKind;
use konductor_model::{Diagnostic, Diagnostics, Path, Reference, Urn, Value};
use konductor_state::Past;
use konductor_state::record::ResourceRecord;

use crate::desired::{Output, Providers};
use crate::expand::{Expanded, Node};
use crate::graph::Graph;
use crate::plan::model::Drift;

/// The shortest text that is taken for the value of another object where it stands alone: shorter ones are equal by
/// chance.
const SHORTEST: usize = 4;
/// The shortest text that is looked for inside others.
const SHORTEST_INSIDE: usize = 8;

/// Makes nodes of the records of another time, with the dependencies and options they had.
pub(crate) fn expand(
    project: String,
    stack: String,
    past: Past,
    plugins: &dyn Providers,
) -> (Expanded, Diagnostics) {
    let mut diagnostics = Diagnostics::default();
    let names_now = past.names_now();
    let snapshot = past.snapshot;
    // What had no object then is not brought back: its create never succeeded.
    let records: Vec<&ResourceRecord> = snapshot
        .resources
        .values()
        .filter(|record| record.kind == TypeKind::Component || record.object.is_some())
        .collect();
    let index: HashMap<&Urn, usize> = records
        .iter()
        .enumerate()
        .map(|(index, record)| (&record.urn, index))
        .collect();
    let mut result = Expanded {
        project,
        stack,
        ..Expanded::default()
    };
    for (position, record) in records.iter().enumerate() {
        let plugin = match plugins.plugin_reference(&record.plugin.name) {
            Some(plugin) => plugin,
            None => {
                diagnostics.push(
                    Diagnostic::error(format!(
                        "the plugin `{}`, which managed `{}` then, is not there",
                        record.plugin.name,
                        record.urn.name()
                    ))
                    .resource(record.urn.name())
                    .help(format!("name `{}` under `plugins`", record.plugin.name)),
                );
                record.plugin.clone()
            }
        };
        let needs = record.dependencies.iter().filter_map(|urn| index.get(urn));
        let origins = Origins::of(needs.filter_map(|index| records.get(*index).copied()));
        let mut options = record.options.clone();
        options.import = None;
        if let Some(now) = names_now.get(&record.urn) {
            options.aliases.push(now.to_string());
        }
        result.names.insert(record.urn.name().clone(), position);
        result.nodes.push(Node::recorded(
            record,
            plugin,
            options,
            origins.relink(&record.inputs),
            origins.relink(&record.outputs),
            record.parent.as_ref().and_then(|urn| index.get(urn).copied()),
        ));
    }
    let dependencies = records
        .iter()
        .map(|record| {
            let needs = record.dependencies.iter();
            needs.filter_map(|urn| index.get(urn).copied()).collect()
        })
        .collect();
    match Graph::new(dependencies) {
        Ok(graph) => result.graph = graph,
        Err(cycles) => diagnostics.extend(cycles.iter().map(|cycle| {
            let names = cycle.iter().filter_map(|index| records.get(*index));
            let names: Vec<&str> = names.map(|record| record.urn.name().as_str()).collect();
            Diagnostic::error(format!(
                "what was recorded then depends on itself: {}",
                names.join(" → ")
            ))
        })),
    }
    let everything = Origins::of(records.iter().copied());
    result.outputs = snapshot
        .outputs
        .iter()
        .map(|(name, value)| (name.clone(), Output::from(everything.relink(value))))
        .collect();
    (result, diagnostics)
}

/// Returns a state as the cloud really was: with what a refresh found put into the inputs too, so that planning it
/// brings back what somebody had changed outside, and not what was recorded of it.
pub fn as_it_was(mut recorded: Past, drift: &[Drift]) -> Past {
    for drift in drift {
        let Some(record) = recorded.snapshot.resources.get_mut(&drift.urn) else {
            continue;
        };
        drift.put_into(record);
        for change in &drift.changes {
            // Only what can be given is given; the rest is the provider's.
            let given = change
                .at
                .first_attribute()
                .is_some_and(|name| record.inputs.attribute(name).is_some());
            if !given {
                continue;
            }
            if change.new.is_null() {
                record.inputs.remove(&change.at);
            } else {
                record.inputs.put(&change.at, change.new.clone());
            }
        }
    }
    recorded
}

/// Where texts came from: the identifiers and computed attributes of some objects.
#[derive(Default)]
pub(crate) struct Origins {
    /// None where several objects have the text: then nobody knows.
    texts: BTreeMap<String, Option<Reference>>,
}

impl Origins {
    fn of<'r>(records: impl Iterator<Item = &'r ResourceRecord>) -> Self {
        let mut origins = Self::default();
        for record in records {
            if let Some(object) = &record.object {
                origins.add_object(record.urn.name().as_str(), object, &record.inputs, |_| true);
            }
        }
        origins
    }

    /// As [`Self::of`], for objects of which nobody said how they depend on each other: only what holds the
    /// identifier of an object can be told to be its own.
    pub(crate) fn of_identifiers<'r>(
        objects: impl Iterator<Item = (&'r str, &'r ObjectState, &'r Value)>,
    ) -> Self {
        let mut origins = Self::default();
        for (name, object, inputs) in objects {
            origins.add_object(name, object, inputs, |text| text.contains(&object.id));
        }
        origins
    }

    fn add_object(&mut self, name: &str, object: &ObjectState, inputs: &Value, own: impl Fn(&str) -> bool) {
        self.add(&object.id, name, Path::attribute("id"));
        object.attributes.walk(&mut |at, value| {
            // What was given is not the object's own.
            if let Value::Text(text) = value
                && inputs.at(at).is_none()
                && own(text)
            {
                self.add(text, name, at.clone());
            }
            true
        });
    }

    /// As [`Self::relink`], but for references of a resource to itself.
    pub(crate) fn relink_others(&self, value: &Value, name: &str) -> Value {
        self.relink_all(value, &|reference| reference.resource != name)
    }

    fn add(&mut self, text: &str, name: &str, path: Path) {
        if text.len() < SHORTEST {
            return;
        }
        let found = Reference {
            resource: name.to_owned(),
            path,
        };
        match self.texts.get_mut(text) {
            None => {
                self.texts.insert(text.to_owned(), Some(found));
            }
            Some(Some(known)) if known.resource == found.resource => {
                // The identifier comes first and stays: it is what everything else is found by.
                if known.path != Path::attribute("id") && found.path.steps().len() < known.path.steps().len()
                {
                    *known = found;
                }
            }
            Some(other) => *other = None,
        }
    }

    /// Puts references in the place of the texts, whole ones and those inside of others.
    fn relink(&self, value: &Value) -> Value {
        self.relink_all(value, &|_| true)
    }

    fn relink_all(&self, value: &Value, allowed: &dyn Fn(&Reference) -> bool) -> Value {
        if self.texts.is_empty() {
            return value.clone();
        }
        value.clone().map_leaves(&mut |leaf| match leaf {
            Value::Text(text) => self.relink_text(text, allowed),
            other => other,
        })
    }

    fn relink_text(&self, text: String, allowed: &dyn Fn(&Reference) -> bool) -> Value {
        if let Some(Some(reference)) = self.texts.get(&text)
            && allowed(reference)
        {
            return Value::Reference(reference.clone());
        }
        let mut parts = Vec::new();
        let mut rest = text.as_str();
        while let Some((at, found, reference)) = self.first_inside(rest, allowed) {
            let (before, after) = rest.split_at(at);
            if !before.is_empty() {
                parts.push(Value::from(before));
            }
            parts.push(Value::Reference(reference.clone()));
            rest = after.strip_prefix(found).unwrap_or_default();
        }
        if parts.is_empty() {
            return Value::Text(text);
        }
        if !rest.is_empty() {
            parts.push(Value::from(rest));
        }
        join(parts)
    }

    /// Returns the first of the texts inside another; of several at one place the longest.
    fn first_inside<'o>(
        &'o self,
        text: &str,
        allowed: &dyn Fn(&Reference) -> bool,
    ) -> Option<(usize, &'o str, &'o Reference)> {
        self.texts
            .iter()
            .filter(|(known, _)| known.len() >= SHORTEST_INSIDE && known.len() <= text.len())
            .filter_map(|(known, reference)| {
                let reference = reference.as_ref().filter(|reference| allowed(reference))?;
                Some((text.find(known.as_str())?, known.as_str(), reference))
            })
            .min_by_key(|(at, known, _)| (*at, std::cmp::Reverse(known.len())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use konductor_state::record::PluginReference;

    fn record(name: &str, id: &str, inputs: Value, attributes: Value) -> ResourceRecord {
        ResourceRecord {
            urn: format!("urn:konductor:shop:dev:cloud:net:Thing::{name}")
                .parse()
                .unwrap(),
            kind: TypeKind::Resource,
            plugin: PluginReference {
                name: "cloud".into(),
                version: "1.0.0".into(),
            },
            parent: None,
            dependencies: Vec::new(),
            inputs,
            object: Some(ObjectState {
                id: id.into(),
                attributes,
                private: Vec::new(),
                schema_version: 0,
            }),
            outputs: Value::Null,
            options: Default::default(),
            tainted: None,
            deposed: Vec::new(),
        }
    }

    fn reference(name: &str, path: &str) -> Value {
        Value::Reference(Reference {
            resource: name.into(),
            path: path.parse().unwrap(),
        })
    }

    fn network() -> ResourceRecord {
        record(
            "network",
            "net-12345678",
            Value::from([("label", "production")]),
            Value::from([
                ("label", Value::from("production")),
                ("arn", Value::from("arn:cloud:net-12345678")),
                (
                    "doors",
                    Value::from(vec![Value::from([("key", "door-87654321")])]),
                ),
            ]),
        )
    }

    #[test]
    fn values_that_only_the_object_can_have_become_references_again() {
        let network = network();
        let origins = Origins::of(std::iter::once(&network));
        let inputs = Value::from([
            ("network", Value::from("net-12345678")),
            ("door", Value::from("door-87654321")),
            ("same_label", Value::from("production")),
            ("other", Value::from("net-1")),
        ]);
        let expected = Value::from([
            ("network", reference("network", "id")),
            ("door", reference("network", "doors[0].key")),
            ("same_label", Value::from("production")),
            ("other", Value::from("net-1")),
        ]);
        assert_eq!(origins.relink(&inputs), expected);
    }

    #[test]
    fn inside_a_text_the_longest_value_at_the_first_place_is_found() {
        let network = network();
        let origins = Origins::of(std::iter::once(&network));
        assert_eq!(
            origins.relink(&Value::from("allow arn:cloud:net-12345678/* and net-12345678.")),
            join(vec![
                Value::from("allow "),
                reference("network", "arn"),
                Value::from("/* and "),
                reference("network", "id"),
                Value::from("."),
            ])
        );
    }

    #[test]
    fn a_text_of_two_objects_is_of_neither_and_a_secret_stays_marked() {
        let one = record("one", "id-one", Value::Null, Value::from([("zone", "zone-1234")]));
        let two = record("two", "id-two", Value::Null, Value::from([("zone", "zone-1234")]));
        let origins = Origins::of([&one, &two].into_iter());
        assert_eq!(
            origins.relink(&Value::from("zone-1234")),
            Value::from("zone-1234")
        );
        assert_eq!(
            origins.relink(&Value::from("id-one").into_secret()),
            reference("one", "id").into_secret()
        );
    }
}
