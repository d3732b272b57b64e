//! The plan that brings back what was deployed, and nothing else.
//!
//! It is made from the inputs of the last deployment, not from the configuration: what was edited since and not yet
//! deployed stays out. References are taken from the configuration where they still read what was deployed, so that what
//! refers to an object that comes back under another identifier follows it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use konductor_model::schema::TypeKind;
use konductor_model::{Reference, Urn, Value};
use konductor_state::drift::{Difference, DifferenceKind};

use super::DriftReport;
use crate::desired::{Desired, Output};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::event::Event;
use crate::expand::{Expanded, expand};
use crate::plan::context::PlanContext;
use crate::plan::{Drift, Plan, PlanMode, Selection, StepAction, Steps, overlay, recorded_attributes};
use crate::records::{Recorded, Records};
use crate::reference::{ReferenceError, has_references, resolve};
use crate::walk::walk;

/// What is to be repaired.
#[derive(Debug, Clone, Default)]
pub struct RepairOptions {
    /// The resources to bring back. What has not drifted is left out.
    pub resources: BTreeSet<Urn>,
    /// What may not be touched, also not when it refers to something that is brought back.
    pub untouchable: BTreeSet<Urn>,
    /// The digest of the configuration, kept in the plan for the caller.
    pub configuration_digest: String,
}

/// A plan that repairs, and what it leaves out.
#[derive(Debug, Clone)]
pub struct Repair {
    /// The plan; [`Engine::apply`] carries it out.
    pub plan: Plan,
    /// What has drifted and cannot be repaired, each with why.
    pub left_out: Vec<(Urn, String)>,
}

impl Engine {
    /// Plans to bring back what was deployed of the resources that are named, from what a check found under the same
    /// lock. Changes nothing.
    ///
    /// # Errors
    /// When something cannot be planned, or operations are open.
    pub async fn plan_repair(
        &self,
        desired: Desired,
        report: &DriftReport,
        options: &RepairOptions,
    ) -> Result<Repair, EngineError> {
        let mut recorded = self.settled().await?;
        let (mut expanded, mut diagnostics) = expand(desired, self.plugins.as_ref()).await;
        if diagnostics.has_errors() {
            return Err(diagnostics.into());
        }
        let mut left_out = Vec::new();
        let wanted = wanted(report, options, &expanded, &recorded.records, &mut left_out);
        let selected = selected(report, &wanted, options, &expanded, &recorded.records);
        let drift: Vec<Drift> = report
            .actual
            .iter()
            .filter(|drift| wanted.contains(&drift.urn))
            .cloned()
            .collect();
        let outputs = kept_outputs(&expanded, &recorded);
        self.as_deployed(&mut expanded, &recorded.records);
        overlay(&mut recorded.records, &drift)?;
        let (project, stack) = (
            std::mem::take(&mut expanded.project),
            std::mem::take(&mut expanded.stack),
        );
        let selection = Selection::of_nodes(selected);
        let context = Arc::new(PlanContext::new(
            expanded,
            recorded.records,
            self.plugins.clone(),
            &selection,
            &[],
            true,
            &HashSet::new(),
        ));
        let walked = context.clone();
        walk(&context.expanded.graph, self.settings.parallelism, move |index| {
            let context = walked.clone();
            async move { context.plan_node(index).await }
        })
        .await?;
        let planned = context.take_planned()?;
        diagnostics.extend(planned.diagnostics);
        let mut steps = Steps::default();
        for step in &planned.steps {
            // A component's outputs and the records of what is not repaired wait for the next run.
            let waits = step.kind == TypeKind::Component
                || step.action == StepAction::None && !wanted.contains(&step.urn);
            if !waits {
                steps.push(&step)?;
            }
        }
        if diagnostics.has_errors() {
            return Err(diagnostics.into());
        }
        let plan = Plan {
            format: Plan::FORMAT,
            mode: PlanMode::Apply,
            project,
            stack,
            serial: recorded.rest.serial,
            head: recorded.rest.head,
            state_digest: recorded.digest,
            configuration_digest: options.configuration_digest.clone(),
            partial: true,
            moves: Vec::new(),
            drift,
            steps,
            outputs,
            output_changes: Vec::new(),
            warnings: diagnostics,
        };
        self.observer.event(Event::PlanFinished {
            summary: plan.summary(),
        });
        Ok(Repair { plan, left_out })
    }

    /// Gives every node what was deployed for it in the place of what is declared.
    fn as_deployed(&self, expanded: &mut Expanded, records: &Records) {
        let reads = Deployed::of(records);
        // What is declared is read before anything is put in its place: one may refer to another.
        let restored: Vec<Option<Value>> = expanded
            .nodes
            .iter()
            .map(|node| {
                let record = records.get(&node.urn)?;
                let declared = expanded.properties(node);
                (node.kind != TypeKind::Component).then(|| restored(&record.inputs, &declared, &reads))
            })
            .collect();
        for (node, properties) in expanded.nodes.iter_mut().zip(restored) {
            let (Some(record), Some(properties)) = (records.get(&node.urn), properties) else {
                continue;
            };
            node.set_properties(properties);
            node.options = Arc::new(record.options);
            if let Some(loaded) = self.plugins.plugin_reference(&record.plugin.name) {
                node.plugin = Arc::new(loaded);
            }
        }
    }
}

