//! What the settings of a bucket have in common: each belongs to one bucket, is named by it, is set as a whole, and
//! setting it twice changes nothing. So creating and changing are the same call, and the answer is what was set.

use aws_sdk_s3::Client;
use konductor_sdk::prelude::*;

use super::bucket::page;
use super::client::{bucket_may_be_new, found};
use crate::client::s3;

/// A setting of a bucket.
pub trait BucketSetting: ResourceProvider {
    /// Sets it.
    ///
    /// # Errors
    /// When the cloud refuses.
    fn put(&self, client: &Client, bucket: &str, inputs: &Value) -> Result<(), Failure>;

    /// Reads it; none where the bucket has no such setting. That there is no bucket may be a failure.
    ///
    /// # Errors
    /// When the cloud refuses.
    fn get(&self, client: &Client, bucket: &str) -> Result<Option<ObjectBuilder>, Failure>;

    /// Takes it back, as far as S3 can.
    ///
    /// # Errors
    /// When the cloud refuses.
    fn reset(&self, context: &Context, client: &Client, bucket: &str) -> Result<(), Failure>;

    /// Sets it and answers with what was set: S3 may show the former setting for a while.
    ///
    /// # Errors
    /// When the cloud refuses.
    fn apply(&self, context: &Context, inputs: &Value) -> Result<Outcome, Failure> {
        let bucket = inputs.text("bucket")?;
        self.put(&s3(context), bucket, inputs)
            .map_err(|failure| bucket_may_be_new(failure, bucket))?;
        Ok(Outcome::Complete(object(bucket).extend(inputs).build()))
    }

    /// Reads it as an object; none where there is no bucket or no such setting.
    ///
    /// # Errors
    /// When the cloud refuses.
    fn find(&self, context: &Context, bucket: &str) -> Result<Option<ObjectState>, Failure> {
        let read = found(self.get(&s3(context), bucket))?.flatten();
        Ok(read.map(|setting| setting.set("bucket", bucket).build()))
    }

    /// Reads it from every bucket of a page of buckets.
    ///
    /// # Errors
    /// When the cloud refuses.
    fn find_page(&self, context: &Context, request: &ListRequest) -> Result<Listed, Failure> {
        let (buckets, next_cursor) = page(context, request.cursor.clone())?;
        let mut objects = Vec::new();
        for bucket in buckets {
            objects.extend(self.find(context, &bucket)?);
        }
        Ok(Listed { objects, next_cursor })
    }
}

/// Starts the schema of a setting.
pub(crate) fn setting(resource_type: &'static str, description: &str) -> SchemaBuilder {
    schema(resource_type, description)
        .attribute("bucket", text("The bucket.").required().replaces())
        .identity("BUCKET", "The bucket's name.", &["bucket"])
}

/// Writes the operations of a [`BucketSetting`].
macro_rules! setting_operations {
    () => {
        fn refine_plan(&self, _request: &PlanRequest, plan: &mut PlanResponse) {
            $crate::s3::client::delete_first_unless_moved(plan, &["bucket"]);
        }

        fn create(&self, context: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
            $crate::s3::bucket_setting::BucketSetting::apply(self, context, &request.inputs)
        }

        fn read(&self, context: &Context, request: &ReadRequest) -> Result<Option<ObjectState>, Failure> {
            $crate::s3::bucket_setting::BucketSetting::find(self, context, &request.id)
        }

        fn list(&self, context: &Context, request: &ListRequest) -> Result<Listed, Failure> {
            $crate::s3::bucket_setting::BucketSetting::find_page(self, context, request)
        }

        fn update(&self, context: &Context, request: &UpdateRequest) -> Result<Outcome, Failure> {
            $crate::s3::bucket_setting::BucketSetting::apply(self, context, &request.inputs)
        }

        fn delete(&self, context: &Context, request: &DeleteRequest) -> Result<Outcome, Failure> {
            let client = $crate::client::s3(context);
            $crate::s3::bucket_setting::BucketSetting::reset(self, context, &client, &request.prior.id)?;
            Ok(Outcome::Deleted)
        }
    };
}
pub(crate) use setting_operations;
