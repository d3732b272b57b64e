//! The engine: one stack's log and plugins, and what can be done with them.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use konductor_model::provider::Imported;
use konductor_model::{ResourceType, Urn};
use konductor_state::record::Snapshot;
use konductor_state::{Entry, Journal, Past};
use tokio::sync::Semaphore;

use crate::adoption::{self, Adopted, Wanted};
use crate::apply::call::Caller;
use crate::apply::context::ApplyContext;
use crate::apply::writer::Writer;
use crate::apply::{Apply, ApplyReport, RetryPolicy, fits};
use crate::desired::{Desired, Providers};
use crate::error::EngineError;
use crate::event::Observer;
use crate::identifiers::Identifiers;
use crate::import;
use crate::plan::{self, Drift, Plan, PlanOptions, StepAction, Target};
use crate::recover::Recovery;
use crate::refresh::Refresh;
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
    unchanged: Mutex<Option<Snapshot>>,
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
        }
    }

    /// Hands over a snapshot that the caller read after it took the stack's lock, so that the first plan does not read
    /// it again. An apply reads anew.
    #[must_use]
    pub fn with_snapshot(self, snapshot: Snapshot) -> Self {
        self.keep(Some(snapshot));
        self
    }

    fn keep(&self, snapshot: Option<Snapshot>) {
        *self.unchanged.lock().unwrap_or_else(PoisonError::into_inner) = snapshot;
    }

    /// Returns what was read already, else reads it.
    async fn snapshot(&self) -> Result<Snapshot, EngineError> {
        let kept = self
            .unchanged
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match kept {
            Some(snapshot) => Ok(snapshot),
            None => Ok(self.journal.snapshot().await?),
        }
    }

    fn caller(&self, stop: StopSignal) -> Caller {
        Caller {
            permits: Arc::new(Semaphore::new(self.settings.parallelism.max(1))),
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
        let snapshot = self.snapshot().await?;
        let open = snapshot.interrupted.len();
        if open > 0 {
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
            self.keep(Some(snapshot));
        }
        Ok(open)
    }

    pub(crate) async fn settled_snapshot(&self) -> Result<Snapshot, EngineError> {
        let snapshot = self.snapshot().await?;
        if snapshot.interrupted.is_empty() {
            Ok(snapshot)
        } else {
            let open = snapshot.interrupted.into_iter().map(|open| open.begin.urn);
            Err(EngineError::Interrupted(open.collect()))
        }
    }

    async fn drift(&self, snapshot: &Snapshot, read: bool) -> Result<Vec<Drift>, EngineError> {
        let refresh = Refresh {
            plugins: self.plugins.as_ref(),
            schemas: &SchemaCache::default(),
            observer: self.observer.as_ref(),
            retry: self.settings.retry,
            parallelism: self.settings.parallelism,
        };
        refresh.drift(snapshot, read).await
    }

    /// Plans what is declared. Reads the cloud unless `refresh` is false, and changes nothing.
    ///
    /// # Errors
    /// When anything declared is wrong, with everything that is; when an earlier run's operations are open
    /// ([`Engine::recover`] first).
    pub async fn plan(
        &self,
        desired: Desired,
        options: &PlanOptions,
        refresh: bool,
    ) -> Result<Plan, EngineError> {
        self.plan_for(Target::Declared(desired), options, refresh).await
    }

    /// Plans to bring back what was recorded at another time: what there was then is created or changed, and what there
    /// was not is deleted. Reads the cloud unless `refresh` is false, and changes nothing.
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
        refresh: bool,
    ) -> Result<Plan, EngineError> {
        let target = Target::Recorded {
            project: project.to_owned(),
            stack: stack.to_owned(),
            past,
        };
        self.plan_for(target, options, refresh).await
    }

    async fn plan_for(
        &self,
        target: Target,
        options: &PlanOptions,
        refresh: bool,
    ) -> Result<Plan, EngineError> {
        let snapshot = self.settled_snapshot().await?;
        let drift = self.drift(&snapshot, refresh).await?;
        plan::plan(
            target,
            snapshot,
            drift,
            options,
            self.plugins.clone(),
            self.observer.as_ref(),
            self.settings.parallelism,
        )
        .await
    }

    /// Plans to delete everything that is recorded. Reads the cloud unless `refresh` is false, and changes nothing.
    ///
    /// # Errors
    /// When something is protected, a plugin is missing, or operations are open.
    pub async fn plan_destroy(
        &self,
        project: &str,
        stack: &str,
        options: &PlanOptions,
        refresh: bool,
    ) -> Result<Plan, EngineError> {
        let snapshot = self.settled_snapshot().await?;
        let drift = self.drift(&snapshot, refresh).await?;
        plan::plan_destroy(
            project,
            stack,
            snapshot,
            drift,
            options,
            self.plugins.as_ref(),
            self.observer.as_ref(),
        )
        .await
    }

    /// Applies a plan. Failures of operations are in the report.
    ///
    /// # Errors
    /// When the state has moved since the plan was made, operations are open, or the log cannot be written; in the
    /// last case operations may be left open, which the next run settles.
    pub async fn apply(&self, plan: Plan, stop: StopSignal) -> Result<ApplyReport, EngineError> {
        // What the plan was made from is no evidence of what is there now.
        self.keep(None);
        let snapshot = self.journal.snapshot().await?;
        if plan.format != Plan::FORMAT {
            return Err(EngineError::Format(plan.format));
        }
        fits(&plan, &snapshot)?;
        let caller = self.caller(stop);
        let mut names: HashMap<String, Urn> = snapshot
            .resources
            .keys()
            .map(|urn| (urn.name().to_string(), urn.clone()))
            .collect();
        for step in &plan.steps {
            // A record that goes can have the name of a declaration with another type.
            let declared = !matches!(
                step.action,
                StepAction::Delete | StepAction::DeleteDeposed { .. } | StepAction::Forget { .. }
            );
            if declared || !names.contains_key(step.urn.name().as_str()) {
                names.insert(step.urn.name().to_string(), step.urn.clone());
            }
        }
        let identifiers = Identifiers::of(snapshot.resources.values());
        let records = snapshot
            .resources
            .into_iter()
            .map(|(urn, record)| (urn, Arc::new(record)))
            .collect();
        let context = ApplyContext {
            plan: Arc::new(plan),
            run: self.settings.run.clone(),
            plugins: self.plugins.clone(),
            schemas: SchemaCache::default(),
            writer: caller.writer.clone(),
            caller,
            observer: self.observer.clone(),
            records: Mutex::new(records),
            identifiers: Mutex::new(identifiers),
            names,
            report: ApplyContext::tally(),
        };
        Apply {
            context,
            old_outputs: snapshot.outputs,
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
        let snapshot = self.settled_snapshot().await?;
        let drift = self.drift(&snapshot, true).await?;
        if record && !drift.is_empty() {
            let entries = drift.iter().filter_map(|drift| {
                let mut record = snapshot.resources.get(&drift.urn)?.clone();
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
        let mut snapshot = self.settled_snapshot().await?;
        snapshot.resources.retain(|urn, _| urns.contains(urn));
        self.drift(&snapshot, true).await
    }

    /// Reads existing objects and returns what to declare so that a run takes them over and changes nothing. Changes
    /// nothing itself.
    ///
    /// # Errors
    /// When an object cannot be read, with all that cannot, or the log cannot be read.
    pub async fn adopt(&self, wanted: Vec<Wanted>) -> Result<Vec<Adopted>, EngineError> {
        let snapshot = self.snapshot().await?;
        let (retry, parallelism) = (self.settings.retry, self.settings.parallelism);
        let plugins = self.plugins.as_ref();
        let adopted = adoption::adopt(wanted, &snapshot, plugins, retry, parallelism).await;
        self.keep(Some(snapshot));
        adopted
    }

    /// Returns the identifiers of the objects of a type that no resource of the stack manages.
    ///
    /// # Errors
    /// When they cannot be listed, or the log cannot be read.
    pub async fn unmanaged(
        &self,
        resource_type: &ResourceType,
        plugin: &str,
    ) -> Result<Vec<String>, EngineError> {
        let snapshot = self.snapshot().await?;
        let retry = self.settings.retry;
        let found = adoption::unmanaged(resource_type, plugin, &snapshot, self.plugins.as_ref(), retry).await;
        self.keep(Some(snapshot));
        found
    }

    /// Takes over an existing object under a name, without a declaration. What is not declared by the next run is
    /// planned to be deleted then: the caller shows the inputs in the answer as what to declare. `plugin` is the name
    /// in the project of the plugin that manages it, where it is not that of the type.
    ///
    /// # Errors
    /// When the name or the object is recorded already, there is no such object, operations are open, or the log
    /// cannot be written.
    pub async fn import(&self, urn: Urn, id: &str, plugin: Option<&str>) -> Result<Imported, EngineError> {
        let snapshot = self.settled_snapshot().await?;
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
