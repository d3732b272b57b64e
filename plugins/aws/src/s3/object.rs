//! `aws:s3:Object`.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use konductor_sdk::aws::run;
use konductor_sdk::block_on;
use konductor_sdk::prelude::*;

use super::client::{bucket_may_be_new, delete_first_unless_moved, found};
use super::versions::empty;
use super::{object_content, tags};
use crate::client::s3;

/// The metadata that holds the idempotency token of the create. It is never shown. A tag would take one of the ten
/// an object may have.
const TOKEN: &str = "konductor-token";
/// How many objects a page of a list holds; each costs up to three calls.
const LIST_PAGE: i32 = 50;

/// An object in a bucket.
#[derive(Debug)]
pub struct Object;

impl ResourceProvider for Object {
    fn resource_type(&self) -> &'static str {
        "aws:s3:Object"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        schema(
            self.resource_type(),
            "A small object in a bucket, such as a configuration file. Its content stands in the stack's log. An \
             object that is there already is not overwritten by a create.",
        )
        .attribute("bucket", text("The bucket.").required().replaces())
        .attribute("key", text("The key.").required().between(1, 1024).replaces())
        .attribute("content", text("The content, as text.").at_most(object_content::LARGEST))
        .attribute(
            "content_base64",
            text("The content, as base64.").format(TextFormat::Base64).at_most(object_content::LARGEST),
        )
        .attribute(
            "secret_content",
            text("The content, as text that is never shown.")
                .sensitive()
                .at_most(object_content::LARGEST),
        )
        .attribute(
            "content_type",
            text("The media type, for example `text/html`.").computed().simulated("application/octet-stream"),
        )
        .attribute("cache_control", text("What caches may do with it."))
        .attribute(
            "metadata",
            map(text(""), "More about it, by lower-case name; S3 keeps it and gives it back."),
        )
        .attribute(
            "keep_versions",
            boolean("Whether deleting it leaves its versions, in a bucket with versioning; else they are deleted too.")
                .default(false)
                .write_only(),
        )
        .tags()
        .output(
            "etag",
            text("The mark of the content, without quotes.").volatile().simulated("{hex17}"),
        )
        .output(
            "version_id",
            text("The version, in a bucket with versioning.").volatile().simulated("{hex17}"),
        )
        .identity("BUCKET/KEY", "The bucket and the key, joined by `/`.", &["bucket", "key"])
        .example(
            "A page",
            r#"site:
  type: aws:s3:Bucket
  properties: { bucket: konductor-example-object }
page:
  type: aws:s3:Object
  properties:
    bucket: ${site.bucket}
    key: index.html
    content: "<h1>Hello</h1>\n"
    content_type: text/html
"#,
        )
        .build()
    }

    fn check(&self, inputs: &Value, diagnostics: &mut Diagnostics) {
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

    fn refine_plan(&self, _request: &PlanRequest, plan: &mut PlanResponse) {
        delete_first_unless_moved(plan, &["bucket", "key"]);
    }

    fn permissions(&self, operation: &str) -> Vec<&'static str> {
        match operation {
            "create" | "update" => vec![
                "s3:PutObject",
                "s3:PutObjectTagging",
                "s3:GetObject",
                "s3:DeleteObjectTagging",
            ],
            "delete" => vec![
                "s3:DeleteObject",
                "s3:DeleteObjectVersion",
                "s3:ListBucketVersions",
            ],
            "list" => vec!["s3:ListBucket", "s3:GetObject", "s3:GetObjectTagging"],
            _ => vec!["s3:GetObject", "s3:GetObjectTagging", "s3:ListBucket"],
        }
    }

    fn create(&self, context: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
        let inputs = &request.inputs;
        let token = &request.idempotency_token;
        let place = Place::of(inputs)?;
        let client = s3(context);
        match put(&client, &place, inputs, token, true) {
            Ok(written) => Ok(Outcome::Complete(written)),
            // Something is there; it is ours when it carries the token.
            Err(failure) if failure.http_status == Some(412) => {
                let there = found(head(&client, &place))?;
                if there.is_none_or(|there| token_of(&there) != Some(token)) {
                    return Err(Failure {
                        disposition: Disposition::AlreadyExists,
                        message: format!(
                            "`{}` exists already and was not made by this operation; remove it, or take it over with \
                             `konductor import`",
                            place.id()
                        ),
                        ..failure
                    });
                }
                put(&client, &place, inputs, token, false).map(Outcome::Complete)
            }
            Err(failure) => Err(bucket_may_be_new(failure, place.bucket)),
        }
    }

    fn read(&self, context: &Context, request: &ReadRequest) -> Result<Option<ObjectState>, Failure> {
        read(&s3(context), &Place::parse(&request.id)?, request.prior.as_ref())
    }

    /// Lists the objects of the bucket that the filter names as `bucket`; `prefix` is optional.
    fn list(&self, context: &Context, request: &ListRequest) -> Result<Listed, Failure> {
        let client = s3(context);
        let bucket = request.filter.text("bucket")?;
        let page = run(client
            .list_objects_v2()
            .bucket(bucket)
            .set_prefix(request.filter.owned_text("prefix"))
            .max_keys(LIST_PAGE)
            .set_continuation_token(request.cursor.clone())
            .send())?;
        let mut objects = Vec::new();
        for key in page.contents().iter().filter_map(|listed| listed.key()) {
            objects.extend(read(&client, &Place { bucket, key }, None)?);
        }
        Ok(Listed {
            objects,
            next_cursor: page.next_continuation_token().map(str::to_owned),
        })
    }

    fn update(&self, context: &Context, request: &UpdateRequest) -> Result<Outcome, Failure> {
        let (prior, inputs) = (&request.prior.attributes, &request.inputs);
        let place = Place::of(inputs)?;
        let client = s3(context);
        let rewritten = object_content::FORMS
            .into_iter()
            .chain(["content_type", "cache_control", "metadata"])
            // What is computed and not given stays as it is.
            .filter(|name| *name != "content_type" || inputs.attribute(name).is_some())
            .any(|name| {
                let of = |value: &Value| value.attribute(name).cloned().unwrap_or_default();
                !of(prior).same_as(&of(inputs))
            });
        let token = String::from_utf8_lossy(&request.prior.private);
        if rewritten {
            let mut wanted = inputs.clone();
            if inputs.attribute("content_type").is_none()
                && let Some(content_type) = prior.attribute("content_type")
            {
                wanted.put(&Path::attribute("content_type"), content_type.clone());
            }
            return put(&client, &place, &wanted, &token, false).map(Outcome::Complete);
        }
        set_tags(&client, &place, &inputs.text_map("tags"))?;
        let changed = ["content_type", "etag", "version_id"]
            .into_iter()
            .fold(object(&request.prior.id), |changed, output| {
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
        let place = Place::parse(&request.prior.id)?;
        let attributes = &request.prior.attributes;
        let versions = attributes.given("version_id").is_some() && !attributes.boolean("keep_versions");
        delete(&s3(context), &place, versions)
    }

    /// Goes on with a delete of many versions.
    fn poll(&self, context: &Context, request: &PollRequest) -> Result<Outcome, Failure> {
        let id = String::from_utf8_lossy(&request.handle);
        delete(&s3(context), &Place::parse(&id)?, true)
    }
}

fn delete(client: &Client, place: &Place<'_>, versions: bool) -> Result<Outcome, Failure> {
    if versions {
        let progress = empty(client, place.bucket, Some(place.key), &place.id())?;
        return Ok(progress.unwrap_or(Outcome::Deleted));
    }
    run(client.delete_object().bucket(place.bucket).key(place.key).send())?;
    Ok(Outcome::Deleted)
}

/// Where an object is.
struct Place<'p> {
    bucket: &'p str,
    key: &'p str,
}

