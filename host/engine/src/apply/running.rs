//! Runs the operations of a schedule: each as soon as what it waits for is done, its provider's rate limit has room and
//! it is its provider's turn.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use futures::FutureExt as _;
use konductor_model::Urn;
use konductor_state::StateError;
use tokio::task::JoinSet;

use crate::apply::admission::Admission;
use crate::apply::context::ApplyContext;
use crate::apply::deploy::Went;
use crate::apply::places::Admitted;
use crate::apply::remove::Doomed;
use crate::apply::schedule::{Schedule, Task};
use crate::error::EngineError;
use crate::plan::{Step, StepAction};
use crate::stop::Stop;

/// How many records may be handed to the log before it is waited for.
const HANDED_OVER: usize = 4096;

/// What a task came to.
enum Turn {
    /// The rate limit has room for an operation and there is a place for its first call, or the run was stopped before.
    Admitted {
        operation: usize,
        step: Box<Step>,
        admitted: Option<Admitted>,
    },
    /// An operation has ended.
    Ended {
        operation: usize,
        went: Result<Went, StateError>,
    },
}

/// A run of a schedule.
struct Running<'r> {
    context: &'r Arc<ApplyContext>,
    schedule: &'r Schedule,
    /// For each operation how many others it waits for.
    waiting: Vec<usize>,
    /// Operations that cannot be done, each with why.
    blocked: HashMap<usize, String>,
    /// What needs no provider: there is nothing to wait for.
    at_once: VecDeque<usize>,
    admission: Admission,
    tasks: JoinSet<Turn>,
    broken: Option<StateError>,
    stopped: bool,
    skipped: &'r mut Vec<(Urn, String)>,
    /// How many records were handed to the log since it was last waited for.
    handed_over: usize,
}

/// Runs the operations, of which `places` are under way at most. Returns whether the run was stopped.
pub(super) async fn run_schedule(
    context: &Arc<ApplyContext>,
    schedule: &Schedule,
    places: usize,
    skipped: &mut Vec<(Urn, String)>,
) -> Result<bool, EngineError> {
    let lanes = || schedule.operations.iter().filter_map(|operation| operation.lane);
    let plugins: BTreeSet<&str> = lanes()
        .filter_map(|lane| Some(schedule.lanes.get(lane)?.plugin.as_str()))
        .collect();
    context
        .caller
        .places
        .keep_for(plugins.iter().map(|plugin| (*plugin).to_owned()));
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    let providers: Vec<usize> = schedule
        .lanes
        .iter()
        .map(|lane| {
            let next = numbers.len();
            *numbers.entry(&lane.plugin).or_insert(next)
        })
        .collect();
    let graph = &schedule.graph;
    let mut running = Running {
        context,
        schedule,
        waiting: (0..graph.len())
            .map(|operation| graph.dependencies(operation).len())
            .collect(),
        blocked: HashMap::new(),
        at_once: VecDeque::new(),
        admission: Admission::new(&providers, lanes(), places),
        tasks: JoinSet::new(),
        broken: None,
        stopped: false,
        skipped,
        handed_over: 0,
    };
    for operation in 0..graph.len() {
        if graph.dependencies(operation).is_empty() {
            running.ready(operation);
        }
    }
    running.finish().await
}

