//! Listing the resources of one type in one place, page by page.

use konductor_sdk::cloud::from_json;
use konductor_sdk::prelude::*;

use crate::arm_id::ArmId;
use crate::client::{api, get_url};
use crate::lifecycle::{Target, without_token};
use crate::types::ArmType;

/// Reads the first page of what stands in a parent, or the one that a cursor names. `object` makes of each what is listed;
/// what is none of its type is left out.
pub fn listed(
    context: &Context,
    arm_type: &ArmType,
    cursor: Option<&str>,
    parent: impl FnOnce() -> Result<String, Failure>,
    object: impl Fn(&Target, Value) -> Option<ObjectState>,
) -> Result<Listed, Failure> {
    let page = match cursor {
        Some(url) => get_url(&api(context), url)?.send()?,
        None => {
            // The identifier of one of them without its name.
            let one = ArmId::new(&arm_type.name, &parent()?, "x")?;
            let mut collection = one.segments();
            collection.pop();
            api(context)
                .get(collection)
                .query("api-version", &arm_type.api_version)
                .send()?
        }
    };
    let page = from_json(page.json()?);
    let found = page.attribute("value").and_then(Value::as_list);
    let objects = found
        .unwrap_or_default()
        .iter()
        .filter_map(|found| {
            let id = found.attribute("id")?.as_text()?;
            let target = Target::of_id(id, Some(&arm_type.api_version)).ok()?;
            object(&target, without_token(found.clone()))
        })
        .collect();
    let next = page.attribute("nextLink").and_then(Value::as_text);
    Ok(Listed {
        objects,
        next_cursor: next.map(str::to_owned),
    })
}
