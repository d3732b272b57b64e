//! Tags of buckets and objects. S3 sets all of them at once, so what is not ours to change must be sent again.

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{Tag, Tagging};
use konductor_sdk::aws::{call, done};
use konductor_sdk::typed::prelude::*;

use super::client::{found, incomplete_request};

/// The tag that holds the idempotency token of the create. It never shows among a bucket's tags.
pub const TOKEN: &str = "konductor:token";

fn tag((key, value): (&str, &str)) -> Result<Tag, Failure> {
    Tag::builder()
        .key(key)
        .value(value)
        .build()
        .map_err(|error| incomplete_request(&error))
}

/// Returns tags as S3 takes them.
///
/// # Errors
/// Never in practice: every tag has a key and a value.
pub fn list<'t>(tags: impl IntoIterator<Item = (&'t str, &'t str)>) -> Result<Vec<Tag>, Failure> {
    tags.into_iter().map(tag).collect()
}

/// Returns the tags that are somebody's own: without the token and without those that AWS sets itself.
pub fn own(tags: &[Tag]) -> BTreeMap<String, String> {
    tags.iter()
        .filter(|tag| tag.key() != TOKEN && !tag.key().starts_with("aws:"))
        .map(|tag| (tag.key().to_owned(), tag.value().to_owned()))
        .collect()
}

/// Returns the token a bucket was created with; empty when it was created by others.
pub fn token(tags: &[Tag]) -> &str {
    tags.iter()
        .find(|tag| tag.key() == TOKEN)
        .map(Tag::value)
        .unwrap_or_default()
}

/// Reads the tags of a bucket; none of a bucket without tags.
///
/// # Errors
/// When the cloud refuses.
pub async fn read(client: &Client, bucket: &str) -> Result<Vec<Tag>, Failure> {
    match call(client.get_bucket_tagging().bucket(bucket).send()).await {
        Err(failure) if failure.code == "NoSuchTagSet" => Ok(Vec::new()),
        Err(failure) => Err(failure),
        Ok(answer) => Ok(answer.tag_set),
    }
}

/// Sets the tags of a bucket to those wanted, the token, and those that AWS set itself.
///
/// # Errors
/// When the cloud refuses.
pub async fn write(
    client: &Client,
    bucket: &str,
    wanted: &BTreeMap<String, String>,
    token: &str,
    present: &[Tag],
) -> Result<(), Failure> {
    let own = wanted.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let token = Some((TOKEN, token)).filter(|(_, token)| !token.is_empty());
    let system = present
        .iter()
        .filter(|tag| tag.key().starts_with("aws:"))
        .map(|tag| (tag.key(), tag.value()));
    let all = list(own.chain(token).chain(system))?;
    if all.is_empty() {
        let removed = done(client.delete_bucket_tagging().bucket(bucket).send()).await;
        return found(removed).map(|_| ());
    }
    let put = client.put_bucket_tagging().bucket(bucket);
    done(put.tagging(tagging(all)?).send()).await
}

/// Returns a set of tags as S3 takes it.
///
/// # Errors
/// Never in practice: the set is given.
pub fn tagging(tags: Vec<Tag>) -> Result<Tagging, Failure> {
    Tagging::builder()
        .set_tag_set(Some(tags))
        .build()
        .map_err(|error| incomplete_request(&error))
}
