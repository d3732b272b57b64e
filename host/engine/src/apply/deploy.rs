//! Makes one resource what its step says: create, change, import, or only record it.

use std::sync::Arc;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use konductor_model::provider::ObjectState;
use konductor_model::schema::TypeKind;
use konductor_model::{Diagnostics, Disposition, Failure, Urn, Value};
use konductor_state::entry::{Action, Begin};
use konductor_state::record::{Deposed, ResourceRecord};
use konductor_state::{Entry, StateError};

use crate::apply::call::{Begun, CallEnd, Request, retrying};
use crate::apply::context::{ApplyContext, Ended};
use crate::apply::places::Admitted;
use crate::event::Event;
use crate::honesty;
use crate::identifiers::{managed_twice, supersedes_itself};
use crate::plan::{Step, StepAction};
use crate::reference::{has_references, resolve};
use crate::subject::Subject;

/// How an operation went, for the scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Went {
    /// It is done; what depends on it may begin.
    Well,
    /// It failed, or its outcome is not known.
    Badly,
    /// The run was cancelled.
    Stopped,
}

/// What is sent to the provider, with everything known.
struct Final {
    inputs: Arc<Value>,
    planned: Arc<Value>,
    private: Vec<u8>,
    changes: bool,
}

impl ApplyContext {
    /// Tells whether deploying a step needs no provider: it can be done at once.
    pub(crate) fn is_record_only(step: &Step) -> bool {
        step.kind == TypeKind::Component || step.action == StepAction::None
    }

    /// Brings the record of a component or of an unchanged resource up to date.
    pub(crate) fn record_only(&self, step: &Step) {
        if !step.record_changes {
            return;
        }
        let current = self.record(&step.urn);
        let mut record = fresh_record(step, current.as_deref());
        let reason = if step.kind == TypeKind::Component {
            let read = |value: &Value| resolve(value, &|reference| self.lookup(reference)).0;
            record.inputs = read(&step.declared);
            record.outputs = read(&step.outputs);
            "component"
        } else {
            record.inputs = step.inputs.as_ref().clone();
            "options"
        };
        if current.as_deref() != Some(&record) {
            self.write_record(record, reason);
        }
    }

    /// Creates, changes or imports what a step says.
    pub(crate) async fn deploy(&self, step: &Step, admitted: Option<Admitted>) -> Result<Went, StateError> {
        let current = self.record(&step.urn);
        let action = match (&step.action, &current) {
            (StepAction::Replace { delete_before: false }, Some(record)) if record.object.is_some() => {
                Action::CreateReplacement
            }
            (StepAction::Update, _) => Action::Update,
            (StepAction::Import { .. }, _) => Action::Import,
            _ => Action::Create,
        };
        let Some(provider) = self.plugins.provider(&step.plugin.name) else {
            let failure = Failure::new(
                Disposition::Other,
                format!("there is no plugin `{}`", step.plugin.name),
            );
            self.refuse(&step.urn, action, failure);
            return Ok(Went::Badly);
        };
        let schema = match self
            .schemas
            .get(&step.plugin.name, provider.as_ref(), step.urn.resource_type())
            .await
        {
            Ok(schema) => schema,
            Err(failure) => {
                self.refuse(&step.urn, action, failure);
                return Ok(Went::Badly);
            }
        };
        let subject = Subject {
            provider: provider.as_ref(),
            schema: &schema,
            urn: &step.urn,
            options: &step.options,
            origin: step.origin.as_ref(),
            verify_determinism: false,
        };
        if let StepAction::Import { id } = &step.action {
            return self.import(step, id, &subject, admitted).await;
        }
        self.deploy_object(step, action, current, &subject, admitted)
            .await
    }

