//! Turns the steps of a plan into operations with an order.
//!
//! A replacement is two operations, and what is deleted waits for what stood on it. Some of that waiting is
//! firm: an object is made after what it depends on, and two objects of one resource never change at once. Some
//! is soft: a superseded object goes after its dependents have moved on. When the two contradict each other,
//! which takes dependencies that turned round between runs, the soft one gives way.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use konductor_model::Urn;
use konductor_model::schema::TypeKind;
use konductor_state::record::ResourceRecord;

use crate::graph::Graph;
use crate::plan::{Plan, StepAction};

/// What an operation does with its step's resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Task {
    /// Create, change, import or only record it.
    Deploy,
    /// Delete the old object before the new one is made.
    DeleteReplaced,
    /// Delete the object that `Deploy` superseded.
    DeleteSuperseded,
    /// Delete an object that an earlier run superseded.
    DeleteDeposed(String),
    /// Delete the object and its record.
    Delete,
    /// Drop the record.
    Forget,
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Operation {
    /// The position of its step in the plan.
    pub(crate) step: usize,
    /// What it does.
    pub(crate) task: Task,
}

/// The operations of a plan and their order.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    pub(crate) operations: Vec<Operation>,
    pub(crate) graph: Graph,
    /// Steps whose superseded object stays, because something that this run leaves out may stand on it.
    pub(crate) kept: HashSet<usize>,
}

/// The operations on one resource.
#[derive(Debug, Default)]
struct OfResource {
    deploy: Option<usize>,
    /// Delete, forget, or delete before replacement.
    remove: Option<usize>,
    superseded: Option<usize>,
    deposed: Vec<usize>,
}

