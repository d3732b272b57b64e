//! Tags of objects of AWS Config: a list of keys and values, set and removed by calls that name the object by its Amazon
//! resource name.

use konductor_sdk::cloud::{Api, Pages, all_pages};
use konductor_sdk::typed::prelude::*;
use serde_json::{Value as Json, json};

use super::client::call;
use crate::json_api::{TOKEN, elements, given, own_tags, tag_changes, text};

fn list<'t>(tags: impl IntoIterator<Item = (&'t str, &'t str)>) -> Json {
    let tags = tags.into_iter();
    tags.map(|(key, value)| json!({ "Key": key, "Value": value }))
        .collect()
}

/// Returns the tags of a create, its token among them. A change takes none: it sets and removes them by themselves.
pub(crate) fn of_create(tags: &BTreeMap<String, String>, token: Option<&str>) -> Json {
    let Some(token) = token else {
        return Json::Null;
    };
    let own = tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    list(own.chain([(TOKEN, token)]))
}

/// Reads the tags of an object, and the token of its create; empty where it carries none.
///
/// # Errors
/// When the cloud refuses.
pub(crate) fn read(config: &Api<'_>, arn: &str) -> Result<(BTreeMap<String, String>, String), Failure> {
    let tags = all_pages(|cursor| {
        let asked = given([("ResourceArn", arn.into()), ("NextToken", json!(cursor))]);
        let answer = call(config, "ListTagsForResource", &asked)?;
        let items = elements(&answer, "Tags").iter().filter_map(|tag| {
            let value = text(tag, "Value").unwrap_or_default();
            text(tag, "Key").map(|key| (key, value))
        });
        Ok(Pages {
            items: items.collect(),
            next: text(&answer, "NextToken"),
        })
    })?;
    Ok(own_tags(tags.into_iter().collect()))
}

/// Changes the tags of an object from these to those.
///
/// # Errors
/// When the cloud refuses.
pub(crate) fn change(
    config: &Api<'_>,
    arn: &str,
    present: &BTreeMap<String, String>,
    wanted: &BTreeMap<String, String>,
) -> Result<(), Failure> {
    let (set, removed) = tag_changes(present, wanted);
    if !set.is_empty() {
        call(
            config,
            "TagResource",
            &json!({ "ResourceArn": arn, "Tags": list(set) }),
        )?;
    }
    if !removed.is_empty() {
        call(
            config,
            "UntagResource",
            &json!({ "ResourceArn": arn, "TagKeys": removed }),
        )?;
    }
    Ok(())
}