    async fn deploy_object(
        &self,
        step: &Step,
        action: Action,
        current: Option<Arc<ResourceRecord>>,
        subject: &Subject<'_>,
        admitted: Option<Admitted>,
    ) -> Result<Went, StateError> {
        let prior = match action {
            Action::Update => match current
                .as_deref()
                .and_then(|r| Some((r.object.as_ref()?, &r.inputs)))
            {
                Some(prior) => Some(prior),
                None => {
                    let failure = Failure::new(Disposition::NotFound, "the object to change is not recorded");
                    self.refuse(&step.urn, action, failure);
                    return Ok(Went::Badly);
                }
            },
            _ => None,
        };
        let last = match self.finalise(step, subject, prior).await {
            Ok(last) => last,
            Err(diagnostics) => {
                self.refuse(&step.urn, action, Failure::invalid(diagnostics));
                return Ok(Went::Badly);
            }
        };
        let mut record = fresh_record(step, current.as_deref());
        record.inputs = last.inputs.as_ref().clone();
        if action == Action::Update {
            record.object = prior.map(|(object, _)| object.clone());
            record.tainted = current.as_ref().and_then(|current| current.tainted.clone());
            if !last.changes {
                // What was unknown turned out to be what it is already.
                if current.as_deref() != Some(&record) {
                    self.write_record(record, "options");
                }
                return Ok(Went::Well);
            }
        } else {
            record.object = None;
            record.tainted = None;
        }
        if action == Action::CreateReplacement
            && let Some(object) = current.as_ref().and_then(|record| record.object.clone())
        {
            let key = uuid::Uuid::new_v4().simple().to_string();
            record.deposed.push(Deposed { key, object });
        }
        let operation = uuid::Uuid::new_v4().to_string();
        // It carries its time: a provider can tell what was made after the operation began.
        let token = uuid::Uuid::now_v7().to_string();
        let ended = Ended {
            operation: &operation,
            urn: &step.urn,
            action,
            since: Instant::now(),
        };
        self.begin(Begin {
            operation: operation.clone(),
            run: self.run.clone(),
            urn: step.urn.clone(),
            action,
            idempotency_token: token.clone(),
            record: Box::new(record.clone()),
            planned: last.planned.as_ref().clone(),
            private: STANDARD.encode(&last.private),
            schema_version: Some(subject.schema.version),
            deposed: None,
        })
        .await?;
        let request = match prior {
            Some((object, inputs)) => Request::Update {
                prior: object,
                prior_inputs: inputs,
                inputs: &last.inputs,
                planned: &last.planned,
                private: &last.private,
            },
            None => Request::Create {
                inputs: &last.inputs,
                planned: &last.planned,
                private: &last.private,
            },
        };
        let begun = Begun {
            operation: &operation,
            plugin: &step.plugin.name,
            urn: &step.urn,
            action,
            token: &token,
        };
        let end = self
            .caller
            .call(subject.provider, admitted, begun, request, None)
            .await;
        let claim = |object: &ObjectState| self.claim(&step.plugin.name, &step.urn, object);
        Ok(
            match settle(
                end,
                subject,
                record,
                current.as_deref(),
                &last.planned,
                action,
                &claim,
            ) {
                Settled::End(record, failure) => {
                    let went = if failure.is_none() {
                        Went::Well
                    } else {
                        Went::Badly
                    };
                    self.end(&ended, record.map(|record| *record), failure);
                    went
                }
                Settled::Open(failure) => {
                    self.leave_open(&ended, failure);
                    Went::Badly
                }
                Settled::Stopped => Went::Stopped,
            },
        )
    }

    /// Makes a begin entry durable and says so.
    pub(crate) async fn begin(&self, begin: Begin) -> Result<(), StateError> {
        let event = Event::OperationStarted {
            urn: begin.urn.clone(),
            action: begin.action,
        };
        self.writer.append(vec![Entry::Begin(begin)]).await?;
        self.observer.event(event);
        Ok(())
    }

