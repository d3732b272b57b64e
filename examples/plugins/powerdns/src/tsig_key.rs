//! Keys.

use konductor_sdk::cloud::Api;
use konductor_sdk::typed::prelude::*;
use serde_json::Value as Json;

use crate::{api, names};

/// A key that name servers sign transfers with (TSIG, RFC 8945).
#[derive(Clone, Resource)]
#[resource(
    type = "powerdns:dns:TsigKey",
    identity(format = "transfer.", description = "The name, with a dot at the end."),
    unique("name"),
    example(
        "A key",
        "transfer:\n  type: powerdns:dns:TsigKey\n  properties: { name: transfer, key: \"${config.transfer_key}\" }\n"
    )
)]
pub struct TsigKey {
    /// Its name in lower case, without a dot at the end.
    #[attribute(identity, replaces, pattern = r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")]
    name: String,
    /// How it signs. The server keeps a key beside the one of another algorithm, so a change is a replacement.
    #[attribute(
        replaces,
        default = "hmac-sha256",
        one_of("hmac-sha1", "hmac-sha256", "hmac-sha384", "hmac-sha512")
    )]
    algorithm: String,
    /// The key itself, as base64.
    #[attribute(sensitive)]
    key: String,
    /// The identifier, for zones that are transferred with it.
    #[attribute(output)]
    id: Option<String>,
}

impl RestObject for TsigKey {
    const ID: Option<&'static str> = Some("id");

    fn api(context: &Context) -> Api<'_> {
        api(context)
    }
    fn path(id: &str) -> Result<Vec<&str>, Failure> {
        Ok(vec!["tsigkeys", id])
    }
    async fn create(context: &Context, request: Creation<'_, Self>) -> Result<Object<Self>, Failure> {
        let (api, name) = (api(context), &request.inputs.name);
        let wanted = request.inputs.to_json();
        let create = api.post(["tsigkeys"]).json(&wanted);
        let answer = create.send_or_find(api.get(["tsigkeys", name]))?;
        // There is no room for a mark: the same secret is the one that a create before this set.
        let found: Json = answer.json()?;
        if (&found["key"], &found["algorithm"]) != (&wanted["key"], &wanted["algorithm"]) {
            return Err(request.exists_already(name));
        }
        answer.object("id")
    }
    async fn list(context: &Context, _: &ListRequest) -> Result<Page<Self>, Failure> {
        Page::of(context, names(context, &["tsigkeys"], "id")?).await
    }
}
