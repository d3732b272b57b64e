//! `gcp:securitycenter:Source` and `gcp:securitycenter:Finding`: how Security Command Center is told what others find.
//!
//! Neither can be deleted. A finding that is deleted is set inactive, and an inactive one is no object; a source stays where it
//! is. Single findings cannot be read either: they are listed by their name.

use std::collections::BTreeMap;

use konductor_sdk::cloud::{from_json, to_json, uuid_of};
use konductor_sdk::prelude::*;
use konductor_sdk::schema_builder::SchemaError;
use serde_json::{Value as Json, json};

use super::catalogue::security::timestamp;
use crate::client::{api, received};
use crate::collection;
use crate::lifecycle::{Stand, Target};
use crate::link::{link, segments};
use crate::types::RestType;

const SERVICE: &str = "securitycenter";
/// The version in all paths.
const VERSION: &str = "v1";
/// The type of the table that sources are.
const SOURCES: &str = "securitycenter/v1/organizations.sources";
/// The whole name of a source.
const SOURCE_NAME: &str = "organizations/[^/]+/sources/[^/]+";

fn text_of<'v>(object: &'v Value, name: &str) -> Option<&'v str> {
    object.attribute(name).and_then(Value::as_text)
}

/// Returns the attributes that are given, under the names that the API has for them.
fn members(attributes: &Value, names: &[(&str, &str)]) -> BTreeMap<String, Value> {
    names
        .iter()
        .filter_map(|(attribute, member)| {
            let value = attributes.attribute(attribute)?;
            (!value.is_null() && !value.is_unknown()).then(|| ((*member).to_owned(), value.clone()))
        })
        .collect()
}

/// Returns the path of what has a whole name.
fn path_of(name: &str) -> Vec<String> {
    [VERSION]
        .into_iter()
        .chain(name.split('/'))
        .map(str::to_owned)
        .collect()
}

/// Returns the whole name that a self link has, if it is one of this many steps.
fn name_of(link: &str, steps: usize) -> Result<String, Failure> {
    segments(SERVICE, link)
        .and_then(|path| {
            let (version, name) = path.split_first()?;
            (version == VERSION && name.len() == steps).then(|| name.join("/"))
        })
        .ok_or_else(|| {
            Failure::new(
                Disposition::Invalid,
                format!("`{link}` is no self link of Security Command Center; expected https://securitycenter.googleapis.com/v1/organizations/…"),
            )
        })
}

/// A source of findings.
#[derive(Debug)]
pub struct Source;

pub static SOURCE: Source = Source;

/// The attributes of a source and the members of the API.
const OF_SOURCE: [(&str, &str); 2] = [("display_name", "displayName"), ("description", "description")];

impl Source {
    fn target(parent: &str) -> Result<Target, Failure> {
        let rest = RestType::find(SOURCES).ok_or_else(|| {
            Failure::new(
                Disposition::Other,
                format!("the plugin's table has no `{SOURCES}`"),
            )
        })?;
        let given = BTreeMap::from([("parent".to_owned(), parent.to_owned())]);
        Ok(Target { rest, given })
    }

    fn target_of_link(link: &str) -> Result<Target, Failure> {
        let name = name_of(link, 4)?;
        let parent: Vec<&str> = name.split('/').take(2).collect();
        Self::target(&parent.join("/"))
    }

    fn object(link: &str, actual: &Value) -> Result<ObjectState, Failure> {
        let name = name_of(link, 4)?;
        let parent: Vec<&str> = name.split('/').take(2).collect();
        let made = object(link)
            .set("parent", parent.join("/"))
            .set("full_name", name.as_str())
            .set("self_link", link);
        let made = OF_SOURCE.iter().fold(made, |made, (attribute, member)| {
            made.set(attribute, text_of(actual, member).map(str::to_owned))
        });
        Ok(made.build())
    }

