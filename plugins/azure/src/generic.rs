//! `azure:arm:Resource`: a resource of any type of Azure, at any version of its API.

use konductor_schema_body::{changes, check, marked, settled, writable};
use konductor_sdk::prelude::*;
use konductor_sdk::resource::ReadResult;
use konductor_sdk::schema_builder::SchemaError;
use konductor_sdk::typed::delete_first_unless_changed;

use crate::arm_id::{ArmId, RESOURCE_GROUP, after};
use crate::body::{Place, location, tags_of};
use crate::client::{default_location, subscription};
use crate::collection;
use crate::lifecycle::{Stand, Target, handle, unknown_version, without_token};
use crate::resource_graph;
use crate::types::ArmType;

/// The type's name.
pub const TYPE: &str = "azure:arm:Resource";

/// What names a resource; one of these changes with a replacement that need not delete first.
const APART: [&str; 4] = ["type", "name", "resource_group", "parent_id"];

/// What stands beside `body` of the members of a resource.
const OWN: [&str; 3] = ["location", "tags", "name"];

/// What an answer has besides, whatever the type's definition says of it.
const ANSWERED: [&str; 4] = ["id", "type", "etag", "systemData"];

/// A resource of any type.
#[derive(Debug)]
pub struct Resource;

/// Returns a text attribute.
fn text_of<'v>(inputs: &'v Value, name: &str) -> Option<&'v str> {
    inputs.attribute(name).and_then(Value::as_text)
}

/// Returns the type that inputs name, where the table or they say the version.
fn arm_type_of(inputs: &Value) -> Option<ArmType> {
    ArmType::find(text_of(inputs, "type")?, text_of(inputs, "api_version"))
}

/// Returns the resource that inputs name.
fn target_of(context: &Context, inputs: &Value) -> Result<Target, Failure> {
    let name = text_of(inputs, "name").unwrap_or_default();
    let type_name = text_of(inputs, "type").unwrap_or_default();
    let arm_type = arm_type_of(inputs).ok_or_else(|| unknown_version(type_name))?;
    Ok(Target {
        id: ArmId::new(&arm_type.name, &parent_of(context, inputs)?, name)?,
        arm_type,
    })
}

/// Returns what inputs or a filter say something stands in: a resource group, another resource, or the subscription.
fn parent_of(context: &Context, inputs: &Value) -> Result<String, Failure> {
    Ok(
        match (text_of(inputs, "parent_id"), text_of(inputs, "resource_group")) {
            (Some(parent), _) => parent.to_owned(),
            (None, Some(group)) => {
                format!("/subscriptions/{}/resourceGroups/{group}", subscription(context)?)
            }
            (None, None) => format!("/subscriptions/{}", subscription(context)?),
        },
    )
}

/// Returns the body that is sent: `body` with what stands beside it, and with what is sensitive marked.
fn body_of(inputs: &Value, default_location: Option<&str>, arm_type: &ArmType) -> Value {
    marked(
        Place::of(arm_type.body),
        whole_of(inputs, default_location, arm_type),
    )
}

/// Returns `body` with what stands beside it, as it was given.
fn whole_of(inputs: &Value, default_location: Option<&str>, arm_type: &ArmType) -> Value {
    let mut body = inputs
        .attribute("body")
        .map(Value::reveal)
        .cloned()
        .filter(|body| body.as_map().is_some())
        .unwrap_or_else(Value::empty_map);
    if let Some(map) = body.as_map_mut() {
        let given = text_of(inputs, "location").map(str::to_owned);
        let default = || {
            default_location
                .filter(|_| arm_type.takes("location"))
                .map(str::to_owned)
        };
        if let Some(location) = given.or_else(default) {
            map.insert("location".to_owned(), Value::from(location));
        }
        if let Some(tags) = inputs.attribute("tags").filter(|tags| !tags.is_null()) {
            map.insert("tags".to_owned(), tags.clone());
        }
    }
    body
}

