//! Tags, and the one that makes creates idempotent where the API has no client token.

use std::collections::BTreeMap;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{ResourceType, Tag, TagSpecification};
use konductor_sdk::aws::done;
use konductor_sdk::model::schema::AttributeSchema;
use konductor_sdk::typed::AttributeType;
use konductor_sdk::typed::prelude::*;

/// The tag that holds the idempotency token of the create. It never shows among an object's tags.
pub const TOKEN: &str = "konductor:token";

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

/// The tags of an object, without those that AWS sets itself. The token stands apart: it is no attribute.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tags {
    by_key: BTreeMap<String, String>,
    token: String,
}

impl Tags {
    /// Returns the token an object was created with; empty when it was created by others.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Returns the tags for a create, the token among them.
    pub fn specification(&self, kind: ResourceType, token: &str) -> TagSpecification {
        let own = self.by_key.iter().map(|(key, value)| tag(key, value));
        TagSpecification::builder()
            .resource_type(kind)
            .set_tags(Some(own.chain([tag(TOKEN, token)]).collect()))
            .build()
    }

    /// Changes the tags of an object from these to those wanted.
    ///
    /// # Errors
    /// When the cloud refuses.
    pub async fn become_those(&self, client: &Client, id: &str, wanted: &Self) -> Result<(), Failure> {
        let removed: Vec<Tag> = self
            .by_key
            .keys()
            .filter(|key| !wanted.by_key.contains_key(*key))
            .map(|key| Tag::builder().key(key).build())
            .collect();
        let set: Vec<Tag> = wanted
            .by_key
            .iter()
            .filter(|(key, value)| self.by_key.get(*key) != Some(value))
            .map(|(key, value)| tag(key, value))
            .collect();
        if !removed.is_empty() {
            done(client.delete_tags().resources(id).set_tags(Some(removed)).send()).await?;
        }
        if !set.is_empty() {
            done(client.create_tags().resources(id).set_tags(Some(set)).send()).await?;
        }
        Ok(())
    }
}

impl From<Option<Vec<Tag>>> for Tags {
    fn from(tags: Option<Vec<Tag>>) -> Self {
        let mut read = Self::default();
        for Tag { key, value, .. } in tags.into_iter().flatten() {
            let (Some(key), value) = (key, value.unwrap_or_default()) else {
                continue;
            };
            if key == TOKEN {
                read.token = value;
            } else if !key.starts_with("aws:") {
                read.by_key.insert(key, value);
            }
        }
        read
    }
}

impl AttributeType for Tags {
    const OPTIONAL: bool = true;

    fn schema() -> AttributeSchema {
        BTreeMap::<String, String>::schema()
    }

    fn from_value(value: &Value, at: &Path, problems: &mut Diagnostics) -> Option<Self> {
        Some(Self {
            by_key: BTreeMap::from_value(value, at, problems)?,
            token: String::new(),
        })
    }

    fn to_value(&self) -> Value {
        self.by_key.to_value()
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}
