//! A record as the declaration that keeps it.

use konductor_model::Value;
use konductor_model::value_json::to_plain_json;
use konductor_state::ResourceRecord;

/// Returns a `resources:` section in YAML. Secret inputs are left out, with a comment that says so.
pub fn declaration(record: &ResourceRecord) -> String {
    let mut text = format!(
        "resources:\n  {}:\n    type: {}\n",
        record.urn.name(),
        record.urn.resource_type()
    );
    let mut secrets = Vec::new();
    let mut lines = String::new();
    for (name, value) in record.inputs.as_map().into_iter().flatten() {
        match value {
            Value::Null => {}
            value if value.has_secret() => secrets.push(name.as_str()),
            // JSON is YAML, and needs no rules for quoting; `$` is doubled because it begins a reference.
            value => {
                let json = to_plain_json(value).to_string().replace('$', "$$");
                lines.push_str(&format!("      {name}: {json}\n"));
            }
        }
    }
    if !lines.is_empty() {
        text.push_str("    properties:\n");
        text.push_str(&lines);
    }
    for name in secrets {
        text.push_str(&format!(
            "      # {name} is secret: set it with `konductor config set --secret` and refer to it\n"
        ));
    }
    text
}
