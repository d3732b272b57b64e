//! `aws:s3:BucketVersioning`.

use aws_sdk_s3::types::{BucketVersioningStatus as Status, VersioningConfiguration};
use konductor_sdk::context::LogLevel;

use super::bucket_setting::prelude::*;
use super::versioning_root::VersioningRoot;

/// Whether a bucket keeps old versions of its objects. S3 cannot take versioning away from a bucket again: deleting
/// this resource suspends it, and versions that exist stay.
#[derive(Resource)]
#[resource(
    type = "aws:s3:BucketVersioning",
    identity = "BUCKET: The bucket's name.",
    known_as("terraform", "aws_s3_bucket_versioning"),
    known_as("pulumi", "aws:s3/bucketVersioning:BucketVersioning"),
    known_as("pulumi", "aws:s3/bucketVersioningV2:BucketVersioningV2"),
    unique("bucket"),
    write("s3:PutBucketVersioning"),
    read("s3:GetBucketVersioning"),
    behaviour = bucket_setting,
    example = r"# A bucket that keeps old versions
documents:
  type: aws:s3:Bucket
  properties: { bucket: konductor-example-versioning }
versions:
  type: aws:s3:BucketVersioning
  properties: { bucket: '${documents.bucket}' }
"
)]
pub struct BucketVersioning {
    /// The bucket.
    #[attribute(identity, replaces)]
    bucket: String,
    /// Whether versions are kept.
    #[attribute(one_of("Enabled", "Suspended"), default = "Enabled")]
    status: String,
}

async fn set(client: &Client, bucket: &str, status: Status) -> Result<(), Failure> {
    let configuration = VersioningConfiguration::builder().status(status).build();
    let put = client.put_bucket_versioning().bucket(bucket);
    done(put.versioning_configuration(configuration).send()).await
}

impl BucketSetting for BucketVersioning {
    async fn put(&self, client: &Client) -> Result<(), Failure> {
        set(client, &self.bucket, Status::from(self.status.as_str())).await
    }

    async fn get(client: &Client, bucket: String) -> Result<Option<Self>, Failure> {
        let get = client.get_bucket_versioning().bucket(&bucket).customize();
        let answer = call(get.interceptor(VersioningRoot).send()).await?;
        let status = answer.status().map(|status| status.as_str().to_owned());
        Ok(status.map(|status| Self { bucket, status }))
    }

    async fn reset(context: &Context, client: &Client, bucket: &str) -> Result<(), Failure> {
        let said = match set(client, bucket, Status::Suspended).await {
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
