//! Forms of Rego that OPA reads and the engine does not, written in a way that it does. Lines stay where they are.
//!
//! - `import` after a rule: moved behind `package`.
//! - A line that begins with `(` is no call of what the line before ends with: a `;` stands between.
//! - `x = set[x]`: `set[x]` stands before it, which says what `x` can be.
//! - A variable that is declared with `some` and called like a rule has another name.
//! - `… with input.x as each[_]`: a variable takes each before.
//! - `object.subset` is the function of [`crate::functions`].
//! - `[path, value] = walk(x)` is `walk(x, [path, value])`.
//! - The operations of `json.patch` go through a function of [`crate::functions`].
//! - `deny[x] { … } { … }`, in the older language: the head is repeated before the second body.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use konductor_sdk_compliance::model::policy::RegoVersion;

use crate::tokens::{Kind, Token, begins, is_path, is_too_deep, of, statements, tokens};
use crate::{assignments, comprehensions, formats, givens, heads, negations};

/// What `object.subset` is called here.
pub(crate) const OWN_SUBSET: &str = "konductor_subset";
/// What looks at the operations of `json.patch`.
pub(crate) const PATCH_OPERATIONS: &str = "konductor_patch_operations";
/// Words after which an expression goes on.
const OPEN_ENDED: [&str; 11] = [
    "not", "in", "if", "some", "with", "as", "contains", "else", "every", "default", "import",
];

/// Returns the text as the engine reads it.
pub(crate) fn adapted(text: &str, rego: RegoVersion) -> Cow<'_, str> {
    let tokens = tokens(text);
    if is_too_deep(&tokens) {
        return Cow::Borrowed(text);
    }
    let mut edits = late_imports(text, &tokens);
    edits.extend(lines_that_are_no_calls(text, &tokens));
    edits.extend(tried_one_by_one(text, &tokens));
    edits.extend(own_subset(text, &tokens));
    edits.extend(walked(text, &tokens));
    edits.extend(patched(text, &tokens));
    edits.extend(looked_up_by_themselves(text, &tokens));
    edits.extend(variables_called_like_rules(text, &tokens));
    edits.extend(heads::changes(text, &tokens, rego));
    edits.extend(formats::changes(text, &tokens));
    edits.extend(negations::changes(text, &tokens));
    edits.extend(assignments::changes(text, &tokens));
    edits.extend(comprehensions::changes(text, &tokens));
    edits.extend(givens::changes(text, &tokens));
    if rego == RegoVersion::V0 {
        edits.extend(repeated_heads(text, &tokens));
    }
    applied(text, edits)
}

/// Returns a text with changes in it; as it is where two of them meet.
pub(crate) fn applied(text: &str, mut edits: Vec<Edit>) -> Cow<'_, str> {
    if edits.is_empty() {
        return Cow::Borrowed(text);
    }
    // What is put before something stands before what replaces it.
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    let overlap = |pair: &[Edit]| matches!(pair, [before, next] if before.0.end > next.0.start);
    if edits.windows(2).any(overlap) {
        // Nothing of a policy may be lost: the engine says what it does not read.
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for (range, replacement) in edits {
        out.push_str(text.get(done..range.start).unwrap_or_default());
        out.push_str(&replacement);
        done = range.end;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(out)
}

/// What stands in a place instead of what is there.
pub(crate) type Edit = (Range<usize>, String);

fn late_imports(text: &str, tokens: &[Token]) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut head = None;
    let mut rules = false;
    let mut moved = String::new();
    for (index, token) in tokens.iter().enumerate().filter(|(_, token)| begins(token)) {
        let line = tokens.get(index + 1..).unwrap_or_default();
        let line = line.iter().take_while(|token| !token.first);
        let end = line.last().map_or(token.range.end, |last| last.range.end);
        match of(text, token) {
            "package" => head = Some(end),
            "import" if rules => {
                let statement = token.range.start..end;
                moved.push(' ');
                moved.push_str(text.get(statement.clone()).unwrap_or_default());
                edits.push((statement, String::new()));
            }
            "import" => {}
            _ => rules = true,
        }
    }
    if let (Some(head), false) = (head, moved.is_empty()) {
        edits.push((head..head, moved));
    }
    edits
}

