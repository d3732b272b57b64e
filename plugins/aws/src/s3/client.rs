//! What the types of S3 share in calling it.

use konductor_sdk::typed::prelude::*;

/// Returns nothing instead of a failure that says that there is nothing: no bucket, no key, no such setting.
///
/// # Errors
/// Any other failure.
pub(crate) fn found<T>(answer: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(failure) if failure.disposition == Disposition::NotFound => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Makes a missing bucket a reason to try again: S3 may take a while to show a new bucket everywhere.
pub(crate) fn bucket_may_be_new(failure: Failure, bucket: &str) -> Failure {
    if failure.code != "NoSuchBucket" {
        return failure;
    }
    Failure {
        disposition: Disposition::Conflict,
        message: format!("the bucket `{bucket}` does not exist, or is so new that S3 does not show it yet"),
        ..failure
    }
}

/// Returns the failure of a request whose parts the SDK could not put together.
pub(crate) fn incomplete_request(error: &dyn std::error::Error) -> Failure {
    Failure::new(Disposition::Invalid, error.to_string())
}
