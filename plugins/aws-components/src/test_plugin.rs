//! The components and the module as the host sees them, for tests.

use konductor_sdk::Dispatcher;
use konductor_sdk::model::value_json::{from_json, to_plain_json};
use konductor_sdk::prelude::*;
use serde_json::{Value as Json, json};

struct Components;

impl Plugin for Components {
    fn definition() -> Definition {
        let mut definition = Definition::new("aws", "0.0.0");
        for component in crate::COMPONENTS {
            definition = definition.component(component);
        }
        for module in crate::MODULES {
            definition = definition.module(module);
        }
        definition
    }
}

pub(crate) fn dispatcher() -> Dispatcher {
    Dispatcher::new(Components::definition())
}

/// Constructs a component or module called `NAME` from inputs as JSON.
pub(crate) fn construct(target: &str, name: &str, inputs: Json, metadata: Json) -> ConstructResponse {
    dispatcher()
        .construct(ConstructRequest {
            target: target.to_owned(),
            name: name.parse().unwrap(),
            inputs: from_json(inputs).unwrap(),
            metadata: from_json(metadata).unwrap(),
        })
        .unwrap()
}

/// Returns an answer in a form for snapshots.
pub(crate) fn shown(response: &ConstructResponse) -> Json {
    let declarations: serde_json::Map<String, Json> = response
        .declarations
        .iter()
        .map(|declaration| {
            let mut shown = json!({
                "type": declaration.resource_type,
                "properties": to_plain_json(&declaration.properties),
            });
            if !declaration.options.depends_on.is_empty() {
                shown["depends_on"] = json!(declaration.options.depends_on);
            }
            (declaration.name.clone(), shown)
        })
        .collect();
    json!({
        "declarations": declarations,
        "outputs": to_plain_json(&response.outputs),
        "diagnostics": messages(response),
    })
}

/// Returns what was said, with its place.
pub(crate) fn messages(response: &ConstructResponse) -> Vec<String> {
    response
        .diagnostics
        .0
        .iter()
        .map(|diagnostic| {
            let at = diagnostic
                .at
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default();
            format!("{} [{at}] {}", diagnostic.severity, diagnostic.summary)
        })
        .collect()
}

/// Constructs every example of a component and fails where one says anything.
pub(crate) fn assert_examples_work(component: &dyn Component, metadata: &Json) {
    let schema = component.schema().unwrap();
    assert!(!schema.examples.is_empty());
    for example in &schema.examples {
        let declared: serde_json::Map<String, Json> = serde_saphyr::from_str(&example.yaml).unwrap();
        for (name, declaration) in declared {
            let target = declaration["type"].as_str().unwrap();
            let response = construct(target, &name, declaration["properties"].clone(), metadata.clone());
            assert_eq!(
                messages(&response),
                Vec::<String>::new(),
                "{}: {name}",
                example.title
            );
        }
    }
}
