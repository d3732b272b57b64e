//! Looking for an attribute.

use serde_json::Value as Json;

/// Stands where a value is known only after the apply. No text of a document begins with this character.
pub(crate) const UNKNOWN: &str = "\u{0}unknown";
/// Stands for a secret in the document.
const SECRET: &str = "(secret)";

/// What is at a path.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Found<'v> {
    /// A value.
    Value(&'v Json),
    /// Nothing, or null.
    Nothing,
    /// Something that nobody may or can look at yet.
    Unknown,
}

/// Finds what is at a path of members with dots between; the empty path is the value itself. Names are the same in upper
/// and lower case.
pub(crate) fn find<'v>(value: &'v Json, path: &str) -> Found<'v> {
    let mut here = value;
    for name in path.split('.').filter(|name| !name.is_empty()) {
        let members = match here {
            Json::String(text) if text == UNKNOWN || text == SECRET => return Found::Unknown,
            Json::Object(members) => members,
            _ => return Found::Nothing,
        };
        let member = members.get(name).or_else(|| {
            let mut members = members.iter();
            members.find_map(|(other, value)| other.eq_ignore_ascii_case(name).then_some(value))
        });
        match member {
            Some(member) => here = member,
            None => return Found::Nothing,
        }
    }
    match here {
        Json::Null => Found::Nothing,
        Json::String(text) if text == UNKNOWN || text == SECRET => Found::Unknown,
        value => Found::Value(value),
    }
}

/// Lays over a value where it is not known: the form of `after_unknown`.
pub(crate) fn with_unknown(value: &Json, unknown: &Json) -> Json {
    match (value, unknown) {
        (_, Json::Bool(true)) => Json::String(UNKNOWN.to_owned()),
        (Json::Object(members), Json::Object(unknown)) => {
            let mut all = members.clone();
            for (name, unknown) in unknown {
                let member = members.get(name).unwrap_or(&Json::Null);
                all.insert(name.clone(), with_unknown(member, unknown));
            }
            Json::Object(all)
        }
        (Json::Array(elements), Json::Array(unknown)) => {
            let nothing = Json::Bool(false);
            let each = elements.iter().enumerate();
            let element = |(index, element)| with_unknown(element, unknown.get(index).unwrap_or(&nothing));
            Json::Array(each.map(element).collect())
        }
        (value, _) => value.clone(),
    }
}

/// Sets what is at a path of members with dots between, and makes the objects on the way.
pub(crate) fn set(value: &mut Json, path: &str, new: Json) {
    let (name, rest) = match path.split_once('.') {
        Some((name, rest)) => (name, Some(rest)),
        None => (path, None),
    };
    if !value.is_object() {
        *value = Json::Object(serde_json::Map::new());
    }
    if let Some(members) = value.as_object_mut() {
        match rest {
            None => {
                members.insert(name.to_owned(), new);
            }
            Some(rest) => set(members.entry(name).or_insert(Json::Null), rest, new),
        }
    }
}
