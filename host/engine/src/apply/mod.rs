//! Applies a plan: in parallel, in the order of the graph, with every operation in the log before it begins.

mod admission;
pub(crate) mod call;
pub(crate) mod context;
pub(crate) mod deploy;
pub(crate) mod places;
pub(crate) mod remove;
mod running;
mod schedule;
pub(crate) mod writer;

pub use call::RetryPolicy;
pub use context::FailedOperation;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use konductor_model::{Urn, Value};
use konductor_state::{Entry, StateError};

use crate::error::EngineError;
use crate::event::{ApplySummary, Event};
use crate::plan::{Plan, PlanMode};
use crate::records::{Recorded, Records};
use crate::reference::resolve;
use context::{ApplyContext, Tally, lock};
use running::run_schedule;
use schedule::{Task, schedule};

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

impl ApplyContext {
    /// Makes the context of a plan over the records it was made from.
    pub(crate) fn tally() -> Mutex<Tally> {
        Mutex::new(Tally::default())
    }
}
