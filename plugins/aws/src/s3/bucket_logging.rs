//! `aws:s3:BucketLogging`.

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{BucketLoggingStatus, LoggingEnabled};
use konductor_sdk::aws::run;
use konductor_sdk::prelude::*;

use super::bucket_setting::{BucketSetting, setting, setting_operations};
use super::client::incomplete_request;

/// Where the access log of a bucket goes.
#[derive(Debug)]
pub struct BucketLogging;

impl ResourceProvider for BucketLogging {
    fn resource_type(&self) -> &'static str {
        "aws:s3:BucketLogging"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        setting(
            self.resource_type(),
            "Where the access log of a bucket goes. The bucket that takes it is in the same region and account, and \
             its policy lets `logging.s3.amazonaws.com` write. The log is delivered within hours, not at once.",
        )
        .attribute("target_bucket", text("The bucket that takes the log.").required())
        .attribute("target_prefix", text("What the keys of the log start with.").default(""))
        .example(
            "A bucket whose access is logged",
            r"logs:
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
",
        )
        .build()
    }

    fn permissions(&self, operation: &str) -> &'static [&'static str] {
        match operation {
            "create" | "update" | "delete" => &["s3:PutBucketLogging"],
            "list" => &["s3:ListAllMyBuckets", "s3:GetBucketLogging"],
            _ => &["s3:GetBucketLogging"],
        }
    }

    setting_operations!();
}

fn set(client: &Client, bucket: &str, status: BucketLoggingStatus) -> Result<(), Failure> {
    run(client
        .put_bucket_logging()
        .bucket(bucket)
        .bucket_logging_status(status)
        .send())
    .map(|_| ())
}

impl BucketSetting for BucketLogging {
    fn put(&self, client: &Client, bucket: &str, inputs: &Value) -> Result<(), Failure> {
        let enabled = LoggingEnabled::builder()
            .target_bucket(inputs.text("target_bucket")?)
            .target_prefix(inputs.text("target_prefix")?)
            .build()
            .map_err(|error| incomplete_request(&error))?;
        set(
            client,
            bucket,
            BucketLoggingStatus::builder().logging_enabled(enabled).build(),
        )
    }

    fn get(&self, client: &Client, bucket: &str) -> Result<Option<ObjectBuilder>, Failure> {
        let answer = run(client.get_bucket_logging().bucket(bucket).send())?;
        Ok(answer.logging_enabled().map(|enabled| {
            object(bucket)
                .set("target_bucket", enabled.target_bucket())
                .set("target_prefix", enabled.target_prefix())
        }))
    }

    fn reset(&self, _context: &Context, client: &Client, bucket: &str) -> Result<(), Failure> {
        set(client, bucket, BucketLoggingStatus::builder().build())
    }
}
