//! `aws:s3:BucketPolicy`.

use aws_sdk_s3::Client;
use konductor_sdk::aws::run;
use konductor_sdk::prelude::*;

use super::bucket_setting::{BucketSetting, setting, setting_operations};

/// Who may do what with a bucket.
#[derive(Debug)]
pub struct BucketPolicy;

impl ResourceProvider for BucketPolicy {
    fn resource_type(&self) -> &'static str {
        "aws:s3:BucketPolicy"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        setting(
            self.resource_type(),
            "Who may do what with a bucket, besides what identities are allowed. A bucket has one policy.",
        )
        .attribute(
            "policy",
            json("The policy document, as JSON or written out; compared by content.").required(),
        )
        .example(
            "A bucket that refuses requests without TLS",
            r"documents:
  type: aws:s3:Bucket
  properties: { bucket: konductor-example-policy }
tls-only:
  type: aws:s3:BucketPolicy
  properties:
    bucket: ${documents.bucket}
    policy:
      Version: '2012-10-17'
      Statement:
        - Sid: TlsOnly
          Effect: Deny
          Principal: '*'
          Action: s3:*
          Resource: ['${documents.arn}', '${documents.arn}/*']
          Condition: { Bool: { 'aws:SecureTransport': 'false' } }
",
        )
        .build()
    }

    fn permissions(&self, operation: &str) -> &'static [&'static str] {
        match operation {
            "create" | "update" => &["s3:PutBucketPolicy"],
            "delete" => &["s3:DeleteBucketPolicy"],
            "list" => &["s3:ListAllMyBuckets", "s3:GetBucketPolicy"],
            _ => &["s3:GetBucketPolicy"],
        }
    }

    setting_operations!();
}

impl BucketSetting for BucketPolicy {
    fn put(&self, client: &Client, bucket: &str, inputs: &Value) -> Result<(), Failure> {
        run(client
            .put_bucket_policy()
            .bucket(bucket)
            .policy(inputs.json_text("policy").unwrap_or_default())
            .send())
        .map(|_| ())
    }

    fn get(&self, client: &Client, bucket: &str) -> Result<Option<ObjectBuilder>, Failure> {
        let answer = run(client.get_bucket_policy().bucket(bucket).send())?;
        Ok(answer.policy().map(|policy| object(bucket).set("policy", policy)))
    }

    fn reset(&self, _context: &Context, client: &Client, bucket: &str) -> Result<(), Failure> {
        run(client.delete_bucket_policy().bucket(bucket).send()).map(|_| ())
    }
}