    fn outcome(stand: Stand) -> Result<Outcome, Failure> {
        match stand {
            Stand::Done(link, actual) => Ok(Outcome::Complete(Self::object(&link, &actual)?)),
            Stand::Gone => Ok(Outcome::Deleted),
            Stand::Going(progress) => Ok(Outcome::InProgress(progress)),
            Stand::Failed(_, _, failure) => Err(*failure),
        }
    }

    /// Finds a source that is just as asked for: an attempt that was cut off has made it, or it was left where it was.
    fn find(
        context: &Context,
        target: &Target,
        wanted: &BTreeMap<String, Value>,
    ) -> Result<Option<Stand>, Failure> {
        let mut cursor = None;
        loop {
            let page = collection::page(context, target, cursor.as_deref())?;
            for (link, found) in page.objects {
                let is_same = OF_SOURCE.iter().all(|(_, member)| {
                    let said =
                        |value: Option<&Value>| value.and_then(Value::as_text).unwrap_or_default().to_owned();
                    said(found.attribute(member)) == said(wanted.get(*member))
                });
                if is_same {
                    return Ok(Some(Stand::Done(link, found)));
                }
            }
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(None);
            }
        }
    }
}

impl ResourceProvider for Source {
    fn resource_type(&self) -> &'static str {
        "gcp:securitycenter:Source"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        let example = "https://securitycenter.googleapis.com/v1/organizations/1234567890/sources/5678";
        schema(
            self.resource_type(),
            "A source of findings: who tells Security Command Center something. It cannot be deleted: give it \
             `options: { retain_on_delete: true }`. One that is declared again is taken over.",
        )
        .attribute(
            "parent",
            text("The organisation: `organizations/…`.")
                .required()
                .replaces()
                .pattern("organizations/[^/]+"),
        )
        .attribute(
            "display_name",
            text("What people call it, which no other source of the organisation is called.")
                .required()
                .between(1, 64),
        )
        .attribute("description", text("What it looks at.").between(0, 1024))
        .output(
            "full_name",
            text("The whole name: `organizations/…/sources/…`.").simulated("{attribute:parent}/sources/simulated"),
        )
        .output(
            "self_link",
            text("Where it is found, which is its identity.").simulated(&super::own_link(example)),
        )
        .identity(example, "The self link.", &["self_link"])
        .example(
            "One that works",
            "konductor:\n  type: gcp:securitycenter:Source\n  options: { retain_on_delete: true }\n  properties: { parent: \
             organizations/1234567890, display_name: Konductor }\n",
        )
        .build()
    }

    fn create(&self, context: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
        let target = Self::target(text_of(&request.inputs, "parent").unwrap_or_default())?;
        let wanted = members(&request.inputs, &OF_SOURCE);
        let body = Value::Map(wanted.clone());
        let stand = match target.create(context, &body, &request.idempotency_token) {
            Err(failure) if failure.disposition == Disposition::AlreadyExists => {
                Self::find(context, &target, &wanted)?.ok_or(failure)?
            }
            made => made?,
        };
        Self::outcome(stand)
    }

    fn read(&self, context: &Context, request: &ReadRequest) -> Result<Option<ObjectState>, Failure> {
        let target = Self::target_of_link(&request.id)?;
        let found = target.read(context, &request.id)?;
        found.map(|actual| Self::object(&request.id, &actual)).transpose()
    }

    fn list(&self, context: &Context, request: &ListRequest) -> Result<Listed, Failure> {
        let Some(parent) = text_of(&request.filter, "parent") else {
            return Err(Failure::new(
                Disposition::Unsupported,
                "sources are listed by their organisation; give `parent` in the filter",
            ));
        };
        let page = collection::page(context, &Self::target(parent)?, request.cursor.as_deref())?;
        let objects = page
            .objects
            .iter()
            .map(|(link, actual)| Self::object(link, actual));
        Ok(Listed {
            objects: objects.collect::<Result<_, _>>()?,
            next_cursor: page.next_cursor,
        })
    }

    fn update(&self, context: &Context, request: &UpdateRequest) -> Result<Outcome, Failure> {
        let target = Self::target_of_link(&request.prior.id)?;
        let body = |attributes| Value::Map(members(attributes, &OF_SOURCE));
        let (old, new) = (body(&request.prior.attributes), body(&request.inputs));
        let stand = target.update(context, &request.prior.id, &old, &new, &request.idempotency_token)?;
        Self::outcome(stand)
    }

    fn delete(&self, _: &Context, request: &DeleteRequest) -> Result<Outcome, Failure> {
        Err(Failure::new(
            Disposition::Unsupported,
            format!(
                "the source `{}` cannot be deleted: Security Command Center keeps all sources; set `retain_on_delete: true` to \
                 forget it and leave it where it is",
                request.prior.id
            ),
        ))
    }
}

