//! A plan as policies are shown it: the document that `docs/policy-input.schema.json` describes.
//!
//! It has the form of Terraform's plan in JSON, so that policies that were written for that one can judge it, and what
//! only Konductor knows in members called `konductor`.

use std::collections::BTreeMap;

use konductor_model::{Urn, Value};
use serde_json::{Map, Value as Json, json};

use crate::shown_value::shown;

/// The version of the document's own part: `konductor.format`.
pub const FORMAT: u32 = 1;
/// The version of Terraform's form that it follows.
const TERRAFORM_FORMAT: &str = "1.2";
/// The version of Terraform's form of a state that it follows.
const TERRAFORM_STATE_FORMAT: &str = "1.0";
/// The attribute that tells which of several types of Terraform's a resource is.
const DIRECTION: &str = "direction";

/// What is known of a plan.
#[derive(Debug, Clone, Default)]
pub struct PlanDocument {
    /// What it is for: `apply`, `destroy`, `rollback`.
    pub operation: String,
    /// The command that made it.
    pub command: String,
    /// The project.
    pub project: String,
    /// The stack.
    pub stack: String,
    /// Konductor's version.
    pub version: String,
    /// Who: user and host.
    pub actor: String,
    /// When it is judged, in RFC 3339.
    pub time: String,
    /// The cloud is simulated.
    pub simulated: bool,
    /// Something was left out by target or exclude.
    pub partial: bool,
    /// What modules and components are told about the run.
    pub metadata: Value,
    /// The plugins: name and version.
    pub plugins: Vec<(String, String)>,
    /// The resources in the order of the plan, those that nothing is done with included.
    pub resources: Vec<PlannedResource>,
    /// Objects that are not as they were recorded.
    pub drift: Vec<PlannedResource>,
    /// Outputs that change: name, old and new value.
    pub outputs: Vec<(String, Option<Value>, Option<Value>)>,
}

/// One resource of a plan.
#[derive(Debug, Clone)]
pub struct PlannedResource {
    /// Which.
    pub urn: Urn,
    /// What Terraform calls its type; several where it depends on the resource.
    pub known_as: Vec<String>,
    /// What would be done.
    pub action: ResourceAction,
    /// The attributes there are; none where there is no object.
    pub before: Option<Value>,
    /// The attributes as they will be; none where there will be no object.
    pub after: Option<Value>,
    /// The identifier of the object there is.
    pub id: Option<String>,
    /// The plugin: name and version.
    pub plugin: (String, String),
    /// The component it belongs to.
    pub parent: Option<Urn>,
    /// What it directly depends on.
    pub dependencies: Vec<Urn>,
    /// Why, for a person.
    pub reasons: Vec<String>,
    /// Attributes whose change means replacement, as paths.
    pub replacing: Vec<String>,
    /// It must not be deleted or replaced.
    pub protect: bool,
    /// What is said of it: owner, classification, and so on.
    pub metadata: BTreeMap<String, String>,
    /// Where it is declared: `konductor.yaml:12:3`.
    pub place: Option<String>,
    /// Tells a superseded object apart, where that is what is deleted.
    pub deposed: Option<String>,
}

/// What would be done with a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResourceAction {
    /// Nothing.
    None,
    /// It is created.
    Create,
    /// It is changed in place.
    Update,
    /// It is replaced.
    Replace {
        /// The old one goes first.
        delete_before: bool,
    },
    /// It is taken over, and where `changes` changed.
    Import {
        /// Its identifier.
        id: String,
        /// It is changed, too.
        changes: bool,
    },
    /// It is deleted.
    Delete,
    /// Its record is dropped and the object left alone.
    Forget,
}

impl ResourceAction {
    fn words(&self) -> &'static [&'static str] {
        match self {
            Self::None | Self::Import { changes: false, .. } => &["no-op"],
            Self::Create => &["create"],
            Self::Update | Self::Import { changes: true, .. } => &["update"],
            Self::Replace { delete_before: true } => &["delete", "create"],
            Self::Replace { delete_before: false } => &["create", "delete"],
            Self::Delete => &["delete"],
            Self::Forget => &["forget"],
        }
    }

    fn leaves_an_object(&self) -> bool {
        !matches!(self, Self::Delete | Self::Forget)
    }
}

impl PlannedResource {
    /// Returns the type by which policies know it.
    fn type_name(&self) -> &str {
        let attributes = self.after.as_ref().or(self.before.as_ref());
        // A type that stands for several of the other tool's: an attribute says which, `direction: ingress`.
        let which = attributes
            .and_then(|attributes| attributes.attribute(DIRECTION))
            .and_then(Value::as_text);
        let chosen = self
            .known_as
            .iter()
            .find(|name| which.is_some_and(|which| name.split('_').any(|part| part == which)));
        match chosen.or(self.known_as.first()) {
            Some(name) => name,
            None => self.urn.resource_type().as_str(),
        }
    }

    fn address(&self) -> String {
        format!("{}.{}", self.type_name(), self.urn.name())
    }

    fn own(&self) -> Json {
        json!({
            "urn": self.urn.to_string(),
            "name": self.urn.name().as_str(),
            "type": self.urn.resource_type().as_str(),
            "id": self.id,
            "plugin": { "name": self.plugin.0, "version": self.plugin.1 },
            "parent": self.parent.as_ref().map(|urn| urn.name().as_str()),
            "depends_on": self.dependencies.iter().map(|urn| urn.name().as_str()).collect::<Vec<_>>(),
            "reasons": self.reasons,
            "protect": self.protect,
            "metadata": self.metadata,
            "place": self.place,
        })
    }

