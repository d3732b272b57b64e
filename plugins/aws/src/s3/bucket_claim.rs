//! Telling the bucket of an interrupted create from one that somebody else made.
//!
//! S3 has no client token, and in `us-east-1` it answers a second `CreateBucket` of the owner with success. So the
//! bucket is looked for first, and every bucket carries the token of its create as a tag. S3 sets it together with
//! the bucket; what is compatible with S3 but ignores tags at that moment gets them in a second call. A bucket
//! between the two calls has no tag at all and is younger than the token.

use aws_sdk_s3::Client;
use konductor_sdk::aws::call;
use konductor_sdk::typed::prelude::*;

use super::client::found;
use super::tags;
use super::token_time::token_time;

/// Looks whether a bucket exists for these credentials.
///
/// # Errors
/// When it exists but is out of reach, or it cannot be told.
pub(crate) async fn exists(client: &Client, bucket: &str) -> Result<bool, Failure> {
    match found(call(client.head_bucket().bucket(bucket).send()).await) {
        Ok(answer) => Ok(answer.is_some()),
        Err(failure) => Err(match failure.http_status {
            Some(301) => taken(bucket, "in another region", failure),
            Some(403) => taken(
                bucket,
                "but belongs to another account, or may not be looked at",
                failure,
            ),
            _ => failure,
        }),
    }
}

fn taken(bucket: &str, how: &str, failure: Failure) -> Failure {
    Failure {
        disposition: Disposition::AlreadyExists,
        message: format!("the bucket `{bucket}` exists already, {how}; choose another name"),
        at: Some(Path::attribute("bucket")),
        ..failure
    }
}

/// Makes sure that the create with this token made a bucket that exists.
///
/// # Errors
/// When another one made it, or it cannot be told.
pub(crate) async fn claim(client: &Client, bucket: &str, token: &str) -> Result<(), Failure> {
    let present = tags::read(client, bucket).await?;
    if tags::token(&present) == token {
        return Ok(());
    }
    if present.is_empty()
        && let Some(begun) = token_time(token)
        && let Some(created) = created(client, bucket).await?
        // S3 gives whole seconds.
        && created >= begun / 1000
    {
        return Ok(());
    }
    let mut failure = Failure::new(
        Disposition::AlreadyExists,
        format!(
            "the bucket `{bucket}` exists already in this account and was not made by this operation; choose another \
             name, or take it over with `konductor import`"
        ),
    )
    .code("BucketAlreadyOwnedByYou");
    failure.at = Some(Path::attribute("bucket"));
    Err(failure)
}

/// Returns when a bucket was made, in seconds since the Unix epoch.
async fn created(client: &Client, bucket: &str) -> Result<Option<i64>, Failure> {
    let mut cursor = None;
    loop {
        let list = client
            .list_buckets()
            .prefix(bucket)
            .set_continuation_token(cursor);
        let page = call(list.send()).await?;
        if let Some(found) = page.buckets().iter().find(|found| found.name() == Some(bucket)) {
            return Ok(found.creation_date().map(aws_smithy_types::DateTime::secs));
        }
        cursor = page.continuation_token().map(str::to_owned);
        if cursor.is_none() {
            return Ok(None);
        }
    }
}
