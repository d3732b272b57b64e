//! `aws:s3:BucketEncryption`.

use aws_sdk_s3::types::{
    ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration,
    ServerSideEncryptionRule,
};

use super::bucket_setting::prelude::*;
use super::client::incomplete_request;

/// How new objects in a bucket are encrypted. S3 always encrypts: deleting this resource returns the bucket to S3's
/// own keys (AES256). Objects that exist stay as they are.
#[derive(Resource)]
#[resource(
    type = "aws:s3:BucketEncryption",
    identity = "BUCKET: The bucket's name.",
    known_as("terraform", "aws_s3_bucket_server_side_encryption_configuration"),
    known_as("pulumi", "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"),
    known_as("pulumi", "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2"),
    unique("bucket"),
    write("s3:PutEncryptionConfiguration"),
    read("s3:GetEncryptionConfiguration"),
    behaviour = bucket_setting,
    example = r"# A bucket encrypted with a KMS key
documents:
  type: aws:s3:Bucket
  properties: { bucket: konductor-example-encryption }
encryption:
  type: aws:s3:BucketEncryption
  properties:
    bucket: ${documents.bucket}
    sse_algorithm: aws:kms
    kms_key_id: alias/aws/s3
    bucket_key_enabled: true
"
)]
pub struct BucketEncryption {
    /// The bucket.
    #[attribute(identity, replaces)]
    bucket: String,
    /// `AES256` for S3's own keys, `aws:kms` for a KMS key, `aws:kms:dsse` for two layers of it.
    #[attribute(one_of("AES256", "aws:kms", "aws:kms:dsse"), default = "AES256")]
    sse_algorithm: String,
    /// The KMS key, by id, ARN or alias; the account's own S3 key where it is not given.
    kms_key_id: Option<String>,
    /// Whether S3 asks KMS once for many objects, which costs less.
    #[attribute(default = false)]
    bucket_key_enabled: bool,
}

impl Check for BucketEncryption {
    fn check(inputs: &Value, diagnostics: &mut Diagnostics) {
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
}

impl BucketSetting for BucketEncryption {
    async fn put(&self, client: &Client) -> Result<(), Failure> {
        let by_default = ServerSideEncryptionByDefault::builder()
            .sse_algorithm(ServerSideEncryption::from(self.sse_algorithm.as_str()))
            .set_kms_master_key_id(self.kms_key_id.clone())
            .build()
            .map_err(|error| incomplete_request(&error))?;
        let rule = ServerSideEncryptionRule::builder()
            .apply_server_side_encryption_by_default(by_default)
            .set_bucket_key_enabled(self.bucket_key_enabled.then_some(true))
            .build();
        let configuration = ServerSideEncryptionConfiguration::builder()
            .rules(rule)
            .build()
            .map_err(|error| incomplete_request(&error))?;
        let put = client.put_bucket_encryption().bucket(&self.bucket);
        done(put.server_side_encryption_configuration(configuration).send()).await
    }

    async fn get(client: &Client, bucket: String) -> Result<Option<Self>, Failure> {
        let answer = call(client.get_bucket_encryption().bucket(&bucket).send()).await?;
        let rule = answer
            .server_side_encryption_configuration()
            .and_then(|configuration| configuration.rules().first());
        Ok(rule.and_then(|rule| {
            let by_default = rule.apply_server_side_encryption_by_default()?;
            Some(Self {
                bucket,
                sse_algorithm: by_default.sse_algorithm().as_str().into(),
                kms_key_id: by_default.kms_master_key_id().map(Into::into),
                bucket_key_enabled: rule.bucket_key_enabled().unwrap_or_default(),
            })
        }))
    }

    async fn reset(_: &Context, client: &Client, bucket: &str) -> Result<(), Failure> {
        done(client.delete_bucket_encryption().bucket(bucket).send()).await
    }
}
