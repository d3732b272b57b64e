//! Reading the inputs of components, which may still hold references and unknown values.

use konductor_sdk::model::{Diagnostic, Path, Value};

/// Returns what stands in this plugin's own configuration, which the host gives to `construct` as
/// `configuration.aws` of the run's metadata, without credentials.
pub(crate) fn configured<'v>(metadata: &'v Value, path: &[&str]) -> Option<&'v Value> {
    ["configuration", "aws"]
        .iter()
        .chain(path)
        .try_fold(metadata, |here, name| here.attribute(name))
        .filter(|value| !value.is_null())
}

/// Returns an input that decides what exists, so that it must be known when the plan is made.
///
/// # Errors
/// When it is a reference or unknown; the diagnostic says so.
pub(crate) fn known<'v>(inputs: &'v Value, name: &str) -> Result<Option<&'v Value>, Box<Diagnostic>> {
    match inputs.attribute(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) if value.is_wholly_known() => Ok(Some(value)),
        Some(_) => Err(Box::new(not_known(name))),
    }
}

/// Says that an input must be known when the plan is made.
pub(crate) fn not_known(name: &str) -> Diagnostic {
    Diagnostic::error(format!("`{name}` must be known when the plan is made"))
        .detail("it decides which resources exist, so it cannot come from another resource")
        .help(format!("write `{name}` out, or take it from the configuration"))
        .at(Path::attribute(name))
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
