//! `aws:compliance:Monitoring`: AWS Config and Security Hub, switched on.

use konductor_sdk::component::inputs::input;
use konductor_sdk::model::interpolation::{join, resolve_joins};
use konductor_sdk::prelude::*;

use crate::inputs::known;
use crate::region::{of, partition};

/// The component type.
pub struct Monitoring;

const DESCRIPTION: &str = "What an account has in a region is recorded by AWS Config and judged by Security Hub.

A configuration recorder for everything, running; a private, encrypted bucket, with the policy that AWS Config asks for, and \
the channel that writes to it; Security Hub, and the standards it judges the account by.

AWS Config reads the account by its own service-linked role, unless `role_arn` names another. The role is there once AWS \
Config was used, or after `aws iam create-service-linked-role --aws-service-name config.amazonaws.com`.

A region has one recorder, one channel and one hub: declare it once for each. Users, groups, roles and policies are the same \
in all regions, and one region should record them.";

const EXAMPLE: &str = r"monitoring:
  type: aws:compliance:Monitoring
  properties:
    account_id: '123456789012'
    bucket: konductor-example-config
    standards:
      - aws-foundational-security-best-practices/v/1.0.0
      - nist-800-53/v/5.0.0
    logging: { enabled: false, reason: only AWS Config writes to it }
";

/// What Security Hub recommends.
const USUAL_STANDARD: &str = "aws-foundational-security-best-practices/v/1.0.0";

impl Component for Monitoring {
    fn component_type(&self) -> &'static str {
        "aws:compliance:Monitoring"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        component(self.component_type(), DESCRIPTION)
            .attribute(
                "account_id",
                text("The account.").pattern(r"\d{12}").required(),
            )
            .attribute(
                "bucket",
                text("The name of the bucket that is made for what AWS Config writes.")
                    .format(TextFormat::S3BucketName)
                    .required(),
            )
            .attribute(
                "standards",
                list(
                    text("A standard, as its Amazon resource name ends: `nist-800-53/v/5.0.0`.")
                        .pattern("[a-z0-9-]+/v/[0-9.]+"),
                    "The standards that the account is judged by. By default the best practices that AWS recommends.",
                ),
            )
            .attribute(
                "role_arn",
                text("The role by which AWS Config reads the account. By default its service-linked role."),
            )
            .attribute(
                "include_global_resource_types",
                boolean("Whether users, groups, roles and policies are recorded here.").default(true),
            )
            .attribute(
                "kms_key_arn",
                text("The KMS key that encrypts the bucket and what is written, by its Amazon resource name."),
            )
            .attribute(
                "delivery_frequency",
                text("How often everything is written.")
                    .allowed([
                        "One_Hour",
                        "Three_Hours",
                        "Six_Hours",
                        "Twelve_Hours",
                        "TwentyFour_Hours",
                    ])
                    .default("TwentyFour_Hours"),
            )
            .attribute(
                "retention_period_in_days",
                integer("How long AWS Config keeps what it recorded. By default seven years.").between(30, 2557),
            )
            .attribute("logging", any("The access log of the bucket, as in `aws:s3:SecureBucket`."))
            .attribute(
                "force_destroy",
                boolean("Whether deleting the bucket deletes everything in it.").default(false),
            )
            .tags()
            .output("recorder", text("The name of the configuration recorder, known once it runs."))
            .output("hub_arn", text("The Amazon resource name of the hub."))
            .example("An account that is recorded and judged by two standards", EXAMPLE)
            .build()
    }

    fn construct(&self, request: &ConstructRequest, construction: &mut Construction) -> Result<(), Failure> {
        let mut decided = true;
        // What decides which resources exist; the rest may come from other resources.
        for name in ["standards", "retention_period_in_days"] {
            if let Err(unknown) = known(&request.inputs, name) {
                construction.diagnose(*unknown);
                decided = false;
            }
        }
        if decided {
            declare(request, construction);
        }
        Ok(())
    }
}

