//! `with name as value`, where `name` is a rule of the same package: the engine knows such rules by their whole path alone.

use crate::adaptation::Edit;
use crate::package::Module;
use crate::tokens::{Kind, of, statements};

/// Puts the path of its package before such a name.
pub(crate) fn changes(modules: &[Module<'_>], edits: &mut [Vec<Edit>]) {
    for (module, edits) in modules.iter().zip(edits) {
        let text = module.text;
        let imports: Vec<&str> = statements(&module.tokens)
            .filter(|statement| statement.first().is_some_and(|first| of(text, first) == "import"))
            .filter_map(|statement| Some(of(text, statement.last()?)))
            .collect();
        let is_rule = |name: &str| {
            let mut package = modules.iter().filter(|other| other.package == module.package);
            !imports.contains(&name) && package.any(|other| other.rules.contains(name))
        };
        for pair in module.tokens.windows(2) {
            let [with, name] = pair else { continue };
            let is_name = with.depth > 0 && of(text, with) == "with" && name.kind == Kind::Word;
            if is_name && is_rule(of(text, name)) {
                let start = name.range.start;
                edits.push((start..start, format!("data.{}.", module.package.join("."))));
            }
        }
    }
}
