//! `aws:s3:SecureBucket`: a private, versioned, encrypted bucket.

use konductor_sdk::model::interpolation::{join, resolve_joins};
use konductor_sdk::prelude::*;

use crate::inputs::{configured, not_known};
use crate::secure_bucket_policy::policy;

/// The component type.
pub struct SecureBucket;

const DESCRIPTION: &str = "A bucket that is private, versioned and encrypted, refuses requests without TLS, and \
writes an access log.

Access control lists are switched off and public access is blocked: whoever should reach the bucket is named in \
`policy_statements`. An `acl` other than `private` is refused.

The access log goes to `logging.target_bucket`, else to the organisation's bucket, `aws.s3.logging_bucket` in the \
configuration. Where neither is given the bucket is made without a log and a warning says so; `logging: {enabled: \
false, reason: …}` decides it and silences the warning. The bucket that takes the logs is a SecureBucket with \
`receives_access_logs: true`; it needs no log of its own.";

const EXAMPLE: &str = r"logs:
  type: aws:s3:SecureBucket
  properties:
    bucket: konductor-example-logs
    receives_access_logs: true
documents:
  type: aws:s3:SecureBucket
  properties:
    bucket: konductor-example-documents
    logging:
      target_bucket: ${logs.log_target}
    lifecycle_rules:
      - id: old-versions
        noncurrent_version_expiration:
          days: 90
";

const EXAMPLE_WITHOUT_LOG: &str = r"cache:
  type: aws:s3:SecureBucket
  properties:
    bucket: konductor-example-cache
    force_destroy: true
    logging:
      enabled: false
      reason: holds nothing but derived data
";

impl Component for SecureBucket {
    fn component_type(&self) -> &'static str {
        "aws:s3:SecureBucket"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        component(self.component_type(), DESCRIPTION)
            .attribute(
                "bucket",
                text("The bucket's name, unique among all AWS accounts.")
                    .format(TextFormat::S3BucketName)
                    .required(),
            )
            .attribute("acl", text("`private`; anything else is refused with the reason.").default("private"))
            .attribute(
                "force_destroy",
                boolean("Whether deleting the bucket deletes everything in it, all versions included.").default(false),
            )
            .attribute(
                "object_lock_enabled",
                boolean("Whether objects can be locked against deletion.").default(false),
            )
            .attribute(
                "kms_key_id",
                text("The KMS key that encrypts objects, by id, ARN or alias. By default S3's own keys (AES256)."),
            )
            .attribute(
                "logging",
                nested(
                    [
                        ("enabled", boolean("Whether access is logged.").default(true)),
                        ("reason", text("Why access is not logged; needed where `enabled` is false.").at_least(1)),
                        ("target_bucket", text("The bucket that takes the log.")),
                        ("target_prefix", text("What the log's keys start with. By default `BUCKET/`.")),
                    ],
                    "The access log.",
                ),
            )
            .attribute(
                "receives_access_logs",
                boolean("Whether other buckets of the account write their access logs here.").default(false),
            )
            .attribute(
                "lifecycle_rules",
                list(any("A rule, as in `aws:s3:BucketLifecycle`."), "When objects are moved and deleted."),
            )
            .attribute(
                "policy_statements",
                list(any("A statement of the policy language."), "Statements added to the bucket's policy."),
            )
            .tags()
            .output("id", text("The bucket's name."))
            .output("arn", text("The bucket's Amazon resource name."))
            .output("region", text("The bucket's region."))
            .output("bucket_regional_domain_name", text("The bucket's host name in its region."))
            .output(
                "log_target",
                text("The bucket's name, known once logs may be written to it: give it as another's `target_bucket`."),
            )
            .example("A bucket that logs to another", EXAMPLE)
            .example("A bucket without an access log", EXAMPLE_WITHOUT_LOG)
            .build()
    }

    fn check(&self, inputs: &Value, diagnostics: &mut Diagnostics) {
        if let Some(refusal) = inputs.optional_text("acl").and_then(acl_refusal) {
            diagnostics.push(refusal);
        }
        let Some(logging) = inputs.attribute("logging") else {
            check_receiver(inputs, diagnostics);
            return;
        };
        if logging.optional_boolean("enabled") == Some(false) {
            if logging.attribute("reason").is_none() {
                diagnostics.push(
                    Diagnostic::error("the access log is switched off without a reason")
                        .help("say why under `logging.reason`, for whoever reads the configuration later")
                        .at(Path::attribute("logging").child("reason")),
                );
            }
            if logging.attribute("target_bucket").is_some() {
                diagnostics.push(
                    Diagnostic::error("a bucket is given for the access log, but the log is switched off")
                        .help("remove `target_bucket`, or `enabled: false`")
                        .at(Path::attribute("logging").child("target_bucket")),
                );
            }
        }
        check_receiver(inputs, diagnostics);
    }

    fn construct(&self, request: &ConstructRequest, construction: &mut Construction) -> Result<(), Failure> {
        let inputs = &request.inputs;
        let mut decided = true;
        // What decides which resources exist; the rest may come from other resources.
        let logging = inputs.attribute("logging").unwrap_or(&Value::Null);
        let switches = [
            ("receives_access_logs", inputs.attribute("receives_access_logs")),
            ("lifecycle_rules", inputs.attribute("lifecycle_rules")),
            ("logging", Some(logging)),
            ("logging", logging.attribute("enabled")),
        ];
        for (name, value) in switches {
            if value.is_some_and(|value| matches!(value.reveal(), Value::Unknown | Value::Reference(_))) {
                construction.diagnose(not_known(name));
                decided = false;
            }
        }
        if decided {
            declare(request, construction);
        }
        Ok(())
    }
}

