//! The JSON Schema (2020-12) of a section of the configuration.

use std::collections::BTreeMap;

use konductor_model::Value;
use konductor_model::schema::{AttributeKind, AttributeSchema, TextFormat};
use konductor_model::value_json::to_plain_json;
use serde_json::{Map, Value as Json, json};

/// Members of a section that the host reads by itself. A plugin never sees the first; it may declare the others.
const OF_THE_HOST: [(&str, &str); 2] = [
    ("credentials", "How the host signs in. The plugin never sees it."),
    (
        "endpoint_url",
        "Where requests go instead of the cloud's own address.",
    ),
];

/// Returns the schema of a section with these attributes; nothing else may stand in it but what the host reads.
pub fn of_section(attributes: &BTreeMap<String, AttributeSchema>) -> Json {
    let mut schema = object(attributes);
    if let Some(properties) = schema.get_mut("properties").and_then(Json::as_object_mut) {
        for (name, description) in OF_THE_HOST {
            properties
                .entry(name)
                .or_insert_with(|| json!({ "description": description }));
        }
    }
    schema
}

/// Returns the defaults, as the lowest layer of the section.
pub fn defaults(attributes: &BTreeMap<String, AttributeSchema>) -> Value {
    Value::Map(
        attributes
            .iter()
            .filter_map(|(name, attribute)| {
                let inner = match &attribute.kind {
                    AttributeKind::Object { attributes } => defaults(attributes),
                    _ => Value::Null,
                };
                let inner = inner.as_map().is_some_and(|map| !map.is_empty()).then_some(inner);
                let value = attribute.default.clone().or(inner)?;
                Some((name.clone(), value))
            })
            .collect(),
    )
}

fn object(attributes: &BTreeMap<String, AttributeSchema>) -> Json {
    let inputs = || attributes.iter().filter(|(_, attribute)| !attribute.output_only);
    let properties: Map<String, Json> = inputs()
        .map(|(name, attribute)| (name.clone(), of_attribute(attribute)))
        .collect();
    let required: Vec<&String> = inputs()
        .filter(|(_, attribute)| attribute.required)
        .map(|(name, _)| name)
        .collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn of_attribute(attribute: &AttributeSchema) -> Json {
    let mut schema = of_kind(&attribute.kind);
    let Some(members) = schema.as_object_mut() else {
        return schema;
    };
    let mut put = |name: &str, value: Json| {
        members.insert(name.to_owned(), value);
    };
    if !attribute.description.is_empty() {
        put("description", attribute.description.clone().into());
    }
    if let Some(default) = &attribute.default {
        put("default", to_plain_json(default));
    }
    if !attribute.allowed.is_empty() {
        put("enum", attribute.allowed.iter().map(to_plain_json).collect());
    }
    if let Some(pattern) = &attribute.pattern {
        put("pattern", format!("^(?:{pattern})$").into());
    }
    if attribute.deprecated.is_some() {
        put("deprecated", true.into());
    }
    if attribute.write_only || attribute.sensitive {
        put("writeOnly", true.into());
    }
    schema
}

fn of_kind(kind: &AttributeKind) -> Json {
    let limited = |mut schema: Json, limits: [(&str, Option<Json>); 2]| {
        if let Some(members) = schema.as_object_mut() {
            members.extend(
                limits
                    .into_iter()
                    .filter_map(|(name, limit)| Some((name.to_owned(), limit?))),
            );
        }
        schema
    };
    match kind {
        AttributeKind::Any => json!({}),
        AttributeKind::Boolean => json!({ "type": "boolean" }),
        AttributeKind::Integer { minimum, maximum } => limited(
            json!({ "type": "integer" }),
            [
                ("minimum", minimum.map(Json::from)),
                ("maximum", maximum.map(Json::from)),
            ],
        ),
        AttributeKind::Number => json!({ "type": "number" }),
        AttributeKind::Text {
            format,
            minimum_length,
            maximum_length,
        } => {
            let mut schema = limited(
                json!({ "type": "string" }),
                [
                    ("minLength", minimum_length.map(Json::from)),
                    ("maxLength", maximum_length.map(Json::from)),
                ],
            );
            // The forms that JSON Schema has a word for; the others are told when the section is read.
            if *format == TextFormat::Ipv4Address
                && let Some(members) = schema.as_object_mut()
            {
                members.insert("format".to_owned(), "ipv4".into());
            }
            schema
        }
        AttributeKind::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
        AttributeKind::List {
            items,
            unordered,
            minimum_items,
            maximum_items,
        } => limited(
            json!({ "type": "array", "items": of_attribute(items), "uniqueItems": unordered }),
            [
                ("minItems", minimum_items.map(Json::from)),
                ("maxItems", maximum_items.map(Json::from)),
            ],
        ),
        AttributeKind::Map { values } => {
            json!({ "type": "object", "additionalProperties": of_attribute(values) })
        }
        AttributeKind::Object { attributes } => object(attributes),
        AttributeKind::Json => json!({ "type": ["object", "array", "string", "number", "boolean", "null"] }),
    }
}
