//! Records that are taken over under another name.

use std::collections::{HashMap, HashSet};

use konductor_model::{Diagnostic, Diagnostics, Repetition, Urn};

use crate::expand::{Expanded, Node};
use crate::graph::Graph;
use crate::records::Records;

/// Returns the old and the new identity of every record that an alias leads to.
pub(crate) fn find(expanded: &Expanded, records: &Records, diagnostics: &mut Diagnostics) -> Vec<(Urn, Urn)> {
    let mut found: Vec<(Urn, Urn)> = Vec::new();
    let mut taken: HashMap<Urn, &Node> = HashMap::new();
    for node in &expanded.nodes {
        if records.contains(&node.urn) {
            continue;
        }
        let old = node.options.aliases.iter().find_map(|alias| {
            let urn: Urn = if alias.starts_with("urn:") {
                alias.parse().ok()?
            } else {
                node.urn.with_name(alias.parse().ok()?)
            };
            let same_type = urn.resource_type() == node.urn.resource_type();
            let declared = expanded
                .named(urn.name().as_str())
                .and_then(|index| expanded.node(index))
                .is_some_and(|other| other.urn == urn && other.options.aliases.is_empty());
            (same_type && !declared && records.contains(&urn)).then_some(urn)
        });
        let old = old.or_else(|| before_or_after_count(expanded, records, node));
        let Some(old) = old else { continue };
        if let Some(other) = taken.insert(old.clone(), node) {
            let mut diagnostic = Diagnostic::error(format!(
                "`{}` and `{}` both take over what was `{}`",
                other.urn.name(),
                node.urn.name(),
                old.name()
            ))
            .resource(node.urn.name())
            .origin(node.origin().cloned())
            .help("take the alias away from one of them");
            if let Some(origin) = other.origin() {
                diagnostic = diagnostic.related(origin.clone(), "the other one");
            }
            diagnostics.push(diagnostic);
        }
        found.push((old, node.urn.clone()));
    }
    found
}

/// Returns the record of a resource from when it had no `count`, or still had one: the first instance and the one that
/// was alone are the same object.
fn before_or_after_count(expanded: &Expanded, records: &Records, node: &Node) -> Option<Urn> {
    if records.is_empty() {
        return None;
    }
    let other = match node.instance() {
        Some((0, Repetition::Count(_))) => node.urn.name().parent()?,
        Some(_) => return None,
        None if node.parent.is_none() => node.urn.name().child("0").ok()?,
        None => return None,
    };
    let urn = node.urn.with_name(other);
    (expanded.named(urn.name().as_str()).is_none() && records.contains(&urn)).then_some(urn)
}

/// Puts moves into an order in which no new name is taken when its turn comes. Names that change places come last.
pub(crate) fn in_order(moves: Vec<(Urn, Urn)>) -> Vec<(Urn, Urn)> {
    // A move waits for the one that takes its new name away.
    let away: HashMap<&Urn, usize> = moves
        .iter()
        .enumerate()
        .map(|(at, (from, _))| (from, at))
        .collect();
    let waits: Vec<Vec<usize>> = moves
        .iter()
        .map(|(_, to)| away.get(to).copied().into_iter().collect())
        .collect();
    let order = match Graph::new(waits.clone()) {
        Ok(graph) => graph.order().to_vec(),
        Err(cycles) => {
            let round: HashSet<usize> = cycles.into_iter().flatten().collect();
            let open = waits
                .into_iter()
                .enumerate()
                .map(|(at, waits)| if round.contains(&at) { Vec::new() } else { waits })
                .collect();
            let order = Graph::new(open)
                .map(|graph| graph.order().to_vec())
                .unwrap_or_default();
            let (last, first): (Vec<_>, Vec<_>) = order.into_iter().partition(|at| round.contains(at));
            first.into_iter().chain(last).collect()
        }
    };
    order
        .into_iter()
        .filter_map(|at| moves.get(at).cloned())
        .collect()
}