/// Says why an access control list is refused; none when it is `private`.
fn acl_refusal(acl: &str) -> Option<Diagnostic> {
    let refused = |summary: String| {
        Diagnostic::error(summary)
            .help("remove `acl`, and name who may reach the bucket under `policy_statements`")
            .at(Path::attribute("acl"))
    };
    match acl {
        "private" => None,
        "public-read" | "public-read-write" => Some(
            refused(format!("the access control list `{acl}` would make the bucket public"))
                .detail(
                    "a SecureBucket is private: with this list anybody on the internet could read it; for a public web \
                     site put a CloudFront distribution before the bucket",
                ),
        ),
        "authenticated-read" => Some(
            refused(format!("the access control list `{acl}` would make the bucket public"))
                .detail("it lets every AWS account in the world read the bucket, not only those of your organisation"),
        ),
        "log-delivery-write" => Some(
            refused(format!("the access control list `{acl}` has no effect"))
                .detail("a SecureBucket does not use access control lists")
                .help("set `receives_access_logs: true` instead"),
        ),
        other => Some(
            refused(format!("the access control list `{other}` has no effect"))
                .detail("a SecureBucket does not use access control lists: its owner owns every object in it"),
        ),
    }
}

fn check_receiver(inputs: &Value, diagnostics: &mut Diagnostics) {
    if inputs.boolean("receives_access_logs") && inputs.attribute("kms_key_id").is_some() {
        diagnostics.push(
            Diagnostic::error("a bucket that takes access logs cannot be encrypted with a KMS key")
                .detail("S3 delivers access logs to buckets encrypted with its own keys only")
                .help("remove `kms_key_id`")
                .at(Path::attribute("kms_key_id")),
        );
    }
}

