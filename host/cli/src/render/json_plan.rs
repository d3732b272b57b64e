//! Plans and differences as events: everything a person is shown, with secrets masked.

use konductor_engine::plan::{Drift, OutputChange, PlannedChange};
use konductor_engine::{Difference, Plan, ResourceDifference, Step, StepAction};
use konductor_model::Value;
use konductor_model::value_json::{Secrets, to_json};
use serde_json::{Value as Json, json};

fn value(value: &Value) -> Json {
    to_json(value, Secrets::Masked)
}

/// Returns the members of a `plan` event.
pub fn plan_event(plan: &Plan) -> Json {
    let steps: Vec<Json> = plan
        .steps
        .iter()
        .filter(|step| step.action != StepAction::None)
        .map(|found| step(&found))
        .collect();
    let outputs: Vec<Json> = plan.output_changes.iter().map(output_change).collect();
    let moves: Vec<Json> = plan
        .moves
        .iter()
        .map(|(from, to)| json!({ "from": from, "to": to }))
        .collect();
    json!({
        "mode": plan.mode,
        "project": plan.project,
        "stack": plan.stack,
        "partial": plan.partial,
        "summary": plan.summary(),
        "moves": moves,
        "drift": plan.drift.iter().map(drift_event).collect::<Vec<_>>(),
        "steps": steps,
        "outputs": outputs,
    })
}

/// Returns the members of a `difference` event.
pub fn difference_event(difference: &Difference) -> Json {
    let resource = |found: &ResourceDifference| {
        json!({
            "urn": found.urn,
            "name": found.urn.name(),
            "type": found.urn.resource_type(),
            "renamed_from": found.renamed_from,
            "became": found.what,
            "old_id": found.old_id,
            "new_id": found.new_id,
            "changes": found.changes.iter().map(change).collect::<Vec<_>>(),
        })
    };
    json!({
        "resources": difference.resources.iter().map(resource).collect::<Vec<_>>(),
        "outputs": difference.outputs.iter().map(output_change).collect::<Vec<_>>(),
    })
}

fn output_change(change: &OutputChange) -> Json {
    json!({
        "name": change.name, "old": change.old.as_ref().map(value), "new": change.new.as_ref().map(value),
    })
}

/// Returns one object that differs from its record.
pub fn drift_event(drift: &Drift) -> Json {
    json!({
        "urn": drift.urn,
        "name": drift.urn.name(),
        "type": drift.urn.resource_type(),
        "gone": drift.object.is_none(),
        "changes": drift.changes.iter().map(change).collect::<Vec<_>>(),
    })
}

fn step(step: &Step) -> Json {
    json!({
        "urn": step.urn,
        "name": step.urn.name(),
        "type": step.urn.resource_type(),
        "action": step.action,
        "id": step.id,
        "reasons": step.reasons,
        "changes": step.changes.iter().map(change).collect::<Vec<_>>(),
    })
}

fn change(change: &PlannedChange) -> Json {
    json!({
        "path": change.at,
        "kind": change.kind,
        "requires_replacement": change.requires_replacement,
        "old": value(&change.old),
        "new": value(&change.new),
    })
}
