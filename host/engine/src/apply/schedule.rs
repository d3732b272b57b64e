//! Turns the steps of a plan into operations with an order.
//!
//! A replacement is two operations, and what is deleted waits for what stood on it. Some of that waiting is
//! firm: an object is made after what it depends on, and two objects of one resource never change at once. Some
//! is soft: a superseded object goes after its dependents have moved on. When the two contradict each other,
//! which takes dependencies that turned round between runs, the soft one gives way.

use std::collections::{HashMap, HashSet};

use konductor_model::schema::TypeKind;
use konductor_model::{ResourceName, ResourceType, Urn};

use crate::apply::context::ApplyContext;
use crate::graph::Graph;
use crate::plan::{Plan, StepAction};
use crate::records::Records;

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
    /// It needs no provider: at most a record is written.
    pub(crate) record_only: bool,
    /// There is nothing to do at all; only its place in the order matters.
    pub(crate) idle: bool,
    /// Which of the schedule's lanes it is in; none where it needs no provider.
    pub(crate) lane: Option<usize>,
}

/// What the operations of a lane have in common: they are calls of one provider about one type.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Lane {
    /// The plugin's name in the project.
    pub(crate) plugin: String,
    pub(crate) resource_type: ResourceType,
}

/// The operations of a plan and their order.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    pub(crate) operations: Vec<Operation>,
    pub(crate) graph: Graph,
    pub(crate) lanes: Vec<Lane>,
    /// Steps whose superseded object stays, because something that this run leaves out may stand on it.
    pub(crate) kept: HashSet<usize>,
}

/// No operation.
const NONE: u32 = u32::MAX;

/// The operations on one resource.
#[derive(Debug, Clone, Copy)]
struct OfResource {
    deploy: u32,
    /// Delete, forget, or delete before replacement.
    remove: u32,
    superseded: u32,
}

impl Default for OfResource {
    fn default() -> Self {
        Self {
            deploy: NONE,
            remove: NONE,
            superseded: NONE,
        }
    }
}

fn some(operation: u32) -> Option<usize> {
    (operation != NONE)
        .then(|| usize::try_from(operation).ok())
        .flatten()
}

/// What is done with a resource, by its number.
struct OfStep {
    number: usize,
    action: StepAction,
    record_only: bool,
    idle: bool,
    lane: u32,
}

/// What the plan says, without its values.
#[derive(Default)]
struct Steps {
    /// A number for every resource, in the order of its first step.
    numbers: HashMap<Urn, usize>,
    of: Vec<OfStep>,
    lanes: Vec<Lane>,
    /// Steps that deploy, with the resources they depend on.
    needs: Vec<(usize, usize)>,
}

impl Steps {
    fn read(plan: &Plan) -> (Self, Vec<(usize, Urn)>) {
        let mut steps = Self::default();
        let mut later = Vec::new();
        let mut lanes: HashMap<Lane, u32> = HashMap::new();
        for (index, step) in plan.steps.iter().enumerate() {
            let next = steps.numbers.len();
            let number = *steps.numbers.entry(step.urn.clone()).or_insert(next);
            let deploys = !matches!(
                step.action,
                StepAction::Delete | StepAction::Forget { .. } | StepAction::DeleteDeposed { .. }
            );
            if deploys {
                for need in &step.dependencies {
                    // What it depends on mostly came before.
                    match steps.numbers.get(need) {
                        Some(need) => steps.needs.push((number, *need)),
                        None => later.push((number, need.clone())),
                    }
                }
            }
            let record_only = ApplyContext::is_record_only(&step);
            debug_assert_eq!(steps.of.len(), index);
            let lane = Lane {
                plugin: step.plugin.name,
                resource_type: step.urn.resource_type().clone(),
            };
            let next = u32::try_from(lanes.len()).unwrap_or(NONE);
            steps.of.push(OfStep {
                number,
                action: step.action,
                record_only,
                idle: record_only && !step.record_changes,
                lane: *lanes.entry(lane).or_insert(next),
            });
        }
        let mut numbered: Vec<(u32, Lane)> = lanes.into_iter().map(|(lane, number)| (number, lane)).collect();
        numbered.sort_unstable_by_key(|(number, _)| *number);
        steps.lanes = numbered.into_iter().map(|(_, lane)| lane).collect();
        (steps, later)
    }
}

