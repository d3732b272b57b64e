//! The plan as data: what a renderer shows, what `plan --out` saves and what `apply` does.

use std::collections::BTreeMap;
use std::sync::Arc;

use konductor_model::provider::ObjectState;
use konductor_model::schema::TypeKind;
use konductor_model::{Diagnostics, Origin, ResourceOptions, Urn, Value};
use konductor_state::record::{PluginReference, ResourceRecord};
use serde::{Deserialize, Serialize};

use crate::error::EngineError;
use crate::event::PlanSummary;
use crate::plan::changes::PlannedChange;
use crate::plan::steps::Steps;
use crate::records::Records;

/// What a plan is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlanMode {
    /// To make what is declared so.
    Apply,
    /// To bring back what was recorded at another time.
    Rollback,
    /// To delete everything.
    Destroy,
}

/// What would be done. Its serialised form holds secrets in clear text, marked as such: whoever saves it must seal it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The version of this form.
    pub format: u32,
    /// What it is for.
    pub mode: PlanMode,
    /// The project.
    pub project: String,
    /// The stack.
    pub stack: String,
    /// The position of the log it was made from.
    pub serial: u64,
    /// The hash of the entry at that position.
    pub head: String,
    /// The digest of the resources and outputs it was made from: audit entries move the log, but not this.
    pub state_digest: String,
    /// The digest of the configuration, as the caller gave it.
    pub configuration_digest: String,
    /// Something was left out by target or exclude.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// Records that get another name, in the order in which it can be done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<(Urn, Urn)>,
    /// What a refresh found to differ from the record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<Drift>,
    /// What would be done, dependencies first; what is deleted comes last, dependents first.
    pub steps: Steps,
    /// What the stack exports; references are resolved when it is applied.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, Value>,
    /// Outputs that change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub output_changes: Vec<OutputChange>,
    /// What somebody should look at.
    #[serde(default)]
    pub warnings: Diagnostics,
}

/// What would be done with one resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Which.
    pub urn: Urn,
    /// Resource or component.
    #[serde(default)]
    pub kind: TypeKind,
    /// What.
    pub action: StepAction,
    /// Why, for a person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// What changes, attribute by attribute. Empty for a delete.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<PlannedChange>,
    /// The name its record had before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_from: Option<Urn>,
    /// The identifier of the object there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The plugin that manages it.
    pub plugin: PluginReference,
    /// The component it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Urn>,
    /// What it directly depends on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<Urn>,
    /// The properties as declared, with references.
    #[serde(default)]
    pub declared: Arc<Value>,
    /// The outputs of a component, with references.
    #[serde(default)]
    pub outputs: Arc<Value>,
    /// The checked inputs; unknown where not known yet.
    #[serde(default)]
    pub inputs: Arc<Value>,
    /// The attributes as they will be; unknown where not known yet.
    #[serde(default)]
    pub planned: Arc<Value>,
    /// Passed from the provider's plan to create or update.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub private: Vec<u8>,
    /// The options.
    #[serde(default)]
    pub options: ResourceOptions,
    /// The record changes, though the object does not: options, dependencies, parent or inputs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub record_changes: bool,
    /// Where it was declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// What would be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum StepAction {
    /// Nothing.
    None,
    /// Create an object.
    Create,
    /// Change it in place.
    Update,
    /// Create a new object in place of the old one.
    Replace {
        /// The old one goes first; otherwise it goes after everything that depends on it has moved to the new one.
        delete_before: bool,
    },
    /// Take over an existing object; `changes` are then made in place.
    Import {
        /// Its identifier.
        id: String,
    },
    /// Delete it.
    Delete,
    /// Delete a superseded object that an earlier run left.
    DeleteDeposed {
        /// Tells the superseded objects of one resource apart.
        key: String,
    },
    /// Drop the record and leave the object alone.
    Forget {
        /// Why: `removed`, `retain on delete`, `gone`, `component`.
        reason: String,
    },
}

/// An object that is not as it was recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// Which.
    pub urn: Urn,
    /// The object as it is; none when somebody else deleted it.
    pub object: Option<ObjectState>,
    /// What differs: `old` as recorded, `new` as it is.
    pub changes: Vec<PlannedChange>,
    /// The plugin that rewrote what an older one had stored; from then on it is the one that reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<PluginReference>,
}

impl Drift {
    /// Puts what was found into a record.
    pub(crate) fn put_into(&self, record: &mut ResourceRecord) {
        record.object.clone_from(&self.object);
        if let Some(plugin) = &self.plugin {
            record.plugin.clone_from(plugin);
        }
    }
}

/// An output that changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputChange {
    /// Its name.
    pub name: String,
    /// The value; none when it is new.
    pub old: Option<Value>,
    /// The value it gets; none when it goes.
    pub new: Option<Value>,
}

impl Plan {
    /// The version of the form that this engine writes and reads.
    pub const FORMAT: u32 = 1;

    /// Counts the steps by kind.
    pub fn summary(&self) -> PlanSummary {
        PlanSummary {
            moved: self.moves.len(),
            outputs: self.output_changes.len(),
            ..self.steps.summary()
        }
    }

    /// Tells whether a secret stands anywhere in it, so that it may be saved only sealed.
    pub fn holds_secret(&self) -> bool {
        // The form that would be saved is searched, so that no member can be forgotten; what cannot be written as JSON
        // cannot be saved either.
        serde_json::to_value(self.without_steps()).map_or(true, |json| holds_marked(&json))
            // Among many steps the text is looked for first; it can also stand in one as it was written.
            || (self.steps.contain("$secret")
                && self
                    .steps
                    .iter()
                    .any(|step| serde_json::to_value(&step).map_or(true, |json| holds_marked(&json))))
    }

    /// Returns everything but the steps.
    fn without_steps(&self) -> Self {
        Self {
            format: self.format,
            mode: self.mode,
            project: self.project.clone(),
            stack: self.stack.clone(),
            serial: self.serial,
            head: self.head.clone(),
            state_digest: self.state_digest.clone(),
            configuration_digest: self.configuration_digest.clone(),
            partial: self.partial,
            moves: self.moves.clone(),
            drift: self.drift.clone(),
            steps: Steps::default(),
            outputs: self.outputs.clone(),
            output_changes: self.output_changes.clone(),
            warnings: self.warnings.clone(),
        }
    }

    /// Tells whether applying it would change no object and no output. Records may still be brought up to date.
    pub fn is_empty(&self) -> bool {
        self.summary().is_empty()
    }
}

fn holds_marked(json: &serde_json::Value) -> bool {
    match json {
        serde_json::Value::Array(elements) => elements.iter().any(holds_marked),
        serde_json::Value::Object(members) => {
            members.contains_key("$secret") || members.values().any(holds_marked)
        }
        _ => false,
    }
}

/// Puts what a refresh found over what is recorded.
pub(crate) fn overlay(records: &mut Records, drift: &[Drift]) -> Result<(), EngineError> {
    for drift in drift {
        if let Some(mut record) = records.get(&drift.urn) {
            drift.put_into(&mut record);
            records.put(&record)?;
        }
    }
    Ok(())
}
