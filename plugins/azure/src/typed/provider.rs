//! What is done to an object of a described type: its attributes become an ARM resource, and its answer attributes.

use konductor_schema_body::{check, marked, settled, writable};
use konductor_sdk::cloud::{from_json, uuid_of};
use konductor_sdk::prelude::*;
use konductor_sdk::resource::ReadResult;
use konductor_sdk::schema_builder::SchemaError;
use konductor_sdk::typed::delete_first_unless_changed;

use super::description::{Attribute, Description, Names, Parent};
use super::own_references::{shortened, spelled_out};
use crate::arm_id::{ArmId, Scope, after};
use crate::body::{Place, location, tags_of};
use crate::client::{default_location, subscription};
use crate::collection;
use crate::lifecycle::{Stand, Target, handle, without_token};
use crate::resource_graph;
use crate::types::{ArmType, EVERY_SCOPE};

impl Description {
    fn arm(&self) -> ArmType {
        // A test makes sure that the table has every described type.
        ArmType::find(self.arm_type, Some(self.api_version)).unwrap_or_else(|| ArmType {
            name: self.arm_type.to_owned(),
            api_version: self.api_version.to_owned(),
            body: None,
            scopes: EVERY_SCOPE,
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

    fn target(&self, context: &Context, inputs: &Value, token: &str) -> Result<Target, Failure> {
        let name = match inputs.attribute("name").and_then(Value::as_text) {
            Some(name) => name.to_owned(),
            // The same for every attempt at the same create.
            None => uuid_of(&[token]),
        };
        let arm_type = self.arm();
        Ok(Target {
            id: ArmId::new(self.arm_type, &self.parent_of(context, inputs)?, &name)?,
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
        let given = |attribute: &&Attribute| {
            let value = inputs.attribute(attribute.name);
            !attribute.output && value.is_some_and(|value| !value.is_null())
        };
        let beside = self
            .attributes
            .iter()
            .filter(given)
            .flat_map(|attribute| attribute.beside);
        for (path, json) in self.fixed.iter().chain(beside) {
            let value = serde_json::from_str(json).map(from_json).unwrap_or_default();
            body.put(&path_of(path), value);
        }
        for attribute in self.attributes.iter().filter(given) {
            let value = inputs.attribute(attribute.name).cloned().unwrap_or_default();
            let value = if attribute.secret {
                value.into_secret()
            } else {
                value
            };
            body.put(&path_of(attribute.path), value);
        }
        if arm_type.takes("location") {
            let given = inputs.attribute("location").and_then(Value::as_text);
            // What is `global` does not stand where everything else does.
            let is_fixed = self.fixed.iter().any(|(path, _)| *path == "location");
            if let Some(location) = given.or(default_location.filter(|_| !is_fixed)) {
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
                made.set(attribute.name, value_of(attribute, target, actual, expected))
            })
            .build()
    }

    /// Tells that an object cannot stand where its attribute for that says, as far as the type's definition knows.
    fn misplaced(&self, inputs: &Value, arm_type: &ArmType) -> Option<Diagnostic> {
        // What stands in a resource of one type names that; what stands anywhere names a scope.
        let Parent::Resource(attribute, "") = self.parent else {
            return None;
        };
        if !ArmId::is_top_level_type(self.arm_type) {
            return None;
        }
        let given = inputs.attribute(attribute)?.as_text()?;
        let allowed: Vec<&str> = Scope::ALL
            .into_iter()
            .filter(|scope| arm_type.stands_in(*scope))
            .map(Scope::words)
            .collect();
        let problem = match Scope::of(given) {
            Some(scope) if arm_type.stands_in(scope) => return None,
            Some(scope) => format!("`{given}` is {}, where no {} can stand", scope.words(), self.name),
            None => format!("`{given}` is not the identifier of anything in Azure"),
        };
        let told = Diagnostic::error(problem)
            .detail(format!("expected the identifier of {}", allowed.join(" or ")))
            .help("such identifiers begin with `/subscriptions/` or `/providers/Microsoft.Management/managementGroups/`");
        Some(told.at(Path::attribute(attribute)))
    }

    /// Tells whether Azure has what it always has where nothing is switched on.
    fn is_off(&self, actual: &Value) -> bool {
        let Some((path, json)) = self.off else {
            return false;
        };
        let off = serde_json::from_str(json).map(from_json).unwrap_or_default();
        actual.at(&path_of(path)).is_some_and(|found| *found == off)
    }

    /// Returns the body that switches an object off.
    fn body_of_off(&self) -> Option<Value> {
        let (path, json) = self.off?;
        let mut body = Value::empty_map();
        body.put(&path_of(path), serde_json::from_str(json).map(from_json).ok()?);
        Some(body)
    }

    /// Switches on what Azure always has, or finds that an earlier attempt did.
    fn switch_on(
        &self,
        context: &Context,
        target: &Target,
        body: &Value,
        inputs: &Value,
    ) -> Result<Stand, Failure> {
        match target.read(context)?.filter(|found| !self.is_off(found)) {
            None => target.put(context, body),
            Some(found) if self.is_as_asked(target, &found, inputs) => Ok(Stand::Done(found)),
            Some(_) => Err(target.taken()),
        }
    }

    /// Returns the names of the attributes that can be given, but for where an object is.
    fn given_names(&self) -> impl Iterator<Item = &'static str> {
        let own = self.attributes.iter().filter(|attribute| !attribute.output);
        ["tags", "location"]
            .into_iter()
            .chain(own.map(|attribute| attribute.name))
    }

    /// Tells whether Azure has what attributes say, as far as they say it.
    fn is_as_asked(&self, target: &Target, actual: &Value, asked: &Value) -> bool {
        let object = self.object(target, actual, Some(asked));
        self.given_names().all(|name| {
            asked
                .attribute(name)
                .is_none_or(|asked| asked.is_null() || object.attributes.attribute(name) == Some(asked))
        })
    }

    /// Adds to shared lists what other resources have put there: a PUT without them would take them away.
    fn add_of_others(
        &self,
        context: &Context,
        target: &Target,
        before: &Value,
        wanted: &mut Value,
    ) -> Result<(), Failure> {
        let mut current = None;
        for attribute in self.attributes.iter().filter(|attribute| attribute.shared) {
            let path = path_of(attribute.path);
            let at = |value: &Value| value.at(&path).map(std::borrow::Cow::into_owned);
            let Some(Value::List(mut list)) = at(wanted) else {
                continue;
            };
            if current.is_none() {
                current = target.read(context)?;
            }
            let place = attribute.steps().into_iter().fold(target.place(), Place::child);
            let found = writable(place, &current.as_ref().and_then(at).unwrap_or_default());
            let mut own = names_of(&Value::List(list.clone()));
            own.extend(at(before).map(|before| names_of(&before)).unwrap_or_default());
            let of_others = found.as_list().unwrap_or_default().iter();
            list.extend(
                of_others
                    .filter(|element| name_of(element).is_some_and(|name| !own.contains(&name)))
                    .cloned(),
            );
            wanted.put(&path, Value::List(list));
        }
        Ok(())
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
fn value_of(attribute: &Attribute, target: &Target, actual: &Value, expected: Option<&Value>) -> Value {
    let place = attribute.steps().into_iter().fold(target.place(), Place::child);
    let actual = actual
        .at(&path_of(attribute.path))
        .map(std::borrow::Cow::into_owned)
        .unwrap_or_default();
    if attribute.output {
        return marked(place, actual);
    }
    match expected.map(|expected| expected.attribute(attribute.name)) {
        None => {
            let given = attribute.without_stamps(writable(place, &actual));
            shortened(&given, &target.id.id)
        }
        Some(Some(expected)) if !expected.is_null() => {
            if attribute.kept && actual.is_null() {
                return expected.clone();
            }
            let wanted = spelled_out(expected, &target.id.id);
            let mut found = settled(place, &actual, &wanted);
            if attribute.shared {
                found = own_elements(found, &wanted);
            }
            if found == wanted {
                expected.clone()
            } else {
                shortened(&found, &target.id.id)
            }
        }
        Some(_) if attribute.computed => shortened(&writable(place, &actual), &target.id.id),
        Some(_) => Value::Null,
    }
}

/// Returns the elements of a list that another list has as well, by their names.
fn own_elements(found: Value, wanted: &Value) -> Value {
    let names = names_of(wanted);
    match found {
        Value::List(mut list) => {
            list.retain(|element| name_of(element).is_none_or(|name| names.contains(&name)));
            Value::List(list)
        }
        other => other,
    }
}

fn name_of(element: &Value) -> Option<String> {
    let name = element.attribute("name").and_then(Value::as_text)?;
    Some(name.to_ascii_lowercase())
}

fn names_of(list: &Value) -> Vec<String> {
    let elements = list.as_list().unwrap_or_default();
    elements.iter().filter_map(name_of).collect()
}

/// Returns the schema of the names of a type's objects.
fn name_schema(names: Names) -> konductor_sdk::schema_builder::Attribute {
    match names {
        Names::Any => text("The name.").required().replaces().between(1, 260),
        Names::Matching(about, pattern) => text(&format!("The name: {about}."))
            .required()
            .replaces()
            .pattern(pattern),
        Names::Uuid => text("The name, a UUID; one is made up where none is given.")
            .computed()
            .replaces()
            .pattern("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
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
            .attribute("name", name_schema(self.names))
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
        for rule in self.rules {
            diagnostics.0.extend(rule.complaint(inputs));
        }
        diagnostics.0.extend(self.misplaced(inputs, &arm_type));
        let mut whole = self.body(inputs, None, &arm_type);
        if let Some(map) = whole.as_map_mut() {
            let name = inputs.attribute("name").cloned().unwrap_or(Value::Unknown);
            map.entry("name".to_owned()).or_insert(name);
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

    fn permissions(&self, operation: &str) -> Vec<&'static str> {
        super::permissions::of(self, operation)
    }

    fn refine_plan(&self, _: &PlanRequest, plan: &mut PlanResponse) {
        let apart: Vec<&str> = ["name"].into_iter().chain(self.parent_attribute()).collect();
        delete_first_unless_changed(plan, &apart);
    }

    fn create(&self, context: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
        let target = self.target(context, &request.inputs, &request.idempotency_token)?;
        let body = self.body(&request.inputs, default_location(context), &target.arm_type);
        let body = spelled_out(&body, &target.id.id);
        let stand = if self.off.is_some() {
            self.switch_on(context, &target, &body, &request.inputs)?
        } else {
            target.create(context, &body, &request.idempotency_token)?
        };
        Ok(self.outcome(&target, stand, &request.inputs))
    }

    fn read(&self, context: &Context, request: &ReadRequest) -> Result<Option<ObjectState>, Failure> {
        let target = self.target_of_id(&request.id)?;
        let found = target.read(context)?.filter(|found| !self.is_off(found));
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
                let seen = without_token(seen);
                let object = self.object(&target, &seen, Some(&prior.attributes));
                let is_same = |name| object.attributes.attribute(name) == prior.attributes.attribute(name);
                !self.is_off(&seen) && self.given_names().all(is_same)
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
                (own && !self.is_off(&found)).then(|| self.object(target, &found, None))
            },
        )
    }

    fn update(&self, context: &Context, request: &UpdateRequest) -> Result<Outcome, Failure> {
        let target = self.target_of_id(&request.prior.id)?;
        let before = self.body(&request.prior_inputs, None, &target.arm_type);
        let mut wanted = self.body(&request.inputs, None, &target.arm_type);
        self.add_of_others(context, &target, &before, &mut wanted)?;
        let (before, wanted) = (
            spelled_out(&before, &target.id.id),
            spelled_out(&wanted, &target.id.id),
        );
        let stand = target.update(context, &before, &wanted)?;
        Ok(self.outcome(&target, stand, &request.inputs))
    }

    fn delete(&self, context: &Context, request: &DeleteRequest) -> Result<Outcome, Failure> {
        if !self.undeletable.is_empty() {
            return Err(Failure::new(
                Disposition::Unsupported,
                format!(
                    "the {} `{}` cannot be deleted: {}; set `retain_on_delete: true` to forget it and leave it where it is",
                    self.name, request.prior.id, self.undeletable
                ),
            ));
        }
        let target = self.target_of_id(&request.prior.id)?;
        let stand = match self.body_of_off() {
            Some(off) => {
                target.put(context, &off)?;
                Stand::Gone
            }
            None => target.delete(context)?,
        };
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