impl Running<'_> {
    async fn finish(mut self) -> Result<bool, EngineError> {
        loop {
            self.begin_what_can().await;
            let Some(turn) = self.tasks.join_next().await else {
                break;
            };
            match turn? {
                Turn::Admitted {
                    operation,
                    step,
                    admitted,
                } => {
                    if let Some(lane) = self.lane(operation) {
                        self.admission.go_on(lane);
                        if self.is_halted() {
                            self.admission.ended(lane);
                            self.leave_out(operation, &step);
                            continue;
                        }
                    }
                    self.perform(operation, step, admitted);
                }
                Turn::Ended { operation, went } => {
                    if let Some(lane) = self.lane(operation) {
                        self.admission.ended(lane);
                    }
                    let went = went.unwrap_or_else(|error| {
                        self.broken.get_or_insert(error);
                        Went::Stopped
                    });
                    self.stopped |= went == Went::Stopped;
                    self.release(operation, went);
                }
            }
        }
        match self.broken {
            Some(error) => Err(error.into()),
            None => Ok(self.stopped),
        }
    }

    /// Nothing new begins any more.
    fn is_halted(&self) -> bool {
        self.broken.is_some() || self.context.caller.stop.level() >= Stop::Finish
    }

    fn lane(&self, operation: usize) -> Option<usize> {
        self.schedule.operations.get(operation)?.lane
    }

    fn step(&self, operation: usize) -> Option<Step> {
        let operation = self.schedule.operations.get(operation)?;
        self.context.plan.steps.get(operation.step)
    }

    async fn begin_what_can(&mut self) {
        loop {
            if let Some(operation) = self.at_once.pop_front() {
                self.do_at_once(operation).await;
            } else if self.is_halted() {
                let Some(operation) = self.admission.give_up() else {
                    return;
                };
                if let Some(step) = self.step(operation) {
                    self.leave_out(operation, &step);
                }
            } else {
                let Some((lane, operation)) = self.admission.next() else {
                    return;
                };
                self.admit(lane, operation);
            }
        }
    }

    /// Begins an operation, or waits for the rate limit of its provider; that holds no place for a call. Where there is a
    /// limit, the operation begins only when its first call can be made.
    fn admit(&mut self, lane: usize, operation: usize) {
        let Some(step) = self.step(operation) else { return };
        let step = Box::new(step);
        // A plugin that is missing is told where the operation begins.
        let Some(provider) = self.context.plugins.provider(&step.plugin.name) else {
            self.perform(operation, step, None);
            return;
        };
        let places = self.context.caller.places.clone();
        let now = places.admit(&step.plugin.name, provider.as_ref(), step.urn.resource_type());
        if let Some(admitted) = now.now_or_never() {
            self.perform(operation, step, admitted);
            return;
        }
        self.admission.wait(lane);
        let stop = self.context.caller.stop.clone();
        self.tasks.spawn(async move {
            let admitted = tokio::select! {
                biased;
                () = stop.reached(Stop::Finish) => None,
                admitted = places.admit(&step.plugin.name, provider.as_ref(), step.urn.resource_type()) => admitted,
            };
            Turn::Admitted {
                operation,
                step,
                admitted,
            }
        });
    }

    fn perform(&mut self, operation: usize, step: Box<Step>, admitted: Option<Admitted>) {
        let Some(task) = self.schedule.operations.get(operation).map(|of| of.task.clone()) else {
            return;
        };
        let context = self.context.clone();
        self.tasks.spawn(async move {
            Turn::Ended {
                operation,
                went: perform(&context, &task, &step, admitted).await,
            }
        });
    }

    /// Deals with an operation for which no provider is asked.
    async fn do_at_once(&mut self, number: usize) {
        let Some(operation) = self.schedule.operations.get(number) else {
            return;
        };
        let reason = self.blocked.remove(&number);
        let halted = self.is_halted();
        if operation.idle && reason.is_none() && !halted {
            self.release(number, Went::Well);
            return;
        }
        let Some(step) = self.context.plan.steps.get(operation.step) else {
            return;
        };
        if let Some(reason) = reason {
            note_skipped(&step, reason, self.skipped);
            self.release(number, Went::Badly);
        } else if halted {
            self.leave_out(number, &step);
        } else {
            if operation.task == Task::Forget {
                let reason = match &step.action {
                    StepAction::Forget { reason } => reason.as_str(),
                    _ => "gone",
                };
                self.context.forget(&step.urn, reason);
            } else {
                self.context.record_only(&step);
            }
            self.release(number, Went::Well);
        }
        self.handed_over += 1;
        // What is handed over without waiting must not pile up before the log.
        if self.handed_over >= HANDED_OVER {
            self.handed_over = 0;
            if let Err(error) = self.context.writer.append(Vec::new()).await {
                self.broken.get_or_insert(error);
            }
        }
    }

    fn leave_out(&mut self, operation: usize, step: &Step) {
        self.stopped = true;
        note_skipped(step, "the run was stopped".to_owned(), self.skipped);
        self.release(operation, Went::Stopped);
    }

    fn ready(&mut self, operation: usize) {
        match self.lane(operation) {
            Some(lane) if !self.blocked.contains_key(&operation) => self.admission.push(lane, operation),
            _ => self.at_once.push_back(operation),
        }
    }

    /// Counts an operation down in what depends on it.
    fn release(&mut self, operation: usize, went: Went) {
        if let Some(lane) = self.lane(operation)
            && self.admission.dealt_with(lane)
            && let Some(lane) = self.schedule.lanes.get(lane)
        {
            self.context.caller.places.finish(&lane.plugin);
        }
        for dependent in self.schedule.graph.dependents(operation).iter().copied() {
            if went != Went::Well && !self.blocked.contains_key(&dependent) {
                let reason = match went {
                    Went::Stopped => "the run was stopped".to_owned(),
                    _ => {
                        let name = self.step(operation).map(|step| step.urn.name().to_string());
                        format!("`{}`, which it waits for, was not done", name.unwrap_or_default())
                    }
                };
                self.blocked.insert(dependent, reason);
            }
            if let Some(count) = self.waiting.get_mut(dependent) {
                *count -= 1;
                if *count == 0 {
                    self.ready(dependent);
                }
            }
        }
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

async fn perform(
    context: &ApplyContext,
    task: &Task,
    step: &Step,
    admitted: Option<Admitted>,
) -> Result<Went, StateError> {
    match task {
        Task::Deploy => context.deploy(step, admitted).await,
        Task::DeleteReplaced => context.remove(step, Doomed::Replaced, admitted).await,
        Task::DeleteSuperseded => context.remove(step, Doomed::Superseded, admitted).await,
        Task::DeleteDeposed(key) => context.remove(step, Doomed::Deposed(key), admitted).await,
        Task::Delete => context.remove(step, Doomed::Current, admitted).await,
        Task::Forget => Ok(Went::Well),
    }
}
