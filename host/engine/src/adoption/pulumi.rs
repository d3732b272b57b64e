//! Pulumi's checkpoints and exported deployments.

use serde_json::Value as Json;

use super::{ForeignObject, ForeignStateError};
use crate::free_names::FreeNames;

pub(super) const TOOL: &str = "pulumi";

pub(super) fn read(
    deployment: &Json,
    names: &mut FreeNames,
) -> Result<Vec<ForeignObject>, ForeignStateError> {
    let resources = deployment.get("resources").and_then(Json::as_array);
    let mut found = Vec::new();
    for (index, resource) in resources.into_iter().flatten().enumerate() {
        let member = |member: &'static str| {
            resource
                .get(member)
                .and_then(Json::as_str)
                .ok_or(ForeignStateError::Member { index, member })
        };
        let flag = |name: &str| resource.get(name).and_then(Json::as_bool).unwrap_or_default();
        // Components and stacks are not custom; what is external or about to be deleted is not managed.
        if !flag("custom") || flag("external") || flag("delete") {
            continue;
        }
        let (urn, resource_type) = (member("urn")?, member("type")?);
        if resource_type.starts_with("pulumi:") {
            continue;
        }
        let name = urn.rsplit("::").next().unwrap_or(urn);
        found.push(ForeignObject {
            address: urn.to_owned(),
            resource_type: resource_type.to_owned(),
            name: names.give(name),
            id: resource.get("id").and_then(Json::as_str).map(str::to_owned),
            attributes: resource
                .get("outputs")
                .and_then(Json::as_object)
                .cloned()
                .unwrap_or_default(),
        });
    }
    Ok(found)
}

/// Returns an attribute's name as Pulumi spells it.
pub(super) fn spelling(name: &str) -> String {
    let mut spelled = String::new();
    let mut upper = false;
    for character in name.chars() {
        if character == '_' {
            upper = true;
        } else if upper {
            spelled.push(character.to_ascii_uppercase());
            upper = false;
        } else {
            spelled.push(character);
        }
    }
    spelled
}
