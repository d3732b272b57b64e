//! What a description says of the attributes of its type that the table does not.

use std::collections::BTreeMap;

use konductor_sdk::model::schema::AttributeKind;
use konductor_sdk::prelude::*;

use super::Typed;
use konductor_sdk::cloud::from_json;

type Attributes = BTreeMap<String, AttributeSchema>;

/// Applies a description to the attributes that follow from the table.
pub fn adjust(typed: &Typed, attributes: &mut Attributes) {
    for path in typed.without {
        if let Some((around, name)) = path.rsplit_once('.')
            && let Some(inner) = find(attributes, around).and_then(inner)
        {
            inner.remove(name);
        }
    }
    for path in typed.outputs {
        if let Some(attribute) = find(attributes, path) {
            attribute.output_only = true;
            attribute.computed = true;
            attribute.volatile = true;
            attribute.required = false;
            attribute.replaces = false;
        }
    }
    for path in typed.required {
        if let Some(attribute) = find(attributes, path) {
            attribute.required = true;
            attribute.computed = false;
        }
    }
    for path in typed.fixed {
        if let Some(attribute) = find(attributes, path) {
            attribute.replaces = true;
        }
    }
    for path in typed.own {
        if let Some(attribute) = find(attributes, path) {
            own(attribute);
        }
    }
    for (path, pattern) in typed.patterns {
        if let Some(attribute) = find(attributes, path) {
            attribute.pattern = Some((*pattern).to_owned());
        }
    }
    for (path, text) in typed.defaults {
        if let Ok(value) = serde_json::from_str(text) {
            set_default(attributes, path, &from_json(value));
        }
    }
}

/// Says of an attribute and of all in it that nobody else sets it.
fn own(attribute: &mut AttributeSchema) {
    attribute.computed = attribute.output_only;
    match &mut attribute.kind {
        AttributeKind::Object { attributes } => attributes.values_mut().for_each(own),
        AttributeKind::List { items, .. } => own(items),
        AttributeKind::Map { values } => own(values),
        _ => {}
    }
}

/// Returns an attribute by the names that lead to it. Those of the elements of a list follow the name of the list.
pub fn find<'a>(attributes: &'a mut Attributes, path: &str) -> Option<&'a mut AttributeSchema> {
    let (first, rest) = match path.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    };
    let attribute = attributes.get_mut(first)?;
    match rest {
        None => Some(attribute),
        Some(rest) => find(inner(attribute)?, rest),
    }
}

fn inner(attribute: &mut AttributeSchema) -> Option<&mut Attributes> {
    match &mut attribute.kind {
        AttributeKind::Object { attributes } => Some(attributes),
        AttributeKind::List { items, .. } => inner(items),
        _ => None,
    }
}

/// Gives an attribute a default, and the objects around it one that holds it: it is used also where these are not given.
fn set_default(attributes: &mut Attributes, path: &str, value: &Value) {
    let (first, rest) = match path.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    };
    let Some(attribute) = attributes.get_mut(first) else {
        return;
    };
    let Some(rest) = rest else {
        attribute.default = Some(value.clone());
        attribute.computed = false;
        attribute.required = false;
        return;
    };
    // What has to be given is told to who does not give it.
    if !attribute.required {
        let mut whole = attribute.default.take().unwrap_or_else(Value::empty_map);
        put(&mut whole, rest, value);
        attribute.default = Some(whole);
    }
    if let Some(inner) = inner(attribute) {
        set_default(inner, rest, value);
    }
}

fn put(object: &mut Value, path: &str, value: &Value) {
    let Some(map) = object.as_map_mut() else { return };
    match path.split_once('.') {
        None => {
            map.insert(path.to_owned(), value.clone());
        }
        Some((first, rest)) => {
            let inner = map.entry(first.to_owned()).or_insert_with(Value::empty_map);
            put(inner, rest, value);
        }
    }
}

/// Returns what an object has that was given nothing.
pub fn defaults_of(typed: &Typed) -> Value {
    let mut all = Value::empty_map();
    for (path, text) in typed.defaults {
        if let Ok(value) = serde_json::from_str(text) {
            put(&mut all, path, &from_json(value));
        }
    }
    all
}

/// Takes out what a path leads to.
pub fn remove(map: &mut BTreeMap<String, Value>, path: &str) {
    match path.split_once('.') {
        None => {
            map.remove(path);
        }
        Some((first, rest)) => {
            if let Some(inner) = map.get_mut(first).and_then(Value::as_map_mut) {
                remove(inner, rest);
            }
        }
    }
}
