//! The components and the module as the host sees them, for tests.

use konductor_sdk::prelude::*;
use konductor_sdk_test::Components;
pub(crate) use konductor_sdk_test::components::{messages, shown};
use serde_json::Value as Json;

pub(crate) fn components() -> Components {
    let mut definition = Definition::new("aws", "0.0.0");
    for component in crate::COMPONENTS {
        definition = definition.component(component);
    }
    for module in crate::MODULES {
        definition = definition.module(module);
    }
    Components::new(definition)
}

/// Constructs a component or module called `NAME` from inputs as JSON.
pub(crate) fn construct(target: &str, name: &str, inputs: Json, metadata: Json) -> ConstructResponse {
    components().construct(target, name, inputs, metadata)
}

/// Constructs every example of a component and fails where one says anything.
pub(crate) fn assert_examples_work(component: &dyn Component, metadata: &Json) {
    components().assert_examples_work(component, metadata);
}