impl<'p> Place<'p> {
    fn of(inputs: &'p Value) -> Result<Self, Failure> {
        Ok(Self {
            bucket: inputs.text("bucket")?,
            key: inputs.text("key")?,
        })
    }

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

fn head(client: &Client, place: &Place<'_>) -> Result<HeadObjectOutput, Failure> {
    run(client.head_object().bucket(place.bucket).key(place.key).send())
}

fn token_of(head: &HeadObjectOutput) -> Option<&String> {
    head.metadata().and_then(|metadata| metadata.get(TOKEN))
}

fn unquoted(etag: Option<&str>) -> Option<String> {
    etag.map(|etag| etag.trim_matches('"').to_owned())
}

/// Writes an object and returns it as it is now.
fn put(
    client: &Client,
    place: &Place<'_>,
    inputs: &Value,
    token: &str,
    new: bool,
) -> Result<ObjectState, Failure> {
    let mut metadata: HashMap<String, String> = inputs.text_map("metadata").into_iter().collect();
    if !token.is_empty() {
        metadata.insert(TOKEN.to_owned(), token.to_owned());
    }
    let mut tagging = url_query(&inputs.text_map("tags"));
    tagging = tagging.filter(|tagging| !tagging.is_empty());
    let written = run(client
        .put_object()
        .bucket(place.bucket)
        .key(place.key)
        .body(ByteStream::from(object_content::bytes(inputs)?))
        .set_content_type(inputs.owned_text("content_type"))
        .set_cache_control(inputs.owned_text("cache_control"))
        .set_metadata(Some(metadata))
        .set_tagging(tagging)
        .set_if_none_match(new.then(|| "*".to_owned()))
        .send())?;
    let content_type = match inputs.owned_text("content_type") {
        Some(given) => Some(given),
        None => head(client, place)?.content_type().map(str::to_owned),
    };
    Ok(object(place.id())
        .extend(inputs)
        .set("content_type", content_type)
        .set("etag", unquoted(written.e_tag()))
        .set("version_id", written.version_id())
        .private(token)
        .build())
}

fn set_tags(client: &Client, place: &Place<'_>, wanted: &BTreeMap<String, String>) -> Result<(), Failure> {
    let (bucket, key) = (place.bucket, place.key);
    if wanted.is_empty() {
        return run(client.delete_object_tagging().bucket(bucket).key(key).send()).map(|_| ());
    }
    let all = tags::list(wanted.iter().map(|(key, value)| (key.as_str(), value.as_str())))?;
    run(client
        .put_object_tagging()
        .bucket(bucket)
        .key(key)
        .tagging(tags::tagging(all)?)
        .send())
    .map(|_| ())
}

/// Returns tags in the form a header takes.
fn url_query(tags: &BTreeMap<String, String>) -> Option<String> {
    let mut url = url::Url::parse("https://tags.invalid").ok()?;
    url.query_pairs_mut().extend_pairs(tags);
    url.query().map(str::to_owned)
}

fn read(
    client: &Client,
    place: &Place<'_>,
    prior: Option<&ObjectState>,
) -> Result<Option<ObjectState>, Failure> {
    let Some(head) = found(head(client, place))? else {
        return Ok(None);
    };
    let etag = unquoted(head.e_tag());
    let kept = prior.is_some_and(|prior| prior.attributes.boolean("keep_versions"));
    let mut read = object(place.id())
        .set("bucket", place.bucket)
        .set("key", place.key)
        .set("keep_versions", kept)
        .set("content_type", head.content_type())
        .set("cache_control", head.cache_control())
        .set("etag", etag.clone())
        .set("version_id", head.version_id())
        .private(token_of(&head).cloned().unwrap_or_default());
    let metadata: BTreeMap<String, Value> = head
        .metadata()
        .into_iter()
        .flatten()
        .filter(|(name, _)| *name != TOKEN)
        .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
        .collect();
    if !metadata.is_empty() {
        read = read.set("metadata", metadata);
    }
    if head.tag_count().unwrap_or_default() > 0 {
        let answer = run(client
            .get_object_tagging()
            .bucket(place.bucket)
            .key(place.key)
            .send())?;
        read = read.set("tags", tags::of(answer.tag_set()));
    }
    let prior = prior.map(|prior| &prior.attributes);
    let unchanged = etag.is_some() && prior.is_some_and(|prior| prior.owned_text("etag") == etag);
    if unchanged {
        for form in object_content::FORMS {
            read = read.set(form, prior.and_then(|prior| prior.attribute(form)).cloned());
        }
    } else if object_content::is_read(head.content_length()) {
        let (form, content) = object_content::attribute(&content(client, place)?, prior);
        read = read.set(form, content);
    }
    Ok(Some(read.build()))
}

fn content(client: &Client, place: &Place<'_>) -> Result<Vec<u8>, Failure> {
    let answer = run(client.get_object().bucket(place.bucket).key(place.key).send())?;
    let failed = |error: &dyn std::error::Error| {
        Failure::new(
            Disposition::Unavailable,
            format!("the content of `{}` could not be read: {error}", place.id()),
        )
    };
    let body = block_on(answer.body.collect()).map_err(|pending| failed(&pending))?;
    Ok(body.map_err(|error| failed(&error))?.into_bytes().to_vec())
}