/// Builds the schedule.
pub(crate) fn schedule(plan: &Plan, records: &HashMap<Urn, Arc<ResourceRecord>>) -> Schedule {
    let mut recorded_dependents: HashMap<&Urn, Vec<&Urn>> = HashMap::new();
    // A record without any object stands on nothing.
    let standing = |record: &&Arc<ResourceRecord>| {
        record.object.is_some() || !record.deposed.is_empty() || record.kind == TypeKind::Component
    };
    for record in records.values().filter(standing) {
        for need in &record.dependencies {
            recorded_dependents.entry(need).or_default().push(&record.urn);
        }
    }
    let covered: HashSet<&Urn> = plan.steps.iter().map(|step| &step.urn).collect();
    let mut operations = Vec::with_capacity(plan.steps.len());
    let mut kept = HashSet::new();
    let mut of: HashMap<&Urn, OfResource> = HashMap::with_capacity(plan.steps.len());
    for (index, step) in plan.steps.iter().enumerate() {
        let mut add = |task| {
            operations.push(Operation { step: index, task });
            operations.len() - 1
        };
        let of = of.entry(&step.urn).or_default();
        match &step.action {
            StepAction::None | StepAction::Create | StepAction::Update | StepAction::Import { .. } => {
                of.deploy = Some(add(Task::Deploy));
            }
            StepAction::Replace { delete_before: true } => {
                of.remove = Some(add(Task::DeleteReplaced));
                of.deploy = Some(add(Task::Deploy));
            }
            StepAction::Replace { delete_before: false } => {
                of.deploy = Some(add(Task::Deploy));
                let left_out = recorded_dependents
                    .get(&step.urn)
                    .is_some_and(|dependents| dependents.iter().any(|urn| !covered.contains(*urn)));
                if left_out {
                    kept.insert(index);
                } else {
                    of.superseded = Some(add(Task::DeleteSuperseded));
                }
            }
            StepAction::Delete => of.remove = Some(add(Task::Delete)),
            StepAction::Forget { .. } => of.remove = Some(add(Task::Forget)),
            StepAction::DeleteDeposed { key } => of.deposed.push(add(Task::DeleteDeposed(key.clone()))),
        }
    }

    let mut firm = vec![Vec::new(); operations.len()];
    let mut soft = vec![Vec::new(); operations.len()];
    let edge = |edges: &mut Vec<Vec<usize>>, of: usize, needs: Option<usize>| {
        if let (Some(list), Some(needs)) = (edges.get_mut(of), needs)
            && of != needs
        {
            list.push(needs);
        }
    };
    for (index, step) in plan.steps.iter().enumerate() {
        let Some(own) = of.get(&step.urn) else { continue };
        let is_deploy = own
            .deploy
            .and_then(|operation| operations.get(operation))
            .is_some_and(|operation| operation.step == index);
        if let Some(deploy) = own.deploy
            && is_deploy
        {
            for need in &step.dependencies {
                let Some(need) = of.get(need) else { continue };
                edge(&mut firm, deploy, need.deploy);
            }
        }
    }
    for (urn, own) in &of {
        // One resource, one operation at a time.
        let replaced = own.remove.filter(|remove| {
            operations
                .get(*remove)
                .is_some_and(|o| o.task == Task::DeleteReplaced)
        });
        let mut last = own.deploy;
        if let Some(deploy) = own.deploy {
            edge(&mut firm, deploy, replaced);
        }
        for deposed in &own.deposed {
            edge(&mut firm, *deposed, last);
            last = Some(*deposed);
        }
        if let Some(superseded) = own.superseded {
            edge(&mut firm, superseded, last);
        }
        if let Some(remove) = own.remove
            && replaced.is_none()
        {
            edge(&mut firm, remove, last);
        }
        // What stood on an object goes, or moves on, before the object does. That is in the records: what only now
        // comes to depend on it never stood on the old object.
        for name in recorded_dependents.get(*urn).into_iter().flatten() {
            let Some(dependent) = of.get(*name) else {
                continue;
            };
            if let Some(remove) = own.remove {
                edge(&mut firm, remove, dependent.remove);
            }
            // An object that stays moves on by its change; one that is replaced goes with its old object.
            let moves_on = dependent
                .deploy
                .filter(|_| dependent.remove.is_none() && dependent.superseded.is_none());
            if let Some(replaced) = replaced {
                // One that still depends on it can only move on to the new object.
                let stays = moves_on
                    .and_then(|deploy| plan.steps.get(operations.get(deploy)?.step))
                    .is_some_and(|step| step.dependencies.contains(urn));
                edge(&mut soft, replaced, moves_on.filter(|_| !stays));
                edge(&mut soft, replaced, dependent.superseded);
                for deposed in &dependent.deposed {
                    edge(&mut soft, replaced, Some(*deposed));
                }
            }
            let late = own
                .superseded
                .iter()
                .chain(&own.deposed)
                .chain(own.remove.iter().filter(|_| replaced.is_none()));
            for old in late {
                edge(&mut soft, *old, moves_on);
                edge(&mut soft, *old, dependent.superseded);
                edge(&mut soft, *old, dependent.remove);
                for deposed in &dependent.deposed {
                    edge(&mut soft, *old, Some(*deposed));
                }
            }
        }
    }
    Schedule {
        graph: order(firm, soft),
        operations,
        kept,
    }
}

/// Joins firm and soft edges into a graph; on a cycle a soft edge gives way, and if there is none, a firm one.
fn order(mut firm: Vec<Vec<usize>>, mut soft: Vec<Vec<usize>>) -> Graph {
    loop {
        let all = firm
            .iter()
            .zip(&soft)
            .map(|(firm, soft)| firm.iter().chain(soft).copied().collect())
            .collect();
        let cycles = match Graph::new(all) {
            Ok(graph) => return graph,
            Err(cycles) => cycles,
        };
        for cycle in cycles {
            let following = cycle.iter().skip(1).chain(cycle.first());
            let edges: Vec<(usize, usize)> = cycle.iter().copied().zip(following.copied()).collect();
            let gives_way = edges
                .iter()
                .find(|(node, need)| !is_firm(&firm, *node, *need))
                .or(edges.first());
            if let Some((node, need)) = gives_way {
                for edges in [&mut firm, &mut soft] {
                    if let Some(list) = edges.get_mut(*node) {
                        list.retain(|other| other != need);
                    }
                }
            }
        }
    }
}

fn is_firm(firm: &[Vec<usize>], node: usize, need: usize) -> bool {
    firm.get(node).is_some_and(|list| list.contains(&need))
}
