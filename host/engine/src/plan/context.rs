//! What the planning of every node reads, and where it leaves its result.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use konductor_model::provider::ObjectState;
use konductor_model::schema::TypeKind;
use konductor_model::{Diagnostics, Reference, Urn, Value};
use konductor_state::record::ResourceRecord;

use crate::desired::Providers;
use crate::expand::{Expanded, Node};
use crate::identifiers::Identifiers;
use crate::plan::model::{Step, StepAction};
use crate::plan::recorded_attributes;
use crate::reference::{Attributes, ReferenceError};
use crate::subject::SchemaCache;

/// What the planning of every node reads.
pub(crate) struct PlanContext {
    pub(crate) expanded: Expanded,
    pub(crate) records: HashMap<Urn, Arc<ResourceRecord>>,
    /// Which record manages which object.
    pub(crate) identifiers: Identifiers,
    pub(crate) plugins: Arc<dyn Providers>,
    pub(crate) selected: Vec<bool>,
    pub(crate) replace: Vec<bool>,
    /// The old identity by the new one.
    pub(crate) moved: HashMap<Urn, Urn>,
    pub(crate) verify_determinism: bool,
    pub(crate) schemas: SchemaCache,
    /// One slot a node, filled when it is planned.
    pub(crate) planned: Vec<OnceLock<NodePlan>>,
}

/// What was planned for a node.
#[derive(Debug, Default)]
pub(crate) struct NodePlan {
    /// None when the run leaves it out or planning failed.
    pub(crate) step: Option<Step>,
    /// What references to it read.
    pub(crate) attributes: Arc<Value>,
    /// The identifier, when it is known.
    pub(crate) id: Option<String>,
    /// What the provider, the schema or the options say about the order of replacement.
    pub(crate) order: ReplacementOrder,
    /// The object that another version had stored, as the plugin that is to manage it from now on reads it.
    pub(crate) rewritten: Option<ObjectState>,
    /// What was found.
    pub(crate) diagnostics: Diagnostics,
}

/// Which object goes or comes first when one is replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum ReplacementOrder {
    /// Nobody says: the new one comes first.
    #[default]
    Usual,
    /// The option insists that the new one comes first.
    CreateFirst,
    /// The option, the schema or the provider says that the old one goes first.
    DeleteFirst,
}

impl PlanContext {
    /// Plans one node; what it depends on is planned already.
    pub(crate) async fn plan_node(&self, index: usize) {
        let Some(node) = self.expanded.nodes.get(index) else {
            return;
        };
        let record = self.records.get(&node.urn);
        let planned = if self.selected.get(index) != Some(&true) {
            NodePlan {
                attributes: record.and_then(|record| record.object.as_ref()).map_or_else(
                    || Arc::new(Value::Unknown),
                    |object| Arc::new(object.attributes.clone()),
                ),
                id: record
                    .and_then(|record| record.object.as_ref())
                    .map(|object| object.id.clone()),
                ..NodePlan::default()
            }
        } else if node.kind == TypeKind::Component {
            NodePlan {
                step: Some(Step {
                    record_changes: true,
                    ..self.step(index, node)
                }),
                ..NodePlan::default()
            }
        } else {
            self.plan_resource(index, node, record.map(Arc::as_ref))
                .await
                .unwrap_or_else(|diagnostics| NodePlan {
                    attributes: Arc::new(Value::Unknown),
                    diagnostics,
                    ..NodePlan::default()
                })
        };
        if let Some(slot) = self.planned.get(index) {
            let _ = slot.set(planned);
        }
    }

    /// Returns a step that does nothing yet.
    pub(crate) fn step(&self, index: usize, node: &Node) -> Step {
        let nodes = &self.expanded.nodes;
        let mut dependencies: Vec<Urn> = self
            .expanded
            .graph
            .dependencies(index)
            .iter()
            .filter_map(|need| Some(nodes.get(*need)?.urn.clone()))
            .collect();
        dependencies.sort_unstable();
        Step {
            urn: node.urn.clone(),
            kind: node.kind,
            action: StepAction::None,
            reasons: Vec::new(),
            changes: Vec::new(),
            moved_from: self.moved.get(&node.urn).cloned(),
            id: None,
            plugin: node.plugin.as_ref().clone(),
            parent: node
                .parent
                .and_then(|parent| Some(nodes.get(parent)?.urn.clone())),
            dependencies,
            declared: Arc::new(self.expanded.properties(node)),
            outputs: Arc::new(self.expanded.outputs(node)),
            inputs: Arc::default(),
            planned: Arc::default(),
            private: Vec::new(),
            options: node.options.as_ref().clone(),
            record_changes: false,
            origin: node.origin().cloned(),
        }
    }

    /// Returns what a reference reads, as far as it is known while planning.
    pub(crate) fn lookup(&self, reference: &Reference) -> Result<Value, ReferenceError> {
        let index = self
            .expanded
            .named(&reference.resource)
            .ok_or(ReferenceError::NoObject)?;
        match self.planned.get(index).and_then(OnceLock::get) {
            Some(planned) => Attributes {
                value: &planned.attributes,
                id: planned.id.as_deref(),
            }
            .at(&reference.path),
            None => self
                .expanded
                .nodes
                .get(index)
                .and_then(|node| self.records.get(&node.urn))
                .and_then(|record| recorded_attributes(record))
                .ok_or(ReferenceError::NoObject)?
                .at(&reference.path),
        }
    }
}
