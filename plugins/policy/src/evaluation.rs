//! The rules of a package, applied to an input.

use std::collections::BTreeMap;

use konductor_sdk_compliance::model::policy::{PackageAnswer, PolicyFinding, PolicyPackage, PolicyProblem};
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::RegoVM;
use regorus::{CompiledPolicy, Engine, Value};

use crate::engine::{self, Rule};
use crate::finding::{self, Kind};
use crate::problem;

/// The rule that says which other rules do not count.
const EXCEPTION: &str = "exception";

/// Applies the rules of a package to an input.
pub(crate) fn evaluate(package: &PolicyPackage, input: &Value) -> PackageAnswer {
    let mut answer = PackageAnswer {
        name: package.name.clone(),
        ..PackageAnswer::default()
    };
    match found(package, input) {
        Ok((rules, findings)) => {
            answer.rules = rules;
            answer.findings = findings;
        }
        Err(problems) => answer.problems = problems,
    }
    answer
}

type Found = (Vec<String>, Vec<PolicyFinding>);

fn found(package: &PolicyPackage, input: &Value) -> Result<Found, Vec<PolicyProblem>> {
    let mut engine = engine::load(package)?;
    let compiled = engine::compile(&mut engine).map_err(|problem| vec![problem])?;
    let all = engine::rules(&compiled, package.namespaces.as_deref());
    let asked: Vec<(&Rule, Option<Kind>)> = all
        .iter()
        .map(|rule| (rule, finding::kind(&rule.name)))
        .filter(|(rule, kind)| kind.is_some() || rule.name == EXCEPTION)
        .collect();
    let paths: Vec<&str> = asked.iter().map(|(rule, _)| rule.path.as_str()).collect();
    if paths.is_empty() {
        return Ok(Found::default());
    }
    let mut machine = Machine::new(engine, compiled, &paths, input);
    let mut values = BTreeMap::new();
    let mut problems = Vec::new();
    for path in &paths {
        match machine.value(path) {
            Ok(value) => {
                values.insert(*path, value);
            }
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let exceptions: Vec<(&str, Vec<String>)> = asked
        .iter()
        .filter(|(rule, _)| rule.name == EXCEPTION)
        .map(|(rule, _)| {
            let names = values
                .get(rule.path.as_str())
                .map(excepted_names)
                .unwrap_or_default();
            (rule.namespace.as_str(), names)
        })
        .collect();
    let mut found = Found::default();
    for (rule, kind) in asked {
        let (Some(kind), Some(value)) = (kind, values.get(rule.path.as_str())) else {
            continue;
        };
        let short = finding::short_name(&rule.name);
        let excepted = exceptions
            .iter()
            .any(|(namespace, names)| *namespace == rule.namespace && names.iter().any(|name| name == short));
        found.0.push(rule.path.clone());
        found
            .1
            .extend(finding::findings(rule, kind == Kind::Warn, excepted, value));
    }
    Ok(found)
}

/// Returns the names in the value of an `exception` rule: a set of lists of names.
fn excepted_names(value: &Value) -> Vec<String> {
    let names = |value: &Value| -> Vec<String> {
        let texts = match value {
            Value::Array(elements) => elements.iter().cloned().collect(),
            Value::Set(elements) => elements.iter().cloned().collect(),
            other => vec![other.clone()],
        };
        texts
            .iter()
            .filter_map(|text| Some(text.as_string().ok()?.to_string()))
            .collect()
    };
    match value {
        Value::Set(elements) => elements.iter().flat_map(names).collect(),
        Value::Array(elements) => elements.iter().flat_map(names).collect(),
        _ => Vec::new(),
    }
}

/// What evaluates: bytecode, or, for the few forms of rules that have none yet, the interpreter.
enum Machine {
    Bytecode(Box<RegoVM>),
    Interpreter(Box<Engine>),
}

impl Machine {
    fn new(mut engine: Engine, compiled: CompiledPolicy, paths: &[&str], input: &Value) -> Self {
        let bytecode = || {
            let program = Compiler::compile_from_policy(&compiled, paths).ok()?;
            let mut machine = RegoVM::new_with_policy(compiled.clone());
            machine.load_program(program);
            machine.set_data(engine.get_data()).ok()?;
            machine.set_input(input.clone());
            // The host counts the time of the instance.
            machine.set_max_instructions(usize::MAX);
            Some(machine)
        };
        match bytecode() {
            Some(machine) => Self::Bytecode(Box::new(machine)),
            None => {
                engine.set_input(input.clone());
                Self::Interpreter(Box::new(engine))
            }
        }
    }

    fn value(&mut self, path: &str) -> Result<Value, PolicyProblem> {
        let placed = |problem: PolicyProblem| PolicyProblem {
            message: if problem.path.is_empty() {
                format!("`{path}`: {}", problem.message)
            } else {
                problem.message
            },
            ..problem
        };
        match self {
            Self::Bytecode(machine) => machine
                .execute_entry_point_by_name(path)
                .map_err(|error| placed(problem::of(&error, ""))),
            Self::Interpreter(engine) => engine
                .eval_rule(path.to_owned())
                .map_err(|error| placed(problem::of(&error, ""))),
        }
    }
}
