//! The engine: one stack's log and plugins, and what can be done with them.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use konductor_model::Urn;
use konductor_model::provider::Imported;
use konductor_state::record::Snapshot;
use konductor_state::{Entry, Journal, Past};

use crate::adoption::{self, Adopted, Wanted};
use crate::apply::call::Caller;
use crate::apply::context::ApplyContext;
use crate::apply::places::Places;
use crate::apply::writer::Writer;
use crate::apply::{Apply, ApplyReport, RetryPolicy, fits};
use crate::desired::{Desired, Providers};
use crate::error::EngineError;
use crate::event::Observer;
use crate::identifiers::Identifiers;
use crate::import;
use crate::plan::{self, Drift, Plan, PlanOptions, StepAction, Target};
use crate::records::Recorded;
use crate::recover::Recovery;
use crate::refresh::{ReadTimes, Reading, Refresh, Refreshed};
use crate::stop::StopSignal;
use crate::subject::SchemaCache;

/// How many operations may wait for each one that is being called: waiting costs little and a long operation
/// must not keep others from beginning.
const WAITING_PER_CALL: usize = 16;

/// How a run is done.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The run's identifier, as in its `RunStarted` entry.
    pub run: String,
    /// How many calls of providers are made at a time.
    pub parallelism: usize,
    /// How often a failed call is tried again.
    pub retry: RetryPolicy,
}

impl Settings {
    /// Returns the settings of a run with everything else as usual.
    pub fn new(run: impl Into<String>) -> Self {
        Self {
            run: run.into(),
            parallelism: 16,
            retry: RetryPolicy::default(),
        }
    }
}

/// One stack's log and plugins. Its futures must be polled inside a tokio runtime.
pub struct Engine {
    pub(crate) plugins: Arc<dyn Providers>,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) settings: Settings,
    /// What was read under the stack's lock and has not changed since; taken by the first that plans from it.
    unchanged: Mutex<Option<Recorded>>,
    pub(crate) read_times: Arc<ReadTimes>,
}

impl Engine {
    /// Puts an engine together. The caller holds the stack's lock for as long as the engine changes anything.
    pub fn new(
        plugins: Arc<dyn Providers>,
        journal: Arc<dyn Journal>,
        observer: Arc<dyn Observer>,
        settings: Settings,
    ) -> Self {
        Self {
            plugins,
            journal,
            observer,
            settings,
            unchanged: Mutex::default(),
            read_times: Arc::default(),
        }
    }

    /// Hands over a snapshot that the caller read after it took the stack's lock, so that the first plan does not read
    /// it again. An apply reads anew.
    #[must_use]
    pub fn with_snapshot(self, snapshot: Snapshot) -> Self {
        // One that cannot be packed is read again, and then the failure is told.
        self.keep(Recorded::of(snapshot).ok());
        self
    }

    /// Hands over when each object was last read; what the engine reads, creates or changes is noted there.
    #[must_use]
    pub fn with_read_times(mut self, read_times: Arc<ReadTimes>) -> Self {
        self.read_times = read_times;
        self
    }

    pub(crate) fn keep(&self, recorded: Option<Recorded>) {
        *self.unchanged.lock().unwrap_or_else(PoisonError::into_inner) = recorded;
    }

    /// Returns what was read already, else reads it.
    pub(crate) async fn recorded(&self) -> Result<Recorded, EngineError> {
        let kept = self
            .unchanged
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match kept {
            Some(recorded) => Ok(recorded),
            None => Recorded::read(self.journal.as_ref()).await,
        }
    }

    fn caller(&self, stop: StopSignal) -> Caller {
        Caller {
            places: Arc::new(Places::new(self.settings.parallelism)),
            retry: self.settings.retry,
            stop,
            observer: self.observer.clone(),
            writer: Writer::start(self.journal.clone(), self.observer.clone()),
        }
    }

    /// Settles what an earlier run began and did not end, and returns how many operations those were. Changes the
    /// cloud and the log.
    ///
    /// # Errors
    /// When an operation could not be settled, for example because the cloud does not answer: nothing may be
    /// planned until it is.
    pub async fn recover(&self, stop: StopSignal) -> Result<usize, EngineError> {
        let recorded = self.recorded().await?;
        let open = recorded.rest.interrupted.len();
        if open > 0 {
            let snapshot = recorded.into_snapshot();
            let recovery = Recovery {
                plugins: self.plugins.as_ref(),
                schemas: &SchemaCache::default(),
                observer: self.observer.clone(),
                caller: self.caller(stop),
                parallelism: self.settings.parallelism,
                identifiers: Mutex::new(Identifiers::of(snapshot.resources.values())),
            };
            recovery.run(&snapshot).await?;
        } else {
            self.keep(Some(recorded));
        }
        Ok(open)
    }

