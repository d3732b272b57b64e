//! Test results, for build servers: a test for each control.

use std::fmt::Write as _;

use super::Report;
use super::markup::escaped;
use crate::assessment::ControlStatus;

/// Writes the report.
pub(super) fn render(report: &Report<'_>) -> String {
    let framework = report.framework;
    let skipped = framework
        .controls
        .iter()
        .filter(|control| is_skipped(control.status))
        .count();
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{skipped}\"",
        framework.controls.len(),
        framework.count(ControlStatus::NotSatisfied)
    );
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{}\" {counts}>\n  <testsuite name=\"{}\" {counts} timestamp=\"{}\">\n",
        escaped(&report.title()),
        escaped(&framework.id),
        escaped(&report.time)
    );
    for control in &framework.controls {
        let name = if control.title.is_empty() {
            control.id.clone()
        } else {
            format!("{} {}", control.id, control.title)
        };
        let _ = write!(
            out,
            "    <testcase classname=\"{}\" name=\"{}\"",
            escaped(&framework.id),
            escaped(&name)
        );
        match control.status {
            ControlStatus::Satisfied => out.push_str("/>\n"),
            ControlStatus::NotSatisfied => {
                let failed: Vec<String> = report
                    .results(control)
                    .filter(|result| report.word(control, result) == "failed")
                    .map(|result| {
                        let check = report.assessment.check(result);
                        format!("{}: {} {} ({})", result.name, check.title, check.remedy, check.id)
                    })
                    .collect();
                let _ = writeln!(
                    out,
                    ">\n      <failure type=\"{}\" message=\"{} of its checks fail\">{}</failure>\n    </testcase>",
                    escaped(&control.id),
                    failed.len(),
                    escaped(&failed.join("\n"))
                );
            }
            status => {
                let _ = writeln!(
                    out,
                    ">\n      <skipped message=\"{}\"/>\n    </testcase>",
                    status.words()
                );
            }
        }
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

fn is_skipped(status: ControlStatus) -> bool {
    !matches!(status, ControlStatus::Satisfied | ControlStatus::NotSatisfied)
}
