//! `moved` and `removed`: what became of names that were declared before.

use std::sync::Arc;

use konductor_model::{Diagnostic, Diagnostics};

use crate::desired::Name;
use crate::node::Expanded;
use crate::reference::suggestion;

/// Lets what is declared take over the names it had before, and keeps the names of what is to be forgotten.
pub(crate) fn refactor(
    result: &mut Expanded,
    moved: Vec<(Name, Name)>,
    removed: Vec<Name>,
    diagnostics: &mut Diagnostics,
) {
    for (old, new) in moved {
        let found = result.named(&new.name);
        match found.and_then(|index| result.nodes.get_mut(index)) {
            Some(node) => Arc::make_mut(&mut node.options).aliases.push(old.name),
            None => {
                let known = result.known_names();
                diagnostics.push(
                    Diagnostic::error(format!(
                        "`{}` is moved to `{}`, which is not declared",
                        old.name, new.name
                    ))
                    .help(suggestion(&new.name, known, "name something of this stack"))
                    .origin(new.origin),
                );
            }
        }
    }
    for gone in removed {
        let declared = result.all_named(&gone.name).map(|nodes| nodes.start);
        if let Some(node) = declared.and_then(|index| result.nodes.get(index)) {
            let mut diagnostic = Diagnostic::error(format!("`{}` is removed and declared", gone.name))
                .help("take one of the two away")
                .origin(gone.origin);
            if let Some(origin) = node.origin() {
                diagnostic = diagnostic.related(origin.clone(), "declared here");
            }
            diagnostics.push(diagnostic);
        }
        result.removed.insert(gone.name);
    }
}
