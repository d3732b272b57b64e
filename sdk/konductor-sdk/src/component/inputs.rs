//! Reading the inputs of components, which may still hold references and unknown values.

use konductor_model::module::ConstructRequest;
use konductor_model::{Diagnostic, Path, Value};

use super::Construction;
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

/// Returns an input as it was given; null where it was not.
pub fn input(request: &ConstructRequest, name: &str) -> Value {
    request.inputs.attribute(name).cloned().unwrap_or_default()
}

/// Returns inputs that are true unless something else is said, and decide what exists. There are none when one is not
/// known, which is said then.
pub fn switches<const N: usize>(
    request: &ConstructRequest,
    construction: &mut Construction,
    names: [&str; N],
) -> Option<[bool; N]> {
    let mut switches = [true; N];
    for (switch, name) in switches.iter_mut().zip(names) {
        match known(&request.inputs, name) {
            Ok(value) => *switch = value.and_then(Value::as_boolean).unwrap_or(true),
            Err(wrong) => {
                construction.diagnose(*wrong);
                return None;
            }
        }
    }
    Some(switches)
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
