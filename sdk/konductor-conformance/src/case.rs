//! One object of the fixtures, and the calls about it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use konductor_model::provider::{
    CheckRequest, CheckResponse, CreateRequest, DeleteRequest, ObjectState, OperationKind, Outcome,
    PlanRequest, PlanResponse, PollRequest, Provider, ReadRequest, UpdateRequest,
};
use konductor_model::schema::AttributeKind;
use konductor_model::value_json::{Secrets, to_json};
use konductor_model::{
    Diagnostics, Disposition, Failure, PathStep, ResourceName, ResourceSchema, ResourceType, Value,
};

use crate::catalogue::CheckId;
use crate::fixture::FixtureResource;
use crate::probe::{Call, Fault, Probe};
use crate::report::Verdict;
use crate::runner::Options;

/// How often a long operation is asked how it stands.
const MOST_POLLS: usize = 1_000;

/// What the checks of one object found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    judged: BTreeSet<CheckId>,
    failed: BTreeMap<CheckId, Vec<String>>,
    skipped: BTreeMap<CheckId, String>,
}

impl Findings {
    /// Says that a check was carried out.
    pub(crate) fn judged(&mut self, check: CheckId) {
        self.judged.insert(check);
    }

    /// Says what is wrong; the same is said once.
    pub(crate) fn fail(&mut self, check: CheckId, finding: impl Into<String>) {
        let findings = self.failed.entry(check).or_default();
        let finding = finding.into();
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }

    /// Says why a check cannot be judged.
    pub(crate) fn skip(&mut self, check: CheckId, reason: impl Into<String>) {
        self.skipped.entry(check).or_insert_with(|| reason.into());
    }

    /// Tells whether a check failed.
    pub(crate) fn has(&self, check: CheckId) -> bool {
        self.failed.contains_key(&check)
    }

    /// Returns how a check ended.
    pub(crate) fn verdict(&self, check: CheckId) -> Verdict {
        if let Some(findings) = self.failed.get(&check) {
            Verdict::of(findings.clone())
        } else if let Some(reason) = self.skipped.get(&check) {
            Verdict::skipped(reason)
        } else if self.judged.contains(&check) {
            Verdict::Passed
        } else {
            Verdict::skipped("an earlier step failed, so it was not reached")
        }
    }
}

/// An object that was made.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) inputs: Value,
    pub(crate) planned: Value,
    pub(crate) state: ObjectState,
    pub(crate) calls: Vec<Call>,
}

/// How an operation ended.
#[derive(Debug)]
pub(crate) enum Ended {
    Done(Box<Made>),
    Partial(ObjectState, Failure),
    Failed(Failure),
}

impl Ended {
    /// Returns the object, or what is wrong.
    pub(crate) fn done(self) -> Result<Made, String> {
        match self {
            Self::Done(made) => Ok(*made),
            Self::Partial(_, failure) => Err(format!("it ended in part: {failure}")),
            Self::Failed(failure) => Err(told(&failure)),
        }
    }
}

/// Returns a failure with its diagnostics.
pub(crate) fn told(failure: &Failure) -> String {
    if failure.diagnostics.is_empty() {
        return failure.to_string();
    }
    let all: Vec<String> = failure.diagnostics.iter().map(ToString::to_string).collect();
    all.join("; ")
}

pub(crate) fn errors(diagnostics: &Diagnostics) -> Option<String> {
    diagnostics
        .has_errors()
        .then(|| diagnostics.to_string().replace('\n', "; "))
}

/// One object of the fixtures.
pub(crate) struct Case<'a> {
    pub(crate) provider: &'a dyn Provider,
    pub(crate) probe: &'a Probe,
    pub(crate) options: &'a Options,
    pub(crate) fixture: &'a FixtureResource,
    pub(crate) name: ResourceName,
    pub(crate) schema: Arc<ResourceSchema>,
    /// The inputs, with references resolved.
    pub(crate) inputs: Value,
    /// What an update changes.
    pub(crate) update: Option<Value>,
    /// What a replacement changes.
    pub(crate) replace: Option<Value>,
}

