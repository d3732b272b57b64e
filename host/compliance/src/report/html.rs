//! A page that works without a network: for an auditor, control by control.

use std::fmt::Write as _;

use konductor_model::compliance::CheckResult;

use super::Report;
use super::markup::{escaped, marked};
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
    facts(&mut out, report);
    out.push_str("</header>\n<main>\n");
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

/// Writes what the report is about and what proves it.
fn facts(out: &mut String, report: &Report<'_>) {
    let time = report
        .time
        .split_once('.')
        .map_or(report.time.as_str(), |(seconds, _)| seconds);
    let time = time.trim_end_matches('Z').replace('T', " ");
    let cloud = if report.simulated {
        ", of a simulated cloud"
    } else {
        ""
    };
    let _ = writeln!(
        out,
        "<dl class=\"facts\">\n<div><dt>Framework</dt><dd>{}, {}</dd></div>\n<div><dt>Project and stack</dt><dd>{}/{}{cloud}</dd></div>\n\
         <div><dt>Made</dt><dd><time datetime=\"{}\">{} UTC</time> by Konductor {}</dd></div>\n\
         <div class=\"wide\"><dt>Evidence</dt><dd>Entry {} of the log, SHA-256 <code>{}</code>. <code>konductor log verify</code> proves that \
         nothing before it was changed.</dd></div>\n<div class=\"wide\"><dt>Monitoring</dt><dd>{}</dd></div>\n</dl>",
        escaped(&report.framework.title),
        escaped(&report.framework.version),
        escaped(&report.project),
        escaped(&report.stack),
        escaped(&report.time),
        escaped(&time),
        escaped(&report.version),
        report.evidence.0,
        escaped(&report.evidence.1),
        escaped(&report.monitoring.to_string())
    );
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
        let share = match (count, percent) {
            (1.., 0) => "under 1".to_owned(),
            (_, percent) => percent.to_string(),
        };
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\"><span class=\"status {}\">{}</span></th><td class=\"number\">{count}</td><td><span class=\"bar {}\" style=\"width:{}%\" aria-hidden=\"true\"></span> {share} %</td></tr>",
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
    out.push_str("<table class=\"findings\">\n<caption>What has to be done, or was allowed</caption>\n<thead><tr><th scope=\"col\">Severity</th><th scope=\"col\">Resource</th><th scope=\"col\">What is wrong</th><th scope=\"col\">What to do</th><th scope=\"col\">Controls</th></tr></thead>\n<tbody>\n");
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
        // Most findings count for more controls than a row has room for.
        let links = match links.as_slice() {
            [] | [_] | [_, _] | [_, _, _] => links.join(", "),
            many => format!(
                "<details><summary>{} controls</summary>{}</details>",
                many.len(),
                links.join(", ")
            ),
        };
        let severity = check.severity.word();
        let _ = writeln!(
            out,
            "<tr><td><span class=\"severity {severity}\">{severity}</span></td><th scope=\"row\">{}<br><code>{}</code>{}</th><td data-label=\"Wrong: \">{}</td><td data-label=\"To do: \">{}</td><td>{links}</td></tr>",
            escaped(&finding.result.name),
            escaped(&finding.result.resource_type),
            place(&finding.result),
            marked(&check.title),
            marked(&check.remedy),
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
        "<article id=\"control-{id}\" data-control=\"{id}\">\n<details{}>\n<summary><h3>{id} {}</h3> <span class=\"status {}\">{}</span></summary>\n\
         <table class=\"checks\">\n<caption>Checks of {id}</caption>\n<thead><tr><th scope=\"col\">Outcome</th><th scope=\"col\">Resource</th><th scope=\"col\">Check</th><th scope=\"col\">Remark</th></tr></thead>\n<tbody>\n",
        if open { " open" } else { "" },
        escaped(&control.title),
        class(control.status),
        control.status.words(),
    );
    // What has to be done comes first.
    let mut results: Vec<(&str, &CheckResult)> = report
        .results(control)
        .map(|result| (report.word(control, result), result))
        .collect();
    results.sort_by_key(|(word, _)| {
        ["failed", "waived", "open", "passed"]
            .iter()
            .position(|known| known == word)
    });
    for (word, result) in results {
        let remark = report.remark(control, result);
        let _ = writeln!(
            out,
            "<tr><td><span class=\"status {word}\">{word}</span></td><td>{}</td><td><code>{}</code></td><td>{}</td></tr>",
            escaped(&result.name),
            escaped(&result.check),
            marked(&remark)
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
                "<li data-control=\"{0}\"><strong>{0}</strong> {1}</li>",
                escaped(&control.id),
                escaped(&control.title)
            );
        }
        out.push_str("</ul>\n</section>\n");
    }
}
