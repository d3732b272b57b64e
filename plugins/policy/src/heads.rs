//! Heads of rules and functions that OPA reads in another way than the engine.
//!
//! - `allowed[{"name": "a"}]` without a body, in the older language: it has the body `{ true }`. The engine takes several of them
//!   for values of one rule that differ.
//! - `limit := limits[key] if { key := … }`: the value is looked up at the end of the body. The engine looks up every key.
//! - `accepts("any", _)`: the engine does not call it with an argument that is undefined. Where a function does not look at an
//!   argument in one body, the argument is a list of none or one everywhere.

use konductor_sdk_compliance::model::policy::RegoVersion;

use crate::adaptation::Edit;
use crate::tokens::{Kind, Token, is_path, of, statements};

/// Finds such heads.
pub(crate) fn changes(text: &str, tokens: &[Token], rego: RegoVersion) -> Vec<Edit> {
    let mut edits = Vec::new();
    for statement in statements(tokens) {
        if rego == RegoVersion::V0 {
            edits.extend(constant(text, statement));
        }
        edits.extend(looked_up(text, statement).unwrap_or_default());
    }
    edits.extend(not_looked_at(text, tokens));
    edits
}

/// Finds `name[{…}]` without a body.
fn constant(text: &str, statement: &[Token]) -> Option<Edit> {
    let outer: Vec<&str> = statement
        .iter()
        .filter(|token| token.depth == 0)
        .map(|token| of(text, token))
        .collect();
    let is_object = statement.get(2).is_some_and(|value| of(text, value) == "{");
    let end = statement.last()?.range.end;
    (is_object && matches!(outer.as_slice(), [_, "[", "]"])).then(|| (end..end, " { true }".to_owned()))
}

/// Finds `… := path[key] {` with `key := …` in the body.
fn looked_up(text: &str, statement: &[Token]) -> Option<Vec<Edit>> {
    let at = |index: usize| statement.get(index).map_or("", |token| of(text, token));
    let open = statement.windows(2).position(|pair| match pair {
        [before, open] => open.depth == 0 && of(text, open) == "{" && ["if", "]"].contains(&of(text, before)),
        _ => false,
    })? + 1;
    let end = if at(open - 1) == "if" {
        open.checked_sub(2)?
    } else {
        open.checked_sub(1)?
    };
    let sign = statement
        .get(..end)?
        .iter()
        .position(|token| token.depth == 0 && of(text, token) == "=")?;
    let value = statement.get(sign + 1..=end)?;
    let [path @ .., bracket, key, close] = value else {
        return None;
    };
    let is_lookup =
        is_path(text, path) && of(text, bracket) == "[" && key.kind == Kind::Word && of(text, close) == "]";
    let body = statement.get(open + 1..)?;
    let body = body.get(..body.iter().position(|token| token.depth == 0)?)?;
    let is_declared = body.windows(3).any(|part| {
        matches!(part, [name, colon, sign] if name.depth == 1
            && [of(text, name), of(text, colon), of(text, sign)] == [of(text, key), ":", "="])
    });
    let (first, last) = (value.first()?, body.last()?);
    let lookup = text.get(first.range.start..close.range.end)?;
    (is_lookup && is_declared).then(|| {
        vec![
            (first.range.start..close.range.end, "looked_up__value".to_owned()),
            (
                last.range.end..last.range.end,
                format!("; looked_up__value := {lookup}"),
            ),
        ]
    })
}

/// A call or a head of a function: its arguments.
struct Call<'t> {
    name: &'t str,
    is_head: bool,
    arguments: Vec<&'t [Token]>,
}

fn calls<'t>(text: &'t str, tokens: &'t [Token]) -> Vec<Call<'t>> {
    let mut calls = Vec::new();
    for (index, pair) in tokens.windows(2).enumerate() {
        let [name, open] = pair else { continue };
        let is_part = index.checked_sub(1).and_then(|before| tokens.get(before));
        let is_part = is_part.is_some_and(|before| of(text, before) == ".");
        let rest = tokens.get(index + 2..).unwrap_or_default();
        let close = rest.iter().position(|token| token.depth == open.depth);
        if let (Kind::Word, "(", false, Some(close)) = (name.kind, of(text, open), is_part, close) {
            let arguments = rest.get(..close).unwrap_or_default();
            calls.push(Call {
                name: of(text, name),
                is_head: name.first && name.depth == 0,
                arguments: arguments
                    .split(|token| token.depth == open.depth + 1 && of(text, token) == ",")
                    .collect(),
            });
        }
    }
    calls
}

