//! `x := y.z`, where `y.z` is undefined: OPA does not go on, and the bytecode of the engine does until it needs `x`, which it
//! does not where nothing or a negation asks for it.
//!
//! `type_name(x) != ""` behind it asks.

use crate::adaptation::Edit;
use crate::tokens::{Kind, Token, of};

/// Words after which, or before which, an expression goes on in another line.
const JOINING: [&str; 4] = ["with", "as", "in", "not"];

/// Finds what is put into variables and may be undefined.
pub(crate) fn changes(text: &str, tokens: &[Token]) -> Vec<Edit> {
    let mut edits = Vec::new();
    for (index, part) in tokens.windows(3).enumerate() {
        let [variable, colon, equal] = part else { continue };
        let before = index.checked_sub(1).and_then(|before| tokens.get(before));
        let begins =
            variable.first || before.is_some_and(|before| ["{", "|", ";"].contains(&of(text, before)));
        let name = of(text, variable);
        if !begins
            || variable.depth == 0
            || variable.kind != Kind::Word
            || name == "_"
            || of(text, colon) != ":"
            || of(text, equal) != "="
        {
            continue;
        }
        let value = value(text, tokens.get(index + 3..).unwrap_or_default(), variable.depth);
        if let Some(last) = value.last().filter(|_| !is_constant(text, value)) {
            edits.push((
                last.range.end..last.range.end,
                format!("; type_name({name}) != \"\""),
            ));
        }
    }
    edits
}

/// Returns the tokens up to the end of an expression.
fn value<'t>(text: &str, rest: &'t [Token], depth: usize) -> &'t [Token] {
    let goes_on = |token: &Token| token.kind == Kind::Other || JOINING.contains(&of(text, token));
    let mut before = None;
    let end = rest.iter().position(|token| {
        let line_ends = token.first
            && (of(text, token) == "not" || !goes_on(token))
            && before.is_some_and(|before| !goes_on(before));
        before = Some(token);
        token.depth < depth
            || (token.depth == depth && token.kind != Kind::Close && (of(text, token) == ";" || line_ends))
    });
    rest.get(..end.unwrap_or_default()).unwrap_or_default()
}

/// Tells whether an expression is a text, a number or a truth value.
fn is_constant(text: &str, value: &[Token]) -> bool {
    match value {
        [one] => {
            one.kind == Kind::Text
                || of(text, one).starts_with(|first: char| first.is_ascii_digit())
                || ["true", "false", "null"].contains(&of(text, one))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adaptation::applied;
    use crate::tokens::tokens;

    fn adapted(text: &str) -> String {
        applied(text, changes(text, &tokens(text))).into_owned()
    }

    #[test]
    fn what_is_put_into_a_variable_is_asked_for() {
        assert_eq!(
            adapted(
                "p {\n  x := y.z # it\n  not x.a; b := f(x,\n    1)\n  c := x +\n    y\n    with input as z\n  d := [e | e := x[_]]\n  [g]\n}\n"
            ),
            "p {\n  x := y.z; type_name(x) != \"\" # it\n  not x.a; b := f(x,\n    1); type_name(b) != \"\"\n  c := x +\n    y\n    with input as z; type_name(c) != \"\"\n  d := [e | e := x[_]; type_name(e) != \"\"]; type_name(d) != \"\"\n  [g]\n}\n"
        );
    }

    #[test]
    fn what_is_always_defined_is_not_asked_for() {
        for text in [
            "x := y.z\n",
            "p { x := \"a\"; y := 1; z := true }\n",
            "p { _ := x.y }\n",
            "p { x == y.z; x = y.z; [a] := y.z; some x in y.z }\n",
            "p := {\"a\": y.z, \"b\": z.y}\n",
        ] {
            assert_eq!(adapted(text), text);
        }
    }
}
