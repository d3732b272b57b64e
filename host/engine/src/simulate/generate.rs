//! Makes up what a cloud would answer with, from the schema alone.

use std::collections::BTreeMap;

use konductor_model::schema::{AttributeKind, AttributeSchema, TextFormat};
use konductor_model::{ResourceSchema, Value};

use crate::simulate::profile::{chance, digest};

/// What made-up values depend on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) seed: u64,
    pub(crate) region: &'a str,
    pub(crate) resource_type: &'a str,
    pub(crate) name: &'a str,
    /// Counts the objects of this name, and their changes.
    pub(crate) generation: &'a str,
}

impl Source<'_> {
    fn hex(&self, place: &str, length: usize) -> String {
        let words = [self.resource_type, self.name, self.generation, place];
        let text: String = digest(self.seed, &words)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        text.chars().cycle().take(length).collect()
    }

    fn number(&self, place: &str) -> u64 {
        chance(
            self.seed,
            &[self.resource_type, self.name, self.generation, place],
        )
    }

    /// The account is the same for everything in this cloud.
    fn account(&self) -> String {
        format!("{:012}", chance(self.seed, &["account"]) % 1_000_000_000_000)
    }

    fn uuid(&self, place: &str) -> String {
        let hex = self.hex(place, 32);
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_owned();
        format!(
            "{}-{}-4{}-8{}-{}",
            part(0, 8),
            part(8, 12),
            part(13, 16),
            part(17, 20),
            part(20, 32)
        )
    }

    fn template(&self, template: &str, place: &str, attributes: &BTreeMap<String, Value>) -> String {
        let mut text = template
            .replace("{hex8}", &self.hex(place, 8))
            .replace("{hex17}", &self.hex(place, 17))
            .replace("{uuid}", &self.uuid(place))
            .replace("{digits12}", &self.account())
            .replace("{region}", self.region)
            // What a component made has slashes in its name, and an identifier of a cloud has parts between them.
            .replace("{name}", &self.name.replace('/', "-"));
        while let Some((before, rest)) = text.split_once("{attribute:") {
            let Some((name, after)) = rest.split_once('}') else {
                break;
            };
            let value = match attributes.get(name).map(Value::reveal) {
                Some(Value::Text(text)) => text.clone(),
                Some(value @ (Value::Integer(_) | Value::Boolean(_))) => format!("{value:?}"),
                _ => String::new(),
            };
            text = format!("{before}{value}{after}");
        }
        text
    }
}

/// Fills in what is unknown or left to the provider. `prior` are the attributes the object has, if it exists.
pub(crate) fn complete(
    planned: &Value,
    prior: Option<&Value>,
    schema: &ResourceSchema,
    source: Source<'_>,
) -> BTreeMap<String, Value> {
    let mut attributes = planned.as_map().cloned().unwrap_or_default();
    // Those that are made of other attributes come last.
    let (made_of_others, plain): (Vec<_>, Vec<_>) = schema.attributes.iter().partition(|(_, attribute)| {
        attribute
            .simulated
            .as_ref()
            .is_some_and(|template| template.contains("{attribute:"))
    });
    for (name, attribute) in plain.into_iter().chain(made_of_others) {
        let open = match attributes.get(name) {
            Some(value) if value.is_unknown() => true,
            None | Some(Value::Null) => attribute.computed || attribute.output_only,
            Some(_) => false,
        };
        let kept = prior
            .and_then(|prior| prior.attribute(name))
            .filter(|_| !attribute.volatile)
            .cloned();
        if let (true, Some(kept)) = (open, kept) {
            attributes.insert(name.clone(), kept);
        } else if open {
            let made = value(name, attribute, source, &attributes);
            attributes.insert(name.clone(), made);
        } else if let Some(inner) = attributes.remove(name) {
            attributes.insert(name.clone(), inside(inner, name, Some(attribute), source));
        }
    }
    // What the schema does not know is not left unknown either.
    attributes
        .into_iter()
        .map(|(name, inner)| {
            let filled = inside(inner, &name, None, source);
            (name, filled)
        })
        .collect()
}