/// Returns what is to be repaired and can be; says why the rest cannot.
fn wanted(
    report: &DriftReport,
    options: &RepairOptions,
    expanded: &Expanded,
    records: &Records,
    left_out: &mut Vec<(Urn, String)>,
) -> BTreeSet<Urn> {
    let declared: BTreeSet<&Urn> = expanded.nodes.iter().map(|node| &node.urn).collect();
    let mut wanted = BTreeSet::new();
    for found in repairable(report) {
        let urn = &found.urn;
        if !options.resources.contains(urn) || wanted.contains(urn) || !records.contains(urn) {
            continue;
        }
        if declared.contains(urn) {
            wanted.insert(urn.clone());
        } else if !left_out.iter().any(|(told, _)| told == urn) {
            let reason = "it is not declared any more, at least not under this name: `konductor run` deletes or renames it";
            left_out.push((urn.clone(), reason.to_owned()));
        }
    }
    wanted
}

fn repairable(report: &DriftReport) -> impl Iterator<Item = &Difference> {
    report.differences.iter().filter(|found| {
        found.repairable
            && matches!(
                found.kind,
                DifferenceKind::ChangedOutside | DifferenceKind::DeletedOutside
            )
    })
}

/// Marks the nodes that are planned: what is repaired, and what is deployed and refers to an object that gets another
/// identifier.
fn selected(
    report: &DriftReport,
    wanted: &BTreeSet<Urn>,
    options: &RepairOptions,
    expanded: &Expanded,
    records: &Records,
) -> Vec<bool> {
    let renewed: BTreeSet<&Urn> = repairable(report)
        .filter(|found| found.kind == DifferenceKind::DeletedOutside || found.requires_replacement)
        .map(|found| &found.urn)
        .filter(|urn| wanted.contains(*urn))
        .collect();
    let drifted: BTreeSet<&Urn> = report
        .differences
        .iter()
        .filter(|found| found.kind.is_drift())
        .map(|found| &found.urn)
        .collect();
    let roots = expanded
        .nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| renewed.contains(&node.urn));
    let follows = expanded.graph.with_dependents(roots.map(|(index, _)| index));
    expanded
        .nodes
        .iter()
        .zip(follows)
        .map(|(node, follows)| {
            let deployed = records.contains(&node.urn);
            let drifted = drifted.contains(&node.urn);
            wanted.contains(&node.urn)
                || follows && deployed && !drifted && !options.untouchable.contains(&node.urn)
        })
        .collect()
}

/// What references read among what was deployed.
pub(super) struct Deployed<'r> {
    records: &'r Records,
    named: HashMap<&'r str, &'r Urn>,
}

impl<'r> Deployed<'r> {
    pub(super) fn of(records: &'r Records) -> Self {
        let named = records.urns().map(|urn| (urn.name().as_str(), urn)).collect();
        Self { records, named }
    }

    pub(super) fn read(&self, reference: &Reference) -> Result<Value, ReferenceError> {
        let urn = self.named.get(reference.resource.as_str());
        let record = urn.and_then(|urn| self.records.get(urn));
        record
            .as_ref()
            .and_then(recorded_attributes)
            .ok_or(ReferenceError::NoObject)?
            .at(&reference.path)
    }

    /// Tells whether a value with references is what was deployed.
    fn is(&self, declared: &Value, deployed: &Value) -> bool {
        let (value, failed) = resolve(declared, &|reference| self.read(reference));
        failed.is_empty() && value.same_as(deployed)
    }
}

/// Returns what was deployed, with the references of the declaration wherever they still read just that.
fn restored(deployed: &Value, declared: &Value, reads: &Deployed<'_>) -> Value {
    if !has_references(declared) {
        return deployed.clone();
    }
    if reads.is(declared, deployed) {
        return declared.clone();
    }
    match (deployed, declared) {
        (Value::Map(deployed), Value::Map(declared)) => Value::Map(
            deployed
                .iter()
                .map(|(name, value)| {
                    let value = match declared.get(name) {
                        Some(declared) => restored(value, declared, reads),
                        None => value.clone(),
                    };
                    (name.clone(), value)
                })
                .collect(),
        ),
        (Value::List(deployed), Value::List(declared)) if deployed.len() == declared.len() => Value::List(
            deployed
                .iter()
                .zip(declared)
                .map(|(value, declared)| restored(value, declared, reads))
                .collect(),
        ),
        (Value::Secret(deployed), declared) => restored(deployed, declared.reveal(), reads).into_secret(),
        _ => deployed.clone(),
    }
}

/// Returns the outputs that are there and still say what was deployed; they follow what comes back.
fn kept_outputs(expanded: &Expanded, recorded: &Recorded) -> BTreeMap<String, Value> {
    let reads = Deployed::of(&recorded.records);
    let kept = |name: &String, output: &Output| {
        recorded
            .rest
            .outputs
            .get(name)
            .is_some_and(|deployed| reads.is(&output.value, deployed))
    };
    expanded
        .outputs
        .iter()
        .filter(|(name, output)| kept(name, output))
        .map(|(name, output)| (name.clone(), output.value.clone()))
        .collect()
}
