//! `aws:s3:BucketPublicAccessBlock`.

use aws_sdk_s3::Client;
use aws_sdk_s3::types::PublicAccessBlockConfiguration;
use konductor_sdk::aws::run;
use konductor_sdk::prelude::*;

use super::bucket_setting::{BucketSetting, setting, setting_operations};

/// What keeps a bucket from becoming public.
#[derive(Debug)]
pub struct BucketPublicAccessBlock;

impl ResourceProvider for BucketPublicAccessBlock {
    fn resource_type(&self) -> &'static str {
        "aws:s3:BucketPublicAccessBlock"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        setting(
            self.resource_type(),
            "What keeps a bucket from becoming public. Deleting this resource removes the block, so that policies and \
             access control lists alone decide; a block of the whole account stays.",
        )
        .attribute(
            "block_public_acls",
            boolean("Whether access control lists that make something public are refused.").default(true),
        )
        .attribute(
            "block_public_policy",
            boolean("Whether policies that make the bucket public are refused.").default(true),
        )
        .attribute(
            "ignore_public_acls",
            boolean("Whether access control lists that make something public have no effect.").default(true),
        )
        .attribute(
            "restrict_public_buckets",
            boolean("Whether a public policy lets in only the owner's account and services of AWS.").default(true),
        )
        .example(
            "A bucket that cannot become public",
            r"documents:
  type: aws:s3:Bucket
  properties: { bucket: konductor-example-private }
private:
  type: aws:s3:BucketPublicAccessBlock
  properties: { bucket: '${documents.bucket}' }
",
        )
        .build()
    }

    fn permissions(&self, operation: &str) -> &'static [&'static str] {
        match operation {
            "create" | "update" | "delete" => &["s3:PutBucketPublicAccessBlock"],
            "list" => &["s3:ListAllMyBuckets", "s3:GetBucketPublicAccessBlock"],
            _ => &["s3:GetBucketPublicAccessBlock"],
        }
    }

    setting_operations!();
}

impl BucketSetting for BucketPublicAccessBlock {
    fn put(&self, client: &Client, bucket: &str, inputs: &Value) -> Result<(), Failure> {
        let configuration = PublicAccessBlockConfiguration::builder()
            .block_public_acls(inputs.boolean("block_public_acls"))
            .block_public_policy(inputs.boolean("block_public_policy"))
            .ignore_public_acls(inputs.boolean("ignore_public_acls"))
            .restrict_public_buckets(inputs.boolean("restrict_public_buckets"))
            .build();
        run(client
            .put_public_access_block()
            .bucket(bucket)
            .public_access_block_configuration(configuration)
            .send())
        .map(|_| ())
    }

    fn get(&self, client: &Client, bucket: &str) -> Result<Option<ObjectBuilder>, Failure> {
        let answer = run(client.get_public_access_block().bucket(bucket).send())?;
        Ok(answer.public_access_block_configuration().map(|block| {
            object(bucket)
                .set("block_public_acls", block.block_public_acls().unwrap_or_default())
                .set(
                    "block_public_policy",
                    block.block_public_policy().unwrap_or_default(),
                )
                .set(
                    "ignore_public_acls",
                    block.ignore_public_acls().unwrap_or_default(),
                )
                .set(
                    "restrict_public_buckets",
                    block.restrict_public_buckets().unwrap_or_default(),
                )
        }))
    }

    fn reset(&self, _context: &Context, client: &Client, bucket: &str) -> Result<(), Failure> {
        run(client.delete_public_access_block().bucket(bucket).send()).map(|_| ())
    }
}
