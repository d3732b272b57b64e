//! Plans: what would be done, and in which order objects are replaced.

mod changes;
pub(crate) mod context;
mod leftover;
mod model;
mod moves;
pub(crate) mod propagation;
mod recorded;
pub(crate) mod resource;
mod selection;
mod steps;

pub use changes::PlannedChange;
pub(crate) use leftover::leftovers;
pub(crate) use model::overlay;
pub use model::{Drift, OutputChange, Plan, PlanMode, Step, StepAction};
pub(crate) use recorded::Origins;
pub use recorded::as_it_was;
pub(crate) use selection::Selection;
pub use steps::Steps;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use konductor_model::provider::ObjectState;
use konductor_model::{Diagnostic, Diagnostics, Repetition, Urn, Value};
use konductor_state::Past;
use konductor_state::record::Snapshot;

use crate::desired::{Desired, Providers};
use crate::error::EngineError;
use crate::event::{Event, Observer};
use crate::expand::{Expanded, expand};
use crate::records::Recorded;
use crate::reference::{Attributes, ReferenceError, has_references, resolve};
use crate::walk::walk;
use context::{PlanContext, Planned};

/// What a plan is to cover.
#[derive(Debug, Clone, Default)]
pub struct PlanOptions {
    /// Only these, by name, and what they need; empty means everything. A component stands for its children.
    pub targets: Vec<String>,
    /// All but these and what needs them.
    pub excludes: Vec<String>,
    /// Replace these although nothing about them changes.
    pub replace: Vec<String>,
    /// Ask the provider twice and compare the answers.
    pub verify_determinism: bool,
    /// The digest of the configuration, kept in the plan for the caller.
    pub configuration_digest: String,
}

/// What should exist: declared, or recorded at another time.
pub(crate) enum Target {
    /// What is declared.
    Declared(Desired),
    /// What was recorded.
    Recorded {
        project: String,
        stack: String,
        past: Past,
    },
}

impl Target {
    fn mode(&self) -> PlanMode {
        match self {
            Self::Declared(_) => PlanMode::Apply,
            Self::Recorded { .. } => PlanMode::Rollback,
        }
    }
}

/// Plans from a state that was recovered and, unless the caller chose not to, refreshed. `drift` is what the
/// refresh found; it becomes part of the plan.
pub(crate) async fn plan(
    target: Target,
    recorded: Recorded,
    mut drift: Vec<Drift>,
    options: &PlanOptions,
    plugins: Arc<dyn Providers>,
    observer: &dyn Observer,
    parallelism: usize,
) -> Result<Plan, EngineError> {
    let mode = target.mode();
    let (mut expanded, mut diagnostics) = match target {
        Target::Declared(desired) => expand(desired, plugins.as_ref()).await,
        Target::Recorded { project, stack, past } => recorded::expand(project, stack, past, plugins.as_ref()),
    };
    if diagnostics.has_errors() {
        return Err(diagnostics.into());
    }
    observer.event(Event::PlanStarted {
        declared: expanded.nodes.len(),
    });
    let Recorded {
        rest:
            Snapshot {
                serial,
                head,
                outputs: old_outputs,
                ..
            },
        mut records,
        digest,
    } = recorded;
    overlay(&mut records, &drift)?;
    let moved = moves::find(&expanded, &records, &mut diagnostics);
    records.rename(&moved)?;
    let selected = selection::select(&expanded, &records, options, &mut diagnostics);
    if diagnostics.has_errors() {
        return Err(diagnostics.into());
    }

    let project = std::mem::take(&mut expanded.project);
    let stack = std::mem::take(&mut expanded.stack);
    let outputs = std::mem::take(&mut expanded.outputs);
    let read_by_outputs = outputs
        .values()
        .flat_map(|output| output.value.references())
        .map(|(_, reference)| reference.resource.clone())
        .collect();
    let context = Arc::new(PlanContext::new(
        expanded,
        records,
        plugins,
        &selected,
        &moved,
        options.verify_determinism,
        &read_by_outputs,
    ));
    let walked = context.clone();
    walk(&context.expanded.graph, parallelism, move |index| {
        let context = walked.clone();
        async move { context.plan_node(index).await }
    })
    .await?;
    let Planned {
        mut steps,
        diagnostics: found,
        rewritten,
    } = context.take_planned()?;
    diagnostics.extend(found);
    rewrite(&mut drift, &context, rewritten);

    leftovers(
        &context.records,
        |urn| context.declared(urn).is_none(),
        |urn| {
            why_leftover(&context.expanded, urn).unwrap_or_else(|| {
                match mode {
                    PlanMode::Rollback => "it was not there then",
                    PlanMode::Apply | PlanMode::Destroy => "it is no longer declared",
                }
                .to_owned()
            })
        },
        &selected,
        context.plugins.as_ref(),
        &mut steps,
        &mut diagnostics,
    )?;

    let outputs: BTreeMap<String, Value> = outputs
        .into_iter()
        .map(|(name, output)| {
            let (_, failed) = resolve(&output.value, &|reference| context.lookup(reference));
            for (reference, error) in failed {
                if error == ReferenceError::Missing {
                    diagnostics.push(
                        Diagnostic::error(format!("`${{{reference}}}` cannot be read: {error}"))
                            .resource(format!("output {name}"))
                            .origin(output.origin.clone()),
                    );
                }
            }
            (name, output.value)
        })
        .collect();
    // A run that leaves resources out leaves the outputs that read them as they are.
    let output_changes = output_changes(&context, &old_outputs, &outputs, !selected.partial);
    if diagnostics.has_errors() {
        return Err(diagnostics.into());
    }
    let plan = Plan {
        format: Plan::FORMAT,
        mode,
        project,
        stack,
        serial,
        head,
        state_digest: digest,
        configuration_digest: options.configuration_digest.clone(),
        partial: selected.partial,
        moves: moves::in_order(moved),
        drift,
        steps,
        outputs,
        output_changes,
        warnings: diagnostics,
    };
    observer.event(Event::PlanFinished {
        summary: plan.summary(),
    });
    Ok(plan)
}