/// Builds the schedule, and says which resource each name stands for.
pub(crate) fn schedule(plan: &Plan, records: &Records) -> (Schedule, HashMap<ResourceName, Urn>) {
    let (mut steps, later) = Steps::read(plan);
    for (number, need) in later {
        if let Some(need) = steps.numbers.get(&need) {
            steps.needs.push((number, *need));
        }
    }
    let mut names: HashMap<ResourceName, Urn> = records
        .urns()
        .map(|urn| (urn.name().clone(), urn.clone()))
        .collect();
    let goes: Vec<bool> = {
        let mut goes = vec![true; steps.numbers.len()];
        for OfStep { number, action, .. } in &steps.of {
            let declared = !matches!(
                action,
                StepAction::Delete | StepAction::DeleteDeposed { .. } | StepAction::Forget { .. }
            );
            if let Some(goes) = goes.get_mut(*number) {
                *goes &= !declared;
            }
        }
        goes
    };
    for (urn, number) in &steps.numbers {
        // A record that goes can have the name of a declaration with another type.
        if goes.get(*number) == Some(&false) {
            names.insert(urn.name().clone(), urn.clone());
        }
    }
    for urn in steps.numbers.keys() {
        if !names.contains_key(urn.name()) {
            names.insert(urn.name().clone(), urn.clone());
        }
    }
    (order_of(&steps, records), names)
}

fn order_of(steps: &Steps, records: &Records) -> Schedule {
    let standing = Standing::read(steps, records);
    let mut operations = Vec::with_capacity(steps.of.len());
    let mut kept = HashSet::new();
    let mut of = vec![OfResource::default(); steps.numbers.len()];
    let mut deposed: HashMap<usize, Vec<usize>> = HashMap::new();
    for (index, of_step) in steps.of.iter().enumerate() {
        let OfStep { number, action, .. } = of_step;
        let mut add = |task: Task| {
            let deploy = task == Task::Deploy;
            let record_only = deploy && of_step.record_only;
            let needs_provider = !record_only && task != Task::Forget;
            operations.push(Operation {
                step: index,
                task,
                record_only,
                idle: deploy && of_step.idle,
                lane: some(of_step.lane).filter(|_| needs_provider),
            });
            u32::try_from(operations.len() - 1).unwrap_or(NONE)
        };
        let Some(of) = of.get_mut(*number) else { continue };
        match action {
            StepAction::None | StepAction::Create | StepAction::Update | StepAction::Import { .. } => {
                of.deploy = add(Task::Deploy);
            }
            StepAction::Replace { delete_before: true } => {
                of.remove = add(Task::DeleteReplaced);
                of.deploy = add(Task::Deploy);
            }
            StepAction::Replace { delete_before: false } => {
                of.deploy = add(Task::Deploy);
                if standing.left_out.contains(number) {
                    kept.insert(index);
                } else {
                    of.superseded = add(Task::DeleteSuperseded);
                }
            }
            StepAction::Delete => of.remove = add(Task::Delete),
            StepAction::Forget { .. } => of.remove = add(Task::Forget),
            StepAction::DeleteDeposed { key } => {
                if let Some(operation) = some(add(Task::DeleteDeposed(key.clone()))) {
                    deposed.entry(*number).or_default().push(operation);
                }
            }
        }
    }

    let mut edges = Edges::default();
    let at = |number: usize| of.get(number).copied().unwrap_or_default();
    for (number, need) in &steps.needs {
        edges.firm(some(at(*number).deploy), some(at(*need).deploy));
    }
    let needs: HashSet<(usize, usize)> = if standing.pairs.is_empty() {
        HashSet::new()
    } else {
        steps.needs.iter().copied().collect()
    };
    let replaced_of = |own: &OfResource| {
        some(own.remove).filter(|remove| {
            operations
                .get(*remove)
                .is_some_and(|operation: &Operation| operation.task == Task::DeleteReplaced)
        })
    };
    for (number, own) in of.iter().enumerate() {
        // One resource, one operation at a time.
        let replaced = replaced_of(own);
        let mut last = some(own.deploy);
        edges.firm(last, replaced);
        for deposed in deposed.get(&number).into_iter().flatten() {
            edges.firm(Some(*deposed), last);
            last = Some(*deposed);
        }
        edges.firm(some(own.superseded), last);
        if replaced.is_none() {
            edges.firm(some(own.remove), last);
        }
    }
    // What stood on an object goes, or moves on, before the object does. That is in the records: what only now
    // comes to depend on it never stood on the old object.
    for (number, dependent_number) in &standing.pairs {
        let (own, dependent) = (at(*number), at(*dependent_number));
        let replaced = replaced_of(&own);
        edges.firm(some(own.remove), some(dependent.remove));
        // An object that stays moves on by its change; one that is replaced goes with its old object.
        let moves_on =
            some(dependent.deploy).filter(|_| dependent.remove == NONE && dependent.superseded == NONE);
        let its_deposed = || deposed.get(dependent_number).into_iter().flatten().copied();
        if let Some(replaced) = replaced {
            // One that still depends on it can only move on to the new object.
            let stays = moves_on.is_some() && needs.contains(&(*dependent_number, *number));
            edges.soft(replaced, moves_on.filter(|_| !stays));
            edges.soft(replaced, some(dependent.superseded));
            its_deposed().for_each(|deposed| edges.soft(replaced, Some(deposed)));
        }
        let late = some(own.superseded)
            .into_iter()
            .chain(deposed.get(number).into_iter().flatten().copied())
            .chain(some(own.remove).filter(|_| replaced.is_none()));
        for old in late {
            edges.soft(old, moves_on);
            edges.soft(old, some(dependent.superseded));
            edges.soft(old, some(dependent.remove));
            its_deposed().for_each(|deposed| edges.soft(old, Some(deposed)));
        }
    }
    Schedule {
        graph: order(operations.len(), edges.firm, edges.soft),
        operations,
        lanes: steps.lanes.clone(),
        kept,
    }
}

