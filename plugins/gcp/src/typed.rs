//! Types with attributes of their own: each is a description of a type of the table, and nothing more.
//!
//! Attributes are the properties of the table in the spelling of Konductor (`ipCidrRange` is `ip_cidr_range`), and the
//! parameters of the path. What Google fills in where it is not given is kept, so leaving an attribute out does not
//! change it back.

mod adjustment;
mod catalogue;
mod conversion;
mod description;
mod findings;
mod policy;
#[cfg(test)]
mod published;
mod router_peers;
mod spelling;

use std::collections::BTreeMap;

use konductor_schema_body::marked;
use konductor_schema_table::{Flags, Kind, attribute_name};
use konductor_sdk::model::schema::AttributeKind;
use konductor_sdk::prelude::*;
use konductor_sdk::resource::ReadResult;
use konductor_sdk::schema_builder::SchemaError;

use self::adjustment::{adjust, defaults_of};
pub use self::catalogue::types;
use self::conversion::{schema_of, to_attributes, to_body};
pub use self::description::{Completion, Deletion, Named, Typed};
use crate::body::{Place, body_to_json, spelled};
use crate::collection;
use crate::lifecycle::{Stand, Target, type_of_handle};
use crate::link::{expand, matched, parameters, segments};
use crate::own_methods;
use crate::types::RestType;

/// Parameters of paths that the configuration has a default for.
const PLACES: [&str; 4] = ["project", "location", "region", "zone"];

impl Typed {
    fn rest(&self) -> Result<RestType, Failure> {
        RestType::find(self.rest).ok_or_else(|| {
            Failure::new(
                Disposition::Other,
                format!("the plugin's table has no `{}`", self.rest),
            )
        })
    }

