//! `aws:s3:Bucket`.

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{
    BucketLocationConstraint, CreateBucketConfiguration, ObjectLockEnabled, ObjectOwnership,
    OwnershipControls, OwnershipControlsRule,
};
use konductor_sdk::aws::{call, done, region};
use konductor_sdk::typed::prelude::*;

use super::bucket_claim::{claim, exists};
use super::client::{found, incomplete_request};
use super::tags;
use super::versions::empty;
use crate::client::{partition, s3};

/// How many buckets a page of a list holds; each costs three calls.
const LIST_PAGE: i32 = 50;

/// A bucket. Its settings are resources of their own; `aws:s3:SecureBucket` puts the usual ones together.
#[derive(Clone, Resource)]
#[resource(
    type = "aws:s3:Bucket",
    identity = "BUCKET: The bucket's name.",
    known_as("terraform", "aws_s3_bucket"),
    known_as("pulumi", "aws:s3/bucket:Bucket"),
    known_as("pulumi", "aws:s3/bucketV2:BucketV2"),
    unique("bucket"),
    create(
        "s3:CreateBucket",
        "s3:TagResource",
        "s3:PutBucketTagging",
        "s3:PutBucketOwnershipControls",
        "s3:PutBucketObjectLockConfiguration",
        "s3:PutBucketVersioning",
        "s3:ListBucket",
        "s3:ListAllMyBuckets",
        "s3:GetBucketTagging"
    ),
    update("s3:PutBucketTagging", "s3:GetBucketTagging", "s3:PutBucketOwnershipControls"),
    delete(
        "s3:DeleteBucket",
        "s3:ListBucketVersions",
        "s3:DeleteObject",
        "s3:DeleteObjectVersion"
    ),
    read(
        "s3:ListBucket",
        "s3:GetBucketTagging",
        "s3:GetBucketOwnershipControls",
        "s3:GetBucketObjectLockConfiguration"
    ),
    list("s3:ListAllMyBuckets", "s3:ListBucket", "s3:GetBucketTagging"),
    example = r"# A bucket
documents:
  type: aws:s3:Bucket
  properties:
    bucket: konductor-example-documents
    tags: { Team: platform }
"
)]
pub struct Bucket {
    /// The name, unique among all AWS accounts.
    #[attribute(identity, replaces, format = S3BucketName)]
    bucket: String,
    /// Whether deleting the bucket deletes everything in it, all versions included. It must be applied before the
    /// delete.
    #[attribute(write_only, default = false)]
    force_destroy: Option<bool>,
    /// Whether objects can be locked against deletion. It switches versioning on for good.
    #[attribute(replaces, default = false)]
    object_lock_enabled: bool,
    /// Who owns objects that other accounts write. `BucketOwnerEnforced` switches access control lists off.
    #[attribute(
        one_of("BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"),
        default = "BucketOwnerEnforced"
    )]
    object_ownership: String,
    #[attribute(tags)]
    tags: BTreeMap<String, String>,
    /// The Amazon resource name.
    #[attribute(output, simulated = "arn:aws:s3:::{attribute:bucket}")]
    arn: Option<String>,
    /// The region.
    #[attribute(output, simulated = "{region}")]
    region: Option<String>,
    /// The host name.
    #[attribute(output, simulated = "{attribute:bucket}.s3.amazonaws.com")]
    bucket_domain_name: Option<String>,
    /// The host name in its region.
    #[attribute(output, simulated = "{attribute:bucket}.s3.{region}.amazonaws.com")]
    bucket_regional_domain_name: Option<String>,
}

