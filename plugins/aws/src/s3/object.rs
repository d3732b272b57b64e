//! `aws:s3:Object`.

use std::collections::HashMap;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use konductor_sdk::aws::{call, done};
use konductor_sdk::typed;
use konductor_sdk::typed::prelude::*;

use super::client::{bucket_may_be_new, found};
use super::object_content::LARGEST;
use super::versions::empty;
use super::{object_content, tags};
use crate::client::s3;

/// The metadata that holds the idempotency token of the create. It is never shown. A tag would take one of the ten
/// an object may have.
const TOKEN: &str = "konductor-token";
/// How many objects a page of a list holds; each costs up to three calls.
const LIST_PAGE: i32 = 50;

/// A small object in a bucket, such as a configuration file. Its content stands in the stack's log. An object that is
/// there already is not overwritten by a create.
#[derive(Clone, Resource)]
#[resource(
    type = "aws:s3:Object",
    identity = "BUCKET/KEY: The bucket and the key, joined by `/`.",
    known_as("terraform", "aws_s3_object", "{bucket}/{key}"),
    known_as("pulumi", "aws:s3/bucketObjectv2:BucketObjectv2", "{bucket}/{key}"),
    unique("bucket", "key"),
    create(
        "s3:PutObject",
        "s3:PutObjectTagging",
        "s3:GetObject",
        "s3:DeleteObjectTagging"
    ),
    update(
        "s3:PutObject",
        "s3:PutObjectTagging",
        "s3:GetObject",
        "s3:DeleteObjectTagging"
    ),
    delete("s3:DeleteObject", "s3:DeleteObjectVersion", "s3:ListBucketVersions"),
    read("s3:GetObject", "s3:GetObjectTagging", "s3:ListBucket"),
    example = r#"# A page
site:
  type: aws:s3:Bucket
  properties: { bucket: konductor-example-object }
page:
  type: aws:s3:Object
  properties:
    bucket: ${site.bucket}
    key: index.html
    content: "<h1>Hello</h1>\n"
    content_type: text/html
"#
)]
pub struct Object {
    /// The bucket.
    #[attribute(identity, replaces)]
    pub(super) bucket: String,
    /// The key.
    #[attribute(identity, replaces, range(1..=1024))]
    pub(super) key: String,
    /// The content, as text.
    #[attribute(range(..=LARGEST))]
    pub(super) content: Option<String>,
    /// The content, as base64.
    #[attribute(format = Base64, range(..=LARGEST))]
    pub(super) content_base64: Option<String>,
    /// The content, as text that is never shown.
    #[attribute(sensitive, range(..=LARGEST))]
    pub(super) secret_content: Option<String>,
    /// The media type, for example `text/html`.
    #[attribute(computed, simulated = "application/octet-stream")]
    content_type: Option<String>,
    /// What caches may do with it.
    cache_control: Option<String>,
    /// More about it, by lower-case name; S3 keeps it and gives it back.
    metadata: BTreeMap<String, String>,
    /// Whether deleting it leaves its versions, in a bucket with versioning; else they are deleted too.
    #[attribute(write_only, default = false)]
    keep_versions: Option<bool>,
    #[attribute(tags)]
    tags: BTreeMap<String, String>,
    /// The mark of the content, without quotes.
    #[attribute(output, volatile, simulated = "{hex17}")]
    etag: Option<String>,
    /// The version, in a bucket with versioning.
    #[attribute(output, volatile, simulated = "{hex17}")]
    version_id: Option<String>,
}

impl Check for Object {
    fn check(inputs: &Value, diagnostics: &mut Diagnostics) {
        object_content::check(inputs, diagnostics);
        let metadata = inputs.attribute("metadata").and_then(Value::as_map);
        for name in metadata.into_iter().flat_map(BTreeMap::keys) {
            let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
            let problem = if name == TOKEN {
                "is used by Konductor itself"
            } else if name.is_empty() || !name.chars().all(fits) {
                "would come back changed: S3 keeps lower-case letters, digits, `-`, `_` and `.`"
            } else {
                continue;
            };
            diagnostics.push(
                Diagnostic::error(format!("the name `{name}` {problem}"))
                    .help("give it another name")
                    .at(Path::attribute("metadata").child(name)),
            );
        }
    }
}