    fn change(&self) -> Json {
        let before = self.before.as_ref().map(shown);
        let after = self.after.as_ref().map(shown);
        let mut change = json!({
            "actions": self.action.words(),
            "before": before.as_ref().map(|shown| &shown.value),
            "after": after.as_ref().map(|shown| &shown.value),
            "after_unknown": after.as_ref().map_or(&Json::Bool(false), |shown| &shown.unknown),
            "before_sensitive": before.as_ref().map_or(&Json::Bool(false), |shown| &shown.secret),
            "after_sensitive": after.as_ref().map_or(&Json::Bool(false), |shown| &shown.secret),
        });
        if let Some(members) = change.as_object_mut() {
            if !self.replacing.is_empty() {
                let paths = self.replacing.iter().map(|path| json!([path])).collect();
                members.insert("replace_paths".to_owned(), Json::Array(paths));
            }
            if let ResourceAction::Import { id, .. } = &self.action {
                members.insert("importing".to_owned(), json!({ "id": id }));
            }
        }
        change
    }

    fn resource_change(&self) -> Json {
        let mut entry = json!({
            "address": self.address(),
            "mode": "managed",
            "type": self.type_name(),
            "name": self.urn.name().as_str(),
            "provider_name": self.plugin.0,
            "change": self.change(),
            "konductor": self.own(),
        });
        if let (Some(key), Some(members)) = (&self.deposed, entry.as_object_mut()) {
            members.insert("deposed".to_owned(), Json::String(key.clone()));
        }
        entry
    }

    fn planned_value(&self) -> Option<Json> {
        if !self.action.leaves_an_object() || self.deposed.is_some() {
            return None;
        }
        let after = shown(self.after.as_ref()?);
        Some(json!({
            "address": self.address(),
            "mode": "managed",
            "type": self.type_name(),
            "name": self.urn.name().as_str(),
            "provider_name": self.plugin.0,
            "values": after.value,
            "sensitive_values": after.secret,
        }))
    }

    fn recorded_value(&self) -> Option<Json> {
        let mut entry = self.planned_value()?;
        if let Some(members) = entry.as_object_mut() {
            let depends_on = self.dependencies.iter();
            let depends_on: Vec<&str> = depends_on.map(|urn| urn.name().as_str()).collect();
            members.insert("depends_on".to_owned(), json!(depends_on));
            members.insert("konductor".to_owned(), self.own());
        }
        Some(entry)
    }
}

impl PlanDocument {
    /// Makes the document.
    pub fn to_json(&self) -> Json {
        let changes: Vec<Json> = self
            .resources
            .iter()
            .map(PlannedResource::resource_change)
            .collect();
        let planned: Vec<Json> = self
            .resources
            .iter()
            .filter_map(PlannedResource::planned_value)
            .collect();
        let drift: Vec<Json> = self.drift.iter().map(PlannedResource::resource_change).collect();
        json!({
            "format_version": TERRAFORM_FORMAT,
            "variables": {},
            "planned_values": { "root_module": { "resources": planned } },
            "resource_drift": drift,
            "resource_changes": changes,
            "output_changes": self.output_changes(),
            "konductor": self.own(),
        })
    }

    /// Makes the document of what is recorded, in the form of Terraform's state in JSON: that
    /// `docs/policy-state.schema.json` describes. Every resource is one that nothing is done with.
    pub fn to_state_json(&self) -> Json {
        let resources: Vec<Json> = self
            .resources
            .iter()
            .filter_map(PlannedResource::recorded_value)
            .collect();
        json!({
            "format_version": TERRAFORM_STATE_FORMAT,
            "values": { "root_module": { "resources": resources } },
            "konductor": self.own(),
        })
    }

    fn own(&self) -> Json {
        let plugins: Vec<Json> = self
            .plugins
            .iter()
            .map(|(name, version)| json!({ "name": name, "version": version }))
            .collect();
        json!({
            "format": FORMAT,
            "version": self.version,
            "operation": self.operation,
            "command": self.command,
            "project": self.project,
            "stack": self.stack,
            "simulated": self.simulated,
            "partial": self.partial,
            "actor": self.actor,
            "time": self.time,
            "metadata": shown(&self.metadata).value,
            "plugins": plugins,
        })
    }

    fn output_changes(&self) -> Json {
        let mut changes = Map::new();
        for (name, old, new) in &self.outputs {
            let actions = match (old, new) {
                (None, _) => "create",
                (Some(_), None) => "delete",
                (Some(_), Some(_)) => "update",
            };
            let (before, after) = (old.as_ref().map(shown), new.as_ref().map(shown));
            let change = json!({
                "actions": [actions],
                "before": before.as_ref().map(|shown| &shown.value),
                "after": after.as_ref().map(|shown| &shown.value),
                "after_unknown": after.as_ref().map_or(&Json::Bool(false), |shown| &shown.unknown),
                "before_sensitive": before.as_ref().map_or(&Json::Bool(false), |shown| &shown.secret),
                "after_sensitive": after.as_ref().map_or(&Json::Bool(false), |shown| &shown.secret),
            });
            changes.insert(name.clone(), change);
        }
        Json::Object(changes)
    }
}
