//! Reading the inputs of components, which may still hold references and unknown values.

use konductor_sdk::component::inputs;
pub(crate) use konductor_sdk::component::inputs::{known, not_known, own_name};
use konductor_sdk::model::Value;

/// Returns what stands in this plugin's own configuration.
pub(crate) fn configured<'v>(metadata: &'v Value, path: &[&str]) -> Option<&'v Value> {
    inputs::configured(metadata, "aws", path)
}

/// Returns tags with a `Name`; one that is given stays.
pub(crate) fn named_tags(tags: Option<&Value>, name: String) -> Value {
    match tags {
        None | Some(Value::Null) => Value::from([("Name", name)]),
        Some(Value::Map(map)) => {
            let mut map = map.clone();
            map.entry("Name".to_owned()).or_insert_with(|| name.into());
            Value::Map(map)
        }
        Some(other) => other.clone(),
    }
}
