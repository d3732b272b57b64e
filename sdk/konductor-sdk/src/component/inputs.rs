//! Reading the inputs of components, which may still hold references and unknown values.

use konductor_model::module::ConstructRequest;
use konductor_model::{Diagnostic, Path, Value};

use crate::access::AttributeAccess as _;

/// Returns what a component's objects are called: its input `name`, else its own name with hyphens for slashes.
pub fn own_name(request: &ConstructRequest) -> String {
    let given = request.inputs.optional_text("name");
    given.map_or_else(|| request.name.as_str().replace('/', "-"), str::to_owned)
}

/// Returns what stands in a plugin's own configuration, which the host gives to `construct` as
/// `configuration.NAMESPACE` of the run's metadata, without credentials.
pub fn configured<'v>(metadata: &'v Value, namespace: &str, path: &[&str]) -> Option<&'v Value> {
    ["configuration", namespace]
        .iter()
        .chain(path)
        .try_fold(metadata, |here, name| here.attribute(name))
        .filter(|value| !value.is_null())
}

/// Returns an input that decides what exists, so that it must be known when the plan is made.
///
/// # Errors
/// When it is a reference or unknown; the diagnostic says so.
pub fn known<'v>(inputs: &'v Value, name: &str) -> Result<Option<&'v Value>, Box<Diagnostic>> {
    match inputs.attribute(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) if value.is_wholly_known() => Ok(Some(value)),
        Some(_) => Err(Box::new(not_known(name))),
    }
}

/// Says that an input must be known when the plan is made.
pub fn not_known(name: &str) -> Diagnostic {
    Diagnostic::error(format!("`{name}` must be known when the plan is made"))
        .detail("it decides which resources exist, so it cannot come from another resource")
        .help(format!("write `{name}` out, or take it from the configuration"))
        .at(Path::attribute(name))
}