/// A finding.
#[derive(Debug)]
pub struct Finding;

pub static FINDING: Finding = Finding;

/// The attributes of a finding that cannot be changed, and the members of the API.
const FIXED: [(&str, &str); 2] = [("category", "category"), ("resource_name", "resourceName")];

/// Those that can.
const CHANGEABLE: [(&str, &str); 7] = [
    ("severity", "severity"),
    ("finding_class", "findingClass"),
    ("description", "description"),
    ("external_uri", "externalUri"),
    ("next_steps", "nextSteps"),
    ("compliances", "compliances"),
    ("source_properties", "sourceProperties"),
];

const INACTIVE: &str = "INACTIVE";

impl Finding {
    fn object(link: &str, actual: &Value, expected: Option<&Value>) -> Result<ObjectState, Failure> {
        let whole = name_of(link, 6)?;
        let steps: Vec<&str> = whole.split('/').collect();
        let made = object(link)
            .set("source", steps.get(..4).unwrap_or_default().join("/"))
            .set("name", steps.last().copied().unwrap_or_default())
            .set("full_name", whole.as_str())
            .set("self_link", link)
            .set("create_time", text_of(actual, "createTime").map(str::to_owned));
        let made = FIXED
            .iter()
            .chain(&CHANGEABLE)
            .fold(made, |made, (attribute, member)| {
                let found = actual.attribute(member).cloned().unwrap_or_default();
                let is_unspecified = found.as_text().is_some_and(|text| text.ends_with("_UNSPECIFIED"));
                let found = if is_unspecified { Value::Null } else { found };
                let asked = expected.and_then(|expected| expected.attribute(attribute));
                // What is empty is left out.
                let is_empty = |value: &Value| {
                    value.as_list().is_some_and(<[Value]>::is_empty)
                        || value.as_map().is_some_and(BTreeMap::is_empty)
                };
                made.set(
                    attribute,
                    match asked {
                        Some(asked) if found.is_null() && is_empty(asked) => asked.clone(),
                        _ => found,
                    },
                )
            });
        Ok(made.build())
    }

    /// Reads one, active or not: the API has no way to ask for one alone.
    fn look(context: &Context, whole: &str) -> Result<Option<Value>, Failure> {
        let source: Vec<&str> = whole.split('/').take(4).collect();
        let mut path = path_of(&source.join("/"));
        path.push("findings".to_owned());
        let answer = api(context, SERVICE)
            .get(&path)
            .query("filter", format!("name=\"{whole}\""))
            .send_optional()?;
        let Some(answer) = answer else { return Ok(None) };
        let answer = received(answer.json()?);
        let found = answer.attribute("listFindingsResults").and_then(Value::as_list);
        Ok(found.unwrap_or_default().iter().find_map(|result| {
            let finding = result.attribute("finding")?;
            (text_of(finding, "name")?.rsplit('/').next() == whole.rsplit('/').next())
                .then(|| finding.clone())
        }))
    }