    pub(crate) async fn settled(&self) -> Result<Recorded, EngineError> {
        let recorded = self.recorded().await?;
        if recorded.rest.interrupted.is_empty() {
            Ok(recorded)
        } else {
            let open = recorded.rest.interrupted.into_iter();
            Err(EngineError::Interrupted(
                open.map(|open| open.begin.urn).collect(),
            ))
        }
    }

    async fn drift(
        &self,
        recorded: &Recorded,
        reading: Reading,
        only: Option<&HashSet<Urn>>,
    ) -> Result<Refreshed, EngineError> {
        let refresh = Refresh {
            plugins: self.plugins.as_ref(),
            schemas: &SchemaCache::default(),
            observer: self.observer.as_ref(),
            retry: self.settings.retry,
            parallelism: self.settings.parallelism,
            read_times: &self.read_times,
        };
        refresh.drift(recorded, reading, only).await
    }

    /// Plans what is declared. Reads the cloud as `reading` says, where `true` is everything and `false` nothing, and
    /// changes nothing.
    ///
    /// With [`Reading::OlderThan`] what was not read and would be touched by the plan is read then, and where it differs
    /// the plan is made again.
    ///
    /// # Errors
    /// When anything declared is wrong, with everything that is; when an earlier run's operations are open
    /// ([`Engine::recover`] first).
    pub async fn plan(
        &self,
        desired: Desired,
        options: &PlanOptions,
        reading: impl Into<Reading>,
    ) -> Result<Plan, EngineError> {
        self.plan_for(Target::Declared(desired), options, reading.into())
            .await
    }

    /// Plans to bring back what was recorded at another time: what there was then is created or changed, and what there
    /// was not is deleted. Reads the cloud unless `reading` says nothing, and changes nothing.
    ///
    /// # Errors
    /// When a plugin that managed something then is missing or refuses its inputs, something is protected, or
    /// operations are open.
    pub async fn plan_past(
        &self,
        project: &str,
        stack: &str,
        past: Past,
        options: &PlanOptions,
        reading: impl Into<Reading>,
    ) -> Result<Plan, EngineError> {
        let target = Target::Recorded {
            project: project.to_owned(),
            stack: stack.to_owned(),
            past,
        };
        self.plan_for(target, options, reading.into()).await
    }

    async fn plan_for(
        &self,
        mut target: Target,
        options: &PlanOptions,
        reading: Reading,
    ) -> Result<Plan, EngineError> {
        // What was recorded at another time is mostly touched as a whole.
        let reading = match (&target, reading) {
            (Target::Recorded { .. }, Reading::OlderThan(_)) => Reading::All,
            (_, reading) => reading,
        };
        let mut recorded = self.settled().await?;
        let Refreshed {
            mut drift,
            mut unread,
        } = self.drift(&recorded, reading, None).await?;
        loop {
            let again = match &target {
                Target::Declared(desired) if !unread.is_empty() => Some(Target::Declared(desired.clone())),
                _ => None,
            };
            let plan = plan::plan(
                target,
                recorded,
                drift,
                options,
                self.plugins.clone(),
                self.observer.as_ref(),
                self.settings.parallelism,
            )
            .await?;
            let touched = touched(&plan, &unread);
            let (Some(same), false) = (again, touched.is_empty()) else {
                return Ok(plan);
            };
            recorded = self.settled().await?;
            let found = self.drift(&recorded, Reading::All, Some(&touched)).await?.drift;
            unread.retain(|urn| !touched.contains(urn));
            if found.is_empty() {
                return Ok(plan);
            }
            target = same;
            drift = plan.drift;
            let anew: HashSet<&Urn> = found.iter().map(|found| &found.urn).collect();
            drift.retain(|known| !anew.contains(&known.urn));
            drift.extend(found);
            drift.sort_by(|a, b| a.urn.cmp(&b.urn));
        }
    }

    /// Plans to delete everything that is recorded. Reads the cloud unless `reading` says nothing, since everything is
    /// touched, and changes nothing.
    ///
    /// # Errors
    /// When something is protected, a plugin is missing, or operations are open.
    pub async fn plan_destroy(
        &self,
        project: &str,
        stack: &str,
        options: &PlanOptions,
        reading: impl Into<Reading>,
    ) -> Result<Plan, EngineError> {
        let reading = match reading.into() {
            Reading::Nothing => Reading::Nothing,
            Reading::All | Reading::OlderThan(_) => Reading::All,
        };
        let recorded = self.settled().await?;
        let drift = self.drift(&recorded, reading, None).await?.drift;
        plan::plan_destroy(
            project,
            stack,
            recorded,
            drift,
            options,
            self.plugins.as_ref(),
            self.observer.as_ref(),
        )
    }

