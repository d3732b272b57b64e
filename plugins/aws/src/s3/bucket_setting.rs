//! What the settings of a bucket have in common: each belongs to one bucket, is named by it, is set as a whole, and
//! setting it twice changes nothing. So creating and changing are the same call, and the answer is what was set.
#![allow(async_fn_in_trait, reason = "a guest has one thread")]

use aws_sdk_s3::Client;
use konductor_sdk::typed::prelude::*;

use super::bucket::page;
use super::client::{bucket_may_be_new, found};
use crate::client::s3;

/// What a file with a setting usually needs.
pub mod prelude {
    pub(crate) use super::{BucketSetting, bucket_setting};
    pub use aws_sdk_s3::Client;
    pub use konductor_sdk::aws::{call, done};
    pub use konductor_sdk::typed::prelude::*;
}

/// A setting of a bucket.
pub trait BucketSetting: Resource {
    /// Sets it.
    ///
    /// # Errors
    /// When the cloud refuses.
    async fn put(&self, client: &Client) -> Result<(), Failure>;

    /// Reads it; none where the bucket has no such setting. That there is no bucket may be a failure.
    ///
    /// # Errors
    /// When the cloud refuses.
    async fn get(client: &Client, bucket: String) -> Result<Option<Self>, Failure>;

    /// Takes it back, as far as S3 can.
    ///
    /// # Errors
    /// When the cloud refuses.
    async fn reset(context: &Context, client: &Client, bucket: &str) -> Result<(), Failure>;
}

/// Sets it and answers with what was set: S3 may show the former setting for a while.
pub(crate) async fn apply<S: BucketSetting>(
    context: &Context,
    bucket: String,
    setting: S,
) -> Result<Made<S>, Failure> {
    setting
        .put(&s3(context))
        .await
        .map_err(|failure| bucket_may_be_new(failure, &bucket))?;
    Ok(Object::new(bucket, setting).into())
}

/// Reads it as an object; none where there is no bucket or no such setting.
pub(crate) async fn find<S: BucketSetting>(
    context: &Context,
    bucket: &str,
) -> Result<Option<Object<S>>, Failure> {
    let setting = found(S::get(&s3(context), bucket.to_owned()).await)?.flatten();
    Ok(setting.map(|setting| Object::new(bucket, setting)))
}

/// Reads it from every bucket of a page of buckets.
pub(crate) async fn find_page<S: BucketSetting>(
    context: &Context,
    request: &ListRequest,
) -> Result<Page<S>, Failure> {
    let (buckets, next_cursor) = page(context, request.cursor.clone()).await?;
    let mut objects = Vec::new();
    for bucket in buckets {
        objects.extend(find(context, &bucket).await?);
    }
    Ok(Page { objects, next_cursor })
}

/// Writes the operations of a [`BucketSetting`].
macro_rules! bucket_setting {
    ($type:ident) => {
        /// Settings are listed bucket by bucket.
        impl Permissions for $type {
            fn permissions(operation: &str, mut named: Vec<&'static str>) -> Vec<&'static str> {
                if operation == "list" {
                    named.insert(0, "s3:ListAllMyBuckets");
                }
                named
            }
        }

        impl Create for $type {
            async fn create(context: &Context, request: Creation<'_, Self>) -> Result<Made<Self>, Failure> {
                let bucket = request.inputs.bucket.clone();
                $crate::s3::bucket_setting::apply(context, bucket, request.inputs).await
            }
        }

        impl Read for $type {
            async fn read(
                context: &Context,
                request: Reading<'_, Self>,
            ) -> Result<Option<Object<Self>>, Failure> {
                $crate::s3::bucket_setting::find(context, request.id()).await
            }
        }

        impl Update for $type {
            async fn update(context: &Context, request: Change<'_, Self>) -> Result<Made<Self>, Failure> {
                let bucket = request.inputs.bucket.clone();
                $crate::s3::bucket_setting::apply(context, bucket, request.inputs).await
            }
        }

        impl Delete for $type {
            async fn delete(context: &Context, request: Deletion<'_, Self>) -> Result<Deleted, Failure> {
                Self::reset(context, &$crate::client::s3(context), request.id()).await?;
                Ok(Deleted::Complete)
            }
        }

        impl List for $type {
            async fn list(context: &Context, request: &ListRequest) -> Result<Page<Self>, Failure> {
                $crate::s3::bucket_setting::find_page(context, request).await
            }
        }
    };
}
pub(crate) use bucket_setting;