/// What is recorded to stand on what a step removes or replaces.
#[derive(Default)]
struct Standing {
    /// A resource and one that stands on it, both with steps.
    pairs: Vec<(usize, usize)>,
    /// Resources on which something stands that this run leaves out.
    left_out: HashSet<usize>,
}

impl Standing {
    fn read(steps: &Steps, records: &Records) -> Self {
        let mut standing = Self::default();
        let mut goes = vec![false; steps.numbers.len()];
        for OfStep { number, action, .. } in &steps.of {
            let stays = matches!(
                action,
                StepAction::None | StepAction::Create | StepAction::Update | StepAction::Import { .. }
            );
            if let Some(goes) = goes.get_mut(*number) {
                *goes |= !stays;
            }
        }
        // Mostly nothing goes, and then no record has to be read.
        if !goes.contains(&true) {
            return standing;
        }
        for record in records.iter() {
            // A record without any object stands on nothing.
            let stands =
                record.object.is_some() || !record.deposed.is_empty() || record.kind == TypeKind::Component;
            if !stands {
                continue;
            }
            let own = steps.numbers.get(&record.urn).copied();
            let needs = record
                .dependencies
                .iter()
                .filter_map(|need| steps.numbers.get(need));
            for need in needs.copied().filter(|need| goes.get(*need) == Some(&true)) {
                match own {
                    Some(own) => standing.pairs.push((need, own)),
                    None => {
                        standing.left_out.insert(need);
                    }
                }
            }
        }
        standing
    }
}

/// What waits for what: pairs of an operation and one that comes before it.
#[derive(Default)]
struct Edges {
    firm: Vec<(usize, usize)>,
    soft: Vec<(usize, usize)>,
}

impl Edges {
    fn firm(&mut self, of: Option<usize>, needs: Option<usize>) {
        if let (Some(of), Some(needs)) = (of, needs)
            && of != needs
        {
            self.firm.push((of, needs));
        }
    }

    fn soft(&mut self, of: usize, needs: Option<usize>) {
        if let Some(needs) = needs
            && of != needs
        {
            self.soft.push((of, needs));
        }
    }
}

/// Joins firm and soft edges into a graph; on a cycle a soft edge gives way, and if there is none, a firm one.
fn order(length: usize, mut firm: Vec<(usize, usize)>, mut soft: Vec<(usize, usize)>) -> Graph {
    loop {
        let all = firm.iter().chain(&soft).copied().collect();
        let cycles = match Graph::from_edges(length, all) {
            Ok(graph) => return graph,
            Err(cycles) => cycles,
        };
        let firm_now: HashSet<(usize, usize)> = firm.iter().copied().collect();
        let mut give_way: HashSet<(usize, usize)> = HashSet::new();
        for cycle in cycles {
            let following = cycle.iter().skip(1).chain(cycle.first());
            let edges: Vec<(usize, usize)> = cycle.iter().copied().zip(following.copied()).collect();
            let gives_way = edges
                .iter()
                .find(|edge| !firm_now.contains(edge))
                .or(edges.first());
            give_way.extend(gives_way);
        }
        firm.retain(|edge| !give_way.contains(edge));
        soft.retain(|edge| !give_way.contains(edge));
    }
}
