//! `aws:s3:BucketLifecycle`.

use aws_sdk_s3::Client;
use aws_sdk_s3::types::BucketLifecycleConfiguration;
use konductor_sdk::aws::run;
use konductor_sdk::prelude::*;

use super::bucket_setting::{BucketSetting, setting, setting_operations};
use super::client::incomplete_request;
use super::lifecycle_rule::{from_cloud, rule_schema, to_cloud};

/// When the objects of a bucket are moved and deleted.
#[derive(Debug)]
pub struct BucketLifecycle;

/// What a rule can do; one that does nothing is refused by S3.
const ACTIONS: [&str; 5] = [
    "expiration",
    "transitions",
    "noncurrent_version_expiration",
    "noncurrent_version_transitions",
    "abort_incomplete_multipart_upload_days",
];

impl ResourceProvider for BucketLifecycle {
    fn resource_type(&self) -> &'static str {
        "aws:s3:BucketLifecycle"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        setting(
            self.resource_type(),
            "When the objects of a bucket are moved and deleted. A bucket has one set of rules.",
        )
        .attribute(
            "rules",
            set(rule_schema(), "The rules; their order means nothing.")
                .between(1, 1000)
                .required(),
        )
        .example(
            "A bucket that forgets",
            r"documents:
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
",
        )
        .build()
    }

    fn check(&self, inputs: &Value, diagnostics: &mut Diagnostics) {
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

    fn permissions(&self, operation: &str) -> &'static [&'static str] {
        match operation {
            "create" | "update" | "delete" => &["s3:PutLifecycleConfiguration"],
            "list" => &["s3:ListAllMyBuckets", "s3:GetLifecycleConfiguration"],
            _ => &["s3:GetLifecycleConfiguration"],
        }
    }

    setting_operations!();
}

impl BucketSetting for BucketLifecycle {
    fn put(&self, client: &Client, bucket: &str, inputs: &Value) -> Result<(), Failure> {
        let rules = inputs
            .elements("rules")
            .iter()
            .map(to_cloud)
            .collect::<Result<Vec<_>, Failure>>()?;
        let configuration = BucketLifecycleConfiguration::builder()
            .set_rules(Some(rules))
            .build()
            .map_err(|error| incomplete_request(&error))?;
        run(client
            .put_bucket_lifecycle_configuration()
            .bucket(bucket)
            .lifecycle_configuration(configuration)
            .send())
        .map(|_| ())
    }

    fn get(&self, client: &Client, bucket: &str) -> Result<Option<ObjectBuilder>, Failure> {
        let answer = run(client.get_bucket_lifecycle_configuration().bucket(bucket).send())?;
        let rules: Vec<Value> = answer.rules().iter().map(from_cloud).collect();
        Ok((!rules.is_empty()).then(|| object(bucket).set("rules", Value::List(rules))))
    }

    fn reset(&self, _context: &Context, client: &Client, bucket: &str) -> Result<(), Failure> {
        run(client.delete_bucket_lifecycle().bucket(bucket).send()).map(|_| ())
    }
}
