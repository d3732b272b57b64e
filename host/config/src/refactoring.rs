//! `moved` and `removed`: what became of names that were declared before.

use konductor_model::{Diagnostic, Diagnostics, Path, ResourceName};

use crate::configuration::Configuration;
use crate::located::{Located, Node};
use crate::project::{LocatedText, expected, text};

/// Reads `moved: { OLD: NEW }`.
pub(crate) fn moved(value: &Located, diagnostics: &mut Diagnostics) -> Vec<(LocatedText, LocatedText)> {
    let at = Path::attribute("moved");
    let Some(map) = value.as_map() else {
        diagnostics.push(expected("a map of old names to new ones", value, &at));
        return Vec::new();
    };
    let mut found = Vec::new();
    for (old, entry) in map.iter().filter(|(_, entry)| !entry.is_removed()) {
        let Some(new) = text(entry, at.child(old), diagnostics) else {
            continue;
        };
        let old = LocatedText {
            text: old.clone(),
            origin: entry.key_or_value_origin().clone(),
        };
        if old.text == new.text {
            diagnostics.push(
                Diagnostic::error(format!("`{}` is moved to itself", new.text))
                    .origin(Some(new.origin.clone())),
            );
        } else if [&old, &new].map(|name| is_name(name, diagnostics)) == [true, true] {
            found.push((old, new));
        }
    }
    found
}

/// Reads `removed: [NAME, …]`.
pub(crate) fn removed(value: &Located, diagnostics: &mut Diagnostics) -> Vec<LocatedText> {
    let at = Path::attribute("removed");
    let Node::List(list) = &value.node else {
        diagnostics.push(expected("a list of names", value, &at));
        return Vec::new();
    };
    let mut found = Vec::new();
    for (index, entry) in list.iter().enumerate() {
        if let Some(name) = text(entry, at.element(index), diagnostics)
            && is_name(&name, diagnostics)
        {
            found.push(name);
        }
    }
    found
}

fn is_name(name: &LocatedText, diagnostics: &mut Diagnostics) -> bool {
    match name.text.parse::<ResourceName>() {
        Ok(_) => true,
        Err(error) => {
            diagnostics.push(Diagnostic::error(error.to_string()).origin(Some(name.origin.clone())));
            false
        }
    }
}

impl Configuration {
    /// Returns the names that were given up, each with the one that took its place: those of the project, then those
    /// of the stack.
    pub fn moved(&self) -> &[(LocatedText, LocatedText)] {
        &self.moved
    }

    /// Returns the names of what is to be forgotten without being deleted.
    pub fn removed(&self) -> &[LocatedText] {
        &self.removed
    }
}
