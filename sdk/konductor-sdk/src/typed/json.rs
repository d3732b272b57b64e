//! Attributes as the JSON of an API that names its members as the attributes are named.

use std::collections::BTreeMap;

use konductor_model::value_json::to_plain_json;
use konductor_model::{Diagnostics, Disposition, Failure, Number, Path, Value};
use serde_json::Value as Json;

use super::Attributes;

/// Returns JSON as a value. No member means anything here: what an API answers is data.
fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(boolean) => Value::Boolean(*boolean),
        Json::Number(number) => Number::parse(&number.to_string()).unwrap_or_default(),
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(list) => Value::List(list.iter().map(value).collect()),
        Json::Object(map) => Value::Map(
            map.iter()
                .map(|(name, member)| (name.clone(), value(member)))
                .collect(),
        ),
    }
}

pub(super) fn unreadable(why: &str) -> Failure {
    let message = format!("the cloud's answer cannot be read: {why}");
    Failure::new(Disposition::Other, message)
}

pub(super) fn read<A: Attributes>(json: &Json) -> Result<A, Failure> {
    let Some(members) = json.as_object() else {
        return Err(unreadable("it is no object"));
    };
    let map: BTreeMap<String, Value> = A::attributes()
        .into_keys()
        .filter_map(|name| members.get(&name).map(|member| (name, value(member))))
        .collect();
    let mut problems = Diagnostics::default();
    A::from_map(&map, &Path::root(), &mut problems).ok_or_else(|| {
        let all: Vec<&str> = problems.0.iter().map(|one| one.summary.as_str()).collect();
        unreadable(&all.join("; "))
    })
}

pub(super) fn written<A: Attributes>(attributes: &A) -> Json {
    to_plain_json(&Value::Map(attributes.to_map()).without_secret_marks())
}