/// Finds functions of this file that do not look at an argument in one body and name it in another.
fn not_looked_at(text: &str, tokens: &[Token]) -> Vec<Edit> {
    let calls = calls(text, tokens);
    let word = |argument: &&[Token]| match argument {
        [word] if word.kind == Kind::Word => of(text, word),
        _ => "",
    };
    let mut edits = Vec::new();
    let mut names: Vec<&str> = calls
        .iter()
        .filter(|call| call.is_head)
        .map(|call| call.name)
        .collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let (heads, uses): (Vec<&Call>, Vec<&Call>) = calls
            .iter()
            .filter(|call| call.name == name)
            .partition(|call| call.is_head);
        let count = heads.first().map_or(0, |head| head.arguments.len());
        let mentions = tokens.iter().filter(|token| of(text, token) == name).count();
        let is_known = heads
            .iter()
            .chain(&uses)
            .all(|call| call.arguments.len() == count);
        // What is called from elsewhere, or replaced with `with`, stays.
        if !is_known || mentions != heads.len() + uses.len() || uses.is_empty() {
            continue;
        }
        for position in 0..count {
            let argument = |call: &&&Call| call.arguments.get(position).map(word).unwrap_or_default();
            let ignores = heads.iter().any(|head| argument(&head) == "_");
            let is_word = heads.iter().all(|head| !argument(&head).is_empty());
            let at = |call: &Call| {
                let tokens = call.arguments.get(position)?;
                Some((tokens.first()?.range.start, tokens.last()?.range.end))
            };
            let is_local = |call: &&Call| {
                let path = call
                    .arguments
                    .get(position)
                    .filter(|tokens| is_path(text, tokens) && tokens.len() > 1);
                path.and_then(|path| path.first())
                    .is_some_and(|head| !["input", "data"].contains(&of(text, head)))
            };
            if !ignores || !is_word || !uses.iter().any(is_local) {
                continue;
            }
            for call in heads.iter().filter(|head| argument(head) != "_").chain(&uses) {
                let Some((start, end)) = at(call) else { continue };
                let before = if !call.is_head && is_local(call) {
                    "[each__argument | each__argument := "
                } else {
                    "["
                };
                edits.push((start..start, before.to_owned()));
                edits.push((end..end, "]".to_owned()));
            }
        }
    }
    edits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adaptation::applied;
    use crate::tokens::tokens;

    fn old(text: &str) -> String {
        applied(text, changes(text, &tokens(text), RegoVersion::V0)).into_owned()
    }

    #[test]
    fn an_element_of_a_set_without_a_body_has_one() {
        assert_eq!(
            old("package a\nw[{\"x\": 1}]\n\nw[{\"x\": 2}] # two\n"),
            "package a\nw[{\"x\": 1}] { true }\n\nw[{\"x\": 2}] { true } # two\n"
        );
        for text in [
            "package a\nw[{\"x\": 1}] { input }\n",
            "package a\nw[x] = 1 { x := 2 }\nw[\"a\"]\n",
        ] {
            assert_eq!(old(text), text);
        }
    }

    #[test]
    fn a_value_that_is_looked_up_by_what_the_body_says_is_looked_up_in_the_body() {
        assert_eq!(
            old(
                "package a\np := l.m[k] if {\n  k := max(c) # the last\n} else := 3\nf(x) = m[k] { k := x }\n"
            ),
            "package a\np := looked_up__value if {\n  k := max(c); looked_up__value := l.m[k] # the last\n} else := 3\nf(x) = looked_up__value { k := x; looked_up__value := m[k] }\n"
        );
        for text in [
            "package a\np := m[k] if { l[k] }\n",
            "package a\nf(k) := m[k] if { x := k }\n",
            "package a\np := m[0] if { k := 0 }\n",
        ] {
            assert_eq!(old(text), text);
        }
    }

    #[test]
    fn an_argument_that_a_body_does_not_look_at_may_be_undefined() {
        assert_eq!(
            old(
                "package a\nf(\"any\", _)\nf(\"in\", x) { x > 1 }\np { f(q.kind, q.x) }\nr { f(input.kind, input.x) }\n"
            ),
            "package a\nf(\"any\", _)\nf(\"in\", [x]) { x > 1 }\np { f(q.kind, [each__argument | each__argument := q.x]) }\nr { f(input.kind, [input.x]) }\n"
        );
        for text in [
            // All of them are looked at, or none is a member of a variable.
            "package a\nf(x, y) { x > y }\np { f(q.x, q.y) }\n",
            "package a\nf(1, _)\nf(2, x) { x }\np { f(1, y) }\n",
            // Somebody else may call it, or replace it.
            "package a\nf(1, _)\nf(2, x) { x }\np { f(1, q.y) with f as g }\n",
        ] {
            assert_eq!(old(text), text);
        }
    }
}
