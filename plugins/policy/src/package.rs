//! What can be changed in a file only when the other files of its package are known.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::adaptation::{Edit, applied};
use crate::tokens::{Token, is_path, of, statements, tokens};
use crate::{bodies, references, replacements};

/// What came of the files of a package.
#[derive(Debug)]
pub(crate) struct Resolved<'f> {
    /// Their texts.
    pub(crate) texts: Vec<Cow<'f, str>>,
    /// Modules that stand beside them.
    pub(crate) modules: Vec<String>,
}

/// A file with what is declared in it.
pub(crate) struct Module<'f> {
    pub(crate) text: &'f str,
    pub(crate) tokens: Vec<Token>,
    pub(crate) package: Vec<&'f str>,
    pub(crate) rules: BTreeSet<&'f str>,
    pub(crate) functions: BTreeSet<&'f str>,
}

/// Returns the texts of a package as the engine reads them together.
pub(crate) fn resolved<'f>(mut texts: Vec<Cow<'f, str>>, data: &serde_json::Value) -> Resolved<'f> {
    let (edits, modules) = changes(&texts, data);
    for (text, edits) in texts.iter_mut().zip(edits) {
        if !edits.is_empty() {
            *text = Cow::Owned(applied(text, edits).into_owned());
        }
    }
    Resolved { texts, modules }
}

/// Returns what changes in each text, and the modules that are needed for it.
fn changes(texts: &[Cow<'_, str>], data: &serde_json::Value) -> (Vec<Vec<Edit>>, Vec<String>) {
    let modules: Option<Vec<Module<'_>>> = texts.iter().map(|text| module(text)).collect();
    // What is below a name is not known where one package has a name that is not read here.
    let Some(modules) = modules else {
        return (Vec::new(), Vec::new());
    };
    let mut edits = vec![Vec::new(); modules.len()];
    let beside = references::changes(&modules, data, &mut edits);
    bodies::changes(&modules, &mut edits);
    replacements::changes(&modules, &mut edits);
    (edits, beside)
}

/// Reads what a file declares; none where its package has another form than names with dots.
fn module(text: &str) -> Option<Module<'_>> {
    let tokens = tokens(text);
    let mut module = Module {
        text,
        tokens: Vec::new(),
        package: Vec::new(),
        rules: BTreeSet::new(),
        functions: BTreeSet::new(),
    };
    for statement in statements(&tokens) {
        let mut words = statement.iter().map(|token| of(text, token));
        match words.next()? {
            "package" => {
                let path = statement.get(1..)?;
                let line = path.iter().position(|token| token.first).unwrap_or(path.len());
                let path = path.get(..line)?;
                is_path(text, path).then_some(())?;
                module.package = path.iter().step_by(2).map(|token| of(text, token)).collect();
            }
            "import" => {}
            "default" => {
                module.rules.extend(words.next());
            }
            name if words.next() == Some("(") => {
                module.functions.insert(name);
            }
            name => {
                module.rules.insert(name);
            }
        }
    }
    (!module.package.is_empty()).then_some(())?;
    module.tokens = tokens;
    Some(module)
}
