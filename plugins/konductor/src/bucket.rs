//! `konductor:storage:Bucket`: a private place for objects.

use konductor_sdk::component::inputs::not_known;
use konductor_sdk::model::interpolation::{join, resolve_joins};
use konductor_sdk::prelude::*;

use crate::cloud::Cloud;
use crate::expansion::{Expansion, common};

/// The component type.
pub struct Bucket;

const DESCRIPTION: &str = "A private, encrypted place for objects that keeps their versions.

In AWS it becomes an `aws:s3:SecureBucket`, in Google Cloud a `gcp:storage:SecureBucket`. In Azure it becomes an \
`azure:storage:SecureStorage`, an account with one container: the account is called as the bucket is, without hyphens and \
dots, which must leave 3 to 24 characters; `azure: {name: …}` gives it another name. Azure deletes it with everything in it.";

const EXAMPLE: &str = r"files:
  type: konductor:storage:Bucket
  properties:
    cloud: gcp
    name: konductor-example-files
    expire_old_versions_after_days: 90
";

impl Component for Bucket {
    fn component_type(&self) -> &'static str {
        "konductor:storage:Bucket"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        let days = |about| integer(about).between(1, 36_500);
        let carries = [
            "the `aws:s3:SecureBucket`",
            "the `azure:storage:SecureStorage`",
            "the `gcp:storage:SecureBucket`",
        ];
        common(component(self.component_type(), DESCRIPTION), carries)
            .attribute(
                "name",
                text("Its name, which nobody else in the cloud has.").format(TextFormat::S3BucketName).required(),
            )
            .attribute("versioning", boolean("Whether versions of objects are kept. By default they are, where they can be."))
            .attribute(
                "force_destroy",
                boolean("Whether deleting it deletes everything in it. By default it is not deleted while it holds something, \
                         where the cloud knows that rule."),
            )
            .attribute("expire_after_days", days("How many days after it was made or changed an object is deleted."))
            .attribute(
                "expire_old_versions_after_days",
                days("How many days after it was replaced or deleted a version is deleted."),
            )
            .attribute("encryption_key", text("The key that encrypts objects, as the cloud names it, instead of the cloud's own."))
            .output("id", text("The bucket, as the cloud names it."))
            .output("url", text("Where its objects are, without a slash at the end."))
            .example("A bucket", EXAMPLE)
            .build()
    }

    fn construct(&self, request: &ConstructRequest, construction: &mut Construction) -> Result<(), Failure> {
        Expansion::run(request, construction, expand);
        Ok(())
    }
}

fn expand(expansion: &mut Expansion<'_>) -> Option<()> {
    let versioning = expansion.switch("versioning")?;
    let force_destroy = expansion.switch("force_destroy")?;
    let days = expansion.known("expire_after_days")?;
    let old_days = expansion.known("expire_old_versions_after_days")?;
    if versioning == Some(false) && expansion.cloud != Cloud::Azure {
        expansion.lose(
            "versioning",
            "versions are kept all the same; let them expire where that is too much",
        );
    }
    match expansion.cloud {
        Cloud::Aws => aws(expansion, days, old_days),
        Cloud::Azure => azure(expansion, versioning, force_destroy, days, &old_days)?,
        Cloud::Google => google(expansion, force_destroy, days, old_days),
    }
    Some(())
}

fn text_of<const N: usize>(parts: [Value; N]) -> Value {
    resolve_joins(join(parts.into()))
}

fn aws(expansion: &mut Expansion<'_>, days: Value, old_days: Value) {
    let mut rules = Vec::new();
    for (id, what, days) in [
        ("expire", "expiration", days),
        ("expire-old-versions", "noncurrent_version_expiration", old_days),
    ] {
        if !days.is_null() {
            rules.push(Value::from([
                ("id", Value::from(id)),
                (what, Value::from([("days", days)])),
            ]));
        }
    }
    let bucket = expansion.carry(
        "aws:s3:SecureBucket",
        [
            ("bucket", expansion.input("name")),
            ("force_destroy", expansion.input("force_destroy")),
            ("kms_key_id", expansion.input("encryption_key")),
            (
                "lifecycle_rules",
                if rules.is_empty() {
                    Value::Null
                } else {
                    Value::List(rules)
                },
            ),
            ("tags", expansion.input("tags")),
        ],
    );
    expansion.output("id", bucket.attribute("arn"));
    expansion.output("name", bucket.attribute("id"));
    let host = bucket.attribute("bucket_regional_domain_name");
    expansion.output("url", text_of(["https://".into(), host]));
}

fn azure(
    expansion: &mut Expansion<'_>,
    versioning: Option<bool>,
    force_destroy: Option<bool>,
    days: Value,
    old_days: &Value,
) -> Option<()> {
    let name = expansion.known("name")?;
    let Some(name) = name.as_text() else {
        expansion.refuse(not_known("name"));
        return None;
    };
    let account: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    if !(3..=24).contains(&account.len()) && expansion.over("name").is_none() {
        expansion.refuse(
            Diagnostic::error(format!("no storage account of Azure can be called `{account}`"))
                .detail("3 to 24 small letters and digits are allowed")
                .help("give a shorter `name`, or the account's own with `azure: {name: …}`")
                .at(Path::attribute("name")),
        );
        return None;
    }
    if versioning != Some(false) {
        expansion.lose(
            "versioning",
            "versions are not kept: that is a setting of something which is there as soon as the account is, and which is \
             not taken over; `versioning: false` silences this",
        );
    }
    if !old_days.is_null() {
        expansion.lose("expire_old_versions_after_days", "there are no old versions");
    }
    if force_destroy == Some(false) {
        expansion.lose(
            "force_destroy",
            "Azure deletes an account with everything in it; `protect: true` keeps it",
        );
    }
    if expansion.has("encryption_key") && expansion.over("encryption").is_none() {
        expansion.lose(
            "encryption_key",
            "a key of one's own needs an identity that may use it: say both under `azure.encryption` and `azure.identity`",
        );
    }
    let container = name.replace('.', "-");
    let storage = expansion.carry(
        "azure:storage:SecureStorage",
        [
            ("name", account.into()),
            ("containers", Value::List(vec![container.as_str().into()])),
            ("expire_after_days", days),
            ("tags", expansion.input("tags")),
        ],
    );
    expansion.output(
        "id",
        storage.at(Path::attribute("container_ids").child(&container)),
    );
    expansion.output("name", container.as_str());
    expansion.output(
        "url",
        text_of([storage.attribute("blob_endpoint"), container.into()]),
    );
    Some(())
}

fn google(expansion: &mut Expansion<'_>, force_destroy: Option<bool>, days: Value, old_days: Value) {
    if force_destroy == Some(true) {
        expansion.lose("force_destroy", "Google deletes only buckets that hold nothing");
    }
    let labels = expansion.labels();
    let bucket = expansion.carry(
        "gcp:storage:SecureBucket",
        [
            ("name", expansion.input("name")),
            ("kms_key_name", expansion.input("encryption_key")),
            ("expire_after_days", days),
            ("expire_old_versions_after_days", old_days),
            ("labels", labels),
        ],
    );
    expansion.output("id", bucket.attribute("self_link"));
    expansion.output("name", bucket.attribute("name"));
    expansion.output(
        "url",
        text_of(["https://storage.googleapis.com/".into(), bucket.attribute("name")]),
    );
}
