//! `sprintf` with more or fewer places than values: OPA writes `%!v(MISSING)` or `%!(EXTRA string=x)` there, and the engine is
//! undefined.

use crate::adaptation::Edit;
use crate::engine::OWN_EXTRA;
use crate::tokens::{Kind, Token, of};

/// Finds such texts where text and values are both written out.
pub(crate) fn changes(text: &str, tokens: &[Token]) -> Vec<Edit> {
    let mut edits = Vec::new();
    for (index, part) in tokens.windows(5).enumerate() {
        let [name, open, format, comma, list] = part else {
            continue;
        };
        let words = [name, open, comma, list].map(|token| of(text, token));
        if words != ["sprintf", "(", ",", "["] || format.kind != Kind::Text {
            continue;
        }
        let rest = tokens.get(index + 5..).unwrap_or_default();
        let Some(end) = rest.iter().position(|token| token.depth == list.depth) else {
            continue;
        };
        let (values, after) = rest.split_at(end);
        let is_outer = |token: &Token, sign: &str| token.depth == list.depth + 1 && of(text, token) == sign;
        // A comprehension has as many values as it finds.
        let is_comprehension = values.iter().any(|token| is_outer(token, "|"));
        let (Some(places), false, [close, next, ..]) = (places(of(text, format)), is_comprehension, after)
        else {
            continue;
        };
        if of(text, next) != ")" {
            continue;
        }
        let values: Vec<&[Token]> = values
            .split(|token| is_outer(token, ","))
            .filter(|value| !value.is_empty())
            .collect();
        for (at, verb) in places.iter().skip(values.len()) {
            let start = format.range.start + at;
            edits.push((start..start + 1 + verb.len_utf8(), format!("%%!{verb}(MISSING)")));
        }
        if let Some(extra) = values.get(places.len()).and_then(|value| value.first()) {
            let end = format.range.end.saturating_sub(1);
            let (from, to) = (extra.range.start, close.range.start);
            edits.push((end..end, "%s".to_owned()));
            edits.push((from..from, format!("{OWN_EXTRA}([")));
            edits.push((to..to, "])".to_owned()));
        }
    }
    edits
}

/// Returns where values go, and how each is written; none where one has more than a letter.
fn places(format: &str) -> Option<Vec<(usize, char)>> {
    let mut places = Vec::new();
    let mut rest = format.char_indices();
    while let Some((at, character)) = rest.next() {
        match (character, rest.as_str().chars().next()) {
            ('%', Some('%')) => {
                rest.next();
            }
            ('%', Some(verb)) if verb.is_ascii_alphabetic() => places.push((at, verb)),
            ('%', _) => return None,
            _ => {}
        }
    }
    Some(places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adaptation::applied;
    use crate::tokens::tokens;

    #[test]
    fn a_place_without_a_value_says_so() {
        let adapted = |text: &str| applied(text, changes(text, &tokens(text))).into_owned();
        assert_eq!(
            adapted("x := sprintf(\"%d%% of %v: %v\", [f(1, 2), y])"),
            "x := sprintf(\"%d%% of %v: %%!v(MISSING)\", [f(1, 2), y])"
        );
        for text in [
            "x := sprintf(\"%v %v\", [1, 2])",
            "x := sprintf(\"%v %v\", [1, [2, 3],])",
            "x := sprintf(\"%v %v\", values)",
            "x := sprintf(\"%5d %v\", [1])",
            "x := sprintf(\"%5d\", [1, 2])",
            "x := sprintf(\"%v %v\", [v | v := values[_]])",
            "x := sprintf(\"%v\", [values, [3]][0])",
        ] {
            assert_eq!(adapted(text), text);
        }
    }

    #[test]
    fn a_value_without_a_place_is_written_behind() {
        let adapted = |text: &str| applied(text, changes(text, &tokens(text))).into_owned();
        assert_eq!(
            adapted("x := sprintf(\"a\", [sprintf(`%d%%`, [1, f(2, 3), 4,])])"),
            "x := sprintf(\"a%s\", [data.konductor_own.extra([sprintf(`%d%%%s`, [1, data.konductor_own.extra([f(2, 3), 4,])])])])"
        );
    }
}
