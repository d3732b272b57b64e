//! `aws:s3:Bucket`.

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{
    BucketLocationConstraint, CreateBucketConfiguration, ObjectLockEnabled, ObjectOwnership,
    OwnershipControls, OwnershipControlsRule,
};
use konductor_sdk::aws::{region, run};
use konductor_sdk::prelude::*;

use super::bucket_claim::{claim, exists};
use super::client::{delete_first_unless_moved, found, incomplete_request};
use super::tags;
use super::versions::empty;
use crate::client::{partition, s3};

/// How many buckets a page of a list holds; each costs three calls.
const LIST_PAGE: i32 = 50;

/// A bucket.
#[derive(Debug)]
pub struct Bucket;

impl ResourceProvider for Bucket {
    fn resource_type(&self) -> &'static str {
        "aws:s3:Bucket"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        schema(
            self.resource_type(),
            "A bucket. Its settings are resources of their own; `aws:s3:SecureBucket` puts the usual ones together.",
        )
        .attribute(
            "bucket",
            text("The name, unique among all AWS accounts.")
                .format(TextFormat::S3BucketName)
                .required()
                .replaces(),
        )
        .attribute(
            "force_destroy",
            boolean("Whether deleting the bucket deletes everything in it, all versions included. It must be applied before the delete.")
                .default(false)
                .write_only(),
        )
        .attribute(
            "object_lock_enabled",
            boolean("Whether objects can be locked against deletion. It switches versioning on for good.")
                .default(false)
                .replaces(),
        )
        .attribute(
            "object_ownership",
            text("Who owns objects that other accounts write. `BucketOwnerEnforced` switches access control lists off.")
                .allowed(["BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"])
                .default("BucketOwnerEnforced"),
        )
        .tags()
        .output("arn", text("The Amazon resource name.").simulated("arn:aws:s3:::{attribute:bucket}"))
        .output("region", text("The region.").simulated("{region}"))
        .output(
            "bucket_domain_name",
            text("The host name.").simulated("{attribute:bucket}.s3.amazonaws.com"),
        )
        .output(
            "bucket_regional_domain_name",
            text("The host name in its region.").simulated("{attribute:bucket}.s3.{region}.amazonaws.com"),
        )
        .identity("BUCKET", "The bucket's name.", &["bucket"])
        .example(
            "A bucket",
            r"documents:
  type: aws:s3:Bucket
  properties:
    bucket: konductor-example-documents
    tags: { Team: platform }
",
        )
        .build()
    }

    fn refine_plan(&self, _request: &PlanRequest, plan: &mut PlanResponse) {
        delete_first_unless_moved(plan, &["bucket"]);
    }

    fn permissions(&self, operation: &str) -> Vec<&'static str> {
        match operation {
            "create" => vec![
                "s3:CreateBucket",
                "s3:TagResource",
                "s3:PutBucketTagging",
                "s3:PutBucketOwnershipControls",
                "s3:PutBucketObjectLockConfiguration",
                "s3:PutBucketVersioning",
                "s3:ListBucket",
                "s3:ListAllMyBuckets",
                "s3:GetBucketTagging",
            ],
            "update" => vec![
                "s3:PutBucketTagging",
                "s3:GetBucketTagging",
                "s3:PutBucketOwnershipControls",
            ],
            "delete" => vec![
                "s3:DeleteBucket",
                "s3:ListBucketVersions",
                "s3:DeleteObject",
                "s3:DeleteObjectVersion",
            ],
            "list" => vec!["s3:ListAllMyBuckets", "s3:ListBucket", "s3:GetBucketTagging"],
            _ => vec![
                "s3:ListBucket",
                "s3:GetBucketTagging",
                "s3:GetBucketOwnershipControls",
                "s3:GetBucketObjectLockConfiguration",
            ],
        }
    }

    fn create(&self, context: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
        let inputs = &request.inputs;
        let token = &request.idempotency_token;
        let name = inputs.text("bucket")?;
        let client = s3(context);
        if exists(&client, name)? {
            claim(&client, name, token)?;
            set_ownership(&client, name, inputs)?;
        } else {
            match create(&client, &region(context), request) {
                // Another attempt of ours was quicker than the look before, or S3 had not shown the bucket yet.
                Err(failure) if failure.code == "BucketAlreadyOwnedByYou" => {
                    claim(&client, name, token)?;
                    set_ownership(&client, name, inputs)?;
                }
                made => made?,
            }
        }
        let made = described(name, &region(context))
            .extend(inputs)
            .private(token.as_bytes())
            .build();
        Ok(match tag(&client, name, request) {
            Ok(()) => Outcome::Complete(made),
            Err(failure) => Outcome::Partial(made, failure),
        })
    }

    fn read(&self, context: &Context, request: &ReadRequest) -> Result<Option<ObjectState>, Failure> {
        read(context, &request.id, request.prior.as_ref())
    }

    /// Lists the buckets of the configured region.
    fn list(&self, context: &Context, request: &ListRequest) -> Result<Listed, Failure> {
        let (names, next_cursor) = page(context, request.cursor.clone())?;
        let mut objects = Vec::new();
        for name in names {
            objects.extend(read(context, &name, None)?);
        }
        Ok(Listed { objects, next_cursor })
    }

    fn update(&self, context: &Context, request: &UpdateRequest) -> Result<Outcome, Failure> {
        let name = &request.prior.id;
        let client = s3(context);
        let (prior, inputs) = (&request.prior.attributes, &request.inputs);
        if prior.optional_text("object_ownership") != inputs.optional_text("object_ownership") {
            set_ownership(&client, name, inputs)?;
        }
        let wanted = inputs.text_map("tags");
        if prior.text_map("tags") != wanted {
            let present = tags::read(&client, name)?;
            // Whoever removed the token's tag did not make it another bucket.
            let recorded = String::from_utf8_lossy(&request.prior.private);
            tags::write(&client, name, &wanted, &recorded, &present)?;
        }
        let outputs = [
            "region",
            "arn",
            "bucket_domain_name",
            "bucket_regional_domain_name",
        ];
        let changed = outputs.into_iter().fold(object(name), |changed, output| {
            changed.set(output, prior.attribute(output).cloned())
        });
        Ok(Outcome::Complete(
            changed
                .extend(inputs)
                .private(request.prior.private.clone())
                .build(),
        ))
    }

    fn delete(&self, context: &Context, request: &DeleteRequest) -> Result<Outcome, Failure> {
        delete(
            context,
            &request.prior.id,
            request.prior.attributes.boolean("force_destroy"),
        )
    }

    /// Goes on with a delete that empties the bucket.
    fn poll(&self, context: &Context, request: &PollRequest) -> Result<Outcome, Failure> {
        let name = String::from_utf8_lossy(&request.handle);
        delete(context, &name, true)
    }
}

