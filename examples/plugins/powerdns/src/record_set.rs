//! Record sets.

use std::net::Ipv6Addr;

use konductor_sdk::cloud::Api;
use konductor_sdk::typed::{parts_of, prelude::*};
use serde_json::{Value as Json, json};

use crate::{api, names};

/// All records of one name and type.
#[derive(Clone, Resource)]
#[resource(
    type = "powerdns:dns:RecordSet",
    identity(
        format = "example.org./www.example.org./A",
        description = "Zone, name and type."
    ),
    unique("zone", "name", "type"),
    example(
        "An address",
        "www:\n  type: powerdns:dns:RecordSet\n  properties: { zone: \"${home.id}\", name: www.example.org., type: A, \
         records: [192.0.2.1] }\n"
    )
)]
pub struct RecordSet {
    /// The identifier of the zone.
    #[attribute(identity, replaces)]
    zone: String,
    /// The whole name in lower case, with the dot at the end.
    #[attribute(identity, replaces, pattern = r"(\*\.)?([a-z0-9_-]+\.)+")]
    name: String,
    /// The type of record, such as `AAAA`.
    #[attribute(identity, replaces, pattern = "[A-Z][A-Z0-9]*")]
    r#type: String,
    /// For how many seconds others keep it.
    #[attribute(default = 3600, range(0..=2_147_483_647))]
    ttl: i64,
    /// What the records say, as in a zone file: names with the dot at the end, texts in quotation marks.
    #[attribute(required, range(1..))]
    records: BTreeSet<String>,
}

impl RecordSet {
    fn patch(context: &Context, id: &str, set: &Json) -> Result<(), Failure> {
        let sets = json!({ "rrsets": [set] });
        api(context)
            .patch(Self::path(id)?)
            .idempotent(true)
            .json(&sets)
            .send()
            .map(drop)
    }
    fn replacing(&self) -> Json {
        let records: Vec<Json> = self
            .records
            .iter()
            .map(|content| json!({ "content": content }))
            .collect();
        json!({ "changetype": "REPLACE", "name": self.name, "type": self.r#type, "ttl": self.ttl, "records": records })
    }
}

impl RestObject for RecordSet {
    fn api(context: &Context) -> Api<'_> {
        api(context)
    }
    fn path(id: &str) -> Result<Vec<&str>, Failure> {
        let [zone, ..] = parts(id)?;
        Ok(vec!["zones", zone])
    }
    fn object(id: &str, found: &Json) -> Result<Option<Object<Self>>, Failure> {
        let [zone, name, kind] = parts(id)?;
        let sets = found["rrsets"].as_array().into_iter().flatten();
        let is_it = |set: &&Json| set["name"] == name && set["type"] == kind;
        let Some(set) = sets.into_iter().find(is_it) else {
            return Ok(None);
        };
        let records = set["records"].as_array().into_iter().flatten();
        let records: Vec<&Json> = records.map(|record| &record["content"]).collect();
        let all = json!({ "zone": zone, "name": name, "type": kind, "ttl": set["ttl"], "records": records });
        let mark = set["comments"][0]["content"].as_str().unwrap_or_default();
        Ok(Some(Object::from_json(id, &all)?.private(mark)))
    }
    async fn find(context: &Context, id: &str) -> Result<Option<Object<Self>>, Failure> {
        let [zone, name, kind] = parts(id)?;
        let api = api(context);
        let request = api
            .get(["zones", zone])
            .query("rrset_name", name)
            .query("rrset_type", kind);
        match request.send_optional()? {
            Some(answer) => Self::object(id, &answer.json()?),
            None => Ok(None),
        }
    }
    async fn change(context: &Context, id: &str, inputs: &Self) -> Result<(), Failure> {
        Self::patch(context, id, &inputs.replacing())
    }
    async fn remove(context: &Context, id: &str) -> Result<(), Failure> {
        let [_, name, kind] = parts(id)?;
        let set = json!({ "changetype": "DELETE", "name": name, "type": kind });
        Self::patch(context, id, &set)
    }
    async fn create(context: &Context, request: Creation<'_, Self>) -> Result<Object<Self>, Failure> {
        let wanted = &request.inputs;
        let id = format!("{}/{}/{}", wanted.zone, wanted.name, wanted.r#type);
        // A comment marks the set: a create that was cut off finds its own again by it.
        let mark = request.idempotency_token();
        match Self::find(context, &id).await? {
            Some(found) if found.private == mark.as_bytes() => return Ok(found),
            Some(_) => return Err(request.exists_already(&id)),
            None => {}
        }
        let mut set = request.inputs.replacing();
        set["comments"] = json!([{ "account": "konductor", "content": mark }]);
        Self::patch(context, &id, &set)?;
        Ok(Object::new(id, request.inputs).private(mark))
    }
    async fn list(context: &Context, _: &ListRequest) -> Result<Page<Self>, Failure> {
        let mut objects = Vec::new();
        for zone in names(context, &["zones"], "id")? {
            let Some(answer) = api(context).get(["zones", &zone]).send_optional()? else {
                continue;
            };
            let found: Json = answer.json()?;
            for set in found["rrsets"].as_array().into_iter().flatten() {
                if let (Some(name), Some(kind)) = (set["name"].as_str(), set["type"].as_str()) {
                    objects.extend(Self::object(&format!("{zone}/{name}/{kind}"), &found)?);
                }
            }
        }
        Ok(objects.into_iter().collect())
    }
}

impl Check for RecordSet {
    /// The server rewrites IPv6 addresses and refuses everything else that it would write in another way.
    fn check(inputs: &Value, diagnostics: &mut Diagnostics) {
        if inputs.attribute("type").and_then(Value::as_text) != Some("AAAA") {
            return;
        }
        let records = inputs
            .attribute("records")
            .and_then(Value::as_list)
            .unwrap_or_default();
        for (index, record) in records.iter().enumerate() {
            let text = record.as_text().unwrap_or_default();
            let Ok(address) = text.parse::<Ipv6Addr>() else {
                continue;
            };
            if address.to_string() != text {
                let problem = format!("`{text}` is not the short form of the address");
                let problem = Diagnostic::error(problem).help(format!("write `{address}`"));
                diagnostics.push(problem.at(Path::attribute("records").element(index)));
            }
        }
    }
}

fn parts(id: &str) -> Result<[&str; 3], Failure> {
    parts_of(id, '/', "ZONE/NAME/TYPE")
}
