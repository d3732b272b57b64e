//! `aws:s3:BucketPublicAccessBlock`.

use aws_sdk_s3::types::PublicAccessBlockConfiguration;

use super::bucket_setting::prelude::*;

/// What keeps a bucket from becoming public. Deleting this resource removes the block, so that policies and access
/// control lists alone decide; a block of the whole account stays.
#[derive(Resource)]
#[resource(
    type = "aws:s3:BucketPublicAccessBlock",
    identity = "BUCKET: The bucket's name.",
    known_as("terraform", "aws_s3_bucket_public_access_block"),
    known_as("pulumi", "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"),
    unique("bucket"),
    write("s3:PutBucketPublicAccessBlock"),
    read("s3:GetBucketPublicAccessBlock"),
    behaviour = bucket_setting,
    example = r"# A bucket that cannot become public
documents:
  type: aws:s3:Bucket
  properties: { bucket: konductor-example-private }
private:
  type: aws:s3:BucketPublicAccessBlock
  properties: { bucket: '${documents.bucket}' }
"
)]
pub struct BucketPublicAccessBlock {
    /// The bucket.
    #[attribute(identity, replaces)]
    bucket: String,
    /// Whether access control lists that make something public are refused.
    #[attribute(default = true)]
    block_public_acls: bool,
    /// Whether policies that make the bucket public are refused.
    #[attribute(default = true)]
    block_public_policy: bool,
    /// Whether access control lists that make something public have no effect.
    #[attribute(default = true)]
    ignore_public_acls: bool,
    /// Whether a public policy lets in only the owner's account and services of AWS.
    #[attribute(default = true)]
    restrict_public_buckets: bool,
}

impl BucketSetting for BucketPublicAccessBlock {
    async fn put(&self, client: &Client) -> Result<(), Failure> {
        let configuration = PublicAccessBlockConfiguration::builder()
            .block_public_acls(self.block_public_acls)
            .block_public_policy(self.block_public_policy)
            .ignore_public_acls(self.ignore_public_acls)
            .restrict_public_buckets(self.restrict_public_buckets)
            .build();
        let put = client.put_public_access_block().bucket(&self.bucket);
        done(put.public_access_block_configuration(configuration).send()).await
    }

    async fn get(client: &Client, bucket: String) -> Result<Option<Self>, Failure> {
        let answer = call(client.get_public_access_block().bucket(&bucket).send()).await?;
        Ok(answer.public_access_block_configuration().map(|block| Self {
            bucket,
            block_public_acls: block.block_public_acls().unwrap_or_default(),
            block_public_policy: block.block_public_policy().unwrap_or_default(),
            ignore_public_acls: block.ignore_public_acls().unwrap_or_default(),
            restrict_public_buckets: block.restrict_public_buckets().unwrap_or_default(),
        }))
    }

    async fn reset(_: &Context, client: &Client, bucket: &str) -> Result<(), Failure> {
        done(client.delete_public_access_block().bucket(bucket).send()).await
    }
}