/// Returns an object as it is stored: what was asked for as Azure has it, and all of it in `output`. Without what was
/// asked for, as in an import, everything that can be given counts; then `home` is the subscription that need not be
/// named.
fn object_of(target: &Target, actual: Value, expected: Option<&Value>, home: Option<&str>) -> ObjectState {
    let place = target.place();
    let own = |value: &Value| {
        let mut body = value.clone();
        if let Some(map) = body.as_map_mut() {
            for name in OWN.into_iter().chain(ANSWERED) {
                map.remove(name);
            }
        }
        body
    };
    let body = match expected.and_then(|expected| expected.attribute("body")) {
        Some(expected) => settled(place, &own(&actual), expected),
        None if expected.is_some() => Value::Null,
        None => own(&writable(place, &actual)),
    };
    let tags = tags_of(place, &actual, expected);
    let found = text_of(&actual, "location");
    let place_name = match (found, expected.and_then(|expected| text_of(expected, "location"))) {
        (Some(found), Some(expected)) if location(found) == location(expected) => Some(expected.to_owned()),
        (found, _) => found.map(str::to_owned),
    };
    let is_group = target.arm_type.name.eq_ignore_ascii_case(RESOURCE_GROUP);
    let is_home = home.is_some_and(|home| {
        let parent = target.id.parent.strip_prefix("/subscriptions/");
        parent.is_some_and(|parent| parent.eq_ignore_ascii_case(home))
    });
    let by_parent = expected.map_or(!is_home, |expected| text_of(expected, "parent_id").is_some());
    let named_group = after(&target.id.id, "resourceGroups").filter(|_| !is_group);
    object(&target.id.id)
        .set(
            "type",
            expected
                .and_then(|expected| text_of(expected, "type"))
                .unwrap_or(&target.arm_type.name),
        )
        .set("api_version", target.arm_type.api_version.as_str())
        .set("name", target.id.name.as_str())
        .set("parent_id", Some(target.id.parent.clone()).filter(|_| by_parent))
        .set(
            "resource_group",
            named_group
                .map(str::to_owned)
                .filter(|_| !by_parent && expected.is_some_and(|e| text_of(e, "resource_group").is_some())),
        )
        .set("location", place_name)
        .set("tags", tags)
        .set("body", body)
        .set("id", target.id.id.as_str())
        .set("output", marked(place, actual))
        .build()
}

fn outcome(target: &Target, stand: Stand, expected: &Value) -> Outcome {
    match stand {
        Stand::Done(actual) => Outcome::Complete(object_of(target, actual, Some(expected), None)),
        Stand::Gone => Outcome::Deleted,
        Stand::Going(progress) => Outcome::InProgress(progress),
        Stand::Failed(actual, failure) => {
            Outcome::Partial(object_of(target, actual, Some(expected), None), failure)
        }
    }
}

/// Returns the target of an object that is there.
fn target_of_id(id: &str, prior: Option<&ObjectState>) -> Result<Target, Failure> {
    Target::of_id(
        id,
        prior.and_then(|prior| text_of(&prior.attributes, "api_version")),
    )
}

