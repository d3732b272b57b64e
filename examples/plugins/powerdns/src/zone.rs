//! Zones.

use konductor_sdk::cloud::Api;
use konductor_sdk::typed::prelude::*;
use serde_json::Value as Json;

use crate::{api, names};

/// A zone: a domain, and the part below it that the server answers for.
#[derive(Clone, Resource)]
#[resource(
    type = "powerdns:dns:Zone",
    identity(
        format = "example.org.",
        description = "The server's identifier, for most zones the name."
    ),
    unique("name"),
    example(
        "A zone",
        "home:\n  type: powerdns:dns:Zone\n  properties: { name: example.org. }\n"
    )
)]
pub struct Zone {
    /// Its name in lower case, with the dot at the end.
    #[attribute(identity, replaces, pattern = r"([a-z0-9_-]+\.)+")]
    name: String,
    /// Whether it is only here, also transferred to secondaries, or transferred from a primary.
    #[attribute(default = "Native", one_of("Native", "Master", "Slave"))]
    kind: String,
    /// The addresses of the primaries of a `Slave`.
    masters: Vec<String>,
    /// The identifiers of the keys that secondaries transfer it with.
    master_tsig_key_ids: BTreeSet<String>,
    /// The server's identifier, for what belongs to the zone.
    #[attribute(output)]
    id: Option<String>,
}

impl RestObject for Zone {
    const ID: Option<&'static str> = Some("id");

    fn api(context: &Context) -> Api<'_> {
        api(context)
    }
    fn path(id: &str) -> Result<Vec<&str>, Failure> {
        Ok(vec!["zones", id])
    }
    async fn create(context: &Context, request: Creation<'_, Self>) -> Result<Object<Self>, Failure> {
        let (api, name) = (api(context), &request.inputs.name);
        // The account is a free text of a zone: a create that was cut off finds its zone again by it.
        let mut zone = request.inputs.to_json();
        zone["account"] = request.idempotency_token().into();
        let create = api.post(["zones"]).json(&zone);
        let answer = create.send_or_find(api.get(["zones", name]))?;
        if answer.json::<Json>()?["account"] != zone["account"] {
            return Err(request.exists_already(name));
        }
        answer.object("id")
    }
    async fn list(context: &Context, _: &ListRequest) -> Result<Page<Self>, Failure> {
        Page::of(context, names(context, &["zones"], "id")?).await
    }
}
