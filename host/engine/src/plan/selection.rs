//! What a run covers: targets, excludes and forced replacements.

use std::collections::HashSet;

use konductor_model::{Diagnostic, Diagnostics, Urn};

use crate::expand::Expanded;
use crate::plan::PlanOptions;
use crate::records::Records;
use crate::reference::suggestion;

/// What a run covers.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    /// For each declared node, whether it is covered.
    pub(crate) nodes: Vec<bool>,
    /// For each declared node, whether it is to be replaced whatever changes.
    pub(crate) replace: Vec<bool>,
    /// Something is left out.
    pub(crate) partial: bool,
    targets: HashSet<String>,
    excludes: HashSet<String>,
    removed: HashSet<String>,
}

impl Selection {
    /// Covers the nodes that are marked, and replaces none.
    pub(crate) fn of_nodes(nodes: Vec<bool>) -> Self {
        Self {
            replace: vec![false; nodes.len()],
            nodes,
            partial: true,
            ..Self::default()
        }
    }

    /// Tells whether records that are no longer declared are covered: those named, or all when nothing is.
    pub(crate) fn root(&self, urn: &Urn) -> bool {
        self.targets.is_empty() || contains(&self.targets, urn)
    }

    /// Tells whether a record is to be forgotten and not deleted.
    pub(crate) fn removed(&self, urn: &Urn) -> bool {
        contains(&self.removed, urn)
    }

    /// Tells whether a record is left out by name.
    pub(crate) fn excluded(&self, urn: &Urn) -> bool {
        contains(&self.excludes, urn)
    }
}

/// Tells whether a resource or a component it stands in is named.
fn contains(names: &HashSet<String>, urn: &Urn) -> bool {
    if names.is_empty() {
        return false;
    }
    let mut here = Some(urn.name().clone());
    while let Some(name) = here {
        if names.contains(name.as_str()) {
            return true;
        }
        here = name.parent();
    }
    false
}

/// Works out what is covered. Names that nothing has are errors.
pub(crate) fn select(
    expanded: &Expanded,
    records: &Records,
    options: &PlanOptions,
    diagnostics: &mut Diagnostics,
) -> Selection {
    let length = expanded.nodes.len();
    let recorded: HashSet<&str> = if options.targets.is_empty() && options.excludes.is_empty() {
        HashSet::new()
    } else {
        records.urns().map(|urn| urn.name().as_str()).collect()
    };
    let mut find = |names: &[String], option: &str| -> Vec<usize> {
        let mut found = Vec::new();
        for name in names {
            match expanded.all_named(name) {
                Some(nodes) => found.extend(nodes),
                None if option != "replace" && recorded.contains(name.as_str()) => {}
                None => {
                    let known = expanded.known_names().chain(recorded.iter().copied());
                    diagnostics.push(
                        Diagnostic::error(format!("`--{option} {name}` names nothing in this stack")).help(
                            suggestion(name, known, "`konductor state list` shows what is there"),
                        ),
                    );
                }
            }
        }
        found
    };
    let targets = find(&options.targets, "target");
    let excludes = find(&options.excludes, "exclude");
    let forced = find(&options.replace, "replace");
    let mut nodes = if options.targets.is_empty() {
        vec![true; length]
    } else {
        // Children of a component are what it depends on, so a target component brings them.
        expanded.graph.with_dependencies(targets)
    };
    if !options.excludes.is_empty() {
        let excluded: HashSet<String> = options.excludes.iter().cloned().collect();
        let below = expanded
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| contains(&excluded, &node.urn))
            .map(|(index, _)| index);
        let left_out = expanded.graph.with_dependents(below.chain(excludes));
        for (node, left_out) in nodes.iter_mut().zip(left_out) {
            *node &= !left_out;
        }
    }
    let mut replace = vec![false; length];
    let whole: HashSet<String> = forced
        .into_iter()
        .filter_map(|index| Some(expanded.node(index)?.urn.name().to_string()))
        .collect();
    if !whole.is_empty() {
        for (node, slot) in expanded.nodes.iter().zip(&mut replace) {
            *slot = contains(&whole, &node.urn);
        }
    }
    Selection {
        partial: !options.targets.is_empty() || !options.excludes.is_empty(),
        nodes,
        replace,
        targets: options.targets.iter().cloned().collect(),
        excludes: options.excludes.iter().cloned().collect(),
        removed: expanded.removed.clone(),
    }
}