    async fn import(
        &self,
        step: &Step,
        id: &str,
        subject: &Subject<'_>,
        admitted: Option<Admitted>,
    ) -> Result<Went, StateError> {
        let current = self.record(&step.urn);
        let operation = uuid::Uuid::new_v4().to_string();
        let ended = Ended {
            operation: &operation,
            urn: &step.urn,
            action: Action::Import,
            since: Instant::now(),
        };
        let mut record = fresh_record(step, current.as_deref());
        record.object = None;
        record.tainted = None;
        self.begin(Begin {
            operation: operation.clone(),
            run: self.run.clone(),
            urn: step.urn.clone(),
            action: Action::Import,
            idempotency_token: uuid::Uuid::new_v4().to_string(),
            record: Box::new(record.clone()),
            planned: Value::Null,
            private: String::new(),
            schema_version: None,
            deposed: None,
        })
        .await?;
        // Its place is taken anew for every attempt.
        let admitted = admitted.map(|admitted| admitted.provider);
        let provider = admitted.as_deref().unwrap_or(subject.provider);
        let imported = retrying(self.caller.retry, || async {
            let _place = self.caller.places.take(&step.plugin.name).await;
            provider
                .import(step.urn.resource_type(), step.urn.name(), id)
                .await
        })
        .await;
        let imported =
            imported.and_then(
                |imported| match self.claim(&step.plugin.name, &step.urn, &imported.object) {
                    Ok(()) => Ok(imported),
                    Err(owner) => Err(managed_twice(
                        &step.plugin.name,
                        &step.urn,
                        &imported.object.id,
                        &owner,
                    )),
                },
            );
        match imported {
            Ok(imported) => {
                record.object = Some(subject.marked(imported.object, &imported.inputs));
                record.inputs = imported.inputs;
                subject.mark(&mut record.inputs);
                self.end(&ended, Some(record), None);
            }
            Err(failure) => {
                self.end(&ended, current.as_deref().cloned(), Some(failure));
                return Ok(Went::Badly);
            }
        }
        // What differs from the declaration is changed in place; without a difference this only records.
        let current = self.record(&step.urn);
        self.deploy_object(step, Action::Update, current, subject, None)
            .await
    }

    /// Puts real values in the place of references. What was known in the plan must not change by that.
    async fn finalise(
        &self,
        step: &Step,
        subject: &Subject<'_>,
        prior: Option<(&ObjectState, &Value)>,
    ) -> Result<Final, Diagnostics> {
        let import = matches!(step.action, StepAction::Import { .. });
        if step.inputs.is_wholly_known() && !import {
            return Ok(Final {
                inputs: step.inputs.clone(),
                planned: step.planned.clone(),
                private: step.private.clone(),
                changes: true,
            });
        }
        let mut inputs = if has_references(&step.declared) {
            let (inputs, failed) = resolve(&step.declared, &|reference| self.lookup(reference));
            let mut diagnostics = Diagnostics::default();
            for (reference, error) in failed {
                diagnostics.push(subject.error(format!("`${{{reference}}}` cannot be read: {error}")));
            }
            if !diagnostics.is_empty() {
                return Err(diagnostics);
            }
            inputs
        } else {
            konductor_model::interpolation::resolve_joins(step.declared.as_ref().clone())
        };
        if inputs.is_null() {
            inputs = Value::empty_map();
        }
        if let Some(place) = honesty::unknown_places(&inputs).into_iter().next() {
            return Err(subject
                .error("a value that should be known now is not")
                .at(place)
                .detail("what it refers to was deployed without giving it")
                .into());
        }
        subject.mark(&mut inputs);
        subject.keep_ignored(&mut inputs, prior);
        let (inputs, _) = subject.check(inputs, prior.map(|(_, inputs)| inputs)).await?;
        let response = subject.plan(prior, &inputs).await?;
        let plugin = &subject.provider.manifest().name;
        if prior.is_some() && response.changes.iter().any(|change| change.requires_replacement) {
            return Err(subject
                .error("it must be replaced, and the plan said it would be changed in place")
                .detail("that became clear only when what it refers to was known")
                .help("run again: the next plan shows the replacement")
                .into());
        }
        let broken = honesty::result_against_planned(&response.planned, &step.planned, subject.schema);
        if !broken.is_empty() {
            return Err(honesty::violation(
                plugin,
                subject.urn,
                "what was planned as known is planned otherwise when the inputs are known",
                &broken,
            )
            .to_diagnostics(subject.urn.name()));
        }
        Ok(Final {
            changes: prior.is_none() || !response.changes.is_empty(),
            inputs: Arc::new(inputs),
            planned: Arc::new(response.planned),
            private: response.private,
        })
    }
}