fn create(client: &Client, region: &str, request: &CreateRequest) -> Result<(), Failure> {
    let inputs = &request.inputs;
    let wanted = inputs.text_map("tags");
    let all = wanted
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .chain([(tags::TOKEN, request.idempotency_token.as_str())]);
    let configuration = CreateBucketConfiguration::builder()
        // S3 refuses the name of its first region here.
        .set_location_constraint((region != "us-east-1").then(|| BucketLocationConstraint::from(region)))
        .set_tags(Some(tags::list(all)?))
        .build();
    run(client
        .create_bucket()
        .bucket(inputs.text("bucket")?)
        .create_bucket_configuration(configuration)
        .set_object_ownership(
            inputs
                .optional_text("object_ownership")
                .map(ObjectOwnership::from),
        )
        .set_object_lock_enabled_for_bucket(inputs.boolean("object_lock_enabled").then_some(true))
        .send())
    .map(|_| ())
}

/// Sets the tags where the create did not.
fn tag(client: &Client, name: &str, request: &CreateRequest) -> Result<(), Failure> {
    let present = tags::read(client, name)?;
    if tags::token(&present) == request.idempotency_token {
        return Ok(());
    }
    let wanted = request.inputs.text_map("tags");
    tags::write(client, name, &wanted, &request.idempotency_token, &present)
}