impl ResourceProvider for Resource {
    fn resource_type(&self) -> &'static str {
        TYPE
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        schema(
            TYPE,
            "A resource of any type of Azure Resource Manager. What can be given in `body` is what Azure's own definition \
             of the type says; it is checked before anything is sent, as far as the plugin knows the type.",
        )
        .attribute(
            "type",
            text("The type: `Microsoft.Network/virtualNetworks`.")
                .required()
                .replaces()
                .pattern(r"[A-Za-z0-9.]+(/[A-Za-z0-9.\-]+)+"),
        )
        .attribute(
            "api_version",
            text("The version of the type's API. The newest that the plugin knows is taken where none is given, and kept.")
                .computed()
                .pattern(r"\d{4}-\d{2}-\d{2}(-[a-z]+)?"),
        )
        .attribute("name", text("The name.").required().replaces().between(1, 260))
        .attribute(
            "resource_group",
            text("The resource group that it stands in.").replaces().between(1, 90),
        )
        .attribute(
            "parent_id",
            text("The identifier of what it stands in, in place of `resource_group`: a resource, a group, or a subscription.")
                .replaces()
                .pattern("/.*"),
        )
        .attribute(
            "location",
            text("Where it is; `azure.location` where it is not given and the type has one.").computed(),
        )
        .tags()
        .attribute(
            "body",
            any("All other members of the resource, as Azure names them: `properties`, `sku`, `identity`, `kind`, `zones`."),
        )
        .output("id", text("The identifier.").simulated("/subscriptions/{uuid}/resourceGroups/simulated/providers/{name}"))
        .output("output", any("The whole resource, as Azure answers.").volatile())
        .identity(
            "/subscriptions/…/resourceGroups/shop/providers/Microsoft.Network/virtualNetworks/net",
            "The identifier of the resource.",
            &["id"],
        )
        .batch_read()
        .example(
            "An address space",
            "network:\n  type: azure:arm:Resource\n  properties:\n    type: Microsoft.Network/virtualNetworks\n    \
             name: shop\n    resource_group: shop\n    location: westeurope\n    body:\n      properties:\n        \
             addressSpace: { addressPrefixes: [10.20.0.0/16] }\n",
        )
        .build()
    }

    fn check(&self, inputs: &Value, diagnostics: &mut Diagnostics) {
        if inputs.attribute("resource_group").is_some() && inputs.attribute("parent_id").is_some() {
            diagnostics.push(
                Diagnostic::error("`resource_group` and `parent_id` both say where it stands")
                    .help("keep one of them")
                    .at(Path::attribute("parent_id")),
            );
        }
        let Some(name) = text_of(inputs, "type") else {
            return;
        };
        let is_known = |name| {
            inputs
                .attribute(name)
                .is_none_or(|value| !matches!(value.reveal(), Value::Unknown | Value::Reference(_)))
        };
        let Some(arm_type) = arm_type_of(inputs) else {
            if is_known("api_version") {
                let failure = unknown_version(name);
                diagnostics.push(Diagnostic::error(failure.message).at(Path::attribute("type")));
            }
            return;
        };
        let nothing = Value::empty_map();
        let given = inputs.attribute("body").unwrap_or(&nothing);
        let at = Path::attribute("body");
        match given.reveal() {
            Value::Unknown | Value::Reference(_) => return,
            Value::Map(map) => {
                for name in OWN.iter().filter(|name| map.contains_key(**name)) {
                    diagnostics.push(
                        Diagnostic::error(format!("`{name}` stands in the body"))
                            .help(format!("give `{name}` beside `body`"))
                            .at(at.child(*name)),
                    );
                }
            }
            other => {
                diagnostics.push(Diagnostic::error(format!("expected map, found {}", other.kind())).at(at));
                return;
            }
        }
        let mut whole = whole_of(inputs, None, &arm_type);
        if let Some(map) = whole.as_map_mut() {
            map.entry("name".to_owned())
                .or_insert_with(|| inputs.attribute("name").cloned().unwrap_or_default());
            // The configuration may say it.
            if arm_type.takes("location") {
                map.entry("location".to_owned()).or_insert(Value::Unknown);
            }
        }
        let mut found = Diagnostics::default();
        check(Place::of(arm_type.body), &whole, &Path::root(), &mut found);
        for mut diagnostic in found {
            let stands_beside = |at: &Path| at.first_attribute().is_some_and(|first| OWN.contains(&first));
            diagnostic.at = diagnostic.at.map(|place| {
                if stands_beside(&place) {
                    place
                } else {
                    at.join(&place)
                }
            });
            diagnostics.push(diagnostic);
        }
    }

    fn refine_plan(&self, request: &PlanRequest, plan: &mut PlanResponse) {
        // Also a replacement that was asked for finds the name taken, unless the name changes.
        delete_first_unless_changed(plan, &APART);
        let Some(prior) = &request.prior else { return };
        let arm_type = arm_type_of(&plan.planned);
        let place = Place::of(arm_type.as_ref().and_then(|arm_type| arm_type.body));
        let null = Value::Null;
        let was = plan.changes.len();
        plan.changes
            .retain(|change| !matches!(change.at.first_attribute(), Some("body" | "location")));
        for name in ["body", "location"] {
            let old = prior.attributes.attribute(name).unwrap_or(&null);
            let new = plan.planned.attribute(name).unwrap_or(&null);
            let place = if name == "body" { place } else { place.child(name) };
            let same = name == "location"
                && matches!((old.as_text(), new.as_text()), (Some(old), Some(new)) if location(old) == location(new));
            if !same {
                plan.changes
                    .extend(changes(place, &Path::attribute(name), old, new));
            }
        }
        if was > 0 && plan.changes.is_empty() {
            // Only the spelling differs.
            plan.planned = prior.attributes.clone();
        } else if plan.changes.iter().any(|change| change.requires_replacement) {
            if let Some(map) = plan.planned.as_map_mut() {
                for name in ["id", "output"] {
                    map.insert(name.to_owned(), Value::Unknown);
                }
            }
            delete_first_unless_changed(plan, &APART);
        }
    }

    fn create(&self, context: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
        let target = target_of(context, &request.inputs)?;
        let body = body_of(&request.inputs, default_location(context), &target.arm_type);
        let stand = target.create(context, &body, &request.idempotency_token)?;
        Ok(outcome(&target, stand, &request.inputs))
    }

    fn read(&self, context: &Context, request: &ReadRequest) -> Result<Option<ObjectState>, Failure> {
        let target = target_of_id(&request.id, request.prior.as_ref())?;
        let found = target.read(context)?;
        let expected = request.prior.as_ref().map(|prior| &prior.attributes);
        Ok(found.map(|actual| {
            object_of(
                &target,
                actual,
                expected,
                text_of(context.config(), "subscription_id"),
            )
        }))
    }

    fn read_many(&self, context: &Context, requests: &[ReadRequest]) -> Result<Vec<ReadResult>, Failure> {
        resource_graph::read_many(
            context,
            requests,
            |prior, seen| {
                let Ok(target) = target_of_id(&prior.id, Some(prior)) else {
                    return false;
                };
                let object = object_of(&target, without_token(seen), Some(&prior.attributes), None);
                ["body", "tags", "location"]
                    .into_iter()
                    .all(|name| object.attributes.attribute(name) == prior.attributes.attribute(name))
            },
            |request| self.read(context, request),
        )
    }

    fn list(&self, context: &Context, request: &ListRequest) -> Result<Listed, Failure> {
        let filter = &request.filter;
        if let Some(query) = text_of(filter, "query") {
            let page = resource_graph::page(context, query, request.cursor.as_deref())?;
            let objects = page
                .items
                .into_iter()
                .filter_map(|found| {
                    let target = Target::of_id(text_of(&found, "id")?, None).ok()?;
                    Some(object_of(
                        &target,
                        without_token(found),
                        None,
                        text_of(context.config(), "subscription_id"),
                    ))
                })
                .collect();
            return Ok(Listed {
                objects,
                next_cursor: page.next,
            });
        }
        let Some(arm_type) = arm_type_of(filter) else {
            return Err(Failure::new(
                Disposition::Unsupported,
                format!(
                    "{TYPE} is listed by a filter: `query`, a query of Resource Graph, or `type` with `resource_group`"
                ),
            ));
        };
        let parent = || parent_of(context, filter);
        collection::listed(
            context,
            &arm_type,
            request.cursor.as_deref(),
            parent,
            |target, found| {
                let home = text_of(context.config(), "subscription_id");
                Some(object_of(target, found, None, home))
            },
        )
    }

    fn update(&self, context: &Context, request: &UpdateRequest) -> Result<Outcome, Failure> {
        let target = Target::of_id(&request.prior.id, text_of(&request.planned, "api_version"))?;
        let before = body_of(&request.prior_inputs, None, &target.arm_type);
        let wanted = body_of(&request.inputs, None, &target.arm_type);
        let stand = target.update(context, &before, &wanted)?;
        Ok(outcome(&target, stand, &request.inputs))
    }

    fn delete(&self, context: &Context, request: &DeleteRequest) -> Result<Outcome, Failure> {
        let target = target_of_id(&request.prior.id, Some(&request.prior))?;
        let stand = target.delete(context)?;
        Ok(outcome(&target, stand, &request.prior.attributes))
    }

    fn poll(&self, context: &Context, request: &PollRequest) -> Result<Outcome, Failure> {
        let handle = handle(request)?;
        let target = Target::of_handle(&handle)?;
        let stand = target.poll(context, handle, request.operation)?;
        Ok(outcome(&target, stand, &request.planned))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_plain_text_is_refused_at_its_place() {
        let told = |password: Value| {
            let properties = Value::from([("administratorLoginPassword", password)]);
            let inputs = Value::from([
                ("type", Value::from("Microsoft.Sql/servers")),
                ("name", Value::from("shop")),
                ("body", Value::from([("properties", properties)])),
            ]);
            let mut diagnostics = Diagnostics::default();
            Resource.check(&inputs, &mut diagnostics);
            diagnostics.to_string()
        };
        let plain = told("planted".into());
        assert!(
            plain.contains("given in plain text") && !plain.contains("planted"),
            "{plain}"
        );
        assert!(told(Value::from("planted").into_secret()).is_empty());
    }
}
