//! One package in one engine.

use std::num::NonZeroU32;
use std::sync::Arc;

use konductor_sdk_compliance::model::policy::{PolicyPackage, PolicyProblem, RegoVersion};
use regorus::utils::limits::PolicyLengthConfig;
use regorus::{CompiledPolicy, Engine, Value};

use crate::adaptation::adapted;
use crate::aliases::by_path;

use crate::package::resolved;
use crate::{functions, problem};

/// What the file of the engine's own rule is called; those of packages have other names.
pub(crate) const OWN_FILE: &str = "(konductor)";
/// What packages of rules are called, or end in, that are not of the package.
pub(crate) const OWN_PACKAGE: &str = "konductor_own";
/// The longest line of a file, in characters.
const LINE_LIMIT: NonZeroU32 = match NonZeroU32::new(1 << 20) {
    Some(limit) => limit,
    None => NonZeroU32::MAX,
};
/// What writes values that a text of `sprintf` has no place for.
pub(crate) const OWN_EXTRA: &str = "data.konductor_own.extra";
/// What is there in every engine: a rule, as what is compiled needs one to begin with, and functions that are in bytecode, too.
const OWN: (&str, &str) = (
    "data.konductor_own.entry",
    r#"package konductor_own

entry := true

extra(values) := sprintf("%%!(EXTRA %s)", [concat(", ", [sprintf("%s=%v", [kind(v), v]) | v := values[_]])])

kind(v) := ["string", "int64", "float64"][count([1 | is_number(v)]) + count([1 | is_number(v); floor(v) != v])]
"#,
);

/// Puts the files of a package into a new engine.
///
/// # Errors
/// Everything that is wrong with them.
pub(crate) fn load(package: &PolicyPackage) -> Result<Engine, Vec<PolicyProblem>> {
    let mut engine = Engine::new();
    engine.set_rego_v0(package.rego == RegoVersion::V0);
    // As in OPA: what a function cannot do with its arguments is undefined.
    engine.set_strict_builtin_errors(false);
    // A package has a limit for all its files, and lists in it have long lines.
    engine.set_policy_length_config(PolicyLengthConfig {
        max_col: LINE_LIMIT,
        ..PolicyLengthConfig::default()
    });
    let mut problems = Vec::new();
    if let Err(problem) = functions::register(&mut engine, package.rego) {
        problems.push(problem::of(&problem, ""));
    }
    let texts = package.files.iter().map(|file| by_path(&file.text)).collect();
    let resolved = resolved(texts, &package.data);
    for (file, text) in package.files.iter().zip(resolved.texts) {
        if let Err(error) = engine.add_policy(file.path.clone(), adapted(&text, package.rego).into_owned()) {
            problems.push(problem::of(&error, &file.path));
        }
    }
    for module in resolved.modules {
        if let Err(error) = engine.add_policy(OWN_FILE.to_owned(), module) {
            problems.push(problem::of(&error, ""));
        }
    }
    if !package.data.is_null()
        && let Err(error) = engine.add_data(Value::from(package.data.clone()))
    {
        problems.push(problem::of(&error, ""));
    }
    if problems.is_empty() {
        Ok(engine)
    } else {
        Err(problems)
    }
}

/// Checks what is in an engine, and makes of it what rules can be listed and compiled from.
///
/// # Errors
/// What is wrong with the rules.
pub(crate) fn compile(engine: &mut Engine) -> Result<CompiledPolicy, PolicyProblem> {
    let (path, text) = OWN;
    let entry: Arc<str> = path.into();
    engine
        .add_policy(OWN_FILE.to_owned(), text.to_owned())
        .and_then(|_| engine.compile_with_entrypoint(&entry))
        .map_err(|error| problem::of(&error, ""))
}

/// A rule by its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    /// `data.main.deny`.
    pub(crate) path: String,
    /// `main`.
    pub(crate) namespace: String,
    /// `deny`.
    pub(crate) name: String,
}

/// Lists the rules of a package whose namespaces count.
pub(crate) fn rules(policy: &CompiledPolicy, namespaces: Option<&[String]>) -> Vec<Rule> {
    let mut rules: Vec<Rule> = policy
        .get_rules()
        .keys()
        .filter(|path| !path.split('.').any(|part| part == OWN_PACKAGE))
        .filter_map(|path| {
            let (namespace, name) = path.strip_prefix("data.")?.rsplit_once('.')?;
            Some(Rule {
                path: path.clone(),
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            })
        })
        .filter(|rule| namespaces.is_none_or(|namespaces| namespaces.contains(&rule.namespace)))
        .collect();
    rules.sort_by(|one, other| one.path.cmp(&other.path));
    rules
}