fn lines_that_are_no_calls(text: &str, tokens: &[Token]) -> Vec<Edit> {
    let ends_a_term = |token: &Token| match token.kind {
        Kind::Word => !OPEN_ENDED.contains(&of(text, token)),
        Kind::Text => true,
        Kind::Close => of(text, token) != "}",
        Kind::Open | Kind::Other => false,
    };
    tokens
        .windows(2)
        .filter_map(|pair| match pair {
            [before, token] => {
                (token.first && token.depth > 0 && of(text, token) == "(" && ends_a_term(before))
                    .then(|| (token.range.start..token.range.start, ";".to_owned()))
            }
            _ => None,
        })
        .collect()
}

fn repeated_heads(text: &str, tokens: &[Token]) -> Vec<Edit> {
    let mut edits = Vec::new();
    for statement in statements(tokens) {
        let outer: Vec<&Token> = statement.iter().filter(|token| token.depth == 0).collect();
        let mut head: Option<String> = None;
        for pair in outer.windows(2) {
            let [before, token] = pair else { continue };
            match (of(text, before), of(text, token), &head) {
                (_, "else", _) => break,
                // A value: `x = {1, 2}`.
                ("=", "{", _) => {}
                ("}", "{", Some(head)) => {
                    edits.push((token.range.start..token.range.start, format!("{head} ")));
                }
                (_, "{", None) => head = head_before(text, statement, token.range.start),
                _ => {}
            }
        }
    }
    edits
}

/// Finds `… with input.x as each[_]`: what is tried is put into a variable before.
fn tried_one_by_one(text: &str, tokens: &[Token]) -> Vec<Edit> {
    let mut edits = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        if of(text, token) != "as" || token.depth == 0 {
            continue;
        }
        let rest = tokens.get(index + 1..).unwrap_or_default();
        let Some(open) = rest.iter().position(|token| token.kind == Kind::Open) else {
            continue;
        };
        let is_name = is_path(text, rest.get(..open).unwrap_or_default());
        let texts: Vec<&str> = rest
            .iter()
            .skip(open)
            .take(3)
            .map(|token| of(text, token))
            .collect();
        let before = tokens.get(..index).unwrap_or_default();
        let statement = before
            .iter()
            .rfind(|token| token.first && of(text, token) != "with");
        if let (true, ["[", "_", "]"], Some(from), Some(to), Some(statement)) = (
            is_name,
            texts.as_slice(),
            rest.first(),
            rest.get(open + 2),
            statement.filter(|statement| statement.depth == token.depth),
        ) {
            let value = from.range.start..to.range.end;
            let variable = format!("each__{index}");
            let each = text.get(value.clone()).unwrap_or_default();
            let start = statement.range.start;
            edits.push((start..start, format!("{variable} := {each}; ")));
            edits.push((value, variable));
        }
    }
    edits
}

/// The engine panics when asked whether an empty list is in another one.
fn own_subset(text: &str, tokens: &[Token]) -> Vec<Edit> {
    tokens
        .windows(4)
        .filter_map(|part| match part {
            [object, dot, subset, open] => {
                let is_call = of(text, object) == "object"
                    && of(text, dot) == "."
                    && of(text, subset) == "subset"
                    && of(text, open) == "(";
                is_call.then(|| (object.range.start..subset.range.end, OWN_SUBSET.to_owned()))
            }
            _ => None,
        })
        .collect()
}

/// Finds the operations of `json.patch`. The engine takes away or moves a whole document, where OPA is undefined.
fn patched(text: &str, tokens: &[Token]) -> Vec<Edit> {
    let mut edits = Vec::new();
    for (index, call) in tokens.windows(4).enumerate() {
        let [json, dot, patch, open] = call else { continue };
        if [json, dot, patch, open].map(|token| of(text, token)) != ["json", ".", "patch", "("] {
            continue;
        }
        let arguments = tokens.get(index + 4..).unwrap_or_default();
        let close = arguments
            .iter()
            .position(|token| token.kind == Kind::Close && token.depth == open.depth);
        let Some((arguments, close)) = close.and_then(|at| Some((arguments.get(..at)?, arguments.get(at)?)))
        else {
            continue;
        };
        let is_comma = |token: &&Token| token.depth == open.depth + 1 && of(text, token) == ",";
        if let Some(comma) = arguments.iter().find(is_comma) {
            let (after, before) = (comma.range.end, close.range.start);
            edits.push((after..after, format!(" {PATCH_OPERATIONS}(")));
            edits.push((before..before, ")".to_owned()));
        }
    }
    edits
}

