//! Holds a provider to its word: known inputs come through into the plan, and what was planned as known is what
//! there is after apply.
//!
//! Not covered: attributes that were planned as null or not at all. Clouds fill in defaults there, and a later
//! plan shows them when they matter.

use konductor_model::schema::{AttributeKind, AttributeSchema};
use konductor_model::{Disposition, Failure, Path, ResourceSchema, Urn, Value};

/// Returns the places where a plan contradicts a known input. Allowed to differ are computed attributes, JSON
/// documents, and what keeps the value the object has, since the provider may know it for another spelling.
pub(crate) fn planned_against_inputs(
    planned: &Value,
    inputs: &Value,
    prior: Option<&Value>,
    schema: &ResourceSchema,
) -> Vec<Path> {
    let mut broken = Vec::new();
    let Some(inputs) = inputs.as_map() else {
        return broken;
    };
    for (name, input) in inputs {
        let attribute = schema.attributes.get(name);
        if attribute.is_some_and(|attribute| attribute.computed) {
            continue;
        }
        let planned = planned.attribute(name).unwrap_or(&Value::Null);
        if prior
            .and_then(|prior| prior.attribute(name))
            .is_some_and(|prior| prior.same_as(planned))
        {
            continue;
        }
        compare(&Path::attribute(name), input, planned, attribute, &mut broken);
    }
    broken
}

/// Returns the places where a result is not what was planned as known.
pub(crate) fn result_against_planned(result: &Value, planned: &Value, schema: &ResourceSchema) -> Vec<Path> {
    let mut broken = Vec::new();
    let Some(planned) = planned.as_map() else {
        return broken;
    };
    for (name, planned) in planned {
        let result = result.attribute(name).unwrap_or(&Value::Null);
        compare(
            &Path::attribute(name),
            planned,
            result,
            schema.attributes.get(name),
            &mut broken,
        );
    }
    broken
}

/// Returns the places that are not known in a value that must be.
pub(crate) fn unknown_places(value: &Value) -> Vec<Path> {
    let mut found = Vec::new();
    value.walk(&mut |path, value| {
        if matches!(value, Value::Unknown | Value::Reference(_)) {
            found.push(path.clone());
        }
        true
    });
    found
}

/// Makes the failure that names plugin, resource and attributes.
pub(crate) fn violation(plugin: &str, urn: &Urn, rule: &str, places: &[Path]) -> Failure {
    let names: Vec<String> = places.iter().map(ToString::to_string).collect();
    let mut failure = Failure::new(
        Disposition::Plugin,
        format!(
            "the plugin `{plugin}` broke its word on `{}`: {rule}: {}; report this to the plugin's author",
            urn.name(),
            names.join(", ")
        ),
    );
    failure.at = places.first().cloned();
    failure
}

/// `expected` binds where it is known and not null.
fn compare(
    path: &Path,
    expected: &Value,
    actual: &Value,
    schema: Option<&AttributeSchema>,
    broken: &mut Vec<Path>,
) {
    let expected = expected.reveal();
    let actual = actual.reveal();
    match (expected, actual) {
        (Value::Unknown | Value::Reference(_) | Value::Null, _) => {}
        (Value::Map(expected), Value::Map(actual)) => {
            for (name, expected) in expected {
                let below = match schema.map(|schema| &schema.kind) {
                    Some(AttributeKind::Object { attributes }) => attributes.get(name),
                    Some(AttributeKind::Map { values }) => Some(values.as_ref()),
                    Some(AttributeKind::Json) => return,
                    _ => None,
                };
                if below.is_some_and(|below| below.computed) {
                    continue;
                }
                let actual = actual.get(name).unwrap_or(&Value::Null);
                compare(&path.child(name), expected, actual, below, broken);
            }
        }
        // An empty collection and none are the same to most clouds.
        (Value::Map(expected), Value::Null) if expected.is_empty() => {}
        (Value::List(expected), Value::Null) if expected.is_empty() => {}
        (Value::List(expected), Value::List(actual)) => {
            let (items, unordered) = match schema.map(|schema| &schema.kind) {
                Some(AttributeKind::List { items, unordered, .. }) => (Some(items.as_ref()), *unordered),
                Some(AttributeKind::Json) => return,
                _ => (None, false),
            };
            if expected.len() != actual.len() {
                broken.push(path.clone());
            } else if unordered {
                let matches = |expected: &Value, actual: &Value| {
                    let mut found = Vec::new();
                    compare(path, expected, actual, items, &mut found);
                    found.is_empty()
                };
                let mut left: Vec<&Value> = actual.iter().collect();
                for expected in expected {
                    match left.iter().position(|actual| matches(expected, actual)) {
                        Some(position) => {
                            left.swap_remove(position);
                        }
                        None => {
                            broken.push(path.clone());
                            break;
                        }
                    }
                }
            } else {
                for (index, (expected, actual)) in expected.iter().zip(actual).enumerate() {
                    compare(&path.element(index), expected, actual, items, broken);
                }
            }
        }
        // Unknown in a plan is not a contradiction of the input it was made from, but of nothing after apply.
        (_, Value::Unknown) => broken.push(path.clone()),
        (expected, actual) => {
            let json = schema.is_some_and(|schema| schema.kind == AttributeKind::Json);
            if !json && expected != actual {
                broken.push(path.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> ResourceSchema {
        serde_json::from_value(serde_json::json!({
            "type": "t:t:T", "description": "", "attributes": {
                "name": {"kind": "text"},
                "zone": {"kind": "text", "computed": true},
                "ports": {"kind": "list", "items": {"kind": "integer"}, "unordered": true},
                "policy": {"kind": "json"},
            }
        }))
        .unwrap()
    }

    #[test]
    fn a_known_input_must_come_through_unless_the_provider_sets_it() {
        let inputs = Value::from([
            ("name", Value::from("A")),
            ("zone", Value::from("x")),
            ("ports", Value::from(vec![1, 2])),
            ("policy", Value::from("{ }")),
        ]);
        let planned = Value::from([
            ("name", Value::from("a")),
            ("zone", Value::from("y")),
            ("ports", Value::from(vec![2, 1])),
            ("policy", Value::from("{}")),
        ]);
        assert_eq!(
            planned_against_inputs(&planned, &inputs, None, &schema()),
            [Path::attribute("name")]
        );
        let prior = Value::from([("name", "a")]);
        assert_eq!(
            planned_against_inputs(&planned, &inputs, Some(&prior), &schema()),
            []
        );
    }

    #[test]
    fn a_result_must_be_what_was_planned_as_known() {
        let planned = Value::from([
            ("name", Value::from("a").into_secret()),
            ("zone", Value::Unknown),
            ("ports", Value::from(vec![1])),
        ]);
        let good = Value::from([
            ("name", Value::from("a")),
            ("zone", Value::from("z")),
            ("ports", Value::from(vec![1])),
        ]);
        assert_eq!(result_against_planned(&good, &planned, &schema()), []);
        let bad = Value::from([("name", Value::from("b")), ("ports", Value::from(vec![2]))]);
        assert_eq!(
            result_against_planned(&bad, &planned, &schema()),
            [Path::attribute("name"), Path::attribute("ports")]
        );
    }
}
