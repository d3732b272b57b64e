//! One object from preview to delete, step by step.

use konductor_model::provider::{
    CheckRequest, CreateRequest, DeleteRequest, ObjectState, Outcome, PlanRequest, PlanResponse, Provider,
    UpdateRequest,
};
use konductor_model::{Failure, Path, ResourceName, ResourceType, Value};

/// Begins the life of one object.
///
/// # Panics
/// When the type is no type.
#[track_caller]
pub fn lifecycle<'p>(provider: &'p dyn Provider, resource_type: &str) -> Lifecycle<'p> {
    let (kind, name) = match (resource_type.parse(), "subject".parse()) {
        (Ok(kind), Ok(name)) => (kind, name),
        (Err(error), _) | (_, Err(error)) => panic!("{error}"),
    };
    Lifecycle {
        provider,
        kind,
        name,
        step: 0,
        object: None,
        planned: Value::Null,
    }
}

/// The life of one object. Every step panics when it does not go as it should, and says at which step.
pub struct Lifecycle<'p> {
    provider: &'p dyn Provider,
    kind: ResourceType,
    name: ResourceName,
    step: usize,
    /// The object and its checked inputs.
    object: Option<(ObjectState, Value)>,
    planned: Value,
}

impl std::fmt::Debug for Lifecycle<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lifecycle")
            .field("type", &self.kind)
            .field("step", &self.step)
            .finish_non_exhaustive()
    }
}

/// Runs a provider's call, which is ready at once.
#[track_caller]
fn ready<T>(place: &str, future: impl Future<Output = Result<T, Failure>>) -> T {
    match konductor_sdk::block_on(future) {
        Ok(Ok(value)) => value,
        Ok(Err(failure)) if failure.diagnostics.is_empty() => panic!("{place}: {failure}"),
        Ok(Err(failure)) => {
            panic!("{place}: {}", konductor_model::Diagnostics(failure.diagnostics))
        }
        Err(pending) => panic!("{place}: {pending}"),
    }
}

#[track_caller]
fn complete(place: &str, outcome: Outcome) -> ObjectState {
    match outcome {
        Outcome::Complete(object) => object,
        other => panic!("{place}: expected a complete object, got {other:?}"),
    }
}

