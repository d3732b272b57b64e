//! Applies a plan: in parallel, in the order of the graph, with every operation in the log before it begins.

pub(crate) mod call;
pub(crate) mod context;
pub(crate) mod deploy;
pub(crate) mod remove;
mod schedule;
pub(crate) mod writer;

pub use call::RetryPolicy;
pub use context::FailedOperation;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use konductor_model::{Urn, Value};
use konductor_state::{Entry, StateError};
use tokio::task::JoinSet;

use crate::error::EngineError;
use crate::event::{ApplySummary, Event};
use crate::plan::{Plan, PlanMode, Step, StepAction};
use crate::records::{Recorded, Records};
use crate::reference::resolve;
use crate::stop::Stop;
use context::{ApplyContext, Tally, lock};
use deploy::Went;
use remove::Doomed;
use schedule::{Schedule, Task, schedule};

/// How many records may be handed to the log before it is waited for.
const HANDED_OVER: usize = 4096;

/// What an apply did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ApplyReport {
    /// How many operations ended how.
    pub summary: ApplySummary,
    /// What failed.
    pub failures: Vec<FailedOperation>,
    /// What was not begun, each with why.
    pub skipped: Vec<(Urn, String)>,
    /// The stack's outputs as they are now.
    pub outputs: BTreeMap<String, Value>,
    /// The run was stopped before everything was begun.
    pub stopped: bool,
}

impl ApplyReport {
    /// Tells whether everything was done.
    pub fn succeeded(&self) -> bool {
        self.failures.is_empty() && self.skipped.is_empty() && !self.stopped
    }
}

/// Refuses a plan that does not fit the state.
pub(crate) fn fits(plan: &Plan, recorded: &Recorded) -> Result<(), EngineError> {
    let snapshot = &recorded.rest;
    if !snapshot.interrupted.is_empty() {
        let open = snapshot.interrupted.iter().map(|open| open.begin.urn.clone());
        return Err(EngineError::Interrupted(open.collect()));
    }
    let same = plan.serial == snapshot.serial && plan.head == snapshot.head;
    if !same && plan.state_digest != recorded.digest {
        return Err(EngineError::StateMoved {
            planned: plan.serial,
            now: snapshot.serial,
        });
    }
    Ok(())
}

/// What an apply needs besides the plan.
pub(crate) struct Apply {
    pub(crate) context: ApplyContext,
    pub(crate) old_outputs: BTreeMap<String, Value>,
    /// How many operations may be under way, waiting ones included.
    pub(crate) slots: usize,
}

impl Apply {
    /// Applies the plan.
    pub(crate) async fn run(self) -> Result<ApplyReport, EngineError> {
        let Self {
            context,
            old_outputs,
            slots,
        } = self;
        let context = Arc::new(context);
        let first = opening(&context.plan, &context.records)?;
        if !first.is_empty() {
            context.writer.append(first).await?;
        }
        let (schedule, names) = schedule(&context.plan, &lock(&context.records));
        let _ = context.names.set(names);
        context.observer.event(Event::ApplyStarted {
            operations: schedule
                .operations
                .iter()
                .filter(|operation| operation.task != Task::Forget && !operation.record_only)
                .count(),
        });
        let mut skipped: Vec<(Urn, String)> = schedule
            .kept
            .iter()
            .filter_map(|index| context.plan.steps.get(*index))
            .map(|step| {
                let reason =
                    "the superseded object stays: something that this run leaves out may depend on it";
                (step.urn.clone(), reason.to_owned())
            })
            .collect();
        let kept = skipped.len();
        let ran = run_schedule(&context, &schedule, slots, &mut skipped).await;
        // Ends that nobody waited for become durable here, also when something else failed.
        let flushed = context.writer.append(Vec::new()).await;
        let stopped = ran?;
        flushed?;
        for (urn, reason) in &skipped {
            context.observer.event(Event::OperationSkipped {
                urn: urn.clone(),
                reason: reason.clone(),
            });
        }
        let complete = skipped.len() == kept && !stopped && lock(&context.report).failures.is_empty();
        let outputs = write_outputs(&context, old_outputs, complete).await?;
        let mut tally = lock(&context.report);
        tally.summary.skipped = skipped.len() - kept;
        if complete {
            skipped.clear();
        }
        let report = ApplyReport {
            summary: tally.summary,
            failures: std::mem::take(&mut tally.failures),
            skipped,
            outputs,
            stopped,
        };
        context.observer.event(Event::ApplyFinished {
            summary: report.summary,
        });
        Ok(report)
    }
}

