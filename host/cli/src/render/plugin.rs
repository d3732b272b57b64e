//! What a plugin asks for, for the person who grants it.

use std::fmt::Write as _;

use konductor_model::Manifest;

/// Describes everything that a manifest asks for, with its reasons.
pub fn wants(manifest: &Manifest) -> String {
    let mut text = String::from("\nIt asks for\n");
    let nothing = text.len();
    for endpoint in &manifest.endpoints {
        let _ = writeln!(
            text,
            "  endpoint {}: {:?} service `{}`{}",
            endpoint.id,
            endpoint.protocol,
            endpoint.service,
            reason(&endpoint.reason)
        );
        let regions = if endpoint.regions.is_empty() {
            "the configured one".to_owned()
        } else {
            format!("the configured one, {}", endpoint.regions.join(", "))
        };
        let _ = writeln!(text, "    regions      {regions}");
        let methods = if endpoint.methods.is_empty() {
            "all".to_owned()
        } else {
            endpoint.methods.join(", ")
        };
        let _ = writeln!(text, "    methods      {methods}");
        let credentials = endpoint.credentials.as_ref().unwrap_or(&manifest.name);
        let _ = writeln!(text, "    signed with  the credentials of `{credentials}`");
        if !endpoint.token_operations.is_empty() {
            let _ = writeln!(
                text,
                "    tokens       {}; these answer with tokens or keys",
                endpoint.token_operations.join(", ")
            );
        }
    }
    for reveal in &manifest.reveals {
        let _ = writeln!(
            text,
            "  secret {}.{} as it is{}",
            reveal.resource_type,
            reveal.attribute,
            reason(&reveal.reason)
        );
    }
    for (what, items) in [
        ("metadata", &manifest.metadata),
        ("configuration", &manifest.modules),
        ("types of other plugins", &manifest.declares),
    ] {
        if !items.is_empty() {
            let _ = writeln!(text, "  {what}: {}", items.join(", "));
        }
    }
    if text.len() == nothing {
        text.push_str("  nothing\n");
    }
    text
}

/// Returns a manifest with every control character in it written out: what stands in a file that was not run comes
/// from a stranger, and a terminal obeys escape sequences.
pub fn printable(manifest: &Manifest) -> Result<Manifest, serde_json::Error> {
    fn walk(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) if text.chars().any(char::is_control) => {
                *text = text.chars().flat_map(written_out).collect();
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(walk),
            serde_json::Value::Object(members) => members.values_mut().for_each(walk),
            _ => {}
        }
    }
    fn written_out(character: char) -> Vec<char> {
        if character.is_control() {
            character.escape_default().collect()
        } else {
            vec![character]
        }
    }
    let mut value = serde_json::to_value(manifest)?;
    walk(&mut value);
    serde_json::from_value(value)
}

fn reason(reason: &str) -> String {
    if reason.is_empty() {
        String::new()
    } else {
        format!(": {reason}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_asked_for_is_shown_with_its_reason() {
        let manifest = serde_json::from_value(serde_json::json!({
            "name": "backup", "version": "1.0.0", "modules": ["backup"], "metadata": ["stack"],
            "endpoints": [
                {"id": "s3", "protocol": "aws", "service": "s3", "regions": ["eu-west-1"], "methods": ["GET", "PUT"],
                 "reason": "to write the copies"},
                {"id": "sts", "protocol": "aws", "service": "sts", "token_operations": ["AssumeRole"],
                 "credentials": "keys"},
            ],
            "reveals": [{"resource_type": "backup:plan:Target", "attribute": "password", "reason": "it is hashed"}],
        }))
        .unwrap();
        insta::assert_snapshot!(wants(&manifest));
    }

    #[test]
    fn what_a_stranger_wrote_cannot_command_the_terminal() {
        let manifest = serde_json::from_value(serde_json::json!({
            "name": "a", "version": "1.0.0", "description": "calm\u{1b}[2J\u{9b}31m",
            "endpoints": [{"id": "e\u{7}", "protocol": "aws", "service": "s3", "reason": "\rgranted"}],
        }))
        .unwrap();
        let shown = printable(&manifest).unwrap();
        let text = format!("{}{}", shown.description, wants(&shown));
        assert!(
            !text.chars().any(|c| c.is_control() && c != '\n'),
            "{text:?} should hold no control character"
        );
        assert!(text.contains("calm"));
    }

    #[test]
    fn a_plugin_that_asks_for_nothing_says_so() {
        let manifest = serde_json::from_value(serde_json::json!({"name": "a", "version": "1.0.0"})).unwrap();
        assert_eq!(wants(&manifest), "\nIt asks for\n  nothing\n");
    }
}
