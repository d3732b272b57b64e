//! Planning from a schema: what an object will look like, and what has to change for that.

use std::collections::BTreeMap;

use konductor_model::provider::{PlanRequest, PlanResponse};
use konductor_model::schema::{AttributeKind, AttributeSchema, ResourceSchema};
use konductor_model::{AttributeChange, ChangeKind, Path, Value};

use crate::equality::{each_key, mark_sensitive, same};

/// What becomes of attributes that the provider sets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Computed {
    /// Nothing changes: they stay.
    Keep,
    /// Something changes: the volatile ones become unknown.
    Change,
    /// A new object is made: all become unknown.
    Create,
}

/// Plans an object. On create every computed attribute is unknown; on update it keeps its value unless it is
/// volatile; where a change means replacement it is unknown again. An input that is computed and not given
/// keeps its value. What means the same keeps the spelling it has.
pub fn plan_object(schema: &ResourceSchema, request: &PlanRequest) -> PlanResponse {
    let empty = BTreeMap::new();
    let inputs = request.inputs.as_map().unwrap_or(&empty);
    let prior = request.prior.as_ref().and_then(|prior| prior.attributes.as_map());
    let planned = |computed| plan_map(&schema.attributes, inputs, prior.unwrap_or(&empty), computed);
    let (planned, changes) = match prior {
        None => {
            let planned = planned(Computed::Create);
            let changes = planned
                .iter()
                .filter(|(name, _)| inputs.contains_key(*name))
                .map(|(name, _)| change(Path::attribute(name), ChangeKind::Add))
                .collect();
            (planned, changes)
        }
        Some(prior) => {
            let kept = planned(Computed::Keep);
            let mut changes = Vec::new();
            diff_map(&schema.attributes, prior, &kept, &Path::root(), &mut changes);
            for change in &mut changes {
                change.requires_replacement = schema.replaces_at(&change.at);
            }
            let planned = if changes.is_empty() {
                kept
            } else if changes.iter().any(|change| change.requires_replacement) {
                planned(Computed::Create)
            } else {
                planned(Computed::Change)
            };
            (planned, changes)
        }
    };
    PlanResponse {
        planned: mark_sensitive(&schema.attributes, Value::Map(planned)),
        changes,
        delete_before_replace: schema.delete_before_replace,
        ..PlanResponse::default()
    }
}

/// Returns the attributes of an object that could have been given, with their values: inputs that plan to no
/// change against it.
pub fn inputs_of(schema: &ResourceSchema, attributes: &Value) -> Value {
    let empty = BTreeMap::new();
    given(&schema.attributes, attributes.as_map().unwrap_or(&empty))
}

fn given(attributes: &BTreeMap<String, AttributeSchema>, values: &BTreeMap<String, Value>) -> Value {
    Value::Map(
        values
            .iter()
            .filter_map(|(name, value)| {
                let attribute = attributes.get(name).filter(|attribute| !attribute.output_only)?;
                Some((name.clone(), given_value(attribute, value)))
            })
            .filter(|(_, value)| !value.is_null())
            .collect(),
    )
}

fn given_value(attribute: &AttributeSchema, value: &Value) -> Value {
    match (&attribute.kind, value) {
        (AttributeKind::Object { attributes }, Value::Map(map)) => given(attributes, map),
        (AttributeKind::List { items, .. }, Value::List(list)) => {
            Value::List(list.iter().map(|value| given_value(items, value)).collect())
        }
        (AttributeKind::Map { values }, Value::Map(map)) => Value::Map(
            map.iter()
                .map(|(key, value)| (key.clone(), given_value(values, value)))
                .collect(),
        ),
        _ => value.clone(),
    }
}

fn change(at: Path, kind: ChangeKind) -> AttributeChange {
    AttributeChange {
        at,
        kind,
        requires_replacement: false,
    }
}

fn plan_map(
    attributes: &BTreeMap<String, AttributeSchema>,
    inputs: &BTreeMap<String, Value>,
    prior: &BTreeMap<String, Value>,
    computed: Computed,
) -> BTreeMap<String, Value> {
    attributes
        .iter()
        .filter_map(|(name, attribute)| {
            let planned = plan_value(
                attribute,
                inputs.get(name).unwrap_or(&Value::Null),
                prior.get(name).unwrap_or(&Value::Null),
                computed,
            );
            (!planned.is_null()).then(|| (name.clone(), planned))
        })
        .collect()
}

