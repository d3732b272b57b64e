//! Records that are taken over under another name.

use std::collections::HashMap;
use std::sync::Arc;

use konductor_model::{Diagnostic, Diagnostics, Repetition, Urn};
use konductor_state::record::ResourceRecord;

use crate::expand::{Expanded, Node};

type Records = HashMap<Urn, Arc<ResourceRecord>>;

/// Returns the old and the new identity of every record that an alias leads to.
pub(crate) fn find(expanded: &Expanded, records: &Records, diagnostics: &mut Diagnostics) -> Vec<(Urn, Urn)> {
    let mut found: Vec<(Urn, Urn)> = Vec::new();
    let mut taken: HashMap<Urn, &Node> = HashMap::new();
    for node in &expanded.nodes {
        if records.contains_key(&node.urn) {
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
            (same_type && !declared && records.contains_key(&urn)).then_some(urn)
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
    (expanded.named(urn.name().as_str()).is_none() && records.contains_key(&urn)).then_some(urn)
}

/// Renames records, also where others name them.
pub(crate) fn rename(records: &mut Records, moves: &[(Urn, Urn)]) {
    if moves.is_empty() {
        return;
    }
    let names: HashMap<&Urn, &Urn> = moves.iter().map(|(from, to)| (from, to)).collect();
    let old: Vec<(Urn, Arc<ResourceRecord>)> = records.drain().collect();
    for (urn, mut record) in old {
        let affected = names.contains_key(&urn)
            || record
                .parent
                .as_ref()
                .is_some_and(|parent| names.contains_key(parent))
            || record.dependencies.iter().any(|urn| names.contains_key(urn));
        if affected {
            let record = Arc::make_mut(&mut record);
            let places = std::iter::once(&mut record.urn)
                .chain(record.parent.as_mut())
                .chain(&mut record.dependencies);
            for place in places {
                if let Some(new) = names.get(&*place) {
                    *place = (*new).clone();
                }
            }
        }
        records.insert(record.urn.clone(), record);
    }
}

/// Puts moves into an order in which no new name is taken when its turn comes.
pub(crate) fn in_order(mut moves: Vec<(Urn, Urn)>) -> Vec<(Urn, Urn)> {
    let mut ordered = Vec::with_capacity(moves.len());
    while !moves.is_empty() {
        let (blocked, free): (Vec<_>, Vec<_>) = moves
            .iter()
            .cloned()
            .partition(|(_, to)| moves.iter().any(|(from, _)| from == to));
        if free.is_empty() {
            ordered.extend(blocked);
            break;
        }
        ordered.extend(free);
        moves = blocked;
    }
    ordered
}
