//! Drift as a page that needs nothing else: no script, no font, no picture from anywhere.

use std::fmt::Write as _;

use konductor_model::Value;
use konductor_state::LoggedEntry;
use konductor_state::drift::{Difference, DifferenceKind, DriftChecked, DriftSeverity};

use super::drift::adoption;
use super::value::one_line;

/// How wide and high the timeline is drawn.
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 120.0;

const STYLE: &str = "body{font-family:sans-serif;margin:1.5rem;color:#222;max-width:1100px}\
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #ddd;\
vertical-align:top}code{word-break:break-word}.critical{color:#a00;font-weight:bold}.high{color:#c30}\
.medium{color:#850}.low{color:#666}svg{max-width:100%;height:auto}.muted{color:#666}";

/// One check of the history.
pub struct Check<'l> {
    /// When, as it is written.
    pub time: String,
    /// What was found.
    pub checked: &'l DriftChecked,
}

impl<'l> Check<'l> {
    /// Returns the check that an entry of the log is, if it is one.
    pub fn of(logged: &'l LoggedEntry) -> Option<Self> {
        match &logged.entry {
            konductor_state::Entry::DriftChecked(checked) => Some(Self {
                time: logged.time.strftime("%Y-%m-%d %H:%M:%S").to_string(),
                checked,
            }),
            _ => None,
        }
    }

    fn drifted(&self) -> usize {
        let counts = &self.checked.counts;
        counts
            .iter()
            .filter(|(kind, _)| kind.is_drift())
            .map(|(_, count)| count)
            .sum()
    }

    fn worst(&self) -> Option<DriftSeverity> {
        self.checked
            .differences
            .iter()
            .filter(|found| found.kind.is_drift())
            .map(|found| found.severity)
            .max()
    }
}

/// Returns the page: what was found now, and the timeline of the checks, the oldest first.
pub fn page(title: &str, differences: &[&Difference], objects: usize, checks: &[Check<'_>]) -> String {
    let title = escaped(title);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Drift of {title}</title>\n\
         <style>{STYLE}</style></head>\n<body>\n<h1>Drift of {title}</h1>\n"
    );
    let drifted = differences.iter().filter(|found| found.kind.is_drift()).count();
    let _ = writeln!(
        out,
        "<p>{objects} objects were compared; {drifted} differences are drift.</p>"
    );
    table(&mut out, differences);
    let _ = writeln!(out, "<h2>Timeline</h2>");
    timeline(&mut out, checks);
    out.push_str("</body>\n</html>\n");
    out
}

fn table(out: &mut String, differences: &[&Difference]) {
    if differences.is_empty() {
        out.push_str("<p>Everything is as it was deployed.</p>\n");
        return;
    }
    out.push_str(
        "<table>\n<thead><tr><th>Severity</th><th>Resource</th><th>What</th><th>Attribute</th><th>Deployed</th>\
         <th>There</th><th>Configured now</th></tr></thead>\n<tbody>\n",
    );
    for found in differences {
        let severity = found.severity.word();
        let value = |value: &Value| format!("<code>{}</code>", escaped(&one_line(value)));
        let (at, recorded, actual, desired) = match &found.at {
            Some(at) => (
                escaped(&at.to_string()),
                value(&found.recorded),
                value(&found.actual),
                found.desired.as_ref().map(value).unwrap_or_default(),
            ),
            None if found.kind == DifferenceKind::Unmanaged => (
                format!("<code>{}</code>", escaped(&adoption(found))),
                String::new(),
                String::new(),
                String::new(),
            ),
            None => Default::default(),
        };
        let _ = writeln!(
            out,
            "<tr><td class=\"{severity}\">{severity}</td><td>{}<br><span class=\"muted\">{} {}</span></td>\
             <td>{}</td><td>{at}</td><td>{recorded}</td><td>{actual}</td><td>{desired}</td></tr>",
            escaped(found.urn.name().as_str()),
            escaped(found.urn.resource_type().as_str()),
            escaped(&found.id),
            found.kind,
        );
    }
    out.push_str("</tbody>\n</table>\n");
}

