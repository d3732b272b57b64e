//! One type as a page of documentation, in Markdown.

use std::fmt::Write as _;

use konductor_model::schema::{AttributeKind, AttributeSchema, ResourceSchema, TypeKind};

use super::catalog::facts;

/// Returns the page of a type.
pub fn reference_page(schema: &ResourceSchema) -> String {
    let mut page = format!("# {}\n\n{}\n", schema.resource_type, schema.description.trim());
    for example in &schema.examples {
        let _ = write!(page, "\n## Example: {}\n\n```yaml\nresources:\n", example.title);
        for line in example.yaml.trim_end().lines() {
            let _ = writeln!(page, "  {line}");
        }
        page.push_str("```\n");
    }
    table(&mut page, "Inputs", schema.inputs(), false);
    table(&mut page, "Outputs", schema.outputs(), true);
    if schema.kind == TypeKind::Component {
        return page;
    }
    let replacing: Vec<String> = schema
        .attributes
        .iter()
        .filter(|(_, attribute)| attribute.replaces)
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    if !replacing.is_empty() {
        let order = if schema.delete_before_replace {
            "The old object is deleted before the new one is made."
        } else {
            "The new object is made before the old one is deleted."
        };
        let _ = write!(
            page,
            "\n## Replacement\n\nA change of {} means a new object. {order}\n",
            replacing.join(", ")
        );
    }
    if let Some(tags) = &schema.tags {
        let _ = write!(page, "\n## Tags\n\nThe tags of a stack go into `{tags}`.\n");
    }
    let _ = write!(
        page,
        "\n## Import\n\n```console\n$ konductor import {} NAME {}\n```\n",
        schema.resource_type, schema.identity.format
    );
    if !schema.identity.description.is_empty() {
        let _ = write!(page, "\n{}\n", schema.identity.description);
    }
    page
}

fn table<'a>(
    page: &mut String,
    title: &str,
    attributes: impl Iterator<Item = (&'a String, &'a AttributeSchema)>,
    output: bool,
) {
    let mut rows = String::new();
    for (name, attribute) in attributes {
        row(&mut rows, name, attribute, output);
    }
    if !rows.is_empty() {
        let _ = write!(
            page,
            "\n## {title}\n\n| attribute | type | description |\n|---|---|---|\n{rows}"
        );
    }
}

fn row(rows: &mut String, name: &str, attribute: &AttributeSchema, output: bool) {
    let cell = |text: &str| text.trim().replace('|', "\\|").replace('\n', " ");
    let _ = writeln!(
        rows,
        "| `{name}` | {} | {} |",
        cell(&facts(attribute, output).join("; ")),
        cell(&attribute.description)
    );
    let (below, mark) = match &attribute.kind {
        AttributeKind::Object { attributes } => (Some(attributes), ""),
        AttributeKind::List { items, .. } => (members(items), "[]"),
        AttributeKind::Map { values } => (members(values), ".*"),
        _ => (None, ""),
    };
    for (inner, attribute) in below.into_iter().flatten() {
        row(rows, &format!("{name}{mark}.{inner}"), attribute, output);
    }
}

fn members(attribute: &AttributeSchema) -> Option<&std::collections::BTreeMap<String, AttributeSchema>> {
    match &attribute.kind {
        AttributeKind::Object { attributes } => Some(attributes),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_examples_attributes_replacement_and_import() {
        let schema: ResourceSchema = serde_json::from_value(serde_json::json!({
            "type": "test:unit:Thing", "description": "A thing.", "tags": "tags",
            "identity": { "format": "thing-0123", "description": "Its number." },
            "examples": [{ "title": "One", "yaml": "one:\n  type: test:unit:Thing\n" }],
            "attributes": {
                "size": { "kind": "integer", "minimum": 1, "maximum": 9, "required": true, "replaces": true,
                    "description": "How large | wide\nit is." },
                "rules": { "kind": "list", "items": { "kind": "object", "attributes": { "port": { "kind": "integer" } } } },
                "tags": { "kind": "map", "values": { "kind": "text" } },
                "serial": { "kind": "text", "computed": true, "output_only": true },
            },
        }))
        .unwrap();
        insta::assert_snapshot!(reference_page(&schema));
    }
}