fn plan_value(attribute: &AttributeSchema, input: &Value, prior: &Value, computed: Computed) -> Value {
    if attribute.output_only || input.reveal().is_null() {
        return if !attribute.computed && !attribute.output_only {
            Value::Null
        } else if computed == Computed::Create || (computed == Computed::Change && attribute.volatile) {
            Value::Unknown
        } else {
            prior.clone()
        };
    }
    if computed != Computed::Create && same(attribute, input, prior) {
        return keep_mark(input, prior.clone());
    }
    let planned = match (&attribute.kind, input.reveal()) {
        (AttributeKind::Object { attributes }, Value::Map(input)) => {
            let empty = BTreeMap::new();
            let prior = prior.as_map().unwrap_or(&empty);
            Value::Map(plan_map(attributes, input, prior, computed))
        }
        (AttributeKind::List { items, unordered, .. }, Value::List(input))
            if matches!(items.kind, AttributeKind::Object { .. }) =>
        {
            let prior = prior.as_list().unwrap_or_default();
            Value::List(plan_elements(items, *unordered, input, prior, computed))
        }
        (_, input) => input.clone(),
    };
    keep_mark(input, planned)
}

fn keep_mark(input: &Value, planned: Value) -> Value {
    if matches!(input, Value::Secret(_)) {
        planned.into_secret()
    } else {
        planned
    }
}

/// Plans the objects of a list. Of an unordered list each takes after the first object it can be made of
/// without a change, so that what the provider set in it stays; then the list itself keeps its order.
fn plan_elements(
    items: &AttributeSchema,
    unordered: bool,
    inputs: &[Value],
    prior: &[Value],
    computed: Computed,
) -> Vec<Value> {
    if !unordered {
        return inputs
            .iter()
            .enumerate()
            .map(|(index, input)| {
                plan_value(items, input, prior.get(index).unwrap_or(&Value::Null), computed)
            })
            .collect();
    }
    let mut free: Vec<&Value> = prior.iter().collect();
    inputs
        .iter()
        .map(|input| {
            let found = free
                .iter()
                .position(|prior| same(items, &plan_value(items, input, prior, Computed::Keep), prior));
            let prior = found.map(|index| free.remove(index));
            plan_value(
                items,
                input,
                prior.unwrap_or(&Value::Null),
                match prior {
                    Some(_) => computed,
                    None => Computed::Create,
                },
            )
        })
        .collect()
}

fn diff_map(
    attributes: &BTreeMap<String, AttributeSchema>,
    prior: &BTreeMap<String, Value>,
    planned: &BTreeMap<String, Value>,
    at: &Path,
    changes: &mut Vec<AttributeChange>,
) {
    for (name, prior, planned) in each_key(prior, planned) {
        // What only the provider sets has its prior value here, so it never is a reason to change something.
        if let Some(attribute) = attributes.get(name) {
            diff_value(attribute, prior, planned, at.child(name), changes);
        }
    }
}

fn diff_value(
    attribute: &AttributeSchema,
    prior: &Value,
    planned: &Value,
    at: Path,
    changes: &mut Vec<AttributeChange>,
) {
    if same(attribute, prior, planned) {
        return;
    }
    match (&attribute.kind, prior.reveal(), planned.reveal()) {
        (_, Value::Null, _) => changes.push(change(at, ChangeKind::Add)),
        (_, _, Value::Null) => changes.push(change(at, ChangeKind::Delete)),
        (AttributeKind::Object { attributes }, Value::Map(prior), Value::Map(planned)) => {
            diff_map(attributes, prior, planned, &at, changes);
        }
        (AttributeKind::Map { values }, Value::Map(prior), Value::Map(planned)) => {
            for (key, prior, planned) in each_key(prior, planned) {
                diff_value(values, prior, planned, at.child(key), changes);
            }
        }
        (
            AttributeKind::List {
                items,
                unordered: false,
                ..
            },
            Value::List(prior),
            Value::List(planned),
        ) if prior.len() == planned.len() => {
            for (index, (prior, planned)) in prior.iter().zip(planned).enumerate() {
                diff_value(items, prior, planned, at.element(index), changes);
            }
        }
        _ => changes.push(change(at, ChangeKind::Update)),
    }
}
