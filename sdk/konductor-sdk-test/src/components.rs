//! Components and modules as the host sees them.

use konductor_model::Value;
use konductor_model::interpolation::resolve_joins;
use konductor_model::module::{ConstructRequest, ConstructResponse};
use konductor_model::provider::CheckRequest;
use konductor_model::value_json::{from_json, to_plain_json};
use konductor_sdk::{Component, Definition, Dispatcher};
use serde_json::{Value as Json, json};

/// A plugin's components and modules. What is asked of them ends a test with a panic where it fails.
pub struct Components(Dispatcher);

impl std::fmt::Debug for Components {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Components")
    }
}

impl Components {
    /// Takes what a plugin is made of.
    pub fn new(definition: Definition) -> Self {
        Self(Dispatcher::new(definition))
    }

    /// Constructs a component or module called `name` from inputs as JSON.
    ///
    /// # Panics
    /// When the name or the JSON is none, or the plugin fails.
    #[track_caller]
    pub fn construct(&self, target: &str, name: &str, inputs: Json, metadata: Json) -> ConstructResponse {
        let value = |json| from_json(json).unwrap_or_else(|error| panic!("{error}"));
        self.0
            .construct(ConstructRequest {
                target: target.to_owned(),
                name: name.parse().unwrap_or_else(|error| panic!("{error}")),
                inputs: value(inputs),
                metadata: value(metadata),
            })
            .unwrap_or_else(|failure| panic!("{failure}"))
    }

    /// Constructs every example of a component and fails where one says anything.
    ///
    /// # Panics
    /// When one does, or there is none.
    #[track_caller]
    pub fn assert_examples_work(&self, component: &dyn Component, metadata: &Json) {
        let schema = component.schema().unwrap_or_else(|error| panic!("{error}"));
        assert!(
            !schema.examples.is_empty(),
            "{} has no example",
            schema.resource_type
        );
        for example in &schema.examples {
            let declared: serde_json::Map<String, Json> = serde_saphyr::from_str(&example.yaml)
                .unwrap_or_else(|error| panic!("{}: {error}", example.title));
            for (name, declaration) in declared {
                let part = |member: &str| declaration.get(member).cloned().unwrap_or_default();
                let type_name = part("type");
                let target = type_name.as_str().unwrap_or_default();
                // Resources of other plugins stand beside it.
                if target.split(':').next() != Some(schema.resource_type.provider()) {
                    continue;
                }
                let response = self.construct(target, &name, part("properties"), metadata.clone());
                assert_eq!(
                    messages(&response),
                    Vec::<String>::new(),
                    "{}: {name}",
                    example.title
                );
            }
        }
    }

    /// Checks what was declared as the plugin checks it while references in it are not known yet.
    ///
    /// # Panics
    /// When a type of the plugin does not take it, or is none.
    #[track_caller]
    pub fn assert_types_take(&self, response: &ConstructResponse) {
        for declared in &response.declarations {
            let unknown = declared.properties.clone().map_leaves(&mut |leaf| match leaf {
                Value::Reference(_) => Value::Unknown,
                other => other,
            });
            let request = CheckRequest {
                resource_type: declared.resource_type.clone(),
                name: declared.name.parse().unwrap_or_else(|error| panic!("{error}")),
                inputs: resolve_joins(unknown),
                prior_inputs: None,
            };
            let checked = self
                .0
                .check(&request)
                .unwrap_or_else(|failure| panic!("{failure}"));
            let wrong = &checked.diagnostics.0;
            assert!(
                wrong.is_empty(),
                "{} {}: {wrong:#?}",
                declared.resource_type,
                declared.name
            );
        }
    }
}

/// Returns an answer in a form for snapshots.
pub fn shown(response: &ConstructResponse) -> Json {
    let declarations: serde_json::Map<String, Json> = response
        .declarations
        .iter()
        .map(|declaration| {
            let mut shown = json!({
                "type": declaration.resource_type,
                "properties": to_plain_json(&declaration.properties),
            });
            if !declaration.options.depends_on.is_empty()
                && let Some(shown) = shown.as_object_mut()
            {
                shown.insert("depends_on".to_owned(), json!(declaration.options.depends_on));
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
pub fn messages(response: &ConstructResponse) -> Vec<String> {
    let said = |diagnostic: &konductor_model::Diagnostic| {
        let at = diagnostic
            .at
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        format!("{} [{at}] {}", diagnostic.severity, diagnostic.summary)
    };
    response.diagnostics.0.iter().map(said).collect()
}