/// Puts objects that the plugins of their nodes rewrote among what is recorded before anything is done.
fn rewrite(drift: &mut Vec<Drift>, context: &PlanContext, rewritten: Vec<(usize, ObjectState)>) {
    if rewritten.is_empty() {
        return;
    }
    let mut places: HashMap<Urn, usize> = drift
        .iter()
        .enumerate()
        .map(|(place, drift)| (drift.urn.clone(), place))
        .collect();
    for (index, object) in rewritten {
        let Some(node) = context.expanded.node(index) else {
            continue;
        };
        // What a refresh finds is recorded before a record gets its new name.
        let urn = context.moved.get(&node.urn).unwrap_or(&node.urn);
        let plugin = Some(node.plugin.as_ref().clone());
        match places.get(urn).and_then(|place| drift.get_mut(*place)) {
            Some(found) => {
                found.object = Some(object);
                found.plugin = plugin;
            }
            None => {
                places.insert(urn.clone(), drift.len());
                drift.push(Drift {
                    urn: urn.clone(),
                    object: Some(object),
                    changes: Vec::new(),
                    plugin,
                });
            }
        }
    }
}

/// Says why a record is no longer declared, where its name is known in another form.
fn why_leftover(expanded: &Expanded, urn: &Urn) -> Option<String> {
    let name = urn.name();
    if expanded.groups.contains_key(name) {
        return Some(format!(
            "`{name}` has instances now: `konductor state move {name} {name}/KEY` keeps the object as one of them"
        ));
    }
    let above = name.parent()?;
    if let Some(group) = expanded.groups.get(&above) {
        return Some(match group.repetition() {
            Repetition::Count(count) => format!("`{above}` has `count: {count}`"),
            Repetition::Each(_) => format!("its key is no longer in `for_each` of `{above}`"),
        });
    }
    let single = expanded
        .named(above.as_str())
        .and_then(|index| expanded.node(index))?;
    (single.urn.resource_type() == urn.resource_type()).then(|| {
        format!("`{above}` has no instances any more: `konductor state move {name} {above}` keeps the object")
    })
}

fn output_changes(
    context: &PlanContext,
    old: &BTreeMap<String, Value>,
    new: &BTreeMap<String, Value>,
    complete: bool,
) -> Vec<OutputChange> {
    let mut changes = Vec::new();
    for (name, value) in new {
        let (value, failed) = if has_references(value) {
            resolve(value, &|reference| context.lookup(reference))
        } else {
            (value.clone(), Vec::new())
        };
        if !failed.is_empty() && !complete {
            continue;
        }
        if old.get(name).is_none_or(|old| !old.same_as(&value)) {
            changes.push(OutputChange {
                name: name.clone(),
                old: old.get(name).cloned(),
                new: Some(value),
            });
        }
    }
    for (name, value) in old {
        if !new.contains_key(name) && complete {
            changes.push(OutputChange {
                name: name.clone(),
                old: Some(value.clone()),
                new: None,
            });
        }
    }
    changes
}

/// Returns the attributes of a record's object, for references to it.
pub(crate) fn recorded_attributes(
    record: &konductor_state::record::ResourceRecord,
) -> Option<Attributes<'_>> {
    record.object.as_ref().map(|object| Attributes {
        value: &object.attributes,
        id: Some(&object.id),
    })
}

/// Makes a destroy plan: everything recorded goes, dependents before what they depend on.
pub(crate) fn plan_destroy(
    project: &str,
    stack: &str,
    recorded: Recorded,
    drift: Vec<Drift>,
    options: &PlanOptions,
    plugins: &dyn Providers,
    observer: &dyn Observer,
) -> Result<Plan, EngineError> {
    let mut diagnostics = Diagnostics::default();
    let Recorded {
        rest: snapshot,
        mut records,
        digest,
    } = recorded;
    overlay(&mut records, &drift)?;
    let selected = selection::select(&Expanded::default(), &records, options, &mut diagnostics);
    let mut steps = Steps::default();
    leftovers(
        &records,
        |_| true,
        |_| "everything is to go".to_owned(),
        &selected,
        plugins,
        &mut steps,
        &mut diagnostics,
    )?;
    if diagnostics.has_errors() {
        return Err(diagnostics.into());
    }
    let output_changes = if selected.partial {
        Vec::new()
    } else {
        snapshot
            .outputs
            .into_iter()
            .map(|(name, value)| OutputChange {
                name,
                old: Some(value),
                new: None,
            })
            .collect()
    };
    let plan = Plan {
        format: Plan::FORMAT,
        mode: PlanMode::Destroy,
        project: project.to_owned(),
        stack: stack.to_owned(),
        serial: snapshot.serial,
        head: snapshot.head,
        state_digest: digest,
        configuration_digest: options.configuration_digest.clone(),
        partial: selected.partial,
        moves: Vec::new(),
        drift,
        steps,
        outputs: BTreeMap::new(),
        output_changes,
        warnings: diagnostics,
    };
    observer.event(Event::PlanFinished {
        summary: plan.summary(),
    });
    Ok(plan)
}
