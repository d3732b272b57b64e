//! `konductor output`.

use konductor_model::Value;
use konductor_model::value_json::{Secrets, to_json};
use konductor_state::Journal as _;

use crate::arguments::OutputArguments;
use crate::error::CommandError;
use crate::output::Output;
use crate::project::Project;
use crate::render::value::{for_script, one_line};

/// Prints the stack's outputs.
pub async fn output(
    arguments: &OutputArguments,
    project: &Project,
    output: &Output,
) -> Result<(), CommandError> {
    let log = project.read_log().await?;
    let snapshot = if arguments.show_secrets {
        log.snapshot().await?
    } else {
        log.snapshot_masked().await?
    };
    let visible = |value: &Value| {
        if arguments.show_secrets {
            value.clone().without_secret_marks()
        } else {
            value.clone()
        }
    };
    match &arguments.name {
        Some(name) => {
            let Some(value) = snapshot.outputs.get(name) else {
                let error = CommandError::message(format!("there is no output `{name}`"));
                let nearest =
                    konductor_model::suggestion::nearest(name, snapshot.outputs.keys().map(String::as_str));
                return Err(match nearest {
                    Some(nearest) => error.help(format!("did you mean `{nearest}`?")),
                    None => error.help("`konductor output` lists them; declare one under `outputs:`"),
                });
            };
            if value.has_secret() && !arguments.show_secrets {
                return Err(CommandError::message(format!("output `{name}` is secret"))
                    .help("pass --show-secrets to print it"));
            }
            let value = visible(value);
            let members = serde_json::json!({ "name": name, "value": to_json(&value, Secrets::Masked) });
            output.fact("output", &members, &for_script(&value));
        }
        None => show_all(&snapshot.outputs, &visible, output),
    }
    Ok(())
}

/// Prints outputs, one a line.
pub fn show_all(
    outputs: &std::collections::BTreeMap<String, Value>,
    visible: &dyn Fn(&Value) -> Value,
    output: &Output,
) {
    for (name, value) in outputs {
        let value = visible(value);
        let members = serde_json::json!({ "name": name, "value": to_json(&value, Secrets::Masked) });
        output.fact("output", &members, &format!("{name}: {}", one_line(&value)));
    }
}
