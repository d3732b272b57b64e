//! What the planning of every node reads, and where it leaves its result.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use konductor_model::provider::ObjectState;
use konductor_model::schema::TypeKind;
use konductor_model::{Diagnostics, Reference, Urn, Value};

use crate::desired::Providers;
use crate::error::EngineError;
use crate::expand::{Expanded, Node};
use crate::identifiers::Identifiers;
use crate::plan::model::{Step, StepAction};
use crate::plan::propagation::Propagation;
use crate::plan::recorded_attributes;
use crate::plan::selection::Selection;
use crate::plan::steps::Steps;
use crate::records::Records;
use crate::reference::{Attributes, ReferenceError};
use crate::subject::SchemaCache;

/// What the planning of every node reads.
pub(crate) struct PlanContext {
    pub(crate) expanded: Expanded,
    pub(crate) records: Records,
    /// Which record manages which object.
    pub(crate) identifiers: Identifiers,
    pub(crate) plugins: Arc<dyn Providers>,
    pub(crate) selected: Vec<bool>,
    pub(crate) replace: Vec<bool>,
    /// The old identity by the new one.
    pub(crate) moved: HashMap<Urn, Urn>,
    pub(crate) verify_determinism: bool,
    pub(crate) schemas: SchemaCache,
    /// The first node that takes over each object, by its identifier.
    pub(crate) imports: HashMap<String, Vec<usize>>,
    /// What references to a node read, from when it is planned until nobody asks any more.
    known: Vec<Slot>,
    ordered: Mutex<Ordered>,
}

#[derive(Debug, Default)]
struct Slot {
    /// How many will ask: what depends on it, and the stack's outputs.
    asked_by: AtomicU32,
    known: Mutex<Option<Box<Known>>>,
}

/// What references to a node read.
#[derive(Debug)]
struct Known {
    attributes: Arc<Value>,
    id: Option<String>,
}

/// The results, put together in the order of the graph whatever the order is in which nodes are planned.
#[derive(Default)]
struct Ordered {
    /// How many nodes of the order are done.
    done: usize,
    waiting: HashMap<usize, NodePlan>,
    propagation: Propagation,
    result: Planned,
    failed: Option<EngineError>,
}

/// What was planned, in order.
#[derive(Debug, Default)]
pub(crate) struct Planned {
    pub(crate) steps: Steps,
    pub(crate) diagnostics: Diagnostics,
    /// Objects that were rewritten, with their nodes.
    pub(crate) rewritten: Vec<(usize, ObjectState)>,
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PlanContext {
    /// Puts together what planning needs. `read_by_outputs` are the names of resources that the stack's outputs read.
    #[allow(clippy::too_many_arguments, reason = "each is a part of what planning reads")]
    pub(crate) fn new(
        expanded: Expanded,
        records: Records,
        plugins: Arc<dyn Providers>,
        selected: &Selection,
        moved: &[(Urn, Urn)],
        verify_determinism: bool,
        read_by_outputs: &HashSet<String>,
    ) -> Self {
        let known = (0..expanded.nodes.len())
            .map(|index| Slot {
                asked_by: AtomicU32::new(
                    u32::try_from(expanded.graph.dependents(index).len()).unwrap_or(u32::MAX),
                ),
                known: Mutex::default(),
            })
            .collect::<Vec<_>>();
        for name in read_by_outputs {
            if let Some(slot) = expanded.named(name).and_then(|index| known.get(index)) {
                slot.asked_by.fetch_add(1, Ordering::Relaxed);
            }
        }
        let mut imports: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, node) in expanded.nodes.iter().enumerate() {
            if let Some(id) = &node.options.import {
                imports.entry(id.clone()).or_default().push(index);
            }
        }
        Self {
            identifiers: Identifiers::of(records.iter()),
            expanded,
            records,
            plugins,
            selected: selected.nodes.clone(),
            replace: selected.replace.clone(),
            moved: moved
                .iter()
                .map(|(from, to)| (to.clone(), from.clone()))
                .collect(),
            verify_determinism,
            schemas: SchemaCache::default(),
            imports,
            known,
            ordered: Mutex::default(),
        }
    }

