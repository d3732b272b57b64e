//! `[x | y.z; …]`: where a condition fails and no loop is around it, the bytecode leaves the comprehension and holds it for open,
//! and the next condition that fails leads it back there, without end.
//!
//! A loop of one round stands before the conditions.

use crate::adaptation::Edit;
use crate::tokens::{Kind, Token, of};

/// Finds the conditions of comprehensions.
pub(crate) fn changes(text: &str, tokens: &[Token]) -> Vec<Edit> {
    let mut edits = Vec::new();
    for (index, open) in tokens.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| tokens.get(before));
        let holds_values = match of(text, open) {
            "[" => {
                before.is_none_or(|before| before.range.end < open.range.start || before.kind != Kind::Word)
            }
            // After anything else a body begins.
            "{" => before.is_some_and(|before| {
                ["in", "as", "not"].contains(&of(text, before))
                    || matches!(before.kind, Kind::Open | Kind::Other)
            }),
            _ => false,
        };
        let inner = tokens.get(index + 1..).unwrap_or_default();
        let within: Vec<&Token> = inner
            .iter()
            .take_while(|token| token.depth > open.depth)
            .filter(|token| token.depth == open.depth + 1)
            .collect();
        let signs: Vec<&str> = within.iter().map(|token| of(text, token)).collect();
        let Some(bar) = signs.iter().position(|sign| *sign == "|") else {
            continue;
        };
        let (term, conditions) = signs.split_at(bar);
        // Members of an object, of which one is a union.
        let is_member = |pair: &[&str]| matches!(pair, [":", next] if *next != "=");
        let members = term.contains(&",") || conditions.windows(2).any(is_member);
        let bar = within.get(bar).filter(|_| !members);
        if let (true, Some(bar)) = (holds_values, bar) {
            edits.push((bar.range.end..bar.range.end, " [0][_] == 0;".to_owned()));
        }
    }
    edits
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
    fn conditions_of_a_comprehension_are_in_a_loop() {
        assert_eq!(
            adapted("p {\n  x := [y | y.z; {1 | y}]\n  f({a: b |\n    b := x[_]})\n}\n"),
            "p {\n  x := [y | [0][_] == 0; y.z; {1 | [0][_] == 0; y}]\n  f({a: b | [0][_] == 0;\n    b := x[_]})\n}\n"
        );
    }

    #[test]
    fn what_is_united_is_no_comprehension() {
        for text in [
            "p { x := a | b }\n",
            "p[a | b] { true }\n",
            "p if {\n  x := a | b\n}\n",
            "x := f(a | b)\n",
            "x := {\"a\": y, \"b\": c | d}\n",
            "x := {\"b\": c | d, \"a\": y}\n",
            "p { every x in y { z == a | b } }\n",
        ] {
            assert_eq!(adapted(text), text);
        }
    }
}
