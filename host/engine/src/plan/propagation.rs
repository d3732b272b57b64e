//! Whose old object must go before the new one comes, because of what it depends on.
//!
//! A replaced object whose dependency is deleted before it is replaced must itself be deleted first: its old
//! object stands on one that goes. This runs along dependencies, through components.

use std::collections::HashMap;

use konductor_model::{Diagnostics, Urn};

use crate::plan::context::{PlanContext, ReplacementOrder};
use crate::plan::model::{Step, StepAction};

/// Turns the order of replacement round where a dependency demands it. `position` gives the step of each node.
pub(crate) fn propagate(
    context: &PlanContext,
    position: &[Option<usize>],
    steps: &mut [Step],
    diagnostics: &mut Diagnostics,
) {
    let nodes = &context.expanded.nodes;
    let graph = &context.expanded.graph;
    let index_of: HashMap<&Urn, usize> = nodes
        .iter()
        .enumerate()
        .map(|(index, node)| (&node.urn, index))
        .collect();
    // For each node, the resource that is deleted first and that this one stands on, or is.
    let mut cause: Vec<Option<usize>> = vec![None; nodes.len()];
    for index in graph.order().iter().copied() {
        let Some(node) = nodes.get(index) else {
            continue;
        };
        let recorded = context
            .records
            .get(&node.urn)
            .map(|record| record.dependencies.as_slice())
            .unwrap_or_default();
        let above = graph
            .dependencies(index)
            .iter()
            .copied()
            .chain(recorded.iter().filter_map(|urn| index_of.get(urn).copied()))
            .find_map(|need| cause.get(need).copied().flatten());
        let step = position
            .get(index)
            .copied()
            .flatten()
            .and_then(|position| steps.get_mut(position));
        let own = match step {
            Some(Step {
                action: StepAction::Replace { delete_before },
                reasons,
                ..
            }) => {
                if let Some(above) = above
                    && !*delete_before
                {
                    let name = nodes
                        .get(above)
                        .map(|node| node.urn.name().to_string())
                        .unwrap_or_default();
                    let order = context
                        .planned
                        .get(index)
                        .and_then(std::sync::OnceLock::get)
                        .map(|planned| planned.order);
                    if order == Some(ReplacementOrder::CreateFirst) {
                        diagnostics.push(
                            konductor_model::Diagnostic::error(format!(
                                "`{}` insists on creating first, and `{name}`, which it depends on, is deleted first",
                                node.urn.name()
                            ))
                            .resource(node.urn.name())
                            .origin(node.origin().cloned())
                            .help(format!(
                                "take `delete_before_replace: false` away from `{}`, or give it to `{name}` too",
                                node.urn.name()
                            )),
                        );
                    }
                    *delete_before = true;
                    reasons.push(format!("it is deleted first because `{name}` is"));
                }
                (*delete_before).then_some(index)
            }
            // A component is no object: what stands on it stands on its children.
            _ if node.kind == konductor_model::schema::TypeKind::Component => above,
            _ => None,
        };
        if let Some(slot) = cause.get_mut(index) {
            *slot = own;
        }
    }
}
