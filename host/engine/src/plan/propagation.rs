//! Whose old object must go before the new one comes, because of what it depends on.
//!
//! A replaced object whose dependency is deleted before it is replaced must itself be deleted first: its old
//! object stands on one that goes. This runs along dependencies, through components, in the order of the graph: a node
//! is looked at when everything it depends on has been.

use konductor_model::Diagnostic;
use konductor_model::schema::TypeKind;

use crate::plan::context::{PlanContext, ReplacementOrder};
use crate::plan::model::{Step, StepAction};

/// For each node that stands on one that is deleted first, or is one: that one.
#[derive(Debug, Default)]
pub(crate) struct Propagation {
    causes: std::collections::HashMap<usize, usize>,
}

impl Propagation {
    /// Turns the order of replacement of a node round where a dependency demands it.
    pub(crate) fn look_at(
        &mut self,
        context: &PlanContext,
        index: usize,
        step: Option<&mut Step>,
        order: ReplacementOrder,
    ) -> Option<Diagnostic> {
        let node = context.expanded.nodes.get(index)?;
        let above = self.above(context, index);
        let mut insists = None;
        let own = match step {
            Some(Step {
                action: StepAction::Replace { delete_before },
                reasons,
                ..
            }) => {
                if let Some(above) = above
                    && !*delete_before
                {
                    let name = context
                        .expanded
                        .nodes
                        .get(above)
                        .map(|node| node.urn.name().to_string())
                        .unwrap_or_default();
                    if order == ReplacementOrder::CreateFirst {
                        insists = Some(
                            Diagnostic::error(format!(
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
            _ if node.kind == TypeKind::Component => above,
            _ => None,
        };
        if let Some(own) = own {
            self.causes.insert(index, own);
        }
        insists
    }

    /// Returns the one that is deleted first among what a node depends on, by declaration or by its record.
    fn above(&self, context: &PlanContext, index: usize) -> Option<usize> {
        // Mostly nothing is deleted first, and then no record has to be read.
        if self.causes.is_empty() {
            return None;
        }
        let cause = |need: usize| self.causes.get(&need).copied();
        let declared = context
            .expanded
            .graph
            .dependencies(index)
            .iter()
            .copied()
            .find_map(cause);
        declared.or_else(|| {
            let urn = &context.expanded.nodes.get(index)?.urn;
            context
                .records
                .get(urn)?
                .dependencies
                .iter()
                .filter_map(|need| context.declared(need))
                .find_map(cause)
        })
    }
}