fn declare(request: &ConstructRequest, construction: &mut Construction) {
    let inputs = &request.inputs;
    let input = |name: &str| input(request, name);
    let partition = partition(&of(inputs, &request.metadata).unwrap_or_default());
    let bucket = construction
        .declare("bucket", "aws:s3:SecureBucket")
        .set("bucket", input("bucket"))
        .set("kms_key_id", input("kms_key_arn"))
        .set("logging", input("logging"))
        .set("force_destroy", input("force_destroy"))
        .set(
            "policy_statements",
            delivery(partition, &input("bucket"), &input("account_id")),
        )
        .set("tags", input("tags"))
        .add();
    let role = match input("role_arn") {
        Value::Null => resolve_joins(join(vec![
            format!("arn:{partition}:iam::").into(),
            input("account_id"),
            ":role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig".into(),
        ])),
        given => given,
    };
    let recorder = construction
        .declare("recorder", "aws:config:ConfigurationRecorder")
        .set("role_arn", role)
        .set(
            "include_global_resource_types",
            input("include_global_resource_types"),
        )
        .add();
    // The recorder has to be there before the channel, and the bucket's policy before AWS Config tries to write.
    let channel = construction
        .declare("channel", "aws:config:DeliveryChannel")
        .set("name", recorder.attribute("name"))
        .set("s3_bucket_name", bucket.attribute("log_target"))
        .set("s3_kms_key_arn", input("kms_key_arn"))
        .set("delivery_frequency", input("delivery_frequency"))
        .add();
    let recording = construction
        .declare("recording", "aws:config:ConfigurationRecorderStatus")
        .set("recorder", recorder.attribute("name"))
        .set("delivery_channel", channel.attribute("name"))
        .add();
    if !input("retention_period_in_days").is_null() {
        construction
            .declare("retention", "aws:config:RetentionConfiguration")
            .set("retention_period_in_days", input("retention_period_in_days"))
            .add();
    }
    let hub = construction
        .declare("hub", "aws:securityhub:Hub")
        .set("tags", input("tags"))
        .add();
    let given = inputs
        .attribute("standards")
        .map(|_| inputs.text_list("standards"));
    for standard in given.unwrap_or_else(|| vec![USUAL_STANDARD.to_owned()]) {
        let arn = join(vec![
            format!("arn:{partition}:securityhub:").into(),
            hub.attribute("region"),
            format!("::standards/{standard}").into(),
        ]);
        // Most controls look at what AWS Config records.
        construction
            .declare(
                standard.replace(['/', '.'], "-"),
                "aws:securityhub:StandardsSubscription",
            )
            .set("standards_arn", arn)
            .depends_on(&recording)
            .add();
    }
    construction.output("bucket", bucket.attribute("bucket"));
    construction.output("recorder", recording.attribute("recorder"));
    construction.output("hub_arn", hub.attribute("arn"));
}

/// Returns the statements by which AWS Config may write for this account alone, as its documentation asks for them.
fn delivery(partition: &str, bucket: &Value, account: &Value) -> Value {
    let named = |rest: Vec<Value>| {
        let start = vec![format!("arn:{partition}:s3:::").into(), bucket.clone()];
        resolve_joins(join(start.into_iter().chain(rest).collect()))
    };
    let statement = |name: &str, action: &str, resource: Value, condition: Vec<(&str, Value)>| {
        let condition = condition
            .into_iter()
            .chain([("AWS:SourceAccount", account.clone())])
            .map(|(key, value)| (key.to_owned(), value));
        Value::from([
            ("Sid", Value::from(name)),
            ("Effect", "Allow".into()),
            ("Principal", Value::from([("Service", "config.amazonaws.com")])),
            ("Action", action.into()),
            ("Resource", resource),
            (
                "Condition",
                Value::from([("StringEquals", Value::Map(condition.collect()))]),
            ),
        ])
    };
    let objects = named(vec!["/AWSLogs/".into(), account.clone(), "/Config/*".into()]);
    let whole = ("s3:x-amz-acl", Value::from("bucket-owner-full-control"));
    Value::List(vec![
        statement("ConfigLooksAtTheBucket", "s3:GetBucketAcl", named(vec![]), vec![]),
        statement("ConfigFindsTheBucket", "s3:ListBucket", named(vec![]), vec![]),
        statement("ConfigWrites", "s3:PutObject", objects, vec![whole]),
    ])
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use crate::test_plugin::{construct, messages, shown};

    const TYPE: &str = "aws:compliance:Monitoring";

    fn constructed(inputs: Json) -> super::ConstructResponse {
        let metadata = json!({ "configuration": { "aws": { "region": "us-gov-west-1" } } });
        construct(TYPE, "monitoring", inputs, metadata)
    }

    #[test]
    fn two_inputs_are_enough() {
        let response = constructed(json!({ "account_id": "123456789012", "bucket": "shop-config" }));
        insta::assert_json_snapshot!(shown(&response));
    }

    #[test]
    fn everything_that_can_be_asked_for_is_declared() {
        let response = constructed(json!({
            "account_id": "123456789012",
            "bucket": "shop-config",
            "standards": ["nist-800-53/v/5.0.0", "pci-dss/v/4.0.1"],
            "role_arn": "arn:aws-us-gov:iam::123456789012:role/config",
            "include_global_resource_types": false,
            "kms_key_arn": "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/1",
            "delivery_frequency": "Six_Hours",
            "retention_period_in_days": 365,
            "logging": { "target_bucket": "shop-logs" },
            "force_destroy": true,
            "tags": { "Team": "security" },
        }));
        insta::assert_json_snapshot!(shown(&response));
    }

    #[test]
    fn no_standards_are_a_hub_without_any() {
        let response =
            constructed(json!({ "account_id": "123456789012", "bucket": "shop-config", "standards": [] }));
        assert!(response.declarations.iter().all(|it| !it.name.contains("-v-")));
        assert!(response.declarations.iter().any(|it| it.name == "hub"));
    }

    #[test]
    fn what_decides_which_resources_exist_must_be_known() {
        let response = constructed(json!({
            "account_id": "123456789012",
            "bucket": "shop-config",
            "standards": { "$unknown": true },
        }));
        assert!(response.declarations.is_empty());
        assert!(
            messages(&response).join(" ").contains("[standards]"),
            "{:?}",
            messages(&response)
        );
    }

    #[test]
    fn every_example_works() {
        crate::test_plugin::assert_examples_work(&super::Monitoring, &json!({}));
    }
}
