//! Deleting every version of one object, or of all objects of a bucket.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use konductor_sdk::aws::{call, disposition_of};
use konductor_sdk::typed::prelude::*;

use super::client::{found, incomplete_request};

/// How many pages one call deletes; a page holds up to 1,000 versions. A host's deadline is per call.
const PAGES_PER_CALL: usize = 4;

/// Deletes every version and delete marker: of one key, or of all. None when nothing is left; else the operation
/// goes on, with `handle`.
///
/// # Errors
/// When the cloud refuses one of them.
pub(crate) async fn empty(
    client: &Client,
    bucket: &str,
    key: Option<&str>,
    handle: &str,
) -> Result<Option<Progress>, Failure> {
    let mut deleted = 0;
    for _ in 0..PAGES_PER_CALL {
        match found(delete_page(client, bucket, key).await)? {
            None | Some(0) => return Ok(None),
            Some(count) => deleted += count,
        }
    }
    Ok(Some(Progress {
        handle: handle.as_bytes().to_vec(),
        retry_after: Duration::ZERO,
        id: Some(handle.to_owned()),
        message: format!("{deleted} more versions deleted"),
    }))
}

/// Deletes up to 1,000 versions and delete markers, and tells how many.
async fn delete_page(client: &Client, bucket: &str, key: Option<&str>) -> Result<usize, Failure> {
    let list = client.list_object_versions().bucket(bucket);
    let listed = call(list.set_prefix(key.map(str::to_owned)).send()).await?;
    let versions = listed
        .versions()
        .iter()
        .map(|version| (version.key(), version.version_id()));
    let markers = listed
        .delete_markers()
        .iter()
        .map(|marker| (marker.key(), marker.version_id()));
    let objects = versions
        .chain(markers)
        // Keys that only start with this one come after it.
        .filter(|(listed, _)| key.is_none() || *listed == key)
        .map(|(key, version)| {
            ObjectIdentifier::builder()
                .set_key(key.map(str::to_owned))
                .set_version_id(version.map(str::to_owned))
                .build()
                .map_err(|error| incomplete_request(&error))
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    let count = objects.len();
    if count == 0 {
        return Ok(0);
    }
    let delete = Delete::builder()
        .set_objects(Some(objects))
        .quiet(true)
        .build()
        .map_err(|error| incomplete_request(&error))?;
    let answer = call(client.delete_objects().bucket(bucket).delete(delete).send()).await?;
    let Some(error) = answer.errors().first() else {
        return Ok(count);
    };
    let code = error.code().unwrap_or_default();
    let message = format!(
        "{} of {count} versions in `{bucket}` could not be deleted, the first of `{}`: {}",
        answer.errors().len(),
        error.key().unwrap_or_default(),
        error.message().unwrap_or("no reason given"),
    );
    Err(Failure::new(disposition_of(code, None), message).code(code))
}
