use super::bucket_setting::prelude::*;

/// Who may do what with a bucket, besides what identities are allowed. A bucket has one policy.
#[derive(Resource)]
#[resource(
    type = "aws:s3:BucketPolicy",
    identity = "BUCKET: The bucket's name.",
    known_as("terraform", "aws_s3_bucket_policy"),
    known_as("pulumi", "aws:s3/bucketPolicy:BucketPolicy"),
    unique("bucket"),
    write("s3:PutBucketPolicy"),
    delete("s3:DeleteBucketPolicy"),
    read("s3:GetBucketPolicy"),
    behaviour = bucket_setting,
    example = r"# A bucket that refuses requests without TLS
documents:
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
)]
pub struct BucketPolicy {
    /// The bucket.
    #[attribute(identity, replaces)]
    bucket: String,
    /// The policy document, as JSON or written out; compared by content.
    policy: Json,
}

impl BucketSetting for BucketPolicy {
    async fn put(&self, client: &Client) -> Result<(), Failure> {
        let put = client.put_bucket_policy().bucket(&self.bucket);
        done(put.policy(self.policy.to_text()).send()).await
    }

    async fn get(client: &Client, bucket: String) -> Result<Option<Self>, Failure> {
        let answer = call(client.get_bucket_policy().bucket(&bucket).send()).await?;
        Ok(answer.policy().map(|policy| Self {
            bucket,
            policy: Json(policy.into()),
        }))
    }

    async fn reset(_: &Context, client: &Client, bucket: &str) -> Result<(), Failure> {
        done(client.delete_bucket_policy().bucket(bucket).send()).await
    }
}
