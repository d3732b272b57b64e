//! `aws:s3:BucketLogging`.

use aws_sdk_s3::types::{BucketLoggingStatus, LoggingEnabled};

use super::bucket_setting::prelude::*;
use super::client::incomplete_request;

/// Where the access log of a bucket goes. The bucket that takes it is in the same region and account, and its policy
/// lets `logging.s3.amazonaws.com` write. The log is delivered within hours, not at once.
#[derive(Resource)]
#[resource(
    type = "aws:s3:BucketLogging",
    identity = "BUCKET: The bucket's name.",
    known_as("terraform", "aws_s3_bucket_logging"),
    known_as("pulumi", "aws:s3/bucketLogging:BucketLogging"),
    known_as("pulumi", "aws:s3/bucketLoggingV2:BucketLoggingV2"),
    unique("bucket"),
    write("s3:PutBucketLogging"),
    read("s3:GetBucketLogging"),
    behaviour = bucket_setting,
    example = r"# A bucket whose access is logged
logs:
  type: aws:s3:Bucket
  properties: { bucket: konductor-example-access-logs }
delivery:
  type: aws:s3:BucketPolicy
  properties:
    bucket: ${logs.bucket}
    policy:
      Version: '2012-10-17'
      Statement:
        - Effect: Allow
          Principal: { Service: logging.s3.amazonaws.com }
          Action: ['s3:PutObject']
          Resource: ${logs.arn}/*
documents:
  type: aws:s3:Bucket
  properties: { bucket: konductor-example-logged }
access-log:
  type: aws:s3:BucketLogging
  properties:
    bucket: ${documents.bucket}
    target_bucket: ${delivery.bucket}
    target_prefix: documents/
"
)]
pub struct BucketLogging {
    /// The bucket.
    #[attribute(identity, replaces)]
    bucket: String,
    /// The bucket that takes the log.
    target_bucket: String,
    /// What the keys of the log start with.
    #[attribute(default = "")]
    target_prefix: String,
}

async fn set(client: &Client, bucket: &str, status: BucketLoggingStatus) -> Result<(), Failure> {
    let put = client.put_bucket_logging().bucket(bucket);
    done(put.bucket_logging_status(status).send()).await
}

impl BucketSetting for BucketLogging {
    async fn put(&self, client: &Client) -> Result<(), Failure> {
        let enabled = LoggingEnabled::builder()
            .target_bucket(&self.target_bucket)
            .target_prefix(&self.target_prefix)
            .build()
            .map_err(|error| incomplete_request(&error))?;
        let status = BucketLoggingStatus::builder().logging_enabled(enabled).build();
        set(client, &self.bucket, status).await
    }

    async fn get(client: &Client, bucket: String) -> Result<Option<Self>, Failure> {
        let answer = call(client.get_bucket_logging().bucket(&bucket).send()).await?;
        Ok(answer.logging_enabled().map(|enabled| Self {
            bucket,
            target_bucket: enabled.target_bucket().into(),
            target_prefix: enabled.target_prefix().into(),
        }))
    }

    async fn reset(_: &Context, client: &Client, bucket: &str) -> Result<(), Failure> {
        set(client, bucket, BucketLoggingStatus::builder().build()).await
    }
}
