//! A page that works without a network: for an auditor, control by control.

use std::fmt::Write as _;

use konductor_model::compliance::CheckResult;

use super::Report;
use super::markup::escaped;
use crate::assessment::{ControlAssessment, ControlStatus};

const STYLE: &str = include_str!("page.css");

/// Writes the report.
pub(super) fn render(report: &Report<'_>) -> String {
    let title = escaped(&report.title());
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#controls\">To the controls</a>\n<header>\n<h1>{title}</h1>\n"
    );
    let _ = writeln!(
        out,
        "<p>Made at <time>{}</time> by Konductor {} from entry {} of the log{}. The SHA-256 of that entry is \
         <code>{}</code>; <code>konductor log verify</code> proves that nothing before it was changed.</p>\n</header>\n<main>",
        escaped(&report.time),
        escaped(&report.version),
        report.evidence.0,
        if report.simulated {
            ", of a simulated cloud"
        } else {
            ""
        },
        escaped(&report.evidence.1)
    );
    summary(&mut out, report);
    findings(&mut out, report);
    out.push_str(
        "<section aria-labelledby=\"controls\">\n<h2 id=\"controls\" tabindex=\"-1\">Controls</h2>\n",
    );
    for control in report
        .framework
        .controls
        .iter()
        .filter(|control| !control.results.is_empty())
    {
        render_control(&mut out, report, control);
    }
    out.push_str("</section>\n");
    rest(&mut out, report);
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn class(status: ControlStatus) -> &'static str {
    match status {
        ControlStatus::NotSatisfied => "failed",
        ControlStatus::Waived => "waived",
        ControlStatus::Satisfied => "passed",
        ControlStatus::Open => "open",
        ControlStatus::NotApplicable | ControlStatus::NotChecked => "none",
    }
}

fn summary(out: &mut String, report: &Report<'_>) {
    let all = report.framework.controls.len().max(1);
    out.push_str("<section aria-labelledby=\"summary\">\n<h2 id=\"summary\">Summary</h2>\n<table class=\"summary\">\n<caption>Controls by status</caption>\n<thead><tr><th scope=\"col\">Status</th><th scope=\"col\">Controls</th><th scope=\"col\">Share</th></tr></thead>\n<tbody>\n");
    for status in ControlStatus::ALL {
        let count = report.framework.count(status);
        let percent = count * 100 / all;
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\"><span class=\"status {}\">{}</span></th><td class=\"number\">{count}</td><td><span class=\"bar {}\" style=\"width:{}%\" aria-hidden=\"true\"></span> {percent} %</td></tr>",
            class(status),
            status.words(),
            class(status),
            percent.max(usize::from(count > 0)),
        );
    }
    out.push_str("</tbody>\n</table>\n</section>\n");
}

fn findings(out: &mut String, report: &Report<'_>) {
    let of_framework: Vec<_> = report
        .assessment
        .findings
        .iter()
        .filter(|finding| {
            finding
                .controls
                .iter()
                .any(|control| control.key.0 == report.framework.id)
        })
        .collect();
    out.push_str("<section aria-labelledby=\"findings\">\n<h2 id=\"findings\">Findings</h2>\n");
    if of_framework.is_empty() {
        out.push_str("<p>No check fails.</p>\n</section>\n");
        return;
    }
    out.push_str("<table>\n<caption>What has to be done, or was allowed</caption>\n<thead><tr><th scope=\"col\">Severity</th><th scope=\"col\">Resource</th><th scope=\"col\">What is wrong</th><th scope=\"col\">What to do</th><th scope=\"col\">Controls</th></tr></thead>\n<tbody>\n");
    let mut ordered = of_framework;
    ordered.sort_by_key(|finding| std::cmp::Reverse(report.assessment.check(&finding.result).severity));
    for finding in ordered {
        let check = report.assessment.check(&finding.result);
        let controls = finding
            .controls
            .iter()
            .filter(|control| control.key.0 == report.framework.id);
        let links: Vec<String> = controls
            .map(|control| {
                let name = escaped(&control.key.1);
                let waived = if control.waiver.is_some() { " (waived)" } else { "" };
                format!("<a href=\"#control-{name}\">{name}</a>{waived}")
            })
            .collect();
        let _ = writeln!(
            out,
            "<tr><td>{}</td><th scope=\"row\">{}<br><code>{}</code>{}</th><td>{}</td><td>{}</td><td>{}</td></tr>",
            check.severity.word(),
            escaped(&finding.result.name),
            escaped(&finding.result.resource_type),
            place(&finding.result),
            escaped(&check.title),
            escaped(&check.remedy),
            links.join(", ")
        );
    }
    out.push_str("</tbody>\n</table>\n</section>\n");
}

fn place(result: &CheckResult) -> String {
    match &result.place {
        Some(place) => format!("<br><span class=\"place\">{}</span>", escaped(place)),
        None => String::new(),
    }
}

fn render_control(out: &mut String, report: &Report<'_>, control: &ControlAssessment) {
    let id = escaped(&control.id);
    let open = matches!(
        control.status,
        ControlStatus::NotSatisfied | ControlStatus::Waived
    );
    let _ = write!(
        out,
        "<article id=\"control-{id}\">\n<details{}>\n<summary><h3>{id} {}</h3> <span class=\"status {}\">{}</span></summary>\n\
         <table>\n<caption>Checks of {id}</caption>\n<thead><tr><th scope=\"col\">Outcome</th><th scope=\"col\">Resource</th><th scope=\"col\">Check</th><th scope=\"col\">Remark</th></tr></thead>\n<tbody>\n",
        if open { " open" } else { "" },
        escaped(&control.title),
        class(control.status),
        control.status.words(),
    );
    for result in report.results(control) {
        let word = report.word(control, result);
        let remark = report.remark(control, result);
        let _ = writeln!(
            out,
            "<tr><td><span class=\"status {word}\">{word}</span></td><td>{}</td><td><code>{}</code></td><td>{}</td></tr>",
            escaped(&result.name),
            escaped(&result.check),
            escaped(&remark)
        );
    }
    out.push_str("</tbody>\n</table>\n</details>\n</article>\n");
}

fn rest(out: &mut String, report: &Report<'_>) {
    for (status, id, head, about) in [
        (
            ControlStatus::NotApplicable,
            "not-applicable",
            "Not applicable",
            "Checks serve these controls, and nothing that they look at is in the stack.",
        ),
        (
            ControlStatus::NotChecked,
            "not-checked",
            "Not checked",
            "No check serves these controls: a person has to look.",
        ),
    ] {
        if report.framework.count(status) == 0 {
            continue;
        }
        let _ = writeln!(
            out,
            "<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{head}</h2>\n<p>{about}</p>\n<ul class=\"names\">"
        );
        for control in report
            .framework
            .controls
            .iter()
            .filter(|control| control.status == status)
        {
            let _ = writeln!(
                out,
                "<li><strong>{}</strong> {}</li>",
                escaped(&control.id),
                escaped(&control.title)
            );
        }
        out.push_str("</ul>\n</section>\n");
    }
}