impl Lifecycle<'_> {
    fn place(&mut self, what: &str) -> String {
        self.step += 1;
        format!("step {} ({what} of {})", self.step, self.kind)
    }

    #[track_caller]
    fn plan(&self, place: &str, inputs: &Value) -> (Value, PlanResponse) {
        let checked = ready(
            place,
            self.provider.check(CheckRequest {
                resource_type: self.kind.clone(),
                name: self.name.clone(),
                inputs: inputs.clone(),
                prior_inputs: self.object.as_ref().map(|(_, inputs)| inputs.clone()),
            }),
        );
        assert!(
            !checked.diagnostics.has_errors(),
            "{place}: check refuses the inputs: {}",
            checked.diagnostics
        );
        let plan = ready(
            place,
            self.provider.plan(PlanRequest {
                resource_type: self.kind.clone(),
                name: self.name.clone(),
                prior: self.object.as_ref().map(|(object, _)| object.clone()),
                prior_inputs: self.object.as_ref().map(|(_, inputs)| inputs.clone()),
                inputs: checked.inputs.clone(),
            }),
        );
        assert!(
            !plan.diagnostics.has_errors(),
            "{place}: the plan is refused: {}",
            plan.diagnostics
        );
        (checked.inputs, plan)
    }

    /// Plans the inputs, and hands the plan to `look`. Nothing is made.
    #[must_use = "the steps that follow are the test"]
    #[track_caller]
    pub fn preview(mut self, inputs: impl Into<Value>, look: impl FnOnce(&PlanResponse)) -> Self {
        let place = self.place("preview");
        let (_, plan) = self.plan(&place, &inputs.into());
        look(&plan);
        self
    }

    /// Creates the object.
    #[track_caller]
    pub fn create(mut self, inputs: impl Into<Value>) -> Self {
        let place = self.place("create");
        assert!(self.object.is_none(), "{place}: there is an object already");
        let (inputs, plan) = self.plan(&place, &inputs.into());
        self.made(&place, inputs, plan);
        self
    }

    #[track_caller]
    fn made(&mut self, place: &str, inputs: Value, plan: PlanResponse) {
        let outcome = ready(
            place,
            self.provider.create(CreateRequest {
                resource_type: self.kind.clone(),
                name: self.name.clone(),
                inputs: inputs.clone(),
                planned: plan.planned.clone(),
                private: plan.private,
                idempotency_token: format!("token-{}", self.step),
            }),
        );
        self.planned = plan.planned;
        self.object = Some((complete(place, outcome), inputs));
    }

    /// Changes the object in place; a plan that replaces it, or changes nothing, fails.
    #[track_caller]
    pub fn update(mut self, inputs: impl Into<Value>) -> Self {
        let place = self.place("update");
        let (inputs, plan) = self.plan(&place, &inputs.into());
        let Some((prior, prior_inputs)) = self.object.take() else {
            panic!("{place}: there is no object yet");
        };
        assert!(!plan.changes.is_empty(), "{place}: no change is planned");
        if let Some(change) = plan.changes.iter().find(|change| change.requires_replacement) {
            panic!(
                "{place}: expected an update, but `{}` means replacement",
                change.at
            );
        }
        let outcome = ready(
            &place,
            self.provider.update(UpdateRequest {
                resource_type: self.kind.clone(),
                name: self.name.clone(),
                prior,
                prior_inputs,
                inputs: inputs.clone(),
                planned: plan.planned.clone(),
                private: plan.private,
                idempotency_token: format!("token-{}", self.step),
            }),
        );
        self.planned = plan.planned;
        self.object = Some((complete(&place, outcome), inputs));
        self
    }

    /// Replaces the object: creates the new one, and then deletes the old one. A plan that does it in place fails.
    #[track_caller]
    pub fn replace(mut self, inputs: impl Into<Value>) -> Self {
        let place = self.place("replace");
        let inputs = inputs.into();
        let (_, plan) = self.plan(&place, &inputs);
        assert!(
            plan.changes.iter().any(|change| change.requires_replacement),
            "{place}: expected a replacement, but the plan is {:?}",
            plan.changes
        );
        let old = self.object.take();
        let (inputs, plan) = self.plan(&place, &inputs);
        self.made(&place, inputs, plan);
        if let Some((old, _)) = old {
            self.deleted(&place, old);
        }
        self
    }

    /// Checks one attribute of the object.
    #[track_caller]
    pub fn expect(self, attribute: &str, value: impl Into<Value>) -> Self {
        let place = format!("step {} of {}", self.step, self.kind);
        let Some((object, _)) = &self.object else {
            panic!("{place}: there is no object");
        };
        let found = object.attributes.at(&Path::attribute(attribute));
        let found = found.as_deref().unwrap_or(&Value::Null);
        let value = value.into();
        assert!(
            found.same_as(&value),
            "{place}: expected `{attribute}` to be {value:?}, got {found:?}"
        );
        self
    }

    #[track_caller]
    fn deleted(&self, place: &str, prior: ObjectState) {
        let outcome = ready(
            place,
            self.provider.delete(DeleteRequest {
                resource_type: self.kind.clone(),
                name: self.name.clone(),
                prior,
                idempotency_token: format!("token-{}", self.step),
            }),
        );
        assert_eq!(outcome, Outcome::Deleted, "{place}");
    }

    /// Deletes the object.
    #[track_caller]
    pub fn delete(mut self) -> Self {
        let place = self.place("delete");
        let Some((object, _)) = self.object.take() else {
            panic!("{place}: there is no object");
        };
        self.deleted(&place, object);
        self
    }
}