impl Create for Bucket {
    async fn create(context: &Context, request: Creation<'_, Self>) -> Result<Made<Self>, Failure> {
        let (client, region) = (s3(context), region(context));
        let (wanted, token) = (&request.inputs, request.idempotency_token());
        if exists(&client, &wanted.bucket).await? {
            wanted.take(&client, token).await?;
        } else {
            match wanted.make(&client, &region, token).await {
                // Another attempt of ours was quicker than the look before, or S3 had not shown the bucket yet.
                Err(failure) if failure.code == "BucketAlreadyOwnedByYou" => {
                    wanted.take(&client, token).await?
                }
                made => made?,
            }
        }
        let made = Object::new(&wanted.bucket, wanted.clone().located(&region)).private(token);
        Ok(match wanted.tag(&client, token).await {
            Ok(()) => made.into(),
            Err(failure) => Made::Partial(made, failure),
        })
    }
}

impl Read for Bucket {
    async fn read(context: &Context, request: Reading<'_, Self>) -> Result<Option<Object<Self>>, Failure> {
        read(context, request.id()).await
    }
}

impl Update for Bucket {
    async fn update(context: &Context, request: Change<'_, Self>) -> Result<Made<Self>, Failure> {
        let (client, prior, wanted) = (s3(context), request.prior()?, &request.inputs);
        if prior.object_ownership != wanted.object_ownership {
            wanted.set_ownership(&client).await?;
        }
        if prior.tags != wanted.tags {
            let present = tags::read(&client, request.id()).await?;
            // Whoever removed the token's tag did not make it another bucket.
            let recorded = String::from_utf8_lossy(request.private());
            tags::write(&client, request.id(), &wanted.tags, &recorded, &present).await?;
        }
        Ok(request.expected()?.into())
    }
}

impl Delete for Bucket {
    async fn delete(context: &Context, request: Deletion<'_, Self>) -> Result<Deleted, Failure> {
        let force = request.prior()?.force_destroy.unwrap_or_default();
        delete(context, request.id(), force).await
    }
}

/// Goes on with a delete that empties the bucket.
impl Poll for Bucket {
    async fn poll(context: &Context, request: Polling<'_, Self>) -> Result<Polled<Self>, Failure> {
        let name = String::from_utf8_lossy(request.handle());
        delete(context, &name, true).await.map(Polled::Deleted)
    }
}

/// Lists the buckets of the configured region.
impl List for Bucket {
    async fn list(context: &Context, request: &ListRequest) -> Result<Page<Self>, Failure> {
        let (names, next_cursor) = page(context, request.cursor.clone()).await?;
        let mut objects = Vec::new();
        for name in names {
            objects.extend(read(context, &name).await?);
        }
        Ok(Page { objects, next_cursor })
    }
}

impl Bucket {
    async fn make(&self, client: &Client, region: &str, token: &str) -> Result<(), Failure> {
        let own = self
            .tags
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()));
        let configuration = CreateBucketConfiguration::builder()
            // S3 refuses the name of its first region here.
            .set_location_constraint((region != "us-east-1").then(|| BucketLocationConstraint::from(region)))
            .set_tags(Some(tags::list(own.chain([(tags::TOKEN, token)]))?))
            .build();
        let create = client
            .create_bucket()
            .bucket(&self.bucket)
            .create_bucket_configuration(configuration)
            .object_ownership(ObjectOwnership::from(self.object_ownership.as_str()))
            .set_object_lock_enabled_for_bucket(self.object_lock_enabled.then_some(true));
        done(create.send()).await
    }

    /// Takes the bucket that the create with this token made.
    async fn take(&self, client: &Client, token: &str) -> Result<(), Failure> {
        claim(client, &self.bucket, token).await?;
        self.set_ownership(client).await
    }

    /// Sets the tags where the create did not.
    async fn tag(&self, client: &Client, token: &str) -> Result<(), Failure> {
        let present = tags::read(client, &self.bucket).await?;
        if tags::token(&present) == token {
            return Ok(());
        }
        tags::write(client, &self.bucket, &self.tags, token, &present).await
    }

    async fn set_ownership(&self, client: &Client) -> Result<(), Failure> {
        let rule = OwnershipControlsRule::builder()
            .object_ownership(ObjectOwnership::from(self.object_ownership.as_str()))
            .build();
        let controls = rule.and_then(|rule| OwnershipControls::builder().rules(rule).build());
        let controls = controls.map_err(|error| incomplete_request(&error))?;
        let put = client.put_bucket_ownership_controls().bucket(&self.bucket);
        done(put.ownership_controls(controls).send()).await
    }

    /// Sets what follows from name and region.
    fn located(self, region: &str) -> Self {
        let name = &self.bucket;
        let china = region.starts_with("cn-");
        let suffix = if china {
            "amazonaws.com.cn"
        } else {
            "amazonaws.com"
        };
        Self {
            arn: Some(format!("arn:{}:s3:::{name}", partition(region))),
            region: Some(region.to_owned()),
            bucket_domain_name: Some(format!("{name}.s3.{suffix}")),
            bucket_regional_domain_name: Some(format!("{name}.s3.{region}.{suffix}")),
            ..self
        }
    }
}