/// Finds `[path, value] = walk(x)`: of a call with one argument the engine knows no result.
fn walked(text: &str, tokens: &[Token]) -> Vec<Edit> {
    let mut edits = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let found = (of(text, token) == "walk").then(|| walk_of(text, tokens, index));
        let Some(Some((pattern, close))) = found else {
            continue;
        };
        let (Some(first), Some(last)) = (pattern.first(), pattern.last()) else {
            continue;
        };
        let shape = text.get(first.range.start..last.range.end).unwrap_or_default();
        let before = text.get(first.range.start..token.range.start).unwrap_or_default();
        if before.contains('\n') {
            continue;
        }
        let names: Vec<&str> = pattern
            .iter()
            .filter(|token| token.kind == Kind::Word)
            .map(|token| of(text, token))
            .filter(|name| *name != "_")
            .collect();
        // What is declared by `:=` hides what is called the same elsewhere.
        let declared = match (before.contains(":="), names.is_empty()) {
            (true, false) => format!("some {}; ", names.join(", ")),
            _ => String::new(),
        };
        edits.push((first.range.start..token.range.start, declared));
        edits.push((close.range.start..close.range.start, format!(", {shape}")));
    }
    edits
}

/// Returns what the result of a call of `walk` is held against, and the bracket that ends the call.
fn walk_of<'t>(text: &str, tokens: &'t [Token], index: usize) -> Option<(&'t [Token], &'t Token)> {
    let at = |index: usize| tokens.get(index);
    let is = |index: usize, expected: &str| at(index).is_some_and(|token| of(text, token) == expected);
    let open = at(index + 1).filter(|open| of(text, open) == "(")?;
    let sign = index.checked_sub(1).filter(|sign| is(*sign, "="))?;
    let sign = sign.checked_sub(1).filter(|sign| is(*sign, ":")).unwrap_or(sign);
    let last = sign.checked_sub(1)?;
    let first = match at(last)? {
        end if of(text, end) == "]" => tokens
            .get(..last)?
            .iter()
            .rposition(|token| token.kind == Kind::Open && token.depth == end.depth)?,
        end if end.kind == Kind::Word => last,
        _ => return None,
    };
    let begins = at(first)?.first
        || first
            .checked_sub(1)
            .is_some_and(|before| ["{", "|", ";"].iter().any(|sign| is(before, sign)));
    let close = index
        + tokens
            .get(index..)?
            .iter()
            .position(|token| token.kind == Kind::Close && token.depth == open.depth)?;
    let one = !tokens
        .get(index..close)?
        .iter()
        .any(|token| token.depth == open.depth + 1 && of(text, token) == ",");
    let ends =
        at(close + 1).is_none_or(|next| next.first || next.kind == Kind::Close || of(text, next) == ";");
    let pattern = tokens.get(first..=last)?;
    (begins && one && ends).then_some(())?;
    Some((pattern, at(close)?))
}

/// Returns the head of a rule on one line; none where a comment is in it.
fn head_before(text: &str, statement: &[Token], body: usize) -> Option<String> {
    let parts = statement.iter().take_while(|token| token.range.start < body);
    let start = statement.first()?.range.start;
    let written: usize = parts.map(|token| token.range.len()).sum();
    let head = text.get(start..body)?;
    let spaces = head.chars().filter(|character| character.is_whitespace()).count();
    (written + spaces == head.len()).then(|| head.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Finds `x = set[x]`.
fn looked_up_by_themselves(text: &str, tokens: &[Token]) -> Vec<Edit> {
    let mut edits = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        if token.kind != Kind::Word || token.depth == 0 || index == 0 {
            continue;
        }
        let rest = tokens.get(index + 1..).unwrap_or_default();
        let Some(open) = rest.iter().position(|token| token.kind == Kind::Open) else {
            continue;
        };
        let named = rest.get(1..open).unwrap_or_default();
        let is_name = is_path(text, named);
        let begins = token.first
            || tokens
                .get(index - 1)
                .is_some_and(|before| of(text, before) == ";");
        let texts: Vec<&str> = rest
            .iter()
            .skip(open)
            .take(3)
            .map(|token| of(text, token))
            .collect();
        if begins
            && is_name
            && rest.first().is_some_and(|sign| of(text, sign) == "=")
            && texts == ["[", of(text, token), "]"]
            && rest
                .get(open + 3)
                .is_some_and(|next| next.first || next.kind == Kind::Close)
            && let (Some(from), Some(to)) = (named.first(), rest.get(open + 2))
        {
            let lookup = text.get(from.range.start..to.range.end).unwrap_or_default();
            edits.push((token.range.start..token.range.start, format!("{lookup}; ")));
        }
    }
    edits
}

/// Finds variables, declared with `some`, that have the name of a rule.
fn variables_called_like_rules(text: &str, tokens: &[Token]) -> Vec<Edit> {
    let rules: BTreeSet<&str> = tokens
        .iter()
        .filter(|token| begins(token))
        .map(|token| of(text, token))
        .collect();
    let mut edits: Vec<Edit> = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let name = of(text, token);
        let declared = index.checked_sub(1).and_then(|index| tokens.get(index));
        let declared = declared.is_some_and(|before| of(text, before) == "some");
        if !declared || !rules.contains(name) {
            continue;
        }
        let within = comprehension(text, tokens, index).or_else(|| body(text, tokens, index, name));
        let Some(within) = within else {
            continue;
        };
        for at in within {
            let (Some(part), Some(before)) =
                (tokens.get(at), at.checked_sub(1).and_then(|at| tokens.get(at)))
            else {
                continue;
            };
            let key = tokens.get(at + 1).is_some_and(|next| of(text, next) == ":")
                && tokens.get(at + 2).is_none_or(|next| of(text, next) != "=");
            if of(text, part) == name && of(text, before) != "." && !key {
                let edit = (part.range.end..part.range.end, "__variable".to_owned());
                if !edits.contains(&edit) {
                    edits.push(edit);
                }
            }
        }
    }
    edits
}

