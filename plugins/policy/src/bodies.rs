//! Functions whose bodies are in several files of a package.
//!
//! The engine looks for the arguments of each body in the file of the first. The bodies of every other file have a name of their
//! own then, and the first file ends with a body that calls them.

use std::collections::BTreeMap;

use crate::adaptation::Edit;
use crate::engine::OWN_PACKAGE;
use crate::package::Module;
use crate::tokens::{Kind, of, statements};

/// Renames such bodies.
pub(crate) fn changes(modules: &[Module<'_>], edits: &mut [Vec<Edit>]) {
    let mut first: BTreeMap<(&[&str], &str), usize> = BTreeMap::new();
    for (index, module) in modules.iter().enumerate() {
        for name in &module.functions {
            let home = *first.entry((&module.package, name)).or_insert(index);
            let Some((renamed, arguments)) = (home != index).then(|| renamed(module, name, index)).flatten()
            else {
                continue;
            };
            let (Some((_, other)), Some(text)) = (renamed.first(), modules.get(home).map(|home| home.text))
            else {
                continue;
            };
            let arguments: Vec<String> = (1..=arguments)
                .map(|number| format!("argument_{number}"))
                .collect();
            let arguments = arguments.join(", ");
            let call = format!("\n{name}({arguments}) = {other}({arguments})\n");
            if let Some(edits) = edits.get_mut(home) {
                edits.push((text.len()..text.len(), call));
            }
            if let Some(edits) = edits.get_mut(index) {
                edits.extend(renamed);
            }
        }
    }
}

/// Returns the changes of the heads of a function in one file, and how many arguments it has.
fn renamed(module: &Module<'_>, name: &str, index: usize) -> Option<(Vec<Edit>, usize)> {
    let mut edits = Vec::new();
    let mut arguments = 0;
    for statement in statements(&module.tokens) {
        let [head, open, rest @ ..] = statement else {
            continue;
        };
        if of(module.text, head) != name || of(module.text, open) != "(" {
            continue;
        }
        let close = rest
            .iter()
            .position(|token| token.kind == Kind::Close && token.depth == open.depth)?;
        let commas = rest.get(..close)?.iter();
        let commas = commas.filter(|token| token.depth == open.depth + 1 && of(module.text, token) == ",");
        arguments = if close == 0 { 0 } else { commas.count() + 1 };
        edits.push((head.range.clone(), format!("{OWN_PACKAGE}_{index}_{name}")));
    }
    (arguments > 0).then_some((edits, arguments))
}