fn timeline(out: &mut String, checks: &[Check<'_>]) {
    if checks.is_empty() {
        out.push_str("<p>No check is in the log.</p>\n");
        return;
    }
    let most = checks.iter().map(Check::drifted).max().unwrap_or(0).max(1);
    #[allow(clippy::cast_precision_loss, reason = "a picture of a few hundred bars")]
    let (step, scale) = (WIDTH / checks.len().max(1) as f64, (HEIGHT - 20.0) / most as f64);
    let _ = writeln!(
        out,
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"differences of each check\">"
    );
    for (position, check) in checks.iter().enumerate() {
        let colour = match check.worst() {
            None => "#7a7",
            Some(DriftSeverity::Low) => "#aaa",
            Some(DriftSeverity::Medium) => "#d90",
            Some(DriftSeverity::High) => "#e50",
            Some(DriftSeverity::Critical) => "#a00",
        };
        #[allow(clippy::cast_precision_loss, reason = "a picture of a few hundred bars")]
        let (x, high) = (position as f64 * step, (check.drifted() as f64 * scale).max(2.0));
        let _ = writeln!(
            out,
            "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{high:.1}\" fill=\"{colour}\"><title>{} UTC: {} differences</title></rect>",
            HEIGHT - high,
            (step - 1.0).max(1.0),
            escaped(&check.time),
            check.drifted(),
        );
    }
    out.push_str("</svg>\n<table>\n<thead><tr><th>Check (UTC)</th><th>Objects</th><th>Found</th><th>What is new or gone</th></tr></thead>\n<tbody>\n");
    let mut before: Vec<String> = Vec::new();
    let mut rows = Vec::new();
    for check in checks {
        let now: Vec<String> = check
            .checked
            .differences
            .iter()
            .filter(|found| found.kind.is_drift())
            .map(named)
            .collect();
        let came = now
            .iter()
            .filter(|found| !before.contains(found))
            .map(|found| format!("+ {found}"));
        let went = before
            .iter()
            .filter(|found| !now.contains(found))
            .map(|found| format!("- {found}"));
        let news: Vec<String> = came.chain(went).map(|line| escaped(&line)).collect();
        let counts: Vec<String> = check
            .checked
            .counts
            .iter()
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        let counts = if counts.is_empty() {
            "nothing".to_owned()
        } else {
            counts.join(", ")
        };
        rows.push(format!(
            "<tr><td>{}</td><td>{}</td><td>{counts}</td><td>{}</td></tr>\n",
            escaped(&check.time),
            check.checked.objects,
            news.join("<br>")
        ));
        before = now;
    }
    rows.iter().rev().for_each(|row| out.push_str(row));
    out.push_str("</tbody>\n</table>\n");
}

/// Names a difference, so that the same one of two checks is told from another.
fn named(found: &Difference) -> String {
    match &found.at {
        Some(at) => format!("{} {at}: {}", found.urn.name(), one_line(&found.actual)),
        None => format!("{} {} ({})", found.urn.name(), found.kind, found.id),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use konductor_model::ChangeKind;

    fn difference(actual: &str) -> Difference {
        Difference {
            urn: "urn:konductor:shop:dev:aws:ec2:Vpc::network".parse().unwrap(),
            id: "vpc-1".to_owned(),
            kind: DifferenceKind::ChangedOutside,
            severity: DriftSeverity::High,
            at: Some("note".parse().unwrap()),
            change: Some(ChangeKind::Update),
            recorded: "a".into(),
            actual: actual.into(),
            desired: None,
            repairable: true,
            obstacle: None,
            requires_replacement: false,
        }
    }

    #[test]
    fn what_somebody_wrote_into_the_cloud_is_text_on_the_page() {
        let found = difference("<script>alert(1)</script>");
        let page = page("shop/<dev>", &[&found], 3, &[]);
        assert!(!page.contains("<script"), "{page}");
        assert!(page.contains("&lt;script&gt;"), "{page}");
        assert!(page.contains("shop/&lt;dev&gt;"), "{page}");
        for outside in ["http://", "https://", "src=", "@import", "url("] {
            assert!(!page.contains(outside), "{outside} in {page}");
        }
    }

    #[test]
    fn the_timeline_tells_what_came_and_what_went() {
        let first = DriftChecked {
            differences: vec![difference("x")],
            ..DriftChecked::default()
        };
        let second = DriftChecked {
            differences: vec![difference("y")],
            ..DriftChecked::default()
        };
        let check = |time: &str, checked| Check {
            time: time.to_owned(),
            checked,
        };
        let page = page("shop/dev", &[], 0, &[check("one", &first), check("two", &second)]);
        assert!(
            page.contains("+ network note: &quot;y&quot;<br>- network note: &quot;x&quot;"),
            "{page}"
        );
        let (newest, oldest) = (page.rfind(">two<").unwrap(), page.rfind(">one<").unwrap());
        assert!(newest < oldest, "the newest check stands first");
    }
}