fn declare(request: &ConstructRequest, construction: &mut Construction) {
    let inputs = &request.inputs;
    let input = |name: &str| inputs.attribute(name).cloned().unwrap_or_default();
    let bucket = construction
        .declare("bucket", "aws:s3:Bucket")
        .set("bucket", input("bucket"))
        .set("force_destroy", input("force_destroy"))
        .set("object_lock_enabled", input("object_lock_enabled"))
        .set("object_ownership", "BucketOwnerEnforced")
        .set("tags", input("tags"))
        .add();
    let name = bucket.attribute("bucket");
    let versioning = construction
        .declare("versioning", "aws:s3:BucketVersioning")
        .set("bucket", name.clone())
        .set("status", "Enabled")
        .add();
    let key = input("kms_key_id");
    let (algorithm, bucket_key) = if key.is_null() {
        ("AES256", Value::Null)
    } else {
        ("aws:kms", true.into())
    };
    construction
        .declare("encryption", "aws:s3:BucketEncryption")
        .set("bucket", name.clone())
        .set("sse_algorithm", algorithm)
        .set("kms_key_id", key)
        .set("bucket_key_enabled", bucket_key)
        .add();
    let block = construction
        .declare("public-access-block", "aws:s3:BucketPublicAccessBlock")
        .set("bucket", name.clone())
        .set("block_public_acls", true)
        .set("block_public_policy", true)
        .set("ignore_public_acls", true)
        .set("restrict_public_buckets", true)
        .add();
    // S3 refuses a policy and a public access block of one bucket that arrive together.
    let policy = construction
        .declare("policy", "aws:s3:BucketPolicy")
        .set("bucket", name.clone())
        .set(
            "policy",
            policy(
                &bucket.attribute("arn"),
                inputs.boolean("receives_access_logs"),
                &input("policy_statements"),
            ),
        )
        .depends_on(&block)
        .add();
    if let Some(target) = log_target(request, construction) {
        let prefix = match inputs
            .attribute("logging")
            .and_then(|logging| logging.attribute("target_prefix"))
        {
            Some(prefix) => prefix.clone(),
            None => resolve_joins(join(vec![input("bucket"), "/".into()])),
        };
        construction
            .declare("logging", "aws:s3:BucketLogging")
            .set("bucket", name.clone())
            .set("target_bucket", target)
            .set("target_prefix", prefix)
            .add();
    }
    let rules = input("lifecycle_rules");
    if rules.as_list().is_some_and(|rules| !rules.is_empty()) {
        // Rules about old versions mean something only once there are versions.
        construction
            .declare("lifecycle", "aws:s3:BucketLifecycle")
            .set("bucket", name.clone())
            .set("rules", rules)
            .depends_on(&versioning)
            .add();
    }
    construction.output("id", name.clone());
    construction.output("bucket", name);
    for output in ["arn", "region", "bucket_regional_domain_name"] {
        construction.output(output, bucket.attribute(output));
    }
    construction.output("log_target", policy.attribute("bucket"));
}

