//! What is done to an object of a described type: its attributes become an ARM resource, and its answer attributes.

use konductor_schema_body::{check, marked, settled, writable};
use konductor_sdk::cloud::from_json;
use konductor_sdk::prelude::*;
use konductor_sdk::resource::ReadResult;
use konductor_sdk::schema_builder::SchemaError;
use konductor_sdk::typed::delete_first_unless_changed;

use super::description::{Attribute, Description, Parent};
use crate::arm_id::{ArmId, after};
use crate::body::{Place, location, tags_of};
use crate::client::{default_location, subscription};
use crate::collection;
use crate::lifecycle::{Stand, Target, handle, without_token};
use crate::resource_graph;
use crate::types::ArmType;

impl Description {
    fn arm(&self) -> ArmType {
        // A test makes sure that the table has every described type.
        ArmType::find(self.arm_type, Some(self.api_version)).unwrap_or_else(|| ArmType {
            name: self.arm_type.to_owned(),
            api_version: self.api_version.to_owned(),
            body: None,
            at_subscription: false,
        })
    }

    /// Returns the attribute that says what an object stands in.
    fn parent_attribute(&self) -> Option<&'static str> {
        match self.parent {
            Parent::Subscription => None,
            Parent::Group => Some("resource_group"),
            Parent::Resource(attribute, _) => Some(attribute),
        }
    }

    fn parent_of(&self, context: &Context, inputs: &Value) -> Result<String, Failure> {
        let text = |name| {
            inputs
                .attribute(name)
                .and_then(Value::as_text)
                .unwrap_or_default()
        };
        Ok(match self.parent {
            Parent::Subscription => format!("/subscriptions/{}", subscription(context)?),
            Parent::Group => format!(
                "/subscriptions/{}/resourceGroups/{}",
                subscription(context)?,
                text("resource_group")
            ),
            Parent::Resource(attribute, between) => {
                format!("{}{between}", text(attribute).trim_end_matches('/'))
            }
        })
    }

    /// Returns what is known of the parent of an identifier, as the attribute says it.
    fn parent_value(&self, id: &ArmId) -> Value {
        match self.parent {
            Parent::Subscription => Value::Null,
            Parent::Group => after(&id.id, "resourceGroups").map(str::to_owned).into(),
            Parent::Resource(_, between) => {
                let length = id.parent.len().saturating_sub(between.len());
                id.parent.get(..length).map(str::to_owned).into()
            }
        }
    }

    fn target(&self, context: &Context, inputs: &Value) -> Result<Target, Failure> {
        let name = inputs
            .attribute("name")
            .and_then(Value::as_text)
            .unwrap_or_default();
        let arm_type = self.arm();
        Ok(Target {
            id: ArmId::new(self.arm_type, &self.parent_of(context, inputs)?, name)?,
            arm_type,
        })
    }

    fn target_of_id(&self, id: &str) -> Result<Target, Failure> {
        let target = Target::of_id(id, Some(self.api_version))?;
        if !target.id.type_name.eq_ignore_ascii_case(self.arm_type) {
            return Err(Failure::new(
                Disposition::Invalid,
                format!(
                    "`{id}` is a {}, and a {} is a {}",
                    target.id.type_name, self.name, self.arm_type
                ),
            ));
        }
        Ok(target)
    }

    /// Returns the body that is sent for attributes.
    fn body(&self, inputs: &Value, default_location: Option<&str>, arm_type: &ArmType) -> Value {
        let mut body = Value::empty_map();
        for (path, json) in self.fixed {
            let value = serde_json::from_str(json).map(from_json).unwrap_or_default();
            body.put(&path_of(path), value);
        }
        for attribute in self.attributes.iter().filter(|attribute| !attribute.output) {
            if let Some(value) = inputs.attribute(attribute.name).filter(|value| !value.is_null()) {
                body.put(&path_of(attribute.path), value.clone());
            }
        }
        if arm_type.takes("location") {
            let given = inputs.attribute("location").and_then(Value::as_text);
            if let Some(location) = given.or(default_location) {
                body.put(&Path::attribute("location"), Value::from(location));
            }
        }
        if let Some(tags) = inputs.attribute("tags").filter(|tags| !tags.is_null()) {
            body.put(&Path::attribute("tags"), tags.clone());
        }
        marked(Place::of(arm_type.body), body)
    }

    /// Returns an object as it is stored. Attributes that were not asked for are left out, unless Azure fills them in;
    /// where nothing is expected, as in an import, everything that can be given counts.
    fn object(&self, target: &Target, actual: &Value, expected: Option<&Value>) -> ObjectState {
        let place = target.place();
        let tags = tags_of(place, actual, expected);
        let found = actual.attribute("location").and_then(Value::as_text);
        let wanted = expected.and_then(|expected| expected.attribute("location")?.as_text());
        let spelled = match (found, wanted) {
            (Some(found), Some(wanted)) if location(found) == location(wanted) => Some(wanted),
            (found, _) => found,
        };
        let mut made = object(&target.id.id)
            .set("name", target.id.name.as_str())
            .set("id", target.id.id.as_str())
            .set("tags", tags)
            .set("location", spelled.map(str::to_owned));
        if let Some(parent) = self.parent_attribute() {
            let asked = expected.and_then(|expected| expected.attribute(parent));
            made = match (asked.and_then(Value::as_text), self.parent_value(&target.id)) {
                (Some(asked), Value::Text(found)) if asked.eq_ignore_ascii_case(&found) => {
                    made.set(parent, asked)
                }
                (_, found) => made.set(parent, found),
            };
        }
        self.attributes
            .iter()
            .fold(made, |made, attribute| {
                made.set(attribute.name, value_of(attribute, place, actual, expected))
            })
            .build()
    }

    fn outcome(&self, target: &Target, stand: Stand, expected: &Value) -> Outcome {
        match stand {
            Stand::Done(actual) => Outcome::Complete(self.object(target, &actual, Some(expected))),
            Stand::Gone => Outcome::Deleted,
            Stand::Going(progress) => Outcome::InProgress(progress),
            Stand::Failed(actual, failure) => {
                Outcome::Partial(self.object(target, &actual, Some(expected)), failure)
            }
        }
    }
}