    /// Returns the parameters of the path that are attributes.
    fn path_parameters(&self, rest: RestType) -> Vec<&'static str> {
        if let Some(template) = self.full_name {
            return parameters(template)
                .map(|(name, _)| name)
                .filter(|name| *name != "name")
                .collect();
        }
        let mut names: Vec<&'static str> = rest
            .method("create")
            .map(|create| {
                parameters(create.path)
                    .filter(|(_, whole)| !whole)
                    .map(|(name, _)| name)
                    .collect()
            })
            .unwrap_or_default();
        let has_project = names.contains(&"project");
        if !has_project && rest.service() != "storage" {
            names.push("project");
        }
        names
    }

    /// Returns where an object is, as its attributes say.
    fn target(&self, context: &Context, attributes: &Value) -> Result<Target, Failure> {
        let rest = self.rest()?;
        let text = |name: &str| {
            attributes
                .attribute(name)
                .and_then(Value::as_text)
                .map(str::to_owned)
        };
        let mut given = BTreeMap::new();
        for name in self.path_parameters(rest) {
            if let Some(value) = text(&attribute_name(name)) {
                given.insert(name.to_owned(), value);
            }
        }
        for (attribute, parameter, ..) in self.parameters {
            if let Some(value) = text(attribute) {
                given.insert((*parameter).to_owned(), value);
            }
        }
        // A user of a database is told apart by where it comes from as well.
        if let (true, Some(host)) = (target_has_host(rest), text("host")) {
            given.insert("host".to_owned(), host);
        }
        if let (Named::Parameter(parameter), Some(name)) = (self.named, text("name")) {
            given.insert(parameter.to_owned(), name);
        }
        let mut target = Target { rest, given };
        if let Some(template) = self.full_name
            && let Ok(parent) = self.whole_name(context, &target, attributes, parent_of(template))
        {
            target.given.insert("parent".to_owned(), parent);
        }
        Ok(target)
    }

    /// Returns the same for an object that is to be made: its name says where it will be.
    fn new_target(&self, context: &Context, attributes: &Value) -> Result<Target, Failure> {
        let mut target = self.target(context, attributes)?;
        if let Some(template) = self.full_name {
            let name = self.whole_name(context, &target, attributes, template)?;
            target.given.insert("name".to_owned(), name);
        }
        Ok(target)
    }

    /// Returns a whole name with the attributes put in.
    fn whole_name(
        &self,
        context: &Context,
        target: &Target,
        attributes: &Value,
        template: &str,
    ) -> Result<String, Failure> {
        let value = |name: &str| {
            let given = attributes.attribute(&attribute_name(name));
            let given = given.and_then(Value::as_text).map(str::to_owned);
            given.or_else(|| {
                // A location that is not given is the region.
                let configured = if name == "location" { "region" } else { name };
                PLACES
                    .contains(&name)
                    .then(|| target.parameter_of(context, configured))
                    .flatten()
            })
        };
        match expand(template, value) {
            Ok(segments) => Ok(segments.join("/")),
            Err(name) => {
                let mut failure = Failure::new(
                    Disposition::Invalid,
                    format!(
                        "{} needs `{name}`; give it, or set it in the module's configuration",
                        self.name
                    ),
                );
                failure.at = Some(Path::attribute(attribute_name(name)));
                Err(failure)
            }
        }
    }

    /// Returns what stands beside the object in the request that creates.
    fn members_beside(&self, attributes: &Value) -> serde_json::Map<String, serde_json::Value> {
        let mut members = serde_json::Map::new();
        if let Some((member, rest, _)) = self.beside
            && let Some(node) = RestType::find(rest).map(RestType::body)
            && let Some(values) = attributes
                .attribute(&attribute_name(member))
                .and_then(Value::as_map)
        {
            let place = Place::of(node);
            let values = values
                .iter()
                .map(|(name, value)| (name.clone(), body_to_json(place, &to_body(node, value))))
                .collect();
            members.insert(member.to_owned(), serde_json::Value::Object(values));
        }
        members
    }

    /// Returns the body that attributes say.
    fn body(&self, context: &Context, target: &Target, attributes: &Value) -> Value {
        let mut body = to_body(target.rest.body(), attributes);
        if let Some(map) = body.as_map_mut() {
            for name in self.path_parameters(target.rest) {
                map.remove(name);
            }
            for name in self.configured {
                if let Some(value) = target.parameter_of(context, name) {
                    map.entry((*name).to_owned()).or_insert_with(|| value.into());
                }
            }
            match (self.full_name, self.named) {
                (Some(template), Named::Whole) => {
                    if let Ok(name) = self.whole_name(context, target, attributes, template) {
                        map.insert("name".to_owned(), name.into());
                    }
                }
                (Some(_), Named::Parameter(_)) => {
                    map.remove("name");
                }
                _ => {}
            }
            if let Some(completion) = self.completion {
                completion(context, map);
            }
        }
        marked(target.place(), body)
    }

    /// Returns an object as it is stored.
    fn object(
        &self,
        context: &Context,
        target: &Target,
        link: &str,
        actual: Value,
        expected: Option<&Value>,
    ) -> ObjectState {
        let place = target.place();
        let actual = match expected {
            Some(expected) => spelled(place, &actual, &self.body(context, target, expected)),
            None => actual,
        };
        // What is empty is left out where nobody asked for it.
        let asked = expected.cloned().unwrap_or_else(|| defaults_of(self));
        let mut attributes = to_attributes(target.rest.body(), &marked(place, actual.clone()), Some(&asked));
        let found = segments(target.rest.service(), link)
            .and_then(|found| matched(target.rest.method("get")?.path, &found))
            .unwrap_or_default();
        if let Some(map) = attributes.as_map_mut() {
            for name in self.path_parameters(target.rest) {
                let value = found
                    .get(name)
                    .cloned()
                    .or_else(|| target.given.get(name).cloned())
                    .or_else(|| target.parameter_of(context, name));
                if let Some(value) = value {
                    map.insert(attribute_name(name), value.into());
                }
            }
            for (attribute, _, property, until) in self.parameters {
                let told = actual.attribute(property).and_then(Value::as_text);
                if let Some((value, _)) = told.and_then(|text| text.split_once(*until)) {
                    map.insert((*attribute).to_owned(), value.into());
                }
            }
            for path in self.without {
                adjustment::remove(map, path);
            }
            if let Some(template) = self.full_name
                && let Some((_, full)) = found.iter().find(|(name, _)| is_whole(target.rest, name))
            {
                let steps: Vec<String> = full.split('/').map(str::to_owned).collect();
                for (name, value) in matched(template, &steps).unwrap_or_default() {
                    map.insert(attribute_name(&name), value.into());
                }
                map.insert("full_name".to_owned(), full.as_str().into());
            }
            for name in self.shared {
                let given = expected.and_then(|expected| expected.attribute(name));
                if given.is_none_or(|given| given.is_null() || given.is_unknown()) {
                    map.remove(*name);
                }
            }
            // What was only told when it was made is kept.
            if let Some((member, ..)) = self.beside
                && let Some(told) = expected.and_then(|expected| expected.attribute(&attribute_name(member)))
            {
                map.insert(attribute_name(member), told.clone());
            }
            map.insert("self_link".to_owned(), link.into());
        }
        object(link).extend(&attributes).build()
    }

    fn outcome(&self, context: &Context, target: &Target, stand: Stand, expected: &Value) -> Outcome {
        match stand {
            Stand::Done(link, actual) => {
                Outcome::Complete(self.object(context, target, &link, actual, Some(expected)))
            }
            Stand::Gone => Outcome::Deleted,
            Stand::Going(progress) => Outcome::InProgress(progress),
            Stand::Failed(link, actual, failure) => Outcome::Partial(
                self.object(context, target, &link, actual, Some(expected)),
                *failure,
            ),
        }
    }

    fn simulated_as(&self, attribute: &str) -> Option<String> {
        let mut all = self.simulated.iter();
        all.find(|(name, _)| *name == attribute)
            .map(|(_, value)| (*value).to_owned())
    }

    fn pattern_of(&self, attribute: &str) -> Option<String> {
        let mut all = self.patterns.iter();
        all.find(|(name, _)| *name == attribute)
            .map(|(_, pattern)| (*pattern).to_owned())
    }

    fn about_of(&self, attribute: &str, property: &str) -> String {
        self.abouts
            .iter()
            .find(|(name, _)| *name == attribute)
            .map_or_else(
                || format!("`{property}` of the API."),
                |(_, about)| (*about).to_owned(),
            )
    }
}