async fn read(context: &Context, name: &str) -> Result<Option<Object<Bucket>>, Failure> {
    let client = s3(context);
    let Some(head) = found(call(client.head_bucket().bucket(name).send()).await)? else {
        return Ok(None);
    };
    // Between two calls the bucket may go.
    let Some(present) = found(tags::read(&client, name).await)? else {
        return Ok(None);
    };
    let ownership = found(call(client.get_bucket_ownership_controls().bucket(name).send()).await)?;
    let ownership = ownership
        .as_ref()
        .and_then(|answer| answer.ownership_controls()?.rules().first())
        // Without the setting a bucket behaves as it did before there was one.
        .map_or("ObjectWriter", |rule| rule.object_ownership().as_str());
    let lock = found(call(client.get_object_lock_configuration().bucket(name).send()).await)?;
    let locked = lock
        .as_ref()
        .and_then(|answer| answer.object_lock_configuration()?.object_lock_enabled())
        == Some(&ObjectLockEnabled::Enabled);
    let bucket = Bucket {
        bucket: name.to_owned(),
        force_destroy: Some(false),
        object_lock_enabled: locked,
        object_ownership: ownership.to_owned(),
        tags: tags::own(&present),
        arn: None,
        region: None,
        bucket_domain_name: None,
        bucket_regional_domain_name: None,
    };
    let configured = region(context);
    let bucket = bucket.located(head.bucket_region().unwrap_or(&configured));
    Ok(Some(Object::new(name, bucket).private(tags::token(&present))))
}

/// Returns one page of the names of the buckets in the configured region, and where the next begins.
///
/// # Errors
/// When the cloud refuses.
pub(crate) async fn page(
    context: &Context,
    cursor: Option<String>,
) -> Result<(Vec<String>, Option<String>), Failure> {
    let region = region(context);
    let list = s3(context).list_buckets().bucket_region(&region);
    let list = list.max_buckets(LIST_PAGE).set_continuation_token(cursor);
    let answer = call(list.send()).await?;
    let names = answer
        .buckets()
        .iter()
        .filter(|bucket| bucket.bucket_region().is_none_or(|found| found == region))
        .filter_map(|bucket| bucket.name().map(str::to_owned))
        .collect();
    Ok((names, answer.continuation_token))
}

async fn delete(context: &Context, name: &str, force: bool) -> Result<Deleted, Failure> {
    let client = s3(context);
    if force && let Some(progress) = empty(&client, name, None, name).await? {
        return Ok(Deleted::InProgress(progress));
    }
    match found(done(client.delete_bucket().bucket(name).send()).await) {
        Err(failure) if failure.code == "BucketNotEmpty" => Err(Failure::invalid(
            Diagnostic::error(format!("the bucket `{name}` is not empty"))
                .detail("S3 deletes only empty buckets; versions and delete markers count")
                .help("empty it, or set `force_destroy: true` and apply that before the delete")
                .at(Path::attribute("force_destroy")),
        )
        .code("BucketNotEmpty")),
        answer => answer.map(|_| Deleted::Complete),
    }
}