/// Puts what the plan's refresh found, and its moves, into the records; returns the entries that say so.
fn opening(plan: &Plan, records: &Mutex<Records>) -> Result<Vec<Entry>, EngineError> {
    let mut records = lock(records);
    let mut entries = Vec::new();
    for drift in &plan.drift {
        if let Some(mut record) = records.get(&drift.urn) {
            drift.put_into(&mut record);
            records.put(&record)?;
            entries.push(Entry::Recorded {
                record: Box::new(record),
                reason: "refresh".to_owned(),
            });
        }
    }
    entries.extend(plan.moves.iter().map(|(from, to)| Entry::Moved {
        from: from.clone(),
        to: to.clone(),
    }));
    records.rename(&plan.moves)?;
    Ok(entries)
}

async fn write_outputs(
    context: &ApplyContext,
    old: BTreeMap<String, Value>,
    complete: bool,
) -> Result<BTreeMap<String, Value>, StateError> {
    let mut outputs = BTreeMap::new();
    if context.plan.mode != PlanMode::Destroy {
        for (name, value) in &context.plan.outputs {
            let (value, failed) = resolve(value, &|reference| context.lookup(reference));
            if failed.is_empty() && value.is_wholly_known() {
                outputs.insert(name.clone(), value);
            } else if let Some(old) = old.get(name) {
                outputs.insert(name.clone(), old.clone());
            }
        }
    }
    if !complete || context.plan.partial {
        for (name, value) in &old {
            outputs.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    if outputs != old {
        let entry = Entry::Outputs {
            outputs: outputs.clone(),
        };
        context.writer.append(vec![entry]).await?;
    }
    Ok(outputs)
}

/// Runs the operations. Returns whether the run was stopped.
async fn run_schedule(
    context: &Arc<ApplyContext>,
    schedule: &Schedule,
    slots: usize,
    skipped: &mut Vec<(Urn, String)>,
) -> Result<bool, EngineError> {
    let graph = &schedule.graph;
    let mut waiting: Vec<usize> = (0..graph.len())
        .map(|node| graph.dependencies(node).len())
        .collect();
    let mut blocked: HashMap<usize, String> = HashMap::new();
    let mut ready: VecDeque<usize> = (0..graph.len())
        .filter(|node| graph.dependencies(*node).is_empty())
        .collect();
    let mut running: JoinSet<(usize, Result<Went, StateError>)> = JoinSet::new();
    let mut broken: Option<StateError> = None;
    let mut stopped = false;
    let mut handed_over = 0;
    loop {
        while running.len() < slots.max(1)
            && let Some(node) = ready.pop_front()
        {
            let Some(operation) = schedule.operations.get(node) else {
                continue;
            };
            let halted = broken.is_some() || context.caller.stop.level() >= Stop::Finish;
            let reason = blocked.remove(&node);
            if operation.idle && reason.is_none() && !halted {
                release(
                    context,
                    schedule,
                    node,
                    Went::Well,
                    &mut waiting,
                    &mut blocked,
                    &mut ready,
                );
                continue;
            }
            let Some(step) = context.plan.steps.get(operation.step) else {
                continue;
            };
            let ended = if let Some(reason) = reason {
                note_skipped(&step, reason, skipped);
                Some(Went::Badly)
            } else if halted {
                stopped = true;
                note_skipped(&step, "the run was stopped".to_owned(), skipped);
                Some(Went::Stopped)
            } else {
                at_once(context, &operation.task, &step)
            };
            match ended {
                Some(went) => {
                    release(
                        context,
                        schedule,
                        node,
                        went,
                        &mut waiting,
                        &mut blocked,
                        &mut ready,
                    );
                    handed_over += 1;
                    // What is handed over without waiting must not pile up before the log.
                    if handed_over >= HANDED_OVER {
                        handed_over = 0;
                        if let Err(error) = context.writer.append(Vec::new()).await {
                            broken.get_or_insert(error);
                        }
                    }
                }
                None => {
                    let context = context.clone();
                    let task = operation.task.clone();
                    running.spawn(async move { (node, perform(&context, &task, &step).await) });
                }
            }
        }
        let Some(done) = running.join_next().await else {
            break;
        };
        let (node, went) = done?;
        let went = went.unwrap_or_else(|error| {
            broken.get_or_insert(error);
            Went::Stopped
        });
        stopped |= went == Went::Stopped;
        release(
            context,
            schedule,
            node,
            went,
            &mut waiting,
            &mut blocked,
            &mut ready,
        );
    }
    match broken {
        Some(error) => Err(error.into()),
        None => Ok(stopped),
    }
}

fn note_skipped(step: &Step, reason: String, skipped: &mut Vec<(Urn, String)>) {
    // Nobody misses a resource that would not have changed.
    let visible = !ApplyContext::is_record_only(step) && !matches!(step.action, StepAction::Forget { .. });
    let again = skipped.last().is_some_and(|(urn, _)| *urn == step.urn);
    if visible && !again {
        skipped.push((step.urn.clone(), reason));
    }
}

/// Counts an operation down in what depends on it.
fn release(
    context: &ApplyContext,
    schedule: &Schedule,
    node: usize,
    went: Went,
    waiting: &mut [usize],
    blocked: &mut HashMap<usize, String>,
    ready: &mut VecDeque<usize>,
) {
    for dependent in schedule.graph.dependents(node).iter().copied() {
        if went != Went::Well && !blocked.contains_key(&dependent) {
            let name = schedule
                .operations
                .get(node)
                .and_then(|operation| context.plan.steps.get(operation.step))
                .map(|step| step.urn.name().to_string())
                .unwrap_or_default();
            let reason = match went {
                Went::Stopped => "the run was stopped".to_owned(),
                _ => format!("`{name}`, which it waits for, was not done"),
            };
            blocked.insert(dependent, reason);
        }
        if let Some(count) = waiting.get_mut(dependent) {
            *count -= 1;
            if *count == 0 {
                ready.push_back(dependent);
            }
        }
    }
}

/// Does what needs no provider; none for everything else.
fn at_once(context: &ApplyContext, task: &Task, step: &Step) -> Option<Went> {
    match task {
        Task::Deploy if ApplyContext::is_record_only(step) => {
            context.record_only(step);
            Some(Went::Well)
        }
        Task::Forget => {
            let reason = match &step.action {
                StepAction::Forget { reason } => reason.as_str(),
                _ => "gone",
            };
            context.forget(&step.urn, reason);
            Some(Went::Well)
        }
        _ => None,
    }
}

async fn perform(context: &ApplyContext, task: &Task, step: &Step) -> Result<Went, StateError> {
    match task {
        Task::Deploy => context.deploy(step).await,
        Task::DeleteReplaced => context.remove(step, Doomed::Replaced).await,
        Task::DeleteSuperseded => context.remove(step, Doomed::Superseded).await,
        Task::DeleteDeposed(key) => context.remove(step, Doomed::Deposed(key)).await,
        Task::Delete => context.remove(step, Doomed::Current).await,
        Task::Forget => Ok(Went::Well),
    }
}

impl ApplyContext {
    /// Makes the context of a plan over the records it was made from.
    pub(crate) fn tally() -> Mutex<Tally> {
        Mutex::new(Tally::default())
    }
}