impl Create for Object {
    async fn create(context: &Context, request: Creation<'_, Self>) -> Result<Made<Self>, Failure> {
        let (client, wanted, token) = (s3(context), &request.inputs, request.idempotency_token());
        match wanted.put(&client, token, true).await {
            Ok(written) => Ok(written.into()),
            // Something is there; it is ours when it carries the token.
            Err(failure) if failure.http_status == Some(412) => {
                let there = found(head(&client, &wanted.place()).await)?;
                if there.is_none_or(|there| token_of(&there).is_none_or(|found| found != token)) {
                    return Err(Failure {
                        disposition: Disposition::AlreadyExists,
                        message: format!(
                            "`{}` exists already and was not made by this operation; remove it, or take it over with \
                             `konductor import`",
                            wanted.place().id()
                        ),
                        ..failure
                    });
                }
                wanted.put(&client, token, false).await.map(Into::into)
            }
            Err(failure) => Err(bucket_may_be_new(failure, &wanted.bucket)),
        }
    }
}

impl Read for Object {
    async fn read(
        context: &Context,
        request: Reading<'_, Self>,
    ) -> Result<Option<typed::Object<Self>>, Failure> {
        let prior = request.prior()?;
        read(&s3(context), &Place::parse(request.id())?, prior.as_ref()).await
    }
}

impl Update for Object {
    async fn update(context: &Context, request: Change<'_, Self>) -> Result<Made<Self>, Failure> {
        let (client, prior, wanted) = (s3(context), request.prior()?, &request.inputs);
        if wanted.is_rewritten(&prior) {
            let token = String::from_utf8_lossy(request.private());
            let mut wanted = wanted.clone();
            // What is computed and not given stays as it is.
            wanted.content_type = wanted.content_type.or(prior.content_type);
            return wanted.put(&client, &token, false).await.map(Into::into);
        }
        wanted.set_tags(&client).await?;
        Ok(request.expected()?.into())
    }
}

impl Delete for Object {
    async fn delete(context: &Context, request: Deletion<'_, Self>) -> Result<Deleted, Failure> {
        let prior = request.prior()?;
        let versions = prior.version_id.is_some() && prior.keep_versions != Some(true);
        delete(&s3(context), &Place::parse(request.id())?, versions).await
    }
}

/// Goes on with a delete of many versions.
impl Poll for Object {
    async fn poll(context: &Context, request: Polling<'_, Self>) -> Result<Polled<Self>, Failure> {
        let id = String::from_utf8_lossy(request.handle());
        let deleted = delete(&s3(context), &Place::parse(&id)?, true).await?;
        Ok(Polled::Deleted(deleted))
    }
}

/// Lists the objects of the bucket that the filter names as `bucket`; `prefix` is optional.
impl List for Object {
    async fn list(context: &Context, request: &ListRequest) -> Result<Page<Self>, Failure> {
        let client = s3(context);
        let bucket = request.filter.text("bucket")?;
        let list = client
            .list_objects_v2()
            .bucket(bucket)
            .set_prefix(request.filter.owned_text("prefix"))
            .max_keys(LIST_PAGE)
            .set_continuation_token(request.cursor.clone());
        let page = call(list.send()).await?;
        let mut objects = Vec::new();
        for key in page.contents().iter().filter_map(|listed| listed.key()) {
            objects.extend(read(&client, &Place { bucket, key }, None).await?);
        }
        Ok(Page {
            objects,
            next_cursor: page.next_continuation_token,
        })
    }
}

async fn delete(client: &Client, place: &Place<'_>, versions: bool) -> Result<Deleted, Failure> {
    if versions {
        let progress = empty(client, place.bucket, Some(place.key), &place.id()).await?;
        return Ok(progress.map_or(Deleted::Complete, Deleted::InProgress));
    }
    done(client.delete_object().bucket(place.bucket).key(place.key).send()).await?;
    Ok(Deleted::Complete)
}

/// Where an object is.
struct Place<'p> {
    bucket: &'p str,
    key: &'p str,
}

impl<'p> Place<'p> {
    fn parse(id: &'p str) -> Result<Self, Failure> {
        let (bucket, key) = id
            .split_once('/')
            .filter(|(_, key)| !key.is_empty())
            .ok_or_else(|| {
                Failure::invalid(
                    Diagnostic::error(format!("`{id}` does not name an object")).help("give `BUCKET/KEY`"),
                )
            })?;
        Ok(Self { bucket, key })
    }

    fn id(&self) -> String {
        format!("{}/{}", self.bucket, self.key)
    }
}

async fn head(client: &Client, place: &Place<'_>) -> Result<HeadObjectOutput, Failure> {
    call(client.head_object().bucket(place.bucket).key(place.key).send()).await
}

fn token_of(head: &HeadObjectOutput) -> Option<&String> {
    head.metadata().and_then(|metadata| metadata.get(TOKEN))
}

