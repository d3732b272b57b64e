//! `aws:s3:BucketLifecycle`.

use aws_sdk_s3::types::BucketLifecycleConfiguration;

use super::bucket_setting::prelude::*;
use super::client::incomplete_request;
use super::lifecycle_rule::{Rule, from_cloud, to_cloud};

/// When the objects of a bucket are moved and deleted. A bucket has one set of rules.
#[derive(Resource)]
#[resource(
    type = "aws:s3:BucketLifecycle",
    identity = "BUCKET: The bucket's name.",
    known_as("terraform", "aws_s3_bucket_lifecycle_configuration"),
    known_as("pulumi", "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"),
    known_as("pulumi", "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2"),
    unique("bucket"),
    write("s3:PutLifecycleConfiguration"),
    read("s3:GetLifecycleConfiguration"),
    behaviour = bucket_setting,
    example = r"# A bucket that forgets
documents:
  type: aws:s3:Bucket
  properties: { bucket: konductor-example-lifecycle }
lifecycle:
  type: aws:s3:BucketLifecycle
  properties:
    bucket: ${documents.bucket}
    rules:
      - id: temporary
        filter: { prefix: tmp/ }
        expiration: { days: 7 }
      - id: archive
        transitions:
          - { days: 90, storage_class: GLACIER }
        noncurrent_version_expiration: { days: 30 }
        abort_incomplete_multipart_upload_days: 7
"
)]
pub struct BucketLifecycle {
    /// The bucket.
    #[attribute(identity, replaces)]
    bucket: String,
    /// The rules; their order means nothing.
    #[attribute(required, range(1..=1000))]
    rules: BTreeSet<Rule>,
}

/// What a rule can do; one that does nothing is refused by S3.
const ACTIONS: [&str; 5] = [
    "expiration",
    "transitions",
    "noncurrent_version_expiration",
    "noncurrent_version_transitions",
    "abort_incomplete_multipart_upload_days",
];

impl Check for BucketLifecycle {
    fn check(inputs: &Value, diagnostics: &mut Diagnostics) {
        let rules = inputs.elements("rules");
        for (index, rule) in rules.iter().enumerate() {
            let at = Path::attribute("rules").element(index);
            let id = rule.optional_text("id");
            if id.is_some()
                && rules
                    .iter()
                    .take(index)
                    .any(|other| other.optional_text("id") == id)
            {
                diagnostics.push(
                    Diagnostic::error(format!("the rule `{}` is given twice", id.unwrap_or_default()))
                        .help("give one of them another `id`")
                        .at(at.child("id")),
                );
            }
            let known = rule.as_map().is_some();
            if known && ACTIONS.iter().all(|action| rule.attribute(action).is_none()) {
                diagnostics.push(
                    Diagnostic::error("the rule does nothing")
                        .help(format!("give one of {}", ACTIONS.join(", ")))
                        .at(at.clone()),
                );
            }
            let expiration = rule.attribute("expiration").and_then(Value::as_map);
            if expiration.is_some_and(|expiration| expiration.len() != 1) {
                diagnostics.push(
                    Diagnostic::error(
                        "an expiration takes one of `days`, `date` and `expired_object_delete_marker`",
                    )
                    .at(at.child("expiration")),
                );
            }
            for (place, transition) in rule.elements("transitions").iter().enumerate() {
                let both = ["days", "date"].map(|name| transition.attribute(name).is_some());
                if transition.as_map().is_some() && both[0] == both[1] {
                    diagnostics.push(
                        Diagnostic::error("a move takes one of `days` and `date`")
                            .at(at.child("transitions").element(place)),
                    );
                }
            }
        }
    }
}

impl BucketSetting for BucketLifecycle {
    async fn put(&self, client: &Client) -> Result<(), Failure> {
        let rules: Result<Vec<_>, Failure> = self.rules.iter().map(|rule| to_cloud(&rule.0)).collect();
        let configuration = BucketLifecycleConfiguration::builder()
            .set_rules(Some(rules?))
            .build()
            .map_err(|error| incomplete_request(&error))?;
        let put = client.put_bucket_lifecycle_configuration().bucket(&self.bucket);
        done(put.lifecycle_configuration(configuration).send()).await
    }

    async fn get(client: &Client, bucket: String) -> Result<Option<Self>, Failure> {
        let answer = call(client.get_bucket_lifecycle_configuration().bucket(&bucket).send()).await?;
        let rules: BTreeSet<Rule> = answer.rules().iter().map(|rule| Rule(from_cloud(rule))).collect();
        Ok((!rules.is_empty()).then_some(Self { bucket, rules }))
    }

    async fn reset(_: &Context, client: &Client, bucket: &str) -> Result<(), Failure> {
        done(client.delete_bucket_lifecycle().bucket(bucket).send()).await
    }
}
