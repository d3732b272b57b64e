//! Text with tables.

use std::fmt::Write as _;

use super::Report;
use crate::assessment::ControlStatus;

/// Writes the report.
pub(super) fn render(report: &Report<'_>) -> String {
    let mut out = format!("# {}\n\n", text(&report.title()));
    let _ = writeln!(
        out,
        "Made at {} by Konductor {} from entry {} of the log (`{}`){}.\n",
        report.time,
        report.version,
        report.evidence.0,
        report.evidence.1,
        if report.simulated {
            ", of a simulated cloud"
        } else {
            ""
        }
    );
    let _ = writeln!(out, "{}\n", text(&report.monitoring.to_string()));
    out.push_str("| status | controls |\n|---|---|\n");
    for status in ControlStatus::ALL {
        let _ = writeln!(out, "| {} | {} |", status.words(), report.framework.count(status));
    }
    for control in &report.framework.controls {
        if control.results.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n## {} {}\n", text(&control.id), text(&control.title));
        let _ = writeln!(out, "{}\n", capitalized(control.status.words()));
        out.push_str("| | resource | check | |\n|---|---|---|---|\n");
        for result in report.results(control) {
            let word = report.word(control, result);
            let said = report.remark(control, result);
            let _ = writeln!(
                out,
                "| {word} | {} | {} | {} |",
                text(&result.name),
                text(&result.check),
                text(&said)
            );
        }
    }
    let list = |status: ControlStatus| {
        let controls = report
            .framework
            .controls
            .iter()
            .filter(|control| control.status == status);
        controls
            .map(|control| text(&control.id))
            .collect::<Vec<_>>()
            .join(", ")
    };
    for (status, head) in [
        (
            ControlStatus::NotApplicable,
            "Nothing in the stack that their checks look at",
        ),
        (ControlStatus::NotChecked, "Without a check: a person has to look"),
    ] {
        if report.framework.count(status) > 0 {
            let _ = writeln!(out, "\n## {head}\n\n{}", list(status));
        }
    }
    out
}

/// Keeps what a person wrote from being read as form.
fn text(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        match character {
            '|' | '\\' | '`' | '*' | '_' | '<' | '>' | '[' | ']' | '#' => {
                out.push('\\');
                out.push(character);
            }
            '\n' | '\r' => out.push(' '),
            other => out.push(other),
        }
    }
    out
}

fn capitalized(words: &str) -> String {
    let mut characters = words.chars();
    match characters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), characters.as_str()),
        None => String::new(),
    }
}
