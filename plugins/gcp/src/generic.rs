//! `gcp:rest:Resource`: a resource of any API whose discovery document is in the table.

use std::collections::BTreeMap;

use konductor_schema_body::{changes, check, marked, settled, writable};
use konductor_sdk::prelude::*;
use konductor_sdk::resource::ReadResult;
use konductor_sdk::schema_builder::SchemaError;

use crate::body::Place;
use crate::collection;
use crate::lifecycle::{Stand, Target, type_of_handle};
use crate::link::parameters;
use crate::types::{RestType, nearest};

/// The type's name.
pub const TYPE: &str = "gcp:rest:Resource";

/// A resource of any type.
#[derive(Debug)]
pub struct Resource;

fn text_of<'v>(inputs: &'v Value, name: &str) -> Option<&'v str> {
    inputs.attribute(name).and_then(Value::as_text)
}

fn unknown(name: &str) -> Failure {
    let advice = match nearest(name) {
        Some(known) => format!("did you mean `{known}`?"),
        None => "expected API/VERSION/COLLECTION, such as `compute/v1/networks`".to_owned(),
    };
    Failure::new(
        Disposition::Invalid,
        format!("there is no type `{name}` in the plugin's table; {advice}"),
    )
}

fn rest_of(inputs: &Value) -> Result<RestType, Failure> {
    let name = text_of(inputs, "type").unwrap_or_default();
    RestType::find(name).ok_or_else(|| unknown(name))
}

/// Returns the type and the parameters that inputs name.
fn target_of(inputs: &Value) -> Result<Target, Failure> {
    Ok(Target {
        rest: rest_of(inputs)?,
        given: inputs.text_map("parameters"),
    })
}

/// Returns the type of an object that is there.
fn target_of_link(link: &str, prior: Option<&ObjectState>) -> Result<Target, Failure> {
    if let Some(prior) = prior {
        return target_of(&prior.attributes);
    }
    let rest = RestType::of_link(link).ok_or_else(|| {
        Failure::new(
            Disposition::Invalid,
            format!(
                "`{link}` is not a self link that the plugin knows the type of; expected one such as \
                 https://compute.googleapis.com/compute/v1/projects/PROJECT/global/networks/NAME"
            ),
        )
    })?;
    Ok(Target {
        rest,
        given: BTreeMap::new(),
    })
}

/// Returns the body that is sent: `body` with `labels`, where the type takes labels, and with what is sensitive marked.
fn body_of(inputs: &Value, rest: RestType) -> Value {
    marked(Place::of(rest.body()), whole_of(inputs, rest))
}

/// Returns `body` with what stands beside it, as it was given.
fn whole_of(inputs: &Value, rest: RestType) -> Value {
    let mut body = inputs
        .attribute("body")
        .map(Value::reveal)
        .cloned()
        .filter(|body| body.as_map().is_some())
        .unwrap_or_else(Value::empty_map);
    let labels = inputs.attribute("labels").filter(|labels| !labels.is_null());
    if let (Some(map), Some(labels), true) = (body.as_map_mut(), labels, rest.takes("labels")) {
        map.insert("labels".to_owned(), labels.clone());
    }
    body
}

/// Returns an object as it is stored: what was asked for as Google has it, and all of it in `output`. Without what was
/// asked for, as in an import, everything that can be given counts.
fn object_of(target: &Target, link: &str, actual: Value, expected: Option<&Value>) -> ObjectState {
    let place = target.place();
    let without_labels = |mut body: Value| {
        if let Some(map) = body.as_map_mut() {
            map.remove("labels");
        }
        body
    };
    let body = match expected {
        Some(expected) => match expected.attribute("body") {
            Some(expected) => settled(place, &without_labels(actual.clone()), expected),
            None => Value::Null,
        },
        None => without_labels(writable(place, &actual)),
    };
    let labels = match target.rest.takes("labels") {
        true => actual.attribute("labels").cloned().unwrap_or_default(),
        // They say nothing about it; what was given stays.
        false => expected
            .and_then(|expected| expected.attribute("labels"))
            .cloned()
            .unwrap_or_default(),
    };
    let given = match expected {
        Some(_) => target.given.clone(),
        None => crate::parameters::imported(target.rest, link),
    };
    let given: BTreeMap<String, Value> = given
        .into_iter()
        .map(|(name, value)| (name, Value::Text(value)))
        .collect();
    let given = Some(Value::Map(given)).filter(|given| given.as_map().is_some_and(|map| !map.is_empty()));
    object(link)
        .set("type", target.rest.name())
        .set("parameters", given)
        .set("labels", labels)
        .set("body", body)
        .set("self_link", link)
        .set("output", marked(place, actual))
        .build()
}

