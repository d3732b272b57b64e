//! The Konductor plugin for compliance frameworks: their controls, and checks of resources that serve them.
//!
//! What it is asked and what it answers is in `konductor_model::compliance`. The frameworks are tables in `frameworks/`,
//! the checks rules in `checks/`.
#![allow(
    clippy::result_large_err,
    reason = "a failure is rare and carries everything a person needs"
)]

mod attributes;
mod azure_attributes;
mod check;
mod evaluation;
mod exposure;
#[cfg(test)]
mod fixtures;
mod framework;
mod google_attributes;
mod policy_document;
mod rule;
mod subject;

use konductor_sdk_compliance::model::compliance::{
    ApplicableControl, ComplianceAnswer, ComplianceRequest, ComplianceTask, FORMAT,
};
use konductor_sdk_compliance::model::{Disposition, Failure, Manifest};
use konductor_sdk_compliance::{CompliancePlugin, Definition};
use serde_json::Value;

/// The plugin.
#[derive(Debug)]
pub struct Compliance;

impl CompliancePlugin for Compliance {
    fn manifest() -> Manifest {
        Definition::new("compliance", env!("CARGO_PKG_VERSION"))
            .description("Compliance frameworks, and checks that serve their controls")
            .manifest()
    }

    fn frameworks() -> Value {
        let each = framework::tables().iter();
        let described: Vec<_> = each.map(framework::FrameworkTable::description).collect();
        serde_json::to_value(described).unwrap_or_default()
    }

    fn controls_for(resource_type: &str) -> Value {
        let checks: Vec<_> = check::all()
            .iter()
            .filter(|check| check.may_be_about(resource_type))
            .map(|check| (check.id.as_str(), check.requirements()))
            .collect();
        let mut applicable = Vec::new();
        for framework in framework::tables() {
            for (control, _) in &framework.controls {
                let serving = checks.iter().filter(|(_, requirements)| {
                    let served = requirements.get(framework.id);
                    served.is_some_and(|served| served.contains(control))
                });
                let serving: Vec<String> = serving.map(|(id, _)| (*id).to_owned()).collect();
                if !serving.is_empty() {
                    applicable.push(ApplicableControl {
                        framework: framework.id.to_owned(),
                        control: (*control).to_owned(),
                        checks: serving,
                    });
                }
            }
        }
        serde_json::to_value(applicable).unwrap_or_default()
    }

    fn evaluate(request: Value) -> Result<Value, Failure> {
        let answer = Self::evaluate_text(&request.to_string())?;
        serde_json::from_str(&answer).map_err(|error| Failure::new(Disposition::Invalid, error.to_string()))
    }

    fn evaluate_text(request: &str) -> Result<String, Failure> {
        let invalid = |problem: String| Failure::new(Disposition::Invalid, problem);
        let request: ComplianceRequest = serde_json::from_str(request)
            .map_err(|error| invalid(format!("the request cannot be read: {error}")))?;
        if request.format != FORMAT {
            return Err(invalid(format!(
                "the request has format {}, and this plugin reads {FORMAT}; use one that belongs to this konductor",
                request.format
            )));
        }
        if let Some(unknown) = request
            .frameworks
            .iter()
            .find(|id| framework::table(id).is_none())
        {
            return Err(invalid(format!("there is no framework `{unknown}`")));
        }
        let answer = match request.task {
            ComplianceTask::Checks => ComplianceAnswer {
                checks: check::all()
                    .iter()
                    .map(check::WrittenCheck::description)
                    .collect(),
                results: Vec::new(),
            },
            ComplianceTask::Evaluate => evaluation::evaluate(&request),
        };
        serde_json::to_string(&answer).map_err(|error| invalid(error.to_string()))
    }
}

konductor_sdk_compliance::export_compliance!(Compliance);
