//! `with input as {"limit": data.shared.limit}`: what is given is asked for before.
//!
//! The engine evaluates `data.shared.limit` while it replaces `input`, forgets the value, and holds the rule for evaluated: within
//! the statement it is undefined.

use crate::adaptation::Edit;
use crate::tokens::{Token, of};

/// Finds paths below `data` in what `with` puts in the place of `input`.
pub(crate) fn changes(text: &str, tokens: &[Token]) -> Vec<Edit> {
    let mut edits = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let (before, rest) = tokens.split_at(index);
        let is_input = before
            .iter()
            .rev()
            .take(6)
            .map(|token| of(text, token))
            .skip_while(|word| *word != "input")
            .nth(1);
        let statement = before
            .iter()
            .rfind(|token| token.first && of(text, token) != "with");
        let Some(statement) = statement.filter(|statement| statement.depth == token.depth) else {
            continue;
        };
        if of(text, token) != "as" || token.depth == 0 || is_input != Some("with") {
            continue;
        }
        let ends = |next: &Token| {
            next.depth < token.depth
                || (next.depth == token.depth && (of(text, next) == "with" || of(text, next) == ";"))
        };
        let end = rest
            .iter()
            .skip(1)
            .position(|next| ends(next) || (next.first && next.depth == token.depth));
        let value = rest
            .get(1..end.map_or(rest.len(), |end| end + 1))
            .unwrap_or_default();
        for (at, path) in paths(text, value) {
            let variable = format!("given__{}", index + 1 + at);
            let start = statement.range.start;
            let named = text.get(path.clone()).unwrap_or_default();
            edits.push((start..start, format!("{variable} := {named}; ")));
            edits.push((path, variable));
        }
    }
    edits
}

/// Finds `data.name.name` that no bracket follows.
fn paths(text: &str, value: &[Token]) -> Vec<(usize, std::ops::Range<usize>)> {
    let at = |index: usize| value.get(index).map_or("", |token| of(text, token));
    let mut found = Vec::new();
    for (index, token) in value.iter().enumerate() {
        if at(index) != "data" || index.checked_sub(1).is_some_and(|before| at(before) == ".") {
            continue;
        }
        let mut end = index;
        while at(end + 1) == "." {
            end += 2;
        }
        if let Some(last) = value.get(end)
            && end > index
            && !["(", "["].contains(&at(end + 1))
        {
            found.push((index, token.range.start..last.range.end));
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
    fn what_is_given_is_asked_for_before() {
        assert_eq!(
            adapted(
                "test_a {\n  p with input as f({\n    \"a\": data.b.c,\n  }) with input.d as data.e.f\n  q\n}\n"
            ),
            "test_a {\n  given__11 := data.b.c; p with input as f({\n    \"a\": given__11,\n  }) with input.d as data.e.f\n  q\n}\n"
        );
    }

    #[test]
    fn what_is_called_or_looked_up_is_not_taken_out_of_what_is_given() {
        for text in [
            "test_a {\n  p with input as data.b.c(1)\n}\n",
            "test_a {\n  p with input as data.b[_]\n}\n",
            "test_a {\n  p with data.b.f as data.b.g\n}\n",
            "test_a {\n  p with input as {\"a\": 1}\n  q == data.b.c\n}\n",
        ] {
            assert_eq!(adapted(text), text);
        }
    }
}
