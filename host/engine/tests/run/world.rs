//! A stack with its cloud and its log.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use konductor_engine::{
    ApplyReport, Desired, Engine, EngineError, Event, Plan, PlanOptions, RetryPolicy, Settings, StepAction,
    StopSignal,
};
use konductor_model::module::Declaration;
use konductor_model::{Origin, ResourceOptions, Value};
use konductor_state::{Journal, MemoryLog, Snapshot};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::cloud::Cloud;

pub struct World {
    pub cloud: Cloud,
    pub log: Arc<MemoryLog>,
    pub parallelism: usize,
    pub attempts: u32,
}

pub fn thing(name: &str) -> Declaration {
    declare(name, "fake:test:Thing")
}

pub fn declare(name: &str, kind: &str) -> Declaration {
    Declaration {
        name: name.parse().unwrap(),
        resource_type: kind.parse().unwrap(),
        properties: Value::empty_map(),
        options: ResourceOptions::default(),
        origin: Some(Origin {
            file: "konductor.yaml".into(),
            line: 1 + name.len(),
            column: 1,
            offset: 0,
            length: 1,
        }),
    }
}

pub trait With: Sized {
    fn set(self, name: &str, value: impl Into<Value>) -> Self;
    fn option(self, change: impl FnOnce(&mut ResourceOptions)) -> Self;
}

impl With for Declaration {
    fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.properties
            .as_map_mut()
            .unwrap()
            .insert(name.into(), value.into());
        self
    }

    fn option(mut self, change: impl FnOnce(&mut ResourceOptions)) -> Self {
        change(&mut self.options);
        self
    }
}

pub fn desired(declarations: Vec<Declaration>) -> Desired {
    Desired {
        project: "shop".into(),
        stack: "dev".into(),
        declarations,
        ..Desired::default()
    }
}

impl World {
    pub fn new() -> Self {
        let log = Arc::new(MemoryLog::new());
        let mut cloud = Cloud::new();
        cloud.log = Some(log.clone());
        Self {
            cloud,
            log,
            parallelism: 4,
            attempts: 3,
        }
    }

    pub fn engine(&self) -> Engine {
        self.engine_on(self.log.clone()).0
    }

    pub fn engine_on(&self, journal: Arc<dyn Journal>) -> (Engine, UnboundedReceiver<Event>) {
        let (sender, receiver) = unbounded_channel();
        let settings = Settings {
            parallelism: self.parallelism,
            retry: RetryPolicy {
                attempts: self.attempts,
                first_wait: Duration::from_secs(1),
                longest_wait: Duration::from_secs(4),
            },
            ..Settings::new("run-1")
        };
        let engine = Engine::new(self.cloud.plugins(), journal, Arc::new(sender), settings);
        (engine, receiver)
    }

    pub async fn snapshot(&self) -> Snapshot {
        self.log.snapshot().await.unwrap()
    }

    pub async fn try_plan(&self, desired: Desired, options: &PlanOptions) -> Result<Plan, EngineError> {
        self.engine().plan(desired, options, true).await
    }

    pub async fn plan(&self, declarations: Vec<Declaration>) -> Plan {
        self.try_plan(desired(declarations), &PlanOptions::default())
            .await
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// The errors of a plan that must fail.
    pub async fn errors(&self, declarations: Vec<Declaration>) -> Vec<String> {
        match self
            .try_plan(desired(declarations), &PlanOptions::default())
            .await
        {
            Err(EngineError::Invalid(diagnostics)) => diagnostics
                .into_iter()
                .map(|diagnostic| diagnostic.to_string())
                .collect(),
            other => panic!("expected errors, got {other:?}"),
        }
    }

    pub async fn apply(&self, plan: Plan) -> ApplyReport {
        self.engine().apply(plan, StopSignal::never()).await.unwrap()
    }

    /// Plans and applies; everything must go well, and a second plan must be empty.
    pub async fn run(&self, declarations: Vec<Declaration>) -> ApplyReport {
        self.run_desired(desired(declarations)).await
    }

    pub async fn run_desired(&self, desired: Desired) -> ApplyReport {
        self.engine().recover(StopSignal::never()).await.unwrap();
        let plan = self
            .try_plan(desired.clone(), &PlanOptions::default())
            .await
            .unwrap();
        let report = self.apply(plan).await;
        assert!(report.succeeded(), "{report:?}");
        self.settled(desired).await;
        report
    }

    /// The state is what the cloud has, and there is nothing left to plan.
    pub async fn settled(&self, desired: Desired) {
        let plan = self.try_plan(desired, &PlanOptions::default()).await.unwrap();
        assert!(plan.is_empty(), "{:?}", actions(&plan));
        assert!(plan.drift.is_empty());
        assert!(
            plan.steps
                .iter()
                .all(|step| !step.record_changes || step.changes.is_empty())
        );
        self.agrees_with_cloud().await;
    }

    pub async fn agrees_with_cloud(&self) {
        let snapshot = self.snapshot().await;
        assert!(snapshot.interrupted.is_empty());
        let mut recorded = BTreeMap::new();
        for record in snapshot.resources.values() {
            for object in record
                .object
                .iter()
                .chain(record.deposed.iter().map(|deposed| &deposed.object))
            {
                let attributes = object.attributes.clone().without_secret_marks();
                recorded.insert(object.id.clone(), attributes);
            }
        }
        let state = self.cloud.state.lock().unwrap();
        let there: BTreeMap<String, Value> = state
            .objects
            .iter()
            .map(|(id, object)| (id.clone(), Value::Map(object.attributes.clone())))
            .collect();
        assert_eq!(recorded, there, "the state and the cloud differ");
    }
}

/// The steps of a plan that do something, as `name: action`.
pub fn actions(plan: &Plan) -> Vec<String> {
    plan.steps
        .iter()
        .filter_map(|step| {
            let action = match &step.action {
                StepAction::None => return None,
                StepAction::Create => "create".to_owned(),
                StepAction::Update => "update".to_owned(),
                StepAction::Replace { delete_before: true } => "replace, delete first".to_owned(),
                StepAction::Replace { delete_before: false } => "replace".to_owned(),
                StepAction::Import { id } => format!("import {id}"),
                StepAction::Delete => "delete".to_owned(),
                StepAction::DeleteDeposed { .. } => "delete deposed".to_owned(),
                StepAction::Forget { reason } => format!("forget ({reason})"),
            };
            Some(format!("{}: {action}", step.urn.name()))
        })
        .collect()
}