/// Fills in what is unknown inside a value.
fn inside(value: Value, place: &str, schema: Option<&AttributeSchema>, source: Source<'_>) -> Value {
    if value.is_wholly_known() {
        return value;
    }
    match value {
        Value::Unknown | Value::Reference(_) => match schema {
            Some(schema) => self::value(place, schema, source, &BTreeMap::new()),
            None => Value::Text(source.hex(place, 8)),
        },
        Value::Secret(inner) => inside(*inner, place, schema, source).into_secret(),
        Value::List(list) => {
            let items = match schema.map(|schema| &schema.kind) {
                Some(AttributeKind::List { items, .. }) => Some(items.as_ref()),
                _ => None,
            };
            let filled = list.into_iter().enumerate();
            Value::List(
                filled
                    .map(|(index, value)| inside(value, &format!("{place}[{index}]"), items, source))
                    .collect(),
            )
        }
        Value::Map(map) => Value::Map(
            map.into_iter()
                .map(|(name, value)| {
                    let below = match schema.map(|schema| &schema.kind) {
                        Some(AttributeKind::Object { attributes }) => attributes.get(&name),
                        Some(AttributeKind::Map { values }) => Some(values.as_ref()),
                        _ => None,
                    };
                    let filled = inside(value, &format!("{place}.{name}"), below, source);
                    (name, filled)
                })
                .collect(),
        ),
        known => known,
    }
}

/// Makes up a value of an attribute.
fn value(
    place: &str,
    schema: &AttributeSchema,
    source: Source<'_>,
    others: &BTreeMap<String, Value>,
) -> Value {
    if let Some(template) = &schema.simulated {
        let text = source.template(template, place, others);
        return match &schema.kind {
            AttributeKind::Boolean => Value::Boolean(text == "true"),
            AttributeKind::Integer { .. } => text.parse().map_or(Value::Integer(1), Value::Integer),
            AttributeKind::Number
            | AttributeKind::List { .. }
            | AttributeKind::Map { .. }
            | AttributeKind::Object { .. } => serde_json::from_str(&text)
                .ok()
                .and_then(|json| konductor_model::value_json::from_json(json).ok())
                .unwrap_or_default(),
            _ => Value::Text(text),
        };
    }
    if let Some(default) = &schema.default {
        return default.clone();
    }
    if let Some(first) = schema.allowed.first() {
        return first.clone();
    }
    match &schema.kind {
        AttributeKind::Boolean => Value::Boolean(false),
        AttributeKind::Integer { minimum, .. } => Value::Integer(minimum.unwrap_or(1).max(1)),
        AttributeKind::Number => Value::Integer(1),
        AttributeKind::Bytes => Value::Bytes(source.hex(place, 8).into_bytes()),
        AttributeKind::List {
            items, minimum_items, ..
        } => Value::List(
            (0..minimum_items.unwrap_or_default())
                .map(|index| value(&format!("{place}[{index}]"), items, source, others))
                .collect(),
        ),
        AttributeKind::Map { .. } => Value::empty_map(),
        AttributeKind::Object { attributes } => Value::Map(
            attributes
                .iter()
                .filter(|(_, below)| below.computed || below.output_only || below.required)
                .map(|(name, below)| {
                    (
                        name.clone(),
                        value(&format!("{place}.{name}"), below, source, others),
                    )
                })
                .collect(),
        ),
        AttributeKind::Json => Value::from("{}"),
        AttributeKind::Any => Value::Text(source.hex(place, 8)),
        AttributeKind::Text { format, .. } => Value::Text(text(*format, place, source)),
    }
}

fn text(format: TextFormat, place: &str, source: Source<'_>) -> String {
    let byte = |shift: u32| source.number(place) >> shift & 0xff;
    match format {
        TextFormat::Ipv4Cidr | TextFormat::Cidr => format!("10.{}.0.0/16", byte(0)),
        TextFormat::Ipv6Cidr => format!("2001:db8:{:x}::/56", byte(0)),
        TextFormat::Ipv4Address => format!("203.0.113.{}", 1 + byte(0) % 254),
        TextFormat::Arn => format!(
            "arn:simulated:{}:{}:{}:{}/{}",
            source.resource_type.split(':').nth(1).unwrap_or_default(),
            source.region,
            source.account(),
            source.name,
            source.hex(place, 8)
        ),
        TextFormat::Base64 => "c2ltdWxhdGVk".to_owned(),
        TextFormat::S3BucketName => format!("simulated-{}", source.hex(place, 8)),
        TextFormat::Any => format!("{place}-{}", source.hex(place, 8)),
    }
}
