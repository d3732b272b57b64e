//! The tests of a package: the rules whose names begin with `test_`, as in OPA.

use std::collections::{BTreeMap, BTreeSet};

use konductor_sdk_compliance::model::policy::{
    FileCoverage, PackageAnswer, PolicyPackage, PolicyProblem, PolicyTest, TestResult,
};
use regorus::{Engine, Value};

use crate::engine::{self, OWN_FILE, Rule};
use crate::problem;

/// Runs the tests of a package and tells which lines of it they reach.
pub(crate) fn test(package: &PolicyPackage) -> PackageAnswer {
    let mut answer = PackageAnswer {
        name: package.name.clone(),
        ..PackageAnswer::default()
    };
    match run(package) {
        Ok((tests, coverage)) => {
            answer.tests = tests;
            answer.coverage = coverage;
        }
        Err(problems) => answer.problems = problems,
    }
    answer
}

fn run(package: &PolicyPackage) -> Result<(Vec<PolicyTest>, Vec<FileCoverage>), Vec<PolicyProblem>> {
    let mut engine = engine::load(package)?;
    let compiled = engine::compile(&mut engine).map_err(|problem| vec![problem])?;
    let rules = engine::rules(&compiled, package.namespaces.as_deref());
    engine.set_enable_coverage(true);
    engine.set_gather_prints(true);
    let mut coverage = Coverage::default();
    // Once through everything, to know which lines there are; what comes of it does not matter.
    let _ = engine.eval_modules(false);
    let _ = engine.take_prints();
    coverage.learn(&mut engine);
    let mut tests = Vec::new();
    for rule in &rules {
        let skipped = rule.name.starts_with("todo_test_");
        if !skipped && !rule.name.starts_with("test_") {
            continue;
        }
        let (path, line) = place(package, rule);
        let mut test = PolicyTest {
            name: rule.path.clone(),
            path,
            line,
            ..PolicyTest::default()
        };
        if skipped {
            test.result = TestResult::Skipped;
        } else {
            match engine.eval_rule(rule.path.clone()) {
                Ok(Value::Bool(true)) => test.result = TestResult::Passed,
                Ok(_) => test.result = TestResult::Failed,
                Err(error) => {
                    test.result = TestResult::Error;
                    test.error = problem::of(&error, "").message;
                }
            }
            test.prints = engine.take_prints().unwrap_or_default();
            test.reached = coverage.take(&mut engine);
        }
        tests.push(test);
    }
    Ok((tests, coverage.finish()))
}

/// Finds where a test is written.
fn place(package: &PolicyPackage, rule: &Rule) -> (String, u32) {
    let declares = |line: &str| {
        line.strip_prefix("package ")
            .is_some_and(|name| name.split_whitespace().next() == Some(rule.namespace.as_str()))
    };
    let begins = |line: &str| {
        line.strip_prefix(rule.name.as_str())
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
    };
    package
        .files
        .iter()
        .filter(|file| file.text.lines().any(declares))
        .find_map(|file| {
            let line = file.text.lines().position(begins)?;
            Some((
                file.path.clone(),
                u32::try_from(line).unwrap_or(u32::MAX).saturating_add(1),
            ))
        })
        .unwrap_or_default()
}

/// The lines of each file: all that can be reached, and those that were.
#[derive(Default)]
struct Coverage {
    lines: BTreeMap<String, (BTreeSet<u32>, BTreeSet<u32>)>,
}

impl Coverage {
    fn learn(&mut self, engine: &mut Engine) {
        for file in reports(engine) {
            let (all, _) = self.lines.entry(file.path).or_default();
            all.extend(file.covered.into_iter().chain(file.not_covered));
        }
        engine.clear_coverage_data();
    }

    /// Takes what one test reached: of a large package little, and the rest is in all of them.
    fn take(&mut self, engine: &mut Engine) -> Vec<FileCoverage> {
        let mut found = reports(engine);
        for file in &found {
            let (all, reached) = self.lines.entry(file.path.clone()).or_default();
            all.extend(file.covered.iter().chain(&file.not_covered));
            reached.extend(&file.covered);
        }
        engine.clear_coverage_data();
        found.retain_mut(|file| {
            file.not_covered.clear();
            !file.covered.is_empty()
        });
        found
    }

    fn finish(self) -> Vec<FileCoverage> {
        self.lines
            .into_iter()
            .map(|(path, (all, reached))| FileCoverage {
                path,
                not_covered: all.difference(&reached).copied().collect(),
                covered: reached.into_iter().collect(),
            })
            .collect()
    }
}

fn reports(engine: &Engine) -> Vec<FileCoverage> {
    let Ok(report) = engine.get_coverage_report() else {
        return Vec::new();
    };
    report
        .files
        .into_iter()
        .filter(|file| file.path != OWN_FILE)
        .map(|file| FileCoverage {
            path: file.path,
            covered: file.covered.into_iter().collect(),
            not_covered: file.not_covered.into_iter().collect(),
        })
        .collect()
}