fn outcome(target: &Target, stand: Stand, expected: &Value) -> Outcome {
    match stand {
        Stand::Done(link, actual) => Outcome::Complete(object_of(target, &link, actual, Some(expected))),
        Stand::Gone => Outcome::Deleted,
        Stand::Going(progress) => Outcome::InProgress(progress),
        Stand::Failed(link, actual, failure) => {
            Outcome::Partial(object_of(target, &link, actual, Some(expected)), *failure)
        }
    }
}

impl ResourceProvider for Resource {
    fn resource_type(&self) -> &'static str {
        TYPE
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        schema(
            TYPE,
            "A resource of any API of Google Cloud that the plugin has the discovery document of. What can be given in \
             `body` is what Google's own definition says; it is checked before anything is sent.",
        )
        .attribute(
            "type",
            text("The API, its version and the collection: `compute/v1/networks`, `pubsub/v1/projects.topics`.")
                .required()
                .replaces()
                .pattern(r"[a-z0-9]+/[a-z0-9]+/[A-Za-z.]+"),
        )
        .attribute(
            "parameters",
            map(
                text(""),
                "Where it is, by the names that the API gives to parameters of path and query: `region`, `zone`, \
                 `parent`, `topicId`. What is not given is taken from the configuration, where that has it.",
            )
            .replaces(),
        )
        .attribute(
            "labels",
            map(text(""), "Its labels. Types that have none ignore them."),
        )
        .attribute("body", any("All other members, as the API names them."))
        .output(
            "self_link",
            text("Where it is found, which is its identity.")
                .simulated("https://compute.googleapis.com/compute/v1/projects/simulated/global/{name}"),
        )
        .output("output", any("The whole resource, as Google answers.").volatile())
        .identity(
            "https://compute.googleapis.com/compute/v1/projects/shop/global/networks/net",
            "The self link.",
            &["self_link"],
        )
        .tags_in("labels")
        .batch_read()
        .example(
            "A network",
            "network:\n  type: gcp:rest:Resource\n  properties:\n    type: compute/v1/networks\n    \
             body: { name: shop, autoCreateSubnetworks: false }\n",
        )
        .build()
    }

    fn check(&self, inputs: &Value, diagnostics: &mut Diagnostics) {
        let Some(name) = text_of(inputs, "type") else {
            return;
        };
        let rest = match rest_of(inputs) {
            Ok(rest) => rest,
            Err(failure) => {
                diagnostics.push(Diagnostic::error(failure.message).at(Path::attribute("type")));
                return;
            }
        };
        if let Some(create) = rest.method("create") {
            let known: Vec<&str> = parameters(create.path)
                .map(|(name, _)| name)
                .chain(create.query.iter().copied())
                .chain(rest.beside("create"))
                .collect();
            for given in inputs.text_map("parameters").keys() {
                if !known.contains(&given.as_str()) {
                    diagnostics.push(
                        Diagnostic::error(format!("{name} has no parameter `{given}`"))
                            .detail(format!("expected one of `{}`", known.join("`, `")))
                            .at(Path::attribute("parameters").child(given)),
                    );
                }
            }
        }
        let at = Path::attribute("body");
        let nothing = Value::empty_map();
        match inputs.attribute("body").unwrap_or(&nothing).reveal() {
            Value::Unknown | Value::Reference(_) => return,
            Value::Map(map) => {
                if map.contains_key("labels") {
                    diagnostics.push(
                        Diagnostic::error("`labels` stands in the body")
                            .help("give `labels` beside `body`")
                            .at(at.child("labels")),
                    );
                }
            }
            other => {
                diagnostics.push(Diagnostic::error(format!("expected map, found {}", other.kind())).at(at));
                return;
            }
        }
        let mut found = Diagnostics::default();
        check(
            Place::of(rest.body()),
            &whole_of(inputs, rest),
            &Path::root(),
            &mut found,
        );
        for mut diagnostic in found {
            diagnostic.at = diagnostic.at.map(|place| match place.first_attribute() {
                Some("labels") => place,
                _ => at.join(&place),
            });
            diagnostics.push(diagnostic);
        }
    }

    fn refine_plan(&self, request: &PlanRequest, plan: &mut PlanResponse) {
        let Some(prior) = &request.prior else { return };
        let Ok(rest) = rest_of(&plan.planned) else { return };
        let null = Value::Null;
        let was = plan.changes.len();
        crate::parameters::forgive(rest, prior, plan);
        let replaces_whole = plan.changes.iter().any(|change| change.requires_replacement);
        plan.changes
            .retain(|change| change.at.first_attribute() != Some("body"));
        let old = prior.attributes.attribute("body").unwrap_or(&null);
        let new = plan.planned.attribute("body").unwrap_or(&null);
        let place = Place::of(rest.body());
        plan.changes
            .extend(changes(place, &Path::attribute("body"), old, new));
        // Labels that cannot be changed come with a new object.
        let fixed = rest.property("labels").is_some_and(|labels| {
            labels
                .flags()
                .contains(konductor_schema_table::Flags::CREATE_ONLY)
        });
        for change in &mut plan.changes {
            if change.at.first_attribute() == Some("labels") {
                change.requires_replacement |= fixed;
            }
        }
        if was > 0 && plan.changes.is_empty() {
            // Only the spelling differs.
            plan.planned = prior.attributes.clone();
            return;
        }
        if plan.changes.iter().any(|change| change.requires_replacement) {
            if !replaces_whole && let Some(map) = plan.planned.as_map_mut() {
                for name in ["self_link", "output"] {
                    map.insert(name.to_owned(), Value::Unknown);
                }
            }
            // The new one would find the name taken, unless it has another name or another place.
            let apart = |change: &konductor_sdk::model::AttributeChange| {
                let at = change.at.to_string();
                at == "body.name" || at.starts_with("parameters") || at == "type"
            };
            plan.delete_before_replace = !plan.changes.iter().any(apart);
        }
    }

    fn create(&self, context: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
        let target = target_of(&request.inputs)?;
        let body = body_of(&request.inputs, target.rest);
        let stand = target.create(context, &body, &request.idempotency_token)?;
        Ok(outcome(&target, stand, &request.inputs))
    }

    fn read(&self, context: &Context, request: &ReadRequest) -> Result<Option<ObjectState>, Failure> {
        let target = target_of_link(&request.id, request.prior.as_ref())?;
        let found = target.read(context, &request.id)?;
        let expected = request.prior.as_ref().map(|prior| &prior.attributes);
        Ok(found.map(|actual| object_of(&target, &request.id, actual, expected)))
    }

    fn read_many(&self, context: &Context, requests: &[ReadRequest]) -> Result<Vec<ReadResult>, Failure> {
        let targets: Vec<_> = requests
            .iter()
            .map(|request| target_of_link(&request.id, request.prior.as_ref()))
            .collect();
        let wanted: Vec<(&Target, &str)> = targets
            .iter()
            .zip(requests)
            .filter_map(|(target, request)| Some((target.as_ref().ok()?, request.id.as_str())))
            .collect();
        let many = collection::Many::read(context, &wanted)?;
        Ok(targets
            .iter()
            .zip(requests)
            .map(|(target, request)| {
                let target = target.as_ref().map_err(Clone::clone)?;
                let found = many.find(context, target, &request.id)?;
                let expected = request.prior.as_ref().map(|prior| &prior.attributes);
                Ok(found.map(|actual| object_of(target, &request.id, actual, expected)))
            })
            .collect())
    }

    fn list(&self, context: &Context, request: &ListRequest) -> Result<Listed, Failure> {
        if text_of(&request.filter, "type").is_none() {
            return Err(Failure::new(
                Disposition::Unsupported,
                "resources of any type are listed one type at a time; give `type` in the filter",
            ));
        }
        let target = target_of(&request.filter)?;
        let page = collection::page(context, &target, request.cursor.as_deref())?;
        Ok(Listed {
            objects: page
                .objects
                .into_iter()
                .map(|(link, actual)| object_of(&target, &link, actual, None))
                .collect(),
            next_cursor: page.next_cursor,
        })
    }

    fn update(&self, context: &Context, request: &UpdateRequest) -> Result<Outcome, Failure> {
        let target = target_of(&request.inputs)?;
        let old = body_of(&request.prior.attributes, target.rest);
        let new = body_of(&request.planned, target.rest);
        let stand = target.update(context, &request.prior.id, &old, &new, &request.idempotency_token)?;
        Ok(outcome(&target, stand, &request.inputs))
    }

    fn delete(&self, context: &Context, request: &DeleteRequest) -> Result<Outcome, Failure> {
        let target = target_of_link(&request.prior.id, Some(&request.prior))?;
        let stand = target.delete(context, &request.prior.id, &request.idempotency_token)?;
        Ok(outcome(&target, stand, &request.prior.attributes))
    }

    fn poll(&self, context: &Context, request: &PollRequest) -> Result<Outcome, Failure> {
        let rest = type_of_handle(&request.handle)?;
        let target = Target {
            rest,
            given: request.planned.text_map("parameters"),
        };
        let wanted = body_of(&request.planned, rest);
        let stand = target.poll(context, &request.handle, &wanted)?;
        Ok(outcome(&target, stand, &request.planned))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_plain_text_is_refused_at_its_place() {
        let told = |key: Value| {
            let body = Value::from([
                ("name", Value::from("d")),
                ("diskEncryptionKey", Value::from([("rawKey", key)])),
            ]);
            let inputs = Value::from([("type", Value::from("compute/v1/disks")), ("body", body)]);
            let mut diagnostics = Diagnostics::default();
            Resource.check(&inputs, &mut diagnostics);
            diagnostics.to_string()
        };
        let plain = told("planted".into());
        assert!(
            plain.contains("body.diskEncryptionKey.rawKey")
                && plain.contains("given in plain text")
                && !plain.contains("planted"),
            "{plain}"
        );
        assert_eq!(told(Value::from("planted").into_secret()), "");
    }
}