    /// Writes members of one that is there, and sets it active.
    fn write(
        context: &Context,
        whole: &str,
        mut wanted: BTreeMap<String, Value>,
        names: &[&str],
    ) -> Result<Value, Failure> {
        wanted.insert("state".to_owned(), "ACTIVE".into());
        wanted.insert("eventTime".to_owned(), timestamp(context.now() / 1000).into());
        let mask: Vec<&str> = names.iter().copied().chain(["state", "eventTime"]).collect();
        wanted.retain(|name, _| mask.contains(&name.as_str()));
        let answer = api(context, SERVICE)
            .patch(path_of(whole))
            .idempotent(true)
            .query("updateMask", mask.join(","))
            .json(&to_json(&Value::Map(wanted)))
            .send()?;
        Ok(received(answer.json()?))
    }

    /// Judges what is there already under the name of a new one.
    fn found(
        context: &Context,
        whole: &str,
        wanted: BTreeMap<String, Value>,
        conflict: Failure,
    ) -> Result<Value, Failure> {
        let Some(found) = Self::look(context, whole)? else {
            return Err(conflict);
        };
        let differs = |names: &[(&str, &str)]| {
            let differing = names.iter().filter(|(_, member)| wanted.contains_key(*member));
            differing
                .clone()
                .find(|(_, member)| found.attribute(member) != wanted.get(*member))
                .map(|(attribute, _)| (*attribute).to_owned())
        };
        if let Some(attribute) = differs(&FIXED) {
            let mut failure = Failure::new(
                Disposition::AlreadyExists,
                format!(
                    "there is a finding `{whole}` with another `{attribute}` already, and it can neither be changed nor deleted; give another `name`, or none"
                ),
            );
            failure.at = Some(Path::attribute("name"));
            return Err(failure);
        }
        // One that was deleted comes back.
        if text_of(&found, "state") == Some(INACTIVE) {
            let names: Vec<&str> = CHANGEABLE.iter().map(|(_, member)| *member).collect();
            return Self::write(context, whole, wanted, &names);
        }
        match differs(&CHANGEABLE) {
            None => Ok(found),
            Some(_) => Err(conflict),
        }
    }
}

