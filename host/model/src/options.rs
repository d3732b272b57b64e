//! What a declaration can ask of the engine, the same for every resource type.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::path::{Path, PathStep};
use crate::value::Value;
use crate::value_json::{MASK, to_plain_json};

/// The most characters of a field's name.
const LONGEST_FIELD: usize = 64;

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The options of a resource or component. Those of a component hold for its children where they say so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResourceOptions {
    /// Resources or components that must exist before this one, beyond those it refers to. Inherited.
    #[serde(skip_serializing_if = "is_default")]
    pub depends_on: Vec<String>,
    /// The component this belongs to.
    #[serde(skip_serializing_if = "is_default")]
    pub parent: Option<String>,
    /// Never delete or replace it. Inherited.
    #[serde(skip_serializing_if = "is_default")]
    pub protect: bool,
    /// Forget it instead of deleting it. Inherited.
    #[serde(skip_serializing_if = "is_default")]
    pub retain_on_delete: bool,
    /// Inputs whose changes are not acted on once the object exists.
    #[serde(skip_serializing_if = "is_default")]
    pub ignore_changes: Vec<Path>,
    /// Inputs whose changes mean replacement, beyond those the schema names.
    #[serde(skip_serializing_if = "is_default")]
    pub replace_on_changes: Vec<Path>,
    /// On replacement delete the old object first; false insists on creating first. Not given: the schema decides.
    #[serde(skip_serializing_if = "is_default")]
    pub delete_before_replace: Option<bool>,
    /// Names this had before; an object recorded under one of them is taken over.
    #[serde(skip_serializing_if = "is_default")]
    pub aliases: Vec<String>,
    /// Take over the existing object with this identifier instead of creating one.
    #[serde(skip_serializing_if = "is_default")]
    pub import: Option<String>,
    /// The plugin that manages it, by its name under `plugins`, where several serve the same types. Inherited by what
    /// a component constructs.
    #[serde(skip_serializing_if = "is_default")]
    pub provider: Option<String>,
    /// Attributes to treat as secret, beyond those the schema names.
    #[serde(skip_serializing_if = "is_default")]
    pub sensitive: Vec<Path>,
    /// What is said of it: owner, classification, and so on. A field without a value takes away what is inherited.
    /// Inherited, field by field.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "texts")]
    pub metadata: BTreeMap<String, Option<String>>,
    /// The tags that fields of its metadata are written as, by the field. The run says it, not the declaration.
    #[serde(skip_serializing_if = "is_default")]
    pub metadata_tags: BTreeMap<String, String>,
    /// The controls that apply to it and are written as tags, by framework. The run says it, not the declaration.
    #[serde(skip_serializing_if = "is_default")]
    pub control_tags: BTreeMap<String, Vec<String>>,
}

/// Reads fields of metadata: texts, numbers, booleans and nulls.
fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Option<String>>, D::Error> {
    use serde_json::Value as Json;
    let fields = BTreeMap::<String, Json>::deserialize(deserializer)?;
    fields
        .into_iter()
        .map(|(field, value)| {
            metadata_field(&field).map_err(D::Error::custom)?;
            let text = match value {
                Json::Null => None,
                Json::String(text) if text == MASK => {
                    let why = format!(
                        "`{field}` is a secret, and metadata is written onto resources and into reports"
                    );
                    return Err(D::Error::custom(why));
                }
                Json::String(text) => Some(text),
                Json::Bool(_) | Json::Number(_) => Some(value.to_string()),
                Json::Array(_) | Json::Object(_) => {
                    return Err(D::Error::custom(format!(
                        "`{field}` is no text, number or boolean"
                    )));
                }
            };
            Ok((field, text))
        })
        .collect()
}

