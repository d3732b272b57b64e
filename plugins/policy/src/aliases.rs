//! References to what is imported: `lib.limit` of `import data.shared.lib`.
//!
//! OPA evaluates `data.shared.lib.limit`. The engine evaluates all that is in and below `data.shared.lib`, and knows by the whole
//! path alone how many arguments a function has, and so that one more is a variable for its result. The path stands there then.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::adaptation::applied;
use crate::tokens::{Token, is_path, of, statements, tokens};

/// Returns the text with whole paths instead of aliases.
pub(crate) fn by_path(text: &str) -> Cow<'_, str> {
    if !text.contains("import") {
        return Cow::Borrowed(text);
    }
    let tokens = tokens(text);
    let aliases = aliases(text, &tokens);
    if aliases.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut edits = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let Some(alias) = aliases.get(of(text, token)) else {
            continue;
        };
        let before = index.checked_sub(1).and_then(|before| tokens.get(before));
        let is_package = before.is_some_and(|before| of(text, before) == "package");
        if is_package || !leads_on(text, &tokens, index) {
            continue;
        }
        let is_call = token.first && tokens.get(index + 3).is_some_and(|open| of(text, open) == "(");
        if is_call || !alias.is_variable {
            edits.push((token.range.clone(), alias.path.to_owned()));
        }
    }
    applied(text, edits)
}

/// What is imported.
struct Alias<'f> {
    path: &'f str,
    /// Whether something else may be called the same.
    is_variable: bool,
}

fn aliases<'f>(text: &'f str, tokens: &[Token]) -> BTreeMap<&'f str, Alias<'f>> {
    let mut aliases = BTreeMap::new();
    let mut imports = Vec::new();
    for statement in statements(tokens)
        .filter(|statement| statement.first().map(|token| of(text, token)) == Some("import"))
    {
        let [_, rest @ ..] = statement else { continue };
        imports.extend(statement.iter().map(|token| token.range.start));
        let length = rest.iter().position(|token| of(text, token) == "as");
        let path = rest.get(..length.unwrap_or(rest.len())).unwrap_or_default();
        if is_path(text, path)
            && let (Some(from), Some(to), Some(alias)) = (path.first(), path.last(), rest.last())
            && path.len() > 1
            && of(text, from) == "data"
        {
            let path = text.get(from.range.start..to.range.end).unwrap_or_default();
            let is_variable = false;
            aliases.insert(of(text, alias), Alias { path, is_variable });
        }
    }
    for (index, token) in tokens.iter().enumerate() {
        let is =
            |index: usize, expected: &str| tokens.get(index).is_some_and(|token| of(text, token) == expected);
        let is_part = index > 0 && is(index - 1, ".");
        let is_key = is(index + 1, ":") && !is(index + 2, "=");
        if let Some(alias) = aliases.get_mut(of(text, token))
            && !is_part
            && !is_key
            && !leads_on(text, tokens, index)
            && !imports.contains(&token.range.start)
        {
            alias.is_variable = true;
        }
    }
    aliases
}

/// Tells whether a name is the beginning of a path, `name.member` or `name[member]`.
fn leads_on(text: &str, tokens: &[Token], index: usize) -> bool {
    let is_part = index
        .checked_sub(1)
        .and_then(|before| tokens.get(before))
        .is_some_and(|before| of(text, before) == ".");
    match (tokens.get(index), tokens.get(index + 1)) {
        (Some(token), Some(next)) => {
            !is_part && token.range.end == next.range.start && [".", "["].contains(&of(text, next))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_imported_is_named_by_its_whole_path() {
        let text = "package d.x\nimport data.c.lib as l\nimport data.d\np {\n  l.get(input, x)\n  y := l.z.d.e with d.f as {l: d[l.x]}\n}\n";
        assert_eq!(
            by_path(text),
            "package d.x\nimport data.c.lib as l\nimport data.d\np {\n  data.c.lib.get(input, x)\n  y := data.c.lib.z.d.e with data.d.f as {l: data.d[data.c.lib.x]}\n}\n"
        );
    }

    #[test]
    fn what_may_be_a_variable_is_not_taken_for_what_is_imported() {
        for text in [
            "package a\nimport data.l\nf(l) { l.x }\n",
            "package a\nimport data.l\np { some l; l.x }\n",
            "package a\nimport data.l\np { l := input; l.x }\n",
            "package a\nimport input.l\np { l.x }\n",
            "package a\nimport data.l\np { input.l.x }\n",
        ] {
            assert_eq!(by_path(text), text);
        }
        assert_eq!(
            by_path("package a\nimport data.l\np {\n  l.get(input, x)\n  l := x.l\n  y = l.z\n}\n"),
            "package a\nimport data.l\np {\n  data.l.get(input, x)\n  l := x.l\n  y = l.z\n}\n"
        );
    }
}