fn set_ownership(client: &Client, name: &str, inputs: &Value) -> Result<(), Failure> {
    let rule = OwnershipControlsRule::builder()
        .object_ownership(ObjectOwnership::from(inputs.text("object_ownership")?))
        .build()
        .map_err(|error| incomplete_request(&error))?;
    let controls = OwnershipControls::builder()
        .rules(rule)
        .build()
        .map_err(|error| incomplete_request(&error))?;
    run(client
        .put_bucket_ownership_controls()
        .bucket(name)
        .ownership_controls(controls)
        .send())
    .map(|_| ())
}

/// Starts an object with what follows from name and region.
fn described(name: &str, region: &str) -> ObjectBuilder {
    let suffix = if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    object(name)
        .set("bucket", name)
        .set("arn", format!("arn:{}:s3:::{name}", partition(region)))
        .set("region", region)
        .set("bucket_domain_name", format!("{name}.s3.{suffix}"))
        .set(
            "bucket_regional_domain_name",
            format!("{name}.s3.{region}.{suffix}"),
        )
}

fn read(context: &Context, name: &str, prior: Option<&ObjectState>) -> Result<Option<ObjectState>, Failure> {
    let client = s3(context);
    let Some(head) = found(run(client.head_bucket().bucket(name).send()))? else {
        return Ok(None);
    };
    // Between two calls the bucket may go.
    let Some(present) = found(tags::read(&client, name))? else {
        return Ok(None);
    };
    let ownership = found(run(client.get_bucket_ownership_controls().bucket(name).send()))?;
    let ownership = ownership
        .as_ref()
        .and_then(|answer| answer.ownership_controls()?.rules().first())
        // Without the setting a bucket behaves as it did before there was one.
        .map_or("ObjectWriter", |rule| rule.object_ownership().as_str());
    let lock = found(run(client.get_object_lock_configuration().bucket(name).send()))?;
    let locked = lock
        .as_ref()
        .and_then(|answer| answer.object_lock_configuration()?.object_lock_enabled())
        == Some(&ObjectLockEnabled::Enabled);
    let configured = region(context);
    let force_destroy = prior.is_some_and(|prior| prior.attributes.boolean("force_destroy"));
    Ok(Some(
        described(name, head.bucket_region().unwrap_or(&configured))
            .set("force_destroy", force_destroy)
            .set("object_lock_enabled", locked)
            .set("object_ownership", ownership)
            .set("tags", tags::of(&present))
            .private(tags::token(&present))
            .build(),
    ))
}

/// Returns one page of the names of the buckets in the configured region, and where the next begins.
///
/// # Errors
/// When the cloud refuses.
pub(crate) fn page(
    context: &Context,
    cursor: Option<String>,
) -> Result<(Vec<String>, Option<String>), Failure> {
    let region = region(context);
    let answer = run(s3(context)
        .list_buckets()
        .bucket_region(&region)
        .max_buckets(LIST_PAGE)
        .set_continuation_token(cursor)
        .send())?;
    let names = answer
        .buckets()
        .iter()
        .filter(|bucket| bucket.bucket_region().is_none_or(|found| found == region))
        .filter_map(|bucket| bucket.name().map(str::to_owned))
        .collect();
    Ok((names, answer.continuation_token().map(str::to_owned)))
}

fn delete(context: &Context, name: &str, force: bool) -> Result<Outcome, Failure> {
    let client = s3(context);
    if force && let Some(progress) = empty(&client, name, None, name)? {
        return Ok(progress);
    }
    match found(run(client.delete_bucket().bucket(name).send())) {
        Err(failure) if failure.code == "BucketNotEmpty" => Err(Failure::invalid(
            Diagnostic::error(format!("the bucket `{name}` is not empty"))
                .detail("S3 deletes only empty buckets; versions and delete markers count")
                .help("empty it, or set `force_destroy: true` and apply that before the delete")
                .at(Path::attribute("force_destroy")),
        )
        .code("BucketNotEmpty")),
        answer => answer.map(|_| Outcome::Deleted),
    }
}
