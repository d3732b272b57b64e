//! The Konductor plugin that evaluates policies written in Rego, with an engine for each package of them.
//!
//! What it is asked and what it answers is in `konductor_model::policy`. It runs in the sandbox: what a policy does to
//! the engine, it does to one instance of this plugin.
#![allow(
    clippy::result_large_err,
    reason = "a failure is rare and carries everything a person needs"
)]

mod adaptation;
mod aliases;
mod assignments;
mod bodies;
mod comprehensions;
mod engine;
mod evaluation;
mod finding;
mod formats;
mod functions;
mod givens;
mod heads;
mod negations;
mod package;
mod problem;
mod references;
mod replacements;
mod testing;
mod tokens;

use konductor_sdk_compliance::model::policy::{FORMAT, PackageAnswer, PolicyPackage, PolicyTask};
use konductor_sdk_compliance::model::{Disposition, Failure, Manifest};
use konductor_sdk_compliance::{CompliancePlugin, Definition};
use serde::{Deserialize, Serialize};

// Without it the engine's regular expressions know no `\s`, `\d` and `\w`.
use regex as _;

/// The plugin.
#[derive(Debug)]
pub struct Policy;

#[derive(Deserialize)]
struct Request {
    format: u32,
    task: PolicyTask,
    packages: Vec<PolicyPackage>,
    #[serde(default = "undefined")]
    input: regorus::Value,
}

fn undefined() -> regorus::Value {
    regorus::Value::Undefined
}

#[derive(Serialize)]
struct Answer {
    packages: Vec<PackageAnswer>,
}

impl CompliancePlugin for Policy {
    fn manifest() -> Manifest {
        Definition::new("policy", env!("CARGO_PKG_VERSION"))
            .description("Policies written in Rego")
            .manifest()
    }

    fn frameworks() -> serde_json::Value {
        serde_json::Value::Array(Vec::new())
    }

    fn controls_for(_resource_type: &str) -> serde_json::Value {
        serde_json::Value::Array(Vec::new())
    }

    fn evaluate(request: serde_json::Value) -> Result<serde_json::Value, Failure> {
        let answer = Self::evaluate_text(&request.to_string())?;
        serde_json::from_str(&answer).map_err(|error| Failure::new(Disposition::Invalid, error.to_string()))
    }

    // The input is read once, into what the engine works on.
    fn evaluate_text(request: &str) -> Result<String, Failure> {
        let invalid = |problem: String| Failure::new(Disposition::Invalid, problem);
        let request: Request = serde_json::from_str(request)
            .map_err(|error| invalid(format!("the request cannot be read: {error}")))?;
        if request.format != FORMAT {
            return Err(invalid(format!(
                "the request has format {}, and this plugin reads {FORMAT}; use one that belongs to this konductor",
                request.format
            )));
        }
        let judge = |package: &PolicyPackage| match request.task {
            PolicyTask::Evaluate => evaluation::evaluate(package, &request.input),
            PolicyTask::Test => testing::test(package),
        };
        let packages = request.packages.iter().map(judge).collect();
        serde_json::to_string(&Answer { packages }).map_err(|error| invalid(error.to_string()))
    }
}

konductor_sdk_compliance::export_compliance!(Policy);
