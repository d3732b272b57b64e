//! What policies say about a plan, and how their tests went: for a person and as events.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use console::style;
use konductor_compliance::Judgement;
use konductor_compliance::decision::placed;
use konductor_model::policy::{FileCoverage, PackageAnswer, PolicyTest, TestResult};
use konductor_state::policy::{PackageDecision, PackageOutcome};
use serde_json::{Value as Json, json};

/// How many findings of a package are shown; events have all of them.
const SHOWN: usize = 20;

/// Returns the members of a `policy-decision` event.
pub fn judgement_event(judgement: &Judgement) -> Json {
    let decision = &judgement.decision;
    let packages: Vec<Json> = decision
        .packages
        .iter()
        .zip(&judgement.answers)
        .map(|(package, answer)| {
            json!({
                "name": package.name,
                "level": package.level,
                "place": package.place,
                "digest": package.digest,
                "bundle": package.bundle,
                "outcome": package.outcome,
                "rules": answer.rules,
                "denied": package.denied,
                "warned": package.warned,
                "findings": answer.findings,
                "problems": answer.problems,
                "override_reason": package.override_reason,
            })
        })
        .collect();
    json!({
        "operation": decision.operation,
        "input": decision.input,
        "allowed": decision.allowed,
        "milliseconds": decision.milliseconds,
        "packages": packages,
    })
}

/// Writes what packages say as text.
pub fn render(judgement: &Judgement) -> String {
    let mut out = String::from("\nPolicies\n");
    for (package, answer) in judgement.decision.packages.iter().zip(&judgement.answers) {
        render_package(&mut out, package, answer);
    }
    out.push('\n');
    out
}

fn render_package(out: &mut String, package: &PackageDecision, answer: &PackageAnswer) {
    let (symbol, what) = match package.outcome {
        PackageOutcome::Passed => (style("✓").green(), "passed"),
        PackageOutcome::Advised => (style("!").yellow(), "advises"),
        PackageOutcome::Overridden => (style("!").magenta(), "overridden"),
        PackageOutcome::Denied => (style("✗").red(), "refuses"),
        PackageOutcome::Unusable => (style("✗").red(), "could not be evaluated"),
    };
    let rules = match package.rules {
        1 => "1 rule".to_owned(),
        rules => format!("{rules} rules"),
    };
    let _ = writeln!(
        out,
        "  {symbol} {} ({}, {rules}): {what}",
        package.name,
        package.level.word()
    );
    if let Some(reason) = &package.override_reason {
        let _ = writeln!(out, "      because: {reason}");
    }
    for problem in &answer.problems {
        let _ = writeln!(out, "      {}", placed(problem));
    }
    for finding in answer.findings.iter().take(SHOWN) {
        let kind = match (finding.excepted, finding.warning) {
            (true, _) => "excepted: ",
            (false, true) => "warning: ",
            (false, false) => "",
        };
        let _ = writeln!(
            out,
            "      {kind}{} {}",
            finding.message,
            style(format!("({})", finding.rule)).dim()
        );
    }
    let more = answer.findings.len().saturating_sub(SHOWN);
    if more > 0 {
        let _ = writeln!(out, "      and {more} more; --json has all of them");
    }
}

/// Writes how the tests of a package went.
pub fn render_tests(answer: &PackageAnswer, trace: bool) -> String {
    let mut out = format!("{}\n", answer.name);
    for problem in &answer.problems {
        let _ = writeln!(out, "  {} {}", style("✗").red(), placed(problem));
    }
    for test in &answer.tests {
        let symbol = match test.result {
            TestResult::Passed => style("✓").green(),
            TestResult::Skipped => style("-").yellow(),
            TestResult::Failed | TestResult::Error => style("✗").red(),
        };
        let _ = writeln!(out, "  {symbol} {}", test.name);
        let failed = matches!(test.result, TestResult::Failed | TestResult::Error);
        if failed {
            let why = match test.error.as_str() {
                "" => "it does not hold",
                error => error,
            };
            let _ = writeln!(out, "      {}:{}: {why}", test.path, test.line);
        }
        if failed || trace {
            for line in &test.prints {
                let _ = writeln!(out, "      print {line}");
            }
        }
        if trace {
            render_trace(&mut out, test);
        }
    }
    out
}

fn render_trace(out: &mut String, test: &PolicyTest) {
    for file in &test.reached {
        if !file.covered.is_empty() {
            let _ = writeln!(out, "      reached {}: {}", file.path, ranges(&file.covered));
        }
    }
}

/// Writes which lines of a package the tests reach.
pub fn render_coverage(answer: &PackageAnswer) -> String {
    let mut out = String::new();
    for file in &answer.coverage {
        let _ = write!(
            out,
            "  {:>5.1} %  {}",
            percentage(std::slice::from_ref(file)),
            file.path
        );
        if file.not_covered.is_empty() {
            out.push('\n');
        } else {
            let _ = writeln!(out, "  not reached: {}", ranges(&file.not_covered));
        }
    }
    out
}

/// Returns how many of the lines were reached, in percent; 100 where there is none.
#[allow(
    clippy::cast_precision_loss,
    reason = "a package has far fewer lines than that"
)]
pub fn percentage(files: &[FileCoverage]) -> f64 {
    let covered: usize = files.iter().map(|file| file.covered.len()).sum();
    let all: usize = covered + files.iter().map(|file| file.not_covered.len()).sum::<usize>();
    if all == 0 {
        100.0
    } else {
        covered as f64 * 100.0 / all as f64
    }
}

/// Writes lines as `3-5, 8`.
fn ranges(lines: &[u32]) -> String {
    let lines: BTreeSet<u32> = lines.iter().copied().collect();
    let mut found: Vec<(u32, u32)> = Vec::new();
    for line in lines {
        match found.last_mut() {
            Some((_, last)) if *last + 1 == line => *last = line,
            _ => found.push((line, line)),
        }
    }
    let shown: Vec<String> = found
        .iter()
        .map(|(first, last)| {
            if first == last {
                first.to_string()
            } else {
                format!("{first}-{last}")
            }
        })
        .collect();
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_follow_each_other_are_one_range() {
        assert_eq!(ranges(&[8, 3, 4, 5, 10]), "3-5, 8, 10");
        assert_eq!(ranges(&[]), "");
    }

    #[test]
    fn a_file_of_which_a_quarter_is_reached_is_covered_by_a_quarter() {
        let file = FileCoverage {
            path: "a.rego".to_owned(),
            covered: vec![1],
            not_covered: vec![2, 3, 4],
        };
        assert!((percentage(&[file]) - 25.0).abs() < f64::EPSILON);
        assert!((percentage(&[]) - 100.0).abs() < f64::EPSILON);
    }
}
