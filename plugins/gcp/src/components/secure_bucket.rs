//! `gcp:storage:SecureBucket`: a private bucket that keeps versions.

use konductor_sdk::component::inputs::{configured, input, known, own_name};
use konductor_sdk::prelude::*;

/// The component type.
pub struct SecureBucket;

const DESCRIPTION: &str = "A bucket of Cloud Storage that is never public, whose access is decided by IAM alone, and that \
keeps the versions of its objects. What it holds is encrypted with Google's keys, or with the one that `kms_key_name` names; \
Cloud Storage's service agent must be allowed to use that one.

Google deletes only buckets that hold nothing.";

const EXAMPLE: &str = r"files:
  type: gcp:storage:SecureBucket
  properties:
    name: konductor-example-files
    location: EUROPE-WEST1
    expire_old_versions_after_days: 90
";

impl Component for SecureBucket {
    fn component_type(&self) -> &'static str {
        "gcp:storage:SecureBucket"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        let days = |about| integer(about).between(1, 36_500);
        component(self.component_type(), DESCRIPTION)
            .attribute(
                "name",
                text("The name, which no other bucket of anybody has. By default the component's own name.").between(3, 222),
            )
            .attribute(
                "location",
                text("Where its objects are: a region, `US`, `EU` or `ASIA`, in upper case. By default `gcp.region`, else \
                      Google's own choice, `US`."),
            )
            .attribute("storage_class", text("How often its objects are read: `STANDARD`, `NEARLINE`, `COLDLINE`, `ARCHIVE`."))
            .attribute("kms_key_name", text("The whole name of the key that encrypts objects."))
            .attribute("log_bucket", text("The bucket that takes the log of who reads and writes."))
            .attribute("expire_after_days", days("How many days after it was made an object is deleted."))
            .attribute(
                "expire_old_versions_after_days",
                days("How many days after it was replaced or deleted a version is deleted."),
            )
            .attribute("labels", map(text(""), "Labels by key."))
            .tags_in("labels")
            .output("self_link", text("Where it is found."))
            .example("A bucket with versions", EXAMPLE)
            .build()
    }

    fn construct(&self, request: &ConstructRequest, construction: &mut Construction) -> Result<(), Failure> {
        let mut rules = Vec::new();
        let conditions = [
            ("expire_after_days", "age", true),
            (
                "expire_old_versions_after_days",
                "days_since_noncurrent_time",
                false,
            ),
        ];
        for (name, condition, is_live) in conditions {
            match known(&request.inputs, name) {
                Ok(Some(days)) => {
                    let condition = Value::from([(condition, days.clone()), ("is_live", is_live.into())]);
                    rules.push(Value::from([
                        ("action", Value::from([("type", "Delete")])),
                        ("condition", condition),
                    ]));
                }
                Ok(None) => {}
                Err(wrong) => {
                    construction.diagnose(*wrong);
                    return Ok(());
                }
            }
        }
        let rules = if rules.is_empty() {
            Value::Null
        } else {
            Value::from([("rule", Value::List(rules))])
        };
        let named = |member: &'static str, value: Value| {
            if value.is_null() {
                value
            } else {
                Value::from([(member, value)])
            }
        };
        let access = Value::from([
            ("uniform_bucket_level_access", Value::from([("enabled", true)])),
            ("public_access_prevention", "enforced".into()),
        ]);
        let bucket = construction
            .declare("bucket", "gcp:storage:Bucket")
            .set("name", own_name(request))
            .set("location", location(request))
            .set("storage_class", input(request, "storage_class"))
            .set("iam_configuration", access)
            .set("versioning", Value::from([("enabled", true)]))
            .set(
                "encryption",
                named("default_kms_key_name", input(request, "kms_key_name")),
            )
            .set("logging", named("log_bucket", input(request, "log_bucket")))
            .set("lifecycle", rules)
            .set("labels", input(request, "labels"))
            .add();
        for output in ["name", "self_link", "location"] {
            construction.output(output, bucket.attribute(output));
        }
        Ok(())
    }
}

/// Returns where the objects are: what is given, else the configured region as Cloud Storage spells it.
fn location(request: &ConstructRequest) -> Value {
    let given = input(request, "location");
    if !given.is_null() {
        return given;
    }
    let configured = configured(&request.metadata, "gcp", &["region"]);
    configured.and_then(Value::as_text).map(str::to_uppercase).into()
}
