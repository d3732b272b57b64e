//! `not f(x.y)`, where `x.y` is undefined: OPA does not go on, and the engine takes it for true.
//!
//! OPA takes arguments of calls, and what is compared by anything but `==`, out of a negation: `a := x.y; not f(a)`. The same is
//! asked for here before it.

use crate::adaptation::Edit;
use crate::tokens::{Kind, Token, is_path, of};

/// Finds what has to be defined for a negation.
pub(crate) fn changes(text: &str, tokens: &[Token]) -> Vec<Edit> {
    let mut edits = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| tokens.get(before));
        let begins = token.first || before.is_some_and(|before| ["{", "|", ";"].contains(&of(text, before)));
        if of(text, token) != "not" || token.depth == 0 || !begins {
            continue;
        }
        let negated = negated(text, tokens.get(index + 1..).unwrap_or_default(), token.depth);
        let needed = negated.map(|negated| needed(text, negated)).unwrap_or_default();
        // The bytecode goes on after `x := y` where `y` is undefined.
        let needed: String = needed
            .iter()
            .map(|term| format!("type_name({term}) != \"\"; "))
            .collect();
        if !needed.is_empty() {
            edits.push((token.range.start..token.range.start, needed));
        }
    }
    edits
}

/// Returns the tokens of what is negated; none where it has `with`, more than one line, a comprehension or a `_` in it.
fn negated<'t>(text: &str, rest: &'t [Token], depth: usize) -> Option<&'t [Token]> {
    let ends = |token: &Token| {
        token.first || token.depth < depth || (token.depth == depth && of(text, token) == ";")
    };
    let (end, last) = rest.iter().enumerate().find(|(_, token)| ends(token))?;
    let negated = rest.get(..end)?;
    let goes_on = last.depth > depth
        || ["with", "("].contains(&of(text, last))
        || last.kind == Kind::Other && of(text, last) != ";";
    let is_plain = !negated
        .iter()
        .any(|token| ["with", "|", "_", "{"].contains(&of(text, token)));
    let open = negated
        .last()
        .is_some_and(|last| last.kind == Kind::Other || last.kind == Kind::Open);
    (is_plain && !goes_on && !open).then_some(negated)
}

/// Returns the terms that have to be defined.
fn needed<'f>(text: &'f str, negated: &[Token]) -> Vec<&'f str> {
    let Some(depth) = negated.first().map(|first| first.depth) else {
        return Vec::new();
    };
    let mut terms = Vec::new();
    let is_outer = |token: &Token| token.depth == depth;
    let comparison = negated
        .iter()
        .position(|token| is_outer(token) && [">", "<", "!", "in", "="].contains(&of(text, token)));
    if let Some(at) = comparison {
        let second = negated.get(at + 1).is_some_and(|next| of(text, next) == "=");
        let is_equality = negated.get(at).is_some_and(|sign| of(text, sign) == "=");
        let sides = [
            negated.get(..at).unwrap_or_default(),
            negated.get(at + 1 + usize::from(second)..).unwrap_or_default(),
        ];
        let is_computed = |side: &[Token]| {
            side.iter()
                .any(|token| is_outer(token) && ["+", "-", "*", "/", "%"].contains(&of(text, token)))
        };
        for side in sides {
            if !is_equality || is_computed(side) {
                terms.push(side);
            }
        }
    }
    let mut at = 0;
    while let Some(open) = negated.get(at) {
        let name = at.checked_sub(1).and_then(|before| negated.get(before));
        let is_call = name.is_some_and(|name| name.kind == Kind::Word && name.range.end == open.range.start);
        let rest = negated.get(at + 1..).unwrap_or_default();
        let close = rest.iter().position(|token| token.depth == open.depth);
        at += 1;
        if let (true, "(", Some(close)) = (is_call, of(text, open), close) {
            let arguments = rest.get(..close).unwrap_or_default();
            terms.extend(arguments.split(|token| token.depth == open.depth + 1 && of(text, token) == ","));
            at += close;
        } else if let (true, "[", Some(close)) = (is_call, of(text, open), close) {
            let key = rest.get(..close).unwrap_or_default();
            terms.extend((is_path(text, key) && key.len() > 1).then_some(key));
        }
    }
    let is_constant = |term: &[Token]| match term {
        [] => true,
        [one] => {
            one.kind == Kind::Text
                || of(text, one).starts_with(|first: char| first.is_ascii_digit())
                || ["true", "false", "null"].contains(&of(text, one))
        }
        _ => false,
    };
    let mut found: Vec<&str> = Vec::new();
    for term in terms.into_iter().filter(|term| !is_constant(term)) {
        if let (Some(first), Some(last)) = (term.first(), term.last())
            && let Some(term) = text.get(first.range.start..last.range.end)
            && !found.contains(&term)
        {
            found.push(term);
        }
    }
    found
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
    fn what_a_negation_needs_is_asked_for_before_it() {
        assert_eq!(
            adapted(
                "p {\n  not f(x.y, 1, g(z))\n  not x.y > 3; not \"a\" in x.l\n  not count(x.l) == x.n\n  not x.y + 1 == 2\n  not m[x.y]\n}\n"
            ),
            "p {\n  type_name(x.y) != \"\"; type_name(g(z)) != \"\"; not f(x.y, 1, g(z))\n  type_name(x.y) != \"\"; not x.y > 3; type_name(x.l) != \"\"; not \"a\" in x.l\n  type_name(x.l) != \"\"; not count(x.l) == x.n\n  type_name(x.y + 1) != \"\"; not x.y + 1 == 2\n  type_name(x.y) != \"\"; not m[x.y]\n}\n"
        );
    }

    #[test]
    fn what_a_negation_may_do_without_is_not_asked_for() {
        for text in [
            "p { not x.y }\n",
            "p { not x.y == 3 }\n",
            "p { not x.y == x.z }\n",
            "p { not f(1, \"a\", true) }\n",
            "p { not f(x.y) with input as z }\n",
            "p { not f([x | x := l[_]]) }\n",
            "p {\n  not f(\n    x.y)\n}\n",
            "not = f(x.y)\n",
        ] {
            assert_eq!(adapted(text), text);
        }
    }
}