/// Returns the tokens of the comprehension in which one stands, if that is what is around it.
fn comprehension(text: &str, tokens: &[Token], index: usize) -> Option<Range<usize>> {
    let depth = tokens.get(index)?.depth;
    let open = tokens
        .get(..index)?
        .iter()
        .rposition(|token| token.kind == Kind::Open && token.depth + 1 == depth)?;
    let close = index
        + tokens
            .get(index..)?
            .iter()
            .position(|token| token.kind == Kind::Close && token.depth + 1 == depth)?;
    let bar = tokens
        .get(open..index)?
        .iter()
        .any(|token| token.depth == depth && of(text, token) == "|");
    bar.then_some(open + 1..close)
}

/// Returns the tokens of the body of a rule in which one stands, where the rule's head does not name it.
fn body(text: &str, tokens: &[Token], index: usize, name: &str) -> Option<Range<usize>> {
    let before = tokens.get(..index)?;
    let open = before
        .iter()
        .rposition(|token| token.depth == 0 && token.kind == Kind::Open && of(text, token) == "{")?;
    let begin = before.get(..open)?.iter().rposition(begins)?;
    let mut head = before.get(begin + 1..open)?.iter();
    let close = index
        + tokens
            .get(index..)?
            .iter()
            .position(|token| token.kind == Kind::Close && token.depth == 0)?;
    (!head.any(|token| of(text, token) == name)).then_some(open + 1..close)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn old(text: &str) -> String {
        adapted(text, RegoVersion::V0).into_owned()
    }

    #[test]
    fn what_the_engine_reads_stays_as_it_is() {
        let text = "package a # {\n\nimport data.b\n\nx[y] { # }\n  y := \"} {\" }\n\nz = {1} { f(`(`)\n}\n";
        assert!(matches!(adapted(text, RegoVersion::V0), Cow::Borrowed(_)));
    }

    #[test]
    fn what_is_walked_is_given_as_an_argument() {
        assert_eq!(
            old(
                "package a\np[x] {\n  [path, value] = walk(f(input, 1))\n  [_, x] := walk(input)\n  y := [p | q := walk(p)]\n}\n"
            ),
            "package a\np[x] {\n  walk(f(input, 1), [path, value])\n  some x; walk(input, [_, x])\n  y := [p | [0][_] == 0; some q; walk(p, q); type_name(q) != \"\"]; type_name(y) != \"\"\n}\n"
        );
        for text in [
            "package a\np { walk(input, [x, y]) }\n",
            "package a\np { [x, y] == walk(input) }\n",
            "package a\np { x = walk(input)[0] }\n",
        ] {
            assert_eq!(old(text), text);
        }
    }

    #[test]
    fn operations_of_a_patch_are_looked_at() {
        assert_eq!(
            old("package a\nx := json.patch(f(a, b), [json.patch(c, d)])\n"),
            "package a\nx := json.patch(f(a, b), konductor_patch_operations( [json.patch(c, konductor_patch_operations( d))]))\n"
        );
    }

    #[test]
    fn a_variable_of_a_body_is_not_taken_for_a_rule() {
        assert_eq!(
            old(
                "package a\nkind = 1\nt[id] {\n  some kind\n  id := {kind: x.kind}[kind]\n}\ns[kind] { some kind; kind }\n"
            ),
            "package a\nkind = 1\nt[id] {\n  some kind__variable\n  id := {kind: x.kind}[kind__variable]; type_name(id) != \"\"\n}\ns[kind] { some kind; kind }\n"
        );
    }

    #[test]
    fn nothing_of_a_policy_is_lost_where_two_changes_meet() {
        let text = "package a\nx := 1\nimport data.l as each\np {\n  v with input as each[_] with input.b as each[_]\n}\n";
        let adapted = old(text);
        for part in ["v with input", "with input.b", "x := 1", "import data.l as each"] {
            assert!(adapted.contains(part), "{adapted}");
        }
        // A function of an alias whose call is moved with its import.
        let text = "package a\nx := 1\nimport data.l as l import object.subset(\n";
        assert_eq!(old(text), text);
    }

    #[test]
    fn an_import_behind_a_rule_is_moved_and_no_line_is() {
        assert_eq!(
            old("package a # it\n\nx := 1\nimport data.b as c\ny := c\n"),
            "package a import data.b as c # it\n\nx := 1\n\ny := c\n"
        );
    }

    #[test]
    fn a_line_in_parentheses_is_a_statement_of_its_own() {
        assert_eq!(
            old("package a\np {\n  input.x\n  (1 + 1) == 2\n  y := 3 +\n    (4)\n  not\n (5)\n}\n"),
            "package a\np {\n  input.x\n  ;(1 + 1) == 2\n  y := 3 +\n    (4); type_name(y) != \"\"\n  not\n (5)\n}\n"
        );
    }

    #[test]
    fn what_is_looked_up_by_itself_is_looked_up_first() {
        assert_eq!(
            old("package a\np[x] {\n  x = lib.all[x]\n  y = other[x]\n}\n"),
            "package a\np[x] {\n  lib.all[x]; x = lib.all[x]\n  y = other[x]\n}\n"
        );
    }

    #[test]
    fn what_is_tried_one_by_one_is_put_into_a_variable_before() {
        assert_eq!(
            old(
                "package a\np {\n  v := data.d with input.a as l[_]\n    with input.b as m.n[_]\n  v with input as w\n  l[_]\n}\n"
            ),
            "package a\np {\n  each__14 := l[_]; each__23 := m.n[_]; v := data.d with input.a as each__14\n    with input.b as each__23; type_name(v) != \"\"\n  v with input as w\n  l[_]\n}\n"
        );
    }

    #[test]
    fn a_variable_of_a_comprehension_is_not_taken_for_a_rule() {
        assert_eq!(
            old("package a\nr(i) := [{r: r.r} | some r in i; r > 1]\np { some r in [1]; r }\n"),
            "package a\nr(i) := [{r: r__variable.r} | [0][_] == 0; some r__variable in i; r__variable > 1]\np { some r__variable in [1]; r__variable }\n"
        );
    }

    #[test]
    fn a_second_body_has_the_head_of_the_first() {
        assert_eq!(
            old(
                "package a\nd[{\"m\":\n m}] {\n m := 1 } {\n  m := 2\n}\nf(x) = 1 { x } { not x }\nq = {2} { true } else = {3} { true }\n"
            ),
            "package a\nd[{\"m\":\n m}] {\n m := 1 } d[{\"m\": m}] {\n  m := 2\n}\nf(x) = 1 { x } f(x) = 1 { not x }\nq = {2} { true } else = {3} { true }\n"
        );
        let new = "package a\nd[1] { true } { true }\n";
        assert_eq!(adapted(new, RegoVersion::V1), new);
    }

    #[test]
    fn what_is_nested_deeper_than_anybody_writes_is_left_to_the_engine() {
        let nested = |depth: usize| {
            let (open, close) = ("[".repeat(depth), "]".repeat(depth));
            format!("package p\n\nq if {{\n\tnot f(x.y)\n\tz := {open}{close}\n}}\n")
        };
        assert_ne!(adapted(&nested(200), RegoVersion::V1), nested(200));
        assert_eq!(adapted(&nested(20_000), RegoVersion::V1), nested(20_000));
    }
}