/// Returns the value of an attribute in what Azure has.
fn value_of(attribute: &Attribute, place: Place, actual: &Value, expected: Option<&Value>) -> Value {
    let place = attribute.steps().into_iter().fold(place, Place::child);
    let actual = actual
        .at(&path_of(attribute.path))
        .map(std::borrow::Cow::into_owned)
        .unwrap_or_default();
    if attribute.output {
        return marked(place, actual);
    }
    match expected.map(|expected| expected.attribute(attribute.name)) {
        None => writable(place, &actual),
        Some(Some(expected)) if !expected.is_null() => settled(place, &actual, expected),
        Some(_) if attribute.computed => writable(place, &actual),
        Some(_) => Value::Null,
    }
}

fn path_of(path: &str) -> Path {
    let mut names = path.split('.');
    let first = Path::attribute(names.next().unwrap_or_default());
    names.fold(first, |path, name| path.child(name))
}

impl ResourceProvider for Description {
    fn resource_type(&self) -> &'static str {
        self.name
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        let arm_type = self.arm();
        let mut built = schema(self.name, self.about)
            .attribute("name", text("The name.").required().replaces().between(1, 260))
            .output(
                "id",
                text("The identifier.")
                    .simulated("/subscriptions/{uuid}/resourceGroups/simulated/providers/{name}"),
            )
            .identity(
                "/subscriptions/…/resourceGroups/shop/providers/…",
                "The identifier of the resource.",
                &["id"],
            )
            .batch_read();
        if let Some(parent) = self.parent_attribute() {
            let about = match self.parent {
                Parent::Group => "The resource group that it stands in.".to_owned(),
                _ => format!(
                    "The identifier of the {} that it stands in.",
                    parent.trim_end_matches("_id").replace('_', " ")
                ),
            };
            built = built.attribute(parent, text(&about).required().replaces().between(1, 1024));
        }
        if arm_type.takes("location") {
            built = built.attribute(
                "location",
                text("Where it is; `azure.location` where it is not given.")
                    .computed()
                    .replaces(),
            );
        }
        if arm_type.takes("tags") {
            built = built.tags();
        }
        for attribute in self.attributes {
            built = built.attribute(attribute.name, attribute.schema(&arm_type));
        }
        built.example("It with what it needs", self.example).build()
    }

    fn check(&self, inputs: &Value, diagnostics: &mut Diagnostics) {
        // What the schema cannot say, such as the forms of an object, Azure's definition does.
        let arm_type = self.arm();
        let mut whole = self.body(inputs, None, &arm_type);
        if let Some(map) = whole.as_map_mut() {
            map.entry("name".to_owned()).or_insert(Value::Unknown);
            if arm_type.takes("location") {
                map.entry("location".to_owned()).or_insert(Value::Unknown);
            }
        }
        let mut found = Diagnostics::default();
        check(Place::of(arm_type.body), &whole, &Path::root(), &mut found);
        for mut diagnostic in found {
            let at = diagnostic.at.take().unwrap_or_default();
            let of = self
                .attributes
                .iter()
                .find(|attribute| at.starts_with(&path_of(attribute.path)));
            diagnostic.at = Some(match of {
                Some(attribute) => {
                    let rest = at
                        .steps()
                        .iter()
                        .skip(attribute.steps().len())
                        .cloned()
                        .collect::<Vec<_>>();
                    Path::attribute(attribute.name).join(&Path::from(rest))
                }
                None => at,
            });
            // The check by the schema has said it already.
            let is_told = diagnostics_hold(diagnostics, &diagnostic);
            if !is_told {
                diagnostics.push(diagnostic);
            }
        }
    }

    fn refine_plan(&self, _: &PlanRequest, plan: &mut PlanResponse) {
        let apart: Vec<&str> = ["name"].into_iter().chain(self.parent_attribute()).collect();
        delete_first_unless_changed(plan, &apart);
    }

    fn create(&self, context: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
        let target = self.target(context, &request.inputs)?;
        let body = self.body(&request.inputs, default_location(context), &target.arm_type);
        let stand = target.create(context, &body, &request.idempotency_token)?;
        Ok(self.outcome(&target, stand, &request.inputs))
    }

    fn read(&self, context: &Context, request: &ReadRequest) -> Result<Option<ObjectState>, Failure> {
        let target = self.target_of_id(&request.id)?;
        let found = target.read(context)?;
        let expected = request.prior.as_ref().map(|prior| &prior.attributes);
        Ok(found.map(|actual| self.object(&target, &actual, expected)))
    }

    fn read_many(&self, context: &Context, requests: &[ReadRequest]) -> Result<Vec<ReadResult>, Failure> {
        resource_graph::read_many(
            context,
            requests,
            |prior, seen| {
                let Ok(target) = self.target_of_id(&prior.id) else {
                    return false;
                };
                let object = self.object(&target, &without_token(seen), Some(&prior.attributes));
                let own = ["tags", "location"].into_iter();
                own.chain(
                    self.attributes
                        .iter()
                        .filter(|attribute| !attribute.output)
                        .map(|attribute| attribute.name),
                )
                .all(|name| object.attributes.attribute(name) == prior.attributes.attribute(name))
            },
            |request| self.read(context, request),
        )
    }

    fn list(&self, context: &Context, request: &ListRequest) -> Result<Listed, Failure> {
        let arm_type = self.arm();
        let parent = || match self.parent {
            Parent::Resource(attribute, _) if request.filter.attribute(attribute).is_none() => {
                Err(Failure::new(
                    Disposition::Unsupported,
                    format!(
                        "{} is listed for one parent: give the filter `{attribute}`",
                        self.name
                    ),
                ))
            }
            Parent::Resource(..) => self.parent_of(context, &request.filter),
            _ => Ok(format!("/subscriptions/{}", subscription(context)?)),
        };
        collection::listed(
            context,
            &arm_type,
            request.cursor.as_deref(),
            parent,
            |target, found| {
                let own = target.id.type_name.eq_ignore_ascii_case(self.arm_type);
                own.then(|| self.object(target, &found, None))
            },
        )
    }

    fn update(&self, context: &Context, request: &UpdateRequest) -> Result<Outcome, Failure> {
        let target = self.target_of_id(&request.prior.id)?;
        let before = self.body(&request.prior_inputs, None, &target.arm_type);
        let wanted = self.body(&request.inputs, None, &target.arm_type);
        let stand = target.update(context, &before, &wanted)?;
        Ok(self.outcome(&target, stand, &request.inputs))
    }

    fn delete(&self, context: &Context, request: &DeleteRequest) -> Result<Outcome, Failure> {
        let target = self.target_of_id(&request.prior.id)?;
        let stand = target.delete(context)?;
        Ok(self.outcome(&target, stand, &request.prior.attributes))
    }

    fn poll(&self, context: &Context, request: &PollRequest) -> Result<Outcome, Failure> {
        let handle = handle(request)?;
        let target = Target::of_handle(&handle)?;
        let stand = target.poll(context, handle, request.operation)?;
        Ok(self.outcome(&target, stand, &request.planned))
    }
}

fn diagnostics_hold(diagnostics: &Diagnostics, wanted: &Diagnostic) -> bool {
    diagnostics.0.iter().any(|told| told.at == wanted.at)
}