/// Returns the bucket that takes the access log, none where there is no log.
fn log_target(request: &ConstructRequest, construction: &mut Construction) -> Option<Value> {
    let inputs = &request.inputs;
    if let Some(logging) = inputs.attribute("logging") {
        if logging.optional_boolean("enabled") == Some(false) {
            return None;
        }
        if let Some(target) = logging.given("target_bucket") {
            return Some(target.clone());
        }
    }
    if inputs.boolean("receives_access_logs") {
        return None;
    }
    match configured(&request.metadata, &["s3", "logging_bucket"]) {
        Some(target)
            if !inputs
                .attribute("bucket")
                .is_some_and(|bucket| bucket.same_as(target)) =>
        {
            Some(target.clone())
        }
        Some(_) => None,
        None => {
            construction.diagnose(
                Diagnostic::warning("the bucket has no access log")
                    .detail("no bucket is configured that takes it")
                    .help(
                        "set `aws.s3.logging_bucket`, best in the organisation's layer, or decide against a log with \
                         `logging: {enabled: false, reason: …}`",
                    )
                    .at(Path::attribute("logging")),
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use crate::test_plugin::{construct, messages, shown};

    const TYPE: &str = "aws:s3:SecureBucket";

    fn organisation() -> Json {
        json!({ "configuration": { "aws": { "s3": { "logging_bucket": "org-logs" } } } })
    }

    fn constructed(inputs: Json, metadata: Json) -> super::ConstructResponse {
        construct(TYPE, "documents", inputs, metadata)
    }

    #[test]
    fn it_logs_to_the_organisations_bucket() {
        let response = constructed(json!({ "bucket": "my-documents" }), organisation());
        insta::assert_json_snapshot!(shown(&response));
    }

    #[test]
    fn everything_that_can_be_asked_for_is_declared() {
        let inputs = json!({
            "bucket": "my-documents",
            "force_destroy": true,
            "kms_key_id": { "$reference": { "resource": "key", "path": "arn" } },
            "logging": { "target_bucket": "other-logs", "target_prefix": "x/" },
            "lifecycle_rules": [{ "id": "old", "noncurrent_version_expiration": { "days": 30 } }],
            "policy_statements": [{ "Sid": "Readers", "Effect": "Allow" }],
            "tags": { "Team": "a" },
        });
        let response = constructed(inputs, organisation());
        insta::assert_json_snapshot!(shown(&response));
    }

    #[test]
    fn the_bucket_that_takes_the_logs_lets_them_in_and_writes_none() {
        let response = constructed(
            json!({ "bucket": "org-logs", "receives_access_logs": true }),
            json!({}),
        );
        insta::assert_json_snapshot!(shown(&response));
        let response = constructed(json!({ "bucket": "org-logs" }), organisation());
        assert!(!response.declarations.iter().any(|d| d.name == "logging"));
    }

    #[test]
    fn a_missing_log_is_warned_about_unless_it_was_decided() {
        let response = constructed(json!({ "bucket": "my-documents" }), json!({}));
        assert_eq!(
            messages(&response),
            ["warning [logging] the bucket has no access log"]
        );
        assert!(!response.diagnostics.has_errors());
        let decided =
            json!({ "bucket": "my-documents", "logging": { "enabled": false, "reason": "derived data" } });
        let response = constructed(decided, organisation());
        assert_eq!(messages(&response), Vec::<String>::new());
        assert!(!response.declarations.iter().any(|d| d.name == "logging"));
    }

    #[test]
    fn an_access_control_list_is_refused_and_the_message_says_why() {
        let acls = [
            "public-read",
            "public-read-write",
            "authenticated-read",
            "log-delivery-write",
            "bucket-owner-read",
        ];
        let said: Vec<String> = acls
            .iter()
            .map(|acl| {
                let response = constructed(json!({ "bucket": "my-documents", "acl": acl }), organisation());
                assert!(response.declarations.is_empty());
                let found = response.diagnostics.0.first().unwrap().clone();
                format!("{}\n  {}\n  {}", found.summary, found.detail, found.help.unwrap())
            })
            .collect();
        insta::assert_snapshot!(said.join("\n"));
        let response = constructed(
            json!({ "bucket": "my-documents", "acl": "private" }),
            organisation(),
        );
        assert!(!response.diagnostics.has_errors());
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let refused = |inputs: Json| {
            let response = constructed(inputs, organisation());
            assert!(response.declarations.is_empty());
            messages(&response).join("\n")
        };
        insta::assert_snapshot!(
            [
                refused(
                    json!({ "bucket": "my-documents", "logging": { "enabled": false, "target_bucket": "x" } })
                ),
                refused(json!({ "bucket": "my-documents", "receives_access_logs": true, "kms_key_id": "k" })),
                refused(json!({ "bucket": "my-documents", "lifecycle_rules": { "$unknown": true } })),
                refused(json!({ "bucket": "My_Documents" })),
            ]
            .join("\n")
        );
    }

    #[test]
    fn every_example_works() {
        crate::test_plugin::assert_examples_work(&super::SecureBucket, &json!({}));
    }
}
