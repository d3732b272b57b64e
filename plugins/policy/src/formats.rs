//! `sprintf` with more places than values: OPA writes `%!v(MISSING)` there, and the engine is undefined.

use crate::adaptation::Edit;
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
        let values = tokens.get(index + 5..).unwrap_or_default();
        let Some(close) = values.iter().position(|token| token.depth == list.depth) else {
            continue;
        };
        let values = values.get(..close).unwrap_or_default();
        let commas = values
            .iter()
            .filter(|token| token.depth == list.depth + 1 && of(text, token) == ",");
        let count = if values.is_empty() { 0 } else { commas.count() + 1 };
        let ends_in_comma = values.last().is_some_and(|last| of(text, last) == ",");
        for (at, verb) in places(of(text, format))
            .into_iter()
            .skip(count - usize::from(ends_in_comma))
        {
            let start = format.range.start + at;
            edits.push((start..start + 1 + verb.len_utf8(), format!("%%!{verb}(MISSING)")));
        }
    }
    edits
}

/// Returns where values go, and how each is written; nothing where one has more than a letter.
fn places(format: &str) -> Vec<(usize, char)> {
    let mut places = Vec::new();
    let mut rest = format.char_indices();
    while let Some((at, character)) = rest.next() {
        match (character, rest.as_str().chars().next()) {
            ('%', Some('%')) => {
                rest.next();
            }
            ('%', Some(verb)) if verb.is_ascii_alphabetic() => places.push((at, verb)),
            ('%', _) => return Vec::new(),
            _ => {}
        }
    }
    places
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
        ] {
            assert_eq!(adapted(text), text);
        }
    }
}
