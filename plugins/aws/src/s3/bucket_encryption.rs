//! `aws:s3:BucketEncryption`.

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{
    ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration,
    ServerSideEncryptionRule,
};
use konductor_sdk::aws::run;
use konductor_sdk::prelude::*;

use super::bucket_setting::{BucketSetting, setting, setting_operations};
use super::client::incomplete_request;

/// How new objects in a bucket are encrypted.
#[derive(Debug)]
pub struct BucketEncryption;

impl ResourceProvider for BucketEncryption {
    fn resource_type(&self) -> &'static str {
        "aws:s3:BucketEncryption"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        setting(
            self.resource_type(),
            "How new objects in a bucket are encrypted. S3 always encrypts: deleting this resource returns the bucket \
             to S3's own keys (AES256). Objects that exist stay as they are.",
        )
        .attribute(
            "sse_algorithm",
            text("`AES256` for S3's own keys, `aws:kms` for a KMS key, `aws:kms:dsse` for two layers of it.")
                .allowed(["AES256", "aws:kms", "aws:kms:dsse"])
                .default("AES256"),
        )
        .attribute(
            "kms_key_id",
            text("The KMS key, by id, ARN or alias; the account's own S3 key where it is not given."),
        )
        .attribute(
            "bucket_key_enabled",
            boolean("Whether S3 asks KMS once for many objects, which costs less.").default(false),
        )
        .example(
            "A bucket encrypted with a KMS key",
            r"documents:
  type: aws:s3:Bucket
  properties: { bucket: konductor-example-encryption }
encryption:
  type: aws:s3:BucketEncryption
  properties:
    bucket: ${documents.bucket}
    sse_algorithm: aws:kms
    kms_key_id: alias/aws/s3
    bucket_key_enabled: true
",
        )
        .build()
    }

    fn check(&self, inputs: &Value, diagnostics: &mut Diagnostics) {
        if inputs.optional_text("sse_algorithm") != Some("AES256") {
            return;
        }
        for (name, given) in [
            ("kms_key_id", inputs.attribute("kms_key_id").is_some()),
            ("bucket_key_enabled", inputs.boolean("bucket_key_enabled")),
        ] {
            if given {
                diagnostics.push(
                    Diagnostic::error(format!("`{name}` means nothing with S3's own keys"))
                        .help(format!("set `sse_algorithm: aws:kms`, or remove `{name}`"))
                        .at(Path::attribute(name)),
                );
            }
        }
    }

    fn permissions(&self, operation: &str) -> &'static [&'static str] {
        match operation {
            "create" | "update" | "delete" => &["s3:PutEncryptionConfiguration"],
            "list" => &["s3:ListAllMyBuckets", "s3:GetEncryptionConfiguration"],
            _ => &["s3:GetEncryptionConfiguration"],
        }
    }

    setting_operations!();
}

impl BucketSetting for BucketEncryption {
    fn put(&self, client: &Client, bucket: &str, inputs: &Value) -> Result<(), Failure> {
        let by_default = ServerSideEncryptionByDefault::builder()
            .sse_algorithm(ServerSideEncryption::from(inputs.text("sse_algorithm")?))
            .set_kms_master_key_id(inputs.owned_text("kms_key_id"))
            .build()
            .map_err(|error| incomplete_request(&error))?;
        let rule = ServerSideEncryptionRule::builder()
            .apply_server_side_encryption_by_default(by_default)
            .set_bucket_key_enabled(inputs.boolean("bucket_key_enabled").then_some(true))
            .build();
        let configuration = ServerSideEncryptionConfiguration::builder()
            .rules(rule)
            .build()
            .map_err(|error| incomplete_request(&error))?;
        run(client
            .put_bucket_encryption()
            .bucket(bucket)
            .server_side_encryption_configuration(configuration)
            .send())
        .map(|_| ())
    }

    fn get(&self, client: &Client, bucket: &str) -> Result<Option<ObjectBuilder>, Failure> {
        let answer = run(client.get_bucket_encryption().bucket(bucket).send())?;
        let rule = answer
            .server_side_encryption_configuration()
            .and_then(|configuration| configuration.rules().first());
        Ok(rule.and_then(|rule| {
            let by_default = rule.apply_server_side_encryption_by_default()?;
            Some(
                object(bucket)
                    .set("sse_algorithm", by_default.sse_algorithm().as_str())
                    .set("kms_key_id", by_default.kms_master_key_id())
                    .set(
                        "bucket_key_enabled",
                        rule.bucket_key_enabled().unwrap_or_default(),
                    ),
            )
        }))
    }

    fn reset(&self, _context: &Context, client: &Client, bucket: &str) -> Result<(), Failure> {
        run(client.delete_bucket_encryption().bucket(bucket).send()).map(|_| ())
    }
}
