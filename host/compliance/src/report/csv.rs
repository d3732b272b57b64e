//! A line for each result of each control, for spreadsheets.

use super::Report;

const HEAD: [&str; 15] = [
    "framework",
    "control",
    "title",
    "status",
    "check",
    "resource",
    "type",
    "outcome",
    "severity",
    "finding",
    "remedy",
    "place",
    "waived by",
    "waived until",
    "reason",
];

/// Writes the report.
pub(super) fn render(report: &Report<'_>) -> String {
    let mut out = line(HEAD.map(str::to_owned).to_vec());
    for control in &report.framework.controls {
        let start = vec![
            report.framework.id.clone(),
            control.id.clone(),
            control.title.clone(),
            control.status.words().to_owned(),
        ];
        if control.results.is_empty() {
            let mut fields = start.clone();
            fields.resize(HEAD.len(), String::new());
            out.push_str(&line(fields));
        }
        for result in report.results(control) {
            let check = report.assessment.check(result);
            let word = report.word(control, result);
            let waiver = report.waiver(control, result).cloned().unwrap_or_default();
            let is_wrong = matches!(word, "failed" | "waived");
            let said = |text: &str| if is_wrong { text.to_owned() } else { String::new() };
            let mut fields = start.clone();
            fields.extend([
                result.check.clone(),
                result.name.clone(),
                result.resource_type.clone(),
                word.to_owned(),
                check.severity.word().to_owned(),
                said(&check.title),
                said(&check.remedy),
                result.place.clone().unwrap_or_default(),
                waiver.approver,
                waiver.expires,
                waiver.reason,
            ]);
            out.push_str(&line(fields));
        }
    }
    out
}

fn line(fields: Vec<String>) -> String {
    let each: Vec<String> = fields.iter().map(|field| quoted(field)).collect();
    format!("{}\r\n", each.join(","))
}

/// Quotes a field where it has to be. What a spreadsheet would take for a formula gets an apostrophe before it.
fn quoted(field: &str) -> String {
    let is_formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let field = if is_formula {
        format!("'{field}")
    } else {
        field.to_owned()
    };
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_quoted_where_it_has_to_be_and_is_never_a_formula() {
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted("a, \"b\""), "\"a, \"\"b\"\"\"");
        assert_eq!(quoted("=HYPERLINK(1)"), "'=HYPERLINK(1)");
    }
}