fn unquoted(etag: Option<&str>) -> Option<String> {
    etag.map(|etag| etag.trim_matches('"').to_owned())
}

impl Object {
    fn place(&self) -> Place<'_> {
        Place {
            bucket: &self.bucket,
            key: &self.key,
        }
    }

    /// Tells whether the object must be written again to become this one; tags can be set alone.
    fn is_rewritten(&self, prior: &Self) -> bool {
        let content = |object: &Self| {
            let forms = [&object.content, &object.content_base64, &object.secret_content];
            forms.map(Clone::clone)
        };
        content(self) != content(prior)
            || self.cache_control != prior.cache_control
            || self.metadata != prior.metadata
            || (self.content_type.is_some() && self.content_type != prior.content_type)
    }

    /// Writes an object and returns it as it is now.
    async fn put(&self, client: &Client, token: &str, new: bool) -> Result<typed::Object<Self>, Failure> {
        let mut metadata: HashMap<String, String> = self.metadata.clone().into_iter().collect();
        if !token.is_empty() {
            metadata.insert(TOKEN.to_owned(), token.to_owned());
        }
        let put = client
            .put_object()
            .bucket(&self.bucket)
            .key(&self.key)
            .body(ByteStream::from(self.bytes()?))
            .set_content_type(self.content_type.clone())
            .set_cache_control(self.cache_control.clone())
            .set_metadata(Some(metadata))
            .set_tagging(url_query(&self.tags).filter(|tagging| !tagging.is_empty()))
            .set_if_none_match(new.then(|| "*".to_owned()));
        let written = call(put.send()).await?;
        let mut object = self.clone();
        if object.content_type.is_none() {
            object.content_type = head(client, &self.place()).await?.content_type;
        }
        object.etag = unquoted(written.e_tag());
        object.version_id = written.version_id;
        Ok(typed::Object::new(self.place().id(), object).private(token))
    }

    async fn set_tags(&self, client: &Client) -> Result<(), Failure> {
        if self.tags.is_empty() {
            let delete = client.delete_object_tagging().bucket(&self.bucket);
            return done(delete.key(&self.key).send()).await;
        }
        let all = tags::list(
            self.tags
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_str())),
        )?;
        let put = client.put_object_tagging().bucket(&self.bucket).key(&self.key);
        done(put.tagging(tags::tagging(all)?).send()).await
    }
}

/// Returns tags in the form a header takes.
fn url_query(tags: &BTreeMap<String, String>) -> Option<String> {
    let mut url = url::Url::parse("https://tags.invalid").ok()?;
    url.query_pairs_mut().extend_pairs(tags);
    url.query().map(str::to_owned)
}

async fn read(
    client: &Client,
    place: &Place<'_>,
    prior: Option<&Object>,
) -> Result<Option<typed::Object<Object>>, Failure> {
    let Some(head) = found(head(client, place).await)? else {
        return Ok(None);
    };
    let token = token_of(&head).cloned().unwrap_or_default();
    let length = head.content_length();
    let tags = if head.tag_count().unwrap_or_default() > 0 {
        let get = client.get_object_tagging().bucket(place.bucket);
        tags::own(call(get.key(place.key).send()).await?.tag_set())
    } else {
        BTreeMap::new()
    };
    let mut read = Object {
        bucket: place.bucket.to_owned(),
        key: place.key.to_owned(),
        content: None,
        content_base64: None,
        secret_content: None,
        etag: unquoted(head.e_tag()),
        content_type: head.content_type,
        cache_control: head.cache_control,
        metadata: head
            .metadata
            .into_iter()
            .flatten()
            .filter(|(name, _)| *name != TOKEN)
            .collect(),
        keep_versions: Some(false),
        tags,
        version_id: head.version_id,
    };
    match prior {
        Some(prior) if read.etag.is_some() && prior.etag == read.etag => {
            read.content.clone_from(&prior.content);
            read.content_base64.clone_from(&prior.content_base64);
            read.secret_content.clone_from(&prior.secret_content);
        }
        _ if object_content::is_read(length) => read.set_content(&content(client, place).await?, prior),
        _ => {}
    }
    Ok(Some(typed::Object::new(place.id(), read).private(token)))
}

async fn content(client: &Client, place: &Place<'_>) -> Result<Vec<u8>, Failure> {
    let answer = call(client.get_object().bucket(place.bucket).key(place.key).send()).await?;
    let body = answer.body.collect().await.map_err(|error| {
        Failure::new(
            Disposition::Unavailable,
            format!("the content of `{}` could not be read: {error}", place.id()),
        )
    })?;
    Ok(body.into_bytes().to_vec())
}
