//! Types with attributes of their own: each is a description of a type of the table, and nothing more.
//!
//! Attributes are the properties of the table in the spelling of Konductor (`ipCidrRange` is `ip_cidr_range`), and the
//! parameters of the path. What Google fills in where it is not given is kept, so leaving an attribute out does not
//! change it back.

mod catalogue;
mod conversion;

use std::collections::BTreeMap;

use konductor_schema_body::marked;
use konductor_schema_table::{Flags, Kind};
use konductor_sdk::model::schema::AttributeKind;
use konductor_sdk::prelude::*;
use konductor_sdk::resource::ReadResult;
use konductor_sdk::schema_builder::SchemaError;

pub use self::catalogue::TYPES;
use self::conversion::{attribute_name, schema_of, to_attributes, to_body};
use crate::body::spelled;
use crate::collection;
use crate::lifecycle::{Stand, Target, type_of_handle};
use crate::link::{matched, parameters, segments};
use crate::types::RestType;

/// A type with attributes of its own.
#[derive(Debug)]
pub struct Typed {
    /// Its name: `gcp:compute:Network`.
    pub name: &'static str,
    /// The type of the table.
    pub rest: &'static str,
    /// What it is.
    pub about: &'static str,
    /// What attributes are, by their names; the others are described by the name of the property.
    pub abouts: &'static [(&'static str, &'static str)],
    /// Parameters of the request that creates, as attributes: the attribute, the parameter, and the property whose text
    /// up to a character tells it afterwards.
    pub parameters: &'static [(&'static str, &'static str, &'static str, char)],
    /// The whole name of an object of which the attribute `name` is the last part.
    pub full_name: Option<&'static str>,
    /// What a rehearsal takes for attributes that only Google knows, where their form matters.
    pub simulated: &'static [(&'static str, &'static str)],
    /// A self link, as an example.
    pub link: &'static str,
    /// A declaration that works.
    pub example: &'static str,
}

/// Parameters of paths that the configuration has a default for.
const PLACES: [&str; 3] = ["project", "region", "zone"];

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
    fn target(&self, attributes: &Value) -> Result<Target, Failure> {
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
        Ok(Target { rest, given })
    }

    /// Returns the body that attributes say.
    fn body(&self, context: &Context, target: &Target, attributes: &Value) -> Value {
        let mut body = to_body(target.rest.body(), attributes);
        if let Some(map) = body.as_map_mut() {
            for name in self.path_parameters(target.rest) {
                map.remove(name);
            }
            if let (Some(full), Some(name)) = (self.full_name, map.get("name").and_then(Value::as_text)) {
                let project = target.parameter_of(context, "project").unwrap_or_default();
                let name = full.replace("{project}", &project).replace("{name}", name);
                map.insert("name".to_owned(), name.into());
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
        let mut attributes = to_attributes(target.rest.body(), &marked(place, actual.clone()), expected);
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
            if self.full_name.is_some()
                && let Some(full) = actual.attribute("name").and_then(Value::as_text)
            {
                let last = full.rsplit('/').next().unwrap_or(full);
                map.insert("name".to_owned(), last.into());
                map.insert("full_name".to_owned(), full.into());
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
        let mut has_labels = false;
        if let Kind::Object(object) = rest.body().kind() {
            for property in object.properties() {
                let name = attribute_name(property.name());
                if ["kind", "selfLink"].contains(&property.name()) || path.contains(&property.name()) {
                    continue;
                }
                let mut attribute = schema_of(property.node(), property.flags(), 0);
                attribute.description = self.about_of(&name, property.name());
                attribute.simulated = self.simulated_as(&name);
                if name == "labels" {
                    has_labels = true;
                    attribute.computed = false;
                }
                if name == "name" && !property.flags().contains(Flags::READ_ONLY) {
                    attribute.required = true;
                    attribute.computed = false;
                    attribute.replaces = true;
                    if self.full_name.is_some() {
                        attribute.pattern = None;
                    }
                }
                building = building.attribute(&name, attribute);
            }
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
            let full = full_name.replace("{project}", "simulated");
            let simulated = full.replace("{name}", "{attribute:name}");
            let about = text("The whole name: `projects/…`.").simulated(&simulated);
            building = building.output("full_name", about);
        }
        building = building.output(
            "self_link",
            text("Where it is found, which is its identity.").simulated(self.link),
        );
        if has_labels {
            building = building.tags_in("labels");
        }
        building.build()
    }

    fn create(&self, context: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
        let target = self.target(&request.inputs)?;
        let body = self.body(context, &target, &request.inputs);
        let stand = target.create(context, &body, &request.idempotency_token)?;
        Ok(self.outcome(context, &target, stand, &request.inputs))
    }

    fn read(&self, context: &Context, request: &ReadRequest) -> Result<Option<ObjectState>, Failure> {
        let nothing = Value::empty_map();
        let expected = request.prior.as_ref().map(|prior| &prior.attributes);
        let target = self.target(expected.unwrap_or(&nothing))?;
        let found = target.read(context, &request.id)?;
        Ok(found.map(|actual| self.object(context, &target, &request.id, actual, expected)))
    }

    fn read_many(&self, context: &Context, requests: &[ReadRequest]) -> Result<Vec<ReadResult>, Failure> {
        let nothing = Value::empty_map();
        let mut targets = Vec::new();
        for request in requests {
            let expected = request.prior.as_ref().map(|prior| &prior.attributes);
            targets.push(self.target(expected.unwrap_or(&nothing))?);
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
        let target = self.target(&request.filter)?;
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
        let target = self.target(&request.planned)?;
        let old = self.body(context, &target, &request.prior.attributes);
        let new = self.body(context, &target, &request.planned);
        let stand = target.update(context, &request.prior.id, &old, &new, &request.idempotency_token)?;
        Ok(self.outcome(context, &target, stand, &request.planned))
    }

    fn delete(&self, context: &Context, request: &DeleteRequest) -> Result<Outcome, Failure> {
        let target = self.target(&request.prior.attributes)?;
        let stand = target.delete(context, &request.prior.id, &request.idempotency_token)?;
        Ok(self.outcome(context, &target, stand, &request.prior.attributes))
    }

    fn poll(&self, context: &Context, request: &PollRequest) -> Result<Outcome, Failure> {
        type_of_handle(&request.handle)?;
        let target = self.target(&request.planned)?;
        let wanted = self.body(context, &target, &request.planned);
        let stand = target.poll(context, &request.handle, &wanted)?;
        Ok(self.outcome(context, &target, stand, &request.planned))
    }
}
