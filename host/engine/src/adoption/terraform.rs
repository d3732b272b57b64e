//! The state of Terraform and OpenTofu, version 4.

use serde_json::Value as Json;

use super::{ForeignObject, ForeignStateError};
use crate::free_names::FreeNames;

pub(super) const TOOL: &str = "terraform";

/// The version of the state format that is read.
const VERSION: u64 = 4;

pub(super) fn read(json: &Json, names: &mut FreeNames) -> Result<Vec<ForeignObject>, ForeignStateError> {
    let version = json.get("version").and_then(Json::as_u64).unwrap_or_default();
    if version != VERSION {
        return Err(ForeignStateError::TerraformVersion(version));
    }
    let resources = json.get("resources").and_then(Json::as_array);
    let mut found = Vec::new();
    for (index, resource) in resources.into_iter().flatten().enumerate() {
        let member = |member: &'static str| {
            resource
                .get(member)
                .and_then(Json::as_str)
                .ok_or(ForeignStateError::Member { index, member })
        };
        if member("mode")? != "managed" {
            continue;
        }
        let (resource_type, name) = (member("type")?, member("name")?);
        let module = resource.get("module").and_then(Json::as_str);
        for instance in resource
            .get("instances")
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
        {
            // A superseded object that Terraform still has to delete is not the resource.
            if instance.get("deposed").is_some() {
                continue;
            }
            let key = instance.get("index_key");
            let attributes = instance
                .get("attributes")
                .and_then(Json::as_object)
                .cloned()
                .unwrap_or_default();
            let mut address = module.map(|module| format!("{module}.")).unwrap_or_default();
            address.push_str(&format!("{resource_type}.{name}"));
            let mut wanted = String::new();
            for part in module
                .unwrap_or_default()
                .split('.')
                .filter(|part| *part != "module")
            {
                wanted.push_str(part);
                wanted.push('-');
            }
            wanted.push_str(name);
            if let Some(key) = key {
                address.push_str(&format!("[{key}]"));
                wanted.push('-');
                wanted.push_str(&key.as_str().map_or_else(|| key.to_string(), str::to_owned));
            }
            found.push(ForeignObject {
                address,
                resource_type: resource_type.to_owned(),
                name: names.give(&wanted),
                id: attributes.get("id").and_then(Json::as_str).map(str::to_owned),
                attributes,
            });
        }
    }
    Ok(found)
}
