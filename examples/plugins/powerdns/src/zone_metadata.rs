//! Metadata of zones.

use konductor_sdk::cloud::Api;
use konductor_sdk::typed::{parts_of, prelude::*};
use serde_json::{Value as Json, json};

use crate::{api, names};

/// One kind of metadata of a zone, which sets what the server does with it.
#[derive(Clone, Resource)]
#[resource(
    type = "powerdns:dns:ZoneMetadata",
    identity(format = "example.org./ALSO-NOTIFY", description = "Zone and kind."),
    unique("zone", "kind"),
    example(
        "Who may transfer a zone",
        "transfers:\n  type: powerdns:dns:ZoneMetadata\n  properties: { zone: \"${home.id}\", kind: ALLOW-AXFR-FROM, \
         values: [192.0.2.0/24] }\n"
    )
)]
pub struct ZoneMetadata {
    /// The zone's identifier.
    #[attribute(identity, replaces)]
    zone: String,
    /// The kind, such as `ALLOW-AXFR-FROM`, or one of your own that begins with `X-`.
    #[attribute(identity, replaces, pattern = "[A-Z0-9-]+")]
    kind: String,
    /// The values.
    #[attribute(required, range(1..))]
    values: Vec<String>,
}

impl RestObject for ZoneMetadata {
    fn api(context: &Context) -> Api<'_> {
        api(context)
    }
    fn path(id: &str) -> Result<Vec<&str>, Failure> {
        let [zone, kind] = parts_of(id, '/', "ZONE/KIND")?;
        Ok(vec!["zones", zone, "metadata", kind])
    }
    fn object(id: &str, found: &Json) -> Result<Option<Object<Self>>, Failure> {
        let [zone, kind] = parts_of(id, '/', "ZONE/KIND")?;
        let metadata = json!({ "zone": zone, "kind": kind, "values": found["metadata"] });
        // Of a kind that is not there the server says that it has no values.
        let is_there = found["metadata"] != json!([]);
        is_there.then(|| Object::from_json(id, &metadata)).transpose()
    }
    async fn change(context: &Context, id: &str, inputs: &Self) -> Result<(), Failure> {
        let values = json!({ "metadata": inputs.values });
        api(context).put(Self::path(id)?).json(&values).send().map(drop)
    }
    async fn create(context: &Context, request: Creation<'_, Self>) -> Result<Object<Self>, Failure> {
        let id = format!("{}/{}", request.inputs.zone, request.inputs.kind);
        // There is no room for a mark: the same values are those that a create before this set.
        match Self::find(context, &id).await? {
            Some(found) if found.attributes.values == request.inputs.values => return Ok(found),
            Some(_) => return Err(request.exists_already(&id)),
            None => Self::change(context, &id, &request.inputs).await?,
        }
        Ok(Object::new(id, request.inputs))
    }
    async fn list(context: &Context, _: &ListRequest) -> Result<Page<Self>, Failure> {
        let mut ids = Vec::new();
        for zone in names(context, &["zones"], "id")? {
            let kinds = names(context, &["zones", &zone, "metadata"], "kind")?;
            // The server lists it and refuses to read it: it is a setting of the zone.
            let readable = kinds.iter().filter(|kind| *kind != "SOA-EDIT-API");
            ids.extend(readable.map(|kind| format!("{zone}/{kind}")));
        }
        Page::of(context, ids).await
    }
}
