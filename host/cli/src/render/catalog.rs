//! One type of the catalogue for a person.

use std::fmt::Write as _;

use konductor_model::schema::{AttributeKind, AttributeSchema, ResourceSchema, TypeKind};

use super::value::one_line;

/// Returns everything about a type: what it is, what it takes and gives, what replaces it, and examples.
pub fn describe(schema: &ResourceSchema) -> String {
    let mut out = String::new();
    let kind = match schema.kind {
        TypeKind::Resource => "resource",
        TypeKind::Component => "component",
    };
    let _ = writeln!(
        out,
        "{} ({kind})\n\n{}",
        console::style(&schema.resource_type).bold(),
        schema.description
    );
    section(
        &mut out,
        "Inputs",
        schema
            .inputs()
            .map(|(name, attribute)| (name.as_str(), attribute)),
    );
    section(
        &mut out,
        "Outputs",
        schema
            .outputs()
            .map(|(name, attribute)| (name.as_str(), attribute)),
    );
    let replacing: Vec<&str> = schema
        .attributes
        .iter()
        .filter(|(_, attribute)| attribute.replaces)
        .map(|(name, _)| name.as_str())
        .collect();
    if !replacing.is_empty() {
        let order = if schema.delete_before_replace {
            " The old object is deleted first."
        } else {
            ""
        };
        let _ = writeln!(
            out,
            "\n{}\n  A change of {} means a new object.{order}",
            heading("Replacement"),
            replacing.join(", ")
        );
    }
    if schema.kind == TypeKind::Resource {
        let _ = writeln!(
            out,
            "\n{}\n  konductor import {} NAME {}",
            heading("Import"),
            schema.resource_type,
            schema.identity.format
        );
        if !schema.identity.description.is_empty() {
            let _ = writeln!(out, "  {}", schema.identity.description);
        }
    }
    if let Some(tags) = &schema.tags {
        let _ = writeln!(out, "\n{}\n  Tags go into `{tags}`.", heading("Tags"));
    }
    for example in &schema.examples {
        let _ = writeln!(out, "\n{}\n", heading(&format!("Example: {}", example.title)));
        out.push_str("  resources:\n");
        for line in example.yaml.trim_end().lines() {
            let _ = writeln!(out, "    {line}");
        }
    }
    out
}

fn heading(text: &str) -> String {
    console::style(text).underlined().to_string()
}

fn section<'a>(
    out: &mut String,
    title: &str,
    attributes: impl Iterator<Item = (&'a str, &'a AttributeSchema)>,
) {
    let rows: Vec<_> = attributes.collect();
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", heading(title));
    let outputs = title == "Outputs";
    for (name, attribute) in rows {
        attribute_line(out, name, attribute, 2, outputs);
    }
}

/// Returns what there is to say of an attribute beside its description, the type first.
pub fn facts(attribute: &AttributeSchema, output: bool) -> Vec<String> {
    let mut facts = vec![attribute.kind.describe()];
    if !output {
        let flags = [
            (attribute.required, "required"),
            (attribute.replaces, "replaces"),
            (attribute.computed, "set by the cloud when not given"),
        ];
        facts.extend(
            flags
                .iter()
                .filter(|(set, _)| *set)
                .map(|(_, text)| (*text).to_owned()),
        );
        facts.extend(
            attribute
                .default
                .as_ref()
                .map(|value| format!("default {}", one_line(value))),
        );
        if !attribute.allowed.is_empty() {
            let allowed: Vec<String> = attribute.allowed.iter().map(one_line).collect();
            facts.push(format!("one of {}", allowed.join(", ")));
        }
        facts.extend(limits(&attribute.kind));
    }
    if attribute.sensitive {
        facts.push("secret".to_owned());
    }
    if let Some(reason) = &attribute.deprecated {
        facts.push(format!("deprecated: {reason}"));
    }
    facts
}

fn attribute_line(out: &mut String, name: &str, attribute: &AttributeSchema, indent: usize, output: bool) {
    let pad = " ".repeat(indent);
    let _ = writeln!(
        out,
        "{pad}{}  ({})",
        console::style(name).bold(),
        facts(attribute, output).join("; ")
    );
    if !attribute.description.is_empty() {
        let _ = writeln!(
            out,
            "{pad}    {}",
            attribute.description.replace('\n', &format!("\n{pad}    "))
        );
    }
    if output {
        return;
    }
    let inner = match &attribute.kind {
        AttributeKind::Object { attributes } => Some(attributes),
        AttributeKind::List { items, .. } => match &items.kind {
            AttributeKind::Object { attributes } => Some(attributes),
            _ => None,
        },
        AttributeKind::Map { values } => match &values.kind {
            AttributeKind::Object { attributes } => Some(attributes),
            _ => None,
        },
        _ => None,
    };
    for (name, attribute) in inner.into_iter().flatten() {
        attribute_line(out, name, attribute, indent + 4, output);
    }
}

fn limits(kind: &AttributeKind) -> Option<String> {
    let (low, high, what) = match kind {
        AttributeKind::Integer { minimum, maximum } => {
            (minimum.map(|v| v.to_string()), maximum.map(|v| v.to_string()), "")
        }
        AttributeKind::Text {
            minimum_length,
            maximum_length,
            ..
        } => (
            minimum_length.map(|v| v.to_string()),
            maximum_length.map(|v| v.to_string()),
            " characters",
        ),
        AttributeKind::List {
            minimum_items,
            maximum_items,
            ..
        } => (
            minimum_items.map(|v| v.to_string()),
            maximum_items.map(|v| v.to_string()),
            " elements",
        ),
        _ => return None,
    };
    match (low, high) {
        (Some(low), Some(high)) => Some(format!("{low} to {high}{what}")),
        (Some(low), None) => Some(format!("at least {low}{what}")),
        (None, Some(high)) => Some(format!("at most {high}{what}")),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_explained_with_limits_and_what_replaces() {
        let schema: ResourceSchema = serde_json::from_value(serde_json::json!({
            "type": "test:unit:Thing", "description": "A thing.", "tags": "tags",
            "identity": { "format": "thing-0123" },
            "attributes": {
                "size": { "kind": "integer", "minimum": 1, "maximum": 9, "required": true, "replaces": true },
                "rules": { "kind": "list", "items": { "kind": "object", "attributes": { "port": { "kind": "integer" } } } },
                "key": { "kind": "text", "sensitive": true, "computed": true, "output_only": true },
                "tags": { "kind": "map", "values": { "kind": "text" } }
            },
            "examples": [{ "title": "small", "yaml": "thing:\n  type: test:unit:Thing\n" }]
        }))
        .unwrap();
        console::set_colors_enabled(false);
        insta::assert_snapshot!(describe(&schema));
    }
}
