//! `aws:s3:BucketPolicy`.

use aws_sdk_s3::Client;
use konductor_sdk::aws::call;
use konductor_sdk::typed::prelude::*;

use super::bucket_setting::{BucketSetting, setting_operations};

/// Who may do what with a bucket, besides what identities are allowed. A bucket has one policy.
#[derive(Resource)]
#[resource(
    type = "aws:s3:BucketPolicy",
    identity(format = "BUCKET", description = "The bucket's name."),
    unique("bucket"),
    permissions(
        write("s3:PutBucketPolicy"),
        delete("s3:DeleteBucketPolicy"),
        read("s3:GetBucketPolicy"),
        list("s3:ListAllMyBuckets", "s3:GetBucketPolicy"),
    ),
    example(
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
"
    )
)]
pub struct BucketPolicy {
    /// The bucket.
    #[attribute(identity, replaces)]
    bucket: String,
    /// The policy document, as JSON or written out; compared by content.
    policy: Json,
}

setting_operations!(BucketPolicy);

impl BucketSetting for BucketPolicy {
    async fn put(&self, client: &Client) -> Result<(), Failure> {
        let put = client.put_bucket_policy().bucket(&self.bucket);
        call(put.policy(self.policy.to_text()).send()).await.map(drop)
    }

    async fn get(client: &Client, bucket: &str) -> Result<Option<Self>, Failure> {
        let answer = call(client.get_bucket_policy().bucket(bucket).send()).await?;
        Ok(answer.policy().map(|policy| Self {
            bucket: bucket.into(),
            policy: Json(policy.into()),
        }))
    }

    async fn reset(_: &Context, client: &Client, bucket: &str) -> Result<(), Failure> {
        call(client.delete_bucket_policy().bucket(bucket).send())
            .await
            .map(drop)
    }
}
