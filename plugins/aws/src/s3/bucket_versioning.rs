//! `aws:s3:BucketVersioning`.

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use konductor_sdk::aws::run;
use konductor_sdk::context::LogLevel;
use konductor_sdk::prelude::*;

use super::bucket_setting::{BucketSetting, setting, setting_operations};
use super::versioning_root::VersioningRoot;

/// Whether a bucket keeps old versions of its objects.
#[derive(Debug)]
pub struct BucketVersioning;

impl ResourceProvider for BucketVersioning {
    fn resource_type(&self) -> &'static str {
        "aws:s3:BucketVersioning"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        setting(
            self.resource_type(),
            "Whether a bucket keeps old versions of its objects. S3 cannot take versioning away from a bucket again: \
             deleting this resource suspends it, and versions that exist stay.",
        )
        .attribute(
            "status",
            text("Whether versions are kept.").allowed(["Enabled", "Suspended"]).default("Enabled"),
        )
        .example(
            "A bucket that keeps old versions",
            r"documents:
  type: aws:s3:Bucket
  properties: { bucket: konductor-example-versioning }
versions:
  type: aws:s3:BucketVersioning
  properties: { bucket: '${documents.bucket}' }
",
        )
        .build()
    }

    fn permissions(&self, operation: &str) -> &'static [&'static str] {
        match operation {
            "create" | "update" | "delete" => &["s3:PutBucketVersioning"],
            "list" => &["s3:ListAllMyBuckets", "s3:GetBucketVersioning"],
            _ => &["s3:GetBucketVersioning"],
        }
    }

    setting_operations!();
}

fn set(client: &Client, bucket: &str, status: BucketVersioningStatus) -> Result<(), Failure> {
    run(client
        .put_bucket_versioning()
        .bucket(bucket)
        .versioning_configuration(VersioningConfiguration::builder().status(status).build())
        .send())
    .map(|_| ())
}

impl BucketSetting for BucketVersioning {
    fn put(&self, client: &Client, bucket: &str, inputs: &Value) -> Result<(), Failure> {
        set(
            client,
            bucket,
            BucketVersioningStatus::from(inputs.text("status")?),
        )
    }

    fn get(&self, client: &Client, bucket: &str) -> Result<Option<ObjectBuilder>, Failure> {
        let answer = run(client
            .get_bucket_versioning()
            .bucket(bucket)
            .customize()
            .interceptor(VersioningRoot)
            .send())?;
        Ok(answer
            .status()
            .map(|status| object(bucket).set("status", status.as_str())))
    }

    fn reset(&self, context: &Context, client: &Client, bucket: &str) -> Result<(), Failure> {
        let said = match set(client, bucket, BucketVersioningStatus::Suspended) {
            // Object lock needs versions.
            Err(failure) if failure.code == "InvalidBucketState" => {
                "versioning cannot be suspended where objects can be locked; it stays enabled"
            }
            answer => {
                answer?;
                "versioning cannot be removed from a bucket; it is suspended, and versions that exist stay"
            }
        };
        context.log(LogLevel::Warn, said, &[("bucket", bucket.to_owned())]);
        Ok(())
    }
}
