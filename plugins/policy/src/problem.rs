//! What the engine says is wrong, taken apart.

use konductor_sdk_compliance::model::policy::PolicyProblem;

/// Takes a message of the engine apart: `--> FILE:LINE:COLUMN`, a picture of the line, and `error: …`.
pub(crate) fn of(error: &dyn std::fmt::Display, path: &str) -> PolicyProblem {
    let text = error.to_string();
    let text = text.trim();
    let placed = text.strip_prefix("--> ").and_then(|rest| {
        let (place, rest) = rest.split_once('\n')?;
        let (place, column) = place.rsplit_once(':')?;
        let (file, line) = place.rsplit_once(':')?;
        let message = rest.split_once("error: ").map_or(rest, |(_, message)| message);
        Some(PolicyProblem {
            message: one_line(message),
            path: file.to_owned(),
            line: line.parse().ok()?,
            column: column.parse().ok()?,
        })
    });
    placed.unwrap_or_else(|| PolicyProblem {
        message: one_line(text.strip_prefix("error: ").unwrap_or(text)),
        path: path.to_owned(),
        line: 0,
        column: 0,
    })
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_with_a_place_is_taken_apart() {
        let found = of(
            &"\n--> policy/a.rego:3:7\n  |\n3 | x := ]\n  |      ^\nerror: expecting  expression",
            "b",
        );
        assert_eq!(
            found,
            PolicyProblem {
                message: "expecting expression".to_owned(),
                path: "policy/a.rego".to_owned(),
                line: 3,
                column: 7
            }
        );
    }

    #[test]
    fn a_message_without_a_place_keeps_the_file_that_is_known() {
        let found = of(&"data must be object", "a.rego");
        assert_eq!(
            (found.message.as_str(), found.path.as_str(), found.line),
            ("data must be object", "a.rego", 0)
        );
    }
}