/// Checks the name of a field of metadata: lower-case letters, digits and `_`, a letter first.
///
/// # Errors
/// When it is none: one sentence for people.
pub fn metadata_field(name: &str) -> Result<(), String> {
    let starts = name.starts_with(|first: char| first.is_ascii_lowercase());
    let rest = name
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if starts && rest && name.len() <= LONGEST_FIELD {
        return Ok(());
    }
    Err(format!(
        "`{name}` cannot be a field of metadata: lower-case letters, digits and `_`, a letter first, at most \
         {LONGEST_FIELD} characters"
    ))
}

impl ResourceOptions {
    /// Reads options as they are written. A reference without a path names a resource, and one with a key an instance
    /// of it: `depends_on: ["${web[0]}"]` is the same as `depends_on: [web/0]`.
    ///
    /// # Errors
    /// When a name or a kind is wrong: one sentence for people.
    pub fn from_value(value: Value) -> Result<Self, String> {
        if let Some(metadata) = value.attribute("metadata") {
            let later = |leaf: &Value| matches!(leaf, Value::Reference(_) | Value::Unknown);
            if metadata.as_map().is_some_and(|fields| fields.values().any(later)) {
                return Err("what is said of a resource has to be known before anything is made".to_owned());
            }
        }
        let named = value.map_leaves(&mut |leaf| match &leaf {
            Value::Reference(reference) => match reference.path.steps() {
                [] => Value::from(reference.resource.as_str()),
                [PathStep::Attribute(key)] => Value::from(format!("{}/{key}", reference.resource)),
                [PathStep::Index(key)] => Value::from(format!("{}/{key}", reference.resource)),
                _ => leaf,
            },
            _ => leaf,
        });
        serde_json::from_value(to_plain_json(&named)).map_err(|error| error.to_string())
    }

    /// Returns the fields of its metadata that have a value.
    pub fn metadata_fields(&self) -> impl Iterator<Item = (&str, &str)> {
        let fields = self.metadata.iter();
        fields.filter_map(|(field, value)| Some((field.as_str(), value.as_deref()?)))
    }

    /// Takes every option that `over` sets.
    pub fn lay_over(&mut self, over: Self) {
        fn take<T: Default + PartialEq>(place: &mut T, over: T) {
            if !is_default(&over) {
                *place = over;
            }
        }
        take(&mut self.depends_on, over.depends_on);
        take(&mut self.parent, over.parent);
        take(&mut self.protect, over.protect);
        take(&mut self.retain_on_delete, over.retain_on_delete);
        take(&mut self.ignore_changes, over.ignore_changes);
        take(&mut self.replace_on_changes, over.replace_on_changes);
        take(&mut self.delete_before_replace, over.delete_before_replace);
        take(&mut self.aliases, over.aliases);
        take(&mut self.import, over.import);
        take(&mut self.provider, over.provider);
        take(&mut self.sensitive, over.sensitive);
        take(&mut self.metadata, over.metadata);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Reference;

    #[test]
    fn a_reference_in_an_option_is_a_name() {
        let reference = |path: Path| {
            Value::Reference(Reference {
                resource: "web".into(),
                path,
            })
        };
        let options = ResourceOptions::from_value(Value::from([(
            "depends_on",
            Value::from(vec![
                reference(Path::root()),
                reference(Path::attribute("a")),
                reference(Path::from(vec![PathStep::Index(2)])),
                "db".into(),
            ]),
        )]))
        .unwrap();
        assert_eq!(options.depends_on, ["web", "web/a", "web/2", "db"]);
        let error = ResourceOptions::from_value(Value::from([("protekt", true)])).unwrap_err();
        assert!(error.contains("protekt"), "{error}");
    }

    #[test]
    fn options_that_are_not_given_stay() {
        let mut options = ResourceOptions {
            protect: true,
            import: Some("a".into()),
            ..ResourceOptions::default()
        };
        options.lay_over(ResourceOptions {
            import: Some("b".into()),
            ..ResourceOptions::default()
        });
        assert!(options.protect);
        assert_eq!(options.import.as_deref(), Some("b"));
    }
}