    /// Returns the node that declares an identity.
    pub(crate) fn declared(&self, urn: &Urn) -> Option<usize> {
        let index = self.expanded.named(urn.name().as_str())?;
        let node = self.expanded.node(index)?;
        (node.urn == *urn).then_some(index)
    }

    /// Plans one node; what it depends on is planned already.
    pub(crate) async fn plan_node(&self, index: usize) {
        let Some(node) = self.expanded.nodes.get(index) else {
            return;
        };
        let record = self.records.get(&node.urn);
        let planned = if self.selected.get(index) != Some(&true) {
            let object = record.and_then(|record| record.object);
            NodePlan {
                id: object.as_ref().map(|object| object.id.clone()),
                attributes: Arc::new(object.map_or(Value::Unknown, |object| object.attributes)),
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
            self.plan_resource(index, node, record.as_ref())
                .await
                .unwrap_or_else(|diagnostics| NodePlan {
                    attributes: Arc::new(Value::Unknown),
                    diagnostics,
                    ..NodePlan::default()
                })
        };
        self.keep(index, &planned);
        self.put_in_order(index, planned);
    }

    /// Keeps what references to a node read, if anybody will ask, and drops what nobody will ask for any more.
    fn keep(&self, index: usize, planned: &NodePlan) {
        if let Some(slot) = self.known.get(index)
            && slot.asked_by.load(Ordering::Acquire) > 0
        {
            *lock(&slot.known) = Some(Box::new(Known {
                attributes: planned.attributes.clone(),
                id: planned.id.clone(),
            }));
        }
        for need in self.expanded.graph.dependencies(index) {
            if let Some(slot) = self.known.get(*need)
                && slot.asked_by.fetch_sub(1, Ordering::AcqRel) == 1
            {
                *lock(&slot.known) = None;
            }
        }
    }

    fn put_in_order(&self, index: usize, planned: NodePlan) {
        let mut ordered = lock(&self.ordered);
        let ordered = &mut *ordered;
        ordered.waiting.insert(index, planned);
        while let Some(next) = self.expanded.graph.order().get(ordered.done).copied()
            && let Some(mut planned) = ordered.waiting.remove(&next)
        {
            ordered.done += 1;
            let result = &mut ordered.result;
            result
                .diagnostics
                .extend(std::mem::take(&mut planned.diagnostics));
            if let Some(object) = planned.rewritten.take() {
                result.rewritten.push((next, object));
            }
            let insists = ordered
                .propagation
                .look_at(self, next, planned.step.as_mut(), planned.order);
            result.diagnostics.extend(insists);
            if let Some(step) = planned.step {
                let failed = result.steps.push(&unchanged_without_values(step)).err();
                ordered.failed = ordered.failed.take().or(failed);
            }
        }
    }

    /// Takes what was planned, in the order of the graph.
    pub(crate) fn take_planned(&self) -> Result<Planned, EngineError> {
        let mut ordered = lock(&self.ordered);
        match ordered.failed.take() {
            Some(failed) => Err(failed),
            None => Ok(std::mem::take(&mut ordered.result)),
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
        let known = self.known.get(index).and_then(|slot| {
            let known = lock(&slot.known);
            known
                .as_ref()
                .map(|known| (known.attributes.clone(), known.id.clone()))
        });
        match known {
            Some((attributes, id)) => Attributes {
                value: &attributes,
                id: id.as_deref(),
            }
            .at(&reference.path),
            None => {
                let node = self.expanded.nodes.get(index);
                let record = node
                    .and_then(|node| self.records.get(&node.urn))
                    .ok_or(ReferenceError::NoObject)?;
                recorded_attributes(&record)
                    .ok_or(ReferenceError::NoObject)?
                    .at(&reference.path)
            }
        }
    }
}

/// Takes out of a step that does nothing what nobody needs to do nothing: its place in the order stays.
fn unchanged_without_values(step: Step) -> Step {
    if step.action != StepAction::None || step.record_changes {
        return step;
    }
    Step {
        declared: Arc::default(),
        outputs: Arc::default(),
        inputs: Arc::default(),
        planned: Arc::default(),
        private: Vec::new(),
        options: konductor_model::ResourceOptions::default(),
        origin: None,
        ..step
    }
}