impl Case<'_> {
    pub(crate) fn kind(&self) -> ResourceType {
        self.fixture.resource_type.clone()
    }

    pub(crate) async fn check(&self, inputs: &Value) -> Result<CheckResponse, Failure> {
        self.probe.begin_pure();
        self.provider
            .check(CheckRequest {
                resource_type: self.kind(),
                name: self.name.clone(),
                inputs: inputs.clone(),
                prior_inputs: None,
            })
            .await
    }

    /// Checks inputs that must be right.
    pub(crate) async fn checked(&self, inputs: &Value) -> Result<Value, String> {
        let response = self.check(inputs).await.map_err(|failure| told(&failure))?;
        match errors(&response.diagnostics) {
            Some(errors) => Err(format!("check refuses the inputs: {errors}")),
            None => Ok(response.inputs),
        }
    }

    pub(crate) async fn plan(
        &self,
        prior: Option<(&ObjectState, &Value)>,
        inputs: &Value,
    ) -> Result<PlanResponse, String> {
        self.probe.begin_pure();
        let plan = self
            .provider
            .plan(PlanRequest {
                resource_type: self.kind(),
                name: self.name.clone(),
                prior: prior.map(|(object, _)| object.clone()),
                prior_inputs: prior.map(|(_, inputs)| inputs.clone()),
                inputs: inputs.clone(),
            })
            .await
            .map_err(|failure| told(&failure))?;
        match errors(&plan.diagnostics) {
            Some(errors) => Err(format!("the plan is refused: {errors}")),
            None => Ok(plan),
        }
    }

    /// Returns what would change although the inputs are the same.
    pub(crate) async fn changes(&self, state: &ObjectState, inputs: &Value) -> Result<Vec<String>, String> {
        let plan = self.plan(Some((state, inputs)), inputs).await?;
        Ok(plan.changes.iter().map(|change| change.at.to_string()).collect())
    }

    async fn settled(
        &self,
        outcome: Result<Outcome, Failure>,
        operation: OperationKind,
        planned: &Value,
    ) -> Result<Outcome, Failure> {
        let mut outcome = outcome?;
        for _ in 0..MOST_POLLS {
            let Outcome::InProgress(progress) = outcome else {
                return Ok(outcome);
            };
            self.options.pause.pause(progress.retry_after).await;
            let request = PollRequest {
                resource_type: self.kind(),
                name: self.name.clone(),
                operation,
                handle: progress.handle,
                planned: planned.clone(),
            };
            outcome = self.provider.poll(request).await?;
        }
        Err(Failure::new(
            Disposition::Other,
            format!("the operation did not end within {MOST_POLLS} polls"),
        ))
    }

    fn ended(&self, outcome: Result<Outcome, Failure>, inputs: Value, planned: Value) -> Ended {
        let calls = self.probe.end();
        match outcome {
            Ok(Outcome::Complete(state)) => Ended::Done(Box::new(Made {
                inputs,
                planned,
                state,
                calls,
            })),
            Ok(Outcome::Partial(state, failure)) => Ended::Partial(state, failure),
            Ok(other) => Ended::Failed(Failure::new(
                Disposition::Plugin,
                format!("it answered {other:?}, which does not fit"),
            )),
            Err(failure) => Ended::Failed(failure),
        }
    }

    /// Checks, plans and creates.
    pub(crate) async fn create(&self, token: &str, fault: Option<(usize, Fault)>) -> Result<Ended, String> {
        let inputs = self.checked(&self.inputs).await?;
        let plan = self.plan(None, &inputs).await?;
        self.probe.begin(fault);
        let outcome = self
            .provider
            .create(CreateRequest {
                resource_type: self.kind(),
                name: self.name.clone(),
                inputs: inputs.clone(),
                planned: plan.planned.clone(),
                private: plan.private,
                idempotency_token: token.to_owned(),
            })
            .await;
        let outcome = self.settled(outcome, OperationKind::Create, &plan.planned).await;
        Ok(self.ended(outcome, inputs, plan.planned))
    }

    /// Changes an object as a plan says.
    pub(crate) async fn update(
        &self,
        prior: &Made,
        inputs: &Value,
        plan: &PlanResponse,
        fault: Option<(usize, Fault)>,
    ) -> Ended {
        self.probe.begin(fault);
        let outcome = self
            .provider
            .update(UpdateRequest {
                resource_type: self.kind(),
                name: self.name.clone(),
                prior: prior.state.clone(),
                prior_inputs: prior.inputs.clone(),
                inputs: inputs.clone(),
                planned: plan.planned.clone(),
                private: plan.private.clone(),
                idempotency_token: self.options.token(),
            })
            .await;
        let outcome = self.settled(outcome, OperationKind::Update, &plan.planned).await;
        self.ended(outcome, inputs.clone(), plan.planned.clone())
    }

    pub(crate) fn read_request(&self, state: &ObjectState) -> ReadRequest {
        ReadRequest {
            resource_type: self.kind(),
            name: self.name.clone(),
            id: state.id.clone(),
            prior: Some(state.clone()),
        }
    }

    pub(crate) async fn read(
        &self,
        state: &ObjectState,
        fault: Option<(usize, Fault)>,
    ) -> (Result<Option<ObjectState>, Failure>, Vec<Call>) {
        self.probe.begin(fault);
        let answer = self.provider.read(self.read_request(state)).await;
        (answer, self.probe.end())
    }

    /// Deletes an object; says what went wrong.
    pub(crate) async fn delete(
        &self,
        state: &ObjectState,
        fault: Option<(usize, Fault)>,
    ) -> (Result<(), Failure>, Vec<Call>) {
        self.probe.begin(fault);
        let outcome = self
            .provider
            .delete(DeleteRequest {
                resource_type: self.kind(),
                name: self.name.clone(),
                prior: state.clone(),
                idempotency_token: self.options.token(),
            })
            .await;
        let outcome = self
            .settled(outcome, OperationKind::Delete, &state.attributes)
            .await;
        let calls = self.probe.end();
        let answer = match outcome {
            Ok(Outcome::Deleted) => Ok(()),
            Ok(Outcome::Partial(_, failure)) | Err(failure) => Err(failure),
            Ok(_) => Err(Failure::new(
                Disposition::Plugin,
                "delete answered that there is an object",
            )),
        };
        (answer, calls)
    }

    /// Returns the paths at which two objects differ. The order of sets makes no difference. What the cloud never gives back, and what changes by itself
    /// where `volatile` is false, is left out.
    pub(crate) fn differences(&self, one: &Value, other: &Value, volatile: bool) -> Vec<String> {
        let (one, other) = (self.in_order(one), self.in_order(other));
        konductor_model::attribute_diff::differences(&one, &other)
            .into_iter()
            .filter(|change| {
                let attribute = match change.at.steps().first() {
                    Some(PathStep::Attribute(name)) => self.schema.attributes.get(name),
                    _ => None,
                };
                !attribute.is_some_and(|a| a.write_only || (!volatile && a.volatile))
            })
            .map(|change| change.at.to_string())
            .collect()
    }

    /// Sorts the sets among the attributes, whose order means nothing.
    fn in_order(&self, attributes: &Value) -> Value {
        let mut sorted = attributes.clone();
        for (name, value) in sorted.as_map_mut().into_iter().flatten() {
            let kind = self.schema.attributes.get(name).map(|attribute| &attribute.kind);
            let is_set = matches!(kind, Some(AttributeKind::List { unordered: true, .. }));
            if let (true, Some(list)) = (is_set, value.as_list()) {
                let mut list = list.to_vec();
                list.sort_by_cached_key(|element| to_json(element.reveal(), Secrets::Marked).to_string());
                *value = Value::List(list);
            }
        }
        sorted
    }
}