/// Returns the link that a rehearsal gives an object: such as the example, and no other object's.
fn own_link(example: &str) -> String {
    match example.rsplit_once('/') {
        Some((place, _)) => format!("{place}/{{name}}"),
        None => example.to_owned(),
    }
}

impl ResourceProvider for Typed {
    fn resource_type(&self) -> &'static str {
        self.name
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        let mut building = schema(self.name, self.about)
            .identity(self.link, "The self link.", &["self_link"])
            .batch_read()
            .delete_before_replace()
            .example("One that works", self.example);
        let Some(rest) = RestType::find(self.rest) else {
            return building.build();
        };
        let path = self.path_parameters(rest);
        let mut attributes = BTreeMap::new();
        if let Kind::Object(object) = rest.body().kind() {
            for property in object.properties() {
                let name = attribute_name(property.name());
                let is_told = name == "name" && self.full_name.is_some();
                let is_left_out = ["kind", "selfLink"].contains(&property.name())
                    || path.contains(&property.name())
                    || self.without.contains(&name.as_str());
                if is_told || is_left_out {
                    continue;
                }
                let mut attribute = schema_of(property.node(), property.flags(), 0);
                attribute.description = self.about_of(&name, property.name());
                attribute.simulated = self.simulated_as(&name);
                if name == self.labels {
                    attribute.computed = false;
                }
                if name == "name" && !property.flags().contains(Flags::READ_ONLY) {
                    attribute.required = true;
                    attribute.computed = false;
                    attribute.replaces = true;
                }
                own_methods::mark(rest.name(), property, &mut attribute);
                attributes.insert(name, attribute);
            }
        }
        if self.full_name.is_some() {
            let about = self.about_of("name", "name");
            attributes.insert("name".to_owned(), text(&about).required().replaces().into());
        }
        if let Some((member, of, about)) = self.beside
            && let Some(of) = RestType::find(of)
        {
            let values = AttributeSchema {
                computed: false,
                ..schema_of(of.body(), Flags::NONE, 1)
            };
            let kind = AttributeKind::Map {
                values: Box::new(values),
            };
            let attribute = AttributeSchema {
                kind,
                description: about.to_owned(),
                required: true,
                replaces: true,
                write_only: true,
                ..AttributeSchema::default()
            };
            attributes.insert(attribute_name(member), attribute);
        }
        adjust(self, &mut attributes);
        let has_labels = attributes.contains_key(self.labels);
        for (name, attribute) in attributes {
            building = building.attribute(&name, attribute);
        }
        for name in path {
            let mut attribute = AttributeSchema {
                kind: AttributeKind::Text {
                    format: TextFormat::Any,
                    minimum_length: None,
                    maximum_length: None,
                },
                description: self.about_of(&attribute_name(name), name),
                replaces: true,
                ..AttributeSchema::default()
            };
            attribute.pattern = self.pattern_of(&attribute_name(name));
            // What the configuration says is taken where it is not given.
            attribute.computed = PLACES.contains(&name);
            attribute.required = !attribute.computed;
            building = building.attribute(&attribute_name(name), attribute);
        }
        for (attribute, parameter, ..) in self.parameters {
            let about = self.about_of(attribute, parameter);
            building = building.attribute(attribute, text(&about).required().replaces());
        }
        if let Some(full_name) = self.full_name {
            let full = full_name
                .replace("{project}", "simulated")
                .replace("{location}", "simulated");
            let simulated = full.replace("{+", "{").replace('{', "{attribute:");
            let about = text("The whole name: `projects/…`.").simulated(&simulated);
            building = building.output("full_name", about);
        }
        building = building.output(
            "self_link",
            text("Where it is found, which is its identity.").simulated(&own_link(self.link)),
        );
        if has_labels {
            building = building.tags_in(self.labels);
        }
        building.build()
    }

    fn check(&self, inputs: &Value, diagnostics: &mut Diagnostics) {
        if let Some(rules) = self.rules {
            rules(inputs, diagnostics);
        }
    }

    fn refine_plan(&self, request: &PlanRequest, plan: &mut PlanResponse) {
        if let Some(prior) = &request.prior {
            spelling::forget(&prior.attributes, plan);
        }
        let is_named_anew = plan
            .changes
            .iter()
            .any(|change| change.at.first_attribute() == Some("name"));
        if self.stands_beside && is_named_anew {
            plan.delete_before_replace = false;
        }
    }

    fn create(&self, context: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
        let target = self.new_target(context, &request.inputs)?;
        let body = self.body(context, &target, &request.inputs);
        let beside = self.members_beside(&request.inputs);
        let stand = target.create_beside(context, &body, beside, &request.idempotency_token)?;
        Ok(self.outcome(context, &target, stand, &request.inputs))
    }

    fn read(&self, context: &Context, request: &ReadRequest) -> Result<Option<ObjectState>, Failure> {
        let nothing = Value::empty_map();
        let expected = request.prior.as_ref().map(|prior| &prior.attributes);
        let target = self.target(context, expected.unwrap_or(&nothing))?;
        let link = match expected {
            Some(_) => request.id.clone(),
            None => target.canonical(&request.id)?,
        };
        let found = target.read(context, &link)?;
        Ok(found.map(|actual| self.object(context, &target, &link, actual, expected)))
    }

    fn read_many(&self, context: &Context, requests: &[ReadRequest]) -> Result<Vec<ReadResult>, Failure> {
        let nothing = Value::empty_map();
        let mut targets = Vec::new();
        for request in requests {
            let expected = request.prior.as_ref().map(|prior| &prior.attributes);
            targets.push(self.target(context, expected.unwrap_or(&nothing))?);
        }
        let wanted: Vec<(&Target, &str)> = targets
            .iter()
            .zip(requests)
            .map(|(target, request)| (target, request.id.as_str()))
            .collect();
        let many = collection::Many::read(context, &wanted)?;
        Ok(targets
            .iter()
            .zip(requests)
            .map(|(target, request)| {
                let found = many.find(context, target, &request.id)?;
                let expected = request.prior.as_ref().map(|prior| &prior.attributes);
                Ok(found.map(|actual| self.object(context, target, &request.id, actual, expected)))
            })
            .collect())
    }

    fn list(&self, context: &Context, request: &ListRequest) -> Result<Listed, Failure> {
        let target = self.target(context, &request.filter)?;
        let mut inside = self.path_parameters(target.rest).into_iter();
        if let Some(name) = inside.find(|name| !PLACES.contains(name) && !target.given.contains_key(*name)) {
            return Err(Failure::new(
                Disposition::Unsupported,
                format!(
                    "objects of {} are listed by what they stand in; give `{}` in the filter",
                    self.name,
                    attribute_name(name)
                ),
            ));
        }
        let page = collection::page(context, &target, request.cursor.as_deref())?;
        Ok(Listed {
            objects: page
                .objects
                .into_iter()
                .map(|(link, actual)| self.object(context, &target, &link, actual, None))
                .collect(),
            next_cursor: page.next_cursor,
        })
    }

    fn update(&self, context: &Context, request: &UpdateRequest) -> Result<Outcome, Failure> {
        let target = self.target(context, &request.planned)?;
        let old = self.body(context, &target, &request.prior.attributes);
        let new = self.body(context, &target, &request.planned);
        let stand = target.update(context, &request.prior.id, &old, &new, &request.idempotency_token)?;
        Ok(self.outcome(context, &target, stand, &request.planned))
    }

    fn delete(&self, context: &Context, request: &DeleteRequest) -> Result<Outcome, Failure> {
        let target = self.target(context, &request.prior.attributes)?;
        let stand = match self.deletion {
            Deletion::Method => target.delete(context, &request.prior.id, &request.idempotency_token)?,
            Deletion::Empty(collection) => {
                target.delete_empty(context, &request.prior.id, collection, &request.idempotency_token)?
            }
            Deletion::Versions => target.destroy_versions(context, &request.prior.id)?,
        };
        Ok(self.outcome(context, &target, stand, &request.prior.attributes))
    }

    fn poll(&self, context: &Context, request: &PollRequest) -> Result<Outcome, Failure> {
        type_of_handle(&request.handle)?;
        let target = self.target(context, &request.planned)?;
        let wanted = self.body(context, &target, &request.planned);
        let stand = target.poll(context, &request.handle, &wanted)?;
        Ok(self.outcome(context, &target, stand, &request.planned))
    }
}

/// Returns the whole name of what an object stands in: the name without its last two steps.
fn parent_of(template: &str) -> &str {
    template
        .rmatch_indices('/')
        .nth(1)
        .and_then(|(at, _)| template.get(..at))
        .unwrap_or_default()
}

fn target_has_host(rest: RestType) -> bool {
    rest.method("delete").is_some_and(|method| method.takes("host"))
}

/// Tells whether a parameter of the path of an object is its whole name.
fn is_whole(rest: RestType, name: &str) -> bool {
    rest.method("get").is_some_and(|get| {
        let mut all = parameters(get.path);
        all.any(|(found, whole)| whole && found == name)
    })
}
