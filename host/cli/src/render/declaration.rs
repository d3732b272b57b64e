//! An imported object as the declaration that keeps it.

use konductor_model::value_json::to_plain_json;
use konductor_model::{Urn, Value};

/// Returns a `resources:` section in YAML. Secret inputs are left out, with a comment that says so.
pub fn declaration(urn: &Urn, inputs: &Value) -> String {
    let mut text = format!(
        "resources:\n  {}:\n    type: {}\n",
        urn.name(),
        urn.resource_type()
    );
    let mut secrets = Vec::new();
    let mut lines = String::new();
    for (name, value) in inputs.as_map().into_iter().flatten() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_is_shown_as_yaml_without_its_secrets() {
        let urn: Urn = "urn:konductor:shop:dev:aws:ec2:Vpc::network".parse().unwrap();
        let inputs = Value::from([
            ("cidr_block", Value::from("10.0.0.0/16")),
            ("note", Value::from("costs ${5}")),
            ("nothing", Value::Null),
            ("password", Value::from("hunter2").into_secret()),
        ]);
        insta::assert_snapshot!(declaration(&urn, &inputs), @r#"
        resources:
          network:
            type: aws:ec2:Vpc
            properties:
              cidr_block: "10.0.0.0/16"
              note: "costs $${5}"
              # password is secret: set it with `konductor config set --secret` and refer to it
        "#);
    }
}
