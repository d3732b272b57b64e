//! Tags, and the one that makes creates idempotent where the API has no client token.

use std::collections::BTreeMap;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{ResourceType, Tag, TagSpecification};
use konductor_sdk::aws::run;
use konductor_sdk::prelude::*;

/// The tag that holds the idempotency token of the create. It never shows among an object's tags.
pub const TOKEN: &str = "konductor:token";

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

/// Returns the tags for a create: those of the inputs, and the token.
pub fn on_create(kind: ResourceType, request: &CreateRequest) -> TagSpecification {
    let tags = request.inputs.text_map("tags");
    TagSpecification::builder()
        .resource_type(kind)
        .set_tags(Some(
            tags.iter()
                .map(|(key, value)| tag(key, value))
                .chain([tag(TOKEN, &request.idempotency_token)])
                .collect(),
        ))
        .build()
}

/// Returns the tags of an object, without the token and without those that AWS sets itself.
pub fn of(tags: &[Tag]) -> Value {
    Value::Map(
        tags.iter()
            .filter_map(|tag| Some((tag.key()?, tag.value().unwrap_or_default())))
            .filter(|(key, _)| *key != TOKEN && !key.starts_with("aws:"))
            .map(|(key, value)| (key.to_owned(), Value::from(value)))
            .collect::<BTreeMap<_, _>>(),
    )
}

/// Returns the token an object was created with; empty when it was created by others.
pub fn token(tags: &[Tag]) -> &str {
    tags.iter()
        .find(|tag| tag.key() == Some(TOKEN))
        .and_then(Tag::value)
        .unwrap_or_default()
}

/// Changes the tags of an object from those it has to those wanted.
///
/// # Errors
/// When the cloud refuses.
pub fn update(client: &Client, id: &str, request: &UpdateRequest) -> Result<(), Failure> {
    let present = request.prior.attributes.text_map("tags");
    let wanted = request.inputs.text_map("tags");
    let removed: Vec<Tag> = present
        .keys()
        .filter(|key| !wanted.contains_key(*key))
        .map(|key| Tag::builder().key(key).build())
        .collect();
    let set: Vec<Tag> = wanted
        .iter()
        .filter(|(key, value)| present.get(*key) != Some(value))
        .map(|(key, value)| tag(key, value))
        .collect();
    if !removed.is_empty() {
        run(client.delete_tags().resources(id).set_tags(Some(removed)).send())?;
    }
    if !set.is_empty() {
        run(client.create_tags().resources(id).set_tags(Some(set)).send())?;
    }
    Ok(())
}
