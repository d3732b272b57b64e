//! What is recorded and no longer declared: it is deleted or forgotten, dependents first. Superseded objects of
//! earlier runs are deleted too.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use konductor_model::schema::TypeKind;
use konductor_model::{Diagnostic, Diagnostics, Urn};
use konductor_state::record::ResourceRecord;

use crate::desired::Providers;
use crate::error::EngineError;
use crate::graph::Graph;
use crate::plan::model::{Step, StepAction};
use crate::plan::selection::Selection;
use crate::plan::steps::Steps;
use crate::records::Records;

/// Adds the steps for records that `is_leftover` holds for, with the reason, and for superseded objects.
#[allow(clippy::too_many_arguments, reason = "each is another part of the plan")]
pub(crate) fn leftovers(
    records: &Records,
    is_leftover: impl Fn(&Urn) -> bool,
    why: impl Fn(&Urn) -> String,
    selection: &Selection,
    plugins: &dyn Providers,
    steps: &mut Steps,
    diagnostics: &mut Diagnostics,
) -> Result<(), EngineError> {
    // Mostly everything is declared, and then no record has to be read.
    if !records.any_deposed() && !records.urns().any(&is_leftover) {
        return Ok(());
    }
    let urns = records.in_order();
    let index: HashMap<&Urn, usize> = urns
        .iter()
        .enumerate()
        .map(|(index, urn)| (*urn, index))
        .collect();
    let mut edges = Vec::new();
    for record in records.iter() {
        if let Some(node) = index.get(&record.urn) {
            let needs = record.dependencies.iter().filter_map(|urn| index.get(urn));
            edges.extend(needs.map(|need| (*node, *need)));
        }
    }
    // Targeted runs can leave records whose dependencies go round; without an order they are taken as they come.
    let graph = Graph::from_edges(urns.len(), edges)
        .or_else(|_| Graph::from_edges(urns.len(), Vec::new()))
        .unwrap_or_default();
    // Whoever deletes an object deletes what depends on it first.
    let named = graph.with_dependents(
        urns.iter()
            .enumerate()
            .filter(|(_, urn)| selection.root(urn))
            .map(|(index, _)| index),
    );
    let kept = graph.with_dependencies(
        urns.iter()
            .enumerate()
            .filter(|(_, urn)| selection.excluded(urn))
            .map(|(index, _)| index),
    );
    let protected_reason = |record: &ResourceRecord| {
        Diagnostic::error(format!(
            "`{}` is protected and would be deleted",
            record.urn.name()
        ))
        .resource(record.urn.name())
        .detail(
            "it is recorded with `protect: true` and is no longer declared, or everything is to be destroyed",
        )
        .help("declare it with `protect: false` and apply that first, or leave it out with `--exclude`")
    };
    let mut missing_plugins = HashSet::new();
    for position in graph.order().iter().rev().copied() {
        let covered = named.get(position) == Some(&true) && kept.get(position) != Some(&true);
        let Some(urn) = urns.get(position).filter(|_| covered) else {
            continue;
        };
        let leftover = is_leftover(urn);
        if !leftover && !records.any_deposed() {
            continue;
        }
        let Some(record) = records.get(urn) else { continue };
        let record = &record;
        let forget = |reason: &str| StepAction::Forget {
            reason: reason.to_owned(),
        };
        let action = if !leftover {
            None
        } else if record.kind == TypeKind::Component {
            Some(forget("component"))
        } else if record.object.is_none() && record.deposed.is_empty() {
            Some(forget("gone"))
        } else if selection.removed(&record.urn) {
            Some(forget("removed"))
        } else if record.options.retain_on_delete {
            Some(forget("retain on delete"))
        } else if record.options.protect {
            diagnostics.push(protected_reason(record));
            continue;
        } else {
            Some(StepAction::Delete)
        };
        let retained = matches!(&action, Some(StepAction::Forget { .. }));
        let calls_provider = !retained && (leftover || !record.deposed.is_empty());
        if calls_provider
            && plugins.provider(&record.plugin.name).is_none()
            && missing_plugins.insert(record.plugin.name.clone())
        {
            diagnostics.push(
                Diagnostic::error(format!(
                    "the plugin `{}` is needed to delete `{}` and is not there",
                    record.plugin.name,
                    record.urn.name()
                ))
                .resource(record.urn.name())
                .help(format!(
                    "name `{}` under `plugins`, or drop the record with `konductor state remove`",
                    record.plugin.name
                )),
            );
        }
        if !retained {
            for deposed in &record.deposed {
                steps.push(&Step {
                    id: Some(deposed.object.id.clone()),
                    reasons: vec!["it was superseded by an earlier run".to_owned()],
                    ..step(
                        record,
                        StepAction::DeleteDeposed {
                            key: deposed.key.clone(),
                        },
                    )
                })?;
            }
        }
        if let Some(action) = action {
            steps.push(&Step {
                id: record.object.as_ref().map(|object| object.id.clone()),
                reasons: vec![why(&record.urn)],
                ..step(record, action)
            })?;
        }
    }
    Ok(())
}

fn step(record: &ResourceRecord, action: StepAction) -> Step {
    Step {
        urn: record.urn.clone(),
        kind: record.kind,
        action,
        reasons: Vec::new(),
        changes: Vec::new(),
        moved_from: None,
        id: None,
        plugin: record.plugin.clone(),
        parent: record.parent.clone(),
        dependencies: record.dependencies.clone(),
        declared: Arc::default(),
        outputs: Arc::default(),
        inputs: Arc::default(),
        planned: Arc::default(),
        private: Vec::new(),
        options: record.options.clone(),
        record_changes: false,
        origin: None,
    }
}
