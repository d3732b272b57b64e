//! Buckets.

use konductor_sdk::typed::prelude::*;
use serde_json::{Value as Json, json};

use crate::api::{api, change, create, data_of, every};

/// A bucket: the outermost folder of a Kinto server.
#[derive(Clone, Resource)]
#[resource(
    type = "{{name}}:store:Bucket",
    identity(format = "shelf", description = "The name of the bucket."),
    example(
        "A bucket",
        "shelf:\n  type: {{name}}:store:Bucket\n  properties: { name: shelf, owner: librarian }\n"
    )
)]
pub struct Bucket {
    /// Its name. A bucket cannot be renamed.
    #[attribute(identity, replaces, range(1..=255), pattern = "[a-zA-Z0-9][a-zA-Z0-9_-]*")]
    name: String,
    /// Who answers for it.
    owner: Option<String>,
    /// When it was last changed, in milliseconds.
    #[attribute(output, volatile)]
    last_modified: Option<i64>,
}

fn object(data: &Json) -> Object<Bucket> {
    let name = data["id"].as_str().unwrap_or_default();
    let bucket = Bucket {
        name: name.to_owned(),
        owner: data["owner"].as_str().map(str::to_owned),
        last_modified: data["last_modified"].as_i64(),
    };
    Object::new(name, bucket)
}

impl Create for Bucket {
    async fn create(context: &Context, request: Creation<'_, Self>) -> Result<Made<Self>, Failure> {
        let Bucket { name, owner, .. } = &request.inputs;
        let token = request.idempotency_token();
        let data = create(context, &["buckets", name], json!({ "owner": owner }), token)?;
        Ok(object(&data).into())
    }
}

impl Read for Bucket {
    async fn read(context: &Context, request: Reading<'_, Self>) -> Result<Option<Object<Self>>, Failure> {
        let answer = api(context).get(["buckets", request.id()]).send_optional()?;
        answer.map(|answer| Ok(object(&data_of(&answer)?))).transpose()
    }
}

impl Update for Bucket {
    async fn update(context: &Context, request: Change<'_, Self>) -> Result<Made<Self>, Failure> {
        let data = json!({ "owner": request.inputs.owner });
        Ok(object(&change(context, &["buckets", request.id()], &data)?).into())
    }
}

impl Delete for Bucket {
    async fn delete(context: &Context, request: Deletion<'_, Self>) -> Result<Deleted, Failure> {
        api(context).delete(["buckets", request.id()]).send()?;
        Ok(Deleted::Complete)
    }
}

impl List for Bucket {
    async fn list(context: &Context, _: &ListRequest) -> Result<Page<Self>, Failure> {
        let found = every(context, &["buckets"])?;
        Ok(Page {
            objects: found.iter().map(object).collect(),
            next_cursor: None,
        })
    }
}