    /// Applies a plan. Failures of operations are in the report.
    ///
    /// # Errors
    /// When the state has moved since the plan was made, operations are open, or the log cannot be written; in the
    /// last case operations may be left open, which the next run settles.
    pub async fn apply(&self, plan: Plan, stop: StopSignal) -> Result<ApplyReport, EngineError> {
        // What the plan was made from is no evidence of what is there now.
        self.keep(None);
        let recorded = Recorded::read(self.journal.as_ref()).await?;
        if plan.format != Plan::FORMAT {
            return Err(EngineError::Format(plan.format));
        }
        fits(&plan, &recorded)?;
        let caller = self.caller(stop);
        let context = ApplyContext {
            plan: Arc::new(plan),
            run: self.settings.run.clone(),
            plugins: self.plugins.clone(),
            schemas: SchemaCache::default(),
            writer: caller.writer.clone(),
            caller,
            observer: self.observer.clone(),
            identifiers: Mutex::new(Identifiers::of(recorded.records.iter())),
            records: Mutex::new(recorded.records),
            names: OnceLock::new(),
            report: ApplyContext::tally(),
            read_times: self.read_times.clone(),
        };
        Apply {
            context,
            old_outputs: recorded.rest.outputs,
            slots: self.settings.parallelism.max(1).saturating_mul(WAITING_PER_CALL),
        }
        .run()
        .await
    }

    /// Reads the recorded objects and returns what differs. With `record` the log is brought up to date.
    ///
    /// # Errors
    /// When something cannot be read, operations are open, or the log cannot be written.
    pub async fn refresh(&self, record: bool) -> Result<Vec<Drift>, EngineError> {
        let recorded = self.settled().await?;
        let drift = self.drift(&recorded, Reading::All, None).await?.drift;
        if record && !drift.is_empty() {
            let entries = drift.iter().filter_map(|drift| {
                let mut record = recorded.records.get(&drift.urn)?;
                drift.put_into(&mut record);
                Some(Entry::Recorded {
                    record: Box::new(record),
                    reason: "refresh".to_owned(),
                })
            });
            self.journal.append(entries.collect()).await?;
        }
        Ok(drift)
    }

    /// Reads some of the recorded objects and returns those that are not as recorded. Records nothing.
    ///
    /// # Errors
    /// When something cannot be read, or operations are open.
    pub async fn read_back(&self, urns: &BTreeSet<Urn>) -> Result<Vec<Drift>, EngineError> {
        let recorded = self.settled().await?;
        let only = urns.iter().cloned().collect();
        Ok(self.drift(&recorded, Reading::All, Some(&only)).await?.drift)
    }

    /// Reads existing objects and returns what to declare so that a run takes them over and changes nothing. Changes
    /// nothing itself.
    ///
    /// # Errors
    /// When an object cannot be read, with all that cannot, or the log cannot be read.
    pub async fn adopt(&self, wanted: Vec<Wanted>) -> Result<Vec<Adopted>, EngineError> {
        let snapshot = self.recorded().await?.into_snapshot();
        let (retry, parallelism) = (self.settings.retry, self.settings.parallelism);
        let plugins = self.plugins.as_ref();
        let adopted = adoption::adopt(wanted, &snapshot, plugins, retry, parallelism).await;
        self.keep(Recorded::of(snapshot).ok());
        adopted
    }

    /// Takes over an existing object under a name, without a declaration. What is not declared by the next run is
    /// planned to be deleted then: the caller shows the inputs in the answer as what to declare. `plugin` is the name
    /// in the project of the plugin that manages it, where it is not that of the type.
    ///
    /// # Errors
    /// When the name or the object is recorded already, there is no such object, operations are open, or the log
    /// cannot be written.
    pub async fn import(&self, urn: Urn, id: &str, plugin: Option<&str>) -> Result<Imported, EngineError> {
        let snapshot = self.settled().await?.into_snapshot();
        import::import(
            &self.settings.run,
            self.settings.retry,
            urn,
            id,
            plugin,
            &snapshot,
            self.plugins.as_ref(),
            self.journal.as_ref(),
            self.observer.as_ref(),
        )
        .await
    }
}

/// Returns those of the unread objects that a plan would change, replace or delete.
fn touched(plan: &Plan, unread: &HashSet<Urn>) -> HashSet<Urn> {
    if unread.is_empty() {
        return HashSet::new();
    }
    plan.steps
        .iter()
        .filter(|step| !matches!(step.action, StepAction::None | StepAction::Forget { .. }))
        .map(|step| step.moved_from.unwrap_or(step.urn))
        .filter(|urn| unread.contains(urn))
        .collect()
}