/// Returns the record a step leads to, with the object and the superseded objects there are.
fn fresh_record(step: &Step, current: Option<&ResourceRecord>) -> ResourceRecord {
    ResourceRecord {
        urn: step.urn.clone(),
        kind: step.kind,
        plugin: step.plugin.clone(),
        parent: step.parent.clone(),
        dependencies: step.dependencies.clone(),
        inputs: Value::Null,
        object: current.and_then(|record| record.object.clone()),
        outputs: Value::Null,
        options: step.options.clone(),
        tainted: current.and_then(|record| record.tainted.clone()),
        deposed: current.map(|record| record.deposed.clone()).unwrap_or_default(),
    }
}

/// What the end of a create or update means for the record.
pub(crate) enum Settled {
    /// It has ended with this record.
    End(Option<Box<ResourceRecord>>, Option<Failure>),
    /// Whether there is an object is not known.
    Open(Failure),
    /// The run was cancelled.
    Stopped,
}

/// Works out the record after a create or update. `record` is what it is to become, `before` what it was. `claim` takes
/// the object for the record, unless another one manages it.
pub(crate) fn settle(
    end: CallEnd,
    subject: &Subject<'_>,
    mut record: ResourceRecord,
    before: Option<&ResourceRecord>,
    planned: &Value,
    action: Action,
    claim: &dyn Fn(&ObjectState) -> Result<(), Urn>,
) -> Settled {
    let plugin = &subject.provider.manifest().name;
    let update = action == Action::Update;
    if let CallEnd::Complete(object) | CallEnd::Partial(object, _) = &end {
        // What another record manages is not lost when this one does not take it, and would be deleted twice if it did.
        let refused = if record
            .deposed
            .iter()
            .any(|deposed| deposed.object.id == object.id)
        {
            Some(supersedes_itself(plugin, subject.urn, &object.id))
        } else {
            let claimed = claim(object);
            claimed
                .err()
                .map(|owner| managed_twice(plugin, subject.urn, &object.id, &owner))
        };
        if refused.is_some() {
            return Settled::End(before.cloned().map(Box::new), refused);
        }
    }
    match end {
        CallEnd::Cancelled => Settled::Stopped,
        CallEnd::Complete(object) => {
            let mut object = subject.marked(object, planned);
            let unknown = honesty::unknown_places(&object.attributes);
            let failure = if !unknown.is_empty() {
                object.attributes = object.attributes.map_leaves(&mut |leaf| match leaf {
                    Value::Unknown | Value::Reference(_) => Value::Null,
                    known => known,
                });
                Some(("it answers with values that are not known after apply", unknown))
            } else {
                let broken = honesty::result_against_planned(&object.attributes, planned, subject.schema);
                (!broken.is_empty()).then_some(("what was planned as known is otherwise after apply", broken))
            };
            let failure =
                failure.map(|(rule, places)| honesty::violation(plugin, subject.urn, rule, &places));
            record.object = Some(object);
            // An update leaves what is not a create half-way: a tainted object stays so until it is replaced.
            Settled::End(Some(Box::new(record)), failure)
        }
        CallEnd::Partial(object, failure) => {
            record.object = Some(subject.marked(object, planned));
            if update {
                // With the inputs it had, the next plan sees what is missing.
                if let Some(before) = before {
                    record.inputs = before.inputs.clone();
                }
            } else {
                record.tainted = Some(failure.to_string());
            }
            Settled::End(Some(Box::new(record)), Some(failure))
        }
        CallEnd::Deleted => {
            let failure = Failure::new(
                Disposition::Plugin,
                format!("the plugin `{plugin}` answered a create or update with `deleted`"),
            );
            if update {
                Settled::End(before.cloned().map(Box::new), Some(failure))
            } else {
                Settled::Open(failure)
            }
        }
        CallEnd::Failed { failure, under_way } => {
            // What went on for a while and then failed may have left something, unless that is the cloud's own answer.
            let ambiguous = (under_way && !failure.disposition.is_refusal())
                || failure.disposition.is_transient()
                || matches!(failure.disposition, Disposition::Plugin | Disposition::Cancelled);
            if ambiguous && !update {
                Settled::Open(failure)
            } else {
                Settled::End(before.cloned().map(Box::new), Some(failure))
            }
        }
    }
}
