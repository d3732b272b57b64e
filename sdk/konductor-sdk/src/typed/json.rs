//! Attributes as the JSON of an API that names its members as the attributes are named.

use std::collections::BTreeMap;

use konductor_model::value_json::from_plain_json;
use konductor_model::{Diagnostics, Disposition, Failure, Path, Value};
use serde_json::Value as Json;

use super::Attributes;
use crate::cloud::to_json;

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
        .filter_map(|name| {
            members
                .get(&name)
                .map(|member| (name, from_plain_json(member.clone())))
        })
        .collect();
    let mut problems = Diagnostics::default();
    A::from_map(&map, &Path::root(), &mut problems).ok_or_else(|| {
        let all: Vec<&str> = problems.0.iter().map(|one| one.summary.as_str()).collect();
        unreadable(&all.join("; "))
    })
}

pub(super) fn written<A: Attributes>(attributes: &A) -> Json {
    to_json(&Value::Map(attributes.to_map()))
}