impl ResourceProvider for Finding {
    fn resource_type(&self) -> &'static str {
        "gcp:securitycenter:Finding"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        let example =
            "https://securitycenter.googleapis.com/v1/organizations/1234567890/sources/5678/findings/noowner";
        schema(
            self.resource_type(),
            "Something that was found of a resource, for Security Command Center to show. To delete it is to set it inactive: \
             findings are never gone. One that somebody else has set inactive counts as gone.",
        )
        .attribute(
            "source",
            text("The whole name of the source: its `full_name`.")
                .required()
                .replaces()
                .pattern(SOURCE_NAME),
        )
        .attribute(
            "name",
            text("The name in the source; one that follows from the category and the resource where it is not given.")
                .computed()
                .replaces()
                .pattern("[a-zA-Z0-9]{1,32}"),
        )
        .attribute(
            "category",
            text("What was found: `NO_OWNER`.").required().replaces().between(1, 256),
        )
        .attribute(
            "resource_name",
            text("What it was found of: `//storage.googleapis.com/shop-orders`.")
                .required()
                .replaces()
                .between(1, 2048),
        )
        .attribute(
            "severity",
            text("How bad it is.").computed().allowed(["CRITICAL", "HIGH", "MEDIUM", "LOW"]),
        )
        .attribute(
            "finding_class",
            text("What it is.").computed().allowed([
                "THREAT",
                "VULNERABILITY",
                "MISCONFIGURATION",
                "OBSERVATION",
                "POSTURE_VIOLATION",
                "SENSITIVE_DATA_RISK",
            ]),
        )
        .attribute("description", text("What it means, in words."))
        .attribute("external_uri", text("Where there is more about it."))
        .attribute("next_steps", text("What to do about it."))
        .attribute(
            "compliances",
            list(
                nested(
                    [
                        ("standard", text("The standard: `nist`.").required()),
                        ("version", text("Its version: `r5`.")),
                        ("ids", list(text(""), "The controls.").required()),
                    ],
                    "Controls of a standard that it is against.",
                ),
                "What it is against.",
            ),
        )
        .attribute(
            "source_properties",
            map(any(""), "Whatever else is to be known of it."),
        )
        .output("create_time", text("When it was first told."))
        .output(
            "full_name",
            text("The whole name: `organizations/…/sources/…/findings/…`.")
                .simulated("{attribute:source}/findings/simulated"),
        )
        .output(
            "self_link",
            text("Where it is found, which is its identity.").simulated(&super::own_link(example)),
        )
        .identity(example, "The self link.", &["self_link"])
        .example(
            "One that works",
            "orders:\n  type: gcp:securitycenter:Finding\n  properties:\n    source: organizations/1234567890/sources/5678\n    \
             category: NO_OWNER\n    resource_name: //storage.googleapis.com/shop-orders\n    severity: MEDIUM\n    \
             finding_class: MISCONFIGURATION\n    compliances: [{ standard: nist, version: r5, ids: [cm-8] }]\n",
        )
        .build()
    }

    fn create(&self, context: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
        let text = |name| text_of(&request.inputs, name).unwrap_or_default();
        let name = match text_of(&request.inputs, "name") {
            Some(name) => name.to_owned(),
            None => uuid_of(&[text("source"), text("category"), text("resource_name")]).replace('-', ""),
        };
        let all: Vec<(&str, &str)> = FIXED.into_iter().chain(CHANGEABLE).collect();
        let wanted = members(&request.inputs, &all);
        let mut body = wanted.clone();
        body.insert("state".to_owned(), "ACTIVE".into());
        body.insert("eventTime".to_owned(), timestamp(context.now() / 1000).into());
        let whole = format!("{}/findings/{name}", text("source"));
        let mut path = path_of(text("source"));
        path.push("findings".to_owned());
        let answer = api(context, SERVICE)
            .post(&path)
            .query("findingId", &name)
            .json(&to_json(&Value::Map(body)))
            .send();
        let actual = match answer {
            Ok(answer) => from_json(answer.json::<Json>()?),
            Err(failure) if failure.http_status == Some(409) => {
                Self::found(context, &whole, wanted, failure)?
            }
            Err(failure) => return Err(failure),
        };
        let link = link(SERVICE, &path_of(&whole));
        Ok(Outcome::Complete(Self::object(
            &link,
            &actual,
            Some(&request.inputs),
        )?))
    }

    fn read(&self, context: &Context, request: &ReadRequest) -> Result<Option<ObjectState>, Failure> {
        let whole = name_of(&request.id, 6)?;
        let link = link(SERVICE, &path_of(&whole));
        let expected = request.prior.as_ref().map(|prior| &prior.attributes);
        Self::look(context, &whole)?
            .filter(|found| text_of(found, "state") != Some(INACTIVE))
            .map(|found| Self::object(&link, &found, expected))
            .transpose()
    }

    fn update(&self, context: &Context, request: &UpdateRequest) -> Result<Outcome, Failure> {
        let whole = name_of(&request.prior.id, 6)?;
        let (old, new) = (
            members(&request.prior.attributes, &CHANGEABLE),
            members(&request.planned, &CHANGEABLE),
        );
        let names: Vec<&str> = CHANGEABLE
            .iter()
            .map(|(_, member)| *member)
            .filter(|member| old.get(*member) != new.get(*member))
            .collect();
        let actual = Self::write(context, &whole, new, &names)?;
        Ok(Outcome::Complete(Self::object(
            &request.prior.id,
            &actual,
            Some(&request.planned),
        )?))
    }

    fn delete(&self, context: &Context, request: &DeleteRequest) -> Result<Outcome, Failure> {
        let mut path = path_of(&name_of(&request.prior.id, 6)?);
        if let Some(last) = path.last_mut() {
            last.push_str(":setState");
        }
        api(context, SERVICE)
            .post(&path)
            .idempotent(true)
            .json(&json!({ "state": INACTIVE }))
            .send_optional()?;
        Ok(Outcome::Deleted)
    }
}
